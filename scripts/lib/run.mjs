/**
 * Running programs and telling about it; used before anything is installed, so with Node's own
 * modules only.
 */
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The project's folder; every script works there. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export const isRoot = process.getuid?.() === 0;

const colour = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const paint = (code, text) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);

// Programs that are called by their name (nft, ip, nsenter) lie in administrators' folders, which
// not every PATH has.
const ADMIN_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];
process.env.PATH = [
  ...new Set([
    ...(process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin').split(delimiter),
    ...ADMIN_FOLDERS,
  ]),
].join(delimiter);

/** A line about what happens now. */
export function say(text) {
  process.stdout.write(`${paint('36', '==>')} ${text}\n`);
}

/** A line about something that is missing or skipped. */
export function warn(text) {
  process.stdout.write(`${paint('33', '==> note:')} ${text}\n`);
}

/**
 * Ends the script: nothing further can work.
 * @returns {never}
 */
export function fail(text) {
  process.stderr.write(`${paint('31', '==> failed:')} ${text}\n`);
  process.exit(1);
}

/** The full path of a program. Undefined when it is not there. */
export function which(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/**
 * Runs a program whose output is shown only when it fails. Returns whether it succeeded, and its
 * output.
 */
export function quietly(command, args, options = {}) {
  const done = spawnSync(command, args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    ...options,
  });
  const output = `${done.stdout ?? ''}${done.stderr ?? ''}${done.error ? `${done.error.message}\n` : ''}`;
  return { ok: done.status === 0, output };
}

/** Runs a program on this terminal; returns its exit status. */
export function openly(command, args, options = {}) {
  const done = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', ...options });
  if (done.error) fail(`${command}: ${done.error.message}`);
  return done.status ?? 1;
}

/**
 * Starts a command; `ended` resolves with its exit status once it has ended and said all.
 * @param {readonly string[]} command
 * @param {import('node:child_process').StdioOptions} stdio
 */
function started([command = '', ...args], stdio) {
  const child = spawn(command, args, { cwd: ROOT, stdio });
  child.on('error', (error) => fail(`${command}: ${error.message}`));
  /** @type {Promise<number>} */
  const ended = new Promise((resolve) => child.on('close', (status) => resolve(status ?? 1)));
  return { child, ended };
}

/**
 * Runs commands at the same time on this terminal; resolves with their exit statuses once all have
 * ended.
 */
export function together(...commands) {
  return Promise.all(commands.map((command) => started(command, 'inherit').ended));
}

/**
 * Runs commands at the same time, each of whose lines is shown behind its name; resolves with their
 * exit statuses once all have ended.
 * @param {Record<string, readonly string[]>} commands
 */
export function sideBySide(commands) {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const runs = Object.entries(commands).map(([name, command]) => {
    const { child, ended } = started(command, ['ignore', 'pipe', 'pipe']);
    for (const stream of [child.stdout, child.stderr]) {
      const input = /** @type {import('node:stream').Readable} */ (stream);
      createInterface({ input }).on('line', (line) =>
        process.stdout.write(`${name.padEnd(width)} | ${line}\n`),
      );
    }
    return ended;
  });
  return Promise.all(runs);
}

/**
 * Does what needs the network, and does it again after a pause when it failed: mirrors hiccup, and
 * a fresh machine's own apt holds its locks for a while. `work` says whether it succeeded, and its
 * output; the last answer is returned. `isHopeless` tells from the output that another try would
 * end as this one.
 */
export function persistently(what, work, isHopeless = (_output) => false) {
  for (const seconds of [5, 20, 60]) {
    const done = work();
    if (done.ok || isHopeless(done.output)) return done;
    warn(`${what} failed, trying again in ${seconds} s: ${tail(done.output, 3)}`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000);
  }
  return work();
}

/**
 * Runs beside long work: says every ten seconds (on a terminal every second, in one line) how long
 * it has taken.
 */
const CLOCK = `
const [what, usual] = process.argv.slice(1);
const tty = process.stdout.isTTY === true;
const parent = process.ppid;
const start = performance.now();
setInterval(() => {
  if (process.ppid !== parent) process.exit();
  const text = '    ' + what + ': ' + Math.round((performance.now() - start) / 1000) + ' s (usually ' + usual + ')';
  process.stdout.write(tty ? '\\r\\x1b[K' + text : text + '\\n');
}, tty ? 1000 : 10000);
`;

/**
 * Does long work that prints nothing, and meanwhile shows that it goes on. `usual` says how long it
 * takes as a rule.
 */
export function patiently(what, usual, work) {
  const clock = spawn(process.execPath, ['-e', CLOCK, what, usual], {
    stdio: ['ignore', 'inherit', 'ignore'],
  });
  try {
    return work();
  } finally {
    clock.kill('SIGKILL');
    if (process.stdout.isTTY === true) process.stdout.write('\r\x1b[K');
  }
}

/** The end of a long output: where compilers and apt say what went wrong. */
export function tail(output, lines = 40) {
  return output.trimEnd().split('\n').slice(-lines).join('\n');
}

/**
 * The lines of a long output that say what went wrong, each once, or its end when none says so by
 * itself.
 */
export function failed(output, lines = 20) {
  const telling = output
    .split('\n')
    .filter((line) =>
      /^(?:E|W|Err):|\berror\b|\bfailed\b|\bdepends on\b|\bnot found\b/i.test(line),
    );
  return telling.length > 0 ? [...new Set(telling)].slice(-lines).join('\n') : tail(output, lines);
}

/** How long something took, as people say it. */
export function since(start) {
  const seconds = (performance.now() - start) / 1000;
  return seconds < 60
    ? `${seconds.toFixed(1)} s`
    : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
