/**
 * Built JavaScript as jest runs it: each module holds the globals that it uses.
 *
 * Jest gives every test file a global object of its own, a context of `node:vm`. There each mention
 * of a global such as `Math` asks the interceptors of that object (`contextify`; seen in Node 20),
 * and V8 keeps no answer: code that calls `Math.min` in its inner loop is several times as slow as
 * in the program. A constant of the module is asked for once.
 *
 * Named are those that no test replaces. Clocks, timers, `process` and what is spied on as a
 * property of the global object must be looked up each time, and are not here.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';

const HELD = [
  ...['Array', 'Boolean', 'BigInt', 'Buffer', 'Infinity', 'JSON', 'Map', 'Math', 'NaN', 'Number'],
  ...['Object', 'Promise', 'Reflect', 'RegExp', 'Set', 'String', 'Symbol', 'WeakMap', 'WeakSet'],
  ...['ArrayBuffer', 'Atomics', 'BigInt64Array', 'BigUint64Array', 'DataView', 'Float64Array'],
  ...['Int32Array', 'SharedArrayBuffer', 'Uint8Array', 'Uint16Array', 'Uint32Array'],
  ...['Error', 'RangeError', 'SyntaxError', 'TypeError', 'isNaN', 'parseFloat', 'parseInt'],
];

/** Where a module gives such a name a meaning of its own at its top level. */
const declares = (name) =>
  new RegExp(
    `^(?:export )?(?:async )?(?:class|const|function\\*?|let|var) ${name}\\b|^import\\b[^;]*\\b${name}\\b[^;]*\\bfrom\\b`,
    'm',
  );
const NAMES = HELD.map((name) => ({
  name,
  used: new RegExp(`\\b${name}\\b`),
  declared: declares(name),
}));

/** The code with its globals in front, in its first line: the numbers of the lines stay. */
export function holdGlobals(code) {
  if (code.startsWith('#!')) return code;
  const held = NAMES.filter(({ used, declared }) => used.test(code) && !declared.test(code));
  if (held.length === 0) return code;
  return `const { ${held.map(({ name }) => name).join(', ')} } = globalThis; ${code}`;
}

const mapOf = (path) => `${path}.map`;

export default {
  /** What was made is kept until the code, its map or the names are others. */
  getCacheKey(code, path) {
    const map = existsSync(mapOf(path)) ? statSync(mapOf(path)).mtimeMs : 0;
    return createHash('sha256')
      .update(JSON.stringify([code, path, map, HELD]))
      .digest('hex');
  },
  /** With the compiler's map: jest looks for none itself then, and errors name the source. */
  process: (code, path) => ({
    code: holdGlobals(code),
    ...(existsSync(mapOf(path)) ? { map: readFileSync(mapOf(path), 'utf8') } : {}),
  }),
};
