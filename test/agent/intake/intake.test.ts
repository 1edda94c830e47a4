import { describe, expect, test } from '@jest/globals';
import { Intake } from '../../../src/agent/intake/intake.js';
import { guard } from '../../../src/agent/intake/v8-time-limit.js';
import type { Batch, EntrySource, ReadPosition } from '../../../src/core/entry.js';
import { BATCH_CREDITS } from '../../../src/core/limits.js';
import { cursor, sourceId } from '../../../src/core/names.js';
import { epochMicros, plus, seconds, wallClock } from '../../../src/core/time.js';
import { AHEAD_SECONDS_MAX, JUDGE_PART_MS } from '../../../src/core/timeouts.js';
import { FilterBank } from '../../../src/filter/bank.js';
import { entry, jail } from '../../support/filters.js';

const plan = {
  id: sourceId('test'),
  source: { kind: 'local' },
  jails: [],
  start: { kind: 'whole' },
  follow: true,
} as const;

const QUIET: Batch = { entries: [], read: 0, cut: 0, unreadable: 0, ended: false, notices: [] };
const ENTRY: Batch = {
  ...QUIET,
  read: 1,
  position: { cursor: cursor('s=1'), time: epochMicros(1) },
};
const NOTHING = new Int32Array(new SharedArrayBuffer(4));

/** A source that reads these batches and is quiet then. */
function sourceOf(left: Batch[], more: Partial<EntrySource> = {}): EntrySource {
  return {
    id: plan.id,
    open: () => ({ gap: false }),
    next: () => left.shift() ?? QUIET,
    poll: () => undefined,
    close: () => undefined,
    ...more,
  };
}

interface Wait {
  readonly interval: number;
  readonly most: number;
  readonly orders: number | undefined;
  /** True when the place of the entry had been handed on. */
  readonly told: boolean;
}

/**
 * Runs an intake whose source reads `batches` and is quiet then, until it has waited `count` times.
 */
async function waits(
  batches: readonly Batch[],
  count: number,
  orders?: number,
): Promise<readonly Wait[]> {
  const asked: Wait[] = [];
  const left = [...batches];
  let told = false;
  const source = sourceOf(left, {
    wait: (interval, most, descriptor) => {
      asked.push({ interval, most, orders: descriptor, told });
      if (left.length === 0) Atomics.wait(NOTHING, 0, 0, most);
      if (asked.length >= count) intake.stop();
      return true;
    },
  });
  const intake = new Intake(
    plan,
    source,
    new FilterBank([], guard),
    (message) => {
      if (message.type !== 'batch') return;
      intake.credit();
      told ||= message.position !== undefined;
    },
    orders,
  );
  await intake.run();
  return asked;
}

describe('a reader that waits for entries', () => {
  test('waits for orders, too, and looks less often the longer it is quiet', async () => {
    const asked = await waits([ENTRY], 3, 77);
    for (const { orders } of asked) expect(orders).toBe(77);
    const intervals = asked.map(({ interval }) => interval);
    expect(intervals).toEqual([...intervals].sort((a, b) => a - b));
    expect(new Set(intervals).size).toBeGreaterThan(1);
  });

  test('looks often after an entry that concerns a jail, and no more often after those of others', async () => {
    const first = async (batch: Batch) => (await waits([QUIET, batch], 2, 77))[1]?.interval ?? 0;
    const [own, others] = [await first(ENTRY), await first({ ...ENTRY, isOfOthers: true })];
    expect(own).toBe(2);
    // As in a silence, however long it lasts by now.
    expect(others).toBeGreaterThanOrEqual(15);
  });

  test('comes back as often as it may be asked something when no order can reach it, else seldom', async () => {
    const [deaf, hearing] = [await waits([], 1), await waits([], 1, 77)];
    expect(deaf[0]?.most).toBeLessThanOrEqual(200);
    expect(hearing[0]?.most).toBeGreaterThan(200);
  });

  test('comes back in time to hand on, within a second, how far it has read', async () => {
    const [, ...asked] = await waits([QUIET, ENTRY], 6, 77);
    const untold = asked.filter(({ told }) => !told);
    expect(untold.length).toBeGreaterThan(0);
    expect(untold.length).toBeLessThan(asked.length);
    expect(untold.reduce((sum, { most }) => sum + most, 0)).toBeLessThanOrEqual(
      1_000 + untold.length,
    );
  });
});

test('while no position is told none is handed on, and how far it has read is said all the same', async () => {
  const place = (i: number) => ({ cursor: cursor(`s=${i}`), time: epochMicros(i) });
  const { position: _, ...held } = ENTRY;
  const left: Batch[] = [
    { ...ENTRY, position: place(1) },
    { ...held, reached: place(2) },
    { ...held, reached: place(3), ended: true },
  ];
  const source = sourceOf(left);
  const last: (ReadPosition | undefined)[] = [];
  const intake = new Intake(plan, source, new FilterBank([], guard), (message) => {
    if (message.type === 'batch') last[0] = message.position;
    if (message.type === 'stats') last[1] = message.stats.position;
  });
  await intake.run();
  expect(last).toEqual([undefined, place(3)]);
});

test('a place before the stored one is never handed on, and one that others were judged behind is told as such', async () => {
  const place = (i: number) => ({
    cursor: cursor(`s=${'a'.repeat(32)};i=${i};b=1`),
    time: epochMicros(i),
  });
  // As one reads that goes back: files were missing, and what was read of the others is too much.
  const left: Batch[] = [
    { ...ENTRY, position: place(4), reached: place(7) },
    QUIET,
    { ...ENTRY, entries: [entry('bad 192.0.2.1')], position: place(4), reached: place(7) },
    { ...ENTRY, entries: [entry('bad 192.0.2.1')], position: place(6), reached: place(8) },
    { ...ENTRY, entries: [entry('bad 192.0.2.1')], position: place(9), ended: true },
  ];
  const told: (readonly [ReadPosition | undefined, true | undefined])[] = [];
  const intake = new Intake(
    { ...plan, start: { kind: 'resume', mark: place(5), lookBack: seconds(1) } },
    sourceOf(left),
    new FilterBank([jail('x', '', { failregex: ['bad <HOST>'] })], guard),
    (message) => {
      if (message.type === 'batch') told.push([message.position, message.isBehind]);
      intake.credit();
    },
  );
  await intake.run();
  expect(told.filter(([position]) => position !== undefined)).toEqual([
    [place(6), true],
    [place(9), undefined],
    [place(9), undefined],
  ]);
});

describe('entries dated ahead', () => {
  /** What is said of batches whose last entries are so many seconds ahead of the wall. */
  async function said(follow: boolean, ...ahead: readonly number[]): Promise<readonly string[]> {
    const notices: string[] = [];
    const left = ahead.map(
      (seconds, i): Batch => ({
        ...ENTRY,
        position: { cursor: cursor(`s=${i}`), time: plus(wallClock.now(), seconds) },
        ended: i === ahead.length - 1,
      }),
    );
    const source = sourceOf(left);
    const intake = new Intake({ ...plan, follow }, source, new FilterBank([], guard), (message) => {
      if (message.type === 'notice') notices.push(message.message);
    });
    await intake.run();
    return notices;
  }

  test('are told once, when they are ahead by more than the bound', async () => {
    expect(await said(true, AHEAD_SECONDS_MAX)).toEqual([]);
    expect(await said(true, 0, AHEAD_SECONDS_MAX + 10, AHEAD_SECONDS_MAX + 20)).toEqual([
      expect.stringContaining('an entry is dated ahead'),
    ]);
  });

  test('are nothing to speak of in a replay, whose time is another', async () => {
    expect(await said(false, AHEAD_SECONDS_MAX + 10)).toEqual([]);
  });
});

test('a replay whose stream is dry is not live: its entries keep their own time', async () => {
  const phases: string[] = [];
  const left = [ENTRY, QUIET, ENTRY, { ...QUIET, ended: true }];
  const source = sourceOf(left);
  const replay = { ...plan, source: { kind: 'export', path: '-' }, follow: false } as const;
  const intake = new Intake(replay, source, new FilterBank([], guard), (message) => {
    if (message.type === 'stats') phases.push(message.stats.phase);
    if (message.type === 'batch') phases.push(message.phase);
  });
  await intake.run();
  expect(phases).not.toContain('live');
  expect(phases.at(-1)).toBe('ended');
});

test('has as many batches under way as the bound says, and reads on with each that is done', async () => {
  let posted = 0;
  const source: EntrySource = {
    id: plan.id,
    open: () => ({ gap: false }),
    next: () => ({ ...ENTRY, entries: [entry('bad 192.0.2.1')] }),
    poll: () => undefined,
    close: () => undefined,
  };
  const bank = new FilterBank([jail('x', '', { failregex: ['bad <HOST>'] })], guard);
  const intake = new Intake(plan, source, bank, (message) => {
    if (message.type === 'batch') posted++;
  });
  const turns = async () => {
    for (let turn = 0; turn < 5 * BATCH_CREDITS; turn++) await new Promise(setImmediate);
  };
  const running = intake.run();
  await turns();
  expect(posted).toBe(BATCH_CREDITS);
  intake.credit();
  await turns();
  expect(posted).toBe(BATCH_CREDITS + 1);
  intake.stop();
  await running;
});

test('reads its messages while lines that are slow each are judged, and leaves them when it is stopped', async () => {
  const pause = (milliseconds: number) => void Atomics.wait(NOTHING, 0, 0, milliseconds);
  // Three calls for each line.
  const slow = () => {
    pause(JUDGE_PART_MS / 5);
    return false;
  };
  const lines = Array.from({ length: 10 }, () => entry('failed from 192.0.2.1'));
  const run = async (stops: boolean) => {
    let turns = 0;
    const left = [{ ...ENTRY, entries: lines, read: lines.length }];
    const source = sourceOf(left, { poll: () => intake.stop() });
    const told: unknown[] = [];
    const intake = new Intake(
      plan,
      source,
      new FilterBank([jail('sample', '', { failregex: ['failed from <HOST>'] })], slow),
      (message) => {
        if (message.type !== 'batch') return;
        told.push([message.position, turns > 1]);
      },
    );
    const turn = () => {
      turns++;
      if (stops && turns > 1) intake.stop();
      if (told.length === 0) next = setImmediate(turn);
    };
    let next = setImmediate(turn);
    await intake.run();
    clearImmediate(next);
    return told[0];
  };
  expect(await run(false)).toEqual([ENTRY.position, true]);
  expect(await run(true)).toBeUndefined();
});
