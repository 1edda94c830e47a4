import { describe, expect, test } from '@jest/globals';
import { NO_ENTRY, UnsavedAttempts } from '../../src/agent/unsaved-attempts.js';
import { parseAddress } from '../../src/core/address.js';
import type { FilterEvent } from '../../src/core/decision.js';
import { cursor, mustJailName, sourceId } from '../../src/core/names.js';
import { UNSAVED_EVENTS_MAX } from '../../src/core/service-limits.js';
import { epochMicros } from '../../src/core/time.js';

const source = sourceId('local');
const jail = mustJailName('sshd');
const address = parseAddress('192.0.2.1') as NonNullable<ReturnType<typeof parseAddress>>;
const NOW = epochMicros(1_795_000_000_000_000);

const place = (i: number) => ({
  cursor: cursor(`s=${'a'.repeat(32)};i=${i.toString(16)};b=1;m=${i};t=${i};x=${i}`),
  time: epochMicros(NOW + i),
});
const event = (i: number): FilterEvent => ({
  ...{ kind: 'failure', jail, address, count: 1, regex: 0 },
  ...place(i),
});

/** Judges a batch of these events as the pipeline does; returns what of it counted, and is written. */
function taken(
  unsaved: UnsavedAttempts,
  numbers: readonly number[],
  told: { readonly position?: ReturnType<typeof place>; readonly isBehind?: true } = {},
) {
  const batch = unsaved.withoutKnown({ warm: [], events: numbers.map(event), ...told }, source);
  const { events } = batch;
  const outcomes = events.map((one) => ({ kind: 'counted', event: one }));
  unsaved.count({ outcomes: outcomes as never, alarms: [] }, source, NOW);
  unsaved.remember(events, source);
  const written = unsaved.take(source, batch);
  const timesOf = (some: readonly FilterEvent[]) => some.map(({ time }) => time - NOW);
  return {
    counted: timesOf(events),
    warm: timesOf(batch.warm),
    written: written && timesOf(written.attempts),
    sum: written?.hourly.reduce((sum, { count }) => sum + count, 0),
  };
}

describe('attempts that are not written yet', () => {
  test('count once when another reader reads them again', () => {
    const unsaved = new UnsavedAttempts();
    expect(taken(unsaved, [1, 2])).toMatchObject({ counted: [1, 2], written: undefined });
    // The reader died, and the next begins at the place that was stored before both.
    expect(taken(unsaved, [1, 2, 3], { position: place(4) })).toEqual({
      ...{ counted: [3], warm: [1, 2], written: [1, 2, 3], sum: 3 },
    });
    // They are written: who reads them again has lost the place, and they count again.
    expect(taken(unsaved, [3]).counted).toEqual([3]);
  });

  test('of an operator are written at once, and each of them counts', () => {
    const unsaved = new UnsavedAttempts();
    const told = sourceId('operator');
    const batch = { warm: [], events: [{ ...event(1), cursor: NO_ENTRY }] };
    for (let time = 0; time < 2; time++) {
      expect(unsaved.withoutKnown(batch, told)).toBe(batch);
      unsaved.remember(batch.events, told);
      expect(unsaved.take(told, batch)?.attempts).toHaveLength(1);
    }
    expect(unsaved.attempts()).toEqual([]);
  });

  test('of another jail are others', () => {
    const unsaved = new UnsavedAttempts();
    taken(unsaved, [1]);
    const others = [{ ...event(1), jail: mustJailName('dovecot') }];
    expect(unsaved.withoutKnown({ warm: [], events: others }, source).events).toEqual(others);
    const elsewhere = { warm: [], events: [event(1)] };
    expect(unsaved.withoutKnown(elsewhere, sourceId('other'))).toBe(elsewhere);
  });

  test('are written with a place that lies behind them, and no earlier', () => {
    const unsaved = new UnsavedAttempts();
    taken(unsaved, [1, 2]);
    expect(unsaved.attempts()).toHaveLength(2);
    const behind = taken(unsaved, [3, 4], { position: place(2), isBehind: true });
    expect(behind).toMatchObject({ written: [1, 2], sum: 2 });
    // As much as this reader would judge again after a crash.
    expect(unsaved.attempts().map(({ time }) => time - NOW)).toEqual([3, 4]);
    expect(taken(unsaved, [], { position: place(9) })).toMatchObject({ written: [3, 4], sum: 2 });
    expect(unsaved.attempts()).toEqual([]);
  });

  test.each([
    [UNSAVED_EVENTS_MAX, undefined],
    [UNSAVED_EVENTS_MAX + 1, [0]],
  ])('wait for a place as many as the bound says: of %i is written %j', (count, written) => {
    const unsaved = new UnsavedAttempts();
    expect(taken(unsaved, [0]).written).toBeUndefined();
    const others = Array.from({ length: count - 1 }, (_, i) => i + 1);
    expect(taken(unsaved, others).written).toEqual(written);
  });
});
