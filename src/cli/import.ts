/** `banjour import`: configuration, then bans. */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { importConfig } from '../config/import.js';
import { ControlClient } from '../control/client.js';
import type { ImportAnswer, ImportedBan } from '../control/protocol.js';
import { formatPrefix } from '../core/address.js';
import type { BanDecision } from '../core/decision.js';
import { EXIT, type ExitCode, messageOf, OperatorError } from '../core/errors.js';
import { type Diagnostic, formatDiagnostic } from '../core/finding.js';
import { CONTROL_IMPORT_BANS_MAX } from '../core/limits.js';
import { counted, escapeUntrusted } from '../core/text.js';
import { isoTime, wallClock } from '../core/time.js';
import { diskTree } from '../ini/disk.js';
import { type Fail2banBans, readFail2ban } from '../ledger/import-fail2ban.js';
import { openLedger } from '../ledger/open.js';
import { formatCount, type Terminal } from './terminal.js';

export interface ImportOptions {
  readonly from: string;
  readonly shipped: string;
  /** Where the configuration is written. */
  readonly target: string;
  readonly ledger: string;
  /** control.sock of an agent that may be running. */
  readonly socket: string;
  readonly database?: string;
  readonly dryRun: boolean;
  readonly force: boolean;
  readonly config: boolean;
  readonly bans: boolean;
  readonly json: boolean;
  readonly terminal: Terminal;
}

interface Report {
  files: string[];
  diagnostics: readonly Diagnostic[];
  /** Jails that were not taken over, and why. */
  left: Readonly<Record<string, readonly Diagnostic[]>>;
  /** A jail tells somebody of its bans: banjour-notify does that. */
  notifies: boolean;
  database: string | null;
  /** How the bans were taken over; null when they were not. */
  via: 'agent' | 'ledger' | null;
  banned: number;
  history: number;
  skipped: ImportAnswer['skipped'];
  skippedCount: number;
}

const DATABASE = '/var/lib/fail2ban/fail2ban.sqlite3';
/** Who could not be taken over is named up to this many. */
const SKIPPED_MAX = 100;

export async function importFail2ban(options: ImportOptions): Promise<ExitCode> {
  if (options.config && !existsSync(options.from))
    throw new OperatorError(`there is no ${options.from}`, {
      hint: "name fail2ban's folder: banjour import /etc/fail2ban",
      exitCode: EXIT.noInput,
    });
  const client = new ControlClient(options.socket);
  const running = await client.ping().then(
    () => true,
    () => false,
  );
  const report: Report = {
    files: [],
    diagnostics: [],
    left: {},
    notifies: false,
    database: null,
    via: null,
    banned: 0,
    history: 0,
    skipped: [],
    skippedCount: 0,
  };
  // Read before anything is written or reloaded: a broken database must not leave half of an import.
  const bans = options.bans ? bansOf(options, report) : undefined;
  if (options.config) writeConfiguration(options, report);
  if (running && options.config && !options.dryRun) await client.reload();
  if (bans !== undefined) await takeOver(bans, running ? client : undefined, options, report);
  say(report, options);
  return EXIT.ok;
}

function bansOf(options: ImportOptions, report: Report): Fail2banBans | undefined {
  const database = options.database ?? databaseOf(options.from);
  if (options.database === undefined && !existsSync(database)) {
    options.terminal.err(`there is no fail2ban database at ${database}: no bans to take over\n`);
    return undefined;
  }
  const bans = readFail2ban(database, wallClock.now());
  report.database = database;
  report.skippedCount = bans.skippedCount;
  report.skipped = bans.skipped.map(({ jail, id, reason }) => ({ jail, target: id, reason }));
  return bans;
}

function writeConfiguration(options: ImportOptions, report: Report): void {
  const imported = importConfig({ from: options.from, shippedRoot: options.shipped });
  const { files, diagnostics, left, notifies } = imported;
  report.diagnostics = diagnostics;
  report.left = Object.fromEntries(left);
  report.notifies = notifies;
  const errors = diagnostics.filter(({ level }) => level === 'error');
  if (errors.length > 0)
    throw new OperatorError(
      `the result would have ${counted(errors.length, 'error')}; nothing was written\n${errors.map(formatDiagnostic).join('\n')}`,
      { hint: `correct them in ${options.from}, or disable those jails there`, exitCode: EXIT.config },
    );
  const taken = [...files]
    .map(([name, text]) => ({ path: join(options.target, name), text }))
    .filter(({ path, text }) => existsSync(path) && readFileSync(path, 'utf8') !== text)
    .map(({ path }) => path);
  if (taken.length > 0 && !options.force && !options.dryRun)
    throw new OperatorError(`exists already: ${taken.join(', ')}`, {
      hint: '--force replaces it and keeps the old one with the ending .before-import; --no-config takes over bans only',
      exitCode: EXIT.cannotCreate,
    });
  report.files = [...files.keys()].map((name) => join(options.target, name));
  if (options.dryRun) return;
  try {
    for (const [name, text] of files) {
      const path = join(options.target, name);
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
      writePrivately(`${path}.new`, text, isPrivate(options.from, name));
    }
    // All is on the disk before anything takes its place.
    for (const path of report.files) {
      if (taken.includes(path)) renameSync(path, `${path}.before-import`);
      renameSync(`${path}.new`, path);
    }
  } catch (error) {
    throw new OperatorError(`the configuration cannot be written: ${messageOf(error)}`, {
      hint: 'as root',
      exitCode: EXIT.cannotCreate,
      cause: error,
    });
  }
}

/** True when a file of fail2ban's that this one is made of is not for everybody: it may hold passwords and tokens. */
function isPrivate(from: string, name: string): boolean {
  const drop = name === 'jail.local' ? 'jail' : name === 'banjour.local' ? 'fail2ban' : undefined;
  const sources =
    drop === undefined
      ? [name]
      : [`${drop}.conf`, `${drop}.local`, ...diskTree.list(join(from, `${drop}.d`)).map((file) => `${drop}.d/${file}`)];
  return sources.some((source) => {
    const status = statSync(join(from, source), { throwIfNoEntry: false });
    return status !== undefined && (status.mode & 0o004) === 0;
  });
}

/** Writes a file that only root and the agent's group can read, or one for everybody. */
function writePrivately(path: string, text: string, hidden: boolean): void {
  writeFileSync(path, text, { mode: hidden ? 0o600 : 0o644 });
  if (!hidden) return;
  const group = /^banjour:[^:]*:(\d+):/m.exec(existsSync('/etc/group') ? readFileSync('/etc/group', 'utf8') : '')?.[1];
  if (group !== undefined && process.getuid?.() === 0) chownSync(path, 0, Number(group));
  chmodSync(path, 0o640);
}

/** `dbfile` of fail2ban.conf, fail2ban.d and fail2ban.local, the last one that is stated. */
function databaseOf(folder: string): string {
  const drop = `${folder}/fail2ban.d`;
  const inDrop = diskTree.list(drop).filter((name) => name.endsWith('.conf') || name.endsWith('.local'));
  const paths = [`${folder}/fail2ban.conf`, ...inDrop.map((name) => `${drop}/${name}`), `${folder}/fail2ban.local`];
  let found: string | undefined;
  for (const path of paths) {
    const content = diskTree.read(path);
    if (content === undefined || !('text' in content)) continue;
    for (const [, value] of content.text.matchAll(/^dbfile\s*[=:]\s*(.*?)\s*$/gim)) found = value;
  }
  return found?.startsWith('/') === true ? found : DATABASE;
}

async function takeOver(
  bans: Fail2banBans,
  client: ControlClient | undefined,
  options: ImportOptions,
  report: Report,
): Promise<void> {
  const { history } = bans;
  let { active } = bans;
  report.history = history.length;
  for (const jail of Object.keys(report.left)) {
    const lost = active.filter((ban) => ban.jail === jail);
    report.skippedCount += lost.length;
    const reason = 'its jail was not taken over';
    report.skipped = [
      ...report.skipped,
      ...lost.map(({ target }) => ({ jail, target: formatPrefix(target), reason })),
    ].slice(0, SKIPPED_MAX);
  }
  active = active.filter((ban) => !Object.hasOwn(report.left, ban.jail));
  report.banned = active.length;
  if (options.dryRun) return;
  if (client === undefined) {
    report.via = 'ledger';
    report.banned = intoLedger(options.ledger, active, history);
    return;
  }
  report.via = 'agent';
  report.banned = 0;
  report.history = 0;
  for (const [list, key] of [
    [history, 'history'],
    [active, 'active'],
  ] as const)
    for (let at = 0; at < list.length; at += CONTROL_IMPORT_BANS_MAX) {
      const part = list.slice(at, at + CONTROL_IMPORT_BANS_MAX).map(sent);
      const answer = await client.import({ active: [], history: [], [key]: part });
      report.banned += answer.banned;
      report.history += answer.history;
      report.skippedCount += answer.skipped.length;
      report.skipped = [...report.skipped, ...answer.skipped].slice(0, SKIPPED_MAX);
    }
}

function sent(ban: BanDecision): ImportedBan {
  return {
    jail: ban.jail,
    target: formatPrefix(ban.target),
    time: isoTime(ban.time),
    until: ban.until === null ? null : isoTime(ban.until),
    failures: ban.failures,
    previousBans: ban.previousBans,
    ...(ban.user === undefined ? {} : { user: ban.user }),
  };
}

/** Writes the ledger that the agent will find at its start; it must be able to open it. */
function intoLedger(path: string, active: readonly BanDecision[], history: readonly BanDecision[]): number {
  const now = wallClock.now();
  const directory = dirname(path);
  if (!existsSync(directory)) mkdirSync(directory, { recursive: true, mode: 0o750 });
  const { ledger } = openLedger(path, now);
  let wanted: number;
  try {
    wanted = ledger.import({ active, history }, now).length;
  } finally {
    ledger.close();
  }
  const { uid, gid } = statSync(directory);
  for (const file of [path, `${path}-wal`, `${path}-shm`, `${path}.lock`])
    if (existsSync(file) && process.getuid?.() === 0) chownSync(file, uid, gid);
  return wanted;
}

function say(report: Report, { terminal, json, dryRun, config, bans }: ImportOptions): void {
  if (json) {
    terminal.out(`${JSON.stringify({ ...report, dryRun })}\n`);
    return;
  }
  const would = dryRun ? 'would be ' : '';
  for (const diagnostic of report.diagnostics) terminal.err(`${escapeUntrusted(formatDiagnostic(diagnostic), 4096)}\n`);
  for (const [jail, reasons] of Object.entries(report.left)) {
    terminal.err(
      `the jail ${escapeUntrusted(jail)} ${dryRun ? 'would not be' : 'was not'} taken over; it stands commented out in jail.local:\n`,
    );
    for (const reason of reasons) terminal.err(`  ${escapeUntrusted(formatDiagnostic(reason), 4096)}\n`);
  }
  if (report.notifies)
    terminal.err('mails and other messages go on once banjour-notify runs: systemctl enable --now banjour-notify\n');
  if (config) for (const file of report.files) terminal.out(`${would}written: ${file}\n`);
  if (!bans || report.database === null) return;
  terminal.out(
    `${formatCount(report.banned)} active bans and ${formatCount(report.history)} past ones ${would}taken over from ${report.database}` +
      `${report.via === 'agent' ? ': in force' : report.via === 'ledger' ? ': in force when the agent starts' : ''}\n`,
  );
  for (const { jail, target, reason } of report.skipped)
    terminal.err(
      `not taken over: ${escapeUntrusted(target)} of ${escapeUntrusted(jail)}: ${escapeUntrusted(reason)}\n`,
    );
  const more = report.skippedCount - report.skipped.length;
  if (more > 0) terminal.err(`and ${formatCount(more)} more\n`);
}
