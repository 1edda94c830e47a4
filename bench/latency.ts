/**
 * (c) From the write of the deciding entry to the element in the kernel: after quiet, and in the
 * middle of a storm.
 */
import { type BanTimes, measureBans, STORM } from './lib/ban-times.js';
import { Lab, type Watcher, whyNoLab } from './lib/lab.js';
import { median, quantile, short, whole } from './lib/numbers.js';
import { atMost, type BenchOptions, type Result, scaled } from './lib/result.js';

const WHO: readonly Watcher[] = ['banjour', 'banjour+notify', 'fail2ban'];
export async function bench(options: BenchOptions): Promise<Result> {
  const reason = await whyNoLab();
  const bans = scaled(options, 60, 5);
  const measured = new Map<Watcher, BanTimes>();
  const versions = new Map<string, string>();
  if (reason === undefined) {
    const lab = await Lab.open(options.say);
    try {
      let next = 0;
      for (const who of WHO) {
        options.say(`latency of ${who}`);
        const pid = await lab.start(who);
        measured.set(who, await measureBans(lab, [pid], { bans, next: () => next++ }));
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
