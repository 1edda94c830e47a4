/**
 * A whole agent inside the test: real configuration files, a real journal directory, a real ledger,
 * both sockets; only the kernel is the recording backend's. And commands run in process, their
 * output caught.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { Agent } from '../../src/agent/agent.js';
import { runCli } from '../../src/cli/cli.js';
import { fail2banClient } from '../../src/cli/fail2ban/client.js';
import { ControlClient } from '../../src/control/client.js';
import type { LogLevel } from '../../src/core/log.js';
import { RecordingBackend } from '../../src/firewall/recording.js';
import { LiveConfiguration } from '../../src/setup/live.js';
import type { Terminal } from '../../src/tools/terminal.js';
import { type FakeEntry, LiveJournal, T0 } from '../support/journal-files.js';
import { placed } from '../support/placed.js';
import { until } from '../support/until.js';

export interface Output {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs something with a terminal whose output is caught. */
export async function caught(
  work: (terminal: Terminal) => Promise<number>,
  options: {
    readonly columns?: number;
    readonly isTTY?: boolean;
    readonly env?: NodeJS.ProcessEnv;
  } = {},
): Promise<Output> {
  let out = '';
  let err = '';
  const stream = () =>
    Object.assign(new PassThrough(), {
      columns: options.columns ?? 120,
      ...(options.isTTY === undefined ? {} : { isTTY: options.isTTY }),
    });
  const code = await work({
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    stdout: stream(),
    stderr: stream(),
    env: options.env ?? {},
  });
  return { code, out, err };
}

const FILTER = `[Definition]
failregex = ^\\S+ bad (?:user=<F-USER>\\S+</F-USER> )?<HOST>$
[Init]
journalmatch = _SYSTEMD_UNIT=postfix.service + _SYSTEMD_UNIT=postfix@-.service
`;

/** Three jails; one of them bans for good. Files below the configuration's folder. */
export const FILES: Readonly<Record<string, string>> = {
  'filter.d/f.conf': FILTER,
  'jail.local': `[DEFAULT]
bantime = 3600
findtime = 600
maxretry = 5
ignoreip = 127.0.0.1/8 ::1
ignoreself = false
filter = f
source = directory JOURNAL
port = smtp

[postfix-sasl]
enabled = true

[dovecot]
enabled = true
match = _SYSTEMD_UNIT=dovecot.service

[sshd]
enabled = true
bantime = -1
port = ssh
`,
  'banjour.local': '[Definition]\nlockoutguard = false\n',
};

export class Host {
  readonly folder: string;
  readonly run: string;
  readonly config: string;
  readonly shipped: string;
  readonly state: string;
  readonly journalFolder: string;
  readonly log: string[] = [];
  readonly journal: LiveJournal;
  level: LogLevel = 'info';
  agent: Agent | undefined;

  /** `parent`: where its folder is made; tables are as wide as paths are long. */
  constructor(files: Readonly<Record<string, string>> = FILES, parent = tmpdir()) {
    this.folder = mkdtempSync(join(parent, 'banjour-host-'));
    this.run = join(this.folder, 'run');
    this.config = join(this.folder, 'etc');
    this.shipped = join(this.folder, 'shipped');
    this.state = join(this.folder, 'state');
    this.journalFolder = join(this.folder, 'journal');
    for (const folder of [this.run, this.config, this.shipped, this.state, this.journalFolder])
      mkdirSync(folder);
    for (const [name, text] of Object.entries(files)) this.write(name, text);
    this.journal = new LiveJournal(join(this.journalFolder, 'system.journal'));
    // The time of entries is the journal's own, so that one of them must be there for the file to
    // be made.
    this.journal.append([
      { at: 0, message: 'the journal begins', fields: { _SYSTEMD_UNIT: 'init.scope' } },
    ]);
  }

  /** Writes a configuration file; JOURNAL stands for the journal's folder. */
  write(name: string, text: string): void {
    const path = join(this.config, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text.replaceAll('JOURNAL', this.journalFolder));
  }

  async start(): Promise<this> {
    const { live, loaded } = LiveConfiguration.load({
      shippedRoot: this.shipped,
      adminRoot: this.config,
    });
    await this.until('the journal is on disk', async () => this.journalIsThere());
    this.agent = await Agent.start({
      setup: loaded.setup,
      live,
      loglevel: {
        get: () => this.level,
        set: (level) => {
          this.level = level;
        },
      },
      ledgerPath: join(this.state, 'ledger.sqlite3'),
      sockets: { control: this.socket('control'), status: this.socket('status') },
      firewall: new RecordingBackend(),
      log: (level, message) => this.log.push(`${level} ${message}`),
      version: '0.0.0-test',
    });
    return this;
  }

  async stop(): Promise<void> {
    await this.agent?.stop();
    this.agent = undefined;
  }

  async end(): Promise<void> {
    await this.stop();
    await this.journal.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  socket(name: 'control' | 'status'): string {
    return join(this.run, `${name}.sock`);
  }

  client(): ControlClient {
    return new ControlClient(this.socket('control'));
  }

  /** `banjour ...`. */
  banjour(...words: string[]): Promise<Output> {
    return caught((terminal) => runCli(this.#placed(words), terminal));
  }

  /** `banjour ...` on a terminal. */
  onTerminal(options: Parameters<typeof caught>[1], ...words: string[]): Promise<Output> {
    return caught((terminal) => runCli(this.#placed(words), terminal), { isTTY: true, ...options });
  }

  /** `fail2ban-client ...`. */
  fail2ban(...words: string[]): Promise<Output> {
    return caught((terminal) =>
      fail2banClient(['-s', this.socket('control'), '-c', this.config, ...words], terminal),
    );
  }

  /** Entries of now, a millisecond apart. */
  append(entries: readonly Omit<FakeEntry, 'at'>[], agoSeconds = 0): void {
    const now = (Date.now() - agoSeconds * 1000) * 1000 - T0;
    this.journal.append(entries.map((entry, index) => ({ at: now + index * 1000, ...entry })));
  }

  until(what: string, holds: () => Promise<boolean> | boolean, timeoutMs = 30_000): Promise<void> {
    return until(what, holds, timeoutMs);
  }

  async journalIsThere(): Promise<boolean> {
    const { readdirSync } = await import('node:fs');
    return readdirSync(this.journalFolder).length > 0;
  }

  #placed(words: readonly string[]): string[] {
    return placed(words, {
      'run-dir': this.run,
      'config-dir': this.config,
      'shipped-dir': this.shipped,
      'state-dir': this.state,
    });
  }
}
