import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { batchReader, load } from '../../native/batch-library.js';
import { BatchReader } from '../../native/batch-reader.js';
import { JournalHandle } from '../../native/journal.js';
import { PlainReader } from '../../native/plain-reader.js';
import type { EntryReader, RawBatch, Wanted } from '../../native/raw-entries.js';
import type { GateRoute } from '../../src/core/entry.js';
import {
  FIELD_BYTES_MAX,
  FIELD_CHARS_MAX,
  GATE_FIELDS_MAX,
  GATE_ROUTES_MAX,
  GATE_TERM_BYTES_MAX,
  MESSAGE_CHARS_MAX,
} from '../../src/core/limits.js';
import { gateTest, routesTest } from '../../src/journal/gate.js';
import { canWrite, type FakeEntry, Scratch, writeJournal } from '../support/journal-files.js';
import { hasCommand, needs } from '../support/require.js';

const { functions } = batchReader();
/** All of the library but the waiting, which has no input to go wrong with. */
const SOURCES = ['ahead', 'batch', 'gate', 'guard', 'record', 'routes'].map(
  (name) => `native/batch/${name}.c`,
);
const both = needs(
  canWrite[0] && functions !== undefined,
  functions === undefined ? 'no batch reader' : canWrite[1],
);

const wanted = (
  literals: readonly string[] | undefined,
  fields: readonly string[],
  routes: readonly GateRoute[] = [],
): Wanted => ({
  literals,
  passes: gateTest({ literals }),
  routes,
  fits: routesTest(routes),
  fields: new Set(fields),
});

/** The literals of all routes; none decides when a route takes any text. */
function unionOf(routes: readonly GateRoute[]): readonly string[] | undefined {
  const sets = routes.map(({ literals }) => literals);
  return sets.includes(undefined) ? undefined : sets.flatMap((literals) => literals ?? []);
}

/** The batch with fields as plain values: the readers keep them in different ways. */
function plainly({ entries, ...rest }: RawBatch) {
  return {
    ...rest,
    entries: entries.map((entry) => ({ ...entry, fields: new Map(entry.fields) })),
  };
}

/** What both readers make of the file, call by call of at most `max` entries. */
function readBoth(path: string, wish: Wanted, max: number) {
  if (functions === undefined) throw new Error('no batch reader');
  const run = (reader: EntryReader) => {
    const handle = JournalHandle.openFiles([path]);
    handle.seekHead();
    const batches: RawBatch[] = [];
    do batches.push(reader.read(handle, max, false));
    while (batches.at(-1)?.more === true);
    handle.close();
    reader.close();
    return batches.map(plainly);
  };
  return [run(new BatchReader(functions, wish)), run(new PlainReader(wish))] as const;
}

/** What the batch reader makes of the file, in calls of at most `max` entries. */
function readInC(path: string, wish: Wanted, max: number) {
  if (functions === undefined) throw new Error('no batch reader');
  const reader = new BatchReader(functions, wish);
  const handle = JournalHandle.openFiles([path]);
  handle.seekHead();
  const batches: RawBatch[] = [];
  do batches.push(reader.read(handle, max, false));
  while (batches.at(-1)?.more === true);
  handle.close();
  reader.close();
  return batches.flatMap(({ entries }) => entries);
}

describe('the batch reader', () => {
  both('reads the same as the plain reader, whatever stands in the journal', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc.uint8Array({ maxLength: 80 }),
      fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' '), maxLength: 60 }),
      fc
        .tuple(fc.constantFrom('x', 'ü', '🙂'), fc.constantFrom(MESSAGE_CHARS_MAX, FIELD_BYTES_MAX))
        .chain(([unit, around]) =>
          fc
            .integer({ min: around - 12, max: around + 12 })
            .map((length) => `ab${unit.repeat(length / unit.length)}cab`),
        ),
    );
    const unit = fc.constantFrom('u', 'v', 'w');
    const entry = fc.record({
      message: fc.array(text, { maxLength: 3 }),
      fields: fc.tuple(
        fc.dictionary(fc.constantFrom('_PID', 'OTHER', 'MESSAGES', 'MESSAG'), text, { maxKeys: 3 }),
        fc.dictionary(fc.constantFrom('_A', '_B'), unit, { maxKeys: 2 }),
      ),
    });
    const literals = fc.option(
      fc.array(
        fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' '), minLength: 1, maxLength: 4 }),
        { maxLength: 5 },
      ),
      { nil: undefined },
    );
    const group = fc.dictionary(
      fc.constantFrom('_A', '_B'),
      fc.uniqueArray(unit, { minLength: 1, maxLength: 2 }),
    );
    const route = fc.record({
      literals,
      match: fc.array(group, { minLength: 1, maxLength: 3 }).map((groups) => ({
        groups: groups.map((each) => new Map(Object.entries(each))),
      })),
    });
    const gates = fc.oneof(
      literals.map((searched) => ({ searched, routes: [] })),
      fc
        .array(route, { minLength: 1, maxLength: 4 })
        .map((routes) => ({ searched: unionOf(routes), routes })),
    );
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: 1, maxLength: 8 }),
        gates,
        fc.integer({ min: 1, max: 9 }),
        (all, { searched, routes }, max) => {
          using scratch = new Scratch();
          const path = scratch.file('a.journal');
          const stored = all.map(
            (each, i): FakeEntry => ({
              at: i * 1000,
              message: each.message,
              fields: { ...each.fields[0], ...each.fields[1], KEEP: '1' },
            }),
          );
          writeJournal(path, stored);
          const [inC, plain] = readBoth(
            path,
            wanted(searched, ['_PID', 'MESSAG', '_A', '_B'], routes),
            max,
          );
          expect(inC).toEqual(plain);
          expect(inC.reduce((sum, batch) => sum + batch.read, 0)).toBe(all.length);
        },
      ),
      { numRuns: 60 },
    );
  });

  both('stops before its buffer is full and goes on with the next call', () => {
    using scratch = new Scratch();
    const path = scratch.file('a.journal');
    const count = 60;
    writeJournal(
      path,
      Array.from({ length: count }, (_, i) => ({
        at: i * 1000,
        message: `${i} ${'x'.repeat(FIELD_BYTES_MAX)}`,
      })),
    );
    const [inC, plain] = readBoth(path, wanted(undefined, []), 500);
    expect(inC.length).toBeGreaterThan(plain.length);
    expect(inC.flatMap((batch) => [...batch.entries])).toEqual(
      plain.flatMap((batch) => [...batch.entries]),
    );
  });

  both('has one origin for entries that differ in their process only, over all calls', () => {
    using scratch = new Scratch();
    const path = scratch.file('a.journal');
    const units = ['a', 'b', 'a', 'a', 'b', 'a'];
    writeJournal(
      path,
      units.map((unit, i) => ({ at: i, message: `${i}`, fields: { _A: unit, _PID: `${i}` } })),
    );
    const entries = readInC(path, wanted(undefined, ['_A', '_PID']), 2);
    const origins = new Map(units.map((unit, i) => [unit, entries[i]?.fields.origin]));
    expect(new Set(origins.values()).size).toBe(2);
    expect(entries.map(({ fields }) => fields.get('_A'))).toEqual(units);
    expect(entries.map(({ fields }) => fields.get('_PID'))).toEqual(units.map((_, i) => `${i}`));
    for (const [i, unit] of units.entries()) {
      expect(entries[i]?.fields.origin).toBeDefined();
      expect(entries[i]?.fields.origin).toBe(origins.get(unit));
    }
  });

  both('has no origin where that would be longer than its bound, and all values', () => {
    using scratch = new Scratch();
    const path = scratch.file('a.journal');
    // Twelve bytes of the bound go with each value; a value has its own bound in characters.
    const at = '\u{1f642}'.repeat(253);
    writeJournal(
      path,
      [at, at, `${at}x`, `${at}x`].map((text, i) => ({
        at: i,
        message: `${i}`,
        fields: { _A: text, _B: 'b', _PID: `${i}` },
      })),
    );
    const [one, two, past, other] = readInC(path, wanted(undefined, ['_A', '_PID']), 9);
    expect(one?.fields.origin).toBeDefined();
    expect(two?.fields.origin).toBe(one?.fields.origin);
    expect(past?.fields.origin).toBeUndefined();
    expect(other?.fields.get('_A')).toBe(`${at}x`);
    const [inC, plain] = readBoth(path, wanted(undefined, ['_A', '_B', '_PID']), 9);
    expect(inC).toEqual(plain);
  });

  both('keeps a field value at its bound and cuts one past it', () => {
    using scratch = new Scratch();
    const path = scratch.file('a.journal');
    const unit = '🙂';
    writeJournal(path, [
      { at: 0, message: 'a', fields: { _PID: unit.repeat(FIELD_CHARS_MAX / 2) } },
      { at: 1, message: 'b', fields: { _PID: `${unit.repeat(FIELD_CHARS_MAX / 2)}x` } },
    ]);
    const [inC] = readBoth(path, wanted(undefined, ['_PID']), 10);
    for (const entry of inC[0]?.entries ?? [])
      expect(entry.fields.get('_PID')?.length).toBe(FIELD_CHARS_MAX);
  });

  test('that is missing or of another version is told, and never an error', () => {
    expect(load(undefined)).toEqual({ why: 'it was not compiled' });
    expect(load('/nonexistent/banjour-batch.so').functions).toBeUndefined();
    expect(load('libc.so.6').functions).toBeUndefined();
  });

  needs(
    canWrite[0] && hasCommand('cc') && existsSync('/usr/include/systemd/sd-journal.h'),
    'needs cc, libsystemd-dev',
  )(
    'stays within its memory, whatever literals, wishes and damaged files it is given (ASan, UBSan)',
    () => {
      using scratch = new Scratch();
      const program = scratch.file('fuzz');
      const sanitize = ['-g', '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
      const warnings = ['-std=gnu11', '-Wall', '-Wextra', '-Wconversion', '-Werror'];
      const sources = ['test/native/batch-fuzz.c', ...SOURCES];
      const built = spawnSync(
        'cc',
        [...warnings, ...sanitize, '-o', program, ...sources, '-lsystemd'],
        {
          encoding: 'utf8',
        },
      );
      expect(built.stderr).toBe('');
      const path = scratch.file('a.journal');
      writeJournal(
        path,
        Array.from({ length: 200 }, (_, i) => ({
          at: i,
          message: `${'x'.repeat(i * 5)}`,
          fields: { _PID: `${i}` },
        })),
      );
      const run = spawnSync(program, [path], { encoding: 'utf8' });
      // libsystemd's word before it aborts (systemd 252: a compressed field that is shorter than it
      // says).
      const said = run.stderr
        .split('\n')
        .filter((line) => !/^Assertion '.*' failed at src\/.* Aborting\.$/.test(line));
      expect(said).toEqual(['']);
      expect(run.stdout).toBe('well\n');
    },
  );

  test('is left out without an error where there is no compiler', () => {
    const result = spawnSync(process.execPath, ['native/build.mjs'], {
      encoding: 'utf8',
      env: { ...process.env, CC: '/nonexistent/cc' },
    });
    expect(result.status).toBe(0);
    expect(result.stdout).toContain('apt install gcc libsystemd-dev');
  });
});

both('takes as many routes, fields and term bytes as the plain reader is given', () => {
  using scratch = new Scratch();
  const path = scratch.file('a.journal');
  const long = 'x'.repeat(GATE_TERM_BYTES_MAX - '_F15='.length);
  const fields = Object.fromEntries(
    Array.from({ length: GATE_FIELDS_MAX }, (_, i) => [`_F${i}`, long]),
  );
  writeJournal(path, [
    { at: 0, message: 'bad', fields },
    { at: 1, message: 'bad', fields: { _F0: 'other' } },
    { at: 2, message: 'good', fields },
  ]);
  const routes = Array.from({ length: GATE_ROUTES_MAX }, (_, i) => ({
    literals: ['bad'],
    match: {
      groups: [
        new Map([[`_F${i % GATE_FIELDS_MAX}`, [i === GATE_ROUTES_MAX - 1 ? long : `no ${i}`]]]),
      ],
    },
  }));
  const [inC, plain] = readBoth(path, wanted(['bad'], Object.keys(fields), routes), 10);
  expect(inC).toEqual(plain);
  expect(inC.flatMap((batch) => batch.entries)).toHaveLength(1);
});
