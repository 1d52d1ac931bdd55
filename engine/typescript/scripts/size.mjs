// Prints the size of everything that a page can import, bundled, minified and compressed. Fails above the budget.
import { build } from 'esbuild';
import { gzipSync } from 'node:zlib';

const BUDGET_BYTES = 60 * 1024;

const result = await build({
  entryPoints: [new URL('../src/index.ts', import.meta.url).pathname],
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  write: false,
  metafile: true,
  logLevel: 'warning',
});
const [file] = result.outputFiles;
const compressed = gzipSync(file.contents, { level: 9 }).length;
console.log(`${file.contents.length} bytes minified, ${compressed} bytes with gzip; budget: ${BUDGET_BYTES}`);
if (process.argv.includes('--parts')) {
  const { inputs } = Object.values(result.metafile.outputs)[0];
  const parts = Object.entries(inputs).sort(([, one], [, other]) => other.bytesInOutput - one.bytesInOutput);
  for (const [path, { bytesInOutput }] of parts.slice(0, 25)) console.log(`${bytesInOutput}\t${path}`);
}
if (compressed > BUDGET_BYTES) {
  console.error('the bundle is above its budget: see `npm run size -- --parts`');
  process.exit(1);
}
