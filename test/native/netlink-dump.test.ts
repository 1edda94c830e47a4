import { describe, expect, test } from '@jest/globals';
import { type DumpedSet, readElements, SET_FLAG } from '../../native/netlink-dump.js';
import { elementsMessage } from '../../native/netlink-elements.js';
import { messagesOf } from '../../native/netlink-messages.js';

function emptySet(flags = 0): DumpedSet {
  const kind = { keyType: 7, keyBytes: 4, size: undefined, expressions: false, expires: false };
  return { name: 'ban4.sshd', flags, ...kind, elements: new Map() };
}

/** Reads the keys as one message of a dump has them. */
function read(set: DumpedSet, keys: readonly string[]): boolean {
  const elements = keys.map((key) => ({ key, timeout: 60 }));
  const told = { family: 'inet', set: set.name, version: 4, elements } as const;
  const bytes = elementsMessage('banjour', told, 1);
  return [...messagesOf(bytes)].every((message) => readElements(bytes, message, set));
}

describe('the elements of a dump', () => {
  test('are read with what is left of their timeouts', () => {
    const set = emptySet();
    expect(read(set, ['192.0.2.1', '192.0.2.2'])).toBe(true);
    expect(read(set, ['192.0.2.3'])).toBe(true);
    expect([...set.elements]).toEqual([
      ['192.0.2.1', 60_000],
      ['192.0.2.2', 60_000],
      ['192.0.2.3', 60_000],
    ]);
  });

  test('are not all of them where one is told twice: the hash grew under the dump', () => {
    const set = emptySet();
    expect(read(set, ['192.0.2.1', '192.0.2.2'])).toBe(true);
    expect(read(set, ['192.0.2.2', '192.0.2.3'])).toBe(false);
    expect(read(emptySet(), ['192.0.2.1', '192.0.2.1'])).toBe(false);
  });

  test('may be told twice in a set of ranges', () => {
    expect(read(emptySet(SET_FLAG.interval), ['192.0.2.1', '192.0.2.1'])).toBe(true);
  });
});
