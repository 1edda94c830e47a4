import { expect, test } from '@jest/globals';
import { READ } from '../../native/entry-data.js';
import type { JournalHandle } from '../../native/journal.js';
import { PlainReader } from '../../native/plain-reader.js';
import { ENTRY_FIELDS_MAX } from '../../src/core/limits.js';

/** What a reader takes of one entry whose only wanted value comes after `before` others. */
function valueAfter(before: number): string | undefined {
  let looked = 0;
  let entries = 0;
  const data = {
    bytes: Buffer.alloc(0),
    length: 0,
    head: (from: number) => data.bytes.toString('utf8', from),
    latin1: () => '',
  };
  const handle = {
    data,
    next: () => entries++ === 0,
    readData: () => READ.absent,
    restartData: () => undefined,
    enumerateData: () => {
      data.bytes = Buffer.from(looked++ === before ? 'WANTED=x' : 'OTHER=x');
      data.length = data.bytes.length;
      return READ.found;
    },
    cursor: () => 'c',
    realtime: () => 1,
  } as unknown as JournalHandle;
  const reader = new PlainReader({
    passes: () => true,
    fits: () => true,
    fields: new Set(['WANTED']),
  } as never);
  return reader.read(handle, 1, false).entries[0]?.fields.get('WANTED');
}

test('so many data of an entry are looked at and no more', () => {
  expect(valueAfter(ENTRY_FIELDS_MAX - 1)).toBe('x');
  expect(valueAfter(ENTRY_FIELDS_MAX)).toBeUndefined();
});
