/** `banjour import`: configuration, then bans. */
import { chownSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { loadConfig } from '../../config/load.js';
import type { Config } from '../../config/types.js';
import { ControlClient } from '../../control/client.js';
import type { ImportedBan } from '../../control/endpoints.js';
import type { ImportAnswer } from '../../control/protocol.js';
import { formatPrefix } from '../../core/address.js';
import type { BanDecision } from '../../core/decision.js';
import { EXIT, type ExitCode, OperatorError } from '../../core/errors.js';
import { type Diagnostic, formatDiagnostic } from '../../core/finding.js';
import { CONTROL_IMPORT_BANS_MAX, IMPORT_SKIPPED_MAX } from '../../core/service-limits.js';
import { counted, escapeUntrusted, formatCount } from '../../core/text.js';
import { isoTime, wallClock } from '../../core/time.js';
import type { FileTree } from '../../ini/tree.js';
import { diskTree } from '../../ini/tree.js';
import { type Fail2banBans, readFail2ban } from '../../ledger/import-fail2ban.js';
import { openLedger } from '../../ledger/open.js';
import type { Terminal } from '../terminal.js';
import { importConfig } from './config.js';
import {
  changesOf,
  type FileState,
  type PlannedFile,
  planFiles,
  refuseEdited,
  writeFiles,
} from './files.js';
import { changedSinceInstalled, serviceLogs } from './host.js';

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
  /** What becomes of each file. */
  states: Readonly<Record<string, FileState>>;
  /** An earlier import wrote some of the files. */
  isAgain: boolean;
  /** What is in force then and was not before; told of another import only. */
  changes: readonly string[];
  /** Files with secrets that the agent's group may not read yet, since there is no such group. */
  groupless: readonly string[];
  jails: readonly string[];
  diagnostics: readonly Diagnostic[];
  /** Jails that were not taken over, and why. */
  left: Readonly<Record<string, readonly Diagnostic[]>>;
  /** A jail tells somebody of its bans: banjour-companion does that. */
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

export async function importFail2ban(options: ImportOptions): Promise<ExitCode> {
  if (options.config) refuseFolder(options);
  const client = new ControlClient(options.socket);
  const running = await client.ping().then(
    () => true,
    () => false,
  );
  const report: Report = {
    files: [],
    states: {},
    isAgain: false,
    changes: [],
    groupless: [],
    jails: [],
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
  // Read before anything is written or reloaded: a broken database must not leave half of an
  // import.
  const bans = options.bans ? bansOf(options, report) : undefined;
  const jails = options.config
    ? takeConfiguration(options, report)
    : jailsOf(loadConfig({ shippedRoot: options.shipped, adminRoot: options.target }).config);
  if (running && options.config && !options.dryRun) await client.reload();
  if (bans !== undefined)
    await takeOver(bans, jails, running ? client : undefined, options, report);
  say(report, options);
  return EXIT.ok;
}

/** Files of which fail2ban's folder has at least one. */
const THEIR_FILES = ['jail.conf', 'jail.local', 'jail.d'] as const;

/** Refuses a folder without fail2ban's files: taken over, it would switch off every jail. */
function refuseFolder({ from, target }: ImportOptions): void {
  const problem = !existsSync(from)
    ? `there is no ${from}`
    : THEIR_FILES.every((name) => !existsSync(join(from, name)))
      ? `${from} holds no configuration of fail2ban: there is neither jail.conf nor jail.local in it`
      : resolve(from) === resolve(target)
        ? `${from} is Banjour's own folder`
        : undefined;
  if (problem === undefined) return;
  throw new OperatorError(problem, {
    hint: "name fail2ban's folder: banjour import /etc/fail2ban",
    exitCode: EXIT.noInput,
  });
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

/**
 * Plans and writes the configuration. Returns the jails that will run, or undefined when that
 * cannot be said.
 */
function takeConfiguration(
  options: ImportOptions,
  report: Report,
): ReadonlySet<string> | undefined {
  const { from, shipped, target } = options;
  const imported = importConfig({
    from,
    shippedRoot: shipped,
    target,
    changed: changedSinceInstalled(from),
    logs: serviceLogs(),
  });
  const { diagnostics, left, notifies, jails } = imported;
  report.diagnostics = diagnostics;
  report.jails = jails;
  report.left = Object.fromEntries(left);
  report.notifies = notifies;
  const errors = diagnostics.filter(({ level }) => level === 'error');
  if (errors.length > 0)
    throw new OperatorError(
      `the result would have ${counted(errors.length, 'error')}; nothing was written\n${errors.map(formatDiagnostic).join('\n')}`,
      { hint: `correct them in ${from}, or disable those jails there`, exitCode: EXIT.config },
    );
  const planned = planFiles(imported.files, from, target);
  if (!options.dryRun) refuseEdited(planned, options.force);
  const isAgain = planned.some(({ state }) => state !== 'new' && state !== 'foreign');
  const before = loadConfig({ shippedRoot: shipped, adminRoot: target }).config;
  const after = loadConfig({
    shippedRoot: shipped,
    adminRoot: target,
    tree: treeOf(planned, target),
  }).config;
  report.changes = isAgain ? changesOf(before, after) : [];
  report.files = planned.filter(({ text }) => text !== undefined).map(({ path }) => path);
  report.states = Object.fromEntries(planned.map(({ path, state }) => [path, state]));
  report.isAgain = isAgain;
  if (!options.dryRun) report.groupless = writeFiles(planned);
  return jailsOf(after);
}

function jailsOf(config: Config | undefined): ReadonlySet<string> | undefined {
  return config && new Set(config.jails.map(({ name }) => name));
}

/** The disk as it is when the planned files are written. */
function treeOf(planned: readonly PlannedFile[], target: string): FileTree {
  const texts = new Map(planned.map(({ path, text }) => [path, text]));
  return {
    read: (path) => {
      if (!texts.has(path)) return diskTree.read(path);
      const text = texts.get(path);
      return text === undefined ? undefined : { text };
    },
    list: (folder) => {
      const inside = planned.filter(({ path }) => dirname(path) === folder);
      const gone = new Set(
        inside.filter(({ text }) => text === undefined).map(({ path }) => basename(path)),
      );
      const there = new Set([
        ...diskTree.list(folder),
        ...inside.map(({ path }) => basename(path)),
      ]);
      return folder.startsWith(target)
        ? [...there].filter((name) => !gone.has(name)).sort()
        : diskTree.list(folder);
    },
  };
}

/** `dbfile` of fail2ban.conf, fail2ban.d and fail2ban.local, the last one that is stated. */
function databaseOf(folder: string): string {
  const drop = `${folder}/fail2ban.d`;
  const inDrop = diskTree
    .list(drop)
    .filter((name) => name.endsWith('.conf') || name.endsWith('.local'));
  const paths = [
    `${folder}/fail2ban.conf`,
    ...inDrop.map((name) => `${drop}/${name}`),
    `${folder}/fail2ban.local`,
  ];
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
  jails: ReadonlySet<string> | undefined,
  client: ControlClient | undefined,
  options: ImportOptions,
  report: Report,
): Promise<void> {
  const { history } = bans;
  let { active } = bans;
  report.history = history.length;
  for (const jail of new Set(active.map((ban) => ban.jail))) {
    const isLeft = Object.hasOwn(report.left, jail);
    // The agent answers for its own jails.
    if (!isLeft && (client !== undefined || jails === undefined || jails.has(jail))) continue;
    const lost = active.filter((ban) => ban.jail === jail);
    report.skippedCount += lost.length;
    const reason = isLeft ? 'its jail was not taken over' : 'there is no such jail';
    report.skipped = [
      ...report.skipped,
      ...lost.map(({ target }) => ({ jail, target: formatPrefix(target), reason })),
    ].slice(0, IMPORT_SKIPPED_MAX);
    active = active.filter((ban) => ban.jail !== jail);
  }
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
      report.skipped = [...report.skipped, ...answer.skipped].slice(0, IMPORT_SKIPPED_MAX);
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
function intoLedger(
  path: string,
  active: readonly BanDecision[],
  history: readonly BanDecision[],
): number {
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

const WORDS: Readonly<Record<FileState, string>> = {
  new: 'written',
  same: 'unchanged',
  changed: 'replaced',
  edited: 'replaced, the old one kept with the ending .before-import',
  foreign: 'replaced, the old one kept with the ending .before-import',
  gone: 'removed, since fail2ban has it no longer',
  'gone-edited': 'set aside with the ending .before-import, since fail2ban has it no longer',
};

function sayFiles(
  { states, changes, isAgain, jails }: Report,
  terminal: Terminal,
  dryRun: boolean,
): void {
  const would = dryRun ? 'would be ' : '';
  const names = jails.map((jail) => escapeUntrusted(jail)).join(', ') || '(none)';
  terminal.out(`jails ${would}taken over: ${names}\n`);
  for (const [file, state] of Object.entries(states))
    terminal.out(
      `${state === 'same' ? '' : would}${WORDS[state]}: ${escapeUntrusted(file, 4_096)}\n`,
    );
  if (!isAgain) return;
  if (changes.length === 0) terminal.out('nothing in force is different from what it was\n');
  for (const change of changes) terminal.out(`  ${escapeUntrusted(change, 1_024)}\n`);
}

function say(report: Report, { terminal, json, dryRun, config, bans }: ImportOptions): void {
  if (json) {
    terminal.out(`${JSON.stringify({ ...report, dryRun })}\n`);
    return;
  }
  const would = dryRun ? 'would be ' : '';
  for (const diagnostic of report.diagnostics)
    terminal.err(`${escapeUntrusted(formatDiagnostic(diagnostic), 4096)}\n`);
  for (const [jail, reasons] of Object.entries(report.left)) {
    terminal.err(
      `the jail ${escapeUntrusted(jail)} ${dryRun ? 'would not be' : 'was not'} taken over; it is written commented out:\n`,
    );
    for (const reason of reasons)
      terminal.err(`  ${escapeUntrusted(formatDiagnostic(reason), 4096)}\n`);
  }
  if (report.notifies)
    terminal.err(
      'mails and other messages go on once banjour-companion runs: systemctl enable --now banjour-companion\n',
    );
  for (const file of report.groupless)
    terminal.err(
      `${file} holds secrets, and the group banjour is not there yet, so only root can read it; when it is: chgrp banjour ${file}\n`,
    );
  if (config) sayFiles(report, terminal, dryRun);
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
