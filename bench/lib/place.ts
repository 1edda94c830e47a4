/**
 * The agent as a process of its own: a network namespace, a journal of ours, folders that vanish.
 * No container.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeNetworkNamespace } from '../../test/support/netns.js';
import { jailLocal, Scratch } from './setup.js';

/** Why there can be none here; undefined when there can. */
export function whyNoPlace(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces and nft need root';
  return spawnSync('nft', ['--version']).status === 0 ? undefined : 'nft is not installed';
}

export class Place {
  readonly #scratch = new Scratch();
  readonly #namespace = makeNetworkNamespace();
  #agent: ChildProcess | undefined;
  /** What the agent is run with, e.g. `chrt`. */
  readonly #before: readonly string[];
  /** What the agent wrote to standard error. */
  said = '';

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

  /** Starts the agent; resolves with its process when it says that it watches, or that it is up. */
  async start(until = 'watching', node: readonly string[] = []): Promise<number> {
    const folders = ['etc', 'run', 'state'].flatMap((name) => [
      `--${name === 'etc' ? 'config' : name}-dir`,
      this.path(name),
    ]);
    const main = join(process.cwd(), 'dist/src/main.js');
    const [program, ...args] = this.inside([
      ...this.#before,
      process.execPath,
      ...node,
      main,
      'run',
      ...folders,
    ]);
    this.said = '';
    const agent = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#agent = agent;
    await new Promise<void>((resolve, reject) => {
      agent.stderr.on('data', (chunk: Buffer) => {
        if (this.said.length < 1_000_000) this.said += chunk;
        if (this.said.includes(until)) resolve();
      });
      agent.once('exit', (status) =>
        reject(new Error(`the agent ended with ${status}\n${this.said}`)),
      );
    });
    // `ip netns exec` becomes the program that it runs.
    return agent.pid ?? 0;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const agent = this.#agent;
    if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return;
    agent.removeAllListeners('exit');
    const gone = once(agent, 'exit');
    agent.kill(signal);
    await gone;
  }

  async close(): Promise<void> {
    await this.stop('SIGKILL');
    this.#namespace.remove();
    this.#scratch[Symbol.dispose]();
  }
}
