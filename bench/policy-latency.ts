/**
 * (n) How long a mail server waits for an answer: agent and companion as processes of their own,
 * and somebody who asks as Dovecot does.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LiveJournal, numbered } from '../test/support/journal-files.js';
import { fillLedger } from './lib/ledgers.js';
import { load } from './lib/machine.js';
import { median, quantile, short, whole } from './lib/numbers.js';
import { Place, whyNoPlace } from './lib/place.js';
import type { PolicyLoad } from './lib/policy-load.js';
import { costOf } from './lib/processes.js';
import { atMost, type BenchOptions, type Result, scaled } from './lib/result.js';

const PORT = 9_813;
const KEY = 'bench-key-0123456789';
const PER_SECOND = 200;
/** At this priority nobody else's work on the machine holds a process up. */
const URGENT = ['chrt', '-f', '50'];

const FLOOR = 'nobody asked';

interface Measured {
  readonly way: string;
  readonly load: string;
  readonly asked: PolicyLoad;
  /** Processor of a second, %, of the agent and the companion. */
  readonly agentShare: number;
  readonly companionShare: number;
}

export async function bench(options: BenchOptions): Promise<Result> {
  const reason = whyNoPlace();
  const seconds = scaled(options, 30, 2);
  const bans = scaled(options, 10_000, 100);
  const measured: Measured[] = [];
  const missing = reason === undefined ? [] : [`everything: ${reason}`];
  if (reason === undefined) {
    const isUrgent = spawnSync('chrt', ['-f', '50', 'true']).status === 0;
    if (!isUrgent) missing.push('undisturbed: chrt(1) may not set a priority here');
    for (let run = 0; run < options.runs; run++) {
      measured.push(await measure('as it is', [], { seconds, bans }, options));
      if (!isUrgent) continue;
      measured.push(await measure('undisturbed', URGENT, { seconds, bans }, options));
      measured.push(await floor(URGENT, seconds, options));
    }
  }
  const ways = [...new Set(measured.map(({ way }) => way))];
  const of = (way: string, share: number) =>
    median(
      measured
        .filter((one) => one.way === way)
        .map(({ asked }) => quantile(asked.milliseconds, share)),
    );
  return {
    name: 'policy-latency',
    title: 'How long a mail server waits for an answer',
    method: [
      `agent and companion with ${whole(bans)} bans, ${PER_SECOND} logins a second for ${seconds} s, each asked about and reported, half of them wrong; by the asker's clock, from the last byte of the question to the last of the answer`,
      `undisturbed: agent, companion and asker under \`${URGENT.join(' ')}\`, so that only they and the kernel hold each other up; ${FLOOR}: a server of Node that serves at once in their place, in the same way`,
    ],
    tables: [
      {
        title: '',
        columns: [
          'way',
          'load',
          'p50 ms',
          'p99 ms',
          'p99.9 ms',
          'highest ms',
          'answers',
          'connections',
          'asker late, ms',
          'agent, % of a core',
          'companion, % of a core',
        ],
        rows: measured.map((one) => [
          one.way,
          one.load,
          ...[0.5, 0.99, 0.999, 1].map((share) => short(quantile(one.asked.milliseconds, share))),
          Object.entries(one.asked.answers)
            .filter(([, count]) => count > 0)
            .map(([status, count]) => `${status}: ${whole(count)}`)
            .join(', '),
          whole(one.asked.connections),
          short(one.asked.latestMs),
          short(one.agentShare),
          short(one.companionShare),
        ]),
      },
    ],
    targets: ways
      .filter((way) => way !== FLOOR)
      .map((way) => atMost(`p99 at ${PER_SECOND} logins/s, ${way}`, of(way, 0.99), 5, 'ms')),
    figures: Object.fromEntries(
      ways.flatMap((way) => [
        [`${way}: p50 ms`, of(way, 0.5)],
        [`${way}: p99 ms`, of(way, 0.99)],
      ]),
    ),
    chart: {
      kind: 'bars',
      title: `Answers at ${PER_SECOND} logins a second`,
      unit: 'ms',
      bars: ways.flatMap((way) => [
        { label: `p50, ${way}`, value: of(way, 0.5), kind: 'ours' as const },
        { label: `p99, ${way}`, value: of(way, 0.99), kind: 'ours' as const },
      ]),
    },
    missing,
  };
}

async function measure(
  way: string,
  before: readonly string[],
  { seconds, bans }: { readonly seconds: number; readonly bans: number },
  options: BenchOptions,
): Promise<Measured> {
  options.say(`${way}, ${seconds} s (load ${load()})`);
  const jails = ['postfix-sasl', 'dovecot', 'sshd', 'login'];
  const place = new Place([], undefined, jails, before);
  const journal = new LiveJournal(place.path('journal', 'host.journal'));
  try {
    journal.append(numbered(1));
    fillLedger(place.ledger, bans);
    place.run(['ip', 'link', 'set', 'lo', 'up']);
    const agent = await place.start('reached the end');
    const companion = await startCompanion(place);
    const atLoad = load();
    const cost = (pid: number) => costOf(pid)?.cpuSeconds ?? 0;
    const [agentBefore, companionBefore] = [cost(agent), cost(companion)];
    const asked = await ask(place, before, seconds);
    const share = (cpu: number) => (cpu / (seconds + 1)) * 100;
    return {
      way,
      load: atLoad,
      asked,
      agentShare: share(cost(agent) - agentBefore),
      companionShare: share(cost(companion) - companionBefore),
    };
  } finally {
    await journal.close();
    await place.close();
  }
}

/** What the machine, the asker and Node's HTTP take where nothing is decided. */
async function floor(
  before: readonly string[],
  seconds: number,
  options: BenchOptions,
): Promise<Measured> {
  options.say(`${FLOOR}, ${seconds} s (load ${load()})`);
  const place = new Place([], undefined, [], before);
  try {
    place.run(['ip', 'link', 'set', 'lo', 'up']);
    const main = join(process.cwd(), 'dist/bench/lib/policy-floor.js');
    await place.startBeside([main, String(PORT)], 'policy on');
    const atLoad = load();
    const asked = await ask(place, before, seconds);
    return { way: FLOOR, load: atLoad, asked, agentShare: 0, companionShare: 0 };
  } finally {
    await place.close();
  }
}

function startCompanion(place: Place): Promise<number> {
  const key = place.path('etc', 'key');
  writeFileSync(key, KEY, { mode: 0o600 });
  const policy = ['enabled = true', `listen = 127.0.0.1:${PORT}`, `api-key-file = ${key}`];
  return place.startCompanion(['[notify]', 'enabled = false', '[policy]', ...policy], 'policy on');
}

async function ask(place: Place, before: readonly string[], seconds: number): Promise<PolicyLoad> {
  const asker = join(process.cwd(), 'dist/bench/lib/policy-load.js');
  const words = [PORT, KEY, seconds, PER_SECOND].map(String);
  const [program, ...args] = place.inside([...before, process.execPath, asker, ...words]);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) throw new Error(`the asker ended with ${status}`);
  return JSON.parse(text) as PolicyLoad;
}
