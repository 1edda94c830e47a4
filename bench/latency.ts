/**
 * (c) From the write of the deciding entry to the element in the kernel: after quiet, and in the
 * middle of a storm.
 */
import { failure, Lab, type Planned, stranger, type Watcher, whyNoLab } from './lib/lab.js';
import { median, quantile, short, whole } from './lib/numbers.js';
import { costOf } from './lib/processes.js';
import { atMost, type BenchOptions, type Result, scaled } from './lib/result.js';

const WHO: readonly Watcher[] = ['banjour', 'banjour+notify', 'fail2ban'];
/** Entries per second of the storm, one in twenty a failure of somebody who tries once. */
const STORM = 5_000;
const RETRIES = 3;

interface Measured {
  readonly quiet: readonly number[];
  readonly storm: readonly number[];
  readonly missing: number;
  /** Of a core, while the storm goes on. */
  readonly stormCpu: number;
  readonly rssMib: number;
}

export async function bench(options: BenchOptions): Promise<Result> {
  const reason = await whyNoLab();
  const bans = scaled(options, 60, 5);
  const measured = new Map<Watcher, Measured>();
  const versions = new Map<string, string>();
  if (reason === undefined) {
    const lab = await Lab.open(options.say);
    try {
      let next = 0;
      for (const who of WHO) {
        options.say(`latency of ${who}`);
        const pid = await lab.start(who);
        measured.set(who, await measure(lab, pid, bans, () => next++));
        await lab.stop(who);
      }
      for (const name of ['fail2ban', 'systemd', 'nodejs'])
        versions.set(name, await lab.version(name));
    } finally {
      await lab.close();
    }
  }
  const ours = measured.get('banjour');
  const beside = measured.get('banjour+notify');
  const row = (who: string, what: string, all: readonly number[], base: readonly number[]) => [
    who,
    what,
    String(all.length),
    short(median(all)),
    short(quantile(all, 0.99)),
    short(Math.max(...all)),
    short(median(base) / median(all)),
  ];
  const theirs = measured.get('fail2ban');
  return {
    name: 'latency',
    title: 'Time to ban',
    method: [
      'a booted Debian 13 (systemd-nspawn); entries written to its journald as Postfix writes them, three jails, maxretry 3',
      'time: from just before the send of the third failure to the kernel announcing the element, milliseconds, one clock',
      `after quiet: ${bans} addresses, each after about a second without an entry`,
      `storm: ${whole(STORM)} entries per second, one in twenty a failure of an address that fails once; ${bans} attackers among them`,
      'banjour+notify: banjour-companion runs beside it, and whois, the SMTP server and the webhook of every ban accept and never answer',
      `versions: ${[...versions].map(([name, version]) => `${name} ${version}`).join(', ') || '-'}`,
    ],
    tables: [
      {
        title: '',
        columns: ['who', 'when', 'bans', 'median ms', '99 % ms', 'highest ms', 'times faster'],
        rows: [...measured].flatMap(([who, { quiet, storm }]) => [
          row(who, 'after quiet', quiet, theirs?.quiet ?? []),
          row(who, 'in the storm', storm, theirs?.storm ?? []),
        ]),
      },
      {
        title: 'Cost of the storm',
        columns: ['who', 'of a core %', 'RSS MiB', 'bans missing'],
        rows: [...measured].map(([who, { stormCpu, rssMib, missing }]) => [
          who,
          short(stormCpu * 100),
          short(rssMib),
          String(missing),
        ]),
      },
    ],
    targets:
      ours === undefined || beside === undefined
        ? []
        : [
            atMost('in the storm, median', median(ours.storm), 6, 'ms'),
            atMost('in the storm, 99 %', quantile(ours.storm, 0.99), 25, 'ms'),
            atMost('first ban after quiet, median', median(ours.quiet), 20, 'ms'),
            atMost(
              'in the storm, everything that notify talks to stalls, median',
              median(beside.storm),
              6,
              'ms',
            ),
            atMost(
              'in the storm, everything that notify talks to stalls, 99 %',
              quantile(beside.storm, 0.99),
              25,
              'ms',
            ),
          ],
    figures: Object.fromEntries(
      [...measured].flatMap(([who, { quiet, storm, stormCpu }]) => [
        [`${who} quiet median ms`, median(quiet)],
        [`${who} storm median ms`, median(storm)],
        [`${who} storm p99 ms`, quantile(storm, 0.99)],
        [`${who} storm cores`, stormCpu],
      ]),
    ),
    chart: {
      kind: 'bars',
      title: 'Journal write to element in the kernel, median',
      unit: 'ms',
      logarithmic: true,
      bars: [...measured].flatMap(([who, { quiet, storm }]) => [
        {
          label: `${who}, after quiet`,
          value: median(quiet),
          kind: who === 'fail2ban' ? ('theirs' as const) : 'ours',
        },
        {
          label: `${who}, in the storm`,
          value: median(storm),
          kind: who === 'fail2ban' ? ('theirs' as const) : 'ours',
        },
      ]),
    },
    missing: reason === undefined ? [] : [`everything: ${reason}`],
  };
}

async function measure(lab: Lab, pid: number, bans: number, next: () => number): Promise<Measured> {
  const watch = await lab.watch();
  try {
    const quiet = quietPlan(bans, next);
    const quietTimes = await lab.inject(quiet.plan);
    let missing = (
      await watch.all(
        quiet.deciding.map(({ address }) => address),
        5_000,
      )
    ).length;
    const before = costOf(pid);
    const started = performance.now();
    const storm = stormPlan(bans, next);
    const stormTimes = await lab.inject(storm.plan);
    const seconds = (performance.now() - started) / 1000;
    const after = costOf(pid);
    missing += (
      await watch.all(
        storm.deciding.map(({ address }) => address),
        30_000,
      )
    ).length;
    if (watch.lost) throw new Error('announcements of the kernel were lost');
    return {
      quiet: delays(quiet.deciding, quietTimes, watch.first),
      storm: delays(storm.deciding, stormTimes, watch.first),
      missing,
      stormCpu: ((after?.cpuSeconds ?? 0) - (before?.cpuSeconds ?? 0)) / seconds,
      rssMib: after?.rssMib ?? 0,
    };
  } finally {
    await watch.stop();
  }
}

interface Attack {
  readonly plan: readonly Planned[];
  /** Index in the plan of each attacker's third failure. */
  readonly deciding: readonly { readonly address: string; readonly index: number }[];
}

/** Pauses of 0.8 to 1.3 s, so that nothing beats in time with anybody's clock. */
function quietPlan(bans: number, next: () => number): Attack {
  const plan: Planned[] = [];
  const deciding: { address: string; index: number }[] = [];
  let at = 500_000;
  for (let i = 0; i < bans; i++) {
    const address = stranger(next());
    for (let n = 0; n < RETRIES; n++) plan.push({ at, message: failure(address) });
    deciding.push({ address, index: plan.length - 1 });
    at += 800_000 + ((i * 173) % 500) * 1_000;
  }
  return { plan, deciding };
}

/** One attacker each quarter of a second, three tries 20 ms apart. */
function stormPlan(bans: number, next: () => number): Attack {
  const step = 1_000_000 / STORM;
  const attacks = new Map<number, string>();
  const addresses = Array.from({ length: bans }, () => stranger(next()));
  addresses.forEach((address, i) => {
    const from = Math.round((1_000_000 + i * 250_000 + ((i * 37) % 100) * 1_000) / step);
    for (let n = 0; n < RETRIES; n++) attacks.set(from + n * Math.round(20_000 / step), address);
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
