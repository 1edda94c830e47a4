import { describe, expect, test } from '@jest/globals';
import { cursor } from '../../../src/core/names.js';
import { READ_AGAIN_ENTRIES_MAX } from '../../../src/core/service-limits.js';
import { epochMicros } from '../../../src/core/time.js';
import { Delivered, ReadAgain } from '../../../src/journal/systemd/again.js';

const place = (i: number) => ({
  cursor: cursor(`s=${'a'.repeat(32)};i=${i.toString(16)};b=1;m=${i};t=${i};x=${i}`),
  time: epochMicros(i),
});
const at = (i: number) => ({ at: 'cursor', ...place(i) }) as const;
const raw = (...numbers: number[]) =>
  numbers.map((i) => ({
    cursor: place(i).cursor,
    realtime: epochMicros(i),
    messages: [],
    fields: new Map(),
  }));

describe('reading again', () => {
  /** The entries of a batch that are delivered, and the position that is told. */
  const batch = (again: ReadAgain, numbers: number[], more = true, isWhole = true) => {
    const last = numbers.at(-1) as number;
    const fresh = again.fresh(raw(...numbers), place(last)).map(({ realtime }) => realtime);
    return [fresh, again.reached(place(last), more, isWhole)?.time];
  };

  test('delivers what is new only, and holds the position until the end is reached again', () => {
    const again = new ReadAgain();
    again.note(at(1));
    expect(batch(again, [3, 5])).toEqual([[3, 5], 5]);
    expect(again.begin(at(5))).toEqual({ from: at(1), isCut: false });
    expect(batch(again, [2, 3])).toEqual([[2], undefined]);
    expect(batch(again, [4, 5, 6])).toEqual([[4, 6], 6]);
    expect(again.released(place(6), true)).toBeUndefined();
  });

  test('that begins once more while it is under way repeats nothing of either', () => {
    const again = new ReadAgain();
    again.note(at(1));
    batch(again, [3, 5]);
    again.begin(at(5));
    expect(batch(again, [2, 3])).toEqual([[2], undefined]);
    // Files are missing once more, and what is there is read beyond the first end.
    again.note(at(3));
    expect(batch(again, [5, 7], false, false)).toEqual([[7], undefined]);
    expect(batch(again, [9], true, false)).toEqual([[9], undefined]);
    expect(again.begin(at(9))).toEqual({ from: at(1), isCut: false });
    expect(batch(again, [2, 3, 4, 5, 6])).toEqual([[4, 6], undefined]);
    expect(batch(again, [7, 8])).toEqual([[8], undefined]);
    expect(batch(again, [9, 10])).toEqual([[10], 10]);
  });

  test('goes on where the end was passed, though not all was read yet', () => {
    const again = new ReadAgain();
    again.note(at(1));
    batch(again, [3, 5]);
    again.begin(at(5));
    expect(batch(again, [2, 3, 5, 7])).toEqual([[2, 7], 7]);
    again.note(at(7));
    // Another file came: no more is read again than since then, and nothing twice.
    expect(again.begin(at(7))).toEqual({ from: at(7), isCut: false });
    expect(batch(again, [8, 9])).toEqual([[8, 9], 9]);
  });

  test('holds the position while files are missing, and tells it once they are not', () => {
    const again = new ReadAgain();
    again.note(at(1));
    expect(batch(again, [2], false, false)).toEqual([[2], undefined]);
    expect(again.released(place(2), false)).toBeUndefined();
    expect(again.released(place(2), true)).toEqual(place(2));
    expect(again.released(place(2), true)).toBeUndefined();
  });

  test('tells no place before one that was told, however much is new', () => {
    const again = new ReadAgain();
    again.note(at(1));
    const half = READ_AGAIN_ENTRIES_MAX / 2;
    const numbers = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => from + i);
    // Every second one, and then a file comes that has the others.
    batch(again, [2]);
    const told = 10 * half;
    expect(batch(again, [4, told])[1]).toBe(told);
    again.begin(at(told));
    expect(batch(again, numbers(5, half))[1]).toBeUndefined();
    // What was told at first lies before the bound by now.
    expect(batch(again, numbers(5 + half, half))[1]).toBeUndefined();
    expect(batch(again, numbers(5 + 2 * half, half))[1]).toBeUndefined();
    expect(batch(again, [told + 1])[1]).toBe(told + 1);
    // While files are missing the place moves on behind what is told, and never back.
    expect(batch(again, numbers(told + 2, half), true, false)[1]).toBeUndefined();
    const more = batch(again, numbers(told + 2 + half, 2 * half), true, false)[1];
    expect(more).toBe(told + 1 + half);
  });

  test('needs not be where nothing was read', () => {
    const again = new ReadAgain();
    again.note(at(1));
    expect([again.isNeeded(at(1)), again.isNeeded(at(2))]).toEqual([false, true]);
    batch(again, [1]);
    expect(again.isNeeded(at(1))).toBe(true);
  });
});

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
      expect(delivered.isMoved).toBe(isCut);
      expect([delivered.takeCut(), delivered.takeCut()]).toEqual([isCut, false]);
      expect([...delivered.identities()]).toHaveLength(known);
      delivered.clear({ at: 'tail' });
      expect([delivered.from, delivered.isMoved, delivered.size]).toEqual([
        { at: 'tail' },
        false,
        0,
      ]);
    },
  );
});
