/**
 * (h) How long the commands take that scripts call, and whether those who flood the status socket
 * delay a ban.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ControlClient } from '../src/control/client.js';
import { LiveJournal, numbered, T0 } from '../test/support/journal-files.js';
import { fillLedger } from './lib/ledgers.js';
import { median, quantile, short, whole } from './lib/numbers.js';
import { Place, whyNoPlace } from './lib/place.js';
import { type BenchOptions, type Result, scaled } from './lib/result.js';

const MAIN = join(process.cwd(), 'dist/src/main.js');
const BASE = 'node -e 0';
const COMMANDS = [
  ['ping'],
  ['status'],
  ['status', '--json'],
  ['status', '--long'],
  ['stats'],
  ['status', 'sshd'],
];
/** Rounds of each run: a process start varies much. */
const ROUNDS = 5;
const ATTACKERS = 30;
const RETRIES = 5;

interface Case {
  readonly name: string;
  /** Milliseconds by command; `BASE` among them. */
  readonly times: ReadonlyMap<string, readonly number[]>;
}

export async function bench(options: BenchOptions): Promise<Result> {
  const reason = whyNoPlace();
  const bans = scaled(options, 100_000, 100);
  const cases: Case[] = [];
  let quiet: readonly number[] = [];
  let flooded: readonly number[] = [];
  if (reason === undefined) {
    cases.push(await commands('no bans', 0, options));
    cases.push(await commands(`${whole(bans)} bans`, bans, options));
    ({ quiet, flooded } = await underFlood(options));
  }
  const ratio = ({ times }: Case, name: string) =>
    median(times.get(name) ?? []) / median(times.get(BASE) ?? []);
  const names = [...(cases[0]?.times.keys() ?? [])];
  return {
    name: 'status',
    title: 'Asking the agent',
    method: [
      `whole processes by the clock, each beside \`${BASE}\` in the same round; medians of ${options.runs * ROUNDS}`,
      `flood: one process that keeps 32 questions of status under way; ${ATTACKERS} attackers one after the other, from the write of the fifth failure into a journal file (by a pipe to systemd-journal-remote) to the ban in the event stream`,
    ],
    tables: [
      {
        title: '',
        columns: ['command', ...cases.flatMap(({ name }) => [`${name}, ms`, `times ${BASE}`])],
        rows: names.map((name) => [
          name,
          ...cases.flatMap((one) => [
            short(median(one.times.get(name) ?? [])),
            short(ratio(one, name)),
          ]),
        ]),
      },
      {
        title: 'Time to ban while clients flood',
        columns: ['when', 'median ms', 'highest ms'],
        rows: [
          ['nobody asks', short(median(quiet)), short(quantile(quiet, 1))],
          ['flooded', short(median(flooded)), short(quantile(flooded, 1))],
        ],
      },
    ],
    targets: cases.map((one) => {
      const value = ratio(one, 'banjour status');
      return {
        what: `status, ${one.name}`,
        wanted: `<= 3 x ${BASE}`,
        measured: short(value),
        reached: value <= 3,
      };
    }),
    figures: {
      ...Object.fromEntries(
        cases.flatMap((one) =>
          names.map((name) => [`${name}, ${one.name}, times node`, ratio(one, name)]),
        ),
      ),
      'quiet median ms': median(quiet),
      'flooded median ms': median(flooded),
    },
    chart: {
      kind: 'bars',
      title: 'Commands, by the clock',
      unit: 'ms',
      bars: names.map((name) => ({
        label: name,
        value: median(cases.at(-1)?.times.get(name) ?? []),
        kind: name === BASE ? 'limit' : 'ours',
      })),
    },
    missing: reason === undefined ? [] : [`everything: ${reason}`],
  };
}

async function commands(name: string, bans: number, options: BenchOptions): Promise<Case> {
  options.say(`commands with ${name}`);
  const place = new Place();
  const journal = new LiveJournal(place.path('journal', 'host.journal'));
  try {
    journal.append(numbered(1));
    if (bans > 0) fillLedger(place.ledger, bans);
    await place.start();
    const times = new Map<string, number[]>();
    const ways: [string, readonly string[]][] = [
      [BASE, ['-e', '0']],
      ...COMMANDS.map((words): [string, readonly string[]] => [
        `banjour ${words.join(' ')}`,
        [MAIN, ...words, '--run-dir', place.path('run')],
      ]),
    ];
    for (let round = 0; round < options.runs * ROUNDS; round++)
      for (const [what, args] of ways) {
        const started = performance.now();
        const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
        if (status !== 0) throw new Error(`${what}: ${stderr}`);
        times.set(what, [...(times.get(what) ?? []), performance.now() - started]);
      }
    return { name, times };
  } finally {
    await journal.close();
    await place.close();
  }
}

async function underFlood(options: BenchOptions): Promise<{ quiet: number[]; flooded: number[] }> {
  options.say('bans while clients flood');
  const place = new Place();
  const journal = new LiveJournal(place.path('journal', 'host.journal'));
  try {
    journal.append(numbered(1));
    await place.start('reached the end');
    const socket = place.path('run', 'status.sock');
    const quiet = await banTimes(journal, socket, 0);
    const flooder = spawn(
      process.execPath,
      [join(process.cwd(), 'dist/bench/lib/flood.js'), socket],
      {
        stdio: 'ignore',
      },
    );
    try {
      await sleep(2_000);
      return { quiet, flooded: await banTimes(journal, socket, ATTACKERS) };
    } finally {
      const gone = once(flooder, 'exit');
      flooder.kill();
      await gone;
    }
  } finally {
    await journal.close();
    await place.close();
  }
}

/** Milliseconds from the fifth failure to the ban's event, for one attacker after the other. */
async function banTimes(journal: LiveJournal, socket: string, from: number): Promise<number[]> {
  const times: number[] = [];
  const end = new AbortController();
  let banned: (address: string) => void = () => undefined;
  const stream = new ControlClient(socket)
    .events(({ event, address }) => {
      if (event === 'ban') banned(address);
    }, end.signal)
    .catch(() => undefined);
  await sleep(500);
  for (let n = from; n < from + ATTACKERS; n++) {
    const attacker = `198.51.100.${n}`;
    const event = new Promise<void>((resolve) => {
      banned = (address) => {
        if (address === attacker) resolve();
      };
    });
    const started = performance.now();
    const at = Date.now() * 1000 - T0;
    journal.append(
      Array.from({ length: RETRIES }, (_, i) => ({
        at: at + i,
        message: `Failed password for root from ${attacker} port 22 ssh2`,
        fields: { _SYSTEMD_UNIT: 'ssh.service', SYSLOG_IDENTIFIER: 'sshd', _UID: '0', _PID: '7' },
      })),
    );
    await event;
    times.push(performance.now() - started);
    await sleep(50);
  }
  end.abort();
  await stream;
  return times;
}
