/**
 * How long `banjour status` takes beside `node -e 0`, with few bans and with 100,000: `node dist/bench/status.js`. The agent runs
 * in a process of its own, as it does on a host; its kernel is the recording one, which status does not ask.
 * Also: from an entry in the journal to the ban's event, quiet and while clients flood the status socket.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ControlClient } from '../src/control/client.js';
import { Host } from '../test/control/host.js';

const MAIN = join(process.cwd(), 'dist/src/main.js');
const ROUNDS = Number(process.env['ROUNDS'] ?? 15);
const BANS = Number(process.env['BANS'] ?? 100_000);
const FLOODERS = 32;

if (process.argv[2] === 'agent') await serve();
else if (process.argv[2] === 'flood') await flood(process.argv[3] ?? '');
else await measure();

/** The child: an agent until its standard input ends. Lines on it are numbers of bans, or addresses that fail. */
async function serve(): Promise<void> {
  const host = await new Host().start();
  console.log(host.run);
  let rest = '';
  for await (const chunk of process.stdin) {
    rest += chunk;
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) await obey(host, line);
  }
  await host.end();
}

async function obey(host: Host, line: string): Promise<void> {
  if (/^\d+$/.test(line)) {
    const all = Array.from({ length: Number(line) }, (_, n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);
    for (let at = 0; at < all.length; at += 10_000)
      await host.client().ban({ jail: 'dovecot', targets: all.slice(at, at + 10_000) });
    console.log('done');
  } else
    host.append(
      Array.from({ length: 5 }, () => ({ message: `x bad ${line}`, fields: { _SYSTEMD_UNIT: 'postfix.service' } })),
    );
}

async function flood(socket: string): Promise<void> {
  const client = new ControlClient(socket);
  await Promise.all(
    Array.from({ length: FLOODERS }, async () => {
      for (;;) await client.status().catch(() => undefined);
    }),
  );
}

async function measure(): Promise<void> {
  const agent = spawn(process.execPath, [fileURLToPath(import.meta.url), 'agent'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = linesOf(agent);
  const run = await lines();
  try {
    console.log(`load ${loadavg()[0]?.toFixed(1)}; medians of ${ROUNDS} rounds, interleaved`);
    report('few bans', run);
    agent.stdin?.write(`${BANS}\n`);
    await lines();
    report(`${BANS} bans`, run);
    await latency(agent, join(run, 'status.sock'));
  } finally {
    agent.stdin?.end();
    await once(agent, 'exit');
  }
}

function linesOf(child: ChildProcess): () => Promise<string> {
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return async () => {
    for (;;) {
      const end = text.indexOf('\n');
      if (end >= 0) {
        const line = text.slice(0, end);
        text = text.slice(end + 1);
        return line;
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
}

function report(what: string, run: string): void {
  const commands: Readonly<Record<string, readonly string[]>> = {
    'node -e 0': ['-e', '0'],
    'banjour status': [MAIN, 'status', '--run-dir', run],
    'banjour stats': [MAIN, 'stats', '--run-dir', run],
    'banjour ping': [MAIN, 'ping', '--run-dir', run],
    'banjour status --json': [MAIN, 'status', '--json', '--run-dir', run],
    'banjour status --long': [MAIN, 'status', '--long', '--run-dir', run],
  };
  const times = new Map(Object.keys(commands).map((name) => [name, [] as number[]]));
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, args] of Object.entries(commands)) {
      const start = performance.now();
      const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      if (status !== 0) throw new Error(`${name}: ${stderr}`);
      times.get(name)?.push(performance.now() - start);
    }
  const base = median(times.get('node -e 0') ?? []);
  for (const [name, list] of times) {
    const time = median(list);
    console.log(
      `${what}: ${name.padEnd(30)} ${time.toFixed(0).padStart(4)} ms  ${(time / base).toFixed(2)} x node -e 0`,
    );
  }
}

async function latency(agent: ChildProcess, socket: string): Promise<void> {
  const quiet = await banTimes(agent, socket, 1);
  const flooder = spawn(process.execPath, [fileURLToPath(import.meta.url), 'flood', socket], { stdio: 'ignore' });
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const flooded = await banTimes(agent, socket, 101);
  flooder.kill();
  console.log(
    `entry to ban, quiet:                        median ${median(quiet).toFixed(0)} ms, worst ${Math.max(...quiet).toFixed(0)} ms`,
  );
  console.log(
    `entry to ban, ${FLOODERS} clients flooding:        median ${median(flooded).toFixed(0)} ms, worst ${Math.max(...flooded).toFixed(0)} ms`,
  );
}

/** From handing five failures to the journal's writer to the ban's event, for one attacker after the other. */
async function banTimes(agent: ChildProcess, socket: string, from: number): Promise<number[]> {
  const times: number[] = [];
  const end = new AbortController();
  let seen: (address: string) => void = () => undefined;
  const stream = new ControlClient(socket)
    .events(({ event, jail, address }) => {
      if (event === 'ban' && jail === 'postfix-sasl') seen(address);
    }, end.signal)
    .catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (let n = from; n < from + 30; n++) {
    const wanted = `198.51.100.${n}`;
    const start = performance.now();
    const banned = new Promise<void>((resolve) => {
      seen = (address) => {
        if (address === wanted) resolve();
      };
    });
    agent.stdin?.write(`${wanted}\n`);
    await banned;
    times.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  end.abort();
  await stream;
  return times;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
