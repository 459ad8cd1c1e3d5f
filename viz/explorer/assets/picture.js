// The picture of the surface. The server draws it; this asks for it, one picture at a time, in the
// pixels of the screen, and keeps to itself how it is turned, zoomed and moved. A slow line or machine
// gets fewer pictures, never old ones.
//
// The attribute "version" says which picture is the latest, "ground" is light or dark, "raised" how
// high the camera is before it is turned, in degrees, and a change of "resets" turns it back. What goes
// out are the events "ask" with what to send and whom to answer, and "point" for a click: the version
// of the picture that is seen, the shares of its width and height from the upper left, and what was
// sent for it. When all is shown, the attribute "shown" is the version.

{
  const STILL = 4; // A pointer that moves by no more pixels while it is down has clicked.
  const DEGREES = 0.4; // For a pixel.
  const REST = 250; // Milliseconds after the last turn of the wheel, or key.
  const AGAIN = 1000; // Milliseconds until what went wrong is asked for again.
  // Pixels of a picture at rest and in motion: more would take a machine without a graphics card too
  // long. At rest none has fewer pixels than the page.
  const MOST = 4e6, MOST_MOVING = 2.5e6;
  const FINEST = 2; // Pixels of a picture to one of the page: more are not seen.
  const MOST_ZOOM = 64;
  const KEYS = { ArrowLeft: [-5, 0], ArrowRight: [5, 0], ArrowUp: [0, 5], ArrowDown: [0, -5] };
  const ZOOMS = { "+": 1.15, "=": 1.15, "-": 1 / 1.15 };

  const unmoved = () => ({ azimuth: 0, elevation: 0, zoom: 1, right: 0, up: 0 });

  class LandscapePicture extends HTMLElement {
    static observedAttributes = ["version", "ground", "resets"];

    connectedCallback() {
      if (this.pointers) return;
      this.pointers = new Map();
      this.camera = unmoved();
      this.seen = { version: -1, look: "", whole: true, sent: [] };
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
      this.watchScreen();
    }

    attributeChangedCallback(name) {
      if (!this.pointers) return;
      if (name === "resets") this.camera = unmoved();
      this.ask();
    }

    // The window may be taken to another screen.
    watchScreen() {
      const same = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
      same.addEventListener("change", () => {
        this.ask();
        this.watchScreen();
      }, { once: true });
    }

    // Pixels of the picture to one of the page.
    ratio(moving) {
      const pixels = this.clientWidth * this.clientHeight;
      const fits = Math.sqrt((moving ? MOST_MOVING : MOST) / pixels);
      return Math.min(devicePixelRatio, FINEST, moving ? fits : Math.max(fits, 1));
    }

    // Ask for the next picture if there is anything new to see, unless one is on its way.
    ask() {
      const [width, height] = [this.clientWidth, this.clientHeight];
      if (this.asking || !this.isConnected || width < 2 || height < 2) return;
      const version = Number(this.getAttribute("version")), ground = this.getAttribute("ground");
      const { azimuth, elevation, zoom, right, up } = this.camera;
      const view = [azimuth, elevation, zoom, right, up, ground];
      const look = [width, height, devicePixelRatio, ...view].join(" ");
      const moving = this.resting !== undefined || this.pointers.size > 0;
      const { seen } = this;
      if (seen.version >= version && seen.look === look && (seen.whole || moving)) return;
      this.removeAttribute("shown");
      this.asking = true;
      const ratio = this.ratio(moving);
      const sent = [Math.round(ratio * width), Math.round(ratio * height), ratio, ...view, moving];
      const answer = (found) => this.take(found, { version, look, whole: !moving, sent });
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
        if (before > 0 && now > 0) this.magnify(now / before);
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
      if (!this.seen.sent.length) return;
      const r = this.getBoundingClientRect();
      const detail = [this.seen.version, (event.clientX - r.left) / r.width,
                      (event.clientY - r.top) / r.height, ...this.seen.sent];
      this.dispatchEvent(new CustomEvent("point", { detail }));
    }

    rotate(azimuth, elevation) {
      this.camera.azimuth += azimuth;
      const raised = Number(this.getAttribute("raised"));
      const highest = 90 - raised, lowest = -90 - raised;
      const wanted = this.camera.elevation + elevation;
      this.camera.elevation = Math.min(Math.max(wanted, lowest), highest);
    }

    shift(dx, dy) {
      this.camera.right += dx / this.clientHeight;
      this.camera.up -= dy / this.clientHeight;
    }

    // What is in the middle stays there.
    magnify(factor) {
      const before = this.camera.zoom;
      this.camera.zoom = Math.min(Math.max(before * factor, 1 / MOST_ZOOM), MOST_ZOOM);
      this.camera.right *= this.camera.zoom / before;
      this.camera.up *= this.camera.zoom / before;
    }

    turn(event) {
      event.preventDefault();
      const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
      this.magnify(Math.exp(-0.0015 * pixels));
      this.soon();
    }

    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key in KEYS) this.rotate(...KEYS[event.key]);
      else if (event.key in ZOOMS) this.magnify(ZOOMS[event.key]);
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
