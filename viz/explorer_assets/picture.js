// The picture of the surface, around what shows it: a click on it is the event "point" with the
// shares of its width and height, from the upper left. A drag turns the picture, and is none.
//
// The browser tells a click from a drag: what the picture is drawn with hears of both in pixels of
// a window that changes its size while it is turned.

{
  const STILL = 4; // A pointer that moves by no more pixels while it is down has clicked.

  class LandscapePicture extends HTMLElement {
    connectedCallback() {
      if (this.listening) return;
      this.listening = true;
      // What lies inside may keep events for itself.
      this.addEventListener("pointerdown", (e) => this.press(e), { capture: true });
      this.addEventListener("pointerup", (e) => this.release(e), { capture: true });
      this.addEventListener("pointercancel", () => (this.start = null), { capture: true });
    }

    press(event) {
      // A second finger makes a gesture of it.
      this.start = event.isPrimary && !event.button ? [event.clientX, event.clientY] : null;
    }

    release(event) {
      const start = this.start;
      this.start = null;
      if (!start || Math.hypot(event.clientX - start[0], event.clientY - start[1]) > STILL) return;
      const r = this.getBoundingClientRect();
      const detail = [(event.clientX - r.left) / r.width, (event.clientY - r.top) / r.height];
      this.dispatchEvent(new CustomEvent("point", { detail }));
    }
  }

  customElements.define("landscape-picture", LandscapePicture);
}
