/**
 * The only file that knows yargs: it turns the table of commands into a parser and gives back what
 * was chosen. What is wrong with a command line is told in words of our own, since the parser
 * counts arguments where people want names.
 */

import yargs from 'yargs';
import { Parser } from 'yargs/helpers';
import { EXIT, OperatorError } from '../core/errors.js';
import { escapeUntrusted, nearest } from '../core/text.js';
import {
  Args,
  type CommandDefinition,
  GLOBAL_OPTIONS,
  honours,
  type OptionDefinition,
  optionsOf,
} from './command.js';

/** The error for what the parser (yargs 18) says of these words. */
function usageError(
  said: string,
  words: readonly string[],
  table: readonly CommandDefinition[],
): OperatorError {
  const first = words.find((word) => !word.startsWith('-'));
  if (first === undefined) return problem('no command is named', undefined);
  const command = table.find(({ name }) => name === first);
  if (command === undefined) return unknownCommand(first, table);
  return (
    missingArgument(said, command, words) ??
    wrongChoice(said, command) ??
    missingValue(said, command) ??
    unknownWord(said, command) ??
    problem(said, command)
  );
}

/** The error for an option that wants a number and did not get one. */
function numberError(
  option: string,
  words: readonly string[],
  command: CommandDefinition,
): OperatorError {
  const { alias } = optionsOf(command)[option] ?? {};
  const at = words.findIndex(
    (word) =>
      word === `--${option}` || word.startsWith(`--${option}=`) || word === `-${alias ?? option}`,
  );
  const word = words[at] ?? '';
  const given = word.includes('=') ? word.slice(word.indexOf('=') + 1) : words[at + 1];
  const got = given === undefined ? '' : `, not "${escapeUntrusted(given)}"`;
  return problem(`--${option} takes a number${got}`, command);
}

/** The error for an option that is given more often than once, though it is no list. */
function repeatedError(option: string, command: CommandDefinition): OperatorError {
  return problem(
    `--${option} is given more than once; banjour ${command.name} takes it once`,
    command,
  );
}

/** The error for a global option that means nothing to the command. */
function meaninglessError(option: string, command: CommandDefinition): OperatorError {
  const { type, default: preset } = GLOBAL_OPTIONS[option as keyof typeof GLOBAL_OPTIONS];
  const spelled = `--${type === 'boolean' && preset === true ? 'no-' : ''}${option}`;
  return problem(`${spelled} means nothing to banjour ${command.name}`, command);
}

function problem(
  message: string,
  command: CommandDefinition | undefined,
  hint?: string,
): OperatorError {
  const help =
    command === undefined ? 'banjour --help lists the commands' : `banjour ${command.name} --help`;
  return new OperatorError(message, { hint: hint ?? help, exitCode: EXIT.usage });
}

function missingArgument(
  said: string,
  command: CommandDefinition,
  words: readonly string[],
): OperatorError | undefined {
  const got = /^Not enough non-option arguments: got (\d+)/.exec(said)?.[1];
  if (got === undefined) return undefined;
  const required = (command.positionals ?? []).filter((one) => one.required);
  const missing = required[Number(got)];
  if (missing === undefined) return undefined;
  const example = command.examples[0]?.[0];
  const what = missing.describe.charAt(0).toLowerCase() + missing.describe.slice(1);
  const line = `banjour ${words.join(' ')}`;
  return problem(
    `${missing.name.toUpperCase()} is missing behind "${escapeUntrusted(line)}": ${what}`,
    command,
    example === undefined ? undefined : `e.g. ${example}`,
  );
}

function wrongChoice(said: string, command: CommandDefinition): OperatorError | undefined {
  const [, option = '', given = '', choices = ''] =
    /Argument: (\S+), Given: (.*), Choices: (.*)/.exec(said) ?? [];
  if (option === '') return undefined;
  const known = choices.split(', ').map((word) => word.replaceAll('"', ''));
  const similar = nearest(given.replaceAll('"', ''), known);
  const meant = similar === undefined ? '' : `; did you mean ${similar}?`;
  return problem(
    `--${option} is one of ${known.join(', ')}, not ${escapeUntrusted(given)}${meant}`,
    command,
  );
}

function missingValue(said: string, command: CommandDefinition): OperatorError | undefined {
  const option = /^Not enough arguments following: (\S+)/.exec(said)?.[1];
  if (option === undefined) return undefined;
  return problem(`--${option} wants a value behind it`, command);
}

function unknownCommand(word: string, table: readonly CommandDefinition[]): OperatorError {
  const similar = nearest(
    word,
    table.map(({ name }) => name),
  );
  const hint = similar === undefined ? undefined : `did you mean banjour ${similar}?`;
  return problem(`there is no command "${escapeUntrusted(word)}"`, undefined, hint);
}

function unknownWord(said: string, command: CommandDefinition): OperatorError | undefined {
  const list = /^Unknown (?:argument|command)s?: (.+)$/s.exec(said)?.[1];
  if (list === undefined) return undefined;
  const word = list.split(', ')[0] ?? '';
  const shown = escapeUntrusted(word);
  const similar = nearest(word, Object.keys(optionsOf(command)));
  if (similar !== undefined)
    return problem(
      `banjour ${command.name} does not know "${shown}"; did you mean --${similar}?`,
      command,
    );
  return problem(`banjour ${command.name} does not know "${shown}"`, command);
}

export interface ParsedCommand {
  /** The command to run; absent when yargs has already said all (help, version). */
  readonly command?: CommandDefinition;
  readonly args: Args;
  /** What yargs wants printed. */
  readonly output: string;
}

/** How the words of a command line are split into options and values. */
const GRAMMAR = {
  'camel-case-expansion': false,
  'parse-positional-numbers': false,
  'greedy-arrays': false,
};

/**
 * Ends yargs once it has chosen a command and read its words: behind the command's own function it
 * would lay out the whole help text, for nobody (yargs 18).
 */
class Chosen extends Error {
  constructor(
    readonly command: CommandDefinition,
    readonly values: object,
  ) {
    super('a command is chosen');
  }
}

/** Stands for a lone `-` on its way through yargs, which would make an empty text of it. */
const STANDARD_INPUT = '\u{10ffff}-';

/**
 * Parses a command line. Throws `OperatorError` (usage) for anything that the table does not allow.
 */
export async function parseCommandLine(
  argv: readonly string[],
  table: readonly CommandDefinition[],
  version: string,
  width: number,
): Promise<ParsedCommand> {
  let output = '';
  let problem: string | undefined;
  let values: object;
  let command: CommandDefinition | undefined;
  try {
    values = await parserOf(table, version, width)
      .fail((message, error) => {
        problem ??= message ?? error?.message ?? 'the command line is not valid';
      })
      .parseAsync(
        argv.map((word) => (word === '-' ? STANDARD_INPUT : word)),
        {},
        (_error: Error | undefined, _values: unknown, text: string) => {
          output = text;
        },
      );
  } catch (error) {
    if (!(error instanceof Chosen)) throw error;
    ({ command, values } = error);
  }
  if (problem !== undefined) throw usageError(problem, argv, table);
  if (command !== undefined) {
    refuseMeaningless(command, values, argv);
    refuseRepeated(command, argv);
  }
  return {
    args: new Args(restored(values as Record<string, unknown>)),
    output,
    ...(command === undefined ? {} : { command }),
  };
}

/**
 * Refuses an option that is given more than once and is no list. yargs would join the texts or let
 * the last one win, and nobody would hear of the others. It keeps no count of booleans, so its own
 * parser reads the words once more, with all of these as lists.
 */
function refuseRepeated(command: CommandDefinition, argv: readonly string[]): void {
  const options = Object.entries(optionsOf(command));
  const named = (...types: readonly OptionDefinition['type'][]) =>
    options.filter(([, { type }]) => types.includes(type)).map(([name]) => name);
  const values = Parser([...argv], {
    alias: Object.fromEntries(options.map(([name, { alias }]) => [name, alias ?? []])),
    array: [
      ...named('boolean').map((key) => ({ key, boolean: true })),
      ...named('strings').map((key) => ({ key, string: true })),
    ],
    string: named('string', 'number'),
    narg: Object.fromEntries(named('string', 'number').map((name) => [name, Number.NaN])),
    configuration: GRAMMAR,
  });
  const repeated = named('boolean', 'string', 'number').find((name) => {
    const value = given(values, name);
    return Array.isArray(value) && value.length > 1;
  });
  if (repeated !== undefined) throw repeatedError(repeated, command);
}

/** Refuses a global option that the command does not honour, and a number that is none. */
function refuseMeaningless(
  command: CommandDefinition,
  values: object,
  argv: readonly string[],
): void {
  const meaningless = Object.keys(GLOBAL_OPTIONS).find(
    (name) => !honours(command, name) && given(values, name) !== undefined,
  );
  if (meaningless !== undefined) throw meaninglessError(meaningless, command);
  const unread = Object.entries(command.options ?? {}).find(
    ([name, { type }]) => type === 'number' && Number.isNaN(given(values, name)),
  );
  if (unread !== undefined) throw numberError(unread[0], argv, command);
}

/** yargs with every command of the table; throws `Chosen` where a command line names one. */
function parserOf(table: readonly CommandDefinition[], version: string, width: number) {
  let parser = yargs()
    .scriptName('banjour')
    // yargs would speak the language of the locale, amid everything else in English.
    .locale('en')
    .usage(
      'banjour COMMAND\n\nReads the systemd journal, recognises hosts that attack a mail server, and bans them in nftables.',
    )
    .version(version)
    .help()
    .alias('h', 'help')
    .strict()
    .demandCommand(1, 'Name a command; `banjour --help` lists them.')
    .wrap(Math.min(width, 120))
    .exitProcess(false)
    .parserConfiguration(GRAMMAR)
    .epilogue('Manual: banjour(1). Each command explains itself: banjour COMMAND --help');
  // Without a default, so that it shows whether the option was typed.
  for (const [name, option] of Object.entries(GLOBAL_OPTIONS))
    parser = parser.option(name, { ...toYargs(option), default: undefined, global: true });
  for (const command of table) {
    const words = (command.positionals ?? []).map(({ name, required, many }) => {
      const word = `${name}${many ? '..' : ''}`;
      return required ? `<${word}>` : `[${word}]`;
    });
    const line = [command.name, ...words].join(' ');
    parser = parser.command(
      line,
      command.summary,
      (sub) => {
        const text = [`banjour ${line}`, command.summary, ...(command.details ?? [])];
        let built = sub.usage(text.join('\n\n'));
        for (const { name, describe } of command.positionals ?? [])
          built = built.positional(name, { describe, type: 'string' });
        for (const [name, option] of Object.entries(command.options ?? {}))
          built = built.option(name, toYargs(option));
        for (const name of Object.keys(GLOBAL_OPTIONS))
          if (!honours(command, name)) built = built.hide(name);
        for (const [example, explanation] of command.examples)
          built = built.example(example, explanation);
        return built;
      },
      (values) => {
        throw new Chosen(command, values);
      },
    );
  }
  return parser;
}

function given(values: object, name: string): unknown {
  return (values as Record<string, unknown>)[name];
}

function restored(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const back = (value: unknown) => (value === STANDARD_INPUT ? '-' : value);
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(back) : back(value),
    ]),
  );
}

function toYargs(option: OptionDefinition) {
  return {
    describe: option.describe,
    ...(option.type === 'strings'
      ? { type: 'string' as const, array: true }
      : { type: option.type }),
    ...(option.alias === undefined ? {} : { alias: option.alias }),
    ...(option.default === undefined ? {} : { default: option.default }),
    ...(option.choices === undefined ? {} : { choices: option.choices }),
    ...(option.type === 'number' || option.type === 'string' ? { requiresArg: true } : {}),
  };
}
