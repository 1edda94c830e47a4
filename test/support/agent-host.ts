/**
 * A host for one agent: real journal files, the agent as a process of its own in a network
 * namespace, real nftables, real sockets. `dispose` ends everything it started.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ControlClient } from '../../src/control/client.js';
import { canWrite, LiveJournal, T0 } from './journal-files.js';
import { makeNetworkNamespace } from './netns.js';
import { placed } from './placed.js';
import { hasCommand, isRoot } from './require.js';
import { until } from './until.js';

/** For `needs`. */
export const canHost = [
  isRoot && hasCommand('nft') && canWrite[0],
  'needs root, nft and systemd-journal-remote',
] as const;

/** What an entry of sshd carries beside its message. */
export const SSHD = {
  _SYSTEMD_UNIT: 'ssh.service',
  SYSLOG_IDENTIFIER: 'sshd',
  _UID: '0',
  _PID: '7',
};

export class AgentHost {
  readonly scratch = mkdtempSync(join(tmpdir(), 'banjour-host-'));
  readonly namespace = makeNetworkNamespace();
  /** All that agents of this host have said. */
  said = '';
  #journal: LiveJournal;
  readonly #agents: ChildProcess[] = [];
  #entries = 0;
  #files = 0;

  constructor() {
    for (const name of ['journal', 'etc', 'run', 'state']) mkdirSync(join(this.scratch, name));
    this.write('etc/jail.d/login.conf', '[login]\nenabled = false\n');
    this.#journal = new LiveJournal(this.path('journal/host.journal'));
  }

  path(name: string): string {
    return join(this.scratch, name);
  }

  /**
   * Writes `etc/jail.local`; below it stand bantime and findtime of one hour, and maxretry 3. The
   * jail that weighs is off (`etc/jail.d/login.conf`): most tests are about what one jail counts.
   */
  configure(...lines: readonly string[]): void {
    const defaults = ['[DEFAULT]', `source = directory ${this.path('journal')}`];
    this.write(
      'etc/jail.d/test.conf',
      [...defaults, 'bantime = 1h', 'findtime = 1h', 'maxretry = 3', ''].join('\n'),
    );
    this.write('etc/jail.local', ['[DEFAULT]', ...lines, ''].join('\n'));
  }

  write(name: string, text: string, mode = 0o644): string {
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode });
    return path;
  }

  /** The words of a command line, with the options that say where this host's files are. */
  placed(words: readonly string[]): string[] {
    return placed(words, {
      'config-dir': this.path('etc'),
      'run-dir': this.path('run'),
      'state-dir': this.path('state'),
    });
  }

  /** Those of the agent. */
  get directories(): string[] {
    return this.placed(['run']).slice(1);
  }

  /**
   * Starts an agent and waits until it has read all that was logged before, and watches: what it
   * meets earlier is the past to it. `program` stands in for the installed one.
   */
  async start(
    program: readonly string[] = [join(process.cwd(), 'dist/src/main.js'), 'run'],
  ): Promise<ChildProcess> {
    await this.#journal.settled();
    const before = this.said.length;
    const agent = this.launch(program);
    let closed = false;
    // Not at its exit: its last words may still be on their way.
    agent.once('close', () => {
      closed = true;
    });
    await until(
      () => `the agent watches:\n${this.said}`,
      () =>
        closed ||
        ['is ready', 'reached the end'].every((words) => this.said.includes(words, before)),
    );
    if (closed) throw new Error(this.said);
    return agent;
  }

  /** Starts a program with this host's directories in its namespace; waits for nothing. */
  launch(program: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    const [file, ...args] = this.namespace.inside([
      process.execPath,
      ...program,
      ...this.directories,
    ]);
    const child = spawn(file, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.#agents.push(child);
    child.stderr?.on('data', (chunk) => {
      this.said += chunk;
    });
    return child;
  }

  /** Ends an agent and waits for it, and for its last words. */
  async end(agent: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (agent.exitCode !== null || agent.signalCode !== null) return;
    const gone = new Promise((resolve) => agent.once('close', resolve));
    agent.kill(signal);
    await gone;
  }

  /** Entries of failed logins, stamped now or `ago` seconds before. */
  fail(address: string, count = 1, ago = 0): void {
    for (let i = 0; i < count; i++)
      this.append(`Failed password for root from ${address} port 22 ssh2`, SSHD, ago);
  }

  append(message: string, fields: Readonly<Record<string, string>> = SSHD, ago = 0): void {
    const at = Math.round((Date.now() - ago * 1000) * 1000) - T0 + (this.#entries++ % 1000);
    this.#journal.append([{ at, message, fields }]);
  }

  /** Closes the journal file and goes on in a new one; the old one is returned. */
  async rotate(): Promise<string> {
    await this.#journal.close();
    const old = this.path(
      this.#files === 0 ? 'journal/host.journal' : `journal/host-${this.#files}.journal`,
    );
    this.#journal = new LiveJournal(this.path(`journal/host-${++this.#files}.journal`));
    return old;
  }

  get status(): ControlClient {
    return new ControlClient(this.path('run/status.sock'));
  }

  get control(): ControlClient {
    return new ControlClient(this.path('run/control.sock'));
  }

  ruleset(): string {
    return this.namespace.run(['nft', 'list', 'ruleset']);
  }

  /** `JAIL ADDRESS` of every announcement with this word, e.g. `Ban`. */
  announced(word: 'Found' | 'Ban' | 'Would ban' | 'Unban' | 'Ignore' | 'Extend Ban'): string[] {
    return [...this.said.matchAll(new RegExp(`\\[([^\\]]+)\\] ${word} (\\S+)`, 'g'))].map(
      ([, jail, address]) => `${jail} ${address}`,
    );
  }

  /** Waits until the word was announced so often. */
  async heard(word: Parameters<AgentHost['announced']>[0], times: number): Promise<void> {
    const what = () => `${times} times ${word} in:\n${this.said}`;
    await until(what, () => this.announced(word).length >= times);
  }

  async dispose(): Promise<void> {
    for (const agent of this.#agents) await this.end(agent);
    await this.#journal.close();
    this.namespace.remove();
    rmSync(this.scratch, { recursive: true });
  }
}
