// The part of a mesh that a window shows, and the heights it is drawn with: arithmetic only.

// Numbers of a vertex: place (2), loss, gradient (2).
const FIELDS = 5;
const RIM = 1e-6;

/** A mesh in one array, [x, y, loss, dloss/dx, dloss/dy] for each vertex. */
export function meshOf({ places, losses, gradients, triangles }) {
  const values = new Float64Array(losses.length * FIELDS);
  for (let i = 0; i < losses.length; i++) {
    values.set([places[2 * i], places[2 * i + 1], losses[i], gradients[2 * i], gradients[2 * i + 1]], FIELDS * i);
  }
  return { values, triangles, count: losses.length };
}

/**
 * The part of a mesh with |x| and |y| at most half, in units in which that part reaches from -1 to 1.
 * Triangles are clipped at its rim, where everything is interpolated linearly within each.
 */
export function cropped(mesh, half) {
  if (half >= 1 - RIM) return mesh;
  const sides = sidesOf(mesh, half);
  const [known, used, triangles, edges] = [new Int32Array(mesh.count).fill(-1), [], [], []];
  const keep = (i) => (known[i] < 0 ? (known[i] = used.push(i) - 1) : known[i]);
  for (let t = 0; t < mesh.triangles.length; t += 3) {
    const [p, q, r] = [mesh.triangles[t], mesh.triangles[t + 1], mesh.triangles[t + 2]];
    if (!(sides[p] | sides[q] | sides[r])) triangles.push(keep(p), keep(q), keep(r));
    else if (!(sides[p] & sides[q] & sides[r])) edges.push([p, q, r]);
  }
  const values = [];
  for (const corners of edges) {
    const polygon = clipped(corners.map((i) => Array.from(mesh.values.subarray(FIELDS * i, FIELDS * i + FIELDS))), half);
    const first = used.length + values.length / FIELDS;
    for (const vertex of polygon) values.push(...vertex);
    for (let k = 2; k < polygon.length; k++) triangles.push(first, first + k - 1, first + k);
  }
  const part = new Float64Array(FIELDS * used.length + values.length);
  used.forEach((i, k) => {
    for (let n = 0; n < FIELDS; n++) part[FIELDS * k + n] = mesh.values[FIELDS * i + n];
  });
  part.set(values, FIELDS * used.length);
  const scales = [1 / half, 1 / half, 1, half, half];
  for (let i = 0; i < part.length; i++) part[i] *= scales[i % FIELDS];
  return { values: part, triangles: Uint32Array.from(triangles), count: part.length / FIELDS };
}

/** For each vertex one bit for each side of the window beyond which it lies. */
function sidesOf({ values, count }, half) {
  const sides = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const [x, y] = [values[FIELDS * i], values[FIELDS * i + 1]];
    sides[i] = (x > half) | ((x < -half) << 1) | ((y > half) << 2) | ((y < -half) << 3);
  }
  return sides;
}

/** The corners of a polygon inside the window. */
function clipped(polygon, half) {
  for (const [axis, sign] of [[0, 1], [0, -1], [1, 1], [1, -1]]) {
    const room = polygon.map((vertex) => half - sign * vertex[axis]);
    polygon = polygon.flatMap((vertex, k) => {
      const next = (k + 1) % polygon.length;
      const kept = room[k] >= 0 ? [vertex] : [];
      if (room[k] * room[next] >= 0) return kept;
      const share = room[k] / (room[k] - room[next]);
      const crossing = vertex.map((value, i) => value + share * (polygon[next][i] - value));
      crossing[axis] = sign * half;
      return [...kept, crossing];
    });
  }
  return polygon;
}

/** Coefficients of the best-fitting plane c0 + c1 x + c2 y, every triangle by its area. */
export function planeOf({ values, triangles, count }) {
  const weights = new Float64Array(count);
  for (let t = 0; t < triangles.length; t += 3) {
    const [p, q, r] = [FIELDS * triangles[t], FIELDS * triangles[t + 1], FIELDS * triangles[t + 2]];
    const area = Math.abs((values[q] - values[p]) * (values[r + 1] - values[p + 1]) - (values[q + 1] - values[p + 1]) * (values[r] - values[p]));
    for (let k = 0; k < 3; k++) weights[triangles[t + k]] += area;
  }
  const mean = [0, 0, 0];
  let total = 0;
  for (let i = 0; i < count; i++) {
    total += weights[i];
    for (let k = 0; k < 3; k++) mean[k] += weights[i] * values[FIELDS * i + k];
  }
  for (let k = 0; k < 3; k++) mean[k] /= total;
  // Around the means, so that two equations are left.
  let [xx, xy, yy, xl, yl] = [0, 0, 0, 0, 0];
  for (let i = 0; i < count; i++) {
    const [x, y, l] = [values[FIELDS * i] - mean[0], values[FIELDS * i + 1] - mean[1], values[FIELDS * i + 2] - mean[2]];
    xx += weights[i] * x * x;
    xy += weights[i] * x * y;
    yy += weights[i] * y * y;
    xl += weights[i] * x * l;
    yl += weights[i] * y * l;
  }
  const determinant = xx * yy - xy * xy;
  const slopes = [(yy * xl - xy * yl) / determinant, (xx * yl - xy * xl) / determinant];
  return [mean[2] - slopes[0] * mean[0] - slopes[1] * mean[1], ...slopes];
}

/** Heights [M] and their slopes [2 M] of a mesh: the losses without their tilt. */
function withoutTilt(mesh) {
  const [level, across, along] = planeOf(mesh);
  return heightsOf(mesh, (x, y, loss, a, b) => [loss - level - across * x - along * y, a - across, b - along]);
}

/** The same of the losses themselves, or of their logarithms. */
function whole(mesh, logarithmic) {
  if (!logarithmic) return heightsOf(mesh, (x, y, loss, a, b) => [loss, a, b]);
  return heightsOf(mesh, (x, y, loss, a, b) => [Math.log10(loss), a / (Math.LN10 * loss), b / (Math.LN10 * loss)]);
}

function heightsOf({ values, count }, height) {
  const [heights, slopes] = [new Float64Array(count), new Float64Array(2 * count)];
  for (let i = 0, at = 0; i < count; i++, at += FIELDS) {
    const [h, a, b] = height(values[at], values[at + 1], values[at + 2], values[at + 3], values[at + 4]);
    heights[i] = h;
    slopes[2 * i] = a;
    slopes[2 * i + 1] = b;
  }
  return ranged(heights, slopes);
}

function ranged(heights, slopes) {
  let [low, high] = [Infinity, -Infinity];
  for (const height of heights) {
    if (height < low) low = height;
    if (height > high) high = height;
  }
  return { heights, slopes, low, range: high - low || 1 };
}

/** Several heights over their own ranges, each with its weight. */
function blended(parts) {
  const count = parts[0][1].heights.length;
  const [heights, slopes] = [new Float64Array(count), new Float64Array(2 * count)];
  for (const [weight, part] of parts) {
    const scale = weight / part.range;
    for (let i = 0; i < count; i++) heights[i] += scale * (part.heights[i] - part.low);
    for (let i = 0; i < 2 * count; i++) slopes[i] += scale * part.slopes[i];
  }
  return ranged(heights, slopes);
}

/**
 * What is drawn of a network at a width: the mesh of the narrowest window that holds it, cropped,
 * with heights from 0 to 1. Between the whole surface and the second window the heights go over
 * from logarithms to losses without their tilt.
 */
export function seen(meshes, widths, width, logarithmic) {
  const number = Math.max(widths.findLastIndex((wide) => wide >= width * (1 - 1e-9)), 0);
  const mesh = cropped(meshes[number], width / widths[number]);
  const tiltless = withoutTilt(mesh);
  if (number > 0) return { ...scaled(mesh, tiltless), number };
  const share = Math.log(widths[0] / width) / Math.log(widths[0] / widths[1]);
  return { ...scaled(mesh, blended([[1 - share, whole(mesh, logarithmic)], [share, tiltless]])), number };
}

/** Points [3 M] and normals' slopes [2 M] over a window from -1 to 1, heights from 0 to 1. */
function scaled({ values, triangles, count }, { heights, slopes, low, range }) {
  const [points, bends] = [new Float32Array(3 * count), new Float32Array(2 * count)];
  for (let i = 0; i < count; i++) {
    points[3 * i] = values[FIELDS * i];
    points[3 * i + 1] = values[FIELDS * i + 1];
    points[3 * i + 2] = (heights[i] - low) / range;
    bends[2 * i] = slopes[2 * i] / range;
    bends[2 * i + 1] = slopes[2 * i + 1] / range;
  }
  return { points, slopes: bends, triangles, rims: SIDES.map(([axis, side]) => rimOf(points, axis, side)) };
}

// Each wall with the axis that is constant on it, and where.
export const SIDES = [[1, -1], [0, 1], [1, 1], [0, -1]];

/** The upper edge of a wall, as [x, y, z] in the order of the other axis, every place once. */
function rimOf(points, axis, side) {
  const rim = [];
  for (let i = 0; i < points.length; i += 3) {
    if (Math.abs(points[i + axis] - side) < RIM) rim.push([points[i], points[i + 1], points[i + 2]]);
  }
  rim.sort((one, other) => one[1 - axis] - other[1 - axis]);
  return rim.filter((place, k) => k === 0 || place[1 - axis] - rim[k - 1][1 - axis] > 1e-7);
}
