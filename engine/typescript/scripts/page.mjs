// Bundles the page into shard/gateway/page. `--check` compares instead. `--preview` bundles the page over a simulated server
// into target/preview, to look at it without a gateway.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const isPreview = process.argv.includes('--preview');
const folder = at(isPreview ? '../../../target/preview' : '../../../shard/gateway/page');
const entry = at(isPreview ? '../test/page/preview.ts' : '../page/main.ts');

const bundled = await build({
  entryPoints: [entry],
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  charset: 'utf8',
  legalComments: 'none',
  write: false,
});
const files = { 'page.js': bundled.outputFiles[0].text, 'index.html': readFileSync(at('../page/index.html'), 'utf8') };

mkdirSync(folder, { recursive: true });
for (const [name, text] of Object.entries(files)) {
  const path = `${folder}/${name}`;
  if (!process.argv.includes('--check')) {
    writeFileSync(path, text);
    console.log(`${path}: ${text.length} characters`);
  } else if (readFileSync(path, 'utf8') !== text) {
    console.error(`${path} is outdated: run npm run page, and commit it`);
    process.exitCode = 1;
  }
}
