// What a page opens on: networks side by side, and one slider from the whole surfaces to one step.
import { Color, ColorManagement, LinearSRGBColorSpace, Scene, WebGLRenderer } from "three";
import { Box, View } from "../camera.js";
import { arrayOf, openBlob } from "../data.js";
import { make } from "../dom.js";
import { theme } from "../theme.js";
import { Block } from "./block.js";
import { readable } from "./contrast.js";
import { meshOf, seen } from "./window.js";

ColorManagement.enabled = false;
const STEPS = 1000;
// By how much a press of a key moves the slider, and turns the blocks, in degrees.
const [PRESS, TURN] = [20, 5];
// Milliseconds until the page glides by itself, and that it takes.
const [WAIT, GLIDE] = [1000, 3600];
// At rest a picture has twice the screen's pixels each way, but not more than so many in all:
// edges are smooth, and in software that is faster than to smooth them in every picture.
const [FINE, MOST_PIXELS] = [2, 16e6];
// Milliseconds for a picture, while it moves, beyond which the next have fewer pixels, and below
// which more; and the fewest, for each of the page's, each way.
const [SLOW, FAST, LEAST] = [35, 12, 0.35];
// Milliseconds without a move until all pixels are drawn again.
const REST = 200;
// Around a block in pixels; in a low panel the name stands in a corner beside it.
const [ROOM, LOW_ROOM] = [{ side: 14, top: 44, bottom: 10 }, { side: 14, top: 8, bottom: 8 }];
const LOW = 300;
const ARROWS = { ArrowLeft: [-TURN, 0], ArrowRight: [TURN, 0], ArrowUp: [0, TURN], ArrowDown: [0, -TURN] };

export class ZoomSection {
  constructor(told, followed) {
    this.told = told;
    this.share = 0;
    this.view = new View();
    [this.view.azimuth, this.view.elevation] = told.look.view;
    this.box = new Box(1, 1, told.look.rise, -told.look.depth);
    this.frames = [];
    this.build(followed);
    this.renderer = new WebGLRenderer({ canvas: this.canvas, alpha: true });
    this.renderer.outputColorSpace = LinearSRGBColorSpace;
    this.renderer.autoClear = false;
    this.renderer.setScissorTest(true);
    this.effort = 1 / FINE;
    this.listen();
  }

  build(followed) {
    const { networks, heading, sentence } = this.told;
    this.canvas = make("canvas", { class: "picture", tabindex: "0", role: "img" });
    this.names = networks.map(({ title }) => make("h2", {}, title));
    this.cells = this.names.map((name) => make("div", { class: "block" }, name));
    this.host = make("div", { class: "blocks", "data-count": String(networks.length) }, this.canvas, ...this.cells);
    this.output = make("output", { for: "zoom" });
    this.slider = make("input", { type: "range", id: "zoom", min: "0", max: String(STEPS), step: "1", value: "0" });
    this.player = make("button", { type: "button", "data-role": "glide", onclick: () => this.toggle() });
    const link = followed ? make("a", { class: "onwards", href: "#surfaces" }, "All surfaces, with their paths \u2193") : null;
    this.root = make(followed ? "section" : "main", { class: "zoom", "aria-label": "Zoom" },
      make("h1", {}, heading),
      this.host,
      make("div", { class: "zoombar" }, this.player, make("label", { for: "zoom" }, "Zoom"), this.slider, this.output),
      make("div", { class: "zoomfoot" }, make("p", {}, `${sentence} Drag to turn.`), link));
    this.say();
  }

  async load() {
    const { networks, look } = this.told;
    this.meshes = await Promise.all(networks.map(({ windows }) => Promise.all(windows.map(async (part) => {
      const bytes = await openBlob(part.blob);
      return meshOf(Object.fromEntries(["places", "losses", "gradients", "triangles"].map((name) => [name, arrayOf(bytes, part[name])])));
    }))));
    this.blocks = networks.map(({ colour }) => new Block(look, colour));
    this.scenes = this.blocks.map((block) => new Scene().add(block.group));
    this.shape();
    this.render();
  }

  get width() {
    const { widths } = this.told;
    return widths[0] * (widths[widths.length - 1] / widths[0]) ** this.share;
  }

  /** Cut the window of the present width out of every network. */
  shape() {
    const { widths, logarithmic } = this.told;
    this.shaped = this.share;
    this.parts = this.meshes.map((meshes) => seen(meshes, widths, this.width, logarithmic));
    this.parts.forEach((part, k) => this.blocks[k].draw(part));
  }

  /** Go to a place of the slider, from 0 (the whole surface) to 1 (one step). */
  go(share) {
    this.share = Math.min(Math.max(share, 0), 1);
    this.slider.value = String(Math.round(STEPS * this.share));
    this.say();
    this.moved();
  }

  say() {
    const text = words(this.told, this.width);
    this.output.textContent = text;
    this.slider.setAttribute("aria-valuetext", text);
    this.canvas.setAttribute("aria-label", `${description(this.told, this.width)} Arrow keys turn the picture.`);
    const button = this.gliding ? "Stop" : "Play";
    if (this.player.textContent !== button) this.player.textContent = button;
  }

  /** Glide down to one step, from the top if it is there already. */
  play() {
    this.stop();
    if (this.share > 0.999) this.go(0);
    const [from, length] = [this.share, GLIDE * (1 - this.share)];
    let start = null;
    const next = (now) => {
      start ??= now;
      const time = Math.min((now - start) / length, 1);
      if (time === 1) this.gliding = 0;
      else this.gliding = requestAnimationFrame(next);
      this.go(from + (1 - from) * eased(time));
    };
    this.gliding = requestAnimationFrame(next);
    this.say();
  }

  stop() {
    clearTimeout(this.soon);
    cancelAnimationFrame(this.gliding);
    this.soon = this.gliding = 0;
    this.say();
  }

  toggle() {
    if (this.gliding) this.stop();
    else this.play();
  }

  /** Glide once by itself, unless the reader wants no motion or touches something first. */
  open() {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    this.soon = setTimeout(() => this.play(), WAIT);
  }

  moved() {
    this.moving = true;
    clearTimeout(this.settling);
    this.request();
  }

  request() {
    if (this.waiting || !this.blocks) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      if (this.shaped !== this.share) this.shape();
      this.render();
    });
  }

  resting() {
    return !(this.waiting || this.moving || this.gliding);
  }

  render() {
    const now = performance.now();
    const [width, height] = [this.host.clientWidth, this.host.clientHeight];
    if (!width || !height) return;
    this.resize(width, height);
    const { renderer, view } = this;
    renderer.setViewport(0, 0, width, height);
    renderer.setScissor(0, 0, width, height);
    renderer.setClearColor(new Color(0), 0);
    renderer.clear();
    this.cells.forEach((cell, k) => {
      const { offsetLeft: left, offsetTop: top, offsetWidth: w, offsetHeight: h } = cell;
      view.aim(this.box, w, h, h < LOW ? LOW_ROOM : ROOM);
      cell.classList.toggle("low", h < LOW);
      this.blocks[k].face(view.axes()[2]);
      renderer.setViewport(left, height - top - h, w, h);
      renderer.setScissor(left, height - top - h, w, h);
      renderer.render(this.scenes[k], view.camera);
    });
    if (this.moving) this.settle(now);
    this.frames.push(now);
    if (this.frames.length > 240) this.frames.splice(0, 120);
  }

  /** Give the canvas its pixels: all at rest, fewer while a slow machine moves it. */
  resize(width, height) {
    const finest = Math.min(FINE * (window.devicePixelRatio || 1), Math.sqrt(MOST_PIXELS / (width * height)));
    const ratio = this.moving ? finest * this.effort : finest;
    const size = `${width}x${height}@${ratio}`;
    if (this.size === size) return;
    this.size = size;
    this.renderer.setPixelRatio(ratio);
    this.renderer.setSize(width, height);
  }

  /** Choose the pixels of the next picture from how long this one took; all of them at rest. */
  settle(start) {
    const gl = this.renderer.getContext();
    // Reading a pixel waits until the picture is there: only then is it known how long it took.
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    const elapsed = performance.now() - start;
    if (elapsed > SLOW || elapsed < FAST) this.effort = Math.min(Math.max(this.effort * Math.sqrt((0.7 * SLOW) / elapsed), LEAST), 1);
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      this.moving = false;
      this.request();
    }, REST);
  }

  listen() {
    new ResizeObserver(() => this.request()).observe(this.host);
    this.slider.addEventListener("input", () => {
      this.stop();
      this.go(Number(this.slider.value) / STEPS);
    });
    this.root.addEventListener("pointerdown", (event) => {
      if (!event.target.closest("button")) this.stop();
    });
    this.host.addEventListener("pointerdown", (event) => {
      this.host.setPointerCapture(event.pointerId);
      this.canvas.focus({ preventScroll: true, focusVisible: false });
    });
    this.host.addEventListener("pointermove", (event) => {
      if (!this.host.hasPointerCapture(event.pointerId)) return;
      // A finger that moves up or down scrolls the page.
      this.turn(-0.4 * event.movementX, event.pointerType === "touch" ? 0 : 0.4 * event.movementY);
    });
    // Before the keys of the surfaces below, which are not seen yet.
    addEventListener("keydown", (event) => this.key(event), true);
    this.colour();
  }

  turn(azimuth, elevation) {
    this.view.turn(azimuth, elevation);
    this.moved();
  }

  key(event) {
    const here = this.root.contains(event.target);
    if (!here && (event.target !== document.body || this.root.getBoundingClientRect().bottom < innerHeight / 2)) return;
    event.stopImmediatePropagation();
    if (event.ctrlKey || event.metaKey || event.altKey || ["Tab", "Shift"].includes(event.key)) return;
    if (event.target !== this.player) this.stop();
    else if (event.key === "Escape") this.stop();
    if (event.target === this.player || !(event.key in ARROWS)) return;
    event.preventDefault();
    const [right, up] = ARROWS[event.key];
    if (event.target === this.slider) this.go(this.share + (Math.sign(right + up) * PRESS) / STEPS);
    else this.turn(right, up);
  }

  /** Names in the colours of their walls, as light or dark as the background lets them be read. */
  colour() {
    const paper = getComputedStyle(document.documentElement).getPropertyValue("--paper").trim();
    this.names.forEach((name, k) => (name.style.color = readable(this.told.networks[k].colour, paper)));
  }
}

/** Slow at both ends. */
function eased(time) {
  return time * time * (3 - 2 * time);
}

function rounded(value) {
  return Number(value.toPrecision(2)).toLocaleString("en-US");
}

/** How close a window is, and how wide in optimizer steps. */
export function words({ full_width: full, step_width: step }, width) {
  const factor = full / width;
  const text = factor >= 1.05 ? `${rounded(factor)} \u00d7 closer` : "whole surface";
  if (!step) return text;
  const steps = Number((width / step).toPrecision(2));
  if (steps < 1.5) return factor >= 1.05 ? `${rounded(factor)} \u00d7: one step` : "one step";
  return `${text}, ${rounded(steps)} steps wide`;
}

/** What a picture shows, for those who do not see it. */
function description(told, width) {
  const number = Math.max(told.widths.findLastIndex((wide) => wide >= width * (1 - 1e-9)), 0);
  const blocks = told.networks.map(({ title, windows }) => `${title}: ${creases(windows[number])}.`);
  return `Loss as blocks of clay, ${words(told, width)}. ${blocks.join(" ")}`;
}

function creases({ creases: count, cut, counted }) {
  if (!counted) return "too many creases to be seen one by one";
  if (!count) return "smooth, no crease";
  return `${count.toLocaleString("en-US")} crease${count === 1 ? "" : "s"} in the window it is taken from, ${cut.toLocaleString("en-US")} drawn as sharp edges`;
}

/** Put the section at the top of a page; `followed` says whether surfaces come below it. */
export async function startZoom(told, followed) {
  const section = new ZoomSection(told, followed);
  document.body.append(section.root);
  await section.load();
  theme.also(() => section.colour());
  return section;
}

/** What tests and curious people look at in the console. */
export function inspection(section) {
  return {
    go: (share) => (section.stop(), section.go(share)),
    share: () => section.share,
    gliding: () => Boolean(section.gliding),
    camera: () => ({ azimuth: section.view.azimuth, elevation: section.view.elevation }),
    frames: () => [...section.frames],
    drawn: (number) => Object.fromEntries(["points", "slopes", "triangles"].map((name) => [name, [...section.parts[number][name]]])),
    effort: () => section.effort,
  };
}
