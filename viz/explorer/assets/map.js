// The surface seen from above: draw a box, scroll or press keys to choose the next window.
//
// Everything comes in as attributes; what goes out are the events "window" with detail
// [version, alpha0, alpha1, beta0, beta1], "stop" for Escape, and "prefer" with "light" or "dark" at
// first. With the attribute "picking" a click is the event "pick" with [version, [[alpha, beta]]]
// instead, and a drag with two points. The version is that of the picture on which it was begun.

const NS = "http://www.w3.org/2000/svg";
const SMALLEST = 6; // A box of fewer pixels is a click.
const SETTLE = 350; // Milliseconds without a further turn of the wheel.

// No property may be called like an attribute: Vue would set it instead of the attribute.
class LandscapeMap extends HTMLElement {
  static observedAttributes = ["src", "extent", "window", "path", "values", "shape", "ends", "letters"];

  connectedCallback() {
    if (this.image) return;
    this.tabIndex = 0;
    this.setAttribute("role", "application");
    this.setAttribute(
      "aria-label",
      "Map of the surface from above. Drag a box or scroll to sample a region. " +
        "Arrow keys move the window by a quarter, plus and minus halve and double it.",
    );
    this.frame = this.appendChild(document.createElement("div"));
    this.frame.className = "map-frame";
    this.image = this.frame.appendChild(new Image());
    this.image.alt = "";
    this.image.draggable = false;
    this.svg = this.frame.appendChild(document.createElementNS(NS, "svg"));
    this.svg.setAttribute("viewBox", "0 0 1 1");
    this.svg.setAttribute("preserveAspectRatio", "none");
    this.line = this.svg.appendChild(document.createElementNS(NS, "polyline"));
    this.between = this.svg.appendChild(document.createElementNS(NS, "line"));
    this.box = this.frame.appendChild(document.createElement("div"));
    this.box.className = "map-box";
    this.end = this.frame.appendChild(document.createElement("div"));
    this.end.className = "map-end";
    this.marks = [0, 1].map(() => this.frame.appendChild(document.createElement("span")));
    this.spot = this.frame.appendChild(document.createElement("div"));
    this.spot.className = "map-spot";
    this.spot.hidden = true;
    document.addEventListener("landscape-spot", (e) => this.put(this.spot, e.detail));
    this.readout = this.appendChild(document.createElement("output"));
    this.readout.className = "map-readout";
    this.readout.textContent = "\u00a0";
    this.frame.addEventListener("pointerdown", (e) => this.press(e));
    this.frame.addEventListener("pointermove", (e) => this.move(e));
    this.frame.addEventListener("pointerup", (e) => this.release(e));
    this.frame.addEventListener("pointercancel", () => this.drop());
    this.frame.addEventListener("wheel", (e) => this.turn(e), { passive: false });
    this.addEventListener("keydown", (e) => this.key(e));
    this.update();
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    // The listeners of the page are there when its element has been mounted.
    setTimeout(() => this.dispatchEvent(new CustomEvent("prefer", { detail: dark ? "dark" : "light" })));
  }

  attributeChangedCallback() {
    if (this.image) this.update();
  }

  update() {
    const [a0, a1, b0, b1] = (this.getAttribute("extent") || "0 1 0 1").split(" ").map(Number);
    Object.assign(this, { a0, a1, b0, b1 });
    this.frame.style.aspectRatio = `${a1 - a0} / ${b1 - b0}`;
    const src = this.getAttribute("src");
    if (src) this.image.src = src;
    this.image.style.transform = "";
    this.counts = (this.getAttribute("shape") || "0 0").split(" ").map(Number);
    const bytes = Uint8Array.from(atob(this.getAttribute("values") || ""), (c) => c.charCodeAt(0));
    const double = bytes.length === 8 * this.counts[0] * this.counts[1];
    this.numbers = new (double ? Float64Array : Float32Array)(bytes.buffer);
    const points = JSON.parse(this.getAttribute("path") || "[]").map(([a, b]) => this.place(a, b));
    this.line.setAttribute("points", points.map((p) => p.join(",")).join(" "));
    const last = points.at(-1);
    this.end.hidden = !last || last.some((x) => x < 0 || x > 1);
    if (last) Object.assign(this.end.style, { left: `${100 * last[0]}%`, top: `${100 * last[1]}%` });
    this.mark();
  }

  // The chosen ends of a line, and the line between them.
  mark() {
    const ends = JSON.parse(this.getAttribute("ends") || "[]");
    const letters = (this.getAttribute("letters") || "A B").split(" ");
    this.marks.forEach((element, k) => {
      element.className = "map-mark";
      element.textContent = letters[k];
      this.put(element, ends[k]);
    });
    this.between.style.display = ends.length === 2 ? "" : "none";
    if (ends.length < 2) return;
    const [p, q] = ends.map(([a, b]) => this.place(a, b));
    const places = { x1: p[0], y1: p[1], x2: q[0], y2: q[1] };
    for (const [name, value] of Object.entries(places)) this.between.setAttribute(name, value);
  }

  put(element, point) {
    const at = point && this.place(...point);
    element.hidden = !at || at.some((x) => x < 0 || x > 1);
    if (at) Object.assign(element.style, { left: `${100 * at[0]}%`, top: `${100 * at[1]}%` });
  }

  get shownVersion() {
    return Number(this.getAttribute("version"));
  }

  get choosing() {
    return this.hasAttribute("picking");
  }

  place(alpha, beta) {
    return [(alpha - this.a0) / (this.a1 - this.a0), (this.b1 - beta) / (this.b1 - this.b0)];
  }

  at(event) {
    const r = this.frame.getBoundingClientRect();
    const share = (x, low, size) => Math.min(Math.max((x - low) / size, 0), 1);
    return [share(event.clientX, r.left, r.width), share(event.clientY, r.top, r.height)];
  }

  coordinates([u, v]) {
    return [this.a0 + u * (this.a1 - this.a0), this.b1 - v * (this.b1 - this.b0)];
  }

  press(event) {
    if (event.button) return;
    this.start = this.at(event);
    this.begun = this.shownVersion;
    try {
      this.frame.setPointerCapture(event.pointerId);
    } catch {
      // A finger that is gone before a slow machine hears of it.
    }
  }

  move(event) {
    const here = this.at(event);
    this.read(here);
    if (!this.start) return;
    if (this.choosing) return;
    const [u, v] = this.start;
    this.outline(Math.min(u, here[0]), Math.min(v, here[1]),
                 Math.abs(here[0] - u), Math.abs(here[1] - v));
  }

  outline(u, v, width, height) {
    const percent = (x) => `${100 * x}%`;
    Object.assign(this.box.style, { display: "block", left: percent(u), top: percent(v),
                                    width: percent(width), height: percent(height) });
  }

  release(event) {
    if (!this.start) return;
    const from = this.start, to = this.at(event), r = this.frame.getBoundingClientRect();
    this.drop();
    if (this.choosing) {
      const moved = Math.hypot((to[0] - from[0]) * r.width, (to[1] - from[1]) * r.height);
      const picked = moved < SMALLEST ? [to] : [from, to];
      const points = picked.map((p) => this.coordinates(p));
      this.dispatchEvent(new CustomEvent("pick", { detail: [this.begun, points] }));
      return;
    }
    if (Math.abs(to[0] - from[0]) * r.width < SMALLEST) return;
    if (Math.abs(to[1] - from[1]) * r.height < SMALLEST) return;
    const [p, q] = [this.coordinates(from), this.coordinates(to)];
    this.ask(this.begun, Math.min(p[0], q[0]), Math.max(p[0], q[0]),
             Math.min(p[1], q[1]), Math.max(p[1], q[1]));
  }

  drop() {
    this.start = null;
    this.box.style.display = "none";
  }

  turn(event) {
    event.preventDefault();
    const here = this.at(event);
    if (!this.wheel) this.wheel = { about: here, factor: 1, version: this.shownVersion };
    const steps = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
    this.wheel.factor = Math.min(Math.max(this.wheel.factor * 2 ** (steps / 240), 1 / 64), 64);
    const { about, factor, version } = this.wheel;
    if (factor < 1) {
      this.outline(about[0] * (1 - factor), about[1] * (1 - factor), factor, factor);
    } else {
      this.box.style.display = "none";
      this.image.style.transformOrigin = `${100 * about[0]}% ${100 * about[1]}%`;
      this.image.style.transform = `scale(${1 / factor})`;
    }
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      this.wheel = null;
      this.drop();
      const [alpha, beta] = this.coordinates(about);
      const [low, high] = this.inner();
      const ends = (x, a, b) => [x + (a - x) * factor, x + (b - x) * factor];
      this.ask(version, ...ends(alpha, low[0], high[0]), ...ends(beta, low[1], high[1]));
    }, SETTLE);
  }

  // First and last alpha and beta of the points; the picture may show half a cell more.
  inner() {
    const [a0, a1, b0, b1] = (this.getAttribute("window") || "0 1 0 1").split(" ").map(Number);
    return [[a0, b0], [a1, b1]];
  }

  key(event) {
    if (event.key === "Escape") {
      this.drop();
      this.dispatchEvent(new CustomEvent("stop"));
      return;
    }
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const factors = { "+": 0.5, "=": 0.5, "-": 2 };
    const [low, high] = this.inner(), size = [high[0] - low[0], high[1] - low[1]];
    const middle = [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2];
    if (event.ctrlKey || event.metaKey) return;
    if (event.key in moves) {
      const [x, y] = moves[event.key];
      middle[0] += (x * size[0]) / 4;
      middle[1] += (y * size[1]) / 4;
    } else if (!(event.key in factors)) return;
    event.preventDefault();
    const f = (factors[event.key] || 1) / 2;
    this.ask(this.shownVersion, middle[0] - f * size[0], middle[0] + f * size[0],
             middle[1] - f * size[1], middle[1] + f * size[1]);
  }

  ask(version, ...ends) {
    this.dispatchEvent(new CustomEvent("window", { detail: [version, ...ends] }));
  }

  read([u, v]) {
    const [n, m] = this.counts;
    if (!n || this.numbers.length !== n * m) return;
    const here = this.coordinates([u, v]), [low, high] = this.inner();
    const nearest = (x, k, count) =>
      Math.min(Math.max(Math.round(((x - low[k]) / (high[k] - low[k])) * (count - 1)), 0), count - 1);
    const i = nearest(here[0], 0, n), j = nearest(here[1], 1, m), value = this.numbers[i * m + j];
    const alpha = low[0] + (i * (high[0] - low[0])) / (n - 1);
    const beta = low[1] + (j * (high[1] - low[1])) / (m - 1);
    const text = (x) => String(Number(x.toPrecision(5))).replace("-", "\u2212");
    const loss = Number.isNaN(value) ? "none" : text(value);
    this.readout.textContent = `\u03b1 ${text(alpha)}   \u03b2 ${text(beta)}   ${this.getAttribute("quantity")} ${loss}`;
  }
}

customElements.define("landscape-map", LandscapeMap);
