import { describe, expect, test } from '@jest/globals';
import { batchOf, COUNTS_BYTES } from '../../native/batch-bytes.js';
import { FIELD_CHARS_MAX, FIELD_KNOWN_BYTES_MAX } from '../../src/core/limits.js';

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
      u32(1, 0, cursor.length),
      u32(1, value.length, 0),
      value,
      cursor,
    ]);
    return Buffer.concat([u32(rest.length + 4), rest]);
  });
  const counts = Buffer.alloc(COUNTS_BYTES);
  counts.writeUInt32LE(values.length, 0);
  counts.writeUInt32LE(values.length, 4);
  const { entries } = batchOf(counts, Buffer.concat(records), 0, ['FIELD']);
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
