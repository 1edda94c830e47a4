/** (f) What a quiet agent costs: memory and processor, itself and its children on a line each. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CompanionView } from '../src/companion/companion.js';
import { ControlClient } from '../src/control/client.js';
import { LiveJournal, numbered, writeJournal } from '../test/support/journal-files.js';
import { fillLedger } from './lib/ledgers.js';
import { short, whole } from './lib/numbers.js';
import { Place, whyNoPlace } from './lib/place.js';
import { costOf, familyOf } from './lib/processes.js';
import { atMost, type BenchOptions, type Result, scaled } from './lib/result.js';

/** A host with much history has some gigabytes in files of 128 MiB at most. */
const ARCHIVED_FILES = 100;
const BESIDE = 'a companion';

/** The parts that the companion has on beside the report, and what each needs. */
const PARTS = ['notify', 'metrics', 'policy', 'share', 'web'];
const TELLING = [
  'action = %(action_mwl)s',
  'destemail = admin@example.org',
  'sender = banjour@example.org',
];
/** Of the engine's double, in the namespace. */
const ENGINE_PORT = 6_379;

interface Line {
  readonly process: string;
  readonly rssMib: number;
  readonly dirtyMib: number;
  readonly pssMib: number;
  readonly cpuShare: number;
}
interface Case {
  readonly name: string;
  readonly lines: readonly Line[];
}

export async function bench(options: BenchOptions): Promise<Result> {
  const reason = whyNoPlace();
  const seconds = scaled(options, 60, 2);
  const bans = scaled(options, 100_000, 100);
  const files = scaled(options, ARCHIVED_FILES, 3);
  const cases: Case[] = [];
  if (reason === undefined) {
    cases.push(await idle('nothing', seconds, options, () => undefined));
    cases.push(
      await idle(`${whole(bans)} bans`, seconds, options, (place) =>
        fillLedger(place.ledger, bans),
      ),
    );
    cases.push(
      await idle(`${files} archived journal files`, seconds, options, (place) =>
        archive(place, files),
      ),
    );
    cases.push(await idle(BESIDE, seconds, options, beside, startCompanion));
  }
  const agentOf = (index: number) => cases[index]?.lines[0];
  const together = cases[3]?.lines.reduce((sum, { pssMib }) => sum + pssMib, 0);
  const [quiet, full, old] = [agentOf(0), agentOf(1), agentOf(2)];
  return {
    name: 'idle',
    title: 'A quiet agent',
    method: [
      `three jails, a live journal without entries, ${seconds} s after twenty seconds of rest, in which V8 gives back what the start took; processor from /proc/PID/task/*/schedstat`,
      'RSS counts pages of node itself and of journal files that other processes share; "dirty" is what it has written to and shares with none (Private_Dirty)',
      `${BESIDE}: ${PARTS.join(', ')} on, with a double of Valkey; both run a copy of node that nothing else runs, so that their PSS is what they would take on a host of their own`,
    ],
    tables: [
      {
        title: '',
        columns: ['with', 'process', 'RSS MiB', 'dirty MiB', 'PSS MiB', 'of a core %'],
        rows: cases.flatMap(({ name, lines }) =>
          lines.map(({ process, rssMib, dirtyMib, pssMib, cpuShare }) => [
            name,
            process,
            short(rssMib),
            short(dirtyMib),
            short(pssMib),
            short(cpuShare * 100),
          ]),
        ),
      },
    ],
    targets:
      quiet && full && old && together !== undefined
        ? [
            atMost('idle, of a core', quiet.cpuShare * 100, 0.5, '%'),
            atMost(`idle with ${files} archived files, of a core`, old.cpuShare * 100, 0.5, '%'),
            atMost('agent RSS', quiet.rssMib, 96, 'MiB'),
            atMost('agent, dirty', quiet.dirtyMib, 30, 'MiB'),
            atMost(`agent, dirty, with ${whole(bans)} bans`, full.dirtyMib, 60, 'MiB'),
            atMost(`agent RSS with ${whole(bans)} bans`, full.rssMib, 160, 'MiB'),
            atMost(`agent and companion, ${PARTS.join(', ')} on, PSS`, together, 130, 'MiB'),
          ]
        : [],
    figures: Object.fromEntries(
      cases.flatMap(({ name, lines }) =>
        lines.flatMap(({ process, rssMib, dirtyMib, pssMib, cpuShare }) => [
          [`${name}, ${process} RSS MiB`, rssMib],
          [`${name}, ${process} dirty MiB`, dirtyMib],
          [`${name}, ${process} PSS MiB`, pssMib],
          [`${name}, ${process} core %`, cpuShare * 100],
        ]),
      ),
    ),
    chart: {
      kind: 'bars',
      title: 'Resident memory of a quiet agent',
      unit: 'MiB',
      bars: cases.flatMap(({ name, lines }) =>
        lines.map(({ process, rssMib }) => ({
          label: `${name}: ${process}`,
          value: rssMib,
          kind: 'ours' as const,
        })),
      ),
    },
    missing: reason === undefined ? [] : [`everything: ${reason}`],
  };
}

async function idle(
  name: string,
  seconds: number,
  options: BenchOptions,
  prepare: (place: Place) => unknown,
  startOthers?: (place: Place) => Promise<number>,
): Promise<Case> {
  options.say(`idle with ${name}`);
  const place = new Place(startOthers === undefined ? [] : TELLING);
  const journal = new LiveJournal(place.path('journal', 'host.journal'));
  try {
    journal.append(numbered(10));
    await prepare(place);
    const pid = await place.start();
    const companion = await startOthers?.(place);
    const family = () => [
      ...familyOf(pid).map((one, i) => ({ ...one, name: i === 0 ? 'agent' : one.name })),
      ...(companion === undefined ? [] : familyOf(companion)).map((one, i) => ({
        ...one,
        name: i === 0 ? 'companion' : one.name,
      })),
    ];
    await sleep(Math.min(20_000, seconds * 500));
    const before = new Map(family().map((one) => [one.pid, costOf(one.pid)]));
    const started = performance.now();
    await sleep(seconds * 1_000);
    const elapsed = (performance.now() - started) / 1000;
    const lines = family().map((one): Line => {
      const cost = costOf(one.pid);
      return {
        process: one.name,
        rssMib: cost?.rssMib ?? 0,
        dirtyMib: cost?.dirtyMib ?? 0,
        pssMib: cost?.pssMib ?? 0,
        cpuShare: ((cost?.cpuSeconds ?? 0) - (before.get(one.pid)?.cpuSeconds ?? 0)) / elapsed,
      };
    });
    return { name, lines };
  } finally {
    await journal.close();
    await place.close();
  }
}

function archive(place: Place, files: number): void {
  for (let i = 0; i < files; i++)
    writeJournal(place.path('journal', `old-${i}.journal`), numbered(100, 1_000 + i * 100));
}

/** What the companion's parts talk to, and a node of their own for it and the agent. */
async function beside(place: Place): Promise<void> {
  place.run(['ip', 'link', 'set', 'lo', 'up']);
  const double = join(process.cwd(), 'dist/test/share/valkey-double.js');
  const script = `
    const { ValkeyDouble } = await import(${JSON.stringify(double)});
    await ValkeyDouble.start(undefined, ${ENGINE_PORT});
    console.error('listening');`;
  await place.startBeside(['--input-type=module', '--eval', script], 'listening');
  const node = place.path('node');
  copyFileSync(process.execPath, node);
  place.node = node;
}

/** The companion with its parts on; throws when one does not run. */
async function startCompanion(place: Place): Promise<number> {
  const key = place.path('etc', 'key');
  writeFileSync(key, 'key\n', { mode: 0o600 });
  const on = (part: string, ...lines: readonly string[]) => [
    `[${part}]`,
    'enabled = true',
    ...lines,
  ];
  const lines = [
    ...on('metrics'),
    ...on('policy', `api-key-file = ${key}`),
    ...on('share', `url = valkey://127.0.0.1:${ENGINE_PORT}`, 'name = mx1'),
    ...on('web'),
  ];
  const pid = await place.startCompanion(lines, 'web page on');
  const client = new ControlClient(place.path('run-companion', 'companion.sock'));
  const { parts } = await client.read<CompanionView>('/status');
  const running = parts.filter((part) => part.running).map(({ name }) => name as string);
  const idle = PARTS.filter((name) => !running.includes(name));
  if (idle.length > 0) throw new Error(`${idle.join(', ')} of the companion: not running`);
  return pid;
}
