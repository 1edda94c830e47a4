/** node_modules: `npm ci`, only when package-lock.json or this Node changed since the last time. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeHeaders } from './debian.mjs';
import { digest, isStamped, stampWith } from './digest.mjs';
import { keepSqlite, keptSqlite, VARIABLE } from './kept-sqlite.mjs';
import { fail, patiently, persistently, quietly, ROOT, say, since, tail } from './run.mjs';

const STAMP = 'node_modules/.banjour-setup';

/** The compiled and the native packages load under this Node. */
function modulesLoad() {
  const script = "new (require('better-sqlite3'))(':memory:').close(); require('koffi')";
  return quietly(process.execPath, ['-e', script]);
}

/** The version of a module that lies in node_modules; undefined where there is none. */
function versionIn(path) {
  try {
    return JSON.parse(readFileSync(join(ROOT, path, 'package.json'), 'utf8')).version;
  } catch {
    return undefined;
  }
}

/**
 * True when someone else (npm install, a copied folder) already put exactly the locked versions
 * there. npm's own list in node_modules is not asked: in a copied folder it may be another's.
 */
function alreadyThere() {
  const locked = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(locked).every(([path, entry]) => {
    if (path === '') return true;
    const version = versionIn(path);
    return version === entry.version || (version === undefined && entry.optional === true);
  });
}

/** node-gyp's words when a program that compiles is not there: waiting for it does not help. */
const NO_COMPILER = /Error: not found: |Could not find any Python installation/;

/**
 * Sees to node_modules. `takesKept`: SQLite's binding may be the one that another clone on this
 * machine has compiled, with the same of everything.
 */
export function npmPackages(takesKept = false) {
  const value = digest(['package-lock.json'], process.version, process.arch);
  if (isStamped(STAMP, value)) return;
  if (alreadyThere() && modulesLoad().ok) {
    stampWith(STAMP, value);
    return;
  }
  say('installing npm packages (npm ci)');
  const start = performance.now();
  const headers = nodeHeaders();
  const env = { ...process.env };
  // SQLite and its binding are two long files: node-gyp compiles one after the other unless told.
  env.JOBS ??= 'max';
  // Headers of the running Node are on this disk: node-gyp need not fetch them. Both names: npm up
  // to 11, and after it.
  if (headers !== undefined) {
    env.npm_config_nodedir = headers;
    env.npm_package_config_node_gyp_nodedir = headers;
  }
  const kept = takesKept ? keptSqlite() : undefined;
  if (kept !== undefined) env[VARIABLE] = kept;
  const [what, usual] =
    kept === undefined
      ? ['npm ci, which compiles SQLite', 'one to two minutes']
      : ['npm ci, with the SQLite that was compiled before', 'less than a minute'];
  const npm = patiently(what, usual, () =>
    persistently(
      'npm ci',
      () => quietly('npm', ['ci', '--no-audit', '--no-fund'], { env }),
      (output) => NO_COMPILER.test(output),
    ),
  );
  if (!npm.ok) fail(`npm ci\n${tail(npm.output, 60)}`);
  const loaded = modulesLoad();
  if (!loaded.ok)
    fail(`npm ci ran, but better-sqlite3 or koffi does not load:\n${tail(loaded.output)}`);
  keepSqlite();
  stampWith(STAMP, value);
  say(`npm packages installed in ${since(start)}`);
}
