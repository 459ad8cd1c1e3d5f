// Fields of a grid that are not stored but follow from those that are. Index = i * B + j, i along alpha.

/** Derivative along both axes by differences: central inside, one-sided at rims and beside holes. */
export function differences(values, alphas, betas) {
  const [A, B] = [alphas.length, betas.length];
  const along = new Float64Array(A * B);
  const across = new Float64Array(A * B);
  for (let i = 0; i < A; i++) {
    for (let j = 0; j < B; j++) {
      along[i * B + j] = slopeOf(values, alphas, i, A, (k) => k * B + j);
      across[i * B + j] = slopeOf(values, betas, j, B, (k) => i * B + k);
    }
  }
  return [along, across];
}

function slopeOf(values, axis, k, count, at) {
  const here = values[at(k)];
  const before = k > 0 && Number.isFinite(values[at(k - 1)]) ? k - 1 : k;
  const after = k < count - 1 && Number.isFinite(values[at(k + 1)]) ? k + 1 : k;
  if (!Number.isFinite(here) || before === after) return Number.isFinite(here) ? 0 : NaN;
  return (values[at(after)] - values[at(before)]) / (axis[after] - axis[before]);
}

/** Length of the gradient in the plane, from stored gradients where there are, else differences. */
export function slopeField(level) {
  if (!level.slope) {
    const [along, across] = gradientOf(level);
    level.slope = along.map((value, i) => Math.hypot(value, across[i]));
  }
  return level.slope;
}

export function hasGradients(level) {
  return "gradient_alpha" in level.fields && "gradient_beta" in level.fields;
}

/** Both components of the gradient. */
export function gradientOf(level) {
  if (hasGradients(level)) return [level.fields.gradient_alpha, level.fields.gradient_beta];
  level.differences ??= differences(level.fields.losses, level.alphas, level.betas);
  return level.differences;
}

/** Laplacian in the plane by second differences; NaN at the rim. */
export function curvatureField(level) {
  if (level.curvature) return level.curvature;
  const { alphas, betas } = level;
  const losses = level.fields.losses;
  const [A, B] = [alphas.length, betas.length];
  const found = new Float32Array(A * B).fill(NaN);
  const second = (axis, k, low, here, high) => {
    const [one, other] = [axis[k] - axis[k - 1], axis[k + 1] - axis[k]];
    return (2 * ((high - here) / other - (here - low) / one)) / (one + other);
  };
  for (let i = 1; i < A - 1; i++) {
    for (let j = 1; j < B - 1; j++) {
      const at = i * B + j;
      found[at] =
        second(alphas, i, losses[at - B], losses[at], losses[at + B]) +
        second(betas, j, losses[at - 1], losses[at], losses[at + 1]);
    }
  }
  level.curvature = found;
  return found;
}

/** Density of kinks of a map, at the points of a grid: that of the cell of the map they lie in. */
export function kinkField(level, kinks) {
  const { alphas, betas } = level;
  const B = betas.length;
  const found = new Float32Array(alphas.length * B).fill(NaN);
  const cells = kinks.betas.length - 1;
  for (let i = 0; i < alphas.length; i++) {
    const row = cellOf(kinks.alphas, alphas[i]);
    for (let j = 0; j < B; j++) {
      const column = cellOf(kinks.betas, betas[j]);
      if (row >= 0 && column >= 0) found[i * B + j] = kinks.density[row * cells + column];
    }
  }
  return found;
}

function cellOf(axis, value) {
  const last = axis.length - 1;
  if (value < axis[0] || value > axis[last]) return -1;
  return Math.min(lowerIndex(axis, value), last - 1);
}

/** Index k with axis[k] <= value < axis[k + 1], at most the last but one. */
export function lowerIndex(axis, value) {
  let [low, high] = [0, axis.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (axis[middle] <= value) low = middle;
    else high = middle;
  }
  return low;
}

/** Index of the value of an axis that is nearest. */
export function nearestIndex(axis, value) {
  const low = lowerIndex(axis, value);
  return value - axis[low] <= axis[low + 1] - value ? low : low + 1;
}

/** Value between the points of a grid, bilinear; NaN outside and beside holes. */
export function between(values, level, alpha, beta) {
  const { alphas, betas } = level;
  const B = betas.length;
  if (!(alpha >= alphas[0] && alpha <= alphas[alphas.length - 1])) return NaN;
  if (!(beta >= betas[0] && beta <= betas[B - 1])) return NaN;
  const [i, j] = [lowerIndex(alphas, alpha), lowerIndex(betas, beta)];
  const s = (alpha - alphas[i]) / (alphas[i + 1] - alphas[i]);
  const t = (beta - betas[j]) / (betas[j + 1] - betas[j]);
  const at = i * B + j;
  const low = values[at] * (1 - t) + values[at + 1] * t;
  const high = values[at + B] * (1 - t) + values[at + B + 1] * t;
  return low * (1 - s) + high * s;
}
