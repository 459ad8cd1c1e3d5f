// One surface with what is drawn on it. Everything in units of the picture: the longer side is 2.
import { Group, Scene, Vector3 } from "three";
import { Box } from "./camera.js";
import { crossOf, placeOf } from "./centre.js";
import { told } from "./data.js";
import { between, gradientOf, hasGradients, nearestIndex } from "./fields.js";
import { heightOf } from "./scale.js";
import { ball, empty, pairs, thick, thin, thinned } from "./lines.js";
import { SurfaceMesh } from "./surface_mesh.js";

export const RISE = 0.66;
const FLOOR = -0.3;
const ON_FLOOR = FLOOR + 0.005;
// Degrees below the view from above within which the shade goes.
const UNSHADED = 12;
// While it turns, records of a path that are nearer to each other are left out.
const NEAR = 0.02;
// Of the kept point; its rim is black, so that one of both stands out on every colour.
const PIN = "#ff9f1c";
// How much nearer to the viewer lines are drawn than they are, so that the surface they lie on does
// not cover half of them: in units of the picture, and in pixels for the width of a line.
const [LIFT, WIDE] = [0.02, 4];

/** The colour of a path, the same as in other pictures. */
export function pathColour(number, dark) {
  const colours = told.path_colours[dark ? "dark" : "light"];
  return colours[number % colours.length];
}

export class Panel {
  constructor(told, name = told.title) {
    this.told = told;
    this.name = name;
    this.scene = new Scene();
    this.surface = new SurfaceMesh();
    this.floor = this.surface.floor;
    for (const name of ["frame", "paths", "quick", "marks", "kinks", "cross", "extra"]) {
      this[name] = new Group();
      this.scene.add(this[name]);
    }
    this.scene.add(this.surface.mesh, this.floor);
  }

  /** Take a level (a grid with fields), the paths on it and its map of kinks. */
  setLevel(level, paths, kinks) {
    this.level = level;
    // The losses of a path are not on the scale of what is left in a window of the microscope.
    this.records = level.quantity === "loss" ? paths : [];
    this.map = kinks;
    const { alphas, betas } = level;
    const ends = (axis) => [axis[0], axis[axis.length - 1]];
    const [[a0, a1], [b0, b1]] = [ends(alphas), ends(betas)];
    this.unit = 2 / Math.max(a1 - a0, b1 - b0);
    this.middle = [(a0 + a1) / 2, (b0 + b1) / 2];
    this.half = [((a1 - a0) / 2) * this.unit, ((b1 - b0) / 2) * this.unit];
    this.xs = Array.from(alphas, (alpha) => this.x(alpha));
    this.ys = Array.from(betas, (beta) => this.y(beta));
  }

  x(alpha) {
    return (alpha - this.middle[0]) * this.unit;
  }

  y(beta) {
    return (beta - this.middle[1]) * this.unit;
  }

  alpha(x) {
    return x / this.unit + this.middle[0];
  }

  beta(y) {
    return y / this.unit + this.middle[1];
  }

  /** Height in the picture of a loss. */
  z(loss) {
    return this.scale.share(heightOf(loss, this.scale.kind)) * this.rise;
  }

  inside(alpha, beta) {
    const room = 1 + 1e-9;
    return Math.abs(this.x(alpha)) <= this.half[0] * room && Math.abs(this.y(beta)) <= this.half[1] * room;
  }

  box() {
    return new Box(this.half[0], this.half[1], this.rise, this.floor.visible ? FLOOR : 0);
  }

  /** Whether facets of the grid stay visible, so that creases are not blurred over a cell. */
  faceted(shading) {
    if (shading === "flat") return true;
    return shading === "auto" && this.told.kinked && !hasGradients(this.level);
  }

  /** Draw heights and colours anew. */
  draw(scale, colours, state) {
    this.scale = scale;
    this.rise = RISE * state.exaggeration;
    const losses = this.level.fields.losses;
    this.shares = Float32Array.from(losses, (loss) => scale.share(heightOf(loss, scale.kind)));
    this.surface.setData({
      xs: this.xs,
      ys: this.ys,
      heights: this.shares,
      slopes: this.slopes(state.shading),
      shades: shadesOf(colours),
    });
    this.surface.setColours(colours.map);
    const [step, first] = scale.isolines();
    const uniforms = this.surface.uniforms;
    uniforms.isoStep.value = step / (scale.high - scale.low);
    uniforms.isoFirst.value = (first - scale.low) / (scale.high - scale.low);
    uniforms.facets.value = this.faceted(state.shading) ? 1 : 0;
    this.style(state);
  }

  /** Slope of the drawn height: c L_a / (ln 10 L) on a log scale. */
  slopes(shading) {
    const { level, scale } = this;
    const losses = level.fields.losses;
    const [along, across] = shading === "differences" ? gradientOf({ ...level, fields: { losses } }) : gradientOf(level);
    const found = new Float32Array(2 * losses.length);
    const factor = 1 / ((scale.high - scale.low) * this.unit);
    for (let i = 0; i < losses.length; i++) {
      const local = scale.kind === "log" ? factor / (Math.LN10 * losses[i]) : factor;
      found[2 * i] = finite(along[i] * local);
      found[2 * i + 1] = finite(across[i] * local);
    }
    return found;
  }

  /** Apply what needs no new geometry of the surface: toggles, exaggeration, theme. */
  style(state) {
    this.rise = RISE * state.exaggeration;
    const { uniforms, floorUniforms } = this.surface;
    uniforms.rise.value = this.rise;
    uniforms.surface.value = state.show.surface ? 1 : 0;
    // Lines of equal height would hide the creases of what is left in a window.
    uniforms.contours.value = state.show.contours && this.level.quantity === "loss" ? 1 : 0;
    uniforms.wire.value = state.show.wire ? 1 : 0;
    const dark = state.dark && !state.show.surface;
    uniforms.ink.value.set(...(dark ? [0.85, 0.85, 0.85] : [0.09, 0.09, 0.1]));
    uniforms.missing.value.set(...(state.dark ? [0.35, 0.35, 0.37] : [0.82, 0.82, 0.82]));
    this.pixel = state.pixel;
    this.surface.mesh.material.transparent = !state.show.surface;
    this.surface.mesh.visible = state.show.surface || state.show.contours || state.show.wire;
    this.floor.visible = state.show.floor;
    floorUniforms.flatten.value = FLOOR;
    floorUniforms.surface.value = 1;
    this.drawFrame(state);
    this.drawPaths(state);
    this.drawKinks(state);
    this.drawCentre(state);
  }

  drawFrame(state) {
    empty(this.frame);
    const [[x, y], z] = [this.half, this.rise];
    const low = [[-x, -y, 0], [x, -y, 0], [x, y, 0], [-x, y, 0]];
    const segments = [];
    for (let k = 0; k < 4; k++) {
      const [one, next] = [low[k], low[(k + 1) % 4]];
      segments.push(...one, ...next, ...one, one[0], one[1], z);
    }
    this.frame.add(thick(segments, { colour: state.dark ? "#8a8f98" : "#777c85", width: state.pixel }));
  }

  drawPaths(state) {
    empty(this.paths);
    empty(this.quick);
    this.drawn = [];
    if (!state.show.paths) return this.mark(state);
    this.records.forEach((path, number) => {
      const colour = pathColour(number, state.dark);
      const losses = state.pathAt === "plane" ? path.plane_losses : path.losses;
      // A path without losses lies on the surface.
      const bare = path.losses.every(Number.isNaN);
      const points = Array.from(path.steps, (_, k) => {
        const [alpha, beta] = [path.alphas[k], path.betas[k]];
        if (!this.inside(alpha, beta)) return [NaN, NaN, NaN];
        return [this.x(alpha), this.y(beta), bare ? between(this.shares, this.level, alpha, beta) * this.rise : this.z(losses[k])];
      });
      const halo = state.dark ? "#000000" : "#ffffff";
      const [segments, fewer] = [pairs(points), pairs(thinned(points, NEAR))];
      if (state.show.floor) {
        const shadow = segments.map((value, k) => (k % 3 === 2 ? ON_FLOOR : value));
        this.paths.add(thick(shadow, { colour, width: 1.2 * state.pixel, opacity: 0.55, order: 1 }));
      }
      for (const [group, shown] of [[this.paths, segments], [this.quick, fewer]]) {
        group.add(
          thick(shown, { colour, width: 1.6 * state.pixel, opacity: 0.5, hidden: true, order: 8 }),
          thick(shown, { colour: halo, width: 5.2 * state.pixel, order: 9 }),
          thick(shown, { colour, width: 3 * state.pixel, order: 10 }),
        );
      }
      this.drawn.push({ path, number, points, colour });
    });
    return this.mark(state);
  }

  /** Turn towards the viewer: lines a little nearer; from above nothing is shaded, so that colours are those of the bar. */
  face({ towards, elevation, ratio }) {
    this.surface.uniforms.pixel.value = this.pixel * ratio;
    const nearer = LIFT + WIDE * this.unitsPerPixel;
    for (const group of [this.paths, this.quick, this.kinks, this.extra]) group.position.copy(towards).multiplyScalar(nearer);
    this.surface.uniforms.lit.value = Math.min((90 - elevation) / UNSHADED, 1);
  }

  /** Draw every so many-th point of the grid, and paths in full or quickly. */
  setDetail(stride, full) {
    this.surface.setStride(stride);
    this.paths.visible = full;
    this.quick.visible = !full;
  }

  /** How many pieces of paths are drawn now. */
  pieces() {
    const last = (this.paths.visible ? this.paths : this.quick).children.filter((line) => line.renderOrder === 10);
    return last.reduce((sum, line) => sum + (line.visible ? line.geometry.instanceCount : 0), 0);
  }

  /** Put the marks of the present step, of the probe and of what is under the pointer. */
  mark(state) {
    empty(this.marks);
    this.markPlaces = [];
    const put = (point, colour, radius, order, rim = state.dark ? "#000000" : "#ffffff") => {
      const [one, other] = [ball(rim, { order }), ball(colour, { order: order + 1 })];
      for (const [mesh, r] of [[one, radius + 1.6], [other, radius]]) {
        mesh.position.set(...point);
        mesh.userData.pixels = r * state.pixel;
        mesh.scale.setScalar(mesh.userData.pixels * (this.unitsPerPixel ?? 0.004));
      }
      this.marks.add(one, other);
    };
    for (const { path, points, colour } of this.drawn ?? []) {
      const first = points.find((point) => point.every(Number.isFinite));
      if (first) put(first, colour, 3, 19);
      const k = recordAt(path.steps, state.step);
      const place = { run: path.run, step: path.steps[k], alpha: path.alphas[k], beta: path.betas[k], inside: points[k].every(Number.isFinite) };
      this.markPlaces.push(place);
      if (!place.inside) continue;
      const other = [points[k][0], points[k][1], this.z(path.plane_losses[k])];
      if (other.every(Number.isFinite) && state.pathAt !== "plane") {
        this.marks.add(thick([...points[k], ...other], { colour, width: 1.4 * state.pixel, hidden: true, order: 18 }));
      }
      put(points[k], colour, 6, 24);
    }
    for (const [sample, colour, radius] of [[state.hover, state.dark ? "#ffffff" : "#111111", 3.5], [state.pin, PIN, 6]]) {
      const point = sample && this.samplePoint(sample.alpha, sample.beta);
      if (!point) continue;
      if (sample === state.pin) {
        const pole = [point.x, point.y, 0, point.x, point.y, this.rise];
        this.marks.add(thick(pole, { colour: "#000000", width: 3 * state.pixel, hidden: true, order: 21 }));
        this.marks.add(thick(pole, { colour, width: 1.5 * state.pixel, hidden: true, order: 22 }));
      }
      put(point.toArray(), colour, radius, 30, sample === state.pin ? "#000000" : undefined);
    }
  }

  resizeMarks() {
    for (const child of [this.marks, this.cross, this.extra].flatMap((group) => group.children)) {
      if (child.userData.pixels) child.scale.setScalar(child.userData.pixels * this.unitsPerPixel);
    }
  }

  drawKinks(state) {
    empty(this.kinks);
    if (!this.map || !state.show.kinks) return;
    const { segments, jumps } = this.map;
    const largest = Math.max(...Array.from(jumps.subarray(0, 64), Math.abs), 1e-300);
    const [places, colours] = [[], []];
    for (let k = 0; k < jumps.length; k++) {
      const ends = [0, 1].map((end) => [segments[4 * k + 2 * end], segments[4 * k + 2 * end + 1]]);
      if (!ends.every(([alpha, beta]) => this.inside(alpha, beta))) continue;
      const strength = 0.15 + 0.85 * Math.sqrt(Math.min(Math.abs(jumps[k]) / largest, 1));
      const heights = ends.map(([alpha, beta]) => between(this.shares, this.level, alpha, beta) * this.rise);
      if (!heights.every(Number.isFinite)) continue;
      // Valleys and ridges differ in lightness too, not in hue alone.
      const colour = jumps[k] > 0 ? [1, 0.62, 0.1] : [0.95, 0.95, 1];
      ends.forEach(([alpha, beta], end) => {
        places.push(this.x(alpha), this.y(beta), heights[end]);
        colours.push(...colour, strength);
      });
    }
    if (places.length) this.kinks.add(thin(places, colours, { order: 4 }));
  }

  drawCentre({ show, dark, pixel }) {
    empty(this.cross);
    if (!show.centre || placeOf(this, show) !== "cross") return;
    this.cross.add(...crossOf(this, { dark, pixel }, show.floor ? ON_FLOOR : null));
  }

  /** The point of the surface over the sample nearest to (alpha, beta); null outside and in holes. */
  samplePoint(alpha, beta) {
    if (!this.inside(alpha, beta)) return null;
    const [i, j] = this.sampleAt(alpha, beta);
    const share = this.shares[i * this.ys.length + j];
    return Number.isFinite(share) ? new Vector3(this.xs[i], this.ys[j], share * this.rise) : null;
  }

  sampleAt(alpha, beta) {
    return [nearestIndex(this.level.alphas, alpha), nearestIndex(this.level.betas, beta)];
  }

  dispose() {
    for (const group of [this.frame, this.paths, this.quick, this.marks, this.kinks, this.cross, this.extra]) empty(group);
    this.surface.dispose();
  }
}

/** Index of the last record that is not after a step. */
export function recordAt(steps, step) {
  let found = 0;
  for (let k = 0; k < steps.length; k++) if (steps[k] <= step) found = k;
  return found;
}

function shadesOf({ values, scale }) {
  const found = new Float32Array(2 * values.length);
  for (let i = 0; i < values.length; i++) {
    const share = scale.share(heightOf(values[i], scale.kind));
    if (Number.isFinite(share)) found.set([share, 1], 2 * i);
  }
  return found;
}

function finite(value) {
  return Number.isFinite(value) ? Math.min(Math.max(value, -1e6), 1e6) : 0;
}
