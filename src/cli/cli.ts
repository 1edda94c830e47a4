/** Runs one command line: parse, run, turn whatever is thrown into a message and an exit code. */
import { EXIT, type ExitCode, messageOf, OperatingError, OperatorError } from '../core/errors.js';
import { escapeUntrusted } from '../core/text.js';
import type { Args, CommandDefinition } from './command.js';
import { COMPLETE } from './completion/question.js';
import { honours } from './global-options.js';
import { defaultPaths, type Paths } from './paths.js';
import { quickChoice } from './quick.js';
import { type Terminal, widthOf } from './terminal.js';

export async function runCli(argv: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const json = argv.includes('--json');
  if (argv[0] === COMPLETE) {
    const { completionValues } = await import('./completion/values.js');
    for (const value of await completionValues(argv.slice(1))) terminal.out(`${value}\n`);
    return EXIT.ok;
  }
  try {
    const choice = (await quickChoice(argv)) ?? (await fullChoice(argv, terminal));
    if ('output' in choice && choice.output !== '') terminal.out(`${choice.output}\n`);
    if (choice.command === undefined) return EXIT.ok;
    return await run(choice.command, choice.args, terminal);
  } catch (error) {
    return report(error, terminal, json);
  }
}

/** By yargs: help, every spelling of every option. */
async function fullChoice(argv: readonly string[], terminal: Terminal) {
  const [{ parseCommandLine }, { COMMANDS }, { VERSION }] = await Promise.all([
    import('./yargs.js'),
    import('./table.js'),
    import('./version.js'),
  ]);
  return parseCommandLine(argv, COMMANDS, VERSION, widthOf(terminal.stdout));
}

async function run(command: CommandDefinition, args: Args, terminal: Terminal): Promise<ExitCode> {
  const paths = pathsOf(args);
  const isForPeople = terminal.stdout.isTTY === true && !args.flag('json') && args.text('pager') !== 'false';
  if (!isForPeople || !honours(command, 'pager')) return command.run({ args, terminal, paths });
  const { paged } = await import('./pager.js');
  return paged(terminal, (through) => command.run({ args, terminal: through, paths }));
}

function pathsOf(args: Args): Paths {
  const defaults = defaultPaths();
  return {
    shipped: args.text('shipped-dir') ?? defaults.shipped,
    config: args.text('config-dir') ?? defaults.config,
    run: args.text('run-dir') ?? defaults.run,
    state: args.text('state-dir') ?? defaults.state,
  };
}

/** What people can mend is said without a stack; a bug is shown whole. */
function report(error: unknown, terminal: Terminal, json: boolean): ExitCode {
  if (error instanceof OperatorError) {
    if (json)
      terminal.err(
        `${JSON.stringify({ error: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) })}\n`,
      );
    else terminal.err(`banjour: ${safe(error.message)}${error.hint === undefined ? '' : `\n  ${safe(error.hint)}`}\n`);
    return error.exitCode;
  }
  if (error instanceof OperatingError) {
    terminal.err(
      json
        ? `${JSON.stringify({ error: error.message, code: error.code })}\n`
        : `banjour: ${safe(error.message)} (${error.code})\n`,
    );
    return EXIT.osError;
  }
  terminal.err(
    `banjour: internal error: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}\n`,
  );
  return EXIT.software;
}

function safe(text: string): string {
  return text
    .split('\n')
    .map((line) => escapeUntrusted(line, 4096))
    .join('\n');
}
