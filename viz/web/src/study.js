// The page of a study: which panels are shown, how, and what is read off them.
import { captionOf, describe, shortened } from "./caption.js";
import { centreAt, placeOf, sentences } from "./centre.js";
import { DIVERGING, MAP_NAMES } from "./colourmaps.js";
import { figureCommand, renderCommand } from "./command.js";
import { Controls } from "./controls.js";
import { loadArrays, loadLevel } from "./data.js";
import { curvatureField, hasGradients, kinkField, slopeField } from "./fields.js";
import { keys } from "./keys.js";
import { Panel, recordAt } from "./panel.js";
import { heightOf, rangeOf, Scale } from "./scale.js";
import { pictureOf, save } from "./screenshot.js";
import { Stage } from "./stage.js";
import { Readout } from "./readout.js";
import { theme } from "./theme.js";
import { readable } from "./zoom/contrast.js";

const COLOUR_NAMES = {
  losses: "loss",
  accuracies: "accuracy",
  slope: "slope",
  curvature: "curvature (Laplacian)",
  kinks: "kink density",
  gradient_alpha: "slope along \u03b1",
  gradient_beta: "slope along \u03b2",
};
const SIGNED = ["curvature", "gradient_alpha", "gradient_beta", "residual"];
const QUANTITIES = { residual: "loss minus its best-fitting quadratic" };
const WIDE = ["slope", "kinks"];

// Pixels from which on lines and marks are thicker.
const WIDE_SCREEN = 2000;

export class StudyPage {
  constructor(page) {
    this.page = page;
    this.state = {
      shown: page.show,
      height: "log",
      colours: "losses",
      map: MAP_NAMES[0],
      shading: "auto",
      pathAt: "true",
      exaggeration: 1,
      level: 0,
      step: 0,
      hover: null,
      pin: null,
      show: { surface: true, contours: true, wire: false, paths: true, kinks: true, centre: true, floor: false },
      pixel: innerWidth < WIDE_SCREEN ? 1 : 1.5,
      ...theme.state(),
    };
    document.title = page.title;
    this.controls = new Controls(this);
    document.body.append(this.controls.root);
    this.stage = new Stage(this.controls.stage, {
      hover: (panel, sample) => this.hover(panel, sample),
      click: (panel, sample) => this.pin(panel, sample),
      moved: () => this.controls.moved(),
      rested: () => this.describe(),
    });
    this.readout = new Readout(this);
    theme.onchange = () => this.change(theme.state());
    keys(this);
    addEventListener("beforeprint", () => this.controls.paper.replaceChildren(this.picture()));
  }

  /** Change the state and draw what depends on it. */
  async change(changes) {
    Object.assign(this.state, changes);
    const light = ["exaggeration", "show", "step", "hover", "pin", "dark", "theme", "pathAt"];
    const names = Object.keys(changes);
    if (names.includes("shown") || names.includes("level")) await this.load();
    else if (names.every((name) => ["step", "hover", "pin"].includes(name))) this.eachPanel((panel) => panel.mark(this.state));
    else if (names.every((name) => light.includes(name)) && !(names.includes("pathAt"))) this.eachPanel((panel) => panel.style(this.state));
    else this.draw();
    this.controls.show(this);
    this.readout.show();
    if ("theme" in changes || "shown" in changes) this.nameColours();
    this.describe();
    // A mark follows the pointer; in software a picture with all pixels would be late.
    if (names.every((name) => name === "hover")) this.stage.stir();
    else this.stage.request();
  }

  /** Say what is seen to those who do not see it. */
  describe() {
    this.stage.describe(describe(this));
  }

  /** Names of panels in the colours of their activations, as in other pictures. */
  nameColours() {
    const paper = getComputedStyle(document.documentElement).getPropertyValue("--paper").trim();
    for (const { heading, told } of this.stage.panels) heading.style.color = told.colour ? readable(told.colour, paper) : "";
  }

  eachPanel(work) {
    for (const panel of this.stage.panels) if (panel.level) work(panel);
  }

  /** Get the arrays of the shown panels, and draw them. */
  async load() {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const made = await Promise.all(
      this.state.shown.map(async (number) => {
        const told = this.page.panels[number];
        const place = Math.min(this.state.level, told.levels.length - 1);
        const [level, paths, map] = await Promise.all([
          loadLevel(told.levels[place]),
          Promise.all(told.paths.map((path) => loadArrays(this.page.paths[path]))),
          told.kinks === null ? null : loadArrays(this.page.kinks[told.kinks]),
        ]);
        return [told, level, paths, map];
      }),
    );
    if (turn !== this.turn) return;
    const old = this.stage.panels;
    const names = shortened(made.map(([told]) => told.title));
    const panels = made.map(([told, level, paths, map], place) => {
      const panel = new Panel(told, names[place]);
      panel.setLevel(level, paths, map);
      return panel;
    });
    for (const panel of old) panel.dispose();
    this.steps = [...new Set(panels.flatMap((panel) => panel.records.flatMap((path) => [...path.steps])))].sort((a, b) => a - b);
    const last = this.steps[this.steps.length - 1] ?? 0;
    if (!this.started || this.state.step > last) this.state.step = last;
    this.started = true;
    this.stage.setPanels(panels);
    if (!this.colourNames().includes(this.state.colours)) this.state.colours = "losses";
    this.draw();
    this.nameColours();
  }

  /** What surfaces can be coloured by. */
  colourNames() {
    const stored = this.stage.panels.flatMap((panel) => Object.keys(panel.level?.fields ?? {}));
    const maps = this.stage.panels.some((panel) => panel.map) ? ["kinks"] : [];
    return [...new Set(["losses", ...stored, "slope", "curvature", ...maps])];
  }

  /** Whether all that is shown are windows of the microscope. */
  magnified() {
    return this.stage.panels.length > 0 && this.stage.panels.every((panel) => panel.level?.quantity === "residual");
  }

  colourName(name) {
    if (name === "losses" && this.magnified()) return "residual";
    return COLOUR_NAMES[name] ?? name.replaceAll("_", " ");
  }

  /** Values a panel is coloured by. */
  valuesOf(panel, name) {
    const { level, map } = panel;
    if (name === "slope" && !level.fields.slope) return slopeField(level);
    if (name === "curvature" && !level.fields.curvature) return curvatureField(level);
    if (name === "kinks") return map ? kinkField(level, map) : new Float32Array(level.fields.losses.length).fill(NaN);
    return level.fields[name] ?? new Float32Array(level.fields.losses.length).fill(NaN);
  }

  /** Scales of heights by quantity: all panels of one quantity share one. */
  scales() {
    const found = {};
    for (const panel of this.stage.panels) (found[panel.level.quantity] ??= []).push(panel);
    return Object.fromEntries(
      Object.entries(found).map(([quantity, panels]) => {
        const kind = quantity === "loss" ? this.state.height : "linear";
        const arrays = panels.map((panel) => Float64Array.from(panel.level.fields.losses, (loss) => heightOf(loss, kind)));
        if (quantity === "loss" && this.state.show.paths) arrays.push(...panels.map((panel) => this.pathHeights(panel, kind)));
        return [quantity, new Scale(kind, ...rangeOf(arrays), quantity)];
      }),
    );
  }

  pathHeights(panel, kind) {
    const found = [];
    for (const path of panel.records) {
      path.steps.forEach((_, k) => {
        if (panel.inside(path.alphas[k], path.betas[k])) found.push(heightOf(path.losses[k], kind));
      });
    }
    return found;
  }

  draw() {
    const panels = this.stage.panels;
    if (!panels.length) return;
    const scales = this.scales();
    const name = this.state.colours;
    const values = panels.map((panel) => this.valuesOf(panel, name));
    const shared = name === "losses" ? null : this.colourScale(name, values);
    const colours = shared ? () => shared : (quantity) => (quantity === "residual" ? scales[quantity].symmetric() : scales[quantity]);
    const mapOf = (quantity) => (SIGNED.includes(shared ? name : quantity) ? DIVERGING : this.state.map);
    panels.forEach((panel, k) => {
      const { quantity } = panel.level;
      panel.draw(scales[quantity], { values: values[k], scale: colours(quantity), map: mapOf(quantity) }, this.state);
    });
    const quantities = shared ? [name] : Object.keys(scales);
    this.legends = quantities.map((quantity) => ({ scale: colours(quantity), map: mapOf(quantity), name: shared ? this.colourName(name) : QUANTITIES[quantity] ?? quantity }));
    this.stage.request();
  }

  /** One scale of colours for all panels: symmetric for signed values, log for wide ones. */
  colourScale(name, values) {
    const [low, high] = rangeOf(values);
    if (SIGNED.includes(name)) {
      const sizes = values.flatMap((array) => Array.from(array, Math.abs).filter(Number.isFinite)).sort((a, b) => a - b);
      const limit = sizes[Math.floor(0.98 * (sizes.length - 1))] || 1;
      return new Scale("linear", -limit, limit, name);
    }
    if (WIDE.includes(name) && high > 0) {
      const positive = values.flatMap((array) => Array.from(array).filter((value) => value > 0)).sort((a, b) => a - b);
      const least = positive[Math.floor(0.01 * positive.length)] ?? high;
      if (high / least > 30) return new Scale("log", Math.log10(least), Math.log10(high), name);
    }
    return new Scale("linear", low, high, name);
  }

  /** Whether a cross may be drawn on a panel now. */
  crossed() {
    return this.stage.panels.some((panel) => panel.level && placeOf(panel, this.state.show) === "cross");
  }

  /** What is said below the panels, as [text, whether it is seen now]. */
  said() {
    const panels = this.stage.panels.filter((panel) => panel.level);
    const centres = sentences(panels, this.state.show, this.page.centres);
    const caption = captionOf(panels, this.state, this.page.least_captured).map((text) => [text, true]);
    return [...caption, ...centres.map(([text, seen]) => [`${text}.`, seen])];
  }

  /** Keep the point at the middle of the first panel, for those who have no pointer. */
  keepMiddle() {
    const [panel] = this.stage.panels;
    const [i, j] = panel.sampleAt(...panel.middle);
    this.change({ pin: { panel, alpha: panel.level.alphas[i], beta: panel.level.betas[j] } });
  }

  /** Move the kept point by samples. */
  movePin(right, up) {
    if (!this.state.pin) return this.keepMiddle();
    const { panel, alpha, beta } = this.state.pin;
    const here = this.stage.panels.includes(panel) ? panel : this.stage.panels[0];
    const [i, j] = here.sampleAt(alpha, beta);
    const bound = (value, count) => Math.min(Math.max(value, 0), count - 1);
    const next = [bound(i + right, here.xs.length), bound(j + up, here.ys.length)];
    return this.change({ pin: { panel: here, alpha: here.level.alphas[next[0]], beta: here.level.betas[next[1]] } });
  }

  /** Close the settings, or else let the kept point go. */
  release() {
    if (!this.controls.drawer.hidden) this.controls.openDrawer(false);
    else this.change({ pin: null });
  }

  hover(panel, sample) {
    const known = this.state.hover;
    if (!sample && !known) return;
    if (sample && known && known.alpha === sample.alpha && known.beta === sample.beta && known.panel === panel) return;
    this.change({ hover: sample && { ...sample, panel } });
  }

  pin(panel, sample) {
    if (sample) this.change({ pin: { ...sample, panel } });
  }

  /** Everything that is read at the sample of a panel nearest to a place; null outside. */
  reading(panel, { alpha, beta }) {
    if (!panel.inside(alpha, beta)) return null;
    const [i, j] = panel.sampleAt(alpha, beta);
    const { level } = panel;
    const at = i * level.betas.length + j;
    const found = {
      alpha: level.alphas[i],
      beta: level.betas[j],
      loss: level.fields.losses[at],
      slope: slopeField(level)[at],
      quantity: level.quantity,
      status: level.status ? level.status[at] : 1,
      nearest: this.nearestStep(panel, level.alphas[i], level.betas[j]),
      centre: centreAt(panel, level.alphas[i], level.betas[j]),
    };
    if (level.fields.accuracies) found.accuracy = level.fields.accuracies[at];
    if (level.coefficients) found.total = found.loss + quadratic(level, found.alpha, found.beta);
    return found;
  }

  /** The recorded step that lies nearest in the plane, of all paths on a panel. */
  nearestStep(panel, alpha, beta) {
    let best = null;
    for (const path of panel.records) {
      for (let k = 0; k < path.steps.length; k++) {
        const distance = Math.hypot(path.alphas[k] - alpha, path.betas[k] - beta);
        if (!best || distance < best.distance) best = { run: path.run, title: path.title, step: path.steps[k], distance, loss: path.losses[k] };
      }
    }
    return best;
  }

  /** Where each path is at the present step. */
  present() {
    return this.stage.panels.flatMap((panel) =>
      (panel.records ?? []).map((path, number) => {
        const k = recordAt(path.steps, this.state.step);
        return { panel, path, number, step: path.steps[k], loss: path.losses[k], inPlane: path.plane_losses[k], offPlane: path.off_plane[k] };
      }),
    );
  }

  /** Commands that draw the same: [what it makes, command]. Windows of the microscope have none. */
  commands() {
    const { azimuth, elevation } = this.stage.view;
    const { height, colours: colour, exaggeration } = this.state;
    const drawn = this.stage.panels.filter((panel) => panel.told.levels[0].quantity === "loss");
    if (!drawn.length) return [];
    const ids = drawn.map((panel) => panel.told.id);
    // A command takes one map: that of the only surface.
    const kinks = drawn.length === 1 && drawn[0].told.kinks !== null ? this.page.kinks[drawn[0].told.kinks].id : null;
    const shading = this.state.shading === "auto" ? shadingOf(drawn) : this.state.shading;
    const view = { source: this.page.source, ids, height, colour, kinks, shading, exaggeration, azimuth, elevation };
    return [["Picture", renderCommand(view)], ["Figure for a paper", figureCommand(view)]];
  }

  picture() {
    const style = getComputedStyle(document.documentElement);
    const [background, ink] = ["--paper", "--ink"].map((name) => style.getPropertyValue(name).trim());
    const legends = this.legends.map(({ scale, map, name }) => ({
      map, name, ink, ticks: scale.labels(4).map(([height, text]) => [scale.share(height), text]),
    }));
    const said = this.said().flatMap(([text, seen]) => (seen ? [text] : []));
    return pictureOf(this.stage, legends, said, { background, ink });
  }

  saveImage() {
    save(this.picture(), "landscape.png");
  }
}

/** What automatic shading comes to, in the words of the command line. */
function shadingOf(panels) {
  if (panels.some((panel) => panel.faceted("auto"))) return "flat";
  return panels.every((panel) => hasGradients(panel.level)) ? "gradient" : "differences";
}

function quadratic({ coefficients: c, centre }, alpha, beta) {
  const [a, b] = [alpha - centre[0], beta - centre[1]];
  return c[0] + c[1] * a + c[2] * b + c[3] * a * a + c[4] * a * b + c[5] * b * b;
}


export async function startStudy(page) {
  const study = new StudyPage(page);
  await study.change({ shown: page.show });
  return inspection(study);
}

/** What tests and curious people look at in the console. */
function inspection(study) {
  const { stage } = study;
  return {
    state: study.state,
    panels: () =>
      stage.panels.map((panel) => ({
        id: panel.told.id,
        title: panel.told.title,
        shape: [panel.xs.length, panel.ys.length],
        window: [panel.level.alphas, panel.level.betas].map((axis) => [axis[0], axis[axis.length - 1]]),
        quantity: panel.level.quantity,
        scale: { kind: panel.scale.kind, low: panel.scale.low, high: panel.scale.high },
        marks: panel.markPlaces,
        drawn: {
          surface: panel.surface.uniforms.surface.value === 1,
          contours: panel.surface.uniforms.contours.value === 1,
          wire: panel.surface.uniforms.wire.value === 1,
          paths: panel.paths.children.length,
          pieces: panel.pieces(),
          kinks: panel.kinks.children.length,
          centre: panel.cross.children.length,
          floor: panel.floor.visible,
          faceted: panel.surface.uniforms.facets.value === 1,
          rise: panel.rise,
        },
      })),
    camera: () => {
      const { azimuth, elevation, zoom, across, up } = stage.view;
      return { azimuth, elevation, zoom, across, up };
    },
    setCamera: (changes) => {
      Object.assign(stage.view, changes);
      stage.moved();
    },
    pixelOf: (number, i, j) => stage.pixelOf(stage.panels[number], i, j),
    corner: (number) => {
      const panel = stage.panels[number];
      const { width, height } = stage.rectangle(panel);
      const [x, y] = stage.pixelOf(panel, 0, 0);
      const bounds = panel.cell.getBoundingClientRect();
      return [(x - bounds.left) / width, (y - bounds.top) / height];
    },
    reading: (number, alpha, beta) => study.reading(stage.panels[number], { alpha, beta }),
    commands: () => study.commands(),
    frames: () => [...stage.frames],
    coarsen: () => stage.coarsen(),
    pointer: () => stage.lookedAt(),
    resting: () => stage.resting(),
    // While it turns: pixels for each of the screen's, and every which point of the grid is drawn.
    detail: () => ({ ratio: stage.ratio, stride: stage.stride, whole: !stage.turning }),
  };
}
