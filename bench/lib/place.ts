/**
 * The agent as a process of its own: a network namespace, a journal of ours, folders that vanish.
 * No container.
 */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { makeNetworkNamespace } from '../../test/support/netns.js';
import { jailLocal, Scratch } from './setup.js';

/** Why there can be none here; undefined when there can. */
export function whyNoPlace(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces and nft need root';
  return spawnSync('nft', ['--version']).status === 0 ? undefined : 'nft is not installed';
}

const MAIN = join(process.cwd(), 'dist/src/main.js');

/** What the units set for the agent and the companion: how much memory they keep hangs on it. */
const UNIT_ENVIRONMENT = Object.fromEntries(
  readFileSync('systemd/banjour.service', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Environment='))
    .flatMap((line) => line.slice('Environment='.length).split(' '))
    .map((word) => word.split('=')),
) as Readonly<Record<string, string>>;

/** A program of a place. */
class Program {
  readonly #child: ChildProcessByStdio<null, null, Readable>;
  /** What it wrote to standard error. */
  said = '';

  constructor([program, ...args]: [string, ...string[]]) {
    const env = { ...process.env, ...UNIT_ENVIRONMENT };
    this.#child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr.on('data', (chunk: Buffer) => {
      if (this.said.length < 1_000_000) this.said += chunk;
    });
  }

  /** Resolves with its process when it has said this; rejects when it ends before. */
  says(text: string): Promise<number> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      child.stderr.on('data', () => {
        // `ip netns exec` becomes the program that it runs.
        if (this.said.includes(text)) resolve(child.pid ?? 0);
      });
      child.once('exit', (status) =>
        reject(new Error(`${child.spawnargs.join(' ')} ended with ${status}\n${this.said}`)),
      );
    });
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.removeAllListeners('exit');
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }
}

export class Place {
  readonly #scratch = new Scratch();
  readonly #namespace = makeNetworkNamespace();
  #agent: Program | undefined;
  /** What runs beside the agent until the place is closed. */
  readonly #others: Program[] = [];
  /** What every program is started with, e.g. `chrt`. */
  readonly #before: readonly string[];
  /** The Node that programs are started with from now on. */
  node = process.execPath;

  /** `journal`: a folder of journal files, by default an empty one of this place. */
  constructor(
    more: readonly string[] = [],
    journal?: string,
    jails?: readonly string[],
    before: readonly string[] = [],
  ) {
    this.#before = before;
    for (const name of ['journal', 'etc', 'run', 'state']) mkdirSync(this.path(name));
    const source = `source = directory ${journal ?? this.path('journal')}`;
    writeFileSync(this.path('etc', 'jail.local'), jailLocal([source, ...more], jails));
  }

  path(...parts: readonly string[]): string {
    return this.#scratch.file(...parts);
  }

  get ledger(): string {
    return this.path('state', 'ledger.sqlite3');
  }

  /** Runs a program in the namespace. */
  run(command: readonly string[], input?: string): string {
    return this.#namespace.run(command, input);
  }

  /** The command that runs `command` in the namespace. */
  inside(command: readonly string[]): [string, ...string[]] {
    return this.#namespace.inside(command);
  }

  /** What the agent wrote to standard error. */
  get said(): string {
    return this.#agent?.said ?? '';
  }

  /** Starts the agent; resolves with its process when it says `until`. */
  start(until = 'is ready', node: readonly string[] = []): Promise<number> {
    this.#agent = this.#program([...node, MAIN, 'run', ...this.#folders()]);
    return this.#agent.says(until);
  }

  /** Starts the companion with these lines of its configuration. */
  startCompanion(lines: readonly string[], until: string): Promise<number> {
    for (const name of ['run-companion', 'state-companion']) mkdirSync(this.path(name));
    writeFileSync(this.path('etc', 'companion.local'), `${lines.join('\n')}\n`);
    return this.startBeside([MAIN, 'companion', ...this.#folders()], until);
  }

  /** Starts a program of Node; it ends with the place. */
  startBeside(words: readonly string[], until: string): Promise<number> {
    const program = this.#program(words);
    this.#others.push(program);
    return program.says(until);
  }

  #folders(): string[] {
    return ['etc', 'run', 'state'].flatMap((name) => [
      `--${name === 'etc' ? 'config' : name}-dir`,
      this.path(name),
    ]);
  }

  #program(words: readonly string[]): Program {
    return new Program(this.inside([...this.#before, this.node, ...words]));
  }

  async stop(signal?: NodeJS.Signals): Promise<void> {
    await this.#agent?.stop(signal);
  }

  async close(): Promise<void> {
    for (const program of this.#others) await program.stop('SIGKILL');
    await this.stop('SIGKILL');
    this.#namespace.remove();
    this.#scratch[Symbol.dispose]();
  }
}
