/** The only file that knows yargs: turns the table of commands into a parser and gives back what was chosen. */
import yargs from 'yargs';
import { Args, type CommandDefinition, type OptionDefinition } from './command.js';
import { GLOBAL_OPTIONS, honours } from './global-options.js';
import { meaninglessError, numberError, usageError } from './usage.js';

export interface Choice {
  /** The command to run; absent when yargs has already said all (help, version). */
  readonly command?: CommandDefinition;
  readonly args: Args;
  /** What yargs wants printed. */
  readonly output: string;
}

/** Stands for a lone `-` on its way through yargs, which would make an empty text of it. */
const STANDARD_INPUT = '\u{10ffff}-';

/** Parses a command line. Throws `OperatorError` (usage) for anything that the table does not allow. */
export async function parseCommandLine(
  argv: readonly string[],
  table: readonly CommandDefinition[],
  version: string,
  width: number,
): Promise<Choice> {
  let chosen: CommandDefinition | undefined;
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
    .parserConfiguration({ 'camel-case-expansion': false, 'parse-positional-numbers': false, 'greedy-arrays': false })
    .epilogue('Manual: banjour(1). Each command explains itself: banjour COMMAND --help');
  // Without a default, so that it shows whether the option was typed.
  for (const [name, option] of Object.entries(GLOBAL_OPTIONS))
    parser = parser.option(name, { ...toYargs(option), default: undefined, global: true });
  for (const command of table) {
    const words = (command.positionals ?? []).map(({ name, required, many }) => {
      const word = `${name}${many ? '..' : ''}`;
      return required ? `<${word}>` : `[${word}]`;
    });
    parser = parser.command(
      [command.name, ...words].join(' '),
      command.summary,
      (sub) => {
        let built = sub.usage(
          [`banjour ${[command.name, ...words].join(' ')}`, command.summary, ...(command.details ?? [])].join('\n\n'),
        );
        for (const { name, describe } of command.positionals ?? [])
          built = built.positional(name, { describe, type: 'string' });
        for (const [name, option] of Object.entries(command.options ?? {})) built = built.option(name, toYargs(option));
        for (const name of Object.keys(GLOBAL_OPTIONS)) if (!honours(command, name)) built = built.hide(name);
        for (const [line, explanation] of command.examples) built = built.example(line, explanation);
        return built;
      },
      () => {
        chosen = command;
      },
    );
  }
  let output = '';
  let problem: string | undefined;
  const values = await parser
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
  if (problem !== undefined) throw usageError(problem, argv, table);
  const command = chosen as CommandDefinition | undefined;
  const meaningless =
    command && Object.keys(GLOBAL_OPTIONS).find((name) => !honours(command, name) && given(values, name) !== undefined);
  if (command !== undefined && meaningless !== undefined) throw meaninglessError(meaningless, command);
  const unread = Object.entries(chosen?.options ?? {}).find(
    ([name, { type }]) => type === 'number' && Number.isNaN(given(values, name)),
  );
  if (unread !== undefined && chosen !== undefined) throw numberError(unread[0], argv, chosen);
  return {
    args: new Args(restored(values as Record<string, unknown>)),
    output,
    ...(chosen === undefined ? {} : { command: chosen }),
  };
}

function given(values: object, name: string): unknown {
  return (values as Record<string, unknown>)[name];
}

function restored(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const back = (value: unknown) => (value === STANDARD_INPUT ? '-' : value);
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, Array.isArray(value) ? value.map(back) : back(value)]),
  );
}

function toYargs(option: OptionDefinition) {
  return {
    describe: option.describe,
    ...(option.type === 'strings' ? { type: 'string' as const, array: true } : { type: option.type }),
    ...(option.alias === undefined ? {} : { alias: option.alias }),
    ...(option.default === undefined ? {} : { default: option.default }),
    ...(option.choices === undefined ? {} : { choices: option.choices }),
    ...(option.type === 'number' || option.type === 'string' ? { requiresArg: true } : {}),
  };
}
