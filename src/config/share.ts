/**
 * The jail `shared`: what of other hosts' bans this host takes, and which of its own it tells them.
 */

import { jailName } from '../core/names.js';
import { SHARE_PREFIX_MIN } from '../core/service-limits.js';
import { SHARE_ORIGINS, SHARED_JAIL, type ShareOrigin, type SharePolicy } from '../core/share.js';
import { seconds } from '../core/time.js';
import type { Section } from './section.js';
import { type Parsed, parseDuration, parseInteger, splitWords } from './values.js';

const PREFIX: readonly [number, number] = [24, 48];
const WEEK = 7 * 86_400;

/** The keys of the jail `shared`; undefined in any other. */
export function readShare(reader: Section, isByHand: boolean): SharePolicy | undefined {
  if (reader.section !== SHARED_JAIL || !isByHand) return undefined;
  return {
    accept: reader.parse('accept', parseOrigins, []),
    bantimeMax: seconds(reader.parse('accept-bantime-max', parseBound, WEEK)),
    prefix: reader.parse('accept-prefix', parsePrefixes, PREFIX),
    publish: reader.parse('publish', parsePublished, { jails: [], operator: false }),
  };
}

function parseOrigins(text: string): Parsed<readonly ShareOrigin[]> {
  const words = splitWords(text.toLowerCase());
  if (words.length === 1 && words[0] === 'none') return { value: [] };
  const known = SHARE_ORIGINS.filter((origin) => words.includes(origin));
  const wrong = words.find((word) => !SHARE_ORIGINS.some((origin) => origin === word));
  if (wrong === undefined && words.length > 0) return { value: known };
  return {
    problem: wrong === undefined ? 'names no origin' : `names an unknown origin "${wrong}"`,
    fix: `write some of ${SHARE_ORIGINS.join(' ')}, or none`,
  };
}

function parseBound(text: string): Parsed<number> {
  const parsed = parseDuration(text);
  if (!('value' in parsed) || parsed.value >= 1) return parsed;
  return { problem: 'is not a positive length of time', fix: 'write e.g. 1w' };
}

/** The shortest lengths that are taken, of IPv4 and IPv6. */
function parsePrefixes(text: string): Parsed<readonly [number, number]> {
  const [four = '', six = '', ...more] = splitWords(text.replaceAll('/', ' '));
  const lengths = [
    parseInteger(four, SHARE_PREFIX_MIN[4], 32, PREFIX[0]),
    parseInteger(six, SHARE_PREFIX_MIN[6], 128, PREFIX[1]),
  ];
  const [first, second] = lengths.map((one) => ('value' in one ? one.value : undefined));
  if (first !== undefined && second !== undefined && more.length === 0)
    return { value: [first, second] };
  return {
    problem: `is not two lengths, of IPv4 from ${SHARE_PREFIX_MIN[4]} to 32 and of IPv6 from ${SHARE_PREFIX_MIN[6]} to 128`,
    fix: `write e.g. accept-prefix = ${PREFIX.join(' ')}`,
  };
}

function parsePublished(text: string): Parsed<SharePolicy['publish']> {
  const words = splitWords(text);
  if (words.length === 1 && words[0]?.toLowerCase() === 'none')
    return { value: { jails: [], operator: false } };
  const operator = words.some((word) => word.toLowerCase() === 'operator');
  const names = words.filter((word) => word.toLowerCase() !== 'operator');
  if (names.some((word) => word.toLowerCase() === 'all'))
    return { value: { jails: 'all', operator } };
  const jails = names.flatMap((name) => jailName(name) ?? []);
  if (words.length > 0 && jails.length === names.length) return { value: { jails, operator } };
  return {
    problem: 'does not say which bans others are told of',
    fix: 'write names of jails, all, operator, or none',
  };
}
