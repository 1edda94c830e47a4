#!/usr/bin/env node
// npm run bench -- NAME [ARGUMENTS]: runs bench/NAME.ts after a build.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const [name, ...rest] = process.argv.slice(2);
const project = join(import.meta.dirname, '..');
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
if (spawnSync(process.execPath, [tsc, '-p', project], { stdio: 'inherit' }).status !== 0) process.exit(70);
const file = join(project, 'dist/bench', `${name}.js`);
if (name === undefined || !existsSync(file)) {
  const names = readdirSync(join(project, 'bench')).filter((one) => one.endsWith('.ts'));
  console.error(`usage: npm run bench -- NAME [ARGUMENTS]; NAME is one of ${names.join(' ').replaceAll('.ts', '')}`);
  process.exit(64);
}
const run = spawnSync(process.execPath, [file, ...rest], { stdio: 'inherit', cwd: project });
process.exit(run.status ?? 70);
