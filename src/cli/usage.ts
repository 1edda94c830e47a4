/** What is wrong with a command line, in words of our own: the parser counts arguments where people want names. */
import { EXIT, OperatorError } from '../core/errors.js';
import { nearest } from '../core/nearest.js';
import { escapeUntrusted } from '../core/text.js';
import type { CommandDefinition } from './command.js';
import { GLOBAL_OPTIONS, optionsOf } from './global-options.js';

/** The error for what the parser (yargs 18) says of these words. */
export function usageError(said: string, words: readonly string[], table: readonly CommandDefinition[]): OperatorError {
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
export function numberError(option: string, words: readonly string[], command: CommandDefinition): OperatorError {
  const at = words.findIndex((word) => word === `--${option}` || word.startsWith(`--${option}=`));
  const word = words[at] ?? '';
  const given = word.includes('=') ? word.slice(word.indexOf('=') + 1) : words[at + 1];
  const got = given === undefined ? '' : `, not "${escapeUntrusted(given)}"`;
  return problem(`--${option} takes a number${got}`, command);
}

/** The error for a global option that means nothing to the command. */
export function meaninglessError(option: string, command: CommandDefinition): OperatorError {
  const { type, default: preset } = GLOBAL_OPTIONS[option as keyof typeof GLOBAL_OPTIONS];
  const spelled = `--${type === 'boolean' && preset === true ? 'no-' : ''}${option}`;
  return problem(`${spelled} means nothing to banjour ${command.name}`, command);
}

function problem(message: string, command: CommandDefinition | undefined, hint?: string): OperatorError {
  const help = command === undefined ? 'banjour --help lists the commands' : `banjour ${command.name} --help`;
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
  const [, option = '', given = '', choices = ''] = /Argument: (\S+), Given: (.*), Choices: (.*)/.exec(said) ?? [];
  if (option === '') return undefined;
  const known = choices.split(', ').map((word) => word.replaceAll('"', ''));
  const similar = nearest(given.replaceAll('"', ''), known);
  const meant = similar === undefined ? '' : `; did you mean ${similar}?`;
  return problem(`--${option} is one of ${known.join(', ')}, not ${escapeUntrusted(given)}${meant}`, command);
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
    return problem(`banjour ${command.name} does not know "${shown}"; did you mean --${similar}?`, command);
  return problem(`banjour ${command.name} does not know "${shown}"`, command);
}
