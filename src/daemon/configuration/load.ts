/** From the files of the administrator to what an agent is made of. */
import { loadConfig } from '../../config/load.js';
import type { Config, JailConfig, Settings } from '../../config/types.js';
import { EXIT, OperatorError } from '../../core/errors.js';
import { type Diagnostic, formatDiagnostic } from '../../core/finding.js';
import { counted } from '../../core/text.js';
import { diskTree } from '../../ini/disk.js';
import type { FileTree } from '../../ini/tree.js';
import { overlayText } from './live-options.js';
import { logsToJournal } from './logs-to-journal.js';
import { type AgentSetup, intakesOf, type JailSetup } from './setup.js';
import { textMatch, textSpec } from './text-setup.js';

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
  const tree = live === undefined ? (options.tree ?? diskTree) : withFile(BY_HAND, overlayText(live), options.tree);
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
    ...enabled.filter((name) => !chosen.includes(name)).flatMap((name) => [`[${name}]`, 'enabled = false']),
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

/** Compiles every filter and date pattern, and throws when one cannot be kept: before a reload replaces readers that work. */
export async function verifyFilters(setup: AgentSetup): Promise<readonly Diagnostic[]> {
  const { compileFilter } = await import('../../filter/compile.js');
  const { dateProblems } = await import('./text-dates.js');
  const diagnostics = [
    ...intakesOf(setup.jails).flatMap(({ filter }) => compileFilter(filter).diagnostics),
    ...setup.jails.flatMap(({ source }) => (source === undefined ? [] : dateProblems(source))),
  ];
  const unique = [...new Map(diagnostics.map((one) => [formatDiagnostic(one), one])).values()];
  if (unique.some(({ level }) => level === 'error')) throw configError(unique);
  return unique;
}
