import { expect, test } from '@jest/globals';
import type { Entry, EntrySource } from '../../../src/core/entry.js';
import { CURSOR_NEIGHBOURS_MAX } from '../../../src/core/limits.js';
import { cursor, sourceId } from '../../../src/core/names.js';
import { findEntry } from '../../../src/journal/systemd/find.js';
import { entry } from '../../support/filters.js';

const named = (n: number) => cursor(`s=1;i=${n.toString(16)};b=2;m=3;t=64;x=${n.toString(16)}`);

/** Entries of one microsecond, the first with number 1. */
function source(): EntrySource & { closed: boolean } {
  let read = 0;
  return {
    id: sourceId('local'),
    closed: false,
    open: () => ({ gap: false }),
    next() {
      const next: Entry = { ...entry(`entry ${++read}`), cursor: named(read) };
      return { entries: [next], read: 1, cut: 0, unreadable: 0, ended: false, notices: [] };
    },
    poll: () => undefined,
    close() {
      this.closed = true;
    },
  };
}

test.each([
  [CURSOR_NEIGHBOURS_MAX, `entry ${CURSOR_NEIGHBOURS_MAX}`],
  [CURSOR_NEIGHBOURS_MAX + 1, undefined],
])('of entries of one microsecond so many are looked through: number %i is %s', (n, message) => {
  const opened = source();
  expect(findEntry(() => opened, named(n), [])?.message).toBe(message);
  expect(opened.closed).toBe(true);
});

test('the cursor of another kind of source is nowhere', () => {
  expect(findEntry(source, cursor('line 7'), [])).toBeUndefined();
});
