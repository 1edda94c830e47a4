import { describe, expect, test } from '@jest/globals';
import { cursor } from '../../src/core/names.js';
import { sameEntry } from '../../src/journal/position.js';

describe('two cursors', () => {
  const here = cursor('s=aa;i=1;b=cc;m=5;t=6;x=7');

  test('name one entry when they are equal, or differ in file and sequence number only', () => {
    expect(sameEntry(here, here)).toBe(true);
    expect(sameEntry(here, cursor('s=bb;i=9;b=cc;m=5;t=6;x=7'))).toBe(true);
  });

  test('name two entries when boot, time or content differ, or when their form is unknown', () => {
    for (const other of [
      's=aa;i=1;b=cd;m=5;t=6;x=7',
      's=aa;i=1;b=cc;m=5;t=6;x=8',
      's=aa;i=1;b=cc;m=6;t=6;x=7',
      'offset=1',
    ])
      expect(sameEntry(here, cursor(other))).toBe(false);
    expect(sameEntry(cursor('offset=1'), cursor('offset=2'))).toBe(false);
    expect(sameEntry(cursor('offset=1'), cursor('offset=1'))).toBe(true);
  });
});
