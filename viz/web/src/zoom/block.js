// A block of clay: one colour, a raking light, walls in the colour of its network; no colour map.
import { BufferAttribute, BufferGeometry, Color, DoubleSide, Group, Mesh, ShaderMaterial, Vector3 } from "three";
import { SIDES } from "./window.js";

const VERTEX = `
attribute vec2 slope;
uniform float rise;
varying vec2 vSlope;
void main() {
  vSlope = slope * rise;
  gl_Position = projectionMatrix * modelViewMatrix * vec4(position.xy, max(position.z, 0.0) * rise + min(position.z, 0.0), 1.0);
}`;

// Light as viz/closeups/blocks.py has it, from fixed places: turning moves the camera alone.
const LIT = `
uniform vec3 colour;
uniform vec3 from[2];
uniform vec3 light[2];
uniform vec3 towards;
varying vec2 vSlope;
vec3 lit(vec3 normal, float ambient, float diffuse, float gloss) {
  vec3 sum = vec3(ambient);
  for (int k = 0; k < 2; k++) {
    float facing = dot(normal, from[k]);
    float shine = facing > 0.0 ? pow(max(dot(reflect(-from[k], normal), towards), 0.0), 20.0) : 0.0;
    sum += light[k] * (diffuse * max(facing, 0.0) + gloss * shine);
  }
  return colour * sum;
}`;
const TOP = `${LIT}
void main() { gl_FragColor = vec4(lit(normalize(vec3(-vSlope, 1.0)), 0.2, 0.92, 0.12), 1.0); }`;
const WALL = `${LIT}
uniform vec3 normal;
void main() { gl_FragColor = vec4(lit(normal, 0.5, 0.6, 0.0), 1.0); }`;

/** The direction towards a place in the sky. */
export function direction(azimuth, elevation) {
  const [a, e] = [(azimuth * Math.PI) / 180, (elevation * Math.PI) / 180];
  return new Vector3(Math.cos(e) * Math.cos(a), Math.cos(e) * Math.sin(a), Math.sin(e));
}

export class Block {
  constructor(look, colour) {
    this.depth = look.depth;
    this.towards = { value: new Vector3(0, 0, 1) };
    const shared = {
      rise: { value: look.rise },
      from: { value: look.lights.map(([azimuth, elevation]) => direction(azimuth, elevation)) },
      light: { value: look.lights.map(([, , tint, strength]) => vector(tint).multiplyScalar(strength)) },
      towards: this.towards,
    };
    this.group = new Group();
    this.top = mesh(TOP, { ...shared, colour: { value: vector(look.clay) } });
    this.walls = SIDES.map(([axis, side]) => {
      const normal = new Vector3().setComponent(axis, side);
      return mesh(WALL, { ...shared, colour: { value: vector(colour) }, normal: { value: normal } });
    });
    this.group.add(this.top, ...this.walls);
  }

  /** Turn towards the viewer; a wall behind the block would shine through along its edge. */
  face(towards) {
    this.towards.value.copy(towards);
    this.walls.forEach((wall, k) => (wall.visible = SIDES[k][1] * towards.getComponent(SIDES[k][0]) > 0));
  }

  /** Draw what is seen of a network, see seen() in window.js. */
  draw({ points, slopes, triangles, rims }) {
    fill(this.top, points, slopes, triangles);
    this.walls.forEach((wall, k) => fill(wall, ...wallOf(rims[k], this.depth)));
  }
}

function vector(text) {
  const { r, g, b } = new Color(text);
  return new Vector3(r, g, b);
}

function mesh(fragmentShader, uniforms) {
  const made = new Mesh(new BufferGeometry(), new ShaderMaterial({ vertexShader: VERTEX, fragmentShader, uniforms, side: DoubleSide }));
  made.frustumCulled = false;
  return made;
}

/** Give a mesh other triangles, in the room of the old ones if they fit. */
function fill(made, points, slopes, triangles) {
  const { geometry } = made;
  const arrays = { position: [points, 3], slope: [slopes, 2] };
  if (!geometry.index || geometry.index.array.length < triangles.length || geometry.attributes.position.array.length < points.length) {
    geometry.dispose();
    made.geometry = new BufferGeometry();
    const room = 1.5;
    made.geometry.setIndex(new BufferAttribute(new Uint32Array(Math.ceil(room * triangles.length)), 1));
    for (const [name, [values, size]] of Object.entries(arrays)) {
      made.geometry.setAttribute(name, new BufferAttribute(new Float32Array(Math.ceil((room * values.length) / size) * size), size));
    }
  }
  const parts = [[made.geometry.index, triangles], ...Object.entries(arrays).map(([name, [values]]) => [made.geometry.attributes[name], values])];
  for (const [attribute, values] of parts) {
    attribute.array.set(values);
    attribute.clearUpdateRanges();
    attribute.addUpdateRange(0, values.length);
    attribute.needsUpdate = true;
  }
  made.geometry.setDrawRange(0, triangles.length);
}

/** Points, slopes and triangles of a wall from its upper edge down to the floor. */
function wallOf(rim, depth) {
  const points = new Float32Array(6 * rim.length);
  const triangles = new Uint32Array(6 * Math.max(rim.length - 1, 0));
  rim.forEach(([x, y, z], k) => {
    points.set([x, y, z, x, y, -depth], 6 * k);
    if (k) triangles.set([2 * k - 2, 2 * k, 2 * k + 1, 2 * k - 2, 2 * k + 1, 2 * k - 1], 6 * (k - 1));
  });
  return [points, new Float32Array(4 * rim.length), triangles];
}
