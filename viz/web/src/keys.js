// The keyboard: everything a pointer can do.
import { make } from "./dom.js";

const KEYS = [
  ["\u2190 \u2192 \u2191 \u2193", "turn"],
  ["+ \u2212", "zoom"],
  ["0", "reset the view"],
  ["T", "view from above"],
  ["L", "log or linear"],
  ["S W C", "surface, wire, isolines"],
  ["P K X F", "paths, kink curves, cross at the centre, floor"],
  ["[ ]", "step back, forward"],
  ["Space", "play"],
  ["Enter", "keep the point in the middle"],
  ["Shift + arrows", "move the kept point by one sample"],
  ["Esc", "close what is open, release the kept point"],
  ["?", "this list"],
];

const TOGGLES = { s: "surface", w: "wire", c: "contours", p: "paths", k: "kinks", x: "centre", f: "floor" };
const TURNS = { ArrowLeft: [-5, 0], ArrowRight: [5, 0], ArrowUp: [0, 5], ArrowDown: [0, -5] };

/** Listen to the keyboard for a page; one without a method for a key leaves that key alone. */
export function keys(page) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // A dialog closes by itself.
    if (document.querySelector("dialog[open]")) return;
    const typing = event.target.closest?.("input, select, textarea");
    if (typing && event.key !== "Escape") return;
    if ([" ", "Enter"].includes(event.key) && event.target.closest?.("button, a, summary")) return;
    if (event.key.length === 1 && page.state.letters === false) return;
    if (act(page, event)) event.preventDefault();
  });
}

/** The dialog that lists those of the keys that a page has, says more, and switches letters off. */
export function helpDialog(page, has, words) {
  const letters = make("input", { type: "checkbox", checked: true, onchange: () => (page.state.letters = letters.checked) });
  const dialog = make("dialog", { class: "help", "aria-labelledby": "help-title" },
    make("h2", { id: "help-title" }, "Keys"),
    make("dl", {}, KEYS.filter(([, text]) => has(text)).flatMap(([key, text]) => [make("dt", {}, key), make("dd", {}, text)])),
    make("label", { class: "check" }, letters, make("span", {}, "Letters, digits and signs are shortcuts")),
    make("p", {}, words),
    make("button", { type: "button", onclick: () => dialog.close() }, "Close"));
  // What is closed keeps no key for itself.
  dialog.addEventListener("close", () => dialog.contains(document.activeElement) && document.activeElement.blur());
  document.body.append(dialog);
  return dialog;
}

/** Open a dialog, or close it. */
export function flip(dialog) {
  if (dialog.open) dialog.close();
  else dialog.showModal();
}

function act(page, event) {
  const { stage, state, controls } = page;
  if (event.key in TURNS) {
    if (event.shiftKey && page.movePin) page.movePin(...TURNS[event.key].map(Math.sign));
    else {
      stage.view.turn(...TURNS[event.key]);
      stage.moved();
    }
    return true;
  }
  const key = event.key.toLowerCase();
  if (key in TOGGLES) {
    page.change({ show: { ...state.show, [TOGGLES[key]]: !state.show[TOGGLES[key]] } });
    return true;
  }
  const actions = {
    "+": () => zoom(stage, 1.15),
    "=": () => zoom(stage, 1.15),
    "-": () => zoom(stage, 1 / 1.15),
    0: () => (stage.view.reset(), stage.moved()),
    t: () => ((stage.view.elevation = 90), (stage.view.azimuth = -90), stage.moved()),
    l: () => page.change({ height: state.height === "log" ? "linear" : "log" }),
    "[": () => controls.stepBy(-1),
    "]": () => controls.stepBy(1),
    " ": () => controls.play(),
    enter: page.keepMiddle && (() => page.keepMiddle()),
    escape: page.release && (() => page.release()),
    "?": () => controls.help(),
  };
  if (!actions[key]) return false;
  actions[key]();
  return true;
}

function zoom(stage, factor) {
  stage.view.magnify(factor);
  stage.moved();
}
