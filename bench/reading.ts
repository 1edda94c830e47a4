/**
 * (a) Reading alone: plain C, the C batch reader through FFI, plain FFI, journalctl,
 * python3-systemd; one journal.
 */
import { spawnSync } from 'node:child_process';
import { batchReader } from '../native/batch-library.js';
import { BatchReader } from '../native/batch-reader.js';
import { PlainReader } from '../native/plain-reader.js';
import type { EntryReader, Wanted } from '../native/raw-entries.js';
import { guard } from '../src/agent/intake/v8-time-limit.js';
import { BATCH_ENTRIES_MAX } from '../src/core/limits.js';
import { WHOLE_JOURNAL } from '../src/core/match.js';
import { sourceId } from '../src/core/names.js';
import { FilterBank } from '../src/filter/bank.js';
import { LibsystemdSource } from '../src/journal/systemd/source.js';
import { mailJournal } from './lib/journal.js';
import { median, range, rounds, short, whole } from './lib/numbers.js';
import { type BenchOptions, type Result, scaled } from './lib/result.js';
import { jailLocal, setupOf } from './lib/setup.js';
import { tool } from './lib/tools.js';

/**
 * What fail2ban's systemd backend does with every entry: all fields converted, then a line made of
 * some.
 */
const PYTHON = `
import sys, time
from systemd import journal
reader = journal.Reader(path=sys.argv[1])
start = time.perf_counter()
count = 0
while True:
    entry = reader.get_next()
    if not entry: break
    line = "%s %s[%s]: %s" % (entry.get("_HOSTNAME"), entry.get("SYSLOG_IDENTIFIER"), entry.get("SYSLOG_PID"), entry.get("MESSAGE"))
    count += 1
print(count, len(line), time.perf_counter() - start)
`;

export async function bench(options: BenchOptions): Promise<Result> {
  const count = scaled(options, 1_000_000, 1_000);
  const folder = await mailJournal(count, options.say);
  const jails = setupOf(jailLocal([`source = directory ${folder}`])).jails.map(
    ({ intake }) => intake,
  );
  const gate = new FilterBank(jails, guard).gate;
  const nothing = { literals: ['\u0001never\u0001'], fields: [] };
  const everything = { literals: undefined, fields: gate.fields };
  const { functions, why } = batchReader();
  const read =
    (
      gateOf: typeof nothing | typeof everything | typeof gate,
      make: (wanted: Wanted) => EntryReader,
    ) =>
    () =>
      readAll(folder, count, gateOf, make);
  const plain = (wanted: Wanted) => new PlainReader(wanted);
  const batch = functions && ((wanted: Wanted) => new BatchReader(functions, wanted));
  const program =
    (...command: readonly string[]) =>
    () =>
      timed(command, count);
  const ways: Record<string, () => number> = {
    'plain C, MESSAGE': program(tool('read', '-lsystemd'), folder),
    ...(batch && {
      'C batch reader, MESSAGE': read(nothing, batch),
      'C batch reader, candidates of 3 jails whole': read(gate, batch),
      'C batch reader, every entry whole': read(everything, batch),
    }),
    'plain FFI, MESSAGE': read(nothing, plain),
    'plain FFI, candidates of 3 jails whole': read(gate, plain),
    'journalctl -o cat': () =>
      clocked(['journalctl', '-q', `--directory=${folder}`, '-o', 'cat'], count),
    'python3-systemd, as fail2ban reads': program('/usr/bin/python3', '-P', '-c', PYTHON, folder),
  };
  const values = await rounds(options.runs, ways);
  const speed = (name: string) => median(values[name] ?? []);
  const base = speed('plain C, MESSAGE');
  const python = speed('python3-systemd, as fail2ban reads');
  const alone = speed('C batch reader, MESSAGE') / base;
  return {
    name: 'reading',
    title: 'Reading the journal',
    method: [
      `${whole(count)} stored entries of a mail server (systemd-journal-remote), in the page cache; one thread, no matches`,
      'plain C is the shortest loop: sd_journal_next, sd_journal_get_data("MESSAGE")',
      'candidates are the entries that pass the literal gate of the jails postfix-sasl, dovecot and sshd',
    ],
    tables: [
      {
        title: '',
        columns: ['way', 'entries/s', 'of plain C', 'times python3-systemd', 'runs (thousand/s)'],
        rows: Object.entries(values).map(([name, all]) => [
          name,
          whole(median(all)),
          short(median(all) / base),
          short(median(all) / python),
          range(all.map((value) => value / 1000)),
        ]),
      },
    ],
    targets: batch
      ? [
          {
            what: 'reading alone through the batch reader',
            wanted: '>= 0.85 of plain C',
            measured: short(alone),
            reached: alone >= 0.85,
          },
        ]
      : [],
    figures: Object.fromEntries(
      Object.keys(values).map((name) => [`entries/s ${name}`, speed(name)]),
    ),
    chart: {
      kind: 'bars',
      title: 'Journal entries read per second',
      unit: '/s',
      bars: Object.keys(values).map((label) => ({
        label,
        value: speed(label),
        kind:
          label.includes('batch') || label.includes('FFI')
            ? 'ours'
            : label.includes('plain C')
              ? 'limit'
              : 'theirs',
      })),
    },
    missing: batch ? [] : [`the C batch reader: ${why}`],
  };
}

/** Reads a stored journal to its end; entries per second. */
function readAll(
  path: string,
  count: number,
  gate: { readonly literals: readonly string[] | undefined; readonly fields: readonly string[] },
  make: (wanted: Wanted) => EntryReader,
): number {
  const source = new LibsystemdSource(sourceId('bench'), { kind: 'directory', path }, make);
  const started = performance.now();
  source.open(WHOLE_JOURNAL, gate, { at: 'head' });
  let read = 0;
  for (;;) {
    const batch = source.next(BATCH_ENTRIES_MAX);
    if (batch.read === 0) break;
    read += batch.read;
  }
  const seconds = (performance.now() - started) / 1000;
  source.close();
  if (read !== count) throw new Error(`${read} entries instead of ${count}`);
  return read / seconds;
}

/** A program that prints entries, something, seconds: its own clock leaves out its start. */
function timed(command: readonly string[], count: number): number {
  const [file = '', ...args] = command;
  const { stdout, stderr, status } = spawnSync(file, args, { encoding: 'utf8' });
  const [read = 0, , seconds = 0] = stdout.trim().split(' ').map(Number);
  if (status !== 0 || read !== count) throw new Error(`${file}: ${stderr}${stdout}`);
  return read / seconds;
}

/** A program that prints the entries, by our clock. */
function clocked(command: readonly string[], count: number): number {
  const [file = '', ...args] = command;
  const started = performance.now();
  const { status, stderr } = spawnSync(file, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${file}: ${stderr}`);
  return count / ((performance.now() - started) / 1000);
}
