// A surface over a grid: colours from a table, light from explicit normals, isolines in the shader.
import {
  BufferAttribute,
  BufferGeometry,
  ClampToEdgeWrapping,
  DataTexture,
  DoubleSide,
  LinearFilter,
  Mesh,
  RGBAFormat,
  ShaderMaterial,
  Vector3,
} from "three";
import { lookupTable } from "./colourmaps.js";

const VERTEX = `
attribute vec2 slope;
attribute vec2 shade;
attribute vec2 grid;
uniform float rise;
uniform float flatten;
varying vec3 vPlace;
varying vec2 vSlope;
varying vec2 vShade;
varying float vHeight;
varying vec2 vGrid;
void main() {
  vHeight = position.z;
  vSlope = slope * rise;
  vShade = shade;
  vGrid = grid;
  vPlace = vec3(position.xy, mix(position.z * rise, flatten, step(flatten, -0.001)));
  gl_Position = projectionMatrix * modelViewMatrix * vec4(vPlace, 1.0);
}`;

// The normal of a height h over (x, y) is (-h_x, -h_y, 1). Flat: that of the triangle itself.
const FRAGMENT = `
uniform sampler2D colours;
uniform vec3 key;
uniform vec3 fill;
uniform float facets;
uniform float surface;
uniform float contours;
uniform float wire;
uniform float isoStep;
uniform float isoFirst;
uniform float wireStep;
uniform float pixel;
uniform float lit;
uniform float opacity;
uniform vec3 ink;
uniform vec3 missing;
varying vec3 vPlace;
varying vec2 vSlope;
varying vec2 vShade;
varying float vHeight;
varying vec2 vGrid;
float lines(float place, float width) {
  float change = fwidth(place);
  if (change < 1e-7) return 0.0;
  float away = abs(fract(place - 0.5) - 0.5) / change;
  return (1.0 - smoothstep(width - 0.5, width + 0.5, away)) * (1.0 - smoothstep(0.25, 0.6, change));
}
void main() {
  float light = 1.0;
  if (lit > 0.0) {
    vec3 normal = normalize(vec3(-vSlope, 1.0));
    if (facets > 0.5) {
      vec3 facet = cross(dFdx(vPlace), dFdy(vPlace));
      normal = length(facet) > 0.0 ? normalize(facet) : vec3(0.0, 0.0, 1.0);
      if (normal.z < 0.0) normal = -normal;
    }
    light = mix(1.0, 0.44 + 0.50 * max(dot(normal, key), 0.0) + 0.14 * max(dot(normal, fill), 0.0), lit);
  }
  vec3 colour = vShade.y < 0.999 ? missing : texture2D(colours, vec2(clamp(vShade.x, 0.0, 1.0) * 0.99609375 + 0.001953125, 0.5)).rgb;
  // Branches on uniforms: in software what is not drawn costs nothing.
  float line = 0.0;
  if (contours > 0.5) line = lines((vHeight - isoFirst) / isoStep, 0.55 * pixel) * 0.8;
  if (wire > 0.5) {
    vec2 cells = vGrid / wireStep;
    line = max(line, 0.55 * max(lines(cells.x, 0.35 * pixel), lines(cells.y, 0.35 * pixel)));
  }
  float alpha = max(surface * opacity, line);
  if (alpha < 0.04) discard;
  gl_FragColor = vec4(mix(colour * light, ink, surface > 0.5 ? line : 1.0), alpha);
}`;

const tables = new Map();

function tableOf(name) {
  if (!tables.has(name)) {
    const texture = new DataTexture(lookupTable(name), 256, 1, RGBAFormat);
    texture.magFilter = texture.minFilter = LinearFilter;
    texture.wrapS = ClampToEdgeWrapping;
    texture.needsUpdate = true;
    tables.set(name, texture);
  }
  return tables.get(name);
}

export class SurfaceMesh {
  constructor() {
    this.uniforms = {
      colours: { value: null },
      key: { value: new Vector3(0, 0, 1) },
      fill: { value: new Vector3(0, 0, 1) },
      ink: { value: new Vector3(0.1, 0.1, 0.1) },
      missing: { value: new Vector3(0.85, 0.85, 0.85) },
    };
    for (const name of ["rise", "facets", "surface", "contours", "wire", "isoStep", "isoFirst"]) {
      this.uniforms[name] = { value: 1 };
    }
    for (const name of ["wireStep", "pixel", "lit", "opacity"]) this.uniforms[name] = { value: 1 };
    this.uniforms.flatten = { value: 0 };
    this.geometry = new BufferGeometry();
    this.mesh = new Mesh(this.geometry, this.material(this.uniforms));
    // The same on the floor, unlit.
    this.floorUniforms = { ...this.uniforms, flatten: { value: -0.12 }, lit: { value: 0 } };
    for (const name of ["surface", "contours", "wire", "opacity"]) this.floorUniforms[name] = { value: 1 };
    this.floorUniforms.wire.value = 0;
    this.floor = new Mesh(this.geometry, this.material(this.floorUniforms));
    this.mesh.frustumCulled = this.floor.frustumCulled = false;
  }

  material(uniforms) {
    return new ShaderMaterial({
      uniforms,
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      side: DoubleSide,
      transparent: true,
      polygonOffset: true,
      polygonOffsetFactor: 1,
      polygonOffsetUnits: 4,
    });
  }

  /** Give the mesh heights (shares of the scale, NaN for holes), slopes and colours (shares, each with 1, or 0 where there is none). */
  setData({ xs, ys, heights, slopes, shades }) {
    const [A, B] = [xs.length, ys.length];
    const [places, grid] = [new Float32Array(A * B * 3), new Float32Array(A * B * 2)];
    for (let i = 0, at = 0; i < A; i++) {
      for (let j = 0; j < B; j++, at++) {
        places[3 * at] = xs[i];
        places[3 * at + 1] = ys[j];
        places[3 * at + 2] = Number.isFinite(heights[at]) ? heights[at] : 0;
        grid[2 * at] = i - (A - 1) / 2;
        grid[2 * at + 1] = j - (B - 1) / 2;
      }
    }
    const geometry = this.geometry;
    geometry.setAttribute("position", new BufferAttribute(places, 3));
    geometry.setAttribute("grid", new BufferAttribute(grid, 2));
    geometry.setAttribute("slope", new BufferAttribute(slopes, 2));
    geometry.setAttribute("shade", new BufferAttribute(shades, 2));
    this.grid = { heights, A, B };
    this.indices = new Map();
    this.setStride(this.stride ?? 1);
    this.uniforms.wireStep.value = Math.max(1, Math.round(Math.max(A, B) / 34));
  }

  /** Draw every so many-th point of the grid, and its rims: fewer triangles of the same corners. */
  setStride(stride) {
    this.stride = stride;
    if (!this.indices.has(stride)) {
      const { heights, A, B } = this.grid;
      this.indices.set(stride, new BufferAttribute(triangles(heights, A, B, stride), 1));
    }
    if (this.geometry.index !== this.indices.get(stride)) this.geometry.setIndex(this.indices.get(stride));
  }

  setColours(name) {
    this.uniforms.colours.value = tableOf(name);
  }

  dispose() {
    this.geometry.dispose();
    this.mesh.material.dispose();
    this.floor.material.dispose();
  }
}

/** Corners of the triangles between every so many-th point; a cell with one hole keeps one triangle. */
function triangles(heights, A, B, stride) {
  const [rows, columns] = [every(A, stride), every(B, stride)];
  const found = new Uint32Array((rows.length - 1) * (columns.length - 1) * 6);
  let count = 0;
  for (let r = 1; r < rows.length; r++) {
    const [first, second] = [rows[r - 1] * B, rows[r] * B];
    for (let c = 1; c < columns.length; c++) {
      const corners = [first + columns[c - 1], second + columns[c - 1], second + columns[c], first + columns[c]];
      const there = corners.filter((corner) => Number.isFinite(heights[corner]));
      if (there.length === 4) {
        found.set([corners[0], corners[1], corners[2], corners[0], corners[2], corners[3]], count);
        count += 6;
      } else if (there.length === 3) {
        found.set(there, count);
        count += 3;
      }
    }
  }
  return found.slice(0, count);
}

/** Indices 0, stride, 2 stride, ..., and the last one. */
function every(count, stride) {
  const found = [];
  for (let k = 0; k < count - 1; k += stride) found.push(k);
  found.push(count - 1);
  return found;
}
