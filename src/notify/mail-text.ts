/**
 * The words of a mail: the facts that fail2ban's sendmail, sendmail-whois and sendmail-whois-lines send (jail, address,
 * failures, whois data, log lines), in our own words. Plain text; every stranger's text is escaped.
 */
import { NOTIFY_DIGEST_FULL_MAX, NOTIFY_LINE_CHARS_MAX } from '../core/limits.js';
import { escapeUntrusted } from '../core/text.js';
import type { BanNews } from './message.js';

export interface Letter {
  readonly subject: string;
  readonly body: string;
}

export interface LetterOptions {
  /** This host's name. */
  readonly host: string;
  /** Jail to the name by which the receiver knows it. */
  readonly names: ReadonlyMap<string, string>;
}

/** The mail about one ban, or a digest of many. `news` has at least one. */
export function letterOf(news: readonly BanNews[], options: LetterOptions): Letter {
  const [first] = news;
  if (first === undefined) throw new Error('bug: a letter without news');
  return news.length === 1 ? single(first, options) : digest(news, options);
}

function single(news: BanNews, { host, names }: LetterOptions): Letter {
  const { ban } = news;
  return {
    subject: `[Banjour] ${nameOf(ban.jail, names)}: banned ${ban.target} from ${host}`,
    body: [
      `Banjour on ${host} has banned ${ban.target}${ban.origin === 'operator' ? ' by hand' : ` after ${attempts(ban.failures)}`}.`,
      '',
      ...sections(news),
      closing(ban.target),
    ].join('\n'),
  };
}

function digest(news: readonly BanNews[], { host, names }: LetterOptions): Letter {
  const jails = [...new Set(news.map(({ ban }) => nameOf(ban.jail, names)))];
  const shown = jails.length > 3 ? `${jails.slice(0, 3).join(', ')} and ${jails.length - 3} more` : jails.join(', ');
  const widest = Math.max(...news.map(({ ban }) => ban.target.length));
  const list = news.map(
    ({ ban }) => `  ${clock(ban.time)}  ${ban.target.padEnd(widest)}  ${ban.jail}  ${attempts(ban.failures)}`,
  );
  const told = news.filter(({ whois, lines }) => whois !== undefined || lines.length > 0);
  const full = told.slice(0, NOTIFY_DIGEST_FULL_MAX);
  const rest = told.length - full.length;
  return {
    subject: `[Banjour] ${shown}: ${news.length} addresses banned from ${host}`,
    body: [
      `Banjour on ${host} has banned ${news.length} addresses:`,
      '',
      ...list,
      '',
      ...full.flatMap((one) => [`== ${one.ban.target} ==`, '', ...sections(one)]),
      ...(rest > 0 ? [`Data and log lines of ${rest} more are left out: banjour explain ADDRESS has them.`, ''] : []),
      closing('ADDRESS'),
    ].join('\n'),
  };
}

/** What is known of one ban. */
function sections({ ban, whois, lines }: BanNews): string[] {
  const facts: (readonly [string, string])[] = [
    ['Address', ban.target],
    ['Jail', ban.jail],
    ['Failures', String(ban.failures)],
    ...(ban.user === undefined ? [] : [['Last user', escapeUntrusted(ban.user)] as const]),
    ['Banned at', clock(ban.time)],
    ['Until', ban.until === null ? 'for good' : clock(ban.until)],
    ['Number', String(ban.id)],
  ];
  return [
    ...facts.map(([word, value]) => `  ${`${word}:`.padEnd(11)}${value}`),
    '',
    ...(whois === undefined ? [] : [`What whois says of ${ban.target}:`, '', ...indented(whois.split('\n')), '']),
    ...(lines.length === 0 ? [] : [`Log lines of ${ban.target}:`, '', ...indented(lines), '']),
  ];
}

/** Strangers' lines, indented: none can look like one of ours, nor be a lone dot or a separator. */
function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${escapeUntrusted(line, NOTIFY_LINE_CHARS_MAX)}`);
}

function closing(target: string): string {
  return `To see why: banjour explain ${target}\nTo lift it: banjour unban ${target}\n`;
}

function nameOf(jail: string, names: ReadonlyMap<string, string>): string {
  return escapeUntrusted(names.get(jail) ?? jail, 80);
}

function attempts(count: number): string {
  return count === 1 ? '1 failed attempt' : `${count} failed attempts`;
}

/** `2026-11-21 18:50:38 UTC`. */
function clock(iso: string): string {
  return `${iso.slice(0, 19).replace('T', ' ')} UTC`;
}
