// The panels with their titles, labels and colour bars as one PNG.
import { colourAt } from "./colourmaps.js";

// Pixels from one sentence below a picture to the next.
const LINE = 18;

/** Draw what is seen on a canvas, at twice the resolution. */
export function pictureOf(stage, legends, said, colours) {
  const scale = 2;
  stage.render(scale);
  const [width, height] = [stage.host.clientWidth, stage.host.clientHeight];
  const bars = legends.length ? 52 : 0;
  const extra = bars + LINE * said.length;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width * scale, (height + extra) * scale];
  const paper = canvas.getContext("2d");
  paper.scale(scale, scale);
  paper.fillStyle = colours.background;
  paper.fillRect(0, 0, width, height + extra);
  paper.drawImage(stage.canvas, 0, 0, width, height);
  stage.render();
  paper.fillStyle = colours.ink;
  const base = stage.host.getBoundingClientRect();
  for (const element of stage.host.querySelectorAll(".cell h2, .mark:not([hidden])")) {
    const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    paper.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    paper.textBaseline = "middle";
    paper.textAlign = "center";
    paper.fillText(element.textContent, box.left - base.left + box.width / 2, box.top - base.top + box.height / 2);
  }
  paper.font = "12px system-ui, sans-serif";
  paper.textAlign = "center";
  said.forEach((text, k) => paper.fillText(text, width / 2, height + bars + LINE * (k + 0.5), width - 16));
  legends.forEach((legend, k) => drawBar(paper, legend, [(width * (2 * k + 1)) / (2 * legends.length), height + 14]));
  return canvas;
}

function drawBar(paper, legend, [centre, top]) {
  const width = 240;
  for (let x = 0; x < width; x++) {
    paper.fillStyle = `rgb(${colourAt(legend.map, x / (width - 1)).map(Math.round).join(",")})`;
    paper.fillRect(centre - width / 2 + x, top, 1.5, 10);
  }
  paper.fillStyle = legend.ink;
  paper.font = "12px system-ui, sans-serif";
  paper.textAlign = "center";
  for (const [share, text] of legend.ticks) paper.fillText(text, centre - width / 2 + share * width, top + 22);
  paper.textAlign = "right";
  paper.fillText(legend.name, centre - width / 2 - 8, top + 5);
}

/** Offer a canvas as a file. */
export function save(canvas, name) {
  canvas.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    // A browser may begin to read it much later.
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  });
}
