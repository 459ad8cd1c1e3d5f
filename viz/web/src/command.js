// What is typed to draw the present view with the command line.

const SAFE = /^[A-Za-z0-9_.,:/@%+=-]+$/;
// The camera of pictures never looks straight down.
const STEEPEST = 89.9;
// Style.height of the page, which its exaggeration multiplies; of pictures; of figures for papers.
const [PAGE, PICTURE, FIGURE] = [0.33, 0.33, 0.42];

/** A word of a shell command, quoted if it must be. */
export function quoted(word) {
  return SAFE.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Degrees to a hundredth, so that corners of a picture agree with the page's to a pixel. */
function degrees(value) {
  return String(Number(value.toFixed(2)));
}

function viewWords({ ids, height, azimuth, elevation }) {
  const surfaces = ids.flatMap((id) => ["--surface", id]);
  return [...surfaces, "--height", height, `--camera=${degrees(azimuth)},${degrees(Math.min(elevation, STEEPEST))}`];
}

/** The command for a picture of the same surfaces, colours, shading and camera. */
export function renderCommand(view) {
  const { source, ids, colour, kinks, shading } = view;
  const words = ["landscape", "render", source, "--kind", ids.length > 1 ? "compare" : "surface", ...viewWords(view)];
  if (colour === "kinks" && kinks) words.push("--colour", `kinks:${kinks}`);
  else if (colour !== "losses" && colour !== "kinks") words.push("--colour", colour);
  if (shading !== "flat") words.push("--shading", shading);
  return withHeight(words, view, PICTURE);
}

/** The command for a paper's figure of the same surfaces and camera, coloured by their losses. */
export function figureCommand(view) {
  return withHeight(["landscape", "render", view.source, "--kind", "hybrid", ...viewWords(view)], view, FIGURE);
}

/** A command with a style file, if heights are not those it draws by itself. */
function withHeight(words, { exaggeration }, usual) {
  const height = Number((PAGE * exaggeration).toFixed(4));
  const text = words.map(quoted).join(" ");
  return height === usual ? text : `printf 'height = ${height}\\n' > view.toml && ${text} --style view.toml`;
}
