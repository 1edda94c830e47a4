/**
 * Single values of the configuration, names of ports among them. Each parser is pure and says what
 * is wrong and what to write.
 */
import { readFileSync } from 'node:fs';
import { INI_FILE_BYTES_MAX } from '../core/limits.js';
import type { PortRange, Protocol } from '../core/specs.js';

// Port numbers by name: the services of mail and web hosts, then `/etc/services` (services(5))
// where there is one. The table goes first, so that a jail means the same on a minimal system.

const SERVICES: Readonly<Record<string, number>> = {
  ftp: 21,
  'ftp-data': 20,
  ftps: 990,
  'ftps-data': 989,
  ssh: 22,
  telnet: 23,
  smtp: 25,
  mail: 25,
  domain: 53,
  http: 80,
  www: 80,
  pop3: 110,
  'pop-3': 110,
  imap: 143,
  imap2: 143,
  imap3: 220,
  ldap: 389,
  https: 443,
  smtps: 465,
  ssmtp: 465,
  submissions: 465,
  urd: 465,
  submission: 587,
  ldaps: 636,
  rsync: 873,
  imaps: 993,
  pop3s: 995,
  mysql: 3306,
  sieve: 4190,
  managesieve: 4190,
  'xmpp-client': 5222,
  'xmpp-server': 5269,
  postgresql: 5432,
  webmin: 10000,
};

let system: Map<string, number> | undefined;

/** The number of a port given by number or name; undefined when unknown. */
function portOf(word: string): number | undefined {
  if (/^\d{1,5}$/.test(word)) return Number(word) <= 65_535 ? Number(word) : undefined;
  const name = word.toLowerCase();
  if (Object.hasOwn(SERVICES, name)) return SERVICES[name];
  system ??= parseServices(readServices());
  return system.get(name);
}

/** Reads `name port/protocol alias...` lines; the first mention of a name counts. */
export function parseServices(text: string): Map<string, number> {
  const ports = new Map<string, number>();
  for (const line of text.split('\n')) {
    const found = /^([^\s#]+)\s+(\d{1,5})\/\w+([^#]*)/.exec(line);
    if (found === null) continue;
    const port = Number(found[2]);
    for (const name of [found[1] as string, ...(found[3] as string).split(/\s+/)])
      if (name !== '' && !ports.has(name.toLowerCase())) ports.set(name.toLowerCase(), port);
  }
  return ports;
}

function readServices(): string {
  try {
    return readFileSync('/etc/services', 'utf8').slice(0, INI_FILE_BYTES_MAX);
  } catch {
    // Minimal systems have no such file; the table above is enough for mail.
    return '';
  }
}

export type Parsed<T> = { readonly value: T } | { readonly problem: string; readonly fix: string };

/** fail2ban's: `1 on true yes` are true; `0 off false no` are false. */
export function parseBoolean(text: string): Parsed<boolean> {
  const word = text.trim().toLowerCase();
  if (['1', 'on', 'true', 'yes'].includes(word)) return { value: true };
  if (['0', 'off', 'false', 'no'].includes(word)) return { value: false };
  return { problem: 'is neither true nor false', fix: 'write true or false' };
}

/** Whether a jail runs; `watch`: it decides and touches nothing. */
export function parseEnabled(text: string): Parsed<boolean | 'watch'> {
  if (text.trim().toLowerCase() === 'watch') return { value: 'watch' };
  const parsed = parseBoolean(text);
  return 'value' in parsed
    ? parsed
    : { problem: 'is none of true, false and watch', fix: 'write true, false or watch' };
}

/** A whole number of at least `min` and at most `max`. */
export function parseInteger(text: string, min: number, max: number, example = 5): Parsed<number> {
  const word = text.trim();
  const value = /^[+-]?\d{1,15}$/.test(word) ? Number(word) : Number.NaN;
  if (value >= min && value <= max) return { value };
  return {
    problem: `is not a whole number from ${min} to ${max}`,
    fix: `write e.g. ${Math.max(min, Math.min(example, max))}`,
  };
}

const YEAR = 31_557_600;
/**
 * fail2ban's units (jail.conf(5), "Time abbreviation format"); a year has 365.25 days, a month is
 * its twelfth.
 */
const UNITS: readonly (readonly [RegExp, number])[] = [
  [/^(?:seconds?|sec?|ss?)$/, 1],
  [/^(?:minutes?|min?|mm?)$/, 60],
  [/^(?:hours?|hou?|hh?)$/, 3_600],
  [/^(?:days?|da|dd?)$/, 86_400],
  [/^(?:weeks?|wee?|ww?)$/, 604_800],
  [/^(?:months?|mon?)$/, YEAR / 12],
  [/^(?:years?|yea?|yy?)$/, YEAR],
];

/**
 * Seconds from `600`, `10m`, `1d12h`, `1w 2d`, `1year-6mo`, `60*60*24`; negative only as a whole,
 * e.g. `-1`.
 */
export function parseDuration(text: string): Parsed<number> {
  const bad = {
    problem: 'is not a length of time',
    fix: 'write seconds or units: 600, 10m, 1d12h, 1w',
  };
  const body = text.trim().toLowerCase();
  const term = /\s*([+-]?)\s*(\d+(?:\.\d+)?(?:\s*\*\s*\d+(?:\.\d+)?)*)\s*([a-z]*)/y;
  let sum = 0;
  if (body === '') return bad;
  while (term.lastIndex < body.length) {
    const found = term.exec(body);
    if (found === null) return bad;
    const [, sign, product = '', unit = ''] = found;
    const factor = unit === '' ? 1 : UNITS.find(([pattern]) => pattern.test(unit))?.[1];
    if (factor === undefined) return bad;
    const amount = product.split('*').reduce((value, one) => value * Number(one), factor);
    sum += sign === '-' ? -amount : amount;
  }
  // A century is beyond every purpose, and far within what the kernel's timeouts can hold.
  if (!Number.isFinite(sum) || Math.abs(sum) > 100 * YEAR)
    return { ...bad, problem: 'is longer than 100 years' };
  return { value: sum };
}

/**
 * Ports: numbers, names and ranges (`a:b`, `a-b`) separated by commas or blanks. The whole range,
 * or nothing, is `all`.
 */
export function parsePorts(text: string): Parsed<readonly PortRange[] | 'all'> {
  const ranges: PortRange[] = [];
  const wrong: string[] = [];
  for (const word of text.split(/[\s,]+/).filter((one) => one !== '')) {
    if (word === 'all' || word === 'any') return { value: 'all' };
    const range = /^(\d+)[:-](\d+)$/.exec(word);
    const [first, last] = range
      ? [Number(range[1]), Number(range[2])]
      : [portOf(word), portOf(word)];
    if (first === undefined || last === undefined || first > last || last > 65_535) {
      wrong.push(word);
      continue;
    }
    if (first <= 1 && last === 65_535) return { value: 'all' };
    ranges.push({ first, last });
  }
  if (wrong.length > 0)
    return {
      problem: `names ${wrong.map((word) => `"${word}"`).join(' and ')}, which ${wrong.length === 1 ? 'is no port' : 'are no ports'}`,
      fix: 'write numbers from 0 to 65535, FIRST:LAST, or names of /etc/services',
    };
  return ranges.length === 0 ? { value: 'all' } : { value: ranges };
}

const PROTOCOLS: readonly Protocol[] = ['tcp', 'udp', 'udplite', 'sctp', 'dccp'];

/** Protocols separated by commas or blanks; `all` is every one, ICMP too. */
export function parseProtocols(text: string): Parsed<readonly Protocol[] | 'all'> {
  const found = new Set<Protocol>();
  for (const word of text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((one) => one !== '')) {
    if (word === 'all' || word === 'any') return { value: 'all' };
    const protocol = PROTOCOLS.find((one) => one === word);
    if (protocol === undefined)
      return {
        problem: `names an unknown protocol "${word}"`,
        fix: `write ${PROTOCOLS.join(', ')}, or all`,
      };
    found.add(protocol);
  }
  return { value: found.size === 0 ? ['tcp'] : [...found] };
}

/**
 * What becomes of a banned packet: nftables' `drop`, `reject with ..`, iptables' `DROP`, `REJECT
 * --reject-with ..`.
 */
export function parseVerdict(text: string): Parsed<'drop' | 'reject'> {
  const word = text.trim().toLowerCase().split(/\s+/)[0];
  if (word === 'drop' || word === 'blackhole') return { value: 'drop' };
  if (word === 'reject' || word === 'unreachable' || word === 'prohibit')
    return { value: 'reject' };
  if (word === 'return' || word === 'accept')
    return {
      problem: 'would let the address in',
      fix: 'write drop or reject; addresses to let in belong to ignoreip',
    };
  return { problem: 'is neither drop nor reject', fix: 'write drop or reject' };
}

/** Words separated by blanks, commas or newlines, as fail2ban splits lists. */
export function splitWords(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== '');
}
