// Ticks and names of axes as text over the picture.
import { Vector3 } from "three";
import { axisTicks } from "./scale.js";
import { make } from "./dom.js";

// Pixels of a letter, about, of a line, of the digits in it, and between an edge and its numbers; labels that are nearer are left out.
const [LETTER, LINE, DIGIT, GAP, APART] = [7, 14, 10, 7, 14];

export class Labels {
  constructor(layer) {
    this.layer = layer;
    this.used = [];
  }

  /** Write the labels of a panel of so many pixels. */
  place(panel, view, width, height) {
    this.shown = 0;
    this.taken = [];
    this.letter = innerWidth < 2000 ? LETTER : 1.2 * LETTER;
    const at = (px, py, pz) => view.project(new Vector3(px, py, pz), width, height);
    this.floor(panel, view, at, width < 360 ? 3 : 5);
    if (view.elevation <= 80) this.height(panel, at, width);
    for (let k = this.shown; k < this.used.length; k++) this.used[k].hidden = true;
  }

  /** Both axes of the plane, along the edges of the floor that face the viewer. */
  floor(panel, view, at, count) {
    const [x, y] = panel.half;
    const [, , towards] = view.axes();
    const { low } = panel.box();
    const [nearX, nearY] = [towards.x >= 0 ? x : -x, towards.y >= 0 ? y : -y];
    const middle = at(0, 0, low);
    const { alphas, betas } = panel.level;
    for (const [name, axis, where] of [["\u03b1", alphas, (value) => [panel.x(value), nearY]], ["\u03b2", betas, (value) => [nearX, panel.y(value)]]]) {
      const ends = [axis[0], axis[axis.length - 1]];
      const [one, other] = ends.map((value) => at(...where(value), low));
      const length = Math.hypot(other[0] - one[0], other[1] - one[1]);
      // An axis seen from its end has no room for numbers.
      if (length < 60) continue;
      const centre = [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2];
      let away = [(one[1] - other[1]) / length, (other[0] - one[0]) / length];
      if (away[0] * (centre[0] - middle[0]) + away[1] * (centre[1] - middle[1]) < 0) away = away.map((part) => -part);
      this.along(axisTicks(...ends, count).map(([value, text]) => [at(...where(value), low), text]), away, centre, name);
    }
  }

  /** Numbers and the name of an axis, straight away from it, so that those of two axes part at their corner. */
  along(ticks, away, centre, name) {
    const reach = (text, gap) => gap + (Math.abs(away[0]) * this.letter * text.length + Math.abs(away[1]) * LINE) / 2;
    const from = (place, far) => [place[0] + far * away[0], place[1] + far * away[1]];
    for (const [place, text] of ticks) this.tick(from(place, reach(text, GAP)), text, "tick");
    const longest = ticks.reduce((best, [, text]) => (text.length > best.length ? text : best), "");
    this.put(from(centre, reach(name, 2 * reach(longest, GAP) - GAP + 5)), name, "axis");
  }

  /** The axis of heights, at the corner that is seen farthest to the left. */
  height(panel, at, width) {
    const [x, y] = panel.half;
    const corners = [[-x, -y], [x, -y], [x, y], [-x, y]].map(([px, py]) => [px, py, at(px, py, 0)]);
    const [px, py] = corners.reduce((best, corner) => (corner[2][0] < best[2][0] ? corner : best));
    const [names, labels] = panel.scale.axis(at(px, py, 0)[1] - at(px, py, panel.rise)[1] < 90 ? 3 : 5);
    // The ends first: they tell a range.
    for (const [h, text] of [...labels.slice(0, 1), ...labels.slice(1).reverse()]) {
      const [left, top] = at(px, py, panel.scale.share(h) * panel.rise);
      this.tick([left - 7, top], text, "tick height");
    }
    const [left, top] = at(px, py, panel.rise);
    names.forEach((name, line) => this.put([left, top - 14 - 15 * line], name, "axis", width));
  }

  /** A number at an axis, unless it would touch one that is there. */
  tick([left, top], text, kind) {
    const wide = this.letter * text.length;
    const start = kind === "tick" ? left - wide / 2 : left - wide;
    const box = [start, start + wide, top - DIGIT / 2, top + DIGIT / 2];
    if (this.taken.some((other) => box[0] < other[1] + APART && other[0] < box[1] + APART && box[2] < other[3] && other[2] < box[3])) return;
    this.taken.push(box);
    this.put([left, top], text, kind);
  }

  /** Write at a place; within a width, if it is given, where the place itself is. */
  put([left, top], text, kind, width = 0) {
    let label = this.used[this.shown];
    if (!label) {
      label = make("span", { class: "mark" });
      this.used.push(label);
      this.layer.append(label);
    }
    this.shown += 1;
    if (label.textContent !== text) label.textContent = text;
    if (label.className !== `mark ${kind}`) label.className = `mark ${kind}`;
    if (label.hidden) label.hidden = false;
    if (left > 0 && left < width) {
      const room = label.offsetWidth / 2 + 3;
      left = Math.max(Math.min(left, width - room), room);
    }
    label.style.transform = `translate(${left.toFixed(1)}px, ${top.toFixed(1)}px)`;
  }
}
