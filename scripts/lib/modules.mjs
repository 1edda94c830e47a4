/** node_modules: `npm ci`, only when package-lock.json or this Node changed since the last time. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeHeaders } from './debian.mjs';
import { digest, isStamped, stampWith } from './digest.mjs';
import { fail, patiently, persistently, quietly, ROOT, say, since, tail } from './run.mjs';

const STAMP = 'node_modules/.banjour-setup';

/** The compiled and the native packages load under this Node. */
function modulesLoad() {
  const script = "new (require('better-sqlite3'))(':memory:').close(); require('koffi')";
  return quietly(process.execPath, ['-e', script]);
}

/**
 * True when someone else (npm install, a copied folder) already put exactly the locked versions
 * there.
 */
function alreadyThere() {
  const hidden = join(ROOT, 'node_modules/.package-lock.json');
  if (!existsSync(hidden)) return false;
  const locked = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  return Object.entries(locked).every(
    ([path, entry]) =>
      path === '' || entry.optional === true || installed[path]?.version === entry.version,
  );
}

/** node-gyp's words when a program that compiles is not there: waiting for it does not help. */
const NO_COMPILER = /Error: not found: |Could not find any Python installation/;

/** Sees to node_modules. */
export function npmPackages() {
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
  // Headers of the running Node are on this disk: node-gyp need not fetch them. Both names: npm up
  // to 11, and after it.
  if (headers !== undefined) {
    env.npm_config_nodedir = headers;
    env.npm_package_config_node_gyp_nodedir = headers;
  }
  const npm = patiently('npm ci, which compiles SQLite', 'one to two minutes', () =>
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
  stampWith(STAMP, value);
  say(`npm packages installed in ${since(start)}`);
}
