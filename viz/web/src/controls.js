// Buttons, lists and sliders of the page of a study.
import { valuesOf } from "./centre.js";
import { cssGradient, DIVERGING, MAP_NAMES } from "./colourmaps.js";
import { fill, make, select, slider, toggle } from "./dom.js";
import { flip, helpDialog } from "./keys.js";
import { number } from "./scale.js";
import { theme } from "./theme.js";

const LAYERS = [
  ["surface", "Surface"],
  ["contours", "Isolines"],
  ["wire", "Wire"],
  ["paths", "Paths"],
  ["kinks", "Kink curves"],
  ["centre", "Centre"],
  ["floor", "Floor"],
];
const MOST_PANELS = 8;

export class Controls {
  constructor(page) {
    this.page = page;
    this.stage = make("main", { class: "stage" });
    this.steps = make("section", { class: "steps scroll", tabindex: "0", "aria-label": "Paths at the present step" });
    this.probe = make("section", { class: "probe", hidden: true, "aria-live": "polite", "aria-label": "Kept point" });
    this.legend = make("section", { class: "legend", "aria-label": "Colours and caption" });
    // What is printed instead of the stage, whose picture has the size of the window.
    this.paper = make("div", { class: "paper" });
    this.drawer = make("aside", { class: "drawer", hidden: true, "aria-label": "Settings" });
    this.root = make("div", { class: "app", id: "surfaces" }, this.header(), make("div", { class: "middle" }, this.stage, this.drawer), this.paper, this.legend, this.footer());
    this.fillDrawer();
  }

  header() {
    const { state, page } = this.page;
    this.layers = Object.fromEntries(
      LAYERS.map(([name, text]) => [name, toggle(text, state.show[name], (on) => this.page.change({ show: { ...this.page.state.show, [name]: on } }), { "data-layer": name })]),
    );
    this.height = toggle("Log height", true, (on) => this.page.change({ height: on ? "log" : "linear" }), { "data-role": "height" });
    this.settings = make("button", { type: "button", "aria-expanded": "false", "data-role": "settings", onclick: () => this.openDrawer() }, "Settings");
    return make(
      "header",
      {},
      make("h1", {}, page.title),
      make("nav", { class: "tools", "aria-label": "View" }, this.height, Object.values(this.layers), this.settings,
        make("button", { type: "button", "aria-label": "Help", onclick: () => this.help() }, "?")),
    );
  }

  openDrawer(open = this.drawer.hidden) {
    const within = this.drawer.contains(document.activeElement);
    this.drawer.hidden = !open;
    this.settings.setAttribute("aria-expanded", String(open));
    if (open) this.drawer.querySelector("button").focus();
    else if (within) this.settings.focus();
  }

  fillDrawer() {
    const { page, state } = this.page;
    const change = (changes) => this.page.change(changes);
    this.colour = select("Colour by", [["losses", "loss"]], "losses", (colours) => change({ colours }), { "data-role": "colour" });
    const row = (name, ...parts) => make("label", { class: "row" }, make("span", {}, name), ...parts);
    this.exaggeration = slider("Height", { min: 0.1, max: 4, step: 0.05, value: 1 }, (value) => `${number(value, 3)} \u00d7`, (exaggeration) => change({ exaggeration }));
    const close = make("button", { type: "button", class: "close", "aria-label": "Close settings", onclick: () => this.openDrawer(false) }, "\u00d7");
    const widest = Math.max(...page.panels.map((panel) => panel.levels.length));
    this.level = widest > 1
      ? slider("Microscope", { min: 0, max: widest - 1, step: 1, value: 0, id: "level" }, (value) => this.levelName(value), (level) => change({ level }))
      : null;
    this.drawer.append(
      make("div", { class: "drawerhead" }, make("h2", {}, "Settings"), close),
      row("Colour by", this.colour),
      row("Colours", (this.map = select("Colours", [], "", (map) => change({ map }), { "data-role": "map" }))),
      row("Shading", select("Shading", [["auto", "automatic"], ["gradient", "gradients"], ["differences", "differences"], ["flat", "flat facets"]], "auto", (shading) => change({ shading }), { "data-role": "shading" })),
      row("Paths at", select("Paths at", [["true", "the true loss"], ["plane", "the loss in the plane"]], "true", (pathAt) => change({ pathAt }), { "data-role": "path-at" })),
      this.exaggeration,
      this.level ?? "",
      row("Theme", select("Theme", [["auto", "system"], ["light", "light"], ["dark", "dark"]], "auto", (name) => theme.choose(name), { "data-role": "theme" })),
      make("div", { class: "buttons" },
        make("button", { type: "button", onclick: () => this.page.stage.view.reset() ?? this.page.stage.moved() }, "Reset view"),
        make("button", { type: "button", "data-role": "keep", onclick: () => this.page.keepMiddle() }, "Keep a point"),
        make("button", { type: "button", "data-role": "screenshot", onclick: () => this.page.saveImage() }, "Save image"),
        make("button", { type: "button", "data-role": "command", onclick: () => this.showCommand() }, "Show command")),
      (this.command = make("div", { class: "command", hidden: true })),
      make("h3", {}, "Surfaces"),
      this.surfaces(),
    );
  }

  /** Lists to choose runs and planes with. */
  surfaces() {
    const { page } = this.page;
    const kinds = [...new Set(page.panels.map((panel) => panel.kind))];
    const filter = make("input", { type: "search", placeholder: "filter", "aria-label": "Filter surfaces", oninput: () => this.listSurfaces() });
    this.kind = select("Plane", [["", "all planes"], ...kinds.filter(Boolean).map((kind) => [kind, `${kind} planes`])], "", () => this.chooseKind(), { "data-role": "kind" });
    this.filter = filter;
    this.list = make("ul", { class: "surfaces" });
    this.listSurfaces();
    return make("div", {}, make("div", { class: "filters" }, kinds.length > 1 ? this.kind : null, page.panels.length > 6 ? filter : null), this.list);
  }

  /** Another kind of plane: the same runs, on it. */
  chooseKind() {
    const { page, state } = this.page;
    const kind = this.kind.value;
    if (kind) {
      const found = state.shown.map((number) => {
        const { run, kind: own } = page.panels[number];
        return own === kind ? number : page.panels.findIndex((panel) => panel.run === run && panel.kind === kind);
      });
      if (found.every((number) => number >= 0)) this.page.change({ shown: found });
    }
    this.listSurfaces();
  }

  listSurfaces() {
    const { page, state } = this.page;
    const [kind, word] = [this.kind.value, this.filter.value.toLowerCase()];
    const rows = [];
    page.panels.forEach((panel, number) => {
      const alike = page.panels.filter((other) => other !== panel && other.title === panel.title);
      const own = alike.some((other) => other.kind === panel.kind) ? panel.id : panel.kind || panel.id;
      const text = `${panel.id} ${panel.title}`.toLowerCase();
      if ((kind && panel.kind !== kind) || !text.includes(word)) return;
      const box = make("input", { type: "checkbox", checked: state.shown.includes(number), "data-surface": panel.id, onchange: () => this.choose(number, box) });
      const notes = [...panel.notes, ...(panel.centre?.known ? [`own weights: ${valuesOf(panel.centre)}`] : [])];
      const label = make("label", { title: panel.id }, box, make("span", {}, panel.title, alike.length ? make("small", {}, ` ${own}`) : ""));
      rows.push(make("li", {}, label, make("p", { class: "notes" }, notes.map(sentence).join(" "))));
    });
    this.list.replaceChildren(...rows);
  }

  choose(number, box) {
    const { shown } = this.page.state;
    const next = box.checked ? [...shown, number] : shown.filter((other) => other !== number);
    if (!next.length || next.length > MOST_PANELS) {
      box.checked = !box.checked;
      return;
    }
    this.page.change({ shown: next });
  }

  /** The window of a level, of the shown panel that has most. */
  levelName(level) {
    const levels = this.mostLevels();
    const told = levels[Math.min(level, levels.length - 1)];
    return told.width ? `${number(told.width, 2)} wide` : "whole plane";
  }

  mostLevels() {
    const { page, state } = this.page;
    return state.shown.map((number) => page.panels[number].levels).reduce((one, other) => (other.length > one.length ? other : one));
  }

  /** The maps to choose from; what has a sign has one. */
  showMaps({ map }, legends) {
    const signed = legends.length > 0 && legends.every((legend) => legend.map === DIVERGING);
    fill(this.map, signed ? [[DIVERGING, "blue to red"]] : MAP_NAMES.map((name) => [name, name]), signed ? DIVERGING : map);
    this.map.disabled = signed;
  }

  showLevels(state) {
    if (!this.level) return;
    const count = this.mostLevels().length;
    this.level.hidden = count < 2;
    this.level.input.max = String(Math.max(count - 1, 1));
    this.level.set(Math.min(state.level, count - 1));
    this.level.title = "Windows of the loss microscope: the loss minus its best-fitting quadratic";
  }

  showCommand() {
    const rows = this.page.commands().map(([name, text], number) => {
      const code = make("code", { tabindex: "0", "data-command": String(number) }, text);
      const said = make("span", { role: "status" }, "");
      return [make("strong", {}, name), code, make("button", { type: "button", onclick: () => copy(code, said) }, "Copy"), said];
    });
    this.command.replaceChildren(...(rows.length ? rows.flat() : ["No command draws a window of the loss microscope alone."]));
    this.command.hidden = false;
  }

  footer() {
    this.scrubber = make("input", { type: "range", min: "0", max: "0", step: "1", "aria-label": "Step", class: "scrubber", oninput: () => this.scrub() });
    this.player = make("button", { type: "button", "data-role": "play", "aria-label": "Play", onclick: () => this.play() }, "\u25b6");
    this.stepText = make("output", {}, "");
    this.footerRow = make("div", { class: "scrub" }, this.player, this.scrubber, this.stepText);
    return make("footer", {}, this.footerRow, make("div", { class: "readouts" }, this.steps, this.probe));
  }

  /** Show the step that the scrubber stands at; what plays stops. */
  scrub() {
    this.stop();
    this.page.change({ step: this.page.steps[Number(this.scrubber.value)] });
  }

  stepBy(count) {
    const { steps, state } = this.page;
    if (!steps.length) return;
    this.stop();
    const place = Math.min(Math.max(steps.indexOf(state.step) + count, 0), steps.length - 1);
    this.page.change({ step: steps[place] });
  }

  /** Run through the steps in some seconds, or stop. */
  play() {
    if (this.playing) return this.stop();
    const { steps, state } = this.page;
    if (steps.length < 2) return null;
    const first = steps.indexOf(state.step) >= steps.length - 1 ? 0 : Math.max(steps.indexOf(state.step), 0);
    const rate = Math.max(steps.length / 8000, 1 / 400);
    const began = performance.now();
    this.player.textContent = "\u275a\u275a";
    this.player.setAttribute("aria-label", "Stop");
    const tick = (now) => {
      // The time of a picture may be before the click that it shows.
      const place = Math.min(first + Math.floor(Math.max(now - began, 0) * rate), steps.length - 1);
      if (steps[place] !== this.page.state.step) this.page.change({ step: steps[place] });
      if (place >= steps.length - 1) this.stop();
      else this.playing = requestAnimationFrame(tick);
    };
    this.playing = requestAnimationFrame(tick);
    return null;
  }

  stop() {
    cancelAnimationFrame(this.playing);
    this.playing = null;
    this.player.textContent = "\u25b6";
    this.player.setAttribute("aria-label", "Play");
  }

  help() {
    this.dialog ??= helpDialog(this.page, () => true,
      "Drag to turn all panels, Shift + drag to move them; use the wheel or two fingers to zoom. Click to keep a point and compare the panels there. Values are stored samples, never interpolated.");
    flip(this.dialog);
  }

  /** The camera moved: commands that are shown tell of it. */
  moved() {
    if (this.command.hidden) return;
    const commands = this.page.commands();
    const shown = this.command.querySelectorAll("code");
    if (shown.length !== commands.length) return this.showCommand();
    commands.forEach(([, text], number) => { shown[number].textContent = text; });
  }

  /** Bring what is shown in line with the state. */
  show({ state, steps, legends }) {
    for (const [name, button] of Object.entries(this.layers)) button.setAttribute("aria-pressed", String(state.show[name]));
    const { page } = this.page;
    this.layers.kinks.hidden = !page.kinks.length;
    this.layers.paths.hidden = !page.paths.length;
    this.layers.centre.hidden = !page.panels.some(({ centre }) => centre && centre.place !== "outside");
    this.layers.centre.disabled = !this.page.crossed();
    const magnified = this.page.magnified();
    this.height.setAttribute("aria-pressed", String(state.height === "log" && !magnified));
    this.layers.contours.setAttribute("aria-pressed", String(state.show.contours && !magnified));
    this.height.disabled = this.layers.contours.disabled = magnified;
    fill(this.colour, this.page.colourNames().map((name) => [name, this.page.colourName(name)]), state.colours);
    this.showMaps(state, legends ?? []);
    this.showLevels(state);
    this.steps.hidden = steps.length < 1;
    this.footerRow.hidden = steps.length < 2;
    this.scrubber.max = String(Math.max(steps.length - 1, 0));
    this.scrubber.value = String(Math.max(steps.indexOf(state.step), 0));
    this.stepText.textContent = `step ${state.step}`;
    this.scrubber.setAttribute("aria-valuetext", `step ${state.step} of ${steps[steps.length - 1] ?? 0}`);
    for (const box of this.list.querySelectorAll("input")) {
      const number = page.panels.findIndex((panel) => panel.id === box.dataset.surface);
      box.checked = state.shown.includes(number);
    }
    this.showLegend(legends ?? [], this.page.said());
    this.moved();
  }

  showLegend(legends, said) {
    this.legend.replaceChildren(
      ...legends.map(({ scale, map, name }) => {
        const bar = make("div", { class: "bar" });
        bar.style.background = cssGradient(map);
        const ticks = make("div", { class: "barticks" }, scale.labels(4).map(([height, text]) => {
          const tick = make("span", {}, text);
          tick.style.left = `${100 * scale.share(height)}%`;
          return tick;
        }));
        const kind = scale.kind === "log" ? `${name}, log` : name;
        return make("div", { class: "legendrow" }, make("span", {}, kind), make("div", { class: "barbox" }, bar, ticks));
      }),
      // Hidden words keep their room: the picture stays where it is.
      make("p", { class: "said" }, said.map(([text, seen]) => make("span", { class: seen ? "" : "unseen" }, `${text} `))),
    );
  }
}

function sentence(text) {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

async function copy(code, said) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    said.textContent = "copied";
  } catch {
    const range = document.createRange();
    range.selectNodeContents(code);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    said.textContent = document.execCommand("copy") ? "copied" : "selected; press Ctrl+C to copy";
  }
}
