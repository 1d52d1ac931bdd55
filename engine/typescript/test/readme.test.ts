/** Every example in README.md compiles. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

test('the examples of the README compile', () => {
  const readme = readFileSync(at('README.md'), 'utf8');
  const examples = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!);
  assert.equal(examples.length, 6);
  const folder = at('dist/readme');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  examples.forEach((code, number) => writeFileSync(`${folder}/example${number}.ts`, code));
  // The package's own name leads to its exports.
  const compilerOptions = { noEmit: true, outDir: 'out', rootDir: '.', declaration: false, sourceMap: false, noUnusedLocals: false };
  writeFileSync(`${folder}/tsconfig.json`, JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['*.ts'] }));
  const { stdout, status } = spawnSync('npx', ['tsc', '-p', folder], { cwd: at('.'), encoding: 'utf8' });
  assert.equal(status, 0, stdout);
});
