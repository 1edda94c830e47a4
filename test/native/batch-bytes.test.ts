import { describe, expect, test } from '@jest/globals';
import { COUNTS_BYTES, RecordDecoder } from '../../native/batch-bytes.js';
import { OriginCache } from '../../src/core/entry.js';
import {
  FIELD_CHARS_MAX,
  FIELD_KNOWN_BYTES_MAX,
  ORIGINS_KNOWN_MAX,
} from '../../src/core/limits.js';

const u32 = (...values: readonly number[]) => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32LE(value, 4 * i);
  return bytes;
};

/** A batch of one entry each, with one field of these bytes, as the C reader writes it (batch.h). */
function fieldsOf(values: readonly Buffer[]): (string | undefined)[] {
  const cursor = Buffer.from('s=1');
  const records = values.map((value) => {
    const rest = Buffer.concat([
      u32(1),
      u32(1, 0, cursor.length, 0, 0),
      u32(1, value.length, 0),
      value,
      cursor,
    ]);
    return Buffer.concat([u32(rest.length + 4), rest]);
  });
  const counts = Buffer.alloc(COUNTS_BYTES);
  counts.writeUInt32LE(values.length, 0);
  counts.writeUInt32LE(values.length, 4);
  const { entries } = new RecordDecoder(['FIELD']).batch(counts, Buffer.concat(records), 0);
  return entries.map(({ fields }) => fields.get('FIELD'));
}

describe('the text of a field that came before', () => {
  test('is its own text, whatever came before it at the same place', () => {
    // Same length, first, middle and last byte.
    const texts = ['a11b11c', 'a22b22c', 'a11b11c', '', 'a11b11d', 'a22b22c'];
    expect(fieldsOf(texts.map((text) => Buffer.from(text)))).toEqual(texts);
  });

  test('is not taken for the same where bytes are not ASCII', () => {
    const texts = ['müller', 'müller', 'Ã¼', 'ü', 'Ã¼', '\u00fc\u00fc'];
    expect(fieldsOf(texts.map((text) => Buffer.from(text)))).toEqual(texts);
    // Bytes that are no UTF-8 are not the text whose characters have these numbers.
    const [broken, text] = [Buffer.from([0xfc, 0x61]), Buffer.from('\ufffda')];
    expect(fieldsOf([text, broken, broken])).toEqual(['\ufffda', '\ufffda', '\ufffda']);
  });

  test('at the bound of what is compared and one past it', () => {
    const at = 'x'.repeat(FIELD_KNOWN_BYTES_MAX);
    const texts = [at, at, `${at}y`, `${at}y`, `${at}z`];
    expect(fieldsOf(texts.map((text) => Buffer.from(text)))).toEqual(texts);
    expect(fieldsOf([Buffer.from('x'.repeat(FIELD_CHARS_MAX + 1))])).toEqual([
      'x'.repeat(FIELD_CHARS_MAX),
    ]);
  });
});

describe('the origin of entries', () => {
  /** A batch of one entry whose origin is told as number 1: `_A` is the text. */
  const told = (decoder: RecordDecoder, text: string) => {
    const value = Buffer.concat([u32(1, text.length, 0), Buffer.from(text)]);
    const rest = Buffer.concat([u32(0), u32(1, 0, 0, 1, value.length), value]);
    const counts = Buffer.alloc(COUNTS_BYTES);
    counts.writeUInt32LE(1, 4);
    const record = Buffer.concat([u32(rest.length + 4), rest]);
    return decoder.batch(counts, record, 0).entries[0]?.fields;
  };

  test('is one object over all batches, as long as there are no more than the bound', () => {
    const decoder = new RecordDecoder(['_A']);
    const first = told(decoder, '0')?.origin;
    expect(first).toBeDefined();
    for (let i = 1; i < ORIGINS_KNOWN_MAX; i++) told(decoder, `${i}`);
    expect(told(decoder, '0')?.origin).toBe(first);
    // One past it: known ones are forgotten, and every entry has its own values all the same.
    expect(told(decoder, 'one more')?.get('_A')).toBe('one more');
    const again = told(decoder, '0');
    expect(again?.origin).not.toBe(first);
    expect(again?.get('_A')).toBe('0');
  });

  test('is looked up once, and forgotten when there are more than the bound', () => {
    const cache = new OriginCache<{ readonly n: number }>();
    const origins = Array.from({ length: ORIGINS_KNOWN_MAX + 1 }, (_, n) => ({ n }));
    for (const origin of origins.slice(0, -1)) cache.set(origin, { n: origin.n });
    expect(origins.slice(0, -1).map((origin) => cache.get(origin)?.n)).toEqual(
      origins.slice(0, -1).map(({ n }) => n),
    );
    const [first, last] = [origins[0] as object, origins.at(-1) as object];
    expect(cache.get(last)).toBeUndefined();
    cache.set(last, { n: -1 });
    expect(cache.get(first)).toBeUndefined();
    expect(cache.get(last)).toEqual({ n: -1 });
  });
});
