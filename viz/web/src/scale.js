// From losses to heights: one scale for all panels that show one quantity.

/** log10 of a loss, or the loss; NaN where there is no finite height. */
export function heightOf(loss, kind) {
  if (!Number.isFinite(loss)) return NaN;
  if (kind === "linear") return loss;
  return loss > 0 ? Math.log10(loss) : NaN;
}

/** Low and high of all finite values of several arrays. */
export function rangeOf(arrays) {
  let [low, high] = [Infinity, -Infinity];
  for (const values of arrays) {
    for (const value of values) {
      if (!Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return [low, high];
}

export class Scale {
  constructor(kind, low, high, name) {
    this.kind = kind;
    this.name = name;
    this.empty = !(low <= high);
    if (this.empty) [low, high] = [0, 1];
    if (high - low < 1e-12 * Math.max(Math.abs(high), 1e-300)) {
      const room = kind === "log" ? 0.5 : Math.abs(high) * 0.5 || 0.5;
      [low, high] = [low - room, high + room];
    }
    this.low = low;
    this.high = high;
  }

  /** Share in 0..1 of a height. */
  share(height) {
    return (height - this.low) / (this.high - this.low);
  }

  /** The scale of colours whose middle is 0. */
  symmetric() {
    const limit = Math.max(Math.abs(this.low), Math.abs(this.high));
    return new Scale("linear", -limit, limit, this.name);
  }

  lossAt(height) {
    return this.kind === "log" ? 10 ** height : height;
  }

  /** Distance of isolines and one of them: quarter decades (fewer if there are many), or about 12 round steps. */
  isolines() {
    if (this.kind !== "log") return [niceStep(this.low, this.high, 12), 0];
    const span = this.high - this.low;
    if (span <= 0.75) return [niceStep(this.low, this.high, 10), 0];
    if (span <= 4) return [0.25, 0];
    // Losses over dozens of decades: whole decades, so few that lines stay apart.
    return [span <= 12 ? 0.5 : Math.ceil(span / 18), 0];
  }

  /** Heights that get a label. */
  ticks(most = 5) {
    if (this.kind !== "log") {
      const round = [most, 2 * most].map((count) => steps(this.low, this.high, niceStep(this.low, this.high, count)));
      // One number alone tells no height.
      return round.find((found) => found.length > 1) ?? round[1];
    }
    const decades = steps(this.low, this.high, Math.max(1, Math.ceil((this.high - this.low) / most)));
    if (decades.length >= 3) return decades;
    const found = [];
    for (let power = Math.floor(this.low); power <= this.high; power++) {
      for (const first of [1, 2, 5]) found.push(power + Math.log10(first));
    }
    const inside = found.filter((height) => height >= this.low - 1e-9 && height <= this.high + 1e-9);
    if (inside.length >= 2) return inside.length > most + 1 ? inside.filter((_, i) => i % 2 === 0) : inside;
    return [this.low, (this.low + this.high) / 2, this.high];
  }

  /** Names of an axis and its labels, short: the power of ten that these would need is a name of its own. */
  axis(most = 5) {
    const sizes = this.ticks(most).map(Math.abs).filter((size) => size > 0);
    if (this.kind === "log" || !sizes.some((size) => size < 1e-3 || size >= 1e5)) return [[this.name], this.labels(most)];
    const power = Math.floor(Math.log10(Math.max(...sizes)) + 1e-9);
    return [[`[10${raised(power)}]`, this.name], this.labels(most, 10 ** power)];
  }

  labels(most = 5, unit = 1) {
    const heights = this.ticks(most);
    const losses = heights.map((height) => this.lossAt(height) / unit);
    for (let digits = 3; digits < 12; digits++) {
      const texts = losses.map((loss) => number(loss, digits));
      if (new Set(texts).size === texts.length) return heights.map((height, i) => [height, texts[i]]);
    }
    return heights.map((height, i) => [height, String(losses[i])]);
  }
}

function niceStep(low, high, count) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= raw * (1 - 1e-9));
}

/** Multiples of a step in a range. */
export function steps(low, high, step) {
  const found = [];
  const room = 1e-9 * (high - low);
  for (let k = Math.ceil((low - room) / step); k * step <= high + room; k++) found.push(k * step);
  return found;
}

/** Round values for the ticks of an axis, with their labels. */
export function axisTicks(low, high, count) {
  const step = niceStep(low, high, count);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return steps(low, high, step).map((value) => {
    const shown = Math.abs(value) < step * 1e-6 ? 0 : value;
    const text = digits > 3 ? number(shown, 3) : shown.toFixed(digits);
    return [shown, text.replace("-", "\u2212")];
  });
}

/** A number for people, with so many significant digits. */
export function number(value, digits = 4) {
  if (value === undefined || value === null || Number.isNaN(value)) return "\u2013";
  if (!Number.isFinite(value)) return value > 0 ? "\u221e" : "\u2212\u221e";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e5) return trimmed(value.toPrecision(digits)).replace("-", "\u2212");
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  const power = raised(Number(exponent));
  const short = trimmed(mantissa).replace("-", "\u2212");
  return short === "1" ? `10${power}` : `${short}\u00b710${power}`;
}

/** A share of 1 for people. */
export function percent(value) {
  return value === undefined || Number.isNaN(value) ? "\u2013" : `${(100 * value).toFixed(2)}%`;
}

/** A whole number as an exponent. */
function raised(power) {
  return String(power).replace(/[-0-9]/g, (c) => "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"["-0123456789".indexOf(c)]);
}

function trimmed(text) {
  const plain = text.includes("e") ? String(Number(text)) : text;
  return plain.includes(".") ? plain.replace(/\.?0+$/, "") : plain;
}
