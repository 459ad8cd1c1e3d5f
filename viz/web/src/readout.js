// What is read off: under the pointer, at the kept point, and at the present step.
import { valuesOf } from "./centre.js";
import { make } from "./dom.js";
import { pathColour } from "./panel.js";
import { number, percent } from "./scale.js";

// A panel smaller than that, in pixels, has room for the loss alone; a kept point tells the rest.
const SMALL = [380, 200];
const STATUS = ["not evaluated", "", "interpolated", "failed"];

export class Readout {
  constructor(page) {
    this.page = page;
    this.steps = page.controls.steps;
    this.probe = page.controls.probe;
  }

  show() {
    this.showHover();
    this.showProbe();
    this.showSteps();
  }

  showHover() {
    const { hover } = this.page.state;
    for (const panel of this.page.stage.panels) {
      const reading = hover && this.page.reading(panel, hover);
      const small = panel.cell.offsetWidth < SMALL[0] || panel.cell.offsetHeight < SMALL[1];
      panel.reading.classList.toggle("small", small);
      panel.reading.replaceChildren(...(reading ? this.words(reading, small, hover.panel === panel) : []));
      panel.reading.hidden = !reading;
      panel.reading.classList.toggle("other", Boolean(hover && hover.panel !== panel));
      panel.reading.dataset.loss = reading ? String(reading.loss) : "";
    }
  }

  words(reading, small, here) {
    const place = [["\u03b1", number(reading.alpha)], ["\u03b2", number(reading.beta)]];
    const parts = [...(small && !here ? [] : place), [reading.quantity, number(reading.loss)]];
    if (small) return this.spans(parts);
    if (reading.total !== undefined) parts.push(["loss", number(reading.total, 6)]);
    if (reading.accuracy !== undefined) parts.push(["accuracy", percent(reading.accuracy)]);
    parts.push(["slope", number(reading.slope, 3)]);
    if (reading.nearest) parts.push(["nearest step", `${reading.nearest.step} (${number(reading.nearest.distance, 2)} away)`]);
    if (reading.centre) parts.push(["own weights", valuesOf(reading.centre)]);
    if (STATUS[reading.status]) parts.push(["", STATUS[reading.status]]);
    return this.spans(parts);
  }

  spans(parts) {
    return parts.map(([name, value]) => make("span", {}, make("i", {}, name), ` ${value}`));
  }

  /** A table with a row for each panel, at one place of the plane. */
  showProbe() {
    const { pin } = this.page.state;
    this.probe.hidden = !pin;
    if (!pin) return;
    const panels = this.page.stage.panels;
    const readings = panels.map((panel) => [panel, this.page.reading(panel, pin)]);
    // What is made anew under a pointer loses its click, and a selection.
    const told = JSON.stringify([pin.alpha, pin.beta, readings.map(([panel, reading]) => [panel.told.id, reading])]);
    if (told === this.told && this.probe.hasChildNodes()) return;
    this.told = told;
    const first = readings[0][1];
    const here = first ?? pin;
    const columns = columnsOf(readings.flatMap(([, reading]) => reading ?? []), first, panels.length);
    const head = make("tr", {}, ["surface", ...columns.map(([name]) => name)].map((name) => make("th", { scope: "col" }, name)));
    const rows = readings.map(([panel, reading]) => {
      const name = make("th", { scope: "row" }, panel.name);
      if (!reading) return make("tr", {}, name, make("td", { colSpan: columns.length }, "outside the window"));
      return make("tr", { "data-loss": String(reading.loss) }, name, columns.map(([, cell]) => make("td", {}, cell(reading))));
    });
    const close = make("button", { type: "button", class: "close", "aria-label": "Release the point", onclick: () => this.page.change({ pin: null }) }, "\u00d7");
    const table = make("table", {}, make("thead", {}, head), make("tbody", {}, rows));
    this.probe.replaceChildren(make("div", { class: "probehead" }, make("strong", {}, `Kept point  \u03b1 ${number(here.alpha)}  \u03b2 ${number(here.beta)}`), make("span", {}, "Shift + arrows move it by one sample"), close), make("div", { class: "scroll", tabindex: "0" }, table));
  }

  /** A table with a row for each path, at the present step. */
  showSteps() {
    const present = this.page.present();
    const head = ["path", "step", "true loss", "in-plane loss", "off-plane distance"].map((name) => make("th", { scope: "col" }, name));
    const rows = present.map(({ panel, path, number: count, step, loss, inPlane, offPlane }) => {
      const name = [panel.told.title, ""].includes(path.title) ? panel.name : path.title;
      return make("tr", { class: "path", "data-run": path.run, "data-panel": panel.told.id, "data-loss": String(loss) },
        make("th", { scope: "row" }, this.dot(count), name),
        [String(step), number(loss), number(inPlane), number(offPlane, 3)].map((cell) => make("td", {}, cell)));
    });
    this.steps.replaceChildren(make("table", {}, make("thead", {}, make("tr", {}, head)), make("tbody", {}, rows)));
  }

  dot(count) {
    const dot = make("span", { class: "dot", "aria-hidden": "true" });
    dot.style.background = pathColour(count, this.page.state.dark);
    return dot;
  }
}

/** What is told of a kept point, as [name, its words for the reading of a panel]. */
function columnsOf(readings, first, count) {
  const lossOf = ({ loss, total }) => total ?? loss;
  const every = [
    ["total", "residual", ({ loss, total }) => (total === undefined ? "\u2013" : number(loss))],
    ["loss", "loss", (reading) => number(lossOf(reading))],
    ["accuracy", "accuracy", ({ accuracy }) => percent(accuracy)],
    ["slope", "slope", ({ slope }) => number(slope, 3)],
    ["nearest", "nearest step (distance)", ({ nearest }) => (nearest ? `${nearest.step} (${number(nearest.distance, 2)})` : "\u2013")],
    ["centre", "own weights", ({ centre }) => (centre ? valuesOf(centre) : "\u2013")],
  ];
  const known = every.filter(([key]) => readings.some((reading) => (reading[key] ?? null) !== null)).map(([, name, words]) => [name, words]);
  return count > 1 ? [...known, ["loss ratio", (reading) => (first ? number(lossOf(reading) / lossOf(first), 3) : "\u2013")]] : known;
}
