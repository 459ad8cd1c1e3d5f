// One canvas behind all panels, one camera for them, and what pointers and fingers do.
import { Color, ColorManagement, LinearSRGBColorSpace, Vector3, WebGLRenderer } from "three";
import { View } from "./camera.js";
import { make } from "./dom.js";
import { Labels } from "./labels.js";
import { pick } from "./pick.js";

// Colours are meant as they are written; nothing is converted.
ColorManagement.enabled = false;
// At rest a picture has twice the screen's pixels each way, but not more than so many in all or a side: edges
// are smooth, and in software that is faster than to smooth them in every picture.
const [FINE, MOST_PIXELS, MOST_SIDE] = [2, 16e6, 8192];
// Milliseconds for a picture, while it turns, beyond which the next are drawn with less, and
// below which with more: [pixels for each of the screen's, every which point of the grid].
const [SLOW, FAST] = [100, 12];
const EFFORTS = [[FINE, 1], [1, 1], [0.7, 1], [0.6, 3], [0.5, 4]];
// Milliseconds without a move until everything is drawn again: after a turn, and within one.
const [REST, HOLD] = [220, 1200];
// Pixels: a narrower stage is that of a phone, where a panel is at least so high.
const [NARROW, LEAST_HEIGHT] = [700, 180];
// A grid that is drawn coarser keeps so many points a side.
const LEAST_POINTS = 48;

export class Stage {
  /** `heard` has the methods hover(panel, sample), click(panel, sample), moved() and rested(). */
  constructor(host, heard) {
    this.heard = heard;
    this.view = new View();
    this.panels = [];
    this.told = make("p", { id: "shown", hidden: true });
    this.canvas = make("canvas", { class: "picture", tabindex: "0", role: "img", "aria-label": "Loss surfaces", "aria-describedby": "shown" });
    this.cells = make("div", { class: "cells" });
    this.host = host;
    host.append(this.canvas, this.cells, this.told);
    // Opaque: then nothing below it has to be mixed with it, which is slow in software.
    const context = this.canvas.getContext("webgl2", { alpha: false, antialias: false, stencil: false });
    this.renderer = new WebGLRenderer({ canvas: this.canvas, context });
    this.renderer.outputColorSpace = LinearSRGBColorSpace;
    this.renderer.autoClear = false;
    this.renderer.setScissorTest(true);
    this.screenRatio = Math.min(window.devicePixelRatio || 1, 2);
    this.ratio = FINE;
    this.stride = 1;
    this.effort = 1;
    this.pixel = new Uint8Array(4);
    this.frames = [];
    new ResizeObserver(() => this.request()).observe(host);
    this.listen();
  }

  /** Show panels, each under its title. */
  setPanels(panels) {
    this.panels = panels;
    this.cells.replaceChildren();
    for (const panel of panels) {
      const layer = make("div", { class: "labels", "aria-hidden": "true" });
      panel.heading = make("h2", { title: panel.told.id, hidden: !panel.name }, panel.name);
      panel.reading = make("p", { class: "reading", hidden: true });
      panel.cell = make("section", { class: "cell" }, panel.heading, layer, panel.reading);
      panel.labels = new Labels(layer);
      this.cells.append(panel.cell);
    }
    this.request();
  }

  /** What the picture is, and what is seen in it. */
  describe([name, text]) {
    this.canvas.setAttribute("aria-label", name);
    this.told.textContent = `${text} Arrow keys turn the picture, Enter keeps a point; ? lists the keys.`;
  }

  layout() {
    const count = Math.max(this.panels.length, 1);
    // On a phone many panels are as high as they need, and the page scrolls.
    const tall = this.host.clientWidth < NARROW && count > 4;
    this.host.classList.toggle("tall", tall);
    this.host.style.minHeight = tall ? `${Math.ceil(count / 2) * LEAST_HEIGHT}px` : "";
    const [width, height] = [this.host.clientWidth, this.host.clientHeight];
    let best = [0, 1];
    for (let columns = 1; columns <= (tall ? 2 : count); columns++) {
      const rows = Math.ceil(count / columns);
      const size = Math.min(width / columns / 1.2, height / rows);
      if (size > best[0] * 1.001) best = [size, columns];
    }
    this.cells.style.gridTemplateColumns = `repeat(${best[1]}, minmax(0, 1fr))`;
    this.cells.style.gridTemplateRows = `repeat(${Math.ceil(count / best[1])}, minmax(0, 1fr))`;
    return [width, height];
  }

  request() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.render();
    });
  }

  /** The rectangle of a panel within the stage. */
  rectangle(panel) {
    const { offsetLeft: left, offsetTop: top, offsetWidth: width, offsetHeight: height } = panel.cell;
    return { left, top, width, height };
  }

  /** Draw with so many pixels for each of the screen's, or as many as there may be. */
  render(wanted = this.ratio) {
    const now = performance.now();
    const [width, height] = this.layout();
    if (!width || !height) return;
    const ratio = Math.min(wanted * this.screenRatio, Math.sqrt(MOST_PIXELS / (width * height)), MOST_SIDE / width);
    if (this.renderer.getPixelRatio() !== ratio) this.renderer.setPixelRatio(ratio);
    if (this.canvas.clientWidth !== width || this.drawnSize !== `${width}x${height}@${ratio}`) {
      this.renderer.setSize(width, height);
      this.drawnSize = `${width}x${height}@${ratio}`;
    }
    this.renderer.setScissor(0, 0, width, height);
    this.renderer.setViewport(0, 0, width, height);
    this.renderer.setClearColor(new Color(getComputedStyle(document.documentElement).getPropertyValue("--paper").trim()));
    this.renderer.clear();
    const boxes = this.panels.filter((panel) => panel.level).map((panel) => panel.box());
    if (!boxes.length) return;
    const box = boxes.reduce((one, other) => one.union(other));
    for (const panel of this.panels) {
      if (!panel.level) continue;
      const { left, top, width: w, height: h } = this.rectangle(panel);
      this.view.aim(box, w, h);
      panel.unitsPerPixel = this.view.unitsPerPixel;
      panel.resizeMarks();
      panel.setDetail(this.strideOf(panel), !this.turning);
      this.light(panel);
      panel.face({ towards: this.view.axes()[2], elevation: this.view.elevation, ratio });
      this.renderer.setViewport(left, height - top - h, w, h);
      this.renderer.setScissor(left, height - top - h, w, h);
      this.renderer.render(panel.scene, this.view.camera);
      panel.labels.place(panel, this.view, w, h);
    }
    if (this.turning) {
      // Reading a pixel waits until the picture is there: only then is it known how long it took.
      const gl = this.renderer.getContext();
      gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, this.pixel);
      this.adapt(performance.now() - now);
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.settle(), this.held ? HOLD : REST);
    }
    this.frames.push(now);
    if (this.frames.length > 240) this.frames.splice(0, 120);
  }

  strideOf(panel) {
    const least = Math.min(panel.xs.length, panel.ys.length);
    return Math.max(1, Math.min(this.stride, Math.floor(least / LEAST_POINTS)));
  }

  /** Light from the upper left of the picture, and a weak one from the right. */
  light(panel) {
    const [right, up, towards] = this.view.axes();
    const from = (a, b, c) => new Vector3().addScaledVector(right, a).addScaledVector(up, b).addScaledVector(towards, c).normalize();
    panel.surface.uniforms.key.value.copy(from(-0.62, 0.55, 0.56));
    panel.surface.uniforms.fill.value.copy(from(0.8, 0.25, 0.55));
  }

  /** Which panel and sample is at a place of the window. */
  at(clientX, clientY) {
    const bounds = this.host.getBoundingClientRect();
    const [x, y] = [clientX - bounds.left, clientY - bounds.top];
    for (const panel of this.panels) {
      const { left, top, width, height } = this.rectangle(panel);
      if (x < left || x >= left + width || y < top || y >= top + height || !panel.level) continue;
      this.view.aim(this.commonBox(), width, height);
      const found = pick(panel, ...this.view.ray(x - left, y - top, width, height));
      return [panel, found && { alpha: panel.level.alphas[found[0]], beta: panel.level.betas[found[1]], index: found }];
    }
    return [null, null];
  }

  commonBox() {
    return this.panels.filter((panel) => panel.level).map((panel) => panel.box()).reduce((one, other) => one.union(other));
  }

  /** Where a sample of a panel lies in the window. */
  pixelOf(panel, i, j) {
    const bounds = this.host.getBoundingClientRect();
    const { left, top, width, height } = this.rectangle(panel);
    this.view.aim(this.commonBox(), width, height);
    const z = panel.shares[i * panel.ys.length + j] * panel.rise;
    const [x, y] = this.view.project(new Vector3(panel.xs[i], panel.ys[j], z), width, height);
    return [bounds.left + left + x, bounds.top + top + y];
  }

  moved() {
    // In software a picture may take long: turn with less, then draw once more with all of it.
    this.stir();
    this.heard.moved();
  }

  /** Draw the next pictures as fast as this machine needs it, and then one with everything. */
  stir() {
    this.turning = true;
    [this.ratio, this.stride] = EFFORTS[this.effort];
    clearTimeout(this.settling);
    this.request();
  }

  /** Choose how much is drawn from how long the last pictures took; remembered for the next turn. */
  adapt(elapsed) {
    this.took = 0.75 * (this.took ?? elapsed) + 0.25 * elapsed;
    const step = this.took > SLOW ? 1 : this.took < FAST ? -1 : 0;
    if (!step) return;
    this.effort = Math.min(Math.max(this.effort + step, 0), EFFORTS.length - 1);
    this.took = undefined;
  }

  /** Draw the next picture as a slow machine does while it turns. */
  coarsen() {
    this.effort = EFFORTS.length - 1;
    this.moved();
  }

  settle() {
    [this.ratio, this.stride] = [FINE, 1];
    this.turning = false;
    this.request();
    this.heard.rested();
  }

  listen() {
    const pointers = new Map();
    let start = null;
    this.host.addEventListener("contextmenu", (event) => event.preventDefault());
    this.host.addEventListener("pointerdown", (event) => {
      if (event.target.closest("button, a, input")) return;
      try {
        this.host.setPointerCapture(event.pointerId);
      } catch {
        // A pointer that is already gone.
      }
      pointers.set(event.pointerId, [event.clientX, event.clientY]);
      this.held = true;
      start = { x: event.clientX, y: event.clientY, far: pointers.size > 1, pan: event.button === 2 || event.shiftKey };
      this.canvas.focus({ preventScroll: true, focusVisible: false });
    });
    this.host.addEventListener("pointermove", (event) => {
      const last = pointers.get(event.pointerId);
      if (!last) {
        if (event.pointerType === "mouse") this.hoverSoon(event.clientX, event.clientY);
        return;
      }
      const [dx, dy] = [event.clientX - last[0], event.clientY - last[1]];
      if (pointers.size === 2) this.pinch(pointers, event);
      else {
        if (!start.far && Math.hypot(event.clientX - start.x, event.clientY - start.y) < 4) return;
        start.far = true;
        if (start.pan) this.pan(dx, dy);
        else this.view.turn(-0.4 * dx, 0.4 * dy);
      }
      pointers.set(event.pointerId, [event.clientX, event.clientY]);
      this.moved();
    });
    const lift = (event) => {
      const known = pointers.delete(event.pointerId);
      this.held = pointers.size > 0;
      if (this.turning && !this.held) this.request();
      if (known && start && !start.far && event.type === "pointerup") this.heard.click(...this.at(event.clientX, event.clientY));
    };
    this.host.addEventListener("pointerup", lift);
    this.host.addEventListener("pointercancel", lift);
    this.host.addEventListener("pointerleave", () => {
      // A look-up that is still to come would find what is no longer under the pointer.
      this.hoverPlace = null;
      this.heard.hover(null, null);
    });
    this.host.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.view.magnify(Math.exp(-0.0015 * event.deltaY));
        this.moved();
      },
      { passive: false },
    );
    this.host.addEventListener("dblclick", () => {
      this.view.reset();
      this.moved();
    });
  }

  /** At most one look-up for each frame, at the last place. */
  hoverSoon(x, y) {
    this.hoverPlace = [x, y];
    if (this.hovering) return;
    this.hovering = true;
    requestAnimationFrame(() => {
      this.hovering = false;
      if (this.hoverPlace) this.heard.hover(...this.at(...this.hoverPlace));
    });
  }

  /** The last place that was looked up under the pointer; null while a look-up is to come. */
  lookedAt() {
    return this.hovering ? null : this.hoverPlace;
  }

  /** Whether what is seen is whole, and nothing is to come. */
  resting() {
    return !(this.waiting || this.turning || this.hovering);
  }

  pan(dx, dy) {
    this.view.across -= dx * this.view.unitsPerPixel;
    this.view.up += dy * this.view.unitsPerPixel;
  }

  pinch(pointers, event) {
    const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
    const last = pointers.get(event.pointerId);
    const before = Math.hypot(last[0] - other[0], last[1] - other[1]);
    const now = Math.hypot(event.clientX - other[0], event.clientY - other[1]);
    if (before > 0) this.view.magnify(now / before);
    this.pan((event.clientX - last[0]) / 2, (event.clientY - last[1]) / 2);
  }
}
