/**
 * (e) A start with 100,000 bans in the ledger: table kept (restart, upgrade) and table lost (boot,
 * flush).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { numbered, writeJournal } from '../test/support/journal-files.js';
import { fillLedger } from './lib/ledgers.js';
import { median, range, short, whole } from './lib/numbers.js';
import { Place, whyNoPlace } from './lib/place.js';
import { costOf } from './lib/processes.js';
import { atMost, type BenchOptions, type Result, scaled } from './lib/result.js';
import { tool } from './lib/tools.js';

/** Seconds from the start of the process. */
interface Start {
  readonly firstBack: number;
  readonly allBack: number;
  readonly ready: number;
  readonly rssMib: number;
  /** Elements in the kernel at the end, and before the agent began. */
  readonly elements: number;
  readonly before: number;
}

export async function bench(options: BenchOptions): Promise<Result> {
  const reason = whyNoPlace();
  const bans = scaled(options, 100_000, 100);
  const kept: Start[] = [];
  const lost: Start[] = [];
  if (reason === undefined) {
    const place = new Place();
    try {
      writeJournal(place.path('journal', 'host.journal'), numbered(1_000));
      fillLedger(place.ledger, bans);
      await place.start();
      await place.stop();
      for (let run = 0; run < options.runs; run++) {
        kept.push(await start(place, bans));
        place.run(['nft', 'flush', 'ruleset']);
        lost.push(await start(place, bans));
      }
    } finally {
      await place.close();
    }
  }
  const of = (starts: readonly Start[], key: keyof Start) => median(starts.map((one) => one[key]));
  const throughout =
    kept.length > 0 && kept.every(({ before, elements }) => before >= bans && elements >= bans);
  const row = (what: string, starts: readonly Start[], protecting: string) => [
    what,
    protecting,
    short(of(starts, 'ready')),
    range(starts.map(({ ready }) => ready)),
    whole(of(starts, 'rssMib')),
  ];
  return {
    name: 'restart',
    title: `A start with ${whole(bans)} bans`,
    method: [
      'the agent as a process in a network namespace; seconds from the start of the process, its own start-up included',
      'ready: the journal is open and read to its end; protecting: the kernel has announced the last of the elements',
      'fail2ban 1.1 on such a machine takes 17-19 s for 2,000 bans, and lets the banned in meanwhile (bench burst shows its bans per second)',
    ],
    tables: [
      {
        title: '',
        columns: ['table', 'protecting s', 'ready s', 'runs (ready)', 'RSS then MiB'],
        rows: [
          row('kept', kept, throughout ? 'throughout' : 'NOT throughout'),
          row(
            'lost',
            lost,
            `${short(of(lost, 'firstBack'))} first, ${short(of(lost, 'allBack'))} all`,
          ),
        ],
      },
    ],
    targets: reason
      ? []
      : [
          {
            what: 'table kept: protecting',
            wanted: 'throughout',
            measured: throughout ? 'yes' : 'no',
            reached: throughout,
          },
          atMost('table kept: ready', of(kept, 'ready'), 3, 's'),
          atMost('table lost: protecting, all of them', of(lost, 'allBack'), 2, 's'),
        ],
    figures: {
      'kept ready s': of(kept, 'ready'),
      'lost first back s': of(lost, 'firstBack'),
      'lost all back s': of(lost, 'allBack'),
      'lost ready s': of(lost, 'ready'),
    },
    chart: {
      kind: 'bars',
      title: `A start with ${whole(bans)} bans`,
      unit: 's',
      bars: [
        {
          label: 'table kept: ready (protecting throughout)',
          value: of(kept, 'ready'),
          kind: 'ours',
        },
        { label: 'table lost: all bans in force', value: of(lost, 'allBack'), kind: 'ours' },
        { label: 'table lost: ready', value: of(lost, 'ready'), kind: 'ours' },
      ],
    },
    missing: reason === undefined ? [] : [`everything: ${reason}`],
  };
}

async function start(place: Place, bans: number): Promise<Start> {
  const before = elementsOf(place);
  const [program, ...args] = place.inside([tool('elements')]);
  const watch = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = once(watch, 'exit');
  const lines = createInterface({ input: watch.stdout });
  const announced = once(lines, 'line');
  let first = 0;
  let last = 0;
  lines.on('line', (line) => {
    const time = Number(line.split(' ')[2]);
    if (!line.startsWith('ban') || !Number.isFinite(time)) return;
    first ||= time;
    last = time;
  });
  await announced;
  const clock = Date.now();
  const from = performance.now();
  const pid = await place.start();
  const ready = (performance.now() - from) / 1000;
  const rssMib = costOf(pid)?.rssMib ?? 0;
  // The watcher prints when the kernel has been silent for a while.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const elements = elementsOf(place);
  if (elements < bans) throw new Error(`${elements} of ${bans} bans in the kernel\n${place.said}`);
  await place.stop();
  watch.kill();
  await gone;
  return {
    firstBack: first / 1e6 - clock / 1e3,
    allBack: last / 1e6 - clock / 1e3,
    ready,
    rssMib,
    elements,
    before,
  };
}

function elementsOf(place: Place): number {
  return Number(
    place.run([
      'sh',
      '-c',
      "nft list table inet banjour 2>/dev/null | grep -o ' expires ' | wc -l",
    ]),
  );
}
