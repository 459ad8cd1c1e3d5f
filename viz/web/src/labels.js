// Ticks and names of axes as text over the picture.
import { Vector3 } from "three";
import { axisTicks } from "./scale.js";
import { make } from "./dom.js";

export class Labels {
  constructor(layer) {
    this.layer = layer;
    this.used = [];
  }

  /** Write the labels of a panel of so many pixels. */
  place(panel, view, width, height) {
    this.shown = 0;
    this.taken = [];
    const [x, y] = panel.half;
    const [, , towards] = view.axes();
    const { low } = panel.box();
    const small = width < 360;
    const count = small ? 3 : 5;
    const ends = (axis) => [axis[0], axis[axis.length - 1]];
    // The edges of the floor that face the viewer.
    const [nearX, nearY] = [towards.x >= 0 ? x : -x, towards.y >= 0 ? y : -y];
    const middle = view.project(new Vector3(0, 0, 0), width, height);
    const at = (px, py, pz) => view.project(new Vector3(px, py, pz), width, height);
    const outwards = (point, by) => {
      const [dx, dy] = [point[0] - middle[0], point[1] - middle[1]];
      const length = Math.hypot(dx, dy) || 1;
      return [point[0] + (by * dx) / length, point[1] + (by * dy) / length];
    };
    const [gap, far] = small ? [13, 30] : [16, 38];
    const axes = [
      ["\u03b1", panel.level.alphas, (value) => [panel.x(value), nearY], [0, nearY]],
      ["\u03b2", panel.level.betas, (value) => [nearX, panel.y(value)], [nearX, 0]],
    ];
    for (const [name, axis, where, centre] of axes) {
      // An axis seen from its end has no room for numbers.
      const [one, other] = [axis[0], axis[axis.length - 1]].map((value) => at(...where(value), low));
      if (Math.hypot(one[0] - other[0], one[1] - other[1]) < 60) continue;
      for (const [value, text] of axisTicks(...ends(axis), count)) this.tick(outwards(at(...where(value), low), gap), text);
      this.put(outwards(at(...centre, low), far), name, "axis");
    }
    if (view.elevation > 80) return this.finish();
    const corners = [[-x, -y], [x, -y], [x, y], [-x, y]].map(([px, py]) => [px, py, at(px, py, 0)]);
    const [px, py] = corners.reduce((best, corner) => (corner[2][0] < best[2][0] ? corner : best));
    const most = Math.hypot(0, at(px, py, 0)[1] - at(px, py, panel.rise)[1]) < 90 ? 3 : 5;
    let lastTop = Infinity;
    const [names, labels] = panel.scale.axis(most);
    for (const [h, text] of labels) {
      const [left, top] = at(px, py, panel.scale.share(h) * panel.rise);
      // Seen from above the axis is short: numbers that would touch are left out.
      if (lastTop - top < 14 || this.taken.some(([l, t]) => left - 7 - l < 34 && left - l > -34 && Math.abs(t - top) < 13)) continue;
      this.put([left - 7, top], text, "tick height");
      lastTop = top;
    }
    const [left, top] = at(px, py, panel.rise);
    names.forEach((name, line) => this.put([left, top - 14 - 15 * line], name, "axis", width));
    return this.finish();
  }

  /** A number at an axis, unless it would touch one that is there. */
  tick(place, text) {
    if (this.taken.some(([left, top]) => Math.abs(left - place[0]) < 30 && Math.abs(top - place[1]) < 14)) return;
    this.taken.push(place);
    this.put(place, text, "tick");
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
    label.hidden = false;
    const room = label.offsetWidth / 2 + 3;
    if (left > 0 && left < width) left = Math.max(Math.min(left, width - room), room);
    label.style.transform = `translate(${left.toFixed(1)}px, ${top.toFixed(1)}px)`;
    label.dataset.at = `${left.toFixed(1)},${top.toFixed(1)}`;
  }

  finish() {
    for (let k = this.shown; k < this.used.length; k++) this.used[k].hidden = true;
  }
}
