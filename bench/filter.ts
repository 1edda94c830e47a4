/**
 * Filters side by side with fail2ban: one million entries of a mail server, postfix, dovecot and
 * sshd together, through our gate and bank as the agent runs them (stock filters of Debian 13, its
 * guard and batches, all three jails at once), and the same lines as text files, each filter its
 * share, through fail2ban-regex of the same package. One core each.
 *
 * What each is charged for is not quite the same, and the table says so: fail2ban-regex reads
 * dates, too, which a journal does not have in its lines. So there is a third ratio, with
 * fail2ban-regex less a run whose regex never hits.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guard } from '../src/agent/intake/v8-time-limit.js';
import { setCollectorFlags } from '../src/agent/memory.js';
import type { Entry } from '../src/core/entry.js';
import { BATCH_ENTRIES_MAX } from '../src/core/limits.js';
import { parseMatch, WHOLE_JOURNAL } from '../src/core/match.js';
import { cursor, mustJailName } from '../src/core/names.js';
import type { JailIntake } from '../src/core/specs.js';
import { epochMicros } from '../src/core/time.js';
import { FilterBank } from '../src/filter/bank.js';
import { loadFilter } from '../src/ini/definition.js';
import { gateTest } from '../src/journal/gate.js';
import { fail2banPackage } from '../test/support/fail2ban.js';
import { FAIL2BAN_VERSION } from './lib/fail2ban.js';
import { type Cost, TextLogs } from './lib/fail2ban-text.js';
import { median, range, short, whole } from './lib/numbers.js';
import { type BenchOptions, type Result, scaled } from './lib/result.js';
import { Texts } from './lib/texts.js';
import { type MailEntry, mailServer } from './mailserver.js';

const SERVICES = ['postfix', 'dovecot', 'sshd'] as const;
const UNITS = {
  postfix: 'postfix@-.service',
  dovecot: 'dovecot.service',
  sshd: 'ssh.service',
} as const;
const HOST = 'mx1';
const START = 1_763_712_000;

function jails(root: string): JailIntake[] {
  return SERVICES.map((name) => {
    const { definition, diagnostics } = loadFilter({ name, dirs: [join(root, 'etc/fail2ban')] });
    if (definition === undefined) throw new Error(JSON.stringify(diagnostics));
    const match = parseMatch(`_SYSTEMD_UNIT=${UNITS[name]}`).expression ?? WHOLE_JOURNAL;
    return { jail: mustJailName(name), match, filter: definition };
  });
}

/** One entry per millisecond. */
function entryOf({ service, ident, pid, message }: MailEntry, n: number): Entry {
  return {
    cursor: cursor(`n${n}`),
    realtime: epochMicros((START * 1000 + n) * 1000),
    message,
    fields: new Map([
      ['_HOSTNAME', HOST],
      ['SYSLOG_IDENTIFIER', ident],
      ['SYSLOG_PID', String(pid)],
      ['_PID', String(pid)],
      ['_COMM', service],
      ['_SYSTEMD_UNIT', UNITS[service]],
      ['_BOOT_ID', '5f0b3c1e7d6a4c2f9b8e1a2d3c4b5a69'],
    ]),
  };
}

/**
 * Lines that the bank judges before the clock runs, other ones: V8 compiles what an agent has
 * compiled long since.
 */
const WARM_UP = 40_000;
const WARM_UP_SEED = 4;

/** Texts made ahead, so that their making does not weigh on the judging. */
function textsOf(total: number, seed?: number): Texts {
  return new Texts(mailServer(total, seed), total);
}

function ours(root: string, texts: Texts): Cost {
  setCollectorFlags();
  const bank = new FilterBank(jails(root), guard);
  judgeAll(bank, textsOf(Math.min(texts.length, WARM_UP), WARM_UP_SEED));
  return judgeAll(bank, texts);
}

/**
 * From the bytes of the messages to events, as the intake does it with a plain reader: gate,
 * entries, bank.
 */
function judgeAll(bank: FilterBank, texts: Texts): Cost {
  const passes = gateTest(bank.gate);
  let hits = 0;
  const before = process.cpuUsage();
  const started = performance.now();
  for (let from = 0; from < texts.length; from += BATCH_ENTRIES_MAX) {
    const batch: Entry[] = [];
    for (let n = from; n < Math.min(from + BATCH_ENTRIES_MAX, texts.length); n++) {
      const text = texts.latin1(n);
      if (passes(text)) batch.push(entryOf(texts.at(n, text), n));
    }
    hits += bank.judge(batch).events.length;
  }
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { lines: texts.length, seconds, cpu: (user + system) / 1e6, hits };
}

/** Our own of every run, and theirs by way and filter. */
interface Runs {
  readonly ours: Cost[];
  readonly theirs: ReadonlyMap<Way, ReadonlyMap<MailEntry['service'], Cost[]>>;
}

/**
 * `as called`: the command as its users type it. `first wins`: told to stop at the first regex, as
 * fail2ban's daemon does. `reading alone`: a regex that fails at the first character, so that lines
 * and dates are all there is.
 */
const WAYS = {
  'as called': { options: [], filter: undefined },
  'first wins': { options: ['--no-check-all'], filter: undefined },
  'reading alone': { options: ['--no-check-all'], filter: '^never <HOST>$' },
} as const;
type Way = keyof typeof WAYS;
const WAY_NAMES = Object.keys(WAYS) as Way[];

function measure(root: string, total: number, { runs, say }: BenchOptions): Runs {
  const folder = mkdtempSync(join(tmpdir(), 'banjour-bench-'));
  try {
    const texts = textsOf(total);
    const logs = new TextLogs(root, folder, mailServer(total), HOST, START);
    const own: Cost[] = [];
    const theirs = new Map(
      WAY_NAMES.map((way) => [way, new Map(SERVICES.map((name) => [name, [] as Cost[]]))]),
    );
    for (let run = 0; run < runs; run++) {
      say(`filter: run ${run + 1} of ${runs}`);
      own.push(ours(root, texts));
      for (const way of WAY_NAMES)
        for (const name of SERVICES) {
          const { filter, options } = WAYS[way];
          theirs
            .get(way)
            ?.get(name)
            ?.push(logs.run(name, filter ?? name, options));
        }
    }
    return { ours: own, theirs };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One way of all runs: medians. */
interface Row extends Cost {
  readonly what: string;
  readonly spread: string;
}

function rowOf(what: string, costs: readonly Cost[]): Row {
  const seconds = costs.map((cost) => cost.seconds);
  const [{ lines, hits } = { lines: 0, hits: 0 }] = costs;
  const cpu = median(costs.map((cost) => cost.cpu));
  return { what, lines, seconds: median(seconds), cpu, hits, spread: range(seconds) };
}

/** The three filters one after the other, run by run. */
function together(filters: ReadonlyMap<string, readonly Cost[]>): Cost[] {
  const [first = [], ...others] = filters.values();
  return first.map((cost, run) => others.reduce((sum, costs) => add(sum, costs[run], 1), cost));
}

function add(a: Cost, b: Cost | undefined, sign: 1 | -1): Cost {
  if (b === undefined) return a;
  return {
    lines: sign === 1 ? a.lines + b.lines : a.lines,
    seconds: a.seconds + sign * b.seconds,
    cpu: a.cpu + sign * b.cpu,
    hits: a.hits + b.hits,
  };
}

export async function bench(options: BenchOptions): Promise<Result> {
  const total = scaled(options, 1_000_000, 1_000);
  const found = fail2banPackage(FAIL2BAN_VERSION);
  const runs =
    'root' in found ? measure(found.root, total, options) : { ours: [], theirs: new Map() };
  const mine = rowOf('banjour, 3 jails at once', runs.ours);
  const parts = [...(runs as Runs).theirs];
  const sums = new Map(parts.map(([way, filters]) => [way, together(filters)]));
  const reading = sums.get('reading alone') ?? [];
  const judging = (sums.get('first wins') ?? []).map((cost, run) => add(cost, reading[run], -1));
  const rows = parts.flatMap(([way, filters]) => [
    ...(way === 'as called'
      ? [...filters].map(([name, costs]) => rowOf(`fail2ban-regex ${name}, ${way}`, costs))
      : []),
    rowOf(`fail2ban-regex, ${way}`, sums.get(way) ?? []),
  ]);
  const all =
    parts.length === 0
      ? []
      : [mine, ...rows, rowOf('fail2ban-regex, first wins less reading', judging)];
  const compared = [
    { name: 'as called', row: rowOf('', sums.get('as called') ?? []) },
    { name: 'first wins', row: rowOf('', sums.get('first wins') ?? []) },
    { name: 'judging alone', row: rowOf('', judging) },
  ].map(({ name, row }) => ({ name, clock: row.seconds / mine.seconds, core: row.cpu / mine.cpu }));
  const target = (what: string, measured: number) => ({
    what,
    wanted: '>= 20 times',
    measured: short(measured),
    reached: measured >= 20,
  });
  const [called] = compared;
  return {
    name: 'filter',
    title: 'Filtering alone, with the same filters',
    method: [
      `${whole(total)} entries of a mail server; the stock filters postfix, dovecot and sshd of Debian's fail2ban ${FAIL2BAN_VERSION} on both sides`,
      `banjour: as in the intake, batches of ${whole(BATCH_ENTRIES_MAX)}, all three jails at once, after ${whole(WARM_UP)} other lines; charged: everything from the bytes of the messages on: decoding, literal gate, entries, guard, routing, header, regexes, connections, addresses, garbage`,
      'fail2ban-regex: one filter after the other, each its share as a text file, without start-up; charged: reading lines and their dates, regexes, connections',
      'judging alone: fail2ban-regex (first wins) less the same lines with a regex that never hits; reading and judging on both sides, from one journal, is `pipeline`',
    ],
    tables: [
      {
        title: '',
        columns: ['way', 'lines', 's', 'lines/s', 'cpu s', 'lines per cpu s', 'hits', 'runs (s)'],
        rows: all.map(({ what, lines, seconds, cpu, hits, spread }) => [
          what,
          whole(lines),
          short(seconds),
          whole(lines / seconds),
          short(cpu),
          whole(lines / cpu),
          whole(hits),
          spread,
        ]),
      },
      {
        title: '',
        columns: ['banjour beside fail2ban-regex', 'by the clock', 'per core'],
        rows:
          parts.length === 0
            ? []
            : compared.map(({ name, clock, core }) => [name, short(clock), short(core)]),
      },
    ],
    targets:
      called === undefined || parts.length === 0
        ? []
        : [
            target('beside fail2ban with its own filters, by the clock', called.clock),
            target('beside fail2ban with its own filters, per core', called.core),
          ],
    figures: Object.fromEntries(
      compared.flatMap(({ name, clock, core }) => [
        [`ratio ${name}, by the clock`, clock],
        [`ratio ${name}, per core`, core],
      ]),
    ),
    chart: {
      kind: 'bars',
      title: 'Lines judged per second, the same stock filters',
      unit: '/s',
      bars: all
        .filter(({ what }) => /^banjour|^fail2ban-regex, (?:as called|first wins)$/.test(what))
        .map((row) => ({
          label: row.what,
          value: row.lines / row.seconds,
          kind: row === mine ? ('ours' as const) : ('theirs' as const),
        })),
    },
    missing: 'reason' in found ? [`everything: ${found.reason}`] : [],
  };
}
