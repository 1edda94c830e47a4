/** What every source of entries promises (src/core/entry.ts), executed against each of them. */
import { describe, expect } from '@jest/globals';
import type { Batch, Entry, EntrySource, Gate, Position } from '../../src/core/entry.js';
import { OperatingError } from '../../src/core/errors.js';
import {
  FIELD_BYTES_MAX,
  FIELD_CHARS_MAX,
  JOURNAL_MATCH_TERMS_MAX,
  MESSAGE_CHARS_MAX,
  MESSAGE_TAIL_CHARS,
} from '../../src/core/limits.js';
import { type MatchExpression, parseMatch, WHOLE_JOURNAL } from '../../src/core/match.js';
import { cursor } from '../../src/core/names.js';
import { epochMicros } from '../../src/core/time.js';
import { type FakeEntry, numbered, Scratch, T0 } from '../support/journal-files.js';
import { needs } from '../support/require.js';

/** How the suite gets at one kind of source. */
export interface SourceKind {
  readonly name: string;
  /** Whether the kind can be tested here, and why not. */
  readonly can: readonly [boolean, string];
  /**
   * Stores the entries in the directory and makes a source of them. Called again, it makes another
   * source of the same.
   */
  make(scratch: Scratch, entries: readonly FakeEntry[]): EntrySource;
}

export const ALL: Gate = { literals: undefined, fields: [] };
export const HEAD: Position = { at: 'head' };

export function match(text: string): MatchExpression {
  const { expression } = parseMatch(text);
  if (expression === undefined) throw new Error(`not a match: ${text}`);
  return expression;
}

/** Reads until nothing more comes. */
export function drain(source: EntrySource, size = 500): { entries: Entry[]; batches: Batch[] } {
  const batches: Batch[] = [];
  for (;;) {
    const batch = source.next(size);
    batches.push(batch);
    if (batch.read === 0) return { entries: batches.flatMap((each) => [...each.entries]), batches };
  }
}

export const messages = (entries: readonly Entry[]) => entries.map((entry) => entry.message);

export function sourceContract(kind: SourceKind): void {
  const test = needs(...kind.can);

  /** One source over the entries, opened, and closed at the end. */
  function reading<T>(
    entries: readonly FakeEntry[],
    use: (source: EntrySource, again: () => EntrySource) => T,
    open: { match?: MatchExpression; gate?: Gate; position?: Position } | 'not opened' = {},
  ): T {
    using scratch = new Scratch();
    const made: EntrySource[] = [];
    const make = () => {
      const source = kind.make(scratch, entries);
      made.push(source);
      return source;
    };
    try {
      const source = make();
      if (open !== 'not opened')
        source.open(open.match ?? WHOLE_JOURNAL, open.gate ?? ALL, open.position ?? HEAD);
      return use(source, make);
    } finally {
      for (const source of made) source.close();
    }
  }
  const readAll = (entries: readonly FakeEntry[], open = {}) =>
    reading(entries, (source) => drain(source), open);

  describe(`${kind.name}: order and positions`, () => {
    test('delivers every entry once, oldest first, in batches of the asked size', () => {
      const { entries, batches } = reading(numbered(25), (source) => drain(source, 10));
      expect(messages(entries)).toEqual(numbered(25).map((entry) => entry.message));
      expect(batches.map((batch) => batch.read)).toEqual([10, 10, 5, 0]);
    });

    test('says how much of what is stored has been read, and never goes back', () => {
      const told = reading(numbered(25), (source) => {
        const seen: (number | undefined)[] = [];
        while (source.next(10).read > 0) seen.push(source.progress?.());
        return seen;
      });
      if (told[0] === undefined) expect(new Set(told)).toEqual(new Set([undefined]));
      else {
        expect(told).toHaveLength(3);
        expect(told.toSorted((a, b) => Number(a) - Number(b))).toEqual(told);
        expect(told.at(-1)).toBe(1);
      }
    });

    test('names the time and cursor of the last entry read, whether it passed the gate or not', () => {
      const gate = { literals: ['entry 0'], fields: [] };
      const { batches } = reading(numbered(3), (source) => drain(source), { gate });
      expect(messages(batches[0]?.entries ?? [])).toEqual(['entry 0']);
      expect(batches[0]?.position?.time).toBe(T0 + 2000);
      expect(batches.at(-1)?.position).toBeUndefined();
    });

    test('goes on after a cursor without a gap and without repeating', () => {
      const all = numbered(20);
      reading(all, (source, again) => {
        const { position } = source.next(7);
        if (position === undefined) throw new Error('no position');
        const second = again();
        expect(second.open(WHOLE_JOURNAL, ALL, { at: 'cursor', ...position })).toEqual({
          gap: false,
        });
        expect(messages(drain(second).entries)).toEqual(all.slice(7).map((entry) => entry.message));
      });
    });

    test('goes on after a cursor whose entry is not among those of a changed match', () => {
      const all = numbered(10).map((entry, i) => ({
        ...entry,
        fields: { _SYSTEMD_UNIT: i < 5 ? 'a' : 'b' },
      }));
      reading(all, (source, again) => {
        const { position } = source.next(3);
        if (position === undefined) throw new Error('no position');
        const second = again();
        expect(second.open(match('_SYSTEMD_UNIT=b'), ALL, { at: 'cursor', ...position })).toEqual({
          gap: false,
        });
        expect(messages(drain(second).entries)).toEqual(all.slice(5).map((entry) => entry.message));
      });
    });

    test('reports a gap for a cursor that is gone and goes on at its time', () => {
      const lost = cursor(
        `s=${'9'.repeat(32)};i=5;b=${'8'.repeat(32)};m=1;t=${(T0 + 4500).toString(16)};x=77`,
      );
      for (const name of [lost, cursor('not a cursor at all')])
        reading(
          numbered(10),
          (source) => {
            const position: Position = { at: 'cursor', cursor: name, time: epochMicros(T0 + 4500) };
            expect(source.open(WHOLE_JOURNAL, ALL, position)).toEqual({ gap: true });
            expect(messages(drain(source).entries)[0]).toBe('entry 5');
          },
          'not opened',
        );
    });

    test('begins at the first entry at or after a time', () => {
      for (const [at, first] of [
        [T0 + 3000, 'entry 3'],
        [T0 + 3001, 'entry 4'],
        [0, 'entry 0'],
      ] as const) {
        const { entries } = readAll(numbered(6), {
          position: { at: 'time', time: epochMicros(at) },
        });
        expect(entries[0]?.message).toBe(first);
      }
    });

    test('delivers nothing old from the tail on', () => {
      expect(readAll(numbered(6), { position: { at: 'tail' } }).entries).toEqual([]);
      const nothing = { position: { at: 'tail' }, match: match('_SYSTEMD_UNIT=absent') };
      expect(readAll(numbered(6), nothing).entries).toEqual([]);
    });
  });

  describe(`${kind.name}: selection`, () => {
    const units: FakeEntry[] = ['postfix', 'dovecot', 'ssh', 'nginx', 'postfix'].map((unit, i) => ({
      at: i * 1000,
      message: `${unit} ${i}`,
      fields: {
        _SYSTEMD_UNIT: `${unit}.service`,
        SYSLOG_IDENTIFIER: unit,
        _UID: String(i % 2),
        _PID: '7',
      },
    }));
    const selected = (text: string) => messages(readAll(units, { match: match(text) }).entries);

    test('selects as journalctl does: same field OR, other field AND, + OR', () => {
      expect(selected('_SYSTEMD_UNIT=ssh.service _SYSTEMD_UNIT=nginx.service')).toEqual([
        'ssh 2',
        'nginx 3',
      ]);
      expect(selected('_SYSTEMD_UNIT=postfix.service _UID=0')).toEqual(['postfix 0', 'postfix 4']);
      expect(selected('_SYSTEMD_UNIT=postfix.service _UID=1')).toEqual([]);
      expect(selected('_SYSTEMD_UNIT=dovecot.service + SYSLOG_IDENTIFIER=ssh _UID=0')).toEqual([
        'dovecot 1',
        'ssh 2',
      ]);
    });

    test('selects the same with more terms than libsystemd is given', () => {
      const absent = (count: number) =>
        Array.from({ length: count }, (_, i) => `_SYSTEMD_UNIT=absent-${i}.service`).join(' ');
      for (const count of [JOURNAL_MATCH_TERMS_MAX - 1, JOURNAL_MATCH_TERMS_MAX])
        expect(selected(`${absent(count)} _SYSTEMD_UNIT=ssh.service`)).toEqual(['ssh 2']);
    });

    test('passes entries whose MESSAGE has one of the literals, taken literally', () => {
      const literal: FakeEntry[] = ['auth failed', 'a.th failed', 'Failed', 'nothing'].map(
        (message, i) => ({
          at: i,
          message,
        }),
      );
      const read = (literals: readonly string[] | undefined) =>
        messages(readAll(literal, { gate: { literals, fields: [] } }).entries);
      expect(read(['a.th', 'Fail'])).toEqual(['a.th failed', 'Failed']);
      expect(read(['auth failed'])).toEqual(['auth failed']);
      expect(read([])).toEqual([]);
      expect(read(undefined)).toHaveLength(4);
    });

    test('brings the asked fields along and no others', () => {
      const gate: Gate = { literals: ['ssh'], fields: ['_SYSTEMD_UNIT', '_PID', 'ABSENT'] };
      const { entries } = readAll(units, { gate });
      expect(Object.fromEntries(entries[0]?.fields ?? [])).toEqual({
        _SYSTEMD_UNIT: 'ssh.service',
        _PID: '7',
      });
      expect(entries[0]?.realtime).toBe(T0 + 2000);
    });
  });

  describe(`${kind.name}: hostile texts`, () => {
    const one = (message: FakeEntry['message'], fields?: Record<string, string>) => {
      const entry = message === undefined ? { at: 0 } : { at: 0, message };
      const own = [
        fields === undefined ? entry : { ...entry, fields },
        { at: 1000, message: 'true failure' },
      ];
      const { entries, batches } = readAll(own, {
        gate: { literals: undefined, fields: Object.keys(fields ?? {}) },
      });
      expect(entries.at(-1)?.message).toBe('true failure');
      return { first: entries[0], cut: batches.reduce((sum, batch) => sum + batch.cut, 0) };
    };

    test('keeps newlines, NUL and terminal escapes as they are', () => {
      for (const text of ['a\nMESSAGE=b\n\nc', 'a\0b', '\u001b[2Jx', '\t', 'ünïcödé 🙂'])
        expect(one(text).first?.message).toBe(text);
    });

    test('replaces bytes that are no UTF-8', () => {
      expect(one(Buffer.from([0x61, 0xff, 0xc3, 0x28, 0x62])).first?.message).toBe(
        'a\ufffd\ufffd(b',
      );
    });

    test('joins several MESSAGE values by one blank', () => {
      expect(one(['first', 'second']).first?.message.split(' ').sort()).toEqual([
        'first',
        'second',
      ]);
    });

    test('delivers an entry without MESSAGE, with an empty text', () => {
      expect(one(undefined, { PRIORITY: '6' }).first?.message).toBe('');
    });

    test('keeps a MESSAGE at its bound whole, and head and tail of one past it', () => {
      const whole = `${'h'.repeat(MESSAGE_CHARS_MAX - 1)}t`;
      expect(one(whole)).toMatchObject({ first: { message: whole }, cut: 0 });
      expect(one(whole).first?.cutAt).toBeUndefined();
      const { first, cut } = one(`${whole}!`);
      const head = MESSAGE_CHARS_MAX - MESSAGE_TAIL_CHARS - 1;
      expect(cut).toBe(1);
      expect(first?.cutAt).toBe(head);
      expect(first?.message).toBe(`${'h'.repeat(head)}\n${'h'.repeat(MESSAGE_TAIL_CHARS - 2)}t!`);
      expect(first?.message.length).toBe(MESSAGE_CHARS_MAX);
    });

    test('counts the bound in characters, not in bytes', () => {
      const whole = 'ü'.repeat(MESSAGE_CHARS_MAX);
      expect(one(whole)).toMatchObject({ first: { message: whole }, cut: 0 });
      const { first } = one(`${'🙂'.repeat(MESSAGE_CHARS_MAX)}end`);
      expect(first?.message.length).toBeLessThanOrEqual(MESSAGE_CHARS_MAX);
      expect(() => encodeURIComponent(first?.message ?? '\ud800')).not.toThrow();
      expect(first?.message.endsWith('🙂end')).toBe(true);
    });

    test('keeps head and tail of texts at and past the bytes that are copied, up to 1 MiB and more', () => {
      for (const size of [
        FIELD_BYTES_MAX - 8,
        FIELD_BYTES_MAX,
        FIELD_BYTES_MAX + 1,
        1024 * 1024,
        3 * 1024 * 1024,
      ]) {
        const { first, cut } = one(`begin ${'x'.repeat(size - 10)} end`);
        expect(cut).toBe(1);
        expect(first?.message.length).toBe(MESSAGE_CHARS_MAX);
        expect(first?.message.startsWith('begin xxx')).toBe(true);
        expect(first?.message.endsWith('xxx end')).toBe(true);
      }
    });

    test('keeps a field at its bound whole and cuts one past it', () => {
      const at = 'u'.repeat(FIELD_CHARS_MAX);
      for (const value of [at, `${at}x`])
        expect(one('m', { SYSLOG_IDENTIFIER: value }).first?.fields.get('SYSLOG_IDENTIFIER')).toBe(
          at,
        );
    });
  });

  describe(`${kind.name}: lines that were broken`, () => {
    const stream = { _TRANSPORT: 'stdout', _STREAM_ID: 'a'.repeat(32), _PID: '7' };
    const pod = { CONTAINER_ID_FULL: 'c'.repeat(64), CONTAINER_NAME: 'mail', PRIORITY: '6' };
    const read = (rows: readonly (readonly [string, Record<string, string>])[], open = {}) =>
      readAll(
        rows.map(([message, fields], i) => ({ at: i * 1000, message, fields })),
        open,
      );

    test.each(['line-max', 'nul', 'pid-change'])(
      'leaves out what follows on %s, and nothing else',
      (lineBreak) => {
        const { entries, batches } = read([
          ['before', stream],
          ['begin', { ...stream, _LINE_BREAK: lineBreak }],
          ['of another process', { ...stream, _PID: '8' }],
          ['of another service', { ...stream, _STREAM_ID: 'b'.repeat(32) }],
          ['of no stream', { _PID: '7' }],
          ['middle', { ...stream, _LINE_BREAK: lineBreak }],
          ['end', stream],
          ['next line', stream],
        ]);
        const others = ['of another process', 'of another service', 'of no stream'];
        expect(messages(entries)).toEqual(['before', 'begin', ...others, 'next line']);
        expect(batches.reduce((sum, { cut }) => sum + cut, 0)).toBe(2);
        expect(batches[0]?.read).toBe(8);
      },
    );

    test('the end of all output is the end of a line', () => {
      const { entries } = read([
        ['last', { ...stream, _LINE_BREAK: 'eof' }],
        ['first', stream],
      ]);
      expect(messages(entries)).toEqual(['last', 'first']);
    });

    test('leaves out the parts of a container’s line behind the first, numbered or not', () => {
      const docker = (ordinal: string) => ({ ...pod, CONTAINER_PARTIAL_ORDINAL: ordinal });
      const { entries } = read([
        ['one', { ...docker('1'), CONTAINER_PARTIAL_MESSAGE: 'true' }],
        ['two', { ...docker('2'), CONTAINER_PARTIAL_MESSAGE: 'true' }],
        ['three', docker('3')],
        ['begin', { ...pod, CONTAINER_PARTIAL_MESSAGE: 'true' }],
        ['an error', { ...pod, PRIORITY: '3' }],
        ['end', pod],
        ['line', pod],
      ]);
      expect(messages(entries)).toEqual(['one', 'begin', 'an error', 'line']);
    });

    test('knows a rest also when the beginning passed no gate, or lies before the position', () => {
      const rows = [
        ['begin', { ...stream, _LINE_BREAK: 'line-max' }],
        ['forged', stream],
        ['forged not', stream],
      ] as const;
      expect(messages(read(rows, { gate: { literals: ['forged'], fields: [] } }).entries)).toEqual([
        'forged not',
      ]);
      const begin = read(rows, { gate: { literals: undefined, fields: [] } }).entries[0];
      if (begin === undefined) throw new Error('the beginning was not read');
      const position: Position = { at: 'cursor', cursor: begin.cursor, time: begin.realtime };
      expect(messages(read(rows, { position }).entries)).toEqual(['forged not']);
    });
  });

  describe(`${kind.name}: closing`, () => {
    test('refuses every call after close, and may be closed twice', () => {
      reading(numbered(2), (source) => {
        source.close();
        source.close();
        const calls = [
          () => source.next(1),
          () => source.poll(),
          () => source.open(WHOLE_JOURNAL, ALL, HEAD),
        ];
        for (const call of calls) {
          expect(call).toThrow(OperatingError);
          expect(call).toThrow(expect.objectContaining({ code: 'ERR_JOURNAL_CLOSED' }));
        }
      });
    });

    test('may be closed before it was opened', () => {
      reading(
        numbered(2),
        (source) => {
          source.close();
          expect(() => source.open(WHOLE_JOURNAL, ALL, HEAD)).toThrow(
            expect.objectContaining({ code: 'ERR_JOURNAL_CLOSED' }),
          );
        },
        'not opened',
      );
    });
  });
}
