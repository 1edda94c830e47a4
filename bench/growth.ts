/** (g) How the cost grows: with entries, jails, bans and tracked addresses. */
import { ControlClient } from '../src/control/client.js';
import { formatPrefix } from '../src/core/address.js';
import type { FilterEvent } from '../src/core/decision.js';
import { cursor, mustJailName } from '../src/core/names.js';
import { epochMicros, seconds } from '../src/core/time.js';
import { Jails } from '../src/jail/jails.js';
import { context } from '../test/jail/support.js';
import { numbered, writeJournal } from '../test/support/journal-files.js';
import { intakeRun } from './lib/intake.js';
import { mailJournal } from './lib/journal.js';
import { bannedHost, fillLedger } from './lib/ledgers.js';
import { median, short, whole } from './lib/numbers.js';
import { Place, whyNoPlace } from './lib/place.js';
import { costOf } from './lib/processes.js';
import { type BenchOptions, type Result, scaled, type Table } from './lib/result.js';
import { jailLocal, setupOf } from './lib/setup.js';

type Point = readonly [number, number];

export async function bench(options: BenchOptions): Promise<Result> {
  const entries = await byEntries(options);
  const jails = await byJails(options);
  const reason = whyNoPlace();
  const bans = reason === undefined ? await byBans(options) : [];
  const tracked = byTracked(options);
  const [few, , , , many] = jails;
  const ratio = few && many ? many[1] / few[1] : Number.NaN;
  const table = (
    title: string,
    of: string,
    cost: string,
    points: readonly (readonly number[])[],
  ): Table => ({
    title,
    columns: [of, ...cost.split(', ')],
    rows: points.map(([first = 0, ...rest]) => [whole(first), ...rest.map(short)]),
  });
  return {
    name: 'growth',
    title: 'How the cost grows',
    method: [
      'entries: reading and filtering a stored journal with three jails; jails: the same, postfix-sasl, dovecot, sshd and then further services of their own units, with copies of their filters',
      'bans: one more ban by an operator, through the control socket, written to disk, into the kernel and answered; median of 20',
      'tracked addresses: one failure judged by the jails while so many addresses are remembered',
    ],
    tables: [
      table('Entries', 'entries', 'us per entry', entries),
      table('Jails', 'jails', 'us per entry', jails),
      table('Bans in force', 'bans', 'ms for one more, agent RSS MiB', bans),
      table('Tracked addresses', 'addresses', 'us per failure', tracked),
    ],
    targets: [
      {
        what: '50 jails instead of 3, time per entry',
        wanted: '<= 2 times',
        measured: short(ratio),
        reached: ratio <= 2,
      },
    ],
    figures: {
      ...Object.fromEntries(entries.map(([count, us]) => [`${count} entries us/entry`, us])),
      ...Object.fromEntries(jails.map(([count, us]) => [`${count} jails us/entry`, us])),
      ...Object.fromEntries(
        bans.flatMap(([count, ms, mib]) => [
          [`${count} bans ms/ban`, ms],
          [`${count} bans RSS MiB`, mib],
        ]),
      ),
      ...Object.fromEntries(tracked.map(([count, us]) => [`${count} tracked us/failure`, us])),
    },
    chart: {
      kind: 'lines',
      title: 'Time per entry as jails grow',
      x: 'jails',
      y: 'us per entry',
      series: [{ label: 'reading and filtering', points: jails }],
    },
    missing: reason === undefined ? [] : [`bans: ${reason}`],
  };
}

async function repeat(runs: number, run: () => Promise<number>): Promise<number> {
  const values: number[] = [];
  for (let i = 0; i < runs; i++) values.push(await run());
  return median(values);
}

async function byEntries(options: BenchOptions): Promise<Point[]> {
  const points: Point[] = [];
  for (const count of [100_000, 300_000, 1_000_000].map((size) => scaled(options, size, 1_000))) {
    options.say(`${whole(count)} entries`);
    const path = await mailJournal(count, options.say);
    const jails = setupOf(jailLocal([`source = directory ${path}`])).jails.map(
      ({ intake }) => intake,
    );
    points.push([
      count,
      await repeat(
        options.runs,
        async () => ((await intakeRun({ kind: 'directory', path }, jails)).seconds / count) * 1e6,
      ),
    ]);
  }
  return points;
}

/**
 * Jails 4 to 50 are services of their own: their units write nothing here, but their literals are
 * looked for in every entry.
 */
async function byJails(options: BenchOptions): Promise<Point[]> {
  const count = scaled(options, 300_000, 1_000);
  const path = await mailJournal(count, options.say);
  const filters = ['postfix[mode=auth]', 'dovecot', 'sshd'];
  const points: Point[] = [];
  for (const size of [3, 10, 20, 35, 50]) {
    options.say(`${size} jails`);
    const more = Array.from({ length: size - 3 }, (_, i) => [
      `[service-${i}]`,
      'enabled = true',
      `filter = ${filters[i % 3]}`,
      `match = _SYSTEMD_UNIT=service-${i}.service`,
      'port = 25',
    ]);
    const text = `${jailLocal([`source = directory ${path}`])}${more.flat().join('\n')}\n`;
    const jails = setupOf(text).jails.map(({ intake }) => intake);
    if (jails.length !== size) throw new Error(`${jails.length} jails instead of ${size}`);
    points.push([
      size,
      await repeat(
        options.runs,
        async () => ((await intakeRun({ kind: 'directory', path }, jails)).seconds / count) * 1e6,
      ),
    ]);
  }
  return points;
}

async function byBans(options: BenchOptions): Promise<[number, number, number][]> {
  const points: [number, number, number][] = [];
  for (const count of [0, 10_000, 100_000, 1_000_000].map((size) =>
    size === 0 ? 0 : scaled(options, size, 10),
  )) {
    options.say(`${whole(count)} bans`);
    const place = new Place();
    try {
      writeJournal(place.path('journal', 'host.journal'), numbered(10));
      if (count > 0) fillLedger(place.ledger, count);
      const pid = await place.start();
      const client = new ControlClient(place.path('run', 'control.sock'));
      const times: number[] = [];
      for (let i = 0; i < 20; i++) {
        const target = formatPrefix(bannedHost(2_000_000 + i));
        const started = performance.now();
        await client.ban({ jail: mustJailName('sshd'), targets: [target] });
        times.push(performance.now() - started);
      }
      // The garbage of the start is collected two seconds after it.
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      points.push([count, median(times), costOf(pid)?.rssMib ?? 0]);
    } finally {
      await place.close();
    }
  }
  return points;
}

function byTracked(options: BenchOptions): Point[] {
  const jail = mustJailName('sshd');
  const policy = {
    jail,
    maxretry: 1_000,
    findtime: seconds(86_400),
    bantime: seconds(600),
    ipv6prefix: 64,
    forgetOnSuccess: false,
  };
  const nothingKnown = context();
  const points: Point[] = [];
  for (const count of [1_000, 10_000, 100_000, 250_000].map((size) => scaled(options, size, 10))) {
    const jails = new Jails([policy]);
    let n = 0;
    const event = (): FilterEvent => {
      const time = epochMicros(1_795_000_000_000_000 + n);
      const target = bannedHost(n++ % count);
      return {
        kind: 'failure',
        jail,
        address: { family: target.family, text: target.base } as FilterEvent['address'],
        count: 1,
        time,
        cursor: cursor(
          `s=5f0b3c1e7d6a4c2f9b8e1a2d3c4b5a69;i=${n};b=0b4e0d7a2f1c4e6f8a9b1c2d3e4f5a6b;m=1;t=2;x=3`,
        ),
        regex: 0,
      };
    };
    const judge = (events: readonly FilterEvent[]) => {
      const started = performance.now();
      for (const one of events) jails.step(one, one.time, nothingKnown);
      return ((performance.now() - started) / events.length) * 1_000;
    };
    for (let i = 0; i < count; i += 1_000)
      judge(Array.from({ length: Math.min(1_000, count - i) }, event));
    const runs = Array.from({ length: 20 }, () => judge(Array.from({ length: 1_000 }, event)));
    points.push([count, median(runs)]);
  }
  return points;
}
