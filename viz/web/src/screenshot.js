// The panels with their titles, labels and colour bars as one PNG.
import { colourAt } from "./colourmaps.js";

// Words below a picture, and pixels from one line of them to the next.
const [WORDS, LINE] = ["12px system-ui, sans-serif", 18];

/** Draw what is seen on a canvas, at twice the resolution. */
export function pictureOf(stage, legends, said, colours) {
  const scale = 2;
  stage.render(2 * scale);
  const [width, height] = [stage.host.clientWidth, stage.host.clientHeight];
  const bars = legends.length ? 52 : 0;
  const canvas = document.createElement("canvas");
  const paper = canvas.getContext("2d");
  paper.font = WORDS;
  const lines = wrapped(said.join(" "), width - 32, (text) => paper.measureText(text).width);
  const extra = bars + LINE * lines.length;
  // That also resets what was set.
  [canvas.width, canvas.height] = [width * scale, (height + extra) * scale];
  paper.scale(scale, scale);
  paper.fillStyle = colours.background;
  paper.fillRect(0, 0, width, height + extra);
  paper.drawImage(stage.canvas, 0, 0, width, height);
  stage.render();
  const base = stage.host.getBoundingClientRect();
  for (const element of stage.host.querySelectorAll(".cell h2, .mark:not([hidden])")) {
    const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    paper.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    paper.textBaseline = "middle";
    paper.textAlign = "center";
    paper.fillStyle = style.color;
    paper.fillText(element.textContent, box.left - base.left + box.width / 2, box.top - base.top + box.height / 2);
  }
  paper.fillStyle = colours.ink;
  paper.font = WORDS;
  paper.textAlign = "center";
  lines.forEach((text, k) => paper.fillText(text, width / 2, height + bars + LINE * (k + 0.5)));
  legends.forEach((legend, k) => drawBar(paper, legend, [(width * (2 * k + 1)) / (2 * legends.length), height + 14]));
  return canvas;
}

/** A text in lines that are no longer than so many pixels. */
function wrapped(text, longest, measure) {
  const lines = [];
  for (const word of text.split(" ").filter(Boolean)) {
    const longer = lines.length ? `${lines[lines.length - 1]} ${word}` : word;
    if (lines.length && measure(longer) <= longest) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
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
