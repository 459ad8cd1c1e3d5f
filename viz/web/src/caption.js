// What a reader must know about the panels that are shown, in sentences.
import { number, rangeOf } from "./scale.js";

/** Titles without the part after the comma, where all have the same. */
export function shortened(titles) {
  const ends = new Set(titles.map((title) => title.split(", ").slice(1).join(", ")));
  return titles.length < 2 || ends.size > 1 ? titles : titles.map((title) => title.split(", ")[0]);
}

/** The caption of panels. */
export function captionOf(panels, state, least) {
  const whole = panels.filter(({ level }) => level.quantity === "loss");
  const windows = panels.filter(({ level }) => level.quantity === "residual");
  const paths = state.show.paths ? whole.flatMap((panel) => panel.records.map((path) => ({ ...path, marked: endIsIn(panel, path) }))) : [];
  return [...surfacesOf(whole, state), ...windowsOf(windows), ...pathsOf(paths, state, least)];
}

function surfacesOf(panels, { height }) {
  if (!panels.length) return [];
  const scale = `${height === "log" ? "log" : "linear"} heights${panels.length > 1 ? " on one scale" : ""}`;
  return [`${sentence(listed(panels.map(({ told }) => told.subject)))} on ${listed(panels.map(({ told }) => planeOf(told, panels.length)))}; ${scale}.`];
}

/** The microscope's caveat, and how small what it shows is. */
function windowsOf(panels) {
  if (!panels.length) return [];
  const shares = panels.map(({ name, level }) => {
    const [low, high] = rangeOf([level.fields.losses]);
    return `${name} ${share((high - low) / level.loss_range)}`;
  });
  return [
    `Not hills of the loss, but what its best-fitting quadratic misses in a window ${listed(panels.map(({ level }) => number(level.width, 2)))} of the directions wide.`,
    `Its range as a share of the loss's range there: ${shares.join(", ")}.`,
  ];
}

function endIsIn(panel, { alphas, betas }) {
  return panel.inside(alphas[alphas.length - 1], betas[betas.length - 1]);
}

/** As captions of other pictures say it, see viz/captions/surfaces.py. */
function pathsOf(paths, { pathAt }, least) {
  const found = [];
  const [drawn, hidden] = [true, false].map((shown) => paths.filter((path) => path.shown === shown));
  const many = (group, one, several) => (group.length > 1 ? several : one);
  const known = drawn.filter((path) => !path.lossless);
  if (known.length) {
    const shares = known.map((path) => path.captured).sort((a, b) => a - b);
    const ends = [...new Set([shares[0], shares[shares.length - 1]].map((value) => (100 * value).toFixed(1)))];
    found.push(`${many(known, "Path", "Paths")} at ${pathAt === "plane" ? "the loss in the plane" : many(known, "its true loss", "their true losses")}, with ${ends.join(" to ")} % of ${many(known, "its", "their")} squared displacement in the plane.`);
  }
  if (drawn.length > known.length) found.push("Drawn on the surface, as its losses are not known.");
  if (hidden.length) {
    const most = Number(Math.max(...hidden.map((path) => path.captured)).toPrecision(2));
    const marked = hidden.filter((path) => path.marked).length;
    const marks = marked ? (marked > 1 ? "; the marks are their ends" : "; the mark is the solution") : "";
    found.push(`${called(hidden)} not drawn: ${many(hidden, "", "at most ")}${most} of ${many(hidden, "its", "their")} squared displacement lies in the plane (at least ${number(least)} is needed)${marks}.`);
  }
  return found;
}

/** The names of a few paths, or the number of many. */
function called(paths) {
  const names = [...new Set(paths.map((path) => path.run).filter(Boolean))];
  if (names.length > 4) return `${paths.length} paths`;
  return `${names.length > 1 || (!names.length && paths.length > 1) ? "Paths" : "Path"}${names.length ? ` ${listed(names)}` : ""}`;
}

/** What is seen, in words, and where from. */
export function describe({ stage, state, legends }) {
  const panels = stage.panels.filter(({ level }) => level);
  const { azimuth, elevation } = stage.view;
  const seen = elevation > 89 ? "from above" : `from ${Math.round(elevation)} degrees above the plane, azimuth ${Math.round(azimuth)} degrees`;
  const values = panels.map(({ name, level }) => {
    const [low, high] = rangeOf([level.fields.losses]);
    return `${name}: ${level.quantity} from ${number(low, 3)} to ${number(high, 3)}.`;
  });
  const colours = (legends ?? []).map(({ name }) => name).join(" and ");
  const step = state.show.paths && panels.some(({ records }) => records.length) ? ` Paths at step ${state.step}.` : "";
  const pin = state.pin ? ` A point is kept at \u03b1 ${number(state.pin.alpha)}, \u03b2 ${number(state.pin.beta)}.` : "";
  const name = `Surfaces of ${listed(panels.map((panel) => panel.name))}`;
  return [name, `Coloured by ${colours}, seen ${seen}. ${values.join(" ")}${step}${pin}`];
}

function planeOf({ kind }, count) {
  const words = { pca: ["the PCA plane of the path", "PCA planes of the paths"], hessian: ["a plane of two eigenvectors", "planes of two eigenvectors"] };
  const [one, several] = words[kind] ?? (kind ? [`a ${kind} plane`, `${kind} planes`] : ["a plane", "planes"]);
  return count > 1 ? several : one;
}

/** A share as a percentage; small ones too are written out, as a power of ten is not read at a glance. */
function share(value) {
  const percent = 100 * value;
  if (percent === 0) return "0 %";
  return `${percent >= 0.01 ? number(percent, 2) : percent.toFixed(Math.min(Math.ceil(-Math.log10(percent)), 12))} %`;
}

/** Different words once each: "a, b and c". */
function listed(words) {
  const found = [...new Set(words)];
  return found.length < 2 ? found.join("") : `${found.slice(0, -1).join(", ")} and ${found[found.length - 1]}`;
}

function sentence(text) {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
