import { describe, expect, test } from '@jest/globals';
import { cursor } from '../../../src/core/names.js';
import { EvidenceLog, NO_EVIDENCE } from '../../../src/jail/evidence/log.js';

describe('the log of cursors', () => {
  test('gives back what it was given, until newer cursors have taken the room', () => {
    const log = new EvidenceLog(100, 20);
    const refs = Array.from({ length: 50 }, (_, i) => log.append(cursor(`cursor-${i}`)));
    const read = refs.map((ref) => log.read(ref));
    const kept = read.flatMap((text, i) => (text === undefined ? [] : [[text, `cursor-${i}`]]));
    expect(kept.length).toBeGreaterThanOrEqual(7);
    for (const [text, expected] of kept) expect(text).toBe(expected);
    expect(read.slice(0, 50 - kept.length).every((text) => text === undefined)).toBe(true);
    expect(read.at(-1)).toBe('cursor-49');
  });

  test('keeps the cursor of one entry once, although several jails judge it', () => {
    const log = new EvidenceLog(100, 20);
    const first = log.append(cursor('same'));
    expect(log.append(cursor('same'))).toBe(first);
    expect(log.append(cursor('other'))).not.toBe(first);
  });

  test('keeps a cursor of the longest length and leaves out a longer one', () => {
    const log = new EvidenceLog(100, 20);
    expect(log.read(log.append(cursor('x'.repeat(20))))).toBe('x'.repeat(20));
    expect(log.append(cursor('x'.repeat(21)))).toBe(NO_EVIDENCE);
    expect(log.read(NO_EVIDENCE)).toBeUndefined();
  });

  test('counts bytes, not characters', () => {
    const log = new EvidenceLog(100, 20);
    expect(log.append(cursor('ä'.repeat(11)))).toBe(NO_EVIDENCE);
    expect(log.read(log.append(cursor('ä'.repeat(10))))).toBe('ä'.repeat(10));
  });

  test('refuses to be smaller than two cursors', () => {
    expect(() => new EvidenceLog(43, 20)).toThrow(RangeError);
  });
});
