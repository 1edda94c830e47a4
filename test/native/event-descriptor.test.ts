import { readFileSync, readSync, writeSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { EventDescriptor } from '../../native/libc.js';

const bytes = Buffer.alloc(8);
/** What stands in it; it is empty afterwards. */
const take = ({ number }: EventDescriptor) => {
  readSync(number, bytes);
  return bytes.readBigUInt64LE();
};

describe('a descriptor that tells of an event', () => {
  test('is readable once it was signalled, however often', () => {
    const event = new EventDescriptor();
    try {
      expect(() => take(event)).toThrow('EAGAIN');
      event.signal();
      event.signal();
      expect(take(event)).toBe(2n);
      expect(() => take(event)).toThrow('EAGAIN');
    } finally {
      event.close();
    }
  });

  test('holds nobody up when its number is as high as it can be', () => {
    const event = new EventDescriptor();
    try {
      const highest = 2n ** 64n - 2n;
      writeSync(event.number, new Uint8Array(BigUint64Array.of(highest).buffer));
      event.signal();
      expect(take(event)).toBe(highest);
    } finally {
      event.close();
    }
  });

  test('is not inherited by programs that are started', () => {
    const event = new EventDescriptor();
    try {
      const flags = /^flags:\s+(\d+)$/m.exec(
        readFileSync(`/proc/self/fdinfo/${event.number}`, 'latin1'),
      )?.[1];
      // open(2): O_CLOEXEC.
      expect(Number.parseInt(flags ?? '0', 8) & 0o2000000).not.toBe(0);
    } finally {
      event.close();
    }
  });

  test('touches nothing when it is closed, whose number may be another file by then', () => {
    const event = new EventDescriptor();
    event.close();
    const other = new EventDescriptor();
    try {
      event.signal();
      event.close();
      expect(event.number).toBe(-1);
      expect(() => take(other)).toThrow('EAGAIN');
    } finally {
      other.close();
    }
  });
});
