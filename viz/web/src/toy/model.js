// One neuron with two weights and a fixed bias: f(x) = act(a x1 + b x2 + c), and its mean loss.

export const BIAS = 0.3;
export const EXAMPLES = [
  { x: [0.2, 1.1], y: 1.2 },
  { x: [0.9, 0.9], y: 0.6 },
  { x: [0.6, 0.2], y: 1.7 },
  { x: [-0.9, 0.7], y: 1.6 },
  { x: [-1.1, -0.2], y: -0.9 },
];
const N = EXAMPLES.length;

/** SmeLU (Shamir et al. 2020) of half-width w: 0, then (z + w)^2 / 4w, then z. ReLU for w = 0. */
export function activation(z, w) {
  if (z <= -w) return 0;
  if (z >= w) return z;
  return ((z + w) * (z + w)) / (4 * w);
}

/** Its derivative; at ReLU's kink 0, as PyTorch has it. */
export function derivative(z, w) {
  if (z <= -w) return 0;
  if (z >= w) return 1;
  return (z + w) / (2 * w);
}

/** What automatic differentiation says of its second derivative: nothing of ReLU's kink. */
export function second(z, w) {
  return w > 0 && Math.abs(z) < w ? 1 / (2 * w) : 0;
}

export function preactivation({ x }, [a, b]) {
  return a * x[0] + b * x[1] + BIAS;
}

/** Mean over the examples of (f - y)^2 / 2. */
export function lossAt(theta, w) {
  return mean((example) => (activation(preactivation(example, theta), w) - example.y) ** 2 / 2);
}

export function gradientAt(theta, w) {
  const parts = [0, 1].map((axis) =>
    mean((example) => {
      const z = preactivation(example, theta);
      return (activation(z, w) - example.y) * derivative(z, w) * example.x[axis];
    }),
  );
  return parts;
}

/** Slope of the loss along a unit vector. */
export function slopeAlong(theta, direction, w) {
  const [ga, gb] = gradientAt(theta, w);
  return ga * direction[0] + gb * direction[1];
}

/** Autograd's second derivative along a unit vector. */
export function curvatureAlong(theta, direction, w) {
  return mean((example) => {
    const z = preactivation(example, theta);
    const q = example.x[0] * direction[0] + example.x[1] * direction[1];
    return (derivative(z, w) ** 2 + (activation(z, w) - example.y) * second(z, w)) * q * q;
  });
}

/** Where a straight step crosses kinks of ReLU: share of the step and the jump of the slope. */
export function crossings(from, to, w) {
  const [da, db] = [to[0] - from[0], to[1] - from[1]];
  const length = Math.hypot(da, db);
  if (!length || w > 0) return [];
  const found = [];
  EXAMPLES.forEach((example, number) => {
    const [before, after] = [preactivation(example, from), preactivation(example, to)];
    if (before > 0 === after > 0) return;
    const q = Math.abs(example.x[0] * da + example.x[1] * db) / length;
    // f is 0 at the kink whichever way it is crossed, so the slope jumps by -y |q| / N.
    found.push({ share: before / (before - after), jump: (-example.y * q) / N, number });
  });
  return found.sort((one, other) => one.share - other.share);
}

/** Gradient descent: points [a, b] of so many steps. */
export function descend(start, rate, w, steps) {
  const points = [start];
  for (let k = 0; k < steps; k++) {
    const [a, b] = points[k];
    const [ga, gb] = gradientAt(points[k], w);
    const next = [a - rate * ga, b - rate * gb];
    if (!next.every((value) => Math.abs(value) < 50)) break;
    points.push(next);
  }
  return points;
}

/** Both ends of the line z = level of an example inside a square of half-width span; null outside. */
export function kinkLine({ x }, level, span) {
  const ends = [];
  for (const side of [-span, span]) {
    if (x[1] !== 0) {
      const b = (level - BIAS - x[0] * side) / x[1];
      if (Math.abs(b) <= span) ends.push([side, b]);
    }
    if (x[0] !== 0) {
      const a = (level - BIAS - x[1] * side) / x[0];
      if (Math.abs(a) < span) ends.push([a, side]);
    }
  }
  return ends.length >= 2 ? [ends[0], ends[ends.length - 1]] : null;
}

function mean(of) {
  let sum = 0;
  for (const example of EXAMPLES) sum += of(example);
  return sum / N;
}
