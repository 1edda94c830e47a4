/** The commands of fail2ban-client and their answers. */
import { setTimeout } from 'node:timers/promises';
import type { BanView } from '../../control/protocol.js';
import { EXIT, OperatorError } from '../../core/errors.js';
import { escapeUntrusted } from '../../core/text.js';
import { SLEEP_SECONDS_MAX } from '../../core/timeouts.js';
import { whoTypes } from '../who.js';
import { getOption, setOption } from './options.js';
import { clientOf, type Fail2banSession, NotOk } from './session.js';
import {
  allText,
  banTimeLine,
  byEnd,
  hasUnicode,
  jailText,
  pythonRepr,
  statsText,
  statusText,
} from './shapes.js';

export const USAGE = `Usage: fail2ban-client [OPTIONS] <COMMAND>

This is Banjour, which speaks fail2ban-client's grammar: banjour(1), banjour-fail2ban(1).

Options:
    -c, --conf <DIR>        configuration directory (default: /etc/banjour)
    -s, --socket <FILE>     control.sock or status.sock of the agent
    -d, --dp                dump the configuration
    -t, --test              test the configuration
    -i                      interactive mode
    --str2sec <STRING>      convert a time abbreviation to seconds
    -h, --help              display this help
    -V, --version           print the version whose grammar this is

Commands:
    start, stop, restart [JAIL], reload [--restart] [--unban] [--all|JAIL]
    status [JAIL|--all] [basic|short], stats, banned [IP...], ping, version, echo TEXT
    sleep SECONDS
    unban --all | IP...
    set JAIL banip|unbanip [--report-absent] IP..., set JAIL attempt IP [FAILURE...]
    set JAIL bantime|findtime|maxretry|... VALUE, set JAIL addignoreip|delignoreip IP,
    set JAIL addlogpath|dellogpath FILE, set loglevel LEVEL, set dbpurgeage DURATION
    get JAIL banip [SEP|--with-time], get JAIL banned [IP...], get JAIL bantime|findtime|maxretry|ignoreip|...
    get loglevel|logtarget|dbfile|dbpurgeage
`;

/** Carries a command out and prints its answer. Throws what becomes exit code 255. */
export async function carryOut(words: readonly string[], session: Fail2banSession): Promise<void> {
  const answer = await explained(answerTo(words, session), words[0] ?? '', session);
  session.terminal.out(`${answer}${answer.endsWith('\n') ? '' : '\n'}`);
}

async function explained(
  answer: Promise<string>,
  command: string,
  session: Fail2banSession,
): Promise<string> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    if (error.exitCode === EXIT.unavailable)
      throw new NotOk(
        command === 'reload' || command === 'restart'
          ? 'Could not find server'
          : `Failed to access socket path: ${session.status}. Is fail2ban running?`,
      );
    if (error.exitCode === EXIT.noPermission)
      throw new NotOk(`Permission denied to socket: ${session.status}, (you must be root)`);
    const jail = /^there is no jail "(.*)"$/.exec(error.message)?.[1];
    if (jail === undefined) throw error;
    throw command === 'reload'
      ? new NotOk(`Failed during configuration: No section: ${pythonRepr(jail)}`)
      : new NotOk(
          `NOK: (${pythonRepr(jail)},)`,
          `Sorry but the jail '${escapeUntrusted(jail)}' does not exist`,
        );
  }
}

async function answerTo(words: readonly string[], session: Fail2banSession): Promise<string> {
  const [command = '', ...rest] = words;
  switch (command) {
    case 'ping':
      await clientOf(session).ping();
      return 'Server replied: pong';
    case 'version':
      await clientOf(session).ping();
      return session.version;
    case 'sleep':
      return sleep(rest);
    case 'echo':
      return rest.join(' ');
    case 'flushlogs':
      return 'logs: rolled over';
    case 'status':
      return status(rest, session);
    case 'stats':
    case 'statistics':
      return statsText((await clientOf(session).status()).jails, hasUnicode(session.terminal.env));
    case 'banned':
      return banned(rest, session);
    case 'unban':
      return unban(rest, session);
    case 'get':
      if (rest[1] === 'banip' || rest[1] === 'banned') return bansOf(rest, session);
      return getOption(rest, clientOf(session));
    case 'set':
      return setOption(rest, clientOf(session, true), whoTypes(session.terminal.env));
    case 'reload':
      return reload(rest, session);
    case 'start':
    case 'stop':
    case 'restart': {
      const { controlService } = await import('./service.js');
      return controlService(command, rest, session, () => reload(rest, session));
    }
    default:
      throw new NotOk("NOK: ('Invalid command',)", 'Invalid command');
  }
}

/** Scripts wait with it in interactive sessions and files of commands. */
async function sleep([seconds]: readonly string[]): Promise<string> {
  if (seconds === undefined)
    throw new NotOk("NOK: ('list index out of range',)", 'Sorry but the command is invalid');
  const length = Number(seconds);
  if (seconds.trim() === '' || Number.isNaN(length)) {
    const message = `could not convert string to float: ${pythonRepr(seconds)}`;
    throw new NotOk(`NOK: (${pythonRepr(message)},)`, message);
  }
  if (length < 0 || length > SLEEP_SECONDS_MAX) {
    const message = `sleep length must be from 0 to ${SLEEP_SECONDS_MAX} seconds`;
    throw new NotOk(`NOK: (${pythonRepr(message)},)`, message);
  }
  await setTimeout(length * 1000);
  return 'None';
}

async function status(
  [first, second]: readonly string[],
  session: Fail2banSession,
): Promise<string> {
  const client = clientOf(session);
  if (first === undefined) return statusText((await client.status()).jails.map(({ jail }) => jail));
  const short = second === 'short';
  if (second === 'stats') {
    const { jails } = await client.status();
    return statsText(
      jails.filter(({ jail }) => first === '--all' || jail === first),
      hasUnicode(session.terminal.env),
    );
  }
  if (first !== '--all') {
    const { jail, banned: bans } = await client.jail({ jail: first });
    return jailText(jail, targetsOf(bans), short);
  }
  const { jails } = await client.status();
  const all = [];
  for (const { jail: name } of jails) {
    const { jail, banned: bans } = await client.jail({ jail: name });
    all.push({ jail, banned: targetsOf(bans) });
  }
  return allText(all, short);
}

function targetsOf(bans: readonly BanView[]): string[] {
  return bans.map(({ target }) => target);
}

async function banned(addresses: readonly string[], session: Fail2banSession): Promise<string> {
  const client = clientOf(session);
  const jails = (await client.status()).jails.map(({ jail }) => jail);
  if (addresses.length > 0) {
    const answers = await Promise.all(addresses.map((address) => client.bans({ address })));
    return pythonRepr(
      answers.map((bans) => jails.filter((name) => bans.some(({ jail }) => jail === name))),
    );
  }
  const lists = new Map(jails.map((jail) => [jail, [] as string[]]));
  for (const { jail, target } of await client.bans()) lists.get(jail)?.push(target);
  return pythonRepr([...lists].map(([jail, list]) => ({ [jail]: list })));
}

async function unban(words: readonly string[], session: Fail2banSession): Promise<string> {
  if (words.length === 0) throw new NotOk("NOK: ('Invalid command',)", 'Invalid command');
  const targets = words.includes('--all') ? 'all' : words;
  return String(
    (await clientOf(session, true).unban({ targets, by: whoTypes(session.terminal.env) })).changed,
  );
}

/** `get JAIL banip [SEP|--with-time]`, `get JAIL banned [IP...]`. */
async function bansOf(
  [name = '', what, ...rest]: readonly string[],
  session: Fail2banSession,
): Promise<string> {
  const { banned: bans } = await clientOf(session).jail({ jail: name });
  if (what === 'banip') {
    if (rest[0] === '--with-time') return byEnd(bans).map(banTimeLine).join('\n');
    return targetsOf(byEnd(bans)).join(rest[0] ?? ' ');
  }
  const targets = targetsOf(bans);
  if (rest.length === 0) return pythonRepr(targets);
  const flags = rest.map((address) => (targets.includes(address) ? 1 : 0));
  return flags.length === 1 ? String(flags[0]) : pythonRepr(flags);
}

async function reload(words: readonly string[], session: Fail2banSession): Promise<string> {
  const jail = words.find((word) => !word.startsWith('--'));
  await clientOf(session, true).reload({
    unban: words.includes('--unban'),
    by: whoTypes(session.terminal.env),
    ...(jail === undefined || words.includes('--all') ? {} : { jail }),
  });
  return 'OK';
}
