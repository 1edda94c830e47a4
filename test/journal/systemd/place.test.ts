/** The way back to a place that was reached, over a journal that only notes what it is asked. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { JournalHandle } from '../../../native/journal.js';
import { WHOLE_JOURNAL } from '../../../src/core/match.js';
import { type Cursor, cursor } from '../../../src/core/names.js';
import { type EpochMicros, epochMicros, plus } from '../../../src/core/time.js';
import { JournalPlace } from '../../../src/journal/systemd/place.js';

const noon = epochMicros(1_795_000_000_000_000);

/** An entry by its number; `writer` is the numbering, `boot` part of what a copy keeps. */
const entry = (number: number, boot = 'a', writer = 'f') =>
  cursor(`s=${writer.repeat(32)};i=${number.toString(16)};b=${boot};m=1;t=1;x=1`);

/** A journal of these entries: a seek to one that is not there ends at the last. */
class Journal {
  readonly seeks: string[] = [];
  #at = -1;
  readonly #entries: readonly { readonly cursor: Cursor; readonly time: EpochMicros }[];
  constructor(entries: readonly { readonly cursor: Cursor; readonly time: EpochMicros }[]) {
    this.#entries = entries;
  }

  get handle(): JournalHandle {
    return this as unknown as JournalHandle;
  }

  setMatches(): void {}
  seekRealtime(time: EpochMicros): void {
    this.seeks.push(`time ${time - noon}`);
    this.#at = this.#entries.findIndex((one) => one.time >= time) - 1;
  }
  seekCursor(to: Cursor): boolean {
    this.seeks.push('cursor');
    const found = this.#entries.findIndex((one) => one.cursor === to);
    this.#at = (found < 0 ? this.#entries.length - 1 : found) - 1;
    return true;
  }
  next(): boolean {
    return ++this.#at < this.#entries.length;
  }
  cursor(): Cursor | undefined {
    return this.#entries[this.#at]?.cursor;
  }
  realtime(): EpochMicros | undefined {
    return this.#entries[this.#at]?.time;
  }
  testCursor(other: Cursor): boolean {
    return this.cursor() === other;
  }
}

beforeEach(() => {
  jest.useFakeTimers({ now: noon / 1_000, doNotFake: ['performance'] });
});
afterEach(() => {
  jest.useRealTimers();
});

describe('an entry that is gone', () => {
  const here = [{ cursor: entry(9, 'b', 'e'), time: noon }];

  test('of another numbering and dated ahead of the wall is looked for by the wall', () => {
    const journal = new Journal(here);
    const ahead = plus(noon, 3_600);
    const place = new JournalPlace();
    expect(
      place.goTo(journal.handle, { at: 'cursor', cursor: entry(5), time: ahead }, WHOLE_JOURNAL),
    ).toBe(false);
    expect(journal.seeks).toEqual(['cursor', 'time 0']);
    expect(place.isLost).toBe(true);
  });

  test('is looked for by its place when the wall has reached its time by the entry read last', () => {
    const journal = new Journal(here);
    const place = new JournalPlace();
    jest.setSystemTime(noon / 1_000 + 10_000);
    journal.next();
    place.remember(journal.handle);
    expect(place.reachedAt).toBe(plus(noon, 10));
    place.goTo(
      journal.handle,
      { at: 'cursor', cursor: entry(5), time: plus(noon, 10) },
      WHOLE_JOURNAL,
    );
    expect(journal.seeks).toEqual(['cursor', 'cursor']);
  });

  test('is not delivered again as a copy, and the next one is', () => {
    const copies = [
      { cursor: entry(5, 'a', 'e'), time: noon },
      { cursor: entry(6, 'b', 'e'), time: noon },
    ];
    for (const [number, isNew] of [
      [0, false],
      [1, true],
    ] as const) {
      const place = new JournalPlace();
      const gone = { at: 'cursor', cursor: entry(5), time: noon } as const;
      expect(place.goTo(new Journal(here).handle, gone, WHOLE_JOURNAL)).toBe(false);
      expect(place.nextIsNew(new Journal(copies.slice(number)).handle)).toBe(isNew);
      expect(place.isLost).toBe(false);
    }
  });
});

test('a copy of the entry under another numbering is the place', () => {
  const journal = new Journal([{ cursor: entry(5, 'a', 'e'), time: noon }]);
  const place = new JournalPlace();
  const wanted = { at: 'cursor', cursor: entry(5), time: noon } as const;
  expect(place.goTo(journal.handle, wanted, WHOLE_JOURNAL)).toBe(true);
  expect([place.isLost, place.last?.cursor]).toEqual([false, wanted.cursor]);
});
