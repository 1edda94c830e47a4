import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  ENTRY_VALUES_MAX,
  EXPORT_FIELD_BYTES_MAX,
  FIELD_BYTES_MAX,
} from '../../../src/core/limits.js';
import { type ExportItem, ExportParser } from '../../../src/journal/export/parser.js';
import { exportEntry, exportField } from '../../support/journal-files.js';

const WANTED = new Set(['MESSAGE', '_PID', '__REALTIME_TIMESTAMP']);

/** Parses the bytes, fed in chunks of the given sizes, over and over. */
function parse(bytes: Buffer, sizes: readonly number[] = [bytes.length || 1]): ExportItem[] {
  const parser = new ExportParser(WANTED);
  const items: ExportItem[] = [];
  const take = () => {
    for (let item = parser.next(); item !== undefined; item = parser.next()) items.push(item);
  };
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] as number;
    parser.feed(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
    take();
  }
  parser.end();
  take();
  return items;
}

/** The items without what tests do not look at. */
const plain = (items: readonly ExportItem[]) =>
  items.map((item) =>
    item.kind === 'malformed'
      ? 'malformed'
      : Object.fromEntries(
          [...item.entry].map(([name, pieces]) => [name, pieces.map((piece) => piece.head)]),
        ),
  );
const text = (lines: string) => Buffer.from(lines, 'latin1');
const binary = (name: string, length: bigint, bytes: string) => {
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(length);
  return Buffer.concat([text(`${name}\n`), size, text(bytes)]);
};

describe('the export format', () => {
  test('takes text fields, binary fields and repeated fields, and leaves out what is not wanted', () => {
    const stream = Buffer.concat([
      text('_PID=7\nUNWANTED=x\nMESSAGE=a=b\n'),
      binary('MESSAGE', 5n, 'c\n\nd\0\n'),
      text('\n\n\n_PID=\n\n'),
    ]);
    expect(plain(parse(stream))).toEqual([
      { _PID: ['7'], MESSAGE: ['a=b', 'c\n\nd\0'] },
      { _PID: [''] },
    ]);
  });

  test('takes a last entry without its empty line, but not one that breaks off in a field', () => {
    expect(plain(parse(text('MESSAGE=a\n\nMESSAGE=b\n')))).toEqual([
      { MESSAGE: ['a'] },
      { MESSAGE: ['b'] },
    ]);
    for (const broken of [
      text('MESSAGE=b'),
      text('MESS'),
      binary('MESSAGE', 3n, 'ab'),
      binary('MESSAGE', 2n, 'ab'),
    ])
      expect(plain(parse(Buffer.concat([text('MESSAGE=a\n\n'), broken])))).toEqual([
        { MESSAGE: ['a'] },
        'malformed',
      ]);
  });

  test('skips a malformed entry, counts it once, and goes on behind the next empty line', () => {
    const bad = [
      text('no name\nMESSAGE=x\n\n'),
      text('=x\n\n'),
      text('1PID=x\n\n'),
      text('lower=x\n\n'),
      text(`${'N'.repeat(65)}=x\n\n`),
      binary('MESSAGE', 1n, 'ab\n\n'),
      binary('MESSAGE', BigInt(EXPORT_FIELD_BYTES_MAX) + 1n, 'ab\n\n'),
      binary('MESSAGE', 0xffffffffffffffffn, 'ab\n\n'),
    ];
    for (const bytes of bad)
      expect(
        plain(parse(Buffer.concat([text('_PID=1\n\n'), bytes, text('MESSAGE=good\n\n')]))),
      ).toEqual([{ _PID: ['1'] }, 'malformed', { MESSAGE: ['good'] }]);
  });

  test('takes a field name at its bound', () => {
    expect(plain(parse(text(`${'N'.repeat(64)}=x\nMESSAGE=a\n\n`)))).toEqual([{ MESSAGE: ['a'] }]);
  });

  test('takes a binary field at its bound for what it says, without holding it', () => {
    const parser = new ExportParser(WANTED);
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(EXPORT_FIELD_BYTES_MAX));
    parser.feed(Buffer.concat([text('MESSAGE\n'), size]));
    const chunk = Buffer.alloc(16 * 1024 * 1024, 'x');
    for (let fed = 0; fed < EXPORT_FIELD_BYTES_MAX; fed += chunk.length) {
      expect(parser.next()).toBeUndefined();
      parser.feed(chunk);
    }
    parser.feed(text('\n\n'));
    const item = parser.next();
    expect(item?.kind === 'entry' && item.entry.get('MESSAGE')?.[0]?.head.length).toBeLessThan(
      FIELD_BYTES_MAX,
    );
    expect(item?.kind === 'entry' && item.entry.get('MESSAGE')?.[0]?.tail?.length).toBeGreaterThan(
      0,
    );
  });

  test('keeps a value whole up to the bytes that are copied, and head and tail of one past it', () => {
    for (const form of ['text', 'binary'] as const)
      for (const [length, whole] of [
        [FIELD_BYTES_MAX, true],
        [FIELD_BYTES_MAX + 1, false],
      ] as const) {
        const value = `b${'x'.repeat(length - 2)}e`;
        const field =
          form === 'text'
            ? text(`MESSAGE=${value}\n`)
            : binary('MESSAGE', BigInt(length), `${value}\n`);
        for (const chunk of [field.length + 1, 1000]) {
          const [item] = parse(Buffer.concat([field, text('\n')]), [chunk]);
          const piece = item?.kind === 'entry' ? item.entry.get('MESSAGE')?.[0] : undefined;
          expect(piece?.tail === undefined).toBe(whole);
          expect(piece?.head.startsWith('bx')).toBe(true);
          expect((piece?.tail ?? piece?.head)?.endsWith('xe')).toBe(true);
        }
      }
  });

  test('keeps so many values of an entry and no more', () => {
    for (const [count, kept] of [
      [ENTRY_VALUES_MAX, ENTRY_VALUES_MAX],
      [ENTRY_VALUES_MAX + 1, ENTRY_VALUES_MAX],
    ] as const) {
      const [item] = parse(text(`${'MESSAGE=x\n'.repeat(count)}\n`));
      expect(item?.kind === 'entry' && item.entry.get('MESSAGE')?.length).toBe(kept);
    }
  });
});

describe('the export format, whatever comes', () => {
  const chunks = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });

  test('gives the same entries however the bytes are cut', () => {
    const field = fc.record({
      name: fc.constantFrom('MESSAGE', '_PID', 'OTHER'),
      value: fc.oneof(fc.string(), fc.uint8Array({ maxLength: 60 })),
    });
    fc.assert(
      fc.property(
        fc.array(fc.array(field, { minLength: 1, maxLength: 6 }), { maxLength: 6 }),
        chunks,
        (stored, sizes) => {
          const stream = Buffer.concat(
            stored.flatMap((fields) => [
              ...fields.map(({ name, value }) => exportField(name, value)),
              text('\n'),
            ]),
          );
          const expected = stored.map((fields) => {
            const entry: Record<string, string[]> = {};
            for (const { name, value } of fields)
              if (WANTED.has(name))
                entry[name] = [
                  ...(entry[name] ?? []),
                  Buffer.from(value as Uint8Array).toString('utf8'),
                ];
            return entry;
          });
          expect(plain(parse(stream))).toEqual(expected);
          expect(plain(parse(stream, sizes))).toEqual(expected);
        },
      ),
    );
  });

  test('survives random bytes, and finds the entry behind them', () => {
    const alphabet = fc.constantFrom(0x0a, 0x3d, 0x41, 0x5f, 0x00, 0xff, 0x20, 0x31);
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 60 }).chain(() => fc.array(alphabet, { maxLength: 120 })),
    );
    fc.assert(
      fc.property(noise, chunks, (bytes, sizes) => {
        const stream = Buffer.from(bytes as Uint8Array);
        expect(plain(parse(stream, sizes))).toEqual(plain(parse(stream)));
      }),
      { numRuns: 500 },
    );
  });

  test('never loses a true entry to a malformed one before it', () => {
    const bad = fc.string({
      unit: fc.constantFrom('a', 'B', ' ', '=', '1'),
      minLength: 1,
      maxLength: 50,
    });
    fc.assert(
      fc.property(bad, chunks, (line, sizes) => {
        const stream = Buffer.concat([
          text(`${line}=\n\n`),
          exportEntry({ at: 1, message: 'true failure' }),
        ]);
        expect(plain(parse(stream, sizes)).at(-1)).toMatchObject({ MESSAGE: ['true failure'] });
      }),
    );
  });
});
