// The page that teaches: a landscape of two parameters, its kinks, and gradient descent across them.
import { make, slider, toggle } from "../dom.js";
import { flip, helpDialog, keys } from "../keys.js";
import { ball, empty, pairs, thick } from "../lines.js";
import { Panel, pathColour } from "../panel.js";
import { number, rangeOf, Scale } from "../scale.js";
import { Stage } from "../stage.js";
import { theme } from "../theme.js";
import { Chart } from "./chart.js";
import { activation, crossings, curvatureAlong, descend, EXAMPLES, gradientAt, kinkLine, lossAt, preactivation, slopeAlong } from "./model.js";

const SPAN = 2;
const POINTS = 121;
const MOST_STEPS = 40;
const START = [-1.3, -0.2];

class Toy {
  constructor() {
    this.state = {
      width: 0, rate: 1, steps: 6, start: START, whole: true, exaggeration: 1.15, shading: "gradient", pixel: 1,
      show: { surface: true, contours: true, wire: false, paths: true, kinks: true, floor: false },
      hover: null, pin: null, step: 0, pathAt: "true", ...theme.state(),
    };
    this.build();
    this.stage = new Stage(this.host, {
      hover: (panel, sample) => this.hover(sample),
      click: (panel, sample) => sample && this.change({ start: [sample.alpha, sample.beta] }),
      moved: () => {},
      rested: () => {},
    });
    this.panel = new Panel({ title: "", id: "toy", kinked: true });
    this.stage.setPanels([this.panel]);
    theme.onchange = () => this.change(theme.state());
    this.controls = { stepBy: (count) => this.step(count), play: () => this.play(), help: () => this.help() };
    keys(this);
  }

  build() {
    const change = (changes) => this.change(changes);
    this.host = make("main", { class: "stage" });
    this.width = slider("Width", { min: 0, max: 1, step: 0.01, value: 0, id: "width" }, (value) => (value ? `SmeLU ${value.toFixed(2)}` : "ReLU"), (width) => change({ width }));
    this.rate = slider("Rate", { min: 0.1, max: 4, step: 0.05, value: 1, id: "rate" }, (value) => value.toFixed(2), (rate) => change({ rate }));
    this.count = slider("Steps", { min: 0, max: MOST_STEPS, step: 1, value: 6, id: "steps" }, String, (steps) => change({ steps }));
    const button = (text, role, work) => make("button", { type: "button", "data-role": role, onclick: work }, text);
    this.whole = toggle("Whole path", true, (whole) => change({ whole }), { "data-role": "whole" });
    this.lines = toggle("Kink lines", true, (kinks) => change({ show: { ...this.state.show, kinks } }), { "data-role": "kinks" });
    this.slopes = new Chart("Slope of the loss along the path", "distance along the steps", "slope");
    this.bends = new Chart("Curvature of the loss along the path", "distance along the steps", "curvature");
    this.shape = new Chart("The activation", "z", "act(z)");
    this.words = make("div", { class: "words", "aria-live": "polite" });
    this.sum = make("table", { class: "sum" });
    const side = make("aside", { class: "lesson", "aria-label": "Explanation" },
      make("h2", {}, "Slope along the path"), this.slopes.root,
      make("p", { class: "key" }, make("span", { class: "sw true" }), "true slope; ", make("span", { class: "sw jumps" }), "jumps at kinks"),
      make("h2", {}, "Curvature along the path"), this.bends.root,
      make("p", { class: "key" }, make("span", { class: "sw autograd" }), "what autograd reports; ", make("span", { class: "sw jumps" }), "kinks: infinite curvature, drawn as an arrow as long as the jump of the slope"),
      this.sum, this.words,
      make("details", {}, make("summary", {}, "The network and its examples"), this.shape.root, this.table()));
    document.body.append(make("div", { class: "app toy" },
      make("header", {}, make("h1", {}, "Kinks in a network of two parameters"),
        make("nav", { class: "tools", "aria-label": "Controls" }, this.width, this.rate, this.count,
          button("Step", "step", () => this.step(1)), (this.player = button("Play", "play", () => this.play())), button("Start again", "restart", () => this.change({ steps: 0 })),
          this.whole, this.lines, button("?", "help", () => this.help()))),
      make("div", { class: "middle" }, this.host, side)));
  }

  table() {
    const head = make("tr", {}, ["x\u2081", "x\u2082", "target y", "output now"].map((name) => make("th", { scope: "col" }, name)));
    this.outputs = EXAMPLES.map(() => make("td", {}, ""));
    const rows = EXAMPLES.map(({ x, y }, k) => make("tr", {}, make("td", {}, number(x[0])), make("td", {}, number(x[1])), make("td", {}, number(y)), this.outputs[k]));
    return make("div", {},
      make("p", {}, "One neuron, f(x) = act(\u03b1 x\u2081 + \u03b2 x\u2082 + 0.3), and five examples. The loss is the mean of (f \u2212 y)\u00b2 / 2. Each example makes one kink line, on which the neuron turns on for this example."),
      make("table", {}, make("thead", {}, head), make("tbody", {}, rows)));
  }

  change(changes) {
    const redraw = !this.scale || "width" in changes || "dark" in changes || "height" in changes;
    Object.assign(this.state, changes);
    if (redraw) this.drawSurface();
    else this.panel.style(this.state);
    this.drawWay();
    this.drawCharts();
    this.count.set(this.state.steps);
    this.width.set(this.state.width);
    this.rate.set(this.state.rate);
    this.whole.setAttribute("aria-pressed", String(this.state.whole));
    this.lines.setAttribute("aria-pressed", String(this.state.show.kinks));
    this.stage.request();
  }

  /** Sample the loss and its gradient in the plane of both parameters. */
  drawSurface() {
    const { width } = this.state;
    const axis = Float64Array.from({ length: POINTS }, (_, k) => -SPAN + (2 * SPAN * k) / (POINTS - 1));
    const fields = { losses: new Float64Array(POINTS ** 2), gradient_alpha: new Float64Array(POINTS ** 2), gradient_beta: new Float64Array(POINTS ** 2) };
    for (let i = 0, at = 0; i < POINTS; i++) {
      for (let j = 0; j < POINTS; j++, at++) {
        const theta = [axis[i], axis[j]];
        fields.losses[at] = lossAt(theta, width);
        [fields.gradient_alpha[at], fields.gradient_beta[at]] = gradientAt(theta, width);
      }
    }
    this.panel.setLevel({ alphas: axis, betas: axis, fields, quantity: "loss", status: null }, [], null);
    // The scale stays as it was for ReLU, so that what changes is the surface.
    this.scale ??= new Scale("linear", 0, rangeOf([fields.losses])[1], "loss");
    // With kinks the facets of the grid keep them crisp; without, gradients shade what is round.
    this.state.shading = width > 0 ? "gradient" : "flat";
    this.panel.draw(this.scale, { values: fields.losses, scale: this.scale, map: "viridis" }, this.state);
  }

  place([a, b], lift = 0) {
    return [this.panel.x(a), this.panel.y(b), this.panel.z(lossAt([a, b], this.state.width)) + lift];
  }

  /** The kink lines and the way of gradient descent, laid on the surface. */
  drawWay() {
    const { state, panel } = this;
    this.points = descend(state.start, state.rate, state.width, state.steps);
    const extra = panel.extra;
    empty(extra);
    if (state.show.kinks) this.drawKinkLines(extra);
    const inside = (point) => point.every((value) => Math.abs(value) <= SPAN);
    const line = [];
    for (let k = 0; k + 1 < this.points.length; k++) {
      const [from, to] = [this.points[k], this.points[k + 1]];
      for (let part = k ? 1 : 0; part <= 24; part++) {
        const point = [0, 1].map((axis) => from[axis] + ((to[axis] - from[axis]) * part) / 24);
        line.push(inside(point) ? this.place(point, 0.006) : [NaN, NaN, NaN]);
      }
    }
    const segments = pairs(line);
    const [colour, halo] = [pathColour(0, state.dark), state.dark ? "#000000" : "#ffffff"];
    extra.add(thick(segments, { colour, width: 1.4, opacity: 0.5, hidden: true, order: 8 }), thick(segments, { colour: halo, width: 5, order: 9 }), thick(segments, { colour, width: 2.8, order: 10 }));
    this.points.forEach((point, k) => {
      if (!inside(point)) return;
      const last = k === this.points.length - 1;
      for (const [tone, radius, order] of [[halo, last ? 8 : 4.6, 20], [colour, last ? 6.4 : 3.2, 21]]) {
        const mark = ball(tone, { order: order + (last ? 4 : 0) });
        mark.position.set(...this.place(point, 0.006));
        mark.userData.pixels = radius;
        mark.scale.setScalar(radius * (panel.unitsPerPixel ?? 0.004));
        extra.add(mark);
      }
    });
  }

  drawKinkLines(extra) {
    const { width, dark } = this.state;
    const levels = width > 0 ? [-width, width] : [0];
    for (const example of EXAMPLES) {
      for (const level of levels) {
        const ends = kinkLine(example, level, SPAN);
        if (!ends) continue;
        const points = Array.from({ length: 61 }, (_, k) => this.place([0, 1].map((axis) => ends[0][axis] + ((ends[1][axis] - ends[0][axis]) * k) / 60), 0.004));
        const colour = example.y < 0 ? "#ff9f1c" : dark ? "#e8eaed" : "#ffffff";
        extra.add(thick(pairs(points), { colour, width: width > 0 ? 1.3 : 2.6, order: 6, opacity: width > 0 ? 0.75 : 1 }));
        if (width === 0) extra.add(thick(pairs(points), { colour, width: 1, hidden: true, opacity: 0.35, order: 5 }));
      }
    }
  }

  /** What is drawn beside: everything along the steps, by the length of the way. */
  along() {
    const { width, whole } = this.state;
    const first = whole ? 0 : Math.max(this.points.length - 2, 0);
    let begin = 0;
    const found = { slope: [], curvature: [], jumps: [], bands: [], from: null, to: null, kinks: 0, autograd: 0, change: 0 };
    for (let k = first; k + 1 < this.points.length; k++) {
      const [from, to] = [this.points[k], this.points[k + 1]];
      const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
      if (length < 1e-9) continue;
      const direction = [(to[0] - from[0]) / length, (to[1] - from[1]) / length];
      const at = (share) => [from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])];
      const cross = crossings(from, to, width);
      const stops = [0, ...cross.map(({ share }) => share), 1];
      for (let piece = 0; piece + 1 < stops.length; piece++) this.piece(found, stops[piece], stops[piece + 1], at, direction, length, begin);
      for (const { share, jump, number: which } of cross) {
        const low = slopeAlong(at(share - 1e-9), direction, width);
        found.jumps.push({ at: begin + share * length, from: low, to: low + jump, jump, number: which, step: k });
        found.kinks += jump;
      }
      found.change += slopeAlong(at(1), direction, width) - slopeAlong(at(0), direction, width);
      if ((k - first) % 2) found.bands.push({ from: begin, to: begin + length, kind: "odd" });
      found.slope.push([begin + length, NaN]);
      found.curvature.push([begin + length, NaN]);
      begin += length;
    }
    found.range = [0, begin || 1];
    return found;
  }

  piece(found, from, to, at, direction, length, begin) {
    const { width } = this.state;
    const count = Math.max(8, Math.round(120 * (to - from)));
    const room = 1e-9;
    let before = null;
    for (let k = 0; k <= count; k++) {
      const share = from + room + ((to - from - 2 * room) * k) / count;
      const way = begin + share * length;
      const curvature = curvatureAlong(at(share), direction, width);
      found.slope.push([way, slopeAlong(at(share), direction, width)]);
      found.curvature.push([way, curvature]);
      // Its integral, by trapezoids.
      if (before) found.autograd += ((curvature + before[1]) / 2) * (way - before[0]);
      before = [way, curvature];
    }
    found.slope.push([begin + to * length, NaN]);
    found.curvature.push([begin + to * length, NaN]);
  }

  drawCharts() {
    const found = this.along();
    this.found = found;
    this.slopes.draw({ lines: [{ points: found.slope, kind: "true" }], arrows: found.jumps.map((jump) => ({ ...jump, kind: "jumps" })), bands: found.bands, range: found.range });
    this.bends.draw({ lines: [{ points: found.curvature, kind: "autograd" }], arrows: found.jumps.map(({ at, jump }) => ({ at, from: 0, to: jump, kind: "jumps" })), bands: found.bands, range: found.range });
    const { width } = this.state;
    const shape = Array.from({ length: 81 }, (_, k) => [-1.5 + (3 * k) / 80, activation(-1.5 + (3 * k) / 80, width)]);
    this.shape.draw({ lines: [{ points: shape, kind: "true" }], bands: width > 0 ? [{ from: -width, to: width, kind: "odd" }] : [], range: [-1.5, 1.5] });
    this.tell(found);
  }

  tell(found) {
    const { width, whole, rate } = this.state;
    const last = this.points[this.points.length - 1];
    EXAMPLES.forEach((example, k) => (this.outputs[k].textContent = number(activation(preactivation(example, last), width), 3)));
    const row = (name, value, kind) => make("tr", { class: kind }, make("th", { scope: "row" }, name), make("td", {}, signed(value)));
    this.sum.replaceChildren(make("caption", {}, whole ? "Change of slope, summed over all steps" : "Change of slope over the last step"),
      row("true change", found.change, "true"), row("autograd's curvature, integrated", found.autograd, "autograd"), row("jumps at kinks", found.kinks, "jumps"));
    const loss = lossAt(last, width);
    const said = [`After ${this.points.length - 1} steps at rate ${rate.toFixed(2)} the loss is ${number(loss, 4)}.`];
    const crossed = found.jumps.length;
    if (this.points.length < 2) said.push("Press Step, or click on the surface to start there.");
    else if (width > 0) said.push("SmeLU has no kinks: each line has become a band, the slope does not jump, and autograd's curvature explains its whole change.");
    else if (crossed) said.push(`${crossed} ${crossed === 1 ? "kink was" : "kinks were"} crossed. Between kinks the slope changes as autograd reports. At each kink it jumps, and autograd does not see the jump.`);
    else said.push("No kink was crossed: autograd's curvature explains the whole change of slope.");
    const bounces = this.bounces();
    if (bounces > 1) said.push(`Descent bounces: each of the last ${bounces} steps crosses the orange crease, where the slope changes sign at once. No curvature makes gradient descent slow down there.`);
    this.words.replaceChildren(...said.map((text) => make("p", {}, text)));
    this.stage.describe(["The loss of a network of two parameters, with the way of gradient descent", said.join(" ")]);
  }

  /** How many of the last steps each crossed the crease of the example with the negative target. */
  bounces() {
    let count = 0;
    for (let k = this.points.length - 2; k >= 0; k--) {
      const crossed = crossings(this.points[k], this.points[k + 1], 0).some(({ number: which }) => EXAMPLES[which].y < 0);
      if (!crossed || this.state.width > 0) break;
      count += 1;
    }
    return count;
  }

  hover(sample) {
    this.state.hover = sample;
    this.panel.mark(this.state);
    const reading = this.panel.reading;
    reading.hidden = !sample;
    if (sample) {
      const theta = [sample.alpha, sample.beta];
      const parts = [["\u03b1", theta[0]], ["\u03b2", theta[1]], ["loss", lossAt(theta, this.state.width)], ["slope", Math.hypot(...gradientAt(theta, this.state.width))]];
      reading.replaceChildren(...parts.map(([name, value]) => make("span", {}, make("i", {}, name), ` ${number(value, 3)}`)));
    }
    this.stage.request();
  }

  step(count) {
    this.change({ steps: Math.min(Math.max(this.state.steps + count, 0), MOST_STEPS) });
  }

  play() {
    clearInterval(this.playing);
    if (this.playing) {
      this.playing = null;
      this.player.textContent = "Play";
      return;
    }
    if (this.state.steps >= MOST_STEPS) this.change({ steps: 0 });
    this.player.textContent = "Stop";
    this.playing = setInterval(() => {
      this.step(1);
      if (this.state.steps >= MOST_STEPS) this.play();
    }, 350);
  }

  help() {
    this.dialog ??= helpDialog(this, (text) => !/kept|keep|floor|log/.test(text),
      "Drag to turn; use the wheel or two fingers to zoom. Click on the surface to start there.");
    flip(this.dialog);
  }
}

function signed(value) {
  const text = Math.abs(value).toFixed(3);
  return Number(text) === 0 ? text : `${value > 0 ? "+" : "\u2212"}${text}`;
}

export async function startToy() {
  document.title = "Kinks in a network of two parameters";
  const toy = new Toy();
  toy.change({});
  return {
    state: toy.state,
    set: (changes) => toy.change(changes),
    points: () => toy.points,
    found: () => ({ kinks: toy.found.kinks, autograd: toy.found.autograd, change: toy.found.change, jumps: toy.found.jumps, range: toy.found.range }),
    bounces: () => toy.bounces(),
    loss: (theta, width) => lossAt(theta, width),
    pixelOf: (i, j) => toy.stage.pixelOf(toy.panel, i, j),
    resting: () => toy.stage.resting(),
    camera: () => ({ azimuth: toy.stage.view.azimuth, elevation: toy.stage.view.elevation }),
  };
}
