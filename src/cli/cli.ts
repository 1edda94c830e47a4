/**
 * Runs one command line: parse, run, turn whatever is thrown into a message and an exit code; and
 * ends the process with it.
 */
import { hasHadThreads } from '../core/background.js';
import { EXIT, type ExitCode, messageOf, OperatingError, OperatorError } from '../core/errors.js';
import { escapeUntrusted } from '../core/text.js';
import { defaultPaths, type Paths, packageVersion } from '../setup/paths.js';
import { type Terminal, widthOf } from '../tools/terminal.js';
import { type Args, COMPLETE, type CommandDefinition, honours } from './command.js';
import { quickChoice } from './quick.js';

/**
 * What every command's exit codes mean, unless it says otherwise (sysexits.h). For help, man pages
 * and docs/cli.md.
 */
export const GENERAL_EXITS: readonly (readonly [ExitCode, string])[] = [
  [EXIT.ok, 'done'],
  [EXIT.no, 'the answer is no: nobody is banned, nothing was found, something was not changed'],
  [EXIT.usage, 'the command line is not valid'],
  [
    EXIT.dataError,
    'the agent refused: an unknown jail, not an address, a value that is not valid; or a file is not what it should be',
  ],
  [EXIT.noInput, 'a file to read is not there'],
  [EXIT.unavailable, 'no agent is running'],
  [EXIT.software, 'a fault of Banjour; please report it'],
  [EXIT.osError, 'the system failed: journal, nft, disk'],
  [EXIT.cannotCreate, 'a file cannot be written'],
  [
    EXIT.temporary,
    'not now: too many clients, or another agent or command holds what is needed; try again',
  ],
  [EXIT.noPermission, 'no permission; try as root'],
  [EXIT.config, 'the configuration has errors'],
];

/** Commands of 0.1.0 that scripts still call, and what they are called now. */
const OLD_NAMES: Readonly<Record<string, string>> = { notify: 'companion' };

export async function runCli(line: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const [name = ''] = line;
  const argv = Object.hasOwn(OLD_NAMES, name) ? [OLD_NAMES[name] ?? '', ...line.slice(1)] : line;
  const json = argv.includes('--json');
  if (argv[0] === COMPLETE) {
    const { completionValues } = await import('./completion/values.js');
    for (const value of await completionValues(argv.slice(1))) terminal.out(`${value}\n`);
    return EXIT.ok;
  }
  try {
    const choice = (await quickChoice(argv)) ?? (await fullChoice(argv, terminal));
    if (choice.command !== undefined) return await run(choice.command, choice.args, terminal);
    return await help('output' in choice ? choice.output : '', argv, terminal);
  } catch (error) {
    return report(error, terminal, json);
  }
}

/** Runs a command line that can be read without yargs; undefined, and nothing done, otherwise. */
export async function runQuickly(
  argv: readonly string[],
  terminal: Terminal,
): Promise<ExitCode | undefined> {
  try {
    const choice = await quickChoice(argv);
    return choice && (await run(choice.command, choice.args, terminal));
  } catch (error) {
    return report(error, terminal, argv.includes('--json'));
  }
}

/** By yargs: help, every spelling of every option. */
async function fullChoice(argv: readonly string[], terminal: Terminal) {
  const table = await commands();
  const { parseCommandLine } = await import('./command-line.js');
  return parseCommandLine(argv, table, packageVersion(), widthOf(terminal.stdout));
}

/** The table of commands, loaded only when a command line needs it. */
async function commands(): Promise<readonly CommandDefinition[]> {
  return (await import('./table.js')).COMMANDS;
}

async function run(command: CommandDefinition, args: Args, terminal: Terminal): Promise<ExitCode> {
  const paths = pathsOf(args);
  const isForPeople =
    terminal.stdout.isTTY === true && !args.flag('json') && args.text('pager') !== 'false';
  if (!isForPeople || !honours(command, 'pager'))
    return command.run({ args, terminal, live: terminal, paths, commands });
  const { paged } = await import('./pager.js');
  return paged(terminal, (through) =>
    command.run({ args, terminal: through, live: terminal, paths, commands }),
  );
}

/** What the parser answered itself: a help text, the version. */
async function help(text: string, argv: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const print = async (to: Terminal) => {
    if (text !== '') to.out(`${text}\n`);
    return EXIT.ok;
  };
  if (terminal.stdout.isTTY !== true || argv.includes('--no-pager')) return print(terminal);
  const { paged } = await import('./pager.js');
  return paged(terminal, print);
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
    else
      terminal.err(
        `banjour: ${safe(error.message)}${error.hint === undefined ? '' : `\n  ${safe(error.hint)}`}\n`,
      );
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

/**
 * Ends the process with this exit code: when nothing is left to do, or, when it has had threads,
 * which may not let it go, as soon as all is written.
 */
export async function exitProcess(code: number): Promise<void> {
  process.exitCode = code;
  if (!hasHadThreads()) return;
  await Promise.all([process.stdout, process.stderr].map(written));
  const { endProcess } = await import('../../native/libc.js');
  endProcess(code);
}

/**
 * Resolves when what was written to the stream has left this process: a pipe takes 64 KiB at once.
 */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}
