import { describe, expect, test } from '@jest/globals';
import { cursor } from '../../../src/core/names.js';
import { READ_AGAIN_ENTRIES_MAX } from '../../../src/core/service-limits.js';
import { epochMicros } from '../../../src/core/time.js';
import { Delivered } from '../../../src/journal/systemd/descriptors.js';

const end = (i: number) => ({ cursor: cursor(`end ${i}`), time: epochMicros(i) });

describe('what was delivered since files are missing', () => {
  test.each([
    [READ_AGAIN_ENTRIES_MAX - 1, { at: 'head' }, false, READ_AGAIN_ENTRIES_MAX],
    [READ_AGAIN_ENTRIES_MAX, { at: 'cursor', ...end(0) }, true, READ_AGAIN_ENTRIES_MAX],
  ])(
    'is known up to the bound: behind one entry %i more are remembered from %j on',
    (more, from, isCut, known) => {
      const delivered = new Delivered();
      delivered.add([cursor('first')], end(0));
      for (let i = 1; i <= more; i++) delivered.add([cursor(`entry ${i}`)], end(i));
      expect(delivered.from).toEqual(from);
      expect(delivered.isCut).toBe(isCut);
      expect([...delivered.identities()]).toHaveLength(known);
      delivered.clear({ at: 'tail' });
      expect([delivered.from, delivered.isCut, delivered.size]).toEqual([{ at: 'tail' }, false, 0]);
    },
  );
});
