/**
 * dist/: TypeScript, the web page, the commands as single files and the compiled batch reader, only
 * when their sources changed.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { digest, filesBelow, isStamped, stampWith } from './digest.mjs';
import { fail, openly, quietly, ROOT, say, since, tail, warn } from './run.mjs';

const STAMP = 'dist/.built';
const SOURCES = [
  ...['src', 'native', 'test', 'bench', 'tsconfig.json', 'package-lock.json'],
  ...['scripts/lib/page.mjs', 'scripts/lib/commands.mjs'],
];

/** Built files whose source is gone: a test that was deleted must not go on running. */
function removeStale() {
  for (const file of filesBelow(['dist/src', 'dist/native', 'dist/test', 'dist/bench'])) {
    const source = /^dist\/(.+)\.js(?:\.map)?$/.exec(file)?.[1];
    if (source !== undefined && !existsSync(join(ROOT, `${source}.ts`))) rmSync(join(ROOT, file));
  }
}

/** Sees to dist/. */
export function build() {
  const value = digest(filesBelow(SOURCES), process.version);
  if (isStamped(STAMP, value)) return;
  say('building');
  const start = performance.now();
  removeStale();
  if (openly(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.']) !== 0)
    fail('tsc -p .');
  // In a process of its own: esbuild is not there before npm packages are.
  for (const script of ['scripts/page.mjs', 'scripts/commands.mjs'])
    if (openly(process.execPath, [script]) !== 0) fail(`node ${script}`);
  if (existsSync(join(ROOT, 'native/build.mjs'))) {
    const native = quietly(process.execPath, ['native/build.mjs']);
    if (!native.ok)
      warn(
        `the batch reader was not compiled; the journal is read the slower way\n${tail(native.output, 15)}`,
      );
  }
  stampWith(STAMP, value);
  say(`built in ${since(start)}`);
}
