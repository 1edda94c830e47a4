/**
 * A real fail2ban, run from Debian's unpacked package with files and a socket of its own, in a
 * network namespace.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NetworkNamespace } from './netns.js';
import { until } from './until.js';

const PYTHON = 'python3';

/**
 * Whether this machine's Python can run it, and why not: for `needs`. Debian's package brings what
 * Python has lost.
 */
export function canServe(): readonly [boolean, string] {
  const probe = spawnSync(PYTHON, ['-c', 'import sqlite3']);
  return [probe.status === 0, 'no Python that runs fail2ban 1.1'];
}

export class Fail2banServer {
  readonly etc: string;
  readonly database: string;
  readonly #package: string;
  readonly #folder: string;
  readonly #namespace: NetworkNamespace;
  #child: ChildProcess | undefined;
  #said = '';

  /** `jails` is its jail.local. The folder must exist. */
  constructor(packageRoot: string, folder: string, namespace: NetworkNamespace, jails: string) {
    this.#package = packageRoot;
    this.#folder = folder;
    this.#namespace = namespace;
    this.etc = join(folder, 'fail2ban');
    this.database = join(folder, 'fail2ban.sqlite3');
    cpSync(join(packageRoot, 'etc/fail2ban'), this.etc, { recursive: true });
    mkdirSync(join(folder, 'run'));
    const settings = { dbfile: this.database, logtarget: 'STDERR', loglevel: 'INFO' };
    const lines = Object.entries(settings).map(([key, value]) => `${key} = ${value}`);
    writeFileSync(join(this.etc, 'fail2ban.local'), ['[Definition]', ...lines, ''].join('\n'));
    writeFileSync(join(this.etc, 'jail.local'), jails);
  }

  async start(): Promise<void> {
    this.#child = this.#spawn('fail2ban-server', ['-f', 'start']);
    this.#child.stderr?.on('data', (chunk) => {
      this.#said += chunk;
    });
    const child = this.#child;
    await until(
      () => `fail2ban runs:\n${this.#said}`,
      () => this.#isReady() || child.exitCode !== null,
    );
    if (child.exitCode !== null) throw new Error(this.#said);
  }

  /** What its client answers. */
  client(...words: readonly string[]): string {
    const [file, ...args] = this.#command('fail2ban-client', words);
    const ran = spawnSync(file, args, { encoding: 'utf8', env: this.#environment() });
    if (ran.status !== 0)
      throw new Error(`fail2ban-client ${words.join(' ')}: ${ran.stdout}${ran.stderr}`);
    return ran.stdout.trim();
  }

  /** It has read its configuration: the last jail is started. */
  #isReady(): boolean {
    const created = this.#said.match(/Creating new jail/g)?.length ?? 0;
    return created > 0 && this.#said.match(/Jail '[^']+' started/g)?.length === created;
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await gone;
  }

  #spawn(program: string, words: readonly string[]): ChildProcess {
    const [file, ...args] = this.#command(program, words);
    return spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'], env: this.#environment() });
  }

  #command(program: string, words: readonly string[]): [string, ...string[]] {
    const run = join(this.#folder, 'run');
    const own = ['-c', this.etc, '-s', join(run, 'f2b.sock'), '-p', join(run, 'f2b.pid')];
    return this.#namespace.inside([
      PYTHON,
      join(this.#package, 'usr/bin', program),
      ...own,
      ...words,
    ]);
  }

  #environment(): NodeJS.ProcessEnv {
    return { ...process.env, PYTHONPATH: join(this.#package, 'usr/lib/python3/dist-packages') };
  }
}
