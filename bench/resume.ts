/**
 * (k) A restart amid an attack: what is banned stays shut out, and this is how soon the next
 * attacker is. The journal holds the failures of all who are banned, within the last hour, and the
 * agent reads them back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { formatPrefix } from '../src/core/address.js';
import { cursor, sourceId } from '../src/core/names.js';
import { epochMicros, wallClock } from '../src/core/time.js';
import { openLedger } from '../src/ledger/open.js';
import { type FakeEntry, LiveJournal, T0 } from '../test/support/journal-files.js';
import { Announced } from './lib/announced.js';
import { UNITS } from './lib/journal.js';
import { bannedHost, fillLedger } from './lib/ledgers.js';
import { median, range, short, whole } from './lib/numbers.js';
import { Place, whyNoPlace } from './lib/place.js';
import { atMost, type BenchOptions, type Result, scaled } from './lib/result.js';

/** Bans in force, each with so many failures in the journal. */
const SIZES = [0, 10_000, 200_000];
const FAILURES = 5;
/** The failures lie in the last so many seconds. */
const SPAN_SECONDS = 3_000;
/** The new attacker begins so long after the agent's process, ms, and fails again after as long. */
const ATTACK_MS = 100;
const LONG_MS = 120_000;
const PER_CHUNK = 20_000;

/** Seconds, each from the start of the process or from the flush. */
interface Run {
  readonly ready: number;
  readonly banned: number;
  readonly live: number;
  readonly healedFirst: number;
  readonly healedAll: number;
}

export async function bench(options: BenchOptions): Promise<Result> {
  const reason = whyNoPlace();
  const cases: { readonly bans: number; readonly runs: readonly Run[] }[] = [];
  for (const size of reason === undefined ? SIZES : []) {
    const bans = size === 0 ? 0 : scaled(options, size, 10);
    options.say(`${whole(bans)} bans`);
    cases.push({ bans, runs: await runsWith(bans, options) });
  }
  const of = (runs: readonly Run[], key: keyof Run) => median(runs.map((run) => run[key]));
  const targets = cases.flatMap(({ bans, runs }) => [
    atMost(`${whole(bans)} bans: restart to the first new ban`, of(runs, 'banned'), 3, 's'),
    ...(bans === 0
      ? []
      : [atMost(`${whole(bans)} bans: whole again after a flush`, of(runs, 'healedAll'), 3, 's')]),
  ]);
  return {
    name: 'resume',
    title: 'A restart amid an attack',
    method: [
      `the agent as a process in a network namespace, killed by SIGKILL and started anew; ${FAILURES} failures of each who is banned lie in the last ${SPAN_SECONDS / 60} minutes of its journal`,
      `seconds from the start of the process; a new attacker fails every ${ATTACK_MS} ms from then on until the kernel announces its element; read back: the journal is read to its end`,
      'after that the table is deleted (nft flush ruleset): seconds from then until the first and the last ban is in the kernel again',
    ],
    tables: [
      {
        title: '',
        columns: [
          'bans',
          'ready s',
          'first new ban s',
          'runs',
          'read back s',
          'flush: first s',
          'flush: all s',
        ],
        rows: cases.map(({ bans, runs }) => [
          whole(bans),
          short(of(runs, 'ready')),
          short(of(runs, 'banned')),
          range(runs.map(({ banned }) => banned)),
          short(of(runs, 'live')),
          short(of(runs, 'healedFirst')),
          short(of(runs, 'healedAll')),
        ]),
      },
    ],
    targets,
    figures: Object.fromEntries(
      cases.flatMap(({ bans, runs }) =>
        (['ready', 'banned', 'live', 'healedFirst', 'healedAll'] as const).map((key) => [
          `${bans} bans, ${key} s`,
          of(runs, key),
        ]),
      ),
    ),
    chart: {
      kind: 'bars',
      title: 'Restart to the first new ban',
      unit: 's',
      bars: cases.map(({ bans, runs }) => ({
        label: `${whole(bans)} bans`,
        value: of(runs, 'banned'),
        kind: 'ours',
      })),
    },
    missing: reason === undefined ? [] : [`everything: ${reason}`],
  };
}

async function runsWith(bans: number, options: BenchOptions): Promise<readonly Run[]> {
  const place = new Place();
  const journal = new LiveJournal(place.path('journal', 'host.journal'));
  const runs: Run[] = [];
  try {
    await fillJournal(journal, bans);

    fillLedger(place.ledger, bans);
    wasRead(place);
    for (let run = 0; run < options.runs; run++) {
      if (run > 0) await place.stop('SIGKILL');
      runs.push(await resume(place, journal, bans, `198.51.100.${run + 1}`));
    }
  } finally {
    await place.close();
    await journal.close();
  }
  return runs;
}

async function resume(
  place: Place,
  journal: LiveJournal,
  bans: number,
  attacker: string,
): Promise<Run> {
  await using kernel = await Announced.open(place);
  const from = performance.now();
  const began = Date.now();
  const seconds = () => (performance.now() - from) / 1_000;
  const isBanned = kernel.first(attacker);
  let attacks = true;
  const attacking = (async () => {
    for (const until = from + LONG_MS; attacks && performance.now() < until; await sleep(ATTACK_MS))
      journal.append([failure(attacker, Date.now() * 1_000)]);
  })();
  await place.start('is ready');
  const ready = seconds();

  const banned = (await isBanned) / 1e6 - began / 1e3;
  attacks = false;
  await attacking;
  while (!place.said.includes('reached the end')) await sleep(20);
  const live = seconds();
  await sleep(1_000);
  const { first, all } = await heal(place, kernel, bans + 1);
  return { ready, banned, live, healedFirst: first, healedAll: all };
}

async function heal(
  place: Place,
  kernel: Announced,
  bans: number,
): Promise<{ first: number; all: number }> {
  kernel.forget();
  const began = Date.now();
  place.run(['nft', 'flush', 'ruleset']);
  const until = performance.now() + LONG_MS;
  while (kernel.times.length < bans && performance.now() < until) await sleep(50);
  if (kernel.times.length < bans)
    throw new Error(`${kernel.times.length} of ${bans} bans came back\n${place.said}`);
  const times = kernel.times.slice(0, bans);
  return {
    first: (times[0] ?? Number.NaN) / 1e6 - began / 1e3,
    all: (times.at(-1) ?? Number.NaN) / 1e6 - began / 1e3,
  };
}

/** The ledger says that all of the journal was read. */
function wasRead(place: Place): void {
  const { __CURSOR, __REALTIME_TIMESTAMP } = JSON.parse(
    place.run(['journalctl', '--directory', place.path('journal'), '-n', '1', '-o', 'json']),
  ) as Record<string, string>;
  const { ledger } = openLedger(place.ledger, wallClock.now());
  ledger.commit({
    decisions: [],
    source: sourceId(`directory:${place.path('journal')}`),
    position: { cursor: cursor(__CURSOR ?? ''), time: epochMicros(Number(__REALTIME_TIMESTAMP)) },
  });
  ledger.close();
}

async function fillJournal(journal: LiveJournal, bans: number): Promise<void> {
  const count = bans * FAILURES;
  const from = Date.now() * 1_000 - SPAN_SECONDS * 1e6;
  const step = (SPAN_SECONDS * 1e6) / Math.max(1, count);
  for (let next = 0; next < count; next += PER_CHUNK) {
    const chunk = Array.from({ length: Math.min(PER_CHUNK, count - next) }, (_, i) => {
      const n = next + i;
      const host = formatPrefix(bannedHost(Math.floor(n / FAILURES)));
      return failure(host.replace(/\/\d+$/, ''), Math.round(from + n * step), n);
    });
    journal.append(chunk);
    await journal.settled();
  }
  journal.append([{ at: Date.now() * 1_000 - T0, message: 'the end' }]);
  await journal.settled();
}

function failure(address: string, time: number, n = 0): FakeEntry {
  const fields = {
    _SYSTEMD_UNIT: UNITS.postfix,
    _COMM: 'smtpd',
    _EXE: '/usr/lib/postfix/sbin/smtpd',
    _TRANSPORT: 'syslog',
    _UID: '0',
    SYSLOG_IDENTIFIER: 'postfix/smtpd',
    PRIORITY: '4',
    _PID: String(1_000 + (n % 30_000)),
  };
  return {
    at: time - T0,
    message: `warning: unknown[${address}]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=info@example.org`,
    fields,
  };
}
