// The keyboard: everything a pointer can do.

export const KEYS = [
  ["\u2190 \u2192 \u2191 \u2193", "turn"],
  ["+ \u2212", "zoom"],
  ["0", "reset the view"],
  ["T", "view from above"],
  ["L", "log or linear"],
  ["S W C", "surface, wire, isolines"],
  ["P K X F", "paths, kink curves, cross at the centre, floor"],
  ["[ ]", "step back, forward"],
  ["Space", "play"],
  ["Shift + arrows", "move the kept point by one sample"],
  ["Esc", "release the kept point"],
  ["?", "this list"],
];

const TOGGLES = { s: "surface", w: "wire", c: "contours", p: "paths", k: "kinks", x: "centre", f: "floor" };
const TURNS = { ArrowLeft: [-5, 0], ArrowRight: [5, 0], ArrowUp: [0, 5], ArrowDown: [0, -5] };

export function keys(page) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest?.("input, select, textarea");
    if (typing && event.key !== "Escape") return;
    if (event.key === " " && event.target.closest?.("button")) return;
    if (act(page, event)) event.preventDefault();
  });
}

function act(page, event) {
  const { stage, state } = page;
  if (event.key in TURNS) {
    if (event.shiftKey && state.pin) movePin(page, TURNS[event.key]);
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
    "[": () => page.controls.stepBy(-1),
    "]": () => page.controls.stepBy(1),
    " ": () => page.controls.play(),
    escape: () => page.change({ pin: null }),
    "?": () => page.controls.help(),
  };
  if (!(key in actions)) return false;
  actions[key]();
  return true;
}

function zoom(stage, factor) {
  stage.view.magnify(factor);
  stage.moved();
}

function movePin(page, [right, up]) {
  const { panel, alpha, beta } = page.state.pin;
  const here = page.stage.panels.includes(panel) ? panel : page.stage.panels[0];
  const [i, j] = here.sampleAt(alpha, beta);
  const bound = (value, count) => Math.min(Math.max(value, 0), count - 1);
  const next = [bound(i + Math.sign(right), here.xs.length), bound(j + Math.sign(up), here.ys.length)];
  page.change({ pin: { panel: here, alpha: here.level.alphas[next[0]], beta: here.level.betas[next[1]] } });
}
