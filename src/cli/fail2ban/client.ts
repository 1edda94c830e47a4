/**
 * `fail2ban-client`: what Banjour is when it is called by that name (a symbolic link that the
 * administrator makes). Its words, its answers to the byte, its exit codes: 0, or 255 for
 * everything that went wrong. The pickle socket behind the real one is not spoken.
 */

import { basename, dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { shellWords } from '../../core/text.js';
import { controlSocket, defaultPaths, type Paths, statusSocket } from '../../setup/paths.js';
import type { Terminal } from '../../tools/terminal.js';
import { carryOut, USAGE } from './commands.js';
import { type Fail2banSession, NotOk, report } from './session.js';

/** `fail2ban-client -i`: one command per line until `exit`, `quit` or the end of the input. */
export async function interact(session: Fail2banSession): Promise<number> {
  const { terminal } = session;
  const prompt = () => terminal.out('fail2ban> ');
  const lines = createInterface({ input: process.stdin });
  prompt();
  for await (const line of lines) {
    const words = shellWords(line) ?? [];
    if (words[0] === 'exit' || words[0] === 'quit') break;
    if (words.length > 0)
      await carryOut(words, session).catch((error: unknown) => report(error, terminal));
    prompt();
  }
  lines.close();
  return 0;
}

/** The version whose grammar and answers these are; scripts compare it. */
export const SPOKEN_VERSION = '1.1.0';

interface CommandLine {
  readonly words: readonly string[];
  readonly config?: string;
  readonly socket?: string;
  readonly special?: {
    readonly name: 'version' | 'help' | 'test' | 'dump' | 'seconds' | 'interactive';
    readonly value?: string;
  };
}

/** Options with a value, in both spellings. */
const VALUED: Readonly<Record<string, 'config' | 'socket' | 'other'>> = {
  '-c': 'config',
  '--conf': 'config',
  '-s': 'socket',
  '--socket': 'socket',
  '-p': 'other',
  '--pidfile': 'other',
  '--pname': 'other',
  '--loglevel': 'other',
  '--logtarget': 'other',
  '--syslogsocket': 'other',
  '--timeout': 'other',
};
const SPECIAL: Readonly<Record<string, NonNullable<CommandLine['special']>['name']>> = {
  '-V': 'version',
  '--version': 'version',
  '-h': 'help',
  '--help': 'help',
  '-t': 'test',
  '--test': 'test',
  '-d': 'dump',
  '--dp': 'dump',
  '--dump-pretty': 'dump',
  '-i': 'interactive',
  '--str2sec': 'seconds',
};
const IGNORED: ReadonlySet<string> = new Set([
  '-v',
  '-vv',
  '-vvv',
  '-q',
  '-x',
  '-b',
  '-f',
  '--async',
]);

/** Runs one command line; 0 or 255. */
export async function fail2banClient(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const line = parse(argv);
    const paths = pathsOf(line);
    const session: Fail2banSession = {
      terminal,
      paths,
      version: SPOKEN_VERSION,
      control: line.socket ?? controlSocket(paths),
      status: line.socket ?? statusSocket(paths),
    };
    if (line.special !== undefined) return await special(line.special, session);
    if (line.words.length === 0) {
      terminal.out(USAGE);
      return 255;
    }
    await carryOut(line.words, session);
    return 0;
  } catch (error) {
    return report(error, terminal);
  }
}

function parse(argv: readonly string[]): CommandLine {
  const values: { config?: string; socket?: string } = {};
  let special: CommandLine['special'];
  let index = 0;
  for (; index < argv.length; index++) {
    const word = argv[index] as string;
    if (!word.startsWith('-')) break;
    const [name = word, inline] = word.startsWith('--') ? word.split(/=(.*)/s) : [word];
    const kind = VALUED[name];
    if (kind !== undefined) {
      const value = inline ?? argv[++index];
      if (value === undefined) throw new NotOk(`option ${name} requires argument`);
      if (kind !== 'other') values[kind] = value;
    } else if (SPECIAL[name] !== undefined) {
      const value = name === '--str2sec' ? (inline ?? argv[++index]) : undefined;
      special = { name: SPECIAL[name], ...(value === undefined ? {} : { value }) };
    } else if (!IGNORED.has(name)) throw new NotOk(`option ${name} not recognized`);
  }
  return {
    words: argv.slice(index),
    ...ownPlaces(values),
    ...(special === undefined ? {} : { special }),
  };
}

/** Places of the real fail2ban, which scripts may name, mean our own. */
function ownPlaces({
  config,
  socket,
}: {
  config?: string;
  socket?: string;
}): Pick<CommandLine, 'config' | 'socket'> {
  return {
    ...(config === undefined || /(?:^|\/)fail2ban\/?$/.test(config) ? {} : { config }),
    ...(socket === undefined || basename(socket) === 'fail2ban.sock' ? {} : { socket }),
  };
}

function pathsOf({ config, socket }: CommandLine): Paths {
  const paths = defaultPaths();
  return {
    ...paths,
    ...(config === undefined ? {} : { config }),
    ...(socket === undefined ? {} : { run: dirname(socket) }),
  };
}

async function special(
  { name, value }: NonNullable<CommandLine['special']>,
  session: Fail2banSession,
): Promise<number> {
  const { terminal } = session;
  switch (name) {
    case 'version':
      terminal.out(`${session.version}\n`);
      return 0;
    case 'help':
      terminal.out(USAGE);
      return 0;
    case 'seconds': {
      const { parseDuration } = await import('../../config/values.js');
      const parsed = parseDuration(value ?? '');
      if (!('value' in parsed)) {
        terminal.out(`ERROR: ${JSON.stringify(value ?? '')} ${parsed.problem}\n`);
        return 255;
      }
      terminal.out(`${parsed.value}\n`);
      return 0;
    }
    case 'test':
    case 'dump': {
      const { dumpConfiguration, testConfiguration } = await import('./service.js');
      return name === 'test' ? testConfiguration(session) : dumpConfiguration(session);
    }
    case 'interactive':
      return interact(session);
  }
}
