/**
 * The words of a mail: the facts that fail2ban's sendmail, sendmail-whois and sendmail-whois-lines
 * send (jail, address, failures, whois data, log lines), in our own words. Plain text; every
 * stranger's text is escaped.
 */
import { NOTIFY_DIGEST_FULL_MAX, NOTIFY_LINE_CHARS_MAX } from '../core/service-limits.js';
import { escapeUntrusted } from '../core/text.js';
import type { BanNews } from './news.js';

/**
 * A mail as bytes (RFC 5322, 2045, 2047). Every header is one line whatever stands in its value:
 * control characters go, what is not ASCII is encoded, long ones are folded. The body is
 * quoted-printable, so no line is long or bare.
 */
export interface Mail {
  readonly from: { readonly name: string; readonly address: string };
  readonly to: readonly string[];
  readonly subject: string;
  readonly body: string;
  /** The same as HTML, for who reads that; plain text comes first (RFC 2046, 5.1.4). */
  readonly html?: string;
  /** Without brackets; the same mail sent again has the same. */
  readonly messageId: string;
  readonly date: Date;
  /** Further headers; their names are ours. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Characters of a header's line (RFC 5322, 2.1.1, recommends 78) and of an encoded line (RFC 2045,
 * 6.7).
 */
const LINE_CHARS = 76;
/** Bytes of text in one encoded word: 75 characters with `=?UTF-8?B?` and `?=` (RFC 2047, 2). */
const WORD_BYTES = 45;

/** The message with CRLF line ends. */
export function mimeOf(mail: Mail): Buffer {
  const { html } = mail;
  // No line of quoted-printable text has `=_` in it (RFC 2045, 6.7).
  const boundary = '=_banjour';
  const headers = {
    From: `${phrase(mail.from.name)} <${addressOf(mail.from.address)}>`,
    To: mail.to.map(addressOf).join(', '),
    Subject: unstructured(mail.subject),
    Date: dateOf(mail.date),
    'Message-ID': `<${mail.messageId.replace(/[^\w.@-]/g, '').slice(-128)}>`,
    // No vacation answers to a machine (RFC 3834), and no loops.
    'Auto-Submitted': 'auto-generated',
    'MIME-Version': '1.0',
    ...(html === undefined
      ? partHeaders('plain')
      : { 'Content-Type': `multipart/alternative; boundary="${boundary}"` }),
    ...Object.fromEntries(
      Object.entries(mail.headers ?? {}).map(([name, value]) => [name, unstructured(value)]),
    ),
  };
  const body =
    html === undefined
      ? quotedPrintable(mail.body)
      : [
          `--${boundary}`,
          ...[partOf('plain', mail.body), `--${boundary}`, partOf('html', html)],
          `--${boundary}--`,
        ].join('\r\n');
  return Buffer.from(`${headerLines(headers)}\r\n\r\n${body}\r\n`, 'latin1');
}

function headerLines(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers)
    .map(([name, value]) => folded(`${name}: ${value}`))
    .join('\r\n');
}

function partHeaders(kind: 'plain' | 'html') {
  return {
    'Content-Type': `text/${kind}; charset=utf-8`,
    'Content-Transfer-Encoding': 'quoted-printable',
  };
}

function partOf(kind: 'plain' | 'html', text: string): string {
  return `${headerLines(partHeaders(kind))}\r\n\r\n${quotedPrintable(text)}`;
}

/** An address that is nothing else: checked by the configuration, and once more here. */
export function addressOf(text: string): string {
  if (!/^[\w.+=][\w.+=-]*(?:@[\w.-]+)?$/.test(text))
    throw new Error(`not a mail address: ${JSON.stringify(text)}`);
  return text;
}

function phrase(text: string): string {
  const safe = plain(text);
  if (!isShort(safe)) return encodedWords(safe);
  return /^[\w !#$%&'*+/=?^`{|}~-]+$/.test(safe) ? safe : `"${safe.replace(/["\\]/g, '\\$&')}"`;
}

function unstructured(text: string): string {
  const safe = plain(text);
  // What looks like an encoded word would be decoded.
  return isShort(safe) && !safe.includes('=?') ? safe : encodedWords(safe);
}

/** ASCII in words that lines can be folded between. */
function isShort(text: string): boolean {
  return /^[ -~]*$/.test(text) && !/[!-~]{61}/.test(text);
}

/** Without line breaks and other controls. */
function plain(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
}

function encodedWords(text: string): string {
  const words: string[] = [];
  let bytes = Buffer.alloc(0);
  for (const char of text) {
    const next = Buffer.from(char, 'utf8');
    if (bytes.length + next.length > WORD_BYTES) {
      words.push(bytes.toString('base64'));
      bytes = Buffer.alloc(0);
    }
    bytes = Buffer.concat([bytes, next]);
  }
  words.push(bytes.toString('base64'));
  return words.map((word) => `=?UTF-8?B?${word}?=`).join(' ');
}

/** Broken at blanks, each further line beginning with one. */
function folded(line: string): string {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > LINE_CHARS) {
    const at = rest.lastIndexOf(' ', LINE_CHARS);
    // Never between the name and its value: a first line of white space is obsolete syntax.
    const cut =
      at > rest.indexOf(': ') + 1 || lines.length > 0
        ? at
        : rest.indexOf(' ', rest.indexOf(': ') + 2);
    if (cut <= 1) break;
    lines.push(rest.slice(0, cut));
    rest = rest.slice(cut);
  }
  return [...lines, rest].join('\r\n');
}

function quotedPrintable(text: string): string {
  return text
    .split(/\r\n|\r|\n/)
    .map(quotedLine)
    .join('\r\n');
}

function quotedLine(line: string): string {
  const bytes = Buffer.from(line, 'utf8');
  const lines: string[] = [];
  let out = '';
  for (const [index, byte] of bytes.entries()) {
    const isLast = index === bytes.length - 1;
    const literal = (byte > 32 && byte < 127 && byte !== 61) || (byte === 32 && !isLast);
    // Some mailers change a line that begins with a dot or with `From `, so these are encoded.
    const risky =
      out === '' &&
      (byte === 46 || (byte === 70 && bytes.toString('latin1', index, index + 5) === 'From '));
    const piece =
      literal && !risky
        ? String.fromCharCode(byte)
        : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    if (out.length + piece.length > LINE_CHARS - 1) {
      lines.push(`${out}=`);
      out = '';
    }
    out += piece;
  }
  return [...lines, out].join('\r\n');
}

/** RFC 5322, 3.3, in UTC. */
function dateOf(date: Date): string {
  return date.toUTCString().replace('GMT', '+0000');
}

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
  const shown =
    jails.length > 3
      ? `${jails.slice(0, 3).join(', ')} and ${jails.length - 3} more`
      : jails.join(', ');
  const widest = Math.max(...news.map(({ ban }) => ban.target.length));
  const list = news.map(
    ({ ban }) =>
      `  ${clock(ban.time)}  ${ban.target.padEnd(widest)}  ${ban.jail}  ${attempts(ban.failures)}`,
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
      ...(rest > 0
        ? [`Data and log lines of ${rest} more are left out: banjour explain ADDRESS has them.`, '']
        : []),
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
    ...(whois === undefined
      ? []
      : [`What whois says of ${ban.target}:`, '', ...indented(whois.split('\n')), '']),
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
