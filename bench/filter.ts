/**
 * Filters side by side with fail2ban: one million entries of a mail server, postfix, dovecot and sshd together, through
 * our bank as the agent runs it (stock filters of Debian 13, guard, all three jails at once), and the same lines as
 * text files, each filter its share, through fail2ban-regex of the same package. One core each.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import vm from 'node:vm';
import type { Entry } from '../src/core/entry.js';
import { BATCH_ENTRIES_MAX } from '../src/core/limits.js';
import { parseMatch, WHOLE_JOURNAL } from '../src/core/match.js';
import { cursor, mustJailName } from '../src/core/names.js';
import type { JailIntake } from '../src/core/specs.js';
import { epochMicros } from '../src/core/time.js';
import { FilterBank } from '../src/filter/bank.js';
import { loadFilter } from '../src/ini/filterfile.js';
import { fail2banPackage } from '../test/support/fail2ban.js';
import { vmGuard } from '../test/support/guard.js';
import { FAIL2BAN_VERSION } from './lib/fail2ban.js';
import { short, whole } from './lib/numbers.js';
import { type BenchOptions, type Result, scaled } from './lib/result.js';
import { type MailEntry, mailServer } from './mailserver.js';

const SERVICES = ['postfix', 'dovecot', 'sshd'] as const;
const UNITS = { postfix: 'postfix@-.service', dovecot: 'dovecot.service', sshd: 'ssh.service' } as const;
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

interface Row {
  readonly what: string;
  readonly lines: number;
  /** By the clock, without start-up. */
  readonly seconds: number;
  /** Of the processor, all threads of the process. */
  readonly cpu: number;
  readonly hits: number;
}

function ours(root: string, total: number): Row {
  const bank = new FilterBank(jails(root), vmGuard);
  let seconds = 0;
  let cpu = 0;
  let hits = 0;
  let batch: Entry[] = [];
  const judge = () => {
    const started = performance.now();
    const before = process.cpuUsage();
    hits += bank.judge(batch).events.length;
    seconds += (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(before);
    cpu += (user + system) / 1e6;
    batch = [];
  };
  // Texts are made ahead, and flat as those of a journal, so that their making does not weigh on the judging.
  const texts: MailEntry[] = [];
  for (const text of mailServer(total)) texts.push({ ...text, message: Buffer.from(text.message).toString() });
  setFlagsFromString('--expose-gc');
  vm.runInNewContext('gc')();
  let n = 0;
  for (const text of texts) {
    batch.push(entryOf(text, n++));
    if (batch.length === BATCH_ENTRIES_MAX) judge();
  }
  judge();
  return { what: 'banjour, 3 jails at once', lines: n, seconds, cpu, hits };
}

function theirs(root: string, total: number): Map<Way, Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'banjour-bench-'));
  try {
    const files = new Map(SERVICES.map((name) => [name, openSync(join(folder, `${name}.log`), 'w')]));
    const counts = new Map<string, number>();
    const texts = new Map<string, string[]>(SERVICES.map((name) => [name, []]));
    const flush = (name: (typeof SERVICES)[number]) => {
      writeSync(files.get(name) as number, (texts.get(name) ?? []).join(''));
      texts.set(name, []);
    };
    let n = 0;
    for (const { service, ident, pid, message } of mailServer(total)) {
      const stamp = new Date(START * 1000 + n++).toISOString();
      const lines = texts.get(service) ?? [];
      lines.push(`${stamp} ${HOST} ${ident}[${pid}]: ${message}\n`);
      if (lines.length === 10_000) flush(service);
      counts.set(service, (counts.get(service) ?? 0) + 1);
    }
    for (const [name, file] of files) {
      flush(name);
      closeSync(file);
    }
    const empty = join(folder, 'empty.log');
    closeSync(openSync(empty, 'w'));
    const run = (way: Way) =>
      SERVICES.map((name) => {
        const startUp = fail2banRegex(root, empty, name, way);
        const { seconds, cpu, hits } = fail2banRegex(root, join(folder, `${name}.log`), name, way);
        return {
          what: `fail2ban-regex ${name}, ${way}`,
          lines: counts.get(name) ?? 0,
          seconds,
          cpu: cpu - startUp.cpu,
          hits,
        };
      });
    return new Map((Object.keys(WAYS) as Way[]).map((way) => [way, run(way)]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `as called`: the command as its users type it. `first wins`: told to stop at the first regex, as fail2ban's daemon does. */
const WAYS = { 'as called': [], 'first wins': ['--no-check-all'] } as const;
type Way = keyof typeof WAYS;

/** Its own figure leaves out start-up and reading the configuration. */
function fail2banRegex(
  root: string,
  file: string,
  name: string,
  way: Way,
): { seconds: number; cpu: number; hits: number } {
  const program = ['python3', join(root, 'usr/bin/fail2ban-regex'), '-c', join(root, 'etc/fail2ban')];
  const options = ['--usedns', 'no', ...WAYS[way], '--print-no-missed', '--print-no-ignored'];
  // `times` prints, in its second line, user and system time of the children (POSIX, sh).
  const run = spawnSync('sh', ['-c', '"$@"; times', 'sh', ...program, ...options, file, name], {
    env: { ...process.env, PYTHONPATH: join(root, 'usr/lib/python3/dist-packages') },
    encoding: 'utf8',
  });
  const seconds = Number(/\[processed in ([\d.]+) sec\]/.exec(run.stdout)?.[1]);
  const hits = Number(/(\d+) matched/.exec(run.stdout)?.[1]);
  const [, userMinutes, user, systemMinutes, system] =
    /(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$/.exec(run.stdout)?.map(Number) ?? [];
  const cpu = 60 * ((userMinutes ?? 0) + (systemMinutes ?? 0)) + (user ?? 0) + (system ?? 0);
  if (!Number.isFinite(seconds) || cpu === 0) throw new Error(`fail2ban-regex: ${run.stdout}${run.stderr}`);
  return { seconds, cpu, hits };
}

function sum(what: string, rows: readonly Row[]): Row {
  const add = (key: 'lines' | 'seconds' | 'cpu' | 'hits') => rows.reduce((whole, row) => whole + row[key], 0);
  return { what, lines: add('lines'), seconds: add('seconds'), cpu: add('cpu'), hits: add('hits') };
}

export async function bench(options: BenchOptions): Promise<Result> {
  const total = scaled(options, 1_000_000, 1_000);
  const found = fail2banPackage(FAIL2BAN_VERSION);
  const rows: Row[] = [];
  const sums = new Map<Way, Row>();
  if ('root' in found) {
    rows.push(ours(found.root, total));
    for (const [way, parts] of theirs(found.root, total)) {
      const together = sum(`fail2ban-regex, ${way}`, parts);
      sums.set(way, together);
      rows.push(...parts, together);
    }
  }
  const mine = rows[0];
  const ratio = (way: Way, key: 'seconds' | 'cpu') => {
    const other = sums.get(way);
    return mine && other ? mine.lines / mine[key] / (other.lines / other[key]) : Number.NaN;
  };
  const clock = ratio('as called', 'seconds');
  return {
    name: 'filter',
    title: 'Filtering alone, with the same filters',
    method: [
      `${whole(total)} entries of a mail server; the stock filters postfix, dovecot and sshd of Debian's fail2ban ${FAIL2BAN_VERSION} on both sides, one run`,
      'banjour: the bank with its guard, all three jails at once; fail2ban-regex: one filter after the other, each its share as a text file, without start-up',
    ],
    tables: [
      {
        title: '',
        columns: ['way', 'lines', 's', 'lines/s', 'cpu s', 'lines per cpu s', 'hits'],
        rows: rows.map(({ what, lines, seconds, cpu, hits }) => [
          what,
          whole(lines),
          short(seconds),
          whole(lines / seconds),
          short(cpu),
          whole(lines / cpu),
          whole(hits),
        ]),
      },
    ],
    targets: rows.length
      ? [
          {
            what: 'beside fail2ban with its own filters',
            wanted: '>= 20 times',
            measured: short(clock),
            reached: clock >= 20,
          },
        ]
      : [],
    figures: Object.fromEntries(
      [...sums.keys()].flatMap((way) => [
        [`ratio ${way}, by the clock`, ratio(way, 'seconds')],
        [`ratio ${way}, per core`, ratio(way, 'cpu')],
      ]),
    ),
    chart: {
      kind: 'bars',
      title: 'Lines judged per second, the same stock filters',
      unit: '/s',
      bars: [...(mine ? [mine] : []), ...sums.values()].map((row) => ({
        label: row.what,
        value: row.lines / row.seconds,
        kind: row === mine ? 'ours' : 'theirs',
      })),
    },
    missing: 'reason' in found ? [`everything: ${found.reason}`] : [],
  };
}
