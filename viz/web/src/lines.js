// Lines of constant width in pixels, and marks.
import { BufferAttribute, BufferGeometry, LineBasicMaterial, LineSegments, Mesh, MeshBasicMaterial, SphereGeometry } from "three";
import { LineSegments2 } from "three/examples/jsm/lines/LineSegments2.js";
import { LineSegmentsGeometry } from "three/examples/jsm/lines/LineSegmentsGeometry.js";
import { LineMaterial } from "three/examples/jsm/lines/LineMaterial.js";

/** Pairs of points of a polyline that is cut where a point is not finite. */
export function pairs(points) {
  const found = [];
  for (let i = 0; i + 1 < points.length; i++) {
    if (points[i].every(Number.isFinite) && points[i + 1].every(Number.isFinite)) found.push(...points[i], ...points[i + 1]);
  }
  return found;
}

/** Points of a polyline that are at least so far from the last one kept, and the ends of its parts. */
export function thinned(points, least) {
  const there = points.map((point) => point.every(Number.isFinite));
  let last = null;
  return points.filter((point, k) => {
    if (!there[k]) return true;
    const far = !last || Math.hypot(point[0] - last[0], point[1] - last[1], point[2] - last[2]) >= least;
    const keep = far || !there[k - 1] || !there[k + 1];
    if (keep) last = point;
    return keep;
  });
}

/** Thick segments; `hidden` ones are drawn also behind a surface, faintly. */
export function thick(segments, { colour, width, opacity = 1, hidden = false, order = 0 }) {
  const geometry = new LineSegmentsGeometry();
  geometry.setPositions(segments.length ? segments : [0, 0, 0, 0, 0, 0]);
  const material = new LineMaterial({
    color: colour,
    linewidth: width,
    transparent: true,
    opacity,
    depthTest: !hidden,
    depthWrite: false,
  });
  const line = new LineSegments2(geometry, material);
  line.visible = segments.length > 0;
  line.renderOrder = order;
  line.frustumCulled = false;
  return line;
}

/** Segments one pixel wide, each with its own colour [r, g, b, a] at both ends. */
export function thin(segments, colours, { order = 0, depthTest = true } = {}) {
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(new Float32Array(segments), 3));
  const material = new LineBasicMaterial({ transparent: true, depthTest, depthWrite: false });
  if (typeof colours === "string") material.color.set(colours);
  else {
    geometry.setAttribute("color", new BufferAttribute(new Float32Array(colours), 4));
    material.vertexColors = true;
  }
  const line = new LineSegments(geometry, material);
  line.renderOrder = order;
  line.frustumCulled = false;
  return line;
}

const BALL = new SphereGeometry(1, 20, 14);

/** A ball of constant size; `hidden` draws it also behind a surface. */
export function ball(colour, { order = 20, hidden = true, opacity = 1 } = {}) {
  const material = new MeshBasicMaterial({ color: colour, transparent: true, opacity, depthTest: !hidden, depthWrite: false });
  const mesh = new Mesh(BALL, material);
  mesh.renderOrder = order;
  mesh.frustumCulled = false;
  return mesh;
}

/** Remove what is in a group and free its memory. */
export function empty(group) {
  for (const child of [...group.children]) {
    group.remove(child);
    if (child.geometry !== BALL) child.geometry?.dispose();
    child.material?.dispose();
  }
}
