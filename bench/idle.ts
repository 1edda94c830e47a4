/** (f) What a quiet agent costs: memory and processor, itself and its children on a line each. */
import { setTimeout as sleep } from 'node:timers/promises';
import { LiveJournal, numbered, writeJournal } from '../test/support/journal-files.js';
import { fillLedger } from './lib/ledgers.js';
import { short, whole } from './lib/numbers.js';
import { Place, whyNoPlace } from './lib/place.js';
import { costOf, familyOf } from './lib/processes.js';
import { atMost, type BenchOptions, type Result, scaled } from './lib/result.js';

/** A host with much history has some gigabytes in files of 128 MiB at most. */
const ARCHIVED_FILES = 100;

interface Line {
  readonly process: string;
  readonly rssMib: number;
  readonly dirtyMib: number;
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
  }
  const agentOf = (index: number) => cases[index]?.lines[0];
  const [quiet, full, old] = [agentOf(0), agentOf(1), agentOf(2)];
  return {
    name: 'idle',
    title: 'A quiet agent',
    method: [
      `three jails, a live journal without entries, ${seconds} s after twenty seconds of rest, in which V8 gives back what the start took; processor from /proc/PID/task/*/schedstat`,
      'RSS counts pages of node itself and of journal files that other processes share; "dirty" is what it has written to and shares with none (Private_Dirty)',
    ],
    tables: [
      {
        title: '',
        columns: ['with', 'process', 'RSS MiB', 'dirty MiB', 'of a core %'],
        rows: cases.flatMap(({ name, lines }) =>
          lines.map(({ process, rssMib, dirtyMib, cpuShare }) => [
            name,
            process,
            short(rssMib),
            short(dirtyMib),
            short(cpuShare * 100),
          ]),
        ),
      },
    ],
    targets:
      quiet && full && old
        ? [
            atMost('idle, of a core', quiet.cpuShare * 100, 0.5, '%'),
            atMost(`idle with ${files} archived files, of a core`, old.cpuShare * 100, 0.5, '%'),
            atMost('agent RSS', quiet.rssMib, 96, 'MiB'),
            atMost('agent, dirty', quiet.dirtyMib, 30, 'MiB'),
            atMost(`agent, dirty, with ${whole(bans)} bans`, full.dirtyMib, 60, 'MiB'),
            atMost(`agent RSS with ${whole(bans)} bans`, full.rssMib, 160, 'MiB'),
          ]
        : [],
    figures: Object.fromEntries(
      cases.flatMap(({ name, lines }) =>
        lines.flatMap(({ process, rssMib, dirtyMib, cpuShare }) => [
          [`${name}, ${process} RSS MiB`, rssMib],
          [`${name}, ${process} dirty MiB`, dirtyMib],
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
  prepare: (place: Place) => void,
): Promise<Case> {
  options.say(`idle with ${name}`);
  const place = new Place();
  const journal = new LiveJournal(place.path('journal', 'host.journal'));
  try {
    journal.append(numbered(10));
    prepare(place);
    const pid = await place.start();
    await sleep(Math.min(20_000, seconds * 500));
    const before = new Map(familyOf(pid).map((one) => [one.pid, costOf(one.pid)]));
    const started = performance.now();
    await sleep(seconds * 1_000);
    const elapsed = (performance.now() - started) / 1000;
    const lines = familyOf(pid).map((one, i): Line => {
      const cost = costOf(one.pid);
      return {
        process: i === 0 ? 'agent' : one.name,
        rssMib: cost?.rssMib ?? 0,
        dirtyMib: cost?.dirtyMib ?? 0,
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
