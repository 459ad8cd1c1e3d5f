// Starts what the page was written for.
import { told } from "./data.js";
import { startStudy } from "./study.js";
import { startToy } from "./toy/page.js";
import { inspection, startZoom } from "./zoom/page.js";
import { make } from "./dom.js";

const page = told;
window.lossoscope = { ready: false };

async function start() {
  const followed = page.mode !== "study" || page.panels.length > 0;
  const zoom = page.zoom ? await startZoom(page.zoom, followed) : null;
  const parts = followed ? await (page.mode === "toy" ? startToy(page) : startStudy(page)) : {};
  if (zoom) {
    document.documentElement.classList.add("zooming");
    document.title = page.title;
    const below = parts.resting ?? (() => true);
    Object.assign(parts, { zoom: inspection(zoom), resting: () => zoom.resting() && below() });
    zoom.open();
  }
  Object.assign(window.lossoscope, parts);
  // The flag is set when the first picture is there, not before; its time counts from when the page was asked for.
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  window.lossoscope.loadTime = performance.now();
  window.lossoscope.ready = true;
}

start().catch((error) => {
  console.error(error);
  const hint = /webgl/i.test(String(error)) ? " This browser has no WebGL. Use another browser, or turn on hardware acceleration in its settings." : "";
  document.body.prepend(make("p", { class: "failed", role: "alert" }, `This page could not be drawn: ${error.message}.${hint}`));
  window.lossoscope.error = String(error);
});
