// The picture of the surface. The server draws it; this asks for it, one picture at a time, at the
// size it is shown in, with what was turned, zoomed and moved since the last one. A slow line or
// machine gets fewer pictures, never old ones.
//
// The attribute "version" says which picture is the latest. What goes out are the events "ask" with
// what to send and whom to answer, and "point" for a click: the shares of the width and height, from
// the upper left, and both in pixels. When all is shown, the attribute "shown" is the version.

{
  const STILL = 4; // A pointer that moves by no more pixels while it is down has clicked.
  const DEGREES = 0.4; // For a pixel.
  const REST = 250; // Milliseconds after the last turn of the wheel, or key.
  const AGAIN = 1000; // Milliseconds until what went wrong is asked for again.
  const KEYS = { ArrowLeft: [-5, 0], ArrowRight: [5, 0], ArrowUp: [0, 5], ArrowDown: [0, -5] };
  const ZOOMS = { "+": 1.15, "=": 1.15, "-": 1 / 1.15 };

  const unmoved = () => ({ azimuth: 0, elevation: 0, zoom: 1, right: 0, up: 0 });

  class LandscapePicture extends HTMLElement {
    static observedAttributes = ["version"];

    connectedCallback() {
      if (this.pointers) return;
      this.pointers = new Map();
      this.moves = unmoved();
      this.seen = { version: -1, size: "", whole: true };
      this.tabIndex = 0;
      this.setAttribute("role", "application");
      this.setAttribute(
        "aria-label",
        "Picture of the surface. Drag or press arrow keys to turn, scroll or press plus and minus " +
          "to zoom, drag with Shift to move.",
      );
      this.addEventListener("pointerdown", (e) => this.press(e));
      this.addEventListener("pointermove", (e) => this.drag(e));
      this.addEventListener("pointerup", (e) => this.release(e));
      this.addEventListener("pointercancel", (e) => this.release(e));
      this.addEventListener("lostpointercapture", (e) => this.release(e));
      this.addEventListener("contextmenu", (e) => e.preventDefault());
      this.addEventListener("wheel", (e) => this.turn(e), { passive: false });
      this.addEventListener("keydown", (e) => this.key(e));
      new ResizeObserver(() => this.ask()).observe(this);
    }

    attributeChangedCallback() {
      if (this.pointers) this.ask();
    }

    // Ask for the next picture if there is anything new to see, unless one is on its way.
    ask() {
      const [width, height] = [Math.round(this.clientWidth), Math.round(this.clientHeight)];
      if (this.asking || !this.isConnected || width < 2 || height < 2) return;
      const version = Number(this.getAttribute("version")), size = `${width} ${height}`;
      const moved = Object.entries(unmoved()).some(([name, value]) => this.moves[name] !== value);
      const moving = this.resting !== undefined || this.pointers.size > 0;
      const { seen } = this;
      const known = seen.version >= version && seen.size === size && (seen.whole || moving);
      if (known && !moved) return;
      this.removeAttribute("shown");
      this.asking = true;
      const { azimuth, elevation, zoom, right, up } = this.moves;
      this.moves = unmoved();
      const sent = [width, height, azimuth, elevation, zoom, right, up, moving];
      const answer = (found) => this.take(found, { version, size, whole: !moving });
      this.dispatchEvent(new CustomEvent("ask", { detail: { sent, answer } }));
    }

    async take(promise, asked) {
      try {
        const [version, content] = (await promise) ?? [asked.version, null];
        if (content?.length) await this.show(content);
        this.seen = { ...asked, version };
      } catch {
        await new Promise((resolve) => setTimeout(resolve, AGAIN));
      }
      this.asking = false;
      if (this.seen.whole) this.setAttribute("shown", this.seen.version);
      this.ask();
    }

    async show(content) {
      const next = new Image();
      next.alt = "";
      next.draggable = false;
      next.src = URL.createObjectURL(new Blob([content], { type: "image/jpeg" }));
      try {
        await next.decode();
        this.replaceChildren(next);
      } finally {
        URL.revokeObjectURL(next.src);
      }
    }

    press(event) {
      try {
        this.setPointerCapture(event.pointerId);
      } catch {
        // A finger that is gone before a slow machine hears of it.
      }
      this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
      const shifts = event.shiftKey || event.button > 0;
      // A second finger makes a gesture of it.
      this.start = { x: event.clientX, y: event.clientY, shifts,
                     far: this.pointers.size > 1 || event.button > 0 };
    }

    drag(event) {
      const last = this.pointers.get(event.pointerId);
      if (!last) return;
      const { start } = this, here = [event.clientX, event.clientY];
      if (!start.far && Math.hypot(here[0] - start.x, here[1] - start.y) <= STILL) return;
      start.far = true;
      const [dx, dy] = [here[0] - last[0], here[1] - last[1]];
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
      if (other) {
        const [before, now] = [last, here].map(([x, y]) => Math.hypot(x - other[0], y - other[1]));
        if (before > 0 && now > 0) this.moves.zoom *= now / before;
        this.shift(dx / 2, dy / 2);
      } else if (start.shifts) this.shift(dx, dy);
      else this.rotate(-DEGREES * dx, DEGREES * dy);
      this.pointers.set(event.pointerId, here);
      this.ask();
    }

    release(event) {
      if (!this.pointers.delete(event.pointerId)) return;
      this.ask();
      if (event.type !== "pointerup" || this.start.far) return;
      const r = this.getBoundingClientRect();
      const detail = [(event.clientX - r.left) / r.width, (event.clientY - r.top) / r.height,
                      Math.round(this.clientWidth), Math.round(this.clientHeight)];
      this.dispatchEvent(new CustomEvent("point", { detail }));
    }

    rotate(azimuth, elevation) {
      this.moves.azimuth += azimuth;
      this.moves.elevation += elevation;
    }

    shift(dx, dy) {
      this.moves.right += dx / this.clientHeight;
      this.moves.up -= dy / this.clientHeight;
    }

    turn(event) {
      event.preventDefault();
      const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
      this.moves.zoom *= Math.exp(-0.0015 * pixels);
      this.soon();
    }

    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key in KEYS) this.rotate(...KEYS[event.key]);
      else if (event.key in ZOOMS) this.moves.zoom *= ZOOMS[event.key];
      else return;
      event.preventDefault();
      this.soon();
    }

    // More of the same may follow: the whole picture comes after a rest.
    soon() {
      clearTimeout(this.resting);
      this.resting = setTimeout(() => {
        this.resting = undefined;
        this.ask();
      }, REST);
      this.ask();
    }
  }

  customElements.define("landscape-picture", LandscapePicture);
}
