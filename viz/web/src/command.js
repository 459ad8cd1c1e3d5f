// What is typed to draw the present view with the command line.

const SAFE = /^[A-Za-z0-9_.,:/@%+=-]+$/;

/** A word of a shell command, quoted if it must be. */
export function quoted(word) {
  return SAFE.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The command for surfaces, height, colour, shading and the camera. */
export function commandOf({ source, ids, height, colour, shading, azimuth, elevation }) {
  const camera = `azimuth = ${azimuth.toFixed(1)}\\nelevation = ${Math.min(elevation, 89).toFixed(1)}\\n`;
  const words = ["landscape", "render", source, "--kind", ids.length > 1 ? "compare" : "surface"];
  for (const id of ids) words.push("--surface", id);
  words.push("--height", height);
  if (colour !== "losses" && colour !== "kinks") words.push("--colour", colour);
  if (shading !== "auto") words.push("--shading", shading);
  words.push("--style", "view.toml");
  return `printf '${camera}' > view.toml && ${words.map(quoted).join(" ")}`;
}
