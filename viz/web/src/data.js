// Reads what Python packed: arrays whose bytes were shuffled, compressed, and written in base64.

const SIZES = { f8: 8, f4: 4, f2: 2, u1: 1, i4: 4 };
const opened = new Map();

/** What the page shows. */
export const told = JSON.parse(document.getElementById("lossoscope-data").textContent);

/** Bytes of a compressed text of the page, decompressed once. */
export function openBlob(number) {
  if (!opened.has(number)) opened.set(number, decompress(number));
  return opened.get(number);
}

async function decompress(number) {
  const text = document.getElementById(`lossoscope-blob-${number}`).textContent;
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** One array of a blob as numbers. */
export function arrayOf(bytes, reference) {
  const size = SIZES[reference.type];
  const count = reference.shape.reduce((product, side) => product * side, 1);
  const plain = new Uint8Array(count * size);
  for (let place = 0; place < size; place++) {
    const start = reference.at + place * count;
    for (let i = 0; i < count; i++) plain[i * size + place] = bytes[start + i];
  }
  if (reference.type === "f8") return new Float64Array(plain.buffer);
  if (reference.type === "f4") return new Float32Array(plain.buffer);
  if (reference.type === "i4") return new Int32Array(plain.buffer);
  if (reference.type === "f2") return halves(new Uint16Array(plain.buffer), reference.scale);
  return plain;
}

function halves(bits, scale) {
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = scale * half(bits[i]);
  return values;
}

function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** A level of a panel with its arrays. */
export async function loadLevel(level) {
  if (level.loaded) return level.loaded;
  const bytes = await openBlob(level.blob);
  const fields = {};
  for (const [name, reference] of Object.entries(level.fields)) fields[name] = arrayOf(bytes, reference);
  level.loaded = {
    ...level,
    fields,
    alphas: arrayOf(bytes, level.alphas),
    betas: arrayOf(bytes, level.betas),
    status: level.status ? arrayOf(bytes, level.status) : null,
  };
  return level.loaded;
}

/** A path, or a map of kinks, with its arrays. */
export async function loadArrays(record) {
  if (record.loaded) return record.loaded;
  const bytes = await openBlob(record.blob);
  const found = { ...record };
  for (const [name, value] of Object.entries(record)) {
    if (value && typeof value === "object" && "at" in value) found[name] = arrayOf(bytes, value);
  }
  record.loaded = found;
  return found;
}
