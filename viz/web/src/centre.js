// The network's own weights: where a cross marks them, and what is said of them.
import { between } from "./fields.js";
import { thick } from "./lines.js";
import { number, percent } from "./scale.js";

// Pixels from the centre to the end of an arm that is seen from above, whatever the panel's size; its rim.
const [ARM, RIM] = [8, 1.1];
const ARMS = [-1, 0, 0, 1, 0, 0, 0, -1, 0, 0, 1, 0];

/** What stands at the centre: "cross", "path" or "outside"; "" where there is none, as in windows of the microscope. */
export function placeOf({ told, level }, show) {
  if (!told.centre || level.quantity !== "loss") return "";
  return told.centre.place === "path" && !show.paths ? "cross" : told.centre.place;
}

/** A cross along both axes, on the surface and seen through it, and a smaller one on the floor if that has a height. */
export function crossOf(panel, { dark, pixel }, floor) {
  const [ink, ground] = dark ? ["#e8eaed", "#14171b"] : ["#1c1f24", "#ffffff"];
  const line = (z, arm, width, colour, order, hidden) => {
    const lines = thick(ARMS, { colour, width: width * pixel, order, hidden });
    lines.position.set(panel.x(0), panel.y(0), z);
    lines.userData.pixels = arm;
    return lines;
  };
  const cross = (z, arm, width, order, hidden) => [line(z, arm + RIM, width + 2 * RIM, ground, order, hidden), line(z, arm, width, ink, order + 1, hidden)];
  const below = floor === null ? [] : cross(floor, 0.7 * ARM, 1.2, 1, false);
  const height = between(panel.shares, panel.level, 0, 0) * panel.rise;
  return Number.isFinite(height) ? [...below, ...cross(height, ARM, 1.6, 5, true)] : below;
}

/** What the centre of a panel has, if a place lies on the cross or at the sample nearest to it; else null. */
export function centreAt(panel, alpha, beta) {
  const { told, level } = panel;
  if (!told.centre?.known || level.quantity !== "loss" || !panel.inside(0, 0)) return null;
  const away = Math.max(Math.abs(panel.x(alpha) - panel.x(0)), Math.abs(panel.y(beta) - panel.y(0)));
  const nearest = String(panel.sampleAt(alpha, beta)) === String(panel.sampleAt(0, 0));
  return away <= ARM * panel.unitsPerPixel || nearest ? told.centre : null;
}

/** Loss and accuracy of one network. */
export function valuesOf(centre) {
  const loss = lossesOf([centre]);
  return centre.accuracy === null ? loss : `${loss}, accuracy ${percent(centre.accuracy)}`;
}

/** What stands at the centres of panels, as [text, whether it is seen now]: with the loss of one network or the range of several. */
export function sentences(panels, show, words) {
  const found = {};
  for (const panel of panels) {
    const place = placeOf(panel, show);
    if (place) (found[place] ??= []).push(panel.told.centre);
  }
  return Object.entries(found).flatMap(([place, centres]) => {
    const losses = lossesOf(centres.filter((centre) => centre.known));
    const word = words[place][centres.length > 1 ? 1 : 0];
    const text = [word, losses].filter(Boolean).join(", ");
    return losses || place === "cross" ? [[text, place !== "cross" || show.centre]] : [];
  });
}

function lossesOf(centres) {
  if (!centres.length) return "";
  const word = centres.length > 1 ? "losses" : "loss";
  const losses = centres.map((centre) => centre.loss).filter((loss) => loss !== null).sort((a, b) => a - b);
  if (!losses.length) return `${word} not finite`;
  const ends = [losses[0], losses[losses.length - 1]].map((loss) => number(loss, 3));
  return `${word} ${[...new Set(ends)].join(" to ")}`;
}
