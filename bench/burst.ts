/** (d) Many attackers at once: from the last entry to the last of them in the kernel. */
import { failure, Lab, type Planned, stranger, whyNoLab } from './lib/lab.js';
import { median, range, short, whole } from './lib/numbers.js';
import { costOf } from './lib/processes.js';
import { type BenchOptions, type Result, scaled } from './lib/result.js';

const RETRIES = 3;
/** fail2ban bans about a hundred per second: the larger burst would take it minutes. */
const THEIR_ADDRESSES_MAX = 1_000;

interface Burst {
  readonly who: string;
  readonly addresses: number;
  /** Last send to last element, seconds. */
  readonly after: number[];
  /** First send to last element, seconds. */
  readonly whole: number[];
  readonly cpu: number[];
  missing: number;
}

export async function bench(options: BenchOptions): Promise<Result> {
  const reason = await whyNoLab();
  const sizes = [scaled(options, 1_000, 20), scaled(options, 10_000, 50)];
  const bursts: Burst[] = [];
  if (reason === undefined) {
    const lab = await Lab.open(options.say);
    try {
      let next = 0;
      for (const who of ['banjour', 'fail2ban'] as const)
        for (const addresses of sizes) {
          if (who === 'fail2ban' && addresses > THEIR_ADDRESSES_MAX) continue;
          const burst: Burst = { who, addresses, after: [], whole: [], cpu: [], missing: 0 };
          bursts.push(burst);
          for (let run = 0; run < (who === 'fail2ban' ? 1 : options.runs); run++) {
            options.say(`${addresses} attackers against ${who}`);
            const pid = await lab.start(who);
            const from = next;
            next += addresses;
            await one(
              lab,
              pid,
              Array.from({ length: addresses }, (_, i) => stranger(from + i)),
              burst,
            );
            await lab.stop(who);
          }
        }
    } finally {
      await lab.close();
    }
  }
  const wanted = [0.15, 1];
  return {
    name: 'burst',
    title: 'Many attackers at once',
    method: [
      'a booted Debian 13 (systemd-nspawn), three jails, maxretry 3; entries written to its journald as fast as it takes them, one failure of each address after the other, three rounds',
      'a fresh start before each run; fail2ban once, and only the smaller burst',
    ],
    tables: [
      {
        title: '',
        columns: [
          'who',
          'addresses',
          'last entry to last element s',
          'first entry to last element s',
          'cpu s',
          'not banned',
          'runs (s)',
        ],
        rows: bursts.map((burst) => [
          burst.who,
          whole(burst.addresses),
          short(median(burst.after)),
          short(median(burst.whole)),
          short(median(burst.cpu)),
          String(burst.missing),
          range(burst.after),
        ]),
      },
    ],
    targets: bursts
      .filter(({ who }) => who === 'banjour')
      .map((burst, i) => ({
        what: `${whole(burst.addresses)} attackers, last entry to all in the kernel`,
        wanted: `<= ${wanted[i]} s`,
        measured: `${short(median(burst.after))} s`,
        reached: median(burst.after) <= (wanted[i] ?? 0) && burst.missing === 0,
      })),
    figures: Object.fromEntries(
      bursts.flatMap(({ who, addresses, after }) => [[`${who} ${addresses} last to last s`, median(after)]]),
    ),
    chart: {
      kind: 'bars',
      title: 'Last entry to all attackers in the kernel',
      unit: 's',
      logarithmic: true,
      bars: bursts.map(({ who, addresses, after }) => ({
        label: `${who}, ${whole(addresses)} attackers`,
        value: median(after),
        kind: who === 'banjour' ? 'ours' : 'theirs',
      })),
    },
    missing: reason === undefined ? [] : [`everything: ${reason}`],
  };
}

async function one(lab: Lab, pid: number, addresses: readonly string[], burst: Burst): Promise<void> {
  const watch = await lab.watch();
  try {
    const plan: Planned[] = [];
    for (let n = 0; n < RETRIES; n++) for (const address of addresses) plan.push({ at: 0, message: failure(address) });
    const before = costOf(pid)?.cpuSeconds ?? 0;
    const times = await lab.inject(plan);
    burst.missing += (await watch.all(addresses, 120_000)).length;
    burst.cpu.push((costOf(pid)?.cpuSeconds ?? 0) - before);
    const last = Math.max(...addresses.map((address) => watch.first.get(address) ?? 0));
    burst.after.push((last - (times.at(-1) ?? 0)) / 1e6);
    burst.whole.push((last - (times[0] ?? 0)) / 1e6);
    if (watch.lost) throw new Error('announcements of the kernel were lost');
  } finally {
    await watch.stop();
  }
}
