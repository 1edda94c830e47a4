/**
 * better-sqlite3 as `npm ci` compiled it, kept beside the root file systems. Compiling takes minutes
 * of one processor, and the end-to-end suite needs on this host what a bare machine of the same
 * release has just made. Whoever proves that a fresh clone can be set up compiles and takes nothing.
 */
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { nodeHeaders } from './debian.mjs';
import { CACHE } from './debian-root.mjs';
import { digest } from './digest.mjs';
import { keepFile, takeFile } from './kept-files.mjs';
import { isRoot, quietly, ROOT } from './run.mjs';

const MODULE = 'node_modules/better-sqlite3';
const MADE = 'build/Release/better_sqlite3.node';
/** Files that are kept: one for each release on which it was compiled, and those of before. */
const KEPT_MAX = 6;
/** Tells prebuild-install, which looks for a file before it asks the network, where that lies. */
export const VARIABLE = 'npm_config_better_sqlite3_local_prebuilds';

/** The module by package-lock.json. */
function locked() {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  return lock.packages[MODULE];
}

/** How this Node was built: its headers say so, where they are on this disk. */
function nodeSettings() {
  const settings = join(nodeHeaders() ?? '/nowhere', 'include/node/config.gypi');
  return existsSync(settings) ? readFileSync(settings, 'utf8') : '';
}

/**
 * Where the module lies that was made of the same sources, for the same Node, by the same compilers
 * and against the same C library; undefined where these are not known.
 */
function keptAt(cache, compilers) {
  const said = [...compilers, 'ld'].map((program) => quietly(program, ['--version']));
  if (!isRoot || !existsSync(cache) || said.some(({ ok }) => !ok)) return undefined;
  const { version, integrity } = locked();
  const { header } = /** @type {any} */ (process.report.getReport());
  const node = [process.version, process.arch, process.versions.modules, nodeSettings()];
  const tools = said.map(({ output }) => output);
  const value = digest([], version, integrity, header.glibcVersionRuntime, ...node, ...tools);
  return join(cache, 'npm', `better-sqlite3-${value.slice(0, 32)}.tar.gz`);
}

/**
 * Keeps what lies in node_modules, if it was compiled there; what npm fetched ready-made is not
 * ours to keep.
 */
export function keepSqlite({ cache = CACHE, module = MODULE, compilers = ['cc', 'c++'] } = {}) {
  const kept = keptAt(cache, compilers);
  if (kept === undefined || !existsSync(resolve(ROOT, module, 'build/Makefile'))) return;
  mkdirSync(join(cache, 'npm'), { recursive: true });
  const half = `${kept}.${randomBytes(6).toString('hex')}`;
  const packed = quietly('tar', ['-czf', half, '-C', module, MADE]);
  if (packed.ok) keepFile(half, kept, KEPT_MAX);
  else rmSync(half, { force: true });
}

/**
 * A folder for `VARIABLE` that holds the kept module by the name that prebuild-install looks for;
 * undefined where none is kept. Whatever does not load there is compiled, as ever.
 */
export function keptSqlite({ cache = CACHE, compilers = ['cc', 'c++'] } = {}) {
  const kept = keptAt(cache, compilers);
  if (kept === undefined || !takeFile(kept)) return undefined;
  const folder = join(ROOT, '.cache/sqlite');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const target = `node-v${process.versions.modules}-linux-${process.arch}`;
  cpSync(kept, join(folder, `better-sqlite3-v${locked().version}-${target}.tar.gz`));
  return folder;
}
