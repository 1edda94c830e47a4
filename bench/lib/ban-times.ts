/**
 * From the write of the deciding entry to the element in the kernel: attackers after quiet and in
 * the middle of a storm, at a lab whose watcher has started.
 */
import { failure, type Lab, type Planned, stranger } from './lab.js';
import { costOf } from './processes.js';

/** Entries per second of the storm, one in twenty a failure of somebody who tries once. */
export const STORM = 5_000;
/** Between two tries of an attacker in the storm, microseconds. */
const TRY_MICROS = 20_000;

export interface BanTimes {
  /** Milliseconds. */
  readonly quiet: readonly number[];
  readonly storm: readonly number[];
  /** Attackers that were never banned. */
  readonly missing: number;
  /** Of a core, while the storm goes on. */
  readonly stormCpu: number;
  readonly rssMib: number;
}

export interface BanTimesOptions {
  /** Attackers after quiet, and again in the storm. */
  readonly bans: number;
  /** Counts the strangers that the lab has met. */
  readonly next: () => number;
  /** The failure of an attacker that is to bring the ban; the third by default. */
  readonly retries?: number;
  /** How long the last bans after quiet are waited for, ms. */
  readonly patience?: number;
}

/** `pids`: the processes of the watcher, as this host numbers them. */
export async function measureBans(
  lab: Lab,
  pids: readonly number[],
  { bans, next, retries = 3, patience = 5_000 }: BanTimesOptions,
): Promise<BanTimes> {
  const cpu = () => pids.reduce((sum, pid) => sum + (costOf(pid)?.cpuSeconds ?? 0), 0);
  const watch = await lab.watch();
  try {
    const quiet = quietPlan(bans, retries, next);
    const quietTimes = await lab.inject(quiet.plan);
    const late = await watch.all(addressesOf(quiet), patience);
    const before = cpu();
    const started = performance.now();
    const storm = stormPlan(bans, retries, next);
    const stormTimes = await lab.inject(storm.plan);
    const seconds = (performance.now() - started) / 1000;
    const used = cpu() - before;
    const missing = late.length + (await watch.all(addressesOf(storm), 30_000)).length;
    if (watch.lost) throw new Error('announcements of the kernel were lost');
    return {
      quiet: delays(quiet.deciding, quietTimes, watch.first),
      storm: delays(storm.deciding, stormTimes, watch.first),
      missing,
      stormCpu: used / seconds,
      rssMib: pids.reduce((sum, pid) => sum + (costOf(pid)?.rssMib ?? 0), 0),
    };
  } finally {
    await watch.stop();
  }
}

interface Attack {
  readonly plan: readonly Planned[];
  /** Index in the plan of each attacker's deciding failure. */
  readonly deciding: readonly { readonly address: string; readonly index: number }[];
}

function addressesOf({ deciding }: Attack): string[] {
  return deciding.map(({ address }) => address);
}

/** Pauses of 0.8 to 1.3 s, so that nothing beats in time with anybody's clock. */
function quietPlan(bans: number, retries: number, next: () => number): Attack {
  const plan: Planned[] = [];
  const deciding: { address: string; index: number }[] = [];
  let at = 500_000;
  for (let i = 0; i < bans; i++) {
    const address = stranger(next());
    for (let n = 0; n < retries; n++) plan.push({ at, message: failure(address) });
    deciding.push({ address, index: plan.length - 1 });
    at += 800_000 + ((i * 173) % 500) * 1_000;
  }
  return { plan, deciding };
}

/** One attacker each quarter of a second, tries 20 ms apart. */
function stormPlan(bans: number, retries: number, next: () => number): Attack {
  const step = 1_000_000 / STORM;
  const attacks = new Map<number, string>();
  const addresses = Array.from({ length: bans }, () => stranger(next()));
  addresses.forEach((address, i) => {
    const from = Math.round((1_000_000 + i * 250_000 + ((i * 37) % 100) * 1_000) / step);
    for (let n = 0; n < retries; n++)
      attacks.set(from + n * Math.round(TRY_MICROS / step), address);
  });
  const total = Math.max(...attacks.keys()) + STORM / 2;
  const plan: Planned[] = [];
  const last = new Map<string, number>();
  for (let n = 0; n < total; n++) {
    const attacker = attacks.get(n);
    if (attacker !== undefined) last.set(attacker, n);
    const other = `203.0.${n % 113}.${n % 250}`;
    const message =
      attacker !== undefined
        ? failure(attacker)
        : n % 20 === 0
          ? failure(stranger(next()))
          : n % 2 === 0
            ? `connect from unknown[${other}]`
            : `disconnect from unknown[${other}] ehlo=1 auth=0/1 quit=1 commands=2/3`;
    plan.push({ at: n * step, message });
  }
  return {
    plan,
    deciding: addresses.map((address) => ({ address, index: last.get(address) ?? 0 })),
  };
}

/** Milliseconds; attackers that were never banned are left out (and counted elsewhere). */
function delays(
  deciding: Attack['deciding'],
  times: readonly number[],
  first: ReadonlyMap<string, number>,
): number[] {
  return deciding.flatMap(({ address, index }) => {
    const banned = first.get(address);
    const sent = times[index];
    return banned === undefined || sent === undefined ? [] : [(banned - sent) / 1000];
  });
}
