// Which sample of a surface a line of sight meets: march along it, then halve.
import { lowerIndex } from "./fields.js";

/** Indices [i, j] of the nearest sample, or null where the line misses the surface. */
export function pick(panel, origin, direction) {
  const range = insideBox(panel, origin, direction);
  if (!range) return null;
  const above = (t) => {
    const [x, y, z] = ["x", "y", "z"].map((axis) => origin[axis] + t * direction[axis]);
    return z - heightAt(panel, x, y);
  };
  const count = 4 * Math.max(panel.xs.length, panel.ys.length);
  let [before, last] = [null, range[0]];
  for (let k = 0; k <= count; k++) {
    const t = range[0] + ((range[1] - range[0]) * k) / count;
    const value = above(t);
    if (before !== null && before >= 0 && value < 0) return sampleAt(panel, origin, direction, halve(above, last, t));
    before = Number.isNaN(value) ? null : value;
    last = t;
  }
  return null;
}

function halve(above, low, high) {
  for (let k = 0; k < 24; k++) {
    const middle = (low + high) / 2;
    if (above(middle) >= 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function sampleAt(panel, origin, direction, t) {
  const [x, y] = [origin.x + t * direction.x, origin.y + t * direction.y];
  return panel.sampleAt(panel.alpha(x), panel.beta(y));
}

function insideBox(panel, origin, direction) {
  let [low, high] = [-Infinity, Infinity];
  const room = 1e-6;
  const limits = { x: [-panel.half[0], panel.half[0]], y: [-panel.half[1], panel.half[1]], z: [-room, panel.rise + room] };
  for (const axis of ["x", "y", "z"]) {
    const [first, second] = limits[axis];
    if (Math.abs(direction[axis]) < 1e-12) {
      if (origin[axis] < first || origin[axis] > second) return null;
      continue;
    }
    const ends = [(first - origin[axis]) / direction[axis], (second - origin[axis]) / direction[axis]];
    low = Math.max(low, Math.min(...ends));
    high = Math.min(high, Math.max(...ends));
  }
  // A little before the box, so that a surface that fills it to the top is met from above.
  return low <= high ? [low - 1e-4, high + 1e-4] : null;
}

function heightAt(panel, x, y) {
  const { xs, ys, shares } = panel;
  const B = ys.length;
  const [cx, cy] = [Math.min(Math.max(x, xs[0]), xs[xs.length - 1]), Math.min(Math.max(y, ys[0]), ys[B - 1])];
  const [i, j] = [lowerIndex(xs, cx), lowerIndex(ys, cy)];
  const s = (cx - xs[i]) / (xs[i + 1] - xs[i]);
  const t = (cy - ys[j]) / (ys[j + 1] - ys[j]);
  const at = i * B + j;
  const low = shares[at] * (1 - t) + shares[at + 1] * t;
  const high = shares[at + B] * (1 - t) + shares[at + B + 1] * t;
  return (low * (1 - s) + high * s) * panel.rise;
}
