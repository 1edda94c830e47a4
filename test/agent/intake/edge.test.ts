import { describe, expect, test } from '@jest/globals';
import { Edge, hasEdge } from '../../../src/agent/intake/edge.js';
import { Intake } from '../../../src/agent/intake/intake.js';
import type { FromIntake, IntakePlan } from '../../../src/agent/intake/protocol.js';
import type { Batch, EntrySource, Position } from '../../../src/core/entry.js';
import { BATCH_CREDITS, EDGE_BATCHES_MAX } from '../../../src/core/limits.js';
import { cursor, sourceId } from '../../../src/core/names.js';
import { FIRST_ENTRIES_MAX } from '../../../src/core/service-limits.js';
import { type EpochMicros, plus, wallClock } from '../../../src/core/time.js';
import {
  EDGE_AFTER_MS,
  EDGE_BEFORE_MARK_SECONDS,
  EDGE_SECONDS,
} from '../../../src/core/timeouts.js';
import { FilterBank } from '../../../src/filter/bank.js';
import { entry, jail } from '../../support/filters.js';
import { noGuard } from '../../support/guard.js';
import { until } from '../../support/until.js';

const NOW = wallClock.now();
const SSH = '_SYSTEMD_UNIT=ssh.service';
const jails = [jail('sshd', SSH, { failregex: ['Failed for <HOST>$'] })];
const QUIET: Batch = { entries: [], read: 0, cut: 0, unreadable: 0, ended: false, notices: [] };
const STILL = new Int32Array(new SharedArrayBuffer(4));

const plan: IntakePlan = {
  ...{ id: sourceId('local'), source: { kind: 'local' }, jails, follow: true },
  start: { kind: 'resume', mark: positionAt(0), lookBack: 600 as never },
};

function positionAt(second: number) {
  return { cursor: cursor(`c${1_000 + second}`), time: plus(NOW, second) };
}

/** One failure, so many seconds after the mark. */
function batch(second: number): Batch {
  const { cursor: name, time } = positionAt(second);
  const one = {
    ...entry('Failed for 192.0.2.1', { _SYSTEMD_UNIT: 'ssh.service' }),
    cursor: name,
    realtime: time,
  };
  return { ...QUIET, read: 1, entries: [one], position: { cursor: name, time } };
}

/** Takes `milliseconds` for each batch. */
class Stored implements EntrySource {
  readonly id = plan.id;
  position: Position | undefined;
  closed = 0;
  constructor(
    readonly batches: Batch[],
    readonly milliseconds = 0,
    readonly problem?: { readonly open?: Error; readonly next?: Error },
  ) {}
  open(_match: unknown, _gate: unknown, position: Position) {
    this.position = position;
    if (this.problem?.open !== undefined) throw this.problem.open;
    return { gap: false };
  }
  next(): Batch {
    if (this.problem?.next !== undefined) throw this.problem.next;
    const next = this.batches.shift();
    if (next !== undefined && this.milliseconds > 0) Atomics.wait(STILL, 0, 0, this.milliseconds);
    return next ?? QUIET;
  }
  poll() {}
  close() {
    this.closed++;
  }
}

/** Reads until live; what was said, and how many edges were made. */
async function run(stored: Stored, edge: Stored, credit = true) {
  const said: FromIntake[] = [];
  let made = 0;
  const makeEdge = () => {
    made++;
    return new Edge(edge, new FilterBank(jails, noGuard));
  };
  const intake = new Intake(
    plan,
    stored,
    new FilterBank(jails, noGuard),
    (message) => {
      said.push(message);
      if (credit && (message.type === 'batch' || message.type === 'edge'))
        intake.credit(message.type);
      const isOver = message.type === 'batch' && (message.phase === 'live' || !credit);
      if (isOver || said.length > 1_000) intake.stop();
    },
    undefined,
    makeEdge,
  );
  await intake.run();
  return { said, made };
}

const secondsOf = (events: readonly { readonly time: EpochMicros }[]) =>
  events.map(({ time }) => (time - NOW) / 1e6);
const edges = (said: readonly FromIntake[]) =>
  said.flatMap((one) =>
    one.type === 'edge' ? [{ warm: secondsOf(one.warm), events: secondsOf(one.events) }] : [],
  );

describe('the live edge', () => {
  test('is not looked at by who has read all soon', async () => {
    const edge = new Stored([batch(1)]);
    expect(await run(new Stored([batch(-2), batch(1)]), edge)).toMatchObject({ made: 0 });
    expect(edge.position).toBeUndefined();
  });

  test('is judged once the stored entries take longer, from just before the mark, before they are through', async () => {
    const edge = new Stored([batch(-1), QUIET, batch(1)]);
    const stored = new Stored([batch(-9), batch(-8), batch(-7), batch(1)], EDGE_AFTER_MS + 1);
    const { said, made } = await run(stored, edge);
    expect(made).toBe(1);
    expect(edge.position?.at).toBe('time');
    const from = positionAt(-EDGE_BEFORE_MARK_SECONDS).time;
    expect(edge.position).toEqual({ at: 'time', time: from });
    expect(edges(said)).toEqual([
      { warm: [-1], events: [] },
      { warm: [], events: [1] },
    ]);
    const newest = said.findIndex((one) => one.type === 'edge' && one.events.length > 0);
    const turn = said.findIndex((one) => one.type === 'batch' && one.events.length > 0);
    expect(newest).toBeLessThan(turn);
    expect(edge.closed).toBe(1);
    // It moves no position: that of the stored entries is the only one.
    expect(said.filter((one) => one.type === 'edge').every((one) => !('position' in one))).toBe(
      true,
    );
  });

  test('is judged after the first look, when that was full', async () => {
    const stored = new Stored([{ ...batch(-9), read: FIRST_ENTRIES_MAX }, batch(-8), batch(1)]);
    const { said } = await run(stored, new Stored([batch(1)]));
    const order = said.flatMap(({ type }) => (type === 'edge' || type === 'batch' ? [type] : []));
    expect(order.slice(0, 3)).toEqual(['batch', 'edge', 'batch']);
    const one = new Stored([{ ...batch(-9), read: FIRST_ENTRIES_MAX - 1 }, batch(-8), batch(1)]);
    expect(await run(one, new Stored([batch(1)]))).toMatchObject({ made: 0 });
  });

  test.each([
    ['further back than a little', positionAt(-2 * EDGE_SECONDS)],
    ['nowhere', undefined],
  ])('begins a little before now where the mark is %s', (_, mark) => {
    const source = new Stored([]);
    new Edge(source, new FilterBank(jails, noGuard)).open(jails, mark);
    const from = source.position?.at === 'time' ? source.position.time : 0;
    expect(Math.abs(from - plus(wallClock.now(), -EDGE_SECONDS))).toBeLessThan(60e6);
  });

  test(`a storm at the edge leaves every ${EDGE_BATCHES_MAX + 1}th batch to the stored entries`, async () => {
    const edge = new Stored(
      Array.from({ length: 2 * EDGE_BATCHES_MAX + 1 }, (_, i) => batch(i + 1)),
    );
    const { said } = await run(
      new Stored([batch(-9), batch(-8), batch(-7)], EDGE_AFTER_MS + 1),
      edge,
    );
    const order = said.flatMap(({ type }) => (type === 'edge' || type === 'batch' ? [type] : []));
    const turn = [...Array.from({ length: EDGE_BATCHES_MAX }, () => 'edge'), 'batch'];
    expect(order).toEqual(['batch', ...turn, ...turn, 'edge', 'batch']);
  });

  describe('while the main thread is busy with the stored entries', () => {
    /** What is sent when it takes none of them, and so many of the edge. */
    async function sent(taken: number): Promise<{ batch: number; edge: number }> {
      const many = (first: number, pause?: number) =>
        new Stored(
          Array.from({ length: 3 * BATCH_CREDITS }, (_, i) => batch(first + i)),
          pause,
        );
      const posted = { batch: 0, edge: 0 };
      let left = taken;
      const intake = new Intake(
        plan,
        many(-99, EDGE_AFTER_MS / BATCH_CREDITS),
        new FilterBank(jails, noGuard),
        (message) => {
          if (message.type === 'batch' || message.type === 'edge') posted[message.type]++;
          if (message.type === 'edge' && left-- > 0) intake.credit('edge');
        },
        undefined,
        () => new Edge(many(1), new FilterBank(jails, noGuard)),
      );
      const running = intake.run();
      const isSent = () => posted.edge >= BATCH_CREDITS + taken && posted.batch >= BATCH_CREDITS;
      await until('the newest', isSent).finally(() => intake.stop());
      await running;
      return posted;
    }

    test.each([0, BATCH_CREDITS + 1])(
      'goes on against credits of its own, %i of them given back',
      async (taken) => {
        expect(await sent(taken)).toEqual({ batch: BATCH_CREDITS, edge: BATCH_CREDITS + taken });
      },
    );
  });

  test.each([['open'], ['next']] as const)(
    'what fails at its %s is told, and the stored entries go on',
    async (step) => {
      const edge = new Stored([batch(1)], 0, { [step]: new Error('no such file') });
      const { said } = await run(
        new Stored([batch(-9), batch(-8), batch(1)], EDGE_AFTER_MS + 1),
        edge,
      );
      expect(said.filter((one) => one.type === 'notice')).toEqual([
        {
          type: 'notice',
          level: 'warning',
          message: 'local: the newest entries wait until the stored ones are read: no such file',
        },
      ]);
      expect(said.some((one) => one.type === 'batch' && one.phase === 'live')).toBe(true);
      expect(edge.closed).toBe(1);
    },
  );

  test('is there for one journal that is followed', () => {
    const has = (source: IntakePlan['source'], follow = true) =>
      hasEdge({ ...plan, source, follow });
    expect(has({ kind: 'local' })).toBe(true);
    expect(has({ kind: 'directory', path: '/j' })).toBe(true);
    expect(has({ kind: 'container', name: 'mail' })).toBe(true);
    expect(has({ kind: 'local' }, false)).toBe(false);
    expect(has({ kind: 'remote', path: '/j' })).toBe(false);
    expect(has({ kind: 'text', logs: [] })).toBe(false);
  });
});
