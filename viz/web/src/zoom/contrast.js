// Whether letters can be read on a background: WCAG 2.2, 1.4.3.
const LEAST = 4.5;

/** Red, green and blue, 0 to 1, of a colour written as #rrggbb. */
function channels(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
}

function luminance(parts) {
  const [r, g, b] = parts.map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** A colour, mixed with white or black until it can be read on a background. */
export function readable(colour, background) {
  const [ink, paper] = [channels(colour), channels(background)];
  const end = luminance(paper) < 0.18 ? 1 : 0;
  for (let share = 0; share <= 1; share += 0.02) {
    const mixed = ink.map((value) => value + share * (end - value));
    if (contrast(mixed, paper) >= LEAST) return `rgb(${mixed.map((value) => Math.round(255 * value)).join(" ")})`;
  }
  return end ? "#ffffff" : "#000000";
}
