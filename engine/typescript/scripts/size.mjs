// Prints the size of everything that a page can import, bundled, minified and compressed, and of parts of it. Fails above the
// budget, and if a page pays for services that it does not use.
import { build } from 'esbuild';
import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';

const BUDGET_BYTES = 60 * 1024;

/** What a page imports; '*': everything. */
async function bundle(names) {
  const contents = names === '*' ? "export * from './src/index.ts'" : `export { ${names} } from './src/index.ts'`;
  const result = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('..', import.meta.url)) },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    metafile: true,
    logLevel: 'warning',
  });
  const [{ contents: bytes, text }] = result.outputFiles;
  const { inputs } = Object.values(result.metafile.outputs)[0];
  return { bytes: bytes.length, compressed: gzipSync(bytes, { level: 9 }).length, text, inputs };
}

const whole = await bundle('*');
console.log(`${whole.bytes} bytes minified, ${whole.compressed} bytes with gzip; budget: ${BUDGET_BYTES}`);
for (const names of ['Session', 'Session, WorldClient', 'Session, WorldClient, Services, serviceAction, values']) {
  const { compressed, inputs } = await bundle(names);
  console.log(`  ${compressed} bytes with gzip: ${names}`);
  const paid = Object.entries(inputs).filter(([path, { bytesInOutput }]) => bytesInOutput > 0 && path.includes('/services/'));
  if (!names.includes('Services') && paid.length > 0) {
    console.error(`a page that makes no calls has ${paid.map(([path]) => path).join(', ')} in it`);
    process.exitCode = 1;
  }
}
if (process.argv.includes('--parts')) {
  const parts = Object.entries(whole.inputs).sort(([, one], [, other]) => other.bytesInOutput - one.bytesInOutput);
  for (const [path, { bytesInOutput }] of parts.slice(0, 30)) console.log(`${bytesInOutput}\t${path}`);
}
if (whole.compressed > BUDGET_BYTES) {
  console.error('the bundle is above its budget: see `npm run size -- --parts`');
  process.exitCode = 1;
}
