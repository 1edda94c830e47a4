/**
 * From the files of the administrator to what an agent is made of: configuration and filters, with
 * everything that is wrong at once; and the options that can be set by hand.
 */
import { statSync } from 'node:fs';
import { loadConfig } from '../config/load.js';
import { JAIL_KEYS } from '../config/schema.js';
import type { Config, JailConfig, Settings } from '../config/types.js';
import { EXIT, OperatorError } from '../core/errors.js';
import { type Diagnostic, formatDiagnostic } from '../core/finding.js';
import type { MatchExpression } from '../core/match.js';
import { sourceId } from '../core/names.js';
import { counted, shellWords } from '../core/text.js';
import { plus, wallClock } from '../core/time.js';
import { diskTree, type FileText, type FileTree } from '../ini/tree.js';
import { createSource } from '../journal/source.js';
import { expandPath } from '../journal/text/paths.js';
import { type AgentSetup, intakesOf, type JailSetup, textMatch, textSpec } from './setup.js';

// The question that `backend = auto` puts: does a service log to the journal or to its file?

/** A service that has said nothing for so long does not log to the journal, seconds. */
const RECENT_SECONDS = 7 * 86_400;

/**
 * True when none of the files holds anything and this host's journal has recent entries of the
 * match.
 */
export function logsToJournal(paths: readonly string[], match: MatchExpression): boolean {
  if (paths.flatMap(expandPath).some(hasContent)) return false;
  const source = createSource({ kind: 'local' }, sourceId('probe'));
  try {
    source.open(
      match,
      { literals: undefined, fields: [] },
      { at: 'time', time: plus(wallClock.now(), -RECENT_SECONDS) },
    );
    return source.next(1).read > 0;
  } catch {
    // Without a journal, or without permission to read it, the file is all there is.
    return false;
  } finally {
    source.close();
  }
}

function hasContent(path: string): boolean {
  try {
    return statSync(path).size > 0;
  } catch (error) {
    // A file that may not be looked at is there.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

/** Files as they were when they were first looked at. */
export interface SnapshotTree extends FileTree {
  /** Texts of those that were read below a folder, by their path in it. */
  below(folder: string): ReadonlyMap<string, string>;
}

/** What happens to the files later does not show. */
export function snapshotTree(tree: FileTree): SnapshotTree {
  const texts = new Map<string, FileText | undefined>();
  const folders = new Map<string, readonly string[]>();
  const { hasFolder } = tree;
  return {
    ...(hasFolder === undefined ? {} : { hasFolder }),
    read: (path) => {
      if (!texts.has(path)) texts.set(path, tree.read(path));
      return texts.get(path);
    },
    list: (folder) => {
      const known = folders.get(folder);
      if (known !== undefined) return known;
      const names = tree.list(folder);
      folders.set(folder, names);
      return names;
    },
    below: (folder) =>
      new Map(
        [...texts].flatMap(([path, file]) =>
          file !== undefined && 'text' in file && path.startsWith(`${folder}/`)
            ? [[path.slice(folder.length + 1), file.text]]
            : [],
        ),
      ),
  };
}

// Which options can be set by hand, and how a change becomes a line of configuration.

/** One jail as it is in force. */
export interface LiveJail {
  readonly config: JailConfig;
  /** Set by hand. */
  readonly overrides: ReadonlyMap<string, string>;
  /** The files that it came from, as they were. */
  readonly files: FileTree;
}

export interface LiveChange {
  readonly key: string;
  readonly action: 'set' | 'add' | 'del';
  readonly value: string;
}

/**
 * What a reload is for: these decide whether there is a jail at all, or are read once by other
 * programs.
 */
const NOT_LIVE: ReadonlySet<string> = new Set([
  'enabled',
  'filter',
  'backend',
  'source',
  'action',
  'destemail',
  'sender',
  'mta',
]);
/** Options that are lists, with what separates their members. */
const LISTS: Readonly<Record<string, ' ' | '\n'>> = {
  ignoreip: ' ',
  logpath: '\n',
  journalmatch: '\n',
  match: '\n',
  failregex: '\n',
  ignoreregex: '\n',
  successregex: '\n',
};

/** Options that can be set by hand. */
export const LIVE_KEYS: readonly string[] = JAIL_KEYS.filter(
  ({ key, noMeaning }) => noMeaning === undefined && !NOT_LIVE.has(key),
).map(({ key }) => key);

/** What is set by hand in the jail after the change. */
export function changedOverrides(
  name: string,
  jail: LiveJail,
  change: LiveChange,
): Map<string, string> {
  const key = change.key.toLowerCase();
  if (!LIVE_KEYS.includes(key))
    throw new OperatorError(`${JSON.stringify(change.key)} cannot be set in a running agent`, {
      hint: `write it into /etc/banjour/jail.local and reload. Can be set: ${LIVE_KEYS.join(', ')}`,
    });
  // One line per value: a second one could bring its own section.
  if (/[\u0000-\u001f\u007f]/.test(change.value))
    throw new OperatorError('the value must be one line of text');
  const overrides = new Map(jail.overrides);
  overrides.set(
    key,
    change.action === 'set' ? change.value : edited(name, jail, { ...change, key }),
  );
  return overrides;
}

function edited(name: string, jail: LiveJail, { key, action, value }: LiveChange): string {
  const separator = LISTS[key];
  if (separator === undefined)
    throw new OperatorError(`${key} is one value, not a list`, {
      hint: `banjour set ${name} ${key} VALUE`,
    });
  const members = membersOf(jail, key, separator);
  if (action === 'add')
    return (members.includes(value) ? members : [...members, value]).join(separator);
  const index = /^\d+$/.test(value) && separator === '\n' ? Number(value) : members.indexOf(value);
  if (index < 0 || index >= members.length)
    throw new OperatorError(`${JSON.stringify(value)} is not in ${key} of ${name}`, {
      hint:
        key === 'ignoreip'
          ? 'what [DEFAULT] or the host itself exempts holds for all jails: change it in the files'
          : `it has: ${members.join(', ') || 'nothing'}`,
    });
  return members.filter((_, at) => at !== index).join(separator);
}

/** The members of a list as they are in force in this jail alone. */
function membersOf({ config, overrides }: LiveJail, key: string, separator: ' ' | '\n'): string[] {
  const filter = config.intake.filter;
  if (key === 'failregex') return filter.failregex.map(({ text }) => text);
  if (key === 'ignoreregex') return filter.ignoreregex.map(({ text }) => text);
  if (key === 'successregex') return filter.successregex.map(({ text }) => text);
  // A list of [DEFAULT] holds for every jail and is no part of this one's.
  const text =
    overrides.get(key) ??
    (key === 'ignoreip' && config.allow.length === 0 ? '' : config.origins.get(key)?.text);
  if (text === undefined) return [];
  const words = separator === ' ' ? (shellWords(text) ?? text.split(/\s+/)) : text.split('\n');
  return words
    .flatMap((word) => word.split(separator === ' ' ? ',' : '\n'))
    .filter((word) => word.trim() !== '');
}

/** A file of configuration that says what was set by hand. */
function overlayText(jails: ReadonlyMap<string, ReadonlyMap<string, string>>): string {
  const lines: string[] = [];
  for (const [name, options] of jails) {
    lines.push(`[${name}]`);
    for (const [key, value] of options)
      lines.push(`${key} = ${value.replaceAll('%', '%%').split('\n').join('\n    ')}`);
  }
  return `${lines.join('\n')}\n`;
}

export interface ConfigurationRoots {
  readonly shippedRoot: string;
  readonly adminRoot: string;
}

export interface LoadOptions {
  /** Keys that are set to this in every jail, as in `replay --maxretry 5`. */
  readonly overrides?: Readonly<Record<string, string>>;
  /** Only these jails, enabled or not; all enabled ones when empty. */
  readonly jails?: readonly string[];
  /** Files that are read after everything else. */
  readonly extraFiles?: readonly string[];
  /** Options of jails that were set by hand in a running agent. */
  readonly live?: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** The files; the machine's unless told otherwise. */
  readonly tree?: FileTree;
}

export interface Loaded {
  readonly config: Config;
  readonly setup: AgentSetup;
  readonly settings: Settings;
  readonly warnings: readonly string[];
  /** What may surprise but is right: a logpath that is not read, because the journal is. */
  readonly notes: readonly string[];
}

/** Name under which the command line's own settings appear in diagnostics. */
const COMMAND_LINE = '(command line)';
/** The same for what `banjour set` says. */
const BY_HAND = '(set by hand)';

/** Loads the configuration. Throws `OperatorError` with every error at once when there are any. */
export function loadSetup(roots: ConfigurationRoots, options: LoadOptions = {}): Loaded {
  const { overrides = {}, jails = [], live } = options;
  const tree =
    live === undefined
      ? (options.tree ?? diskTree)
      : withFile(BY_HAND, overlayText(live), options.tree);
  const extraFiles = [...(options.extraFiles ?? []), ...(live === undefined ? [] : [BY_HAND])];
  let { config, diagnostics } = loadConfig({ ...roots, extraFiles, tree, logsToJournal });
  if (Object.keys(overrides).length > 0 || jails.length > 0) {
    const text = overlayOf(config, diagnostics, overrides, jails);
    ({ config, diagnostics } = loadConfig({
      ...roots,
      logsToJournal,
      extraFiles: [...extraFiles, COMMAND_LINE],
      tree: withFile(COMMAND_LINE, text, tree),
    }));
  }
  if (config === undefined) throw configError(diagnostics);
  return {
    config,
    setup: setupOf(config),
    settings: config.settings,
    warnings: diagnostics.filter(({ level }) => level === 'warning').map(formatDiagnostic),
    notes: diagnostics.filter(({ id }) => id === 'jail.logpath-unused').map(formatDiagnostic),
  };
}

/** Every error as one, in the form of a compiler's list. */
export function configError(diagnostics: readonly Diagnostic[]): OperatorError {
  const errors = diagnostics.filter(({ level }) => level === 'error');
  return new OperatorError(
    `the configuration has ${counted(errors.length, 'error')}\n${errors.map(formatDiagnostic).join('\n')}`,
    {
      hint: 'banjour config check shows everything; the old configuration stays in force meanwhile',
      exitCode: EXIT.config,
    },
  );
}

/** A configuration file that says what the command line says, for each jail. */
function overlayOf(
  config: Config | undefined,
  diagnostics: readonly Diagnostic[],
  overrides: Readonly<Record<string, string>>,
  wanted: readonly string[],
): string {
  if (config === undefined) throw configError(diagnostics);
  const enabled = config.jails.map(({ name }) => name as string);
  const known = new Set([...enabled, ...config.disabled]);
  const unknown = wanted.filter((name) => !known.has(name));
  if (unknown.length > 0)
    throw new OperatorError(`there is no jail ${unknown.join(', ')}`, {
      hint: `jails: ${[...known].sort().join(', ')}`,
    });
  const chosen = wanted.length > 0 ? wanted : enabled;
  const settings = Object.entries(overrides).map(([key, value]) => `${key} = ${value}`);
  return [
    ...chosen.flatMap((name) => [`[${name}]`, 'enabled = true', ...settings]),
    ...enabled
      .filter((name) => !chosen.includes(name))
      .flatMap((name) => [`[${name}]`, 'enabled = false']),
    '',
  ].join('\n');
}

function withFile(path: string, text: string, tree: FileTree = diskTree): FileTree {
  return { ...tree, read: (name) => (name === path ? { text } : tree.read(name)) };
}

function setupOf(config: Config): AgentSetup {
  const { hook, bridge, countersPerElement } = config.firewall;
  return {
    jails: config.jails.map(jailSetup),
    allow: config.allow,
    firewall: { hook, bridge, countersPerElement },
    keepHistory: config.settings.dbpurgeage,
    ipv6: config.settings.allowipv6 !== 'no',
  };
}

function jailSetup({ intake, policy, rule, source, ignorecommand }: JailConfig): JailSetup {
  const jail = { intake, policy, rule, ...(ignorecommand === null ? {} : { ignorecommand }) };
  switch (source.kind) {
    case 'journal':
      return {
        ...jail,
        source: source.spec,
        ...(source.unread === undefined ? {} : { unread: source.unread.map(({ path }) => path) }),
      };
    case 'ledger':
    case 'group':
    case 'hand':
      return jail;
    case 'text': {
      const spec = textSpec(source, intake.filter);
      return { ...jail, intake: { ...intake, match: textMatch(spec) }, source: spec };
    }
  }
}

/**
 * Compiles every filter and date pattern, and throws when one cannot be kept: before a reload
 * replaces readers that work.
 */
export async function verifyFilters(setup: AgentSetup): Promise<readonly Diagnostic[]> {
  const { compileFilter } = await import('../filter/compile.js');
  const { dateProblems } = await import('./text-dates.js');
  const diagnostics = [
    ...intakesOf(setup.jails).flatMap(({ filter }) => compileFilter(filter).diagnostics),
    ...setup.jails.flatMap(({ source }) => (source === undefined ? [] : dateProblems(source))),
  ];
  const unique = [...new Map(diagnostics.map((one) => [formatDiagnostic(one), one])).values()];
  if (unique.some(({ level }) => level === 'error')) throw configError(unique);
  return unique;
}
