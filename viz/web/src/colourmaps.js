// Colour maps as 33 colours each, from matplotlib (CC0): perceptually uniform, safe for the colour-blind.

const MAPS = {
  viridis:
    "440154470d6048186a482374472d7b4537814240863e49893b528b375b8d33638d2f6b8e2c728e297a8e26828e" +
    "23898e21918c1f988b1fa08822a78528ae8032b67a3fbc734ec36b5ec96270cf5784d44b98d83eaddc30c2df23" +
    "d8e219ece51bfde725",
  cividis:
    "00224e00285b002e6a0533711a386f273e6e32436d3b496c434e6c4b546c535a6d5a5f6e61656f686a716f7073" +
    "7676767d7c788482798c8878938e789b9476a39a74aba072b4a76fbcae6cc4b468cdbb63d5c25edec958e7d150" +
    "f0d846f9e03afee838",
  RdBu_r:
    "0530610e41791752901f63a82a71b23480b93f8ec0529dc86bacd184bcd99bc9e0aed3e6c2ddecd4e6f1e0ecf3" +
    "ecf2f5f7f6f6f9eee7fbe5d8fddcc9fbccb4f8bb9ef5aa89ee9677e48066db6b55d05548c53e3dba2832ab162a" +
    "930e267c072267001f",
};

export const MAP_NAMES = ["viridis", "cividis"];
// Of values with a sign: its middle is 0.
export const DIVERGING = "RdBu_r";

/** The colour [r, g, b] in 0..255 of a share in 0..1. */
export function colourAt(name, share) {
  const text = MAPS[name];
  const last = text.length / 6 - 1;
  const place = Math.min(Math.max(share, 0), 1) * last;
  const low = Math.min(Math.floor(place), last - 1);
  const channel = (index, part) => parseInt(text.slice(6 * index + 2 * part, 6 * index + 2 * part + 2), 16);
  return [0, 1, 2].map((part) => channel(low, part) + (place - low) * (channel(low + 1, part) - channel(low, part)));
}

/** 256 colours as RGBA bytes, for a texture. */
export function lookupTable(name) {
  const bytes = new Uint8Array(256 * 4);
  for (let i = 0; i < 256; i++) bytes.set([...colourAt(name, i / 255).map(Math.round), 255], 4 * i);
  return bytes;
}

/** A CSS gradient from left to right. */
export function cssGradient(name) {
  const stops = Array.from({ length: 17 }, (_, i) => `rgb(${colourAt(name, i / 16).map(Math.round).join(" ")})`);
  return `linear-gradient(to right, ${stops.join(",")})`;
}
