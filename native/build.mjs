/**
 * Compiles the C batch reader, when a compiler and libsystemd's headers are there. Without them
 * Banjour reads through single FFI calls, somewhat slower: so this never fails an installation. It
 * says what it did.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, 'build', 'banjour-batch.so');
const compiler = process.env.CC || 'cc';
const sources = readdirSync(join(root, 'native', 'batch'))
  .filter((name) => name.endsWith('.c'))
  .map((name) => join(root, 'native', 'batch', name));
const flags = [
  '-O2',
  '-std=gnu11',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-fPIC',
  '-shared',
  '-fstack-protector-strong',
];
// Never unloaded: a thread that reads ahead may outlive the thread of Node that loaded it.
const hardening = ['-pthread', '-D_FORTIFY_SOURCE=2', '-Wl,-z,relro,-z,now,-z,nodelete'];

mkdirSync(dirname(target), { recursive: true });
const temporary = `${target}.${process.pid}`;
const result = spawnSync(
  compiler,
  [...flags, ...hardening, '-o', temporary, ...sources, '-lsystemd'],
  {
    encoding: 'utf8',
  },
);
if (result.status === 0) {
  renameSync(temporary, target);
  process.stdout.write(`banjour: batch reader compiled: ${target}\n`);
} else {
  rmSync(temporary, { force: true });
  const why = result.error
    ? `${compiler}: ${result.error.message}`
    : result.stderr.trim().split('\n').slice(0, 5).join('\n');
  process.stdout.write(
    `banjour: no batch reader, reading through single calls instead. To have it: apt install gcc libsystemd-dev && node native/build.mjs\n${why}\n`,
  );
}
