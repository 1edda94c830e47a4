/**
 * The host that the program runs on, for the move from fail2ban, and the programs that are asked
 * there.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config/types.js';
import { ControlClient } from '../../control/client.js';
import type { ImportedBan } from '../../control/endpoints.js';
import { EXIT, messageOf, OperatorError } from '../../core/errors.js';
import type { Diagnostic } from '../../core/finding.js';
import { CONTROL_IMPORT_BANS_MAX, SWITCH_ANSWER_BYTES_MAX } from '../../core/service-limits.js';
import { SWITCH_PROGRAM_MS_MAX } from '../../core/timeouts.js';
import { NftBackend } from '../../firewall/nft.js';
import { findProgram } from '../../firewall/spawn.js';
import { holdLock } from '../../ledger/lock.js';
import { loadCompanionConfig } from '../../setup/companion-config.js';
import { loadSetup } from '../../setup/load.js';
import { controlSocket, defaultPaths, ledgerFile, type Paths } from '../../setup/paths.js';
import { type ImportOptions, importFail2ban } from '../import/import.js';
import type { Terminal } from '../terminal.js';
import {
  addressesIn,
  bansOf,
  hasDatabase,
  Interrupted,
  jailsOf,
  type NotBanned,
  type Obstacle,
  type OwnBan,
  type SwitchHost,
  type UnitState,
} from './host.js';
import { KeptFolder, KeptLedger } from './kept-files.js';

/** What a program of the system that the move asked has answered. */
export interface Answer {
  /** Null when a signal ended it; 127 when it is not installed. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Bounds {
  readonly bytesMax: number;
  readonly deadlineMs: number;
}

export const BOUNDS: Bounds = {
  bytesMax: SWITCH_ANSWER_BYTES_MAX,
  deadlineMs: SWITCH_PROGRAM_MS_MAX,
};

/**
 * Runs a program in a session of its own: a Ctrl-C is for us to act on, not for it to die of.
 * Resolves with whatever came of it. Rejects when it answers too much or too late, and with
 * `Interrupted` when `patience` aborts; then it is ended.
 */
export function ask(
  [name = '', ...args]: readonly string[],
  patience: AbortSignal | undefined,
  { bytesMax, deadlineMs }: Bounds = BOUNDS,
): Promise<Answer> {
  const program = name.startsWith('/') ? name : findProgram(name);
  if (program === undefined)
    return Promise.resolve({ status: 127, stdout: '', stderr: `${name} is not installed` });
  if (patience?.aborted === true) return Promise.reject(new Interrupted());
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        LC_ALL: 'C.UTF-8',
      },
      detached: true,
    });
    const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    let bytes = 0;
    let failure: Error | undefined;
    const giveUp = (why: Error) => {
      failure ??= why;
      child.kill('SIGKILL');
    };
    const take = (into: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bytesMax) giveUp(new Error(`${name} answers more than ${bytesMax} bytes`));
      else into.push(chunk);
    };
    const interrupted = () => giveUp(new Interrupted());
    const timer = setTimeout(
      () =>
        giveUp(new Error(`${[name, ...args].join(' ')}: no answer within ${deadlineMs / 1000} s`)),
      deadlineMs,
    );
    patience?.addEventListener('abort', interrupted, { once: true });
    child.stdout.on('data', take(chunks.stdout));
    child.stderr.on('data', take(chunks.stderr));
    const finish = (act: () => void) => {
      clearTimeout(timer);
      patience?.removeEventListener('abort', interrupted);
      act();
    };
    child.once('error', (error) => finish(() => reject(new Error(`${name}: ${messageOf(error)}`))));
    child.once('close', (status) =>
      finish(() => {
        const text = (parts: Buffer[]) => Buffer.concat(parts).toString('utf8');
        if (failure === undefined)
          resolve({ status, stdout: text(chunks.stdout), stderr: text(chunks.stderr) });
        else reject(failure);
      }),
    );
  });
}

/** Programs that list rules, with their arguments; those that are not installed have none. */
const LISTINGS: readonly (readonly [string, ...string[]])[] = [
  ['nft', 'list', 'ruleset'],
  ['ipset', 'list'],
  ['iptables-legacy-save'],
  ['ip6tables-legacy-save'],
];
/** Held during a move; not below /run/banjour, which is there only while the service is. */
const MOVE_LOCK = '/run/banjour-move.lock';
/** Addresses in one command line. */
const WORDS = 500;
/** Lines of a unit's journal that are shown when it does not do what it is told. */
const JOURNAL_LINES = '8';

export class SystemHost implements SwitchHost {
  patience: AbortSignal | undefined;
  readonly #paths: Paths;
  readonly #import: ImportOptions;
  #folder: KeptFolder | undefined;
  #ledger: KeptLedger | undefined;

  /** `importing`: what `banjour import` was told. */
  constructor(paths: Paths, importing: ImportOptions) {
    this.#paths = paths;
    this.#import = importing;
  }

  obstacle(): Obstacle | undefined {
    if (process.getuid?.() !== 0)
      return {
        why: 'only root can start and stop services',
        hint: 'as root',
        exitCode: EXIT.noPermission,
      };
    if (!existsSync('/run/systemd/system'))
      return { why: 'systemd does not run here', exitCode: EXIT.unavailable };
    const { config, run, state } = defaultPaths();
    const { config: stated, run: statedRun, state: statedState } = this.#paths;
    if (stated === config && statedRun === run && statedState === state) return undefined;
    const why = `banjour.service has its files in ${config}, ${run} and ${state}, so that no other folders can be named`;
    return { why, exitCode: EXIT.usage };
  }

  claim(): () => void {
    const lock = holdLock(MOVE_LOCK, {
      message: 'another banjour import --switch or --switch-back is under way',
      hint: 'wait until it has ended',
    });
    return () => lock.release();
  }

  async unit(name: string): Promise<UnitState> {
    const { stdout } = await this.#run([
      'systemctl',
      'show',
      '-p',
      'LoadState,ActiveState,UnitFileState',
      name,
    ]);
    const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(stdout)?.[1] ?? '';
    return { load: value('LoadState'), active: value('ActiveState'), file: value('UnitFileState') };
  }

  async order(...words: readonly string[]): Promise<void> {
    const { status, stderr } = await this.#run(['systemctl', ...words]);
    if (status === 0) return;
    const unit = words.at(-1) ?? '';
    const lines = ['start', 'restart', 'reload-or-restart', 'stop'].includes(words[0] ?? '')
      ? await this.#run(['journalctl', '-u', unit, '-n', JOURNAL_LINES, '-o', 'cat', '--no-pager'])
      : undefined;
    const said = [stderr.trim(), lines?.stdout.trim() ?? '']
      .filter((text) => text !== '')
      .join('\n');
    throw new OperatorError(`systemctl ${words.join(' ')} failed\n${said}`, {
      hint: `journalctl -u ${unit} -n 50`,
      exitCode: EXIT.osError,
    });
  }

  strays(): readonly number[] {
    return readdirSync('/proc').flatMap((name) => {
      if (!/^\d+$/.test(name)) return [];
      try {
        if (readFileSync(`/proc/${name}/comm`, 'utf8').trim() !== 'fail2ban-server') return [];
        return /\/fail2ban\.service$/m.test(readFileSync(`/proc/${name}/cgroup`, 'utf8'))
          ? []
          : [Number(name)];
      } catch {
        return [];
      }
    });
  }

  async fail2banAnswers(): Promise<boolean> {
    return (await this.#fail2ban('ping')).status === 0;
  }

  async fail2banRemembers(): Promise<boolean> {
    return hasDatabase((await this.#fail2ban('get', 'dbfile')).stdout);
  }

  async fail2banJails(): Promise<readonly string[]> {
    return jailsOf((await this.#fail2ban('status')).stdout);
  }

  async fail2banBans(): Promise<readonly ImportedBan[]> {
    const status = await this.#fail2ban('status');
    if (status.status !== 0) throw new Error(`fail2ban-client status: ${status.stderr.trim()}`);
    const bans: ImportedBan[] = [];
    for (const jail of jailsOf(status.stdout)) {
      const { stdout } = await this.#fail2ban('get', jail, 'banip', '--with-time');
      for (const ban of bansOf(jail, stdout, this.now())) bans.push(ban);
    }
    return bans;
  }

  async fail2banBan(bans: readonly Pick<ImportedBan, 'jail' | 'target'>[]): Promise<void> {
    for (const jail of new Set(bans.map((ban) => ban.jail))) {
      const targets = bans.filter((ban) => ban.jail === jail).map(({ target }) => target);
      for (let at = 0; at < targets.length; at += WORDS)
        await this.#fail2ban('set', jail, 'banip', ...targets.slice(at, at + WORDS));
    }
  }

  async othersRules(): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    for (const [name, ...args] of LISTINGS) {
      const program = findProgram(name);
      if (program === undefined) continue;
      for (const address of addressesIn((await this.#run([program, ...args])).stdout))
        found.add(address);
    }
    return found;
  }

  async rehearse(): Promise<void> {
    await importFail2ban({
      ...this.#import,
      dryRun: true,
      json: false,
      terminal: silent(this.#import.terminal),
    });
  }

  async takeOver(what: 'all' | 'bans'): Promise<void> {
    if (what === 'all') {
      await importFail2ban(this.#import);
      return;
    }
    await importFail2ban({
      ...this.#import,
      config: false,
      json: false,
      terminal: silent(this.#import.terminal),
    });
  }

  async check(): Promise<readonly Diagnostic[]> {
    const { checkStart } = await import('../../setup/check.js');
    return checkStart(this.#paths);
  }

  jails(): readonly string[] {
    return this.#config().jails.map(({ name }) => name);
  }

  notifies(): boolean {
    const { notify } = loadCompanionConfig(this.#paths);
    if (notify.enabled === false) return false;
    return this.#config().jails.some(({ notify }) => notify.length > 0);
  }

  ownBans(): Promise<readonly OwnBan[]> {
    return this.#agent().bans();
  }

  async ownBan(bans: readonly ImportedBan[]): Promise<readonly NotBanned[]> {
    const answers: NotBanned[] = [];
    for (let at = 0; at < bans.length; at += CONTROL_IMPORT_BANS_MAX) {
      const active = bans.slice(at, at + CONTROL_IMPORT_BANS_MAX);
      const { skipped } = await this.#agent().import({ active, history: [] });
      for (const one of skipped) answers.push({ ...one, refused: await this.#isRefused(one) });
    }
    return answers;
  }

  async hasTable(): Promise<boolean> {
    return (await this.#run(['nft', 'list', 'tables'])).stdout
      .split('\n')
      .includes('table inet banjour');
  }

  async removeTable(): Promise<void> {
    const backend = new NftBackend({ resident: false });
    try {
      await backend.flush();
    } finally {
      await backend.close();
    }
  }

  keepFiles(ledger: boolean): void {
    this.#folder = new KeptFolder(this.#paths.config);
    this.#ledger = new KeptLedger(ledgerFile(this.#paths), ledger);
  }

  restoreFiles(): void {
    this.#folder?.restore();
    this.#ledger?.restore();
  }

  forgetFiles(): void {
    this.#ledger?.forget();
  }

  async pause(milliseconds: number): Promise<void> {
    await sleep(
      milliseconds,
      undefined,
      this.patience === undefined ? {} : { signal: this.patience },
    ).catch(() => {
      throw new Interrupted();
    });
  }

  now(): number {
    return Date.now();
  }

  #config(): Config {
    return loadSetup({ shippedRoot: this.#paths.shipped, adminRoot: this.#paths.config }).config;
  }

  #agent(): ControlClient {
    const { patience } = this;
    const deadline = AbortSignal.timeout(SWITCH_PROGRAM_MS_MAX);
    const signal = patience === undefined ? deadline : AbortSignal.any([patience, deadline]);
    return new ControlClient(controlSocket(this.#paths), signal);
  }

  async #isRefused({
    jail,
    target,
  }: {
    readonly jail: string;
    readonly target: string;
  }): Promise<boolean> {
    const bans = await this.#agent()
      .history({ jail, address: target, limit: 1 })
      .catch(() => []);
    return bans[0]?.state === 'refused';
  }

  #fail2ban(...words: readonly string[]): Promise<Answer> {
    return this.#run(['fail2ban-client', ...words]);
  }

  #run(command: readonly string[]): Promise<Answer> {
    return ask(command, this.patience);
  }
}

/** A terminal that says nothing. */
function silent(terminal: Terminal): Terminal {
  return { ...terminal, out: () => undefined, err: () => undefined };
}
