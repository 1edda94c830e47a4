/** Whether two cursors name one entry. */
import type { Cursor } from '../core/names.js';

/**
 * True when the cursors differ in file and sequence number only. `journalctl --flush` copies entries from /run to
 * /var: the copy has another cursor, and sd_journal_test_cursor(3) says no, but boot, times and the hash of the
 * content (`b`, `m`, `t`, `x`) stay. Texts of any other form are the same only when they are equal.
 */
export function sameEntry(a: Cursor, b: Cursor): boolean {
  if (a === b) return true;
  const identity = identityOf(a);
  return identity !== undefined && identity === identityOf(b);
}

function identityOf(cursor: Cursor): string | undefined {
  return /^s=[0-9a-f]+;i=[0-9a-f]+;(b=[0-9a-f]+;m=[0-9a-f]+;t=[0-9a-f]+;x=[0-9a-f]+)$/.exec(cursor)?.[1];
}
