// What is read off: under the pointer, at the kept point, and at the present step.
import { valuesOf } from "./centre.js";
import { make } from "./dom.js";
import { pathColour } from "./panel.js";
import { number, percent } from "./scale.js";

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
      panel.reading.replaceChildren(...(reading ? this.words(reading) : []));
      panel.reading.hidden = !reading;
      panel.reading.classList.toggle("other", Boolean(hover && hover.panel !== panel));
      panel.reading.dataset.loss = reading ? String(reading.loss) : "";
    }
  }

  words(reading) {
    const parts = [
      ["\u03b1", number(reading.alpha)],
      ["\u03b2", number(reading.beta)],
      [reading.quantity, number(reading.loss)],
    ];
    if (reading.total !== undefined) parts.push(["loss", number(reading.total, 6)]);
    if (reading.accuracy !== undefined) parts.push(["accuracy", percent(reading.accuracy)]);
    parts.push(["slope", number(reading.slope, 3)]);
    if (reading.nearest) parts.push(["nearest step", `${reading.nearest.step} (${number(reading.nearest.distance, 2)} away)`]);
    if (reading.centre) parts.push(["own weights", valuesOf(reading.centre)]);
    if (STATUS[reading.status]) parts.push(["", STATUS[reading.status]]);
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
    const accuracies = readings.some(([, reading]) => reading?.accuracy !== undefined);
    const names = ["surface", "loss", ...(accuracies ? ["accuracy"] : []), "slope", "nearest step"];
    const head = make("tr", {}, names.map((name) => make("th", { scope: "col" }, name)), panels.length > 1 ? make("th", { scope: "col" }, "loss ratio") : null);
    const rows = readings.map(([panel, reading]) => {
      if (!reading) return make("tr", {}, make("th", { scope: "row" }, panel.told.title), make("td", { colSpan: names.length }, "outside the window"));
      const cells = [number(reading.total ?? reading.loss)];
      if (accuracies) cells.push(percent(reading.accuracy));
      cells.push(number(reading.slope, 3), reading.nearest ? String(reading.nearest.step) : "\u2013");
      if (panels.length > 1) cells.push(first ? number((reading.total ?? reading.loss) / (first.total ?? first.loss), 3) : "\u2013");
      return make("tr", { "data-loss": String(reading.loss) }, make("th", { scope: "row" }, panel.told.title), cells.map((cell) => make("td", {}, cell)));
    });
    const close = make("button", { type: "button", class: "close", "aria-label": "Release the point", onclick: () => this.page.change({ pin: null }) }, "\u00d7");
    const table = make("table", {}, make("thead", {}, head), make("tbody", {}, rows));
    this.probe.replaceChildren(make("div", { class: "probehead" }, make("strong", {}, `Kept point  \u03b1 ${number(here.alpha)}  \u03b2 ${number(here.beta)}`), make("span", {}, "Shift + arrows move it by one sample"), close), make("div", { class: "scroll" }, table));
  }

  showSteps() {
    const present = this.page.present();
    this.steps.replaceChildren(
      ...present.map(({ panel, path, number: count, step, loss, inPlane, offPlane }) =>
        make(
          "div",
          { class: "path", "data-run": path.run, "data-panel": panel.told.id, "data-loss": String(loss) },
          this.dot(count),
          make("b", {}, panel.told.title === path.title || path.title === "" ? panel.told.title : path.title),
          make("span", {}, make("i", {}, "step"), ` ${step}`),
          make("span", {}, make("i", {}, "true loss"), ` ${number(loss)}`),
          make("span", {}, make("i", {}, "in-plane loss"), ` ${number(inPlane)}`),
          make("span", {}, make("i", {}, "off-plane distance"), ` ${number(offPlane, 3)}`),
          path.note ? make("span", {}, path.note) : null,
        ),
      ),
    );
  }

  dot(count) {
    const dot = make("span", { class: "dot", "aria-hidden": "true" });
    dot.style.background = pathColour(count, this.page.state.dark);
    return dot;
  }
}
