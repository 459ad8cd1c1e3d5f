// The loss along a line between two points of the surface, with its accuracy where it was measured.
//
// Everything comes in as attributes: "shares", "losses" and "accuracies" in base64 as float64,
// "ends" as JSON, "letters" and "height". Where the pointer is, the document hears as the event
// "landscape-spot" with [alpha, beta], or null.

{
  const SVG = "http://www.w3.org/2000/svg";
  const WIDTH = 320, HEIGHT = 190, LEFT = 52, RIGHT = 38, TOP = 10, BOTTOM = 22;

  const unpacked = (text) =>
    new Float64Array(Uint8Array.from(atob(text || ""), (c) => c.charCodeAt(0)).buffer);
  const told = (x, digits = 5) =>
    String(Number(x.toPrecision(digits))).replaceAll("-", "\u2212");

  // Round numbers from low to high, about as many as wanted.
  function ticks(low, high, wanted) {
    const rough = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((f) => f * power >= rough);
    const found = [];
    for (let k = Math.ceil(low / step); k * step <= high * (1 + 1e-12); k++) found.push(k * step);
    return found;
  }

  // No property may be called like an attribute: Vue would set it instead of the attribute.
  class LandscapeCurve extends HTMLElement {
    static observedAttributes = ["shares", "losses", "accuracies", "ends", "letters", "height"];

    connectedCallback() {
      if (this.svg) return;
      this.tabIndex = 0;
      this.setAttribute("role", "application");
      this.setAttribute("aria-label", "Loss along the line. Left and right read its values.");
      this.svg = this.appendChild(document.createElementNS(SVG, "svg"));
      this.svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
      this.readout = this.appendChild(document.createElement("output"));
      this.readout.className = "curve-readout";
      this.svg.addEventListener("pointermove", (e) => this.point(e));
      this.svg.addEventListener("pointerleave", () => this.read(null));
      this.addEventListener("keydown", (e) => this.key(e));
      this.addEventListener("blur", () => this.read(null));
      this.update();
    }

    disconnectedCallback() {
      this.spot(null);
    }

    attributeChangedCallback() {
      if (!this.svg || this.waiting) return;
      // Several attributes change together.
      this.waiting = true;
      queueMicrotask(() => {
        this.waiting = false;
        this.update();
      });
    }

    draw(name, attributes, text) {
      const element = this.svg.appendChild(document.createElementNS(SVG, name));
      for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
      if (text !== undefined) element.textContent = text;
      return element;
    }

    update() {
      this.svg.replaceChildren();
      this.cursor = null;
      this.along = unpacked(this.getAttribute("shares"));
      this.values = unpacked(this.getAttribute("losses"));
      this.rates = unpacked(this.getAttribute("accuracies"));
      this.places = JSON.parse(this.getAttribute("ends") || "[]");
      this.names = (this.getAttribute("letters") || "A B").split(" ");
      const positive = [...this.values].some((x) => x > 0 && Number.isFinite(x));
      this.isLog = this.getAttribute("height") === "log" && positive;
      const heights = [...this.values].map((x) => this.level(x)).filter(Number.isFinite);
      this.low = Math.min(...heights);
      this.high = Math.max(...heights);
      if (!heights.length) Object.assign(this, { low: 0, high: 1 });
      const range = this.high - this.low || Math.abs(this.high) || 1;
      this.low -= 0.04 * range;
      this.high += 0.04 * range;
      this.axes();
      if (this.rates.length) this.curve(this.rates, (a) => this.share(a), "accuracy");
      this.curve(this.values, (x) => this.y(x), "loss");
      this.read(null);
    }

    level(loss) {
      return this.isLog ? (loss > 0 ? Math.log10(loss) : NaN) : loss;
    }

    x(share) {
      return LEFT + share * (WIDTH - LEFT - RIGHT);
    }

    y(loss) {
      const height = (this.level(loss) - this.low) / (this.high - this.low);
      return TOP + (1 - height) * (HEIGHT - TOP - BOTTOM);
    }

    // Accuracies have a scale of their own, from 0 to 1.
    share(accuracy) {
      return TOP + (1 - accuracy) * (HEIGHT - TOP - BOTTOM);
    }

    axes() {
      this.draw("rect", { x: LEFT, y: TOP, width: WIDTH - LEFT - RIGHT,
                          height: HEIGHT - TOP - BOTTOM, class: "frame" });
      const low = this.isLog ? 10 ** this.low : this.low, high = this.isLog ? 10 ** this.high : this.high;
      const decades = [];
      for (let k = Math.ceil(this.low); this.isLog && k <= this.high; k++) decades.push(10 ** k);
      const steps = decades.length > 1 ? decades : ticks(low, high, 4);
      const every = Math.ceil(steps.length / 6);
      const shown = steps.filter((_, k) => k % every === 0);
      // As many digits as tell them apart.
      let digits = 4;
      while (digits < 15 && new Set(shown.map((x) => told(x, digits))).size < shown.length) digits++;
      for (const loss of shown) {
        const y = this.y(loss);
        this.draw("line", { x1: LEFT - 4, x2: LEFT, y1: y, y2: y, class: "tick" });
        this.draw("text", { x: LEFT - 6, y: y + 4, class: "left" }, told(loss, digits));
      }
      this.names.forEach((letter, k) =>
        this.draw("text", { x: this.x(k), y: HEIGHT - 6, class: "end" }, letter));
      const title = this.isLog ? "loss, log" : "loss";
      this.draw("text", { x: this.x(0.5), y: HEIGHT - 6, class: "middle" }, title);
      if (!this.rates.length) return;
      for (const a of [0, 0.5, 1]) {
        this.draw("text", { x: WIDTH - RIGHT + 4, y: this.share(a) + 4, class: "right" },
                  `${100 * a}%`);
      }
    }

    curve(values, place, name) {
      let pieces = "", pen = "M";
      values.forEach((value, k) => {
        const y = place(value);
        if (!Number.isFinite(y)) pen = "M";
        else {
          pieces += `${pen}${this.x(this.along[k]).toFixed(2)} ${y.toFixed(2)}`;
          pen = "L";
        }
      });
      this.draw("path", { d: pieces, class: name });
    }

    point(event) {
      const box = this.svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * WIDTH;
      const share = (x - LEFT) / (WIDTH - LEFT - RIGHT);
      let nearest = 0;
      this.along.forEach((s, k) => {
        if (Math.abs(s - share) < Math.abs(this.along[nearest] - share)) nearest = k;
      });
      this.read(nearest);
    }

    key(event) {
      const last = this.along.length - 1, here = this.here ?? -1;
      const moves = { ArrowLeft: Math.max(here - 1, 0), ArrowRight: Math.min(here + 1, last),
                      Home: 0, End: last };
      if (!(event.key in moves) || last < 0) return;
      event.preventDefault();
      this.read(moves[event.key]);
    }

    read(k) {
      this.here = k;
      this.cursor?.remove();
      if (k === null || k >= this.along.length || this.places.length < 2) {
        this.readout.textContent = this.rates.length ? "dashed: accuracy\n\u00a0" : "\u00a0\n\u00a0";
        this.spot(null);
        return;
      }
      const share = this.along[k], x = this.x(share);
      this.cursor = this.draw("line", { x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM,
                                        class: "cursor" });
      const [first, second] = this.places;
      const [alpha, beta] = [0, 1].map((i) => first[i] + share * (second[i] - first[i]));
      const value = this.values[k], loss = Number.isNaN(value) ? "none" : told(value, 7);
      const rate = this.rates.length ? `   accuracy ${told(100 * this.rates[k], 4)} %` : "";
      this.readout.textContent = `\u03b1 ${told(alpha)}   \u03b2 ${told(beta)}\nloss ${loss}${rate}`;
      this.spot([alpha, beta]);
    }

    spot(place) {
      document.dispatchEvent(new CustomEvent("landscape-spot", { detail: place }));
    }
  }

  customElements.define("landscape-curve", LandscapeCurve);
}
