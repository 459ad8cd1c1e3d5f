// A small line chart as SVG: axes with ticks, lines, arrows for jumps, and a legend in words.
import { axisTicks } from "../scale.js";

const SPACE = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [520, 190];
const EDGE = { left: 52, right: 12, top: 12, bottom: 34 };

function shape(tag, attributes, text) {
  const element = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}

export class Chart {
  constructor(label, across, upwards) {
    this.names = [across, upwards];
    this.root = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label, class: "chart" });
  }

  /** Draw lines {points, class}, arrows {at, from, to, class}, and bands {from, to, class}. */
  draw({ lines, arrows = [], bands = [], range }) {
    const root = this.root;
    root.replaceChildren();
    const ends = range ?? [0, 1];
    const values = [0, ...lines.flatMap(({ points }) => points.map(([, value]) => value)), ...arrows.flatMap(({ from, to }) => [from, to])].filter(Number.isFinite);
    let [low, high] = [Math.min(...values), Math.max(...values)];
    const room = (high - low || 1) * 0.08;
    [low, high] = [low - room, high + room];
    const x = (value) => EDGE.left + ((value - ends[0]) / (ends[1] - ends[0] || 1)) * (WIDTH - EDGE.left - EDGE.right);
    const y = (value) => HEIGHT - EDGE.bottom - ((value - low) / (high - low)) * (HEIGHT - EDGE.top - EDGE.bottom);
    for (const { from, to, kind } of bands) {
      root.append(shape("rect", { x: x(from), y: EDGE.top, width: Math.max(x(to) - x(from), 0), height: HEIGHT - EDGE.top - EDGE.bottom, class: `band ${kind}` }));
    }
    for (const [value, text] of axisTicks(low, high, 4)) {
      root.append(shape("line", { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(value), y2: y(value), class: value === 0 ? "zero" : "grid" }));
      root.append(shape("text", { x: EDGE.left - 6, y: y(value) + 4, class: "ticktext end" }, text));
    }
    for (const [value, text] of axisTicks(ends[0], ends[1], 6)) {
      root.append(shape("text", { x: x(value), y: HEIGHT - EDGE.bottom + 15, class: "ticktext middle" }, text));
    }
    root.append(shape("text", { x: (EDGE.left + WIDTH - EDGE.right) / 2, y: HEIGHT - 4, class: "axistext middle" }, this.names[0]));
    root.append(shape("text", { x: 0, y: 0, class: "axistext middle", transform: `translate(13 ${(EDGE.top + HEIGHT - EDGE.bottom) / 2}) rotate(-90)` }, this.names[1]));
    for (const { points, kind } of lines) {
      const path = points.map(([at, value], k) => (Number.isFinite(value) ? `${k && Number.isFinite(points[k - 1][1]) ? "L" : "M"}${x(at).toFixed(2)} ${y(value).toFixed(2)}` : "")).join("");
      root.append(shape("path", { d: path, class: `line ${kind}` }));
    }
    for (const { at, from, to, kind } of arrows) {
      const head = to >= from ? 5 : -5;
      root.append(shape("line", { x1: x(at), x2: x(at), y1: y(from), y2: y(to), class: `jump ${kind}` }));
      root.append(shape("path", { d: `M${x(at) - 4} ${y(to) + head}L${x(at)} ${y(to)}L${x(at) + 4} ${y(to) + head}`, class: `jump ${kind}` }));
    }
  }
}
