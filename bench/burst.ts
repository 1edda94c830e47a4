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
  readonly size: number;
  /** Last send to last element, seconds. */
  readonly after: number[];
  /** First send to last element, seconds. */
  readonly whole: number[];
  readonly cpu: number[];
  missing: number;
}

function nothing() {
  return { after: [], whole: [], cpu: [], missing: 0 };
}

export async function bench(options: BenchOptions): Promise<Result> {
  const reason = await whyNoLab();
  const sizes = [scaled(options, 1_000, 20), scaled(options, 10_000, 50)];
  const bursts: Burst[] = [];
  if (reason === undefined) {
    const lab = await Lab.open(options.say);
    try {
      let next = 0;
      const addresses = (count: number) => Array.from({ length: count }, () => stranger(next++));
      for (const who of ['banjour', 'fail2ban'] as const)
        for (const size of sizes) {
          if (who === 'fail2ban' && size > THEIR_ADDRESSES_MAX) continue;
          const cold: Burst = { who: `${who}, first after its start`, size, ...nothing() };
          const warm: Burst = { who, size, ...nothing() };
          options.say(`${size} attackers against ${who}`);
          const pid = await lab.start(who);
          await one(lab, pid, addresses(size), cold);
          bursts.push(cold);
          for (let run = 0; run < options.runs && who === 'banjour'; run++)
            await one(lab, pid, addresses(size), warm);
          if (warm.after.length > 0) bursts.push(warm);
          await lab.stop(who);
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
      'each starts without a past and rests; then bursts of ever new addresses; fail2ban gets one, and only the smaller',
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
          whole(burst.size),
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
        what: `${whole(burst.size)} attackers, last entry to all in the kernel`,
        wanted: `<= ${wanted[i]} s`,
        measured: `${short(median(burst.after))} s`,
        reached: median(burst.after) <= (wanted[i] ?? 0) && burst.missing === 0,
      })),
    figures: Object.fromEntries(
      bursts.flatMap(({ who, size, after }) => [[`${who} ${size} last to last s`, median(after)]]),
    ),
    chart: {
      kind: 'bars',
      title: 'Last entry to all attackers in the kernel',
      unit: 's',
      logarithmic: true,
      bars: bursts.map(({ who, size, after }) => ({
        label: `${who}: ${whole(size)} attackers`,
        value: median(after),
        kind: who.startsWith('banjour') ? 'ours' : 'theirs',
      })),
    },
    missing: reason === undefined ? [] : [`everything: ${reason}`],
  };
}

async function one(
  lab: Lab,
  pid: number,
  addresses: readonly string[],
  burst: Burst,
): Promise<void> {
  const watch = await lab.watch();
  try {
    const plan: Planned[] = [];
    for (let n = 0; n < RETRIES; n++)
      for (const address of addresses) plan.push({ at: 0, message: failure(address) });
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
