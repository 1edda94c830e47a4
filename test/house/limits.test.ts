/**
 * Bounds that no test names, and constants outside of src/core that have a bound's name and are
 * none. Both lists only become shorter: what is not in them fails here, and so does what is in them
 * for no reason any more.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

/**
 * Named by no test. The first is libsystemd's to keep, and 252 does not: it unpacks more. The
 * second would take a million failures, some ten seconds; a smaller one, by an option, has its
 * test.
 */
const UNTESTED = ['JOURNAL_DATA_BYTES_MAX', 'TRACKED_FAILURES_MAX'];

/** No bounds of what others can fill, although they have the name: they stay where they are. */
const NO_BOUNDS = {
  /** Given by a format or by another program. */
  format: [
    'src/filter/regex/charset.ts CODE_MAX',
    'src/jail/bantime.ts DOUBLINGS_MAX',
    'src/journal/export/parser.ts NAME_BYTES_MAX',
  ],
  /** Beyond it another way is cheaper, and the answer is the same. */
  speed: [
    'src/core/text.ts SHIFT_MAX',
    'src/filter/regex/lint.ts COPIES_MAX',
    'src/filter/regex/literals.ts CLASS_CHARS_MAX',
    'src/filter/regex/literals.ts LITERALS_MAX',
    'src/filter/regex/literals.ts LITERAL_CHARS_MAX',
  ],
  /** How often something is done, and how much of it in one turn: the rest comes with the next. */
  pace: ['native/netlink-doorbell.ts DATAGRAMS_MAX', 'src/agent/intake/intake.ts POLL_MS_MAX'],
  /** Spaces of V8's heap. */
  heap: [
    'src/agent/intake/thread.ts REPLAY_YOUNG_MIB_MAX',
    'src/agent/intake/thread.ts THREAD_HEAP_MIB_MAX',
    'src/agent/intake/thread.ts THREAD_YOUNG_MIB_MAX',
    'src/agent/probe/thread.ts YOUNG_MIB_MAX',
  ],
  /** What people are shown; a switch shows all. */
  shown: ['src/tools/replay/text.ts LIST_LINES_MAX'],
};

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((one) => {
    const path = join(folder, one.name);
    return one.isDirectory() ? files(path) : /\.tsx?$/.test(one.name) ? [path] : [];
  });
}

/** Where bounds stand. */
const LIMITS = ['limits', 'service-limits', 'timeouts'].map((name) => `src/core/${name}.ts`);

test('every bound is named by a test, but those that are owed one', () => {
  const tests = files('test').filter((path) => !path.startsWith(join('test', 'house')));
  const words = new Set(
    tests.flatMap((path) => readFileSync(path, 'utf8').match(/\b[A-Z][A-Z\d_]+\b/g) ?? []),
  );
  const limits = LIMITS.flatMap((path) => [
    ...readFileSync(path, 'utf8').matchAll(/^export const (\w+)/gm),
  ]);
  const untested = limits.flatMap(([, name = '']) => (words.has(name) ? [] : [name]));
  expect(untested.sort()).toEqual(UNTESTED);
});

test('every bound stands in its file of src/core', () => {
  const sources = [...files('src'), ...files('native')].filter((path) => !LIMITS.includes(path));
  const found = sources.flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/^(?:export )?const (\w*_MAX)\b/gm)].map(
      ([, name]) => `${path} ${name}`,
    ),
  );
  expect(found.sort()).toEqual(Object.values(NO_BOUNDS).flat().sort());
});
