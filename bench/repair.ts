/**
 * (l) How long the door is open after somebody flushed the ruleset, on a machine that has other
 * things to do: from the kernel's announcement that the table is gone to that of the last ban. The
 * agent competes with busy loops as one process among equals, with nothing of the unit's weight.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Announced } from './lib/announced.js';
import { fillLedger } from './lib/ledgers.js';
import { load } from './lib/machine.js';
import { median, range, short, whole } from './lib/numbers.js';
import { Place, whyNoPlace } from './lib/place.js';
import { atMost, type BenchOptions, type Result, scaled } from './lib/result.js';

/** So many bans are promised to be back within that, ms. */
const BANS = 10_000;
const PROMISED_MS = 250;
/** Busy loops beside the agent. */
const LOOPS = [0, 8, 12];
const FLUSHES = 20;
/** Between the end of a repair and the next of them, ms: no burst of repairs. */
const PAUSE_MS = 1_000;
const HEALED = /is whole again after/g;
const LONG_MS = 60_000;

interface Case {
  readonly loops: number;
  readonly load: string;
  readonly opened: readonly number[];
}

export async function bench(options: BenchOptions): Promise<Result> {
  const reason = whyNoPlace();
  const bans = scaled(options, BANS, 10);
  const cases = reason === undefined ? await measure(options, bans) : [];
  return {
    name: 'repair',
    title: 'A flushed ruleset on a busy machine',
    method: [
      `the agent as a process in a network namespace with ${whole(bans)} bans; nft flush ruleset, ${PAUSE_MS / 1000} s after each repair`,
      'ms from the announcement that the table is gone to that of the last ban, by a process of real-time priority',
      'the loops are processes of the same priority and control group as the agent',
    ],
    tables: [
      {
        title: '',
        columns: ['busy loops', 'load', 'flushes', 'open ms', 'from - to', 'over 250 ms'],
        rows: cases.map(({ loops, load, opened }) => [
          String(loops),
          load,
          String(opened.length),
          short(median(opened)),
          range(opened),
          String(opened.filter((ms) => ms > PROMISED_MS).length),
        ]),
      },
    ],
    targets: cases.map(({ loops, opened }) =>
      atMost(`whole again beside ${loops} busy loops, median`, median(opened), PROMISED_MS, 'ms'),
    ),
    figures: Object.fromEntries(
      cases.flatMap(({ loops, opened }) => [
        [`${loops} loops, median ms`, median(opened)],
        [`${loops} loops, longest ms`, Math.max(...opened)],
      ]),
    ),
    chart: {
      kind: 'bars',
      title: 'Open after a flush, 10,000 bans',
      unit: 'ms',
      bars: cases.map(({ loops, opened }) => ({
        label: `${loops} busy loops`,
        value: median(opened),
        kind: 'ours',
      })),
    },
    missing: reason === undefined ? [] : [`everything: ${reason}`],
  };
}

async function measure(options: BenchOptions, bans: number): Promise<Case[]> {
  const place = new Place();
  const cases: Case[] = [];
  try {
    fillLedger(place.ledger, bans);
    await place.start();
    await using kernel = await Announced.open(place, ['chrt', '-f', '50']);
    for (const loops of LOOPS) {
      const busy = Array.from({ length: loops }, () =>
        spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' }),
      );
      try {
        const opened: number[] = [];
        for (let i = 0; i < scaled(options, FLUSHES, 1); i++) {
          await sleep(PAUSE_MS);
          opened.push(await openedBy(place, kernel, bans));
        }
        cases.push({ loops, load: load(), opened });
        options.say(`${loops} loops: ${opened.map((ms) => Math.round(ms)).join(' ')}`);
      } finally {
        for (const one of busy) await ended(one);
      }
    }
  } finally {
    await place.close();
  }
  return cases;
}

/** Flushes the ruleset; how long the last of the bans was away, ms. */
async function openedBy(place: Place, kernel: Announced, bans: number): Promise<number> {
  const healed = () => place.said.match(HEALED)?.length ?? 0;
  const before = healed();
  kernel.forget();
  place.run(['nft', 'flush', 'ruleset']);
  const until = performance.now() + LONG_MS;
  for (; kernel.times.length < bans || healed() === before; await sleep(50))
    if (performance.now() > until)
      throw new Error(`${kernel.times.length} of ${bans} bans came back\n${place.said}`);
  return ((kernel.times[bans - 1] ?? Number.NaN) - (kernel.gone ?? Number.NaN)) / 1_000;
}

async function ended(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
