/**
 * `npm run bounds [-- NAME...]`: breaks the bounds of src/core (limits, service-limits, timeouts),
 * one after the other, and says which of them no test notices. A bound is broken in the built
 * modules that use it, so the tests still know the true one: once it is gone (or zero, for a least
 * value or a rate), once it is one less. `npm test` must be green before; a whole round takes an
 * hour.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, ROOT, say } from './lib/run.mjs';

const LIMITS = ['limits', 'service-limits', 'timeouts'].map((name) => `dist/src/core/${name}.js`);
/** Larger than all that tests make, and still a number that timers and libraries take. */
const GONE = 2 ** 31 - 1;
/** A broken bound may make a test wait for ever, ms. */
const DEADLINE_MS = 300_000;
/** Times are not bounds to the unit: nothing is told of one millisecond less. */
const TIMES = /_(?:MS|SECONDS|MICROS)(?:_|$)/;

/** The tests that run. */
let child;
let stopped = false;

function built(folder) {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.js'))
    .map((name) => join(folder, name));
}

const text = (path) => readFileSync(join(ROOT, path), 'utf8');
const words = new Map();

/** Whether a module names a bound. */
function names(path, name) {
  if (!words.has(path)) words.set(path, new Set(text(path).match(/\b[A-Z][A-Z\d_]+\b/g)));
  return words.get(path).has(name);
}

/**
 * The module with a bound of its own in the place of the imported one, or nothing where it imports
 * none.
 */
function broken(source, name, value) {
  const imported = new RegExp(
    `(import \\{[^}]*?)\\b${name}\\b,?([^}]*\\} from '[^']*(?:limits|timeouts)\\.js';)`,
  );
  return imported.test(source)
    ? source.replace(imported, `$1$2 const ${name} = ${value};`)
    : undefined;
}

/** Exit status of the tests; null when they were ended. */
function jest(tests) {
  const flags = [
    '--max-old-space-size=2048',
    '--experimental-vm-modules',
    '--no-warnings',
    'node_modules/jest/bin/jest.js',
    '--bail',
    '-i',
  ];
  child = spawn(process.execPath, [...flags, '--silent', '--runTestsByPath', ...tests], {
    cwd: ROOT,
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
    stdio: 'ignore',
    timeout: DEADLINE_MS,
    killSignal: 'SIGKILL',
  });
  return new Promise((resolve) => child.once('close', resolve));
}

/** Whether the tests fail, with the bound broken. */
async function isNoticed(tests, modules, name, value) {
  const kept = new Map();
  try {
    for (const path of modules) {
      const source = text(path);
      const changed = broken(source, name, value);
      if (changed === undefined) continue;
      kept.set(path, source);
      writeFileSync(join(ROOT, path), changed);
    }
    if (kept.size === 0) return 'unused';
    const status = await jest(tests);
    if (stopped) return 'stopped';
    return status === 0 ? 'NOT NOTICED' : 'noticed';
  } finally {
    for (const [path, source] of kept) writeFileSync(join(ROOT, path), source);
  }
}

if (!LIMITS.every((path) => existsSync(join(ROOT, path)))) fail('build first: npm run build');
const limits = Object.assign(
  {},
  ...(await Promise.all(LIMITS.map((path) => import(join(ROOT, path))))),
);
const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !(name in limits));
if (unknown !== undefined) fail(`src/core has no bound ${unknown}`);
// A stop in the middle must not leave a broken build behind.
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    stopped = true;
    child?.kill('SIGKILL');
  });

const modules = [...built('dist/src'), ...built('dist/native')].filter(
  (path) => !LIMITS.includes(path),
);
const tests = built('dist/test').filter(
  (path) => path.endsWith('.test.js') && !/test\/(?:house|e2e)\//.test(path),
);
let missed = 0;
for (const [name, value] of Object.entries(limits)) {
  if (stopped) break;
  if (wanted.length > 0 ? !wanted.includes(name) : typeof value !== 'number') continue;
  const concerned = tests.filter((path) => names(path, name));
  const users = modules.filter((path) => names(path, name));
  const breaks = {
    gone: /_MIN$|_PER_/.test(name) ? 0 : value < GONE ? GONE : Number.MAX_SAFE_INTEGER,
  };
  if (!TIMES.test(name)) breaks['one less'] = value - 1;
  for (const [how, other] of Object.entries(breaks)) {
    if (stopped) break;
    const answer =
      concerned.length === 0 ? 'NO TEST' : await isNoticed(concerned, users, name, other);
    if (answer !== 'noticed') missed += 1;
    say(`${name} ${how}: ${answer}`);
  }
}
say(`${missed} not noticed`);
process.exitCode = missed > 0 || stopped ? 1 : 0;
