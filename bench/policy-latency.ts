/**
 * (n) How long a mail server waits for an answer: agent and companion as processes of their own,
 * and somebody who asks as Dovecot does.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LiveJournal, numbered } from '../test/support/journal-files.js';
import { fillLedger } from './lib/ledgers.js';
import { load } from './lib/machine.js';
import { median, quantile, short, whole } from './lib/numbers.js';
import { Place, whyNoPlace } from './lib/place.js';
import type { PolicyLoad } from './lib/policy-load.js';
import { costOf } from './lib/processes.js';
import { type BenchOptions, type Result, scaled } from './lib/result.js';

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
      .map((way) => ({
        what: `p99 at ${PER_SECOND} logins/s, ${way}`,
        wanted: '<= 5 ms',
        measured: `${short(of(way, 0.99))} ms`,
        reached: of(way, 0.99) <= 5,
      })),
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
  let companion: ChildProcess | undefined;
  try {
    journal.append(numbered(1));
    fillLedger(place.ledger, bans);
    place.run(['ip', 'link', 'set', 'lo', 'up']);
    const agent = await place.start('reached the end');
    companion = await startCompanion(place, before);
    const atLoad = load();
    const cost = (pid: number | undefined) => costOf(pid ?? 0)?.cpuSeconds ?? 0;
    const [agentBefore, companionBefore] = [cost(agent), cost(companion.pid)];
    const asked = await ask(place, before, seconds);
    const share = (cpu: number) => (cpu / (seconds + 1)) * 100;
    return {
      way,
      load: atLoad,
      asked,
      agentShare: share(cost(agent) - agentBefore),
      companionShare: share(cost(companion.pid) - companionBefore),
    };
  } finally {
    if (companion !== undefined) await ended(companion);
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
  const place = new Place();
  let server: ChildProcess | undefined;
  try {
    place.run(['ip', 'link', 'set', 'lo', 'up']);
    const main = join(process.cwd(), 'dist/bench/lib/policy-floor.js');
    server = await started(place, [...before, process.execPath, main, String(PORT)]);
    const atLoad = load();
    const asked = await ask(place, before, seconds);
    return { way: FLOOR, load: atLoad, asked, agentShare: 0, companionShare: 0 };
  } finally {
    if (server !== undefined) await ended(server);
    await place.close();
  }
}

async function startCompanion(place: Place, before: readonly string[]): Promise<ChildProcess> {
  for (const name of ['companion', 'run-companion']) mkdirSync(place.path(name));
  writeFileSync(place.path('etc', 'key'), KEY, { mode: 0o600 });
  writeFileSync(
    place.path('etc', 'companion.local'),
    `[notify]\nenabled = false\n[policy]\nenabled = true\nlisten = 127.0.0.1:${PORT}\napi-key-file = ${place.path('etc', 'key')}\n`,
  );
  const main = join(process.cwd(), 'dist/src/main.js');
  const folders = ['--config-dir', place.path('etc'), '--run-dir', place.path('run')];
  const command = [process.execPath, main, 'companion', ...folders];
  return started(place, [...before, ...command, '--state-dir', place.path('companion')]);
}

/** Starts a program in the place; resolves when it says that it answers. */
async function started(place: Place, command: readonly string[]): Promise<ChildProcess> {
  const [program, ...args] = place.inside(command);
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      if (said.length < 100_000) said += chunk;
      if (said.includes('policy on')) resolve();
    });
    child.once('exit', (status) => reject(new Error(`it ended with ${status}\n${said}`)));
  });
  return child;
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

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.removeAllListeners('exit');
  const gone = once(child, 'exit');
  child.kill();
  await gone;
}
