/**
 * A command is data: its words, its options, examples that teach, and what it does. One table lists
 * them all (`table.ts`); help, completion and man pages come from these definitions. Only
 * `command-line.ts` knows the parser.
 */
import type { ExitCode } from '../core/errors.js';
import type { Paths } from '../setup/paths.js';
import type { Terminal } from '../tools/terminal.js';

/**
 * The hidden command that completion scripts ask: `banjour __complete KIND [--run-dir DIRECTORY]`.
 */
export const COMPLETE = '__complete';

/**
 * What a shell offers in a place: fixed words, files or folders, or what the running agent knows
 * (its jails, the banned addresses, both).
 */
export type Completion =
  | 'jails'
  | 'banned'
  | 'jails-and-banned'
  | 'files'
  | 'folders'
  | readonly string[];

export interface OptionDefinition {
  readonly type: 'string' | 'number' | 'boolean' | 'strings';
  readonly describe: string;
  readonly alias?: string;
  readonly default?: string | number | boolean;
  readonly choices?: readonly string[];
  /** What a shell offers as its value, where these are not the choices. */
  readonly complete?: Completion;
}

interface PositionalDefinition {
  readonly name: string;
  readonly describe: string;
  readonly required: boolean;
  /** Takes all remaining words; only the last one can. */
  readonly many?: boolean;
  /** What a shell offers in its place. */
  readonly complete?: Completion;
}

export interface CommandDefinition {
  readonly name: string;
  readonly summary: string;
  /** Further paragraphs for help and man page. */
  readonly details?: readonly string[];
  readonly positionals?: readonly PositionalDefinition[];
  readonly options?: Readonly<Record<string, OptionDefinition>>;
  /** Global options that mean something to it; the others are an error. */
  readonly honours: readonly GlobalOption[];
  /** Command lines that work as they stand, with what they do. */
  readonly examples: readonly (readonly [string, string])[];
  /** What its exit codes mean, beyond 0 and the general ones. */
  readonly exits?: readonly (readonly [ExitCode, string])[];
  readonly run: (context: CommandContext) => Promise<ExitCode>;
}

export interface CommandContext {
  readonly args: Args;
  readonly terminal: Terminal;
  /** The terminal without a pager: for what is to be seen as it comes. */
  readonly live: Terminal;
  readonly paths: Paths;
  /** Every command, for those that tell of the others. */
  readonly commands: () => Promise<readonly CommandDefinition[]>;
}

/**
 * Parsed arguments, read by name and type. Reading one that the definition does not have is a bug.
 */
export class Args {
  readonly #values: Readonly<Record<string, unknown>>;
  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }
  /** The text, or undefined when it was not given. */
  text(name: string): string | undefined {
    const value = this.#values[name];
    return value === undefined ? undefined : String(value);
  }
  number(name: string): number | undefined {
    const value = this.#values[name];
    return typeof value === 'number' ? value : undefined;
  }
  flag(name: string): boolean {
    return this.#values[name] === true;
  }
  list(name: string): readonly string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value.map(String) : value === undefined ? [] : [String(value)];
  }
}

/** Options that mean the same to every command that honours them. */
export type GlobalOption =
  | 'json'
  | 'pager'
  | 'config-dir'
  | 'shipped-dir'
  | 'run-dir'
  | 'state-dir';

export const GLOBAL_OPTIONS: Readonly<Record<GlobalOption, OptionDefinition>> = {
  json: { type: 'boolean', describe: 'Answer in JSON' },
  pager: {
    type: 'boolean',
    default: true,
    describe: 'Long output on a terminal goes to a pager; --no-pager prints it as it is',
  },
  'config-dir': {
    type: 'string',
    describe: "The administrator's configuration (default: /etc/banjour)",
    complete: 'folders',
  },
  'shipped-dir': { type: 'string', describe: 'The shipped configuration', complete: 'folders' },
  'run-dir': {
    type: 'string',
    describe: 'Directory of the control sockets (default: /run/banjour)',
    complete: 'folders',
  },
  'state-dir': {
    type: 'string',
    describe: 'Directory of the ledger (default: /var/lib/banjour)',
    complete: 'folders',
  },
};

/** True when a global option means something to a command. */
export function honours(command: CommandDefinition, name: string): boolean {
  return command.honours.some((one) => one === name);
}

/** Every option that a command takes: its own, then the global ones that it honours. */
export function optionsOf(command: CommandDefinition): Readonly<Record<string, OptionDefinition>> {
  const global = Object.entries(GLOBAL_OPTIONS).filter(([name]) => honours(command, name));
  return { ...command.options, ...Object.fromEntries(global) };
}
