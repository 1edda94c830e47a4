/**
 * (b) The pipeline over a stored mail journal with three jails, beside fail2ban's three filters and
 * plain C.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fail2ban } from './lib/fail2ban.js';
import { intakeRun } from './lib/intake.js';
import { mailJournal, UNITS } from './lib/journal.js';
import { median, range, short, whole } from './lib/numbers.js';
import { programRun } from './lib/programs.js';
import { type BenchOptions, type Result, scaled } from './lib/result.js';
import { jailLocal, Scratch, setupOf } from './lib/setup.js';
import { tool } from './lib/tools.js';

/** fail2ban's filters for what our three jails judge. */
const THEIRS = [
  ['postfix[mode=auth]', UNITS.postfix],
  ['dovecot', UNITS.dovecot],
  ['sshd', UNITS.sshd],
] as const;
/** What weighing may cost the whole program, of its processor time. */
const WEIGHING_MAX = 1.05;
const WITH_LOGIN = ['postfix-sasl', 'dovecot', 'sshd', 'login'];
/** Memory that a replay may take, MiB. */
const REPLAY_MIB_MAX = 256;

export async function bench(options: BenchOptions): Promise<Result> {
  const count = scaled(options, 1_000_000, 1_000);
  const folder = await mailJournal(count, options.say);
  const configuration = jailLocal([`source = directory ${folder}`]);
  const jails = setupOf(configuration).jails.map(({ intake }) => intake);
  const fail2ban = Fail2ban.find();
  const c: number[] = [];
  const ours: number[] = [];
  const oursCpu: number[] = [];
  const cOne: number[] = [];
  const oursOne: number[] = [];
  const replay: number[] = [];
  const weighing: number[] = [];
  const weighingCost: number[] = [];
  const peaks: number[] = [];
  const theirs = new Map<string, number[]>(THEIRS.map(([filter]) => [filter, []]));
  const theirLines = new Map<string, number>();
  let entries = 0;
  let events = 0;
  for (let run = 0; run < options.runs; run++) {
    const plain = plainC(folder);
    entries = plain.entries;
    c.push(plain.seconds);
    const own = await intakeRun({ kind: 'directory', path: folder }, jails);
    events = own.events;
    ours.push(own.seconds);
    oursCpu.push(own.cpuSeconds);
    await onOneCore(async () => {
      cOne.push(plainC(folder).seconds);
      oursOne.push((await intakeRun({ kind: 'directory', path: folder }, jails)).seconds);
    });
    const whole_ = await replayRun(folder, configuration);
    replay.push(whole_.seconds);
    const weighed = await replayRun(
      folder,
      jailLocal([`source = directory ${folder}`], WITH_LOGIN),
    );
    weighing.push(weighed.seconds);
    weighingCost.push(weighed.cpuSeconds / whole_.cpuSeconds);
    peaks.push(whole_.peakMib, weighed.peakMib);
    if (typeof fail2ban === 'string') continue;
    for (const [filter, unit] of THEIRS) {
      const { seconds, lines } = fail2ban.filter(folder, filter, `_SYSTEMD_UNIT=${unit}`);
      theirs.get(filter)?.push(seconds);
      theirLines.set(filter, lines);
    }
  }
  const base = entries / median(c);
  const speed = entries / median(ours);
  const ofOne = median(cOne) / median(oursOne);
  const together = [...theirs.values()].reduce((sum, seconds) => sum + median(seconds), 0);
  const theirSpeed = [...theirLines.values()].reduce((sum, lines) => sum + lines, 0) / together;
  const row = (what: string, lines: number, seconds: readonly number[]) => [
    what,
    whole(lines),
    short(median(seconds)),
    whole(lines / median(seconds)),
    short(lines / median(seconds) / base),
    short(lines / median(seconds) / theirSpeed),
    range(seconds),
  ];
  const peak = Math.max(...peaks);
  return {
    name: 'pipeline',
    title: 'Reading and filtering with three jails',
    method: [
      `${whole(count)} stored entries, one in five of other services; ${whole(entries)} of the three units, ${whole(events)} failures and successes found`,
      `banjour: jails postfix-sasl, dovecot, sshd at once, as the intake thread runs them, with a thread of C that reads ahead: ${short(median(oursCpu))} s of processor`,
      'banjour replay: the whole program from start to exit, jails and ledger included, by the clock',
      'fail2ban-regex of Debian 13 (1.1.0), one filter after the other, each over its unit; its own clock, without start-up',
      'plain C reads MESSAGE of the same entries, selected by the same match',
      'on one core: all threads of the process are bound to the first core (taskset); the target is of plain C on one core',
    ],
    tables: [
      {
        title: '',
        columns: ['way', 'entries', 's', 'entries/s', 'of plain C', 'times fail2ban', 'runs (s)'],
        rows: [
          row('plain C, reading only', entries, c),
          row('banjour, reading and filtering', entries, ours),
          row('banjour replay, the whole program', entries, replay),
          row('banjour replay with the jail login', entries, weighing),
          row('plain C on one core', entries, cOne),
          row('banjour on one core, reading and filtering', entries, oursOne),
          ...[...theirs]
            .filter(([, all]) => all.length > 0)
            .map(([filter, all]) => row(`fail2ban ${filter}`, theirLines.get(filter) ?? 0, all)),
          ...(together > 0
            ? [row('fail2ban, the three together', theirSpeed * together, [together])]
            : []),
        ],
      },
    ],
    targets: [
      {
        what: 'reading and filtering, three jails',
        wanted: '>= 0.6 of plain C',
        measured: short(speed / base),
        reached: speed / base >= 0.6,
      },
      {
        what: 'the same on one core',
        wanted: '>= 0.5 of plain C',
        measured: short(ofOne),
        reached: ofOne >= 0.5,
      },
      ...(together > 0
        ? [
            {
              what: 'beside the three filters of fail2ban',
              wanted: '>= 10 times',
              measured: short(speed / theirSpeed),
              reached: speed / theirSpeed >= 10,
            },
          ]
        : []),
      {
        what: 'banjour replay: with the jail login',
        wanted: `<= ${WEIGHING_MAX} times the processor time`,
        measured: short(median(weighingCost)),
        reached: median(weighingCost) <= WEIGHING_MAX,
      },
      {
        what: 'banjour replay: memory (highest of all runs)',
        wanted: `<= ${REPLAY_MIB_MAX} MiB`,
        measured: `${whole(peak)} MiB`,
        reached: peak <= REPLAY_MIB_MAX,
      },
    ],
    figures: {
      'plain C entries/s': base,
      'banjour entries/s': speed,
      'of plain C on one core': ofOne,
      'banjour cpu us/entry': (median(oursCpu) / entries) * 1e6,
      'replay s': median(replay),
      'replay with login s': median(weighing),
      'replay with login, times the processor time': median(weighingCost),
      'replay peak MiB': peak,
      'fail2ban entries/s': theirSpeed,
    },
    chart: {
      kind: 'bars',
      title: 'Entries read and judged per second, three jails',
      unit: '/s',
      bars: [
        { label: 'plain C, reading only', value: base, kind: 'limit' },
        { label: 'banjour, reading and filtering', value: speed, kind: 'ours' },
        { label: 'banjour replay, whole program', value: entries / median(replay), kind: 'ours' },
        { label: 'fail2ban, three filters', value: theirSpeed, kind: 'theirs' },
      ],
    },
    missing: typeof fail2ban === 'string' ? [`fail2ban: ${fail2ban}`] : [],
  };
}

/** The plain loop over the entries of the three units. */
function plainC(folder: string): { readonly entries: number; readonly seconds: number } {
  const match = Object.values(UNITS).map((unit) => `_SYSTEMD_UNIT=${unit}`);
  const { stdout, status } = spawnSync(tool('read', '-lsystemd'), [folder, ...match], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error('read failed');
  const [entries = 0, , seconds = 0] = stdout.trim().split(' ').map(Number);
  return { entries, seconds };
}

/** Runs something while all threads of this process, and what they start, have one core. */
async function onOneCore(work: () => Promise<void>): Promise<void> {
  const taskset = (...words: readonly string[]) => {
    const all = ['--all-tasks', '--cpu-list', '--pid', ...words, String(process.pid)];
    const { status, stdout, stderr } = spawnSync('taskset', all, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`taskset: ${stderr}`);
    return stdout;
  };
  const before = /: (\S+)$/m.exec(taskset())?.[1] ?? '';
  taskset(before.split(/[-,]/)[0] ?? '0');
  try {
    await work();
  } finally {
    taskset(before);
  }
}

async function replayRun(folder: string, configuration: string) {
  using scratch = new Scratch();
  writeFileSync(scratch.file('jail.local'), configuration);
  const main = join(process.cwd(), 'dist/src/main.js');
  return await programRun([
    process.execPath,
    main,
    'replay',
    folder,
    '--quiet',
    '--config-dir',
    scratch.path,
  ]);
}
