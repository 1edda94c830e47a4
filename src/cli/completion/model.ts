/**
 * What shells need of the table of commands: which words fit where. The scripts of all shells are
 * made from this.
 */
import type { CommandDefinition, Completion, OptionDefinition } from '../command.js';
import { GLOBAL_OPTIONS, type GlobalOption } from '../command.js';

export interface OfferedOption {
  /** As it is typed: `-n`, `--count`. */
  readonly spellings: readonly string[];
  readonly describe: string;
  readonly takesValue: boolean;
  /** May be given more than once. */
  readonly repeats: boolean;
  readonly offer?: Completion;
}

export interface OfferedArgument {
  readonly name: string;
  readonly many: boolean;
  readonly offer?: Completion;
}

export interface OfferedCommand {
  readonly name: string;
  readonly summary: string;
  /** Its own, and the global ones that it honours. */
  readonly options: readonly OfferedOption[];
  readonly arguments: readonly OfferedArgument[];
}

const HELP: OfferedOption = {
  spellings: ['-h', '--help'],
  describe: 'Show help',
  takesValue: false,
  repeats: false,
};

/** Options that may stand before the command. */
const GLOBAL: Readonly<Record<string, readonly OfferedOption[]>> = Object.fromEntries(
  Object.entries(GLOBAL_OPTIONS).map(([name, option]) => [name, offered({ [name]: option })]),
);

export const COMMON: readonly OfferedOption[] = [...Object.values(GLOBAL).flat(), HELP];

/** Options of the program alone. */
export const ALONE: readonly OfferedOption[] = [
  ...COMMON,
  { spellings: ['--version'], describe: 'Show the version', takesValue: false, repeats: false },
];

/** The commands of the table as shells see them. */
export function offeredCommands(table: readonly CommandDefinition[]): readonly OfferedCommand[] {
  return table.map(({ name, summary, options = {}, honours, positionals = [] }) => ({
    name,
    summary,
    options: [
      ...offered(options),
      ...honours.flatMap((one: GlobalOption) => GLOBAL[one] ?? []),
      HELP,
    ],
    arguments: positionals.map(({ name: word, many = false, complete }) => ({
      name: word,
      many,
      ...(complete === undefined ? {} : { offer: complete }),
    })),
  }));
}

function offered(options: Readonly<Record<string, OptionDefinition>>): OfferedOption[] {
  return Object.entries(options).map(
    ([name, { type, alias, describe, choices, complete, default: preset }]) => {
      const offer = complete ?? choices;
      const long = `--${type === 'boolean' && preset === true ? 'no-' : ''}${name}`;
      return {
        spellings: [...(alias === undefined ? [] : [`-${alias}`]), long],
        describe,
        takesValue: type !== 'boolean',
        repeats: type === 'strings',
        ...(offer === undefined ? {} : { offer }),
      };
    },
  );
}

/**
 * The places of a command that offer something, `0` the first word after it; `*` stands for all
 * that follow.
 */
export function offeringSlots(command: OfferedCommand): readonly (readonly [string, Completion])[] {
  return command.arguments.flatMap(({ many, offer }, index) =>
    offer === undefined
      ? []
      : many
        ? [[String(index), offer] as const, ['*', offer] as const]
        : [[String(index), offer] as const],
  );
}
