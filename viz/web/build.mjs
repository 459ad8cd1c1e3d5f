// Bundles src/ into dist/ and records in both files which sources they were made of.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

const here = fileURLToPath(new URL(".", import.meta.url));

// The same as tests/web/test_bundle.py computes: names and contents, in the order of the names.
function digest() {
  const inside = readdirSync(join(here, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(here.length).replaceAll("\\", "/"));
  const hash = createHash("sha256");
  for (const name of [...inside, "build.mjs", "package-lock.json"].sort()) {
    hash.update(name).update("\0").update(readFileSync(join(here, name))).update("\0");
  }
  return hash.digest("hex");
}

const banner = `/* Lossoscope viewer, made by 'make web' of sources ${digest()} */`;
mkdirSync(join(here, "dist"), { recursive: true });
await build({
  entryPoints: [join(here, "src/main.js")],
  outfile: join(here, "dist/viewer.js"),
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "ascii",
  legalComments: "inline",
  banner: { js: banner },
  logLevel: "info",
});
await build({
  entryPoints: [join(here, "src/style.css")],
  outfile: join(here, "dist/viewer.css"),
  minify: true,
  charset: "ascii",
  banner: { css: banner },
});
