/**
 * Jails that read no log: without a failregex, with `filter = evidence`, with `filter = recidive`,
 * and the jail `shared`.
 */
import { EVIDENCE_OFFENDERS_MAX, HONEYPOT_NAMES_MAX } from '../core/limits.js';
import { filterName, type JailName, jailName } from '../core/names.js';
import { SHARE_PREFIX_MIN } from '../core/service-limits.js';
import { SHARE_ORIGINS, SHARED_JAIL, type ShareOrigin, type SharePolicy } from '../core/share.js';
import type { EvidencePolicy, JailIntake } from '../core/specs.js';
import { type Seconds, seconds } from '../core/time.js';
import type { FilterFile } from '../ini/filterfile.js';
import { textOf } from '../ini/value.js';
import type { Section } from './section.js';
import type { JailConfig } from './types.js';
import { type Parsed, parseDuration, parseInteger, splitWords } from './values.js';

/** What such jails take in: no entry at all. */
function noEntries(jail: JailName, filter: string): JailIntake {
  const empty = { failregex: [], ignoreregex: [], successregex: [], maxlines: 1 };
  return {
    jail,
    match: { groups: [] },
    filter: { name: filterName(filter), ...empty, usedns: 'no' },
  };
}

// A jail without a failregex: people and programs ban in it (`banjour ban JAIL ADDRESS`), and it
// finds nobody itself. fail2ban runs such jails too; `filter =` with nothing behind it is how they
// are written.

/** What a jail without a failregex takes in. */
export function handIntake(jail: JailName): JailIntake {
  return noEntries(jail, jail);
}

/**
 * True when neither the jail nor its filter has a regex; a filter that was named for nothing is
 * told.
 */
export function findsNobody(reader: Section, filter: FilterFile, name: string): boolean {
  for (const key of ['failregex', 'successregex'] as const)
    if (reader.text(key) !== '' || textOf(filter.option(key) ?? []).trim() !== '') return false;
  reader.note(
    'jail.by-hand',
    'filter',
    `the filter "${name}" has no failregex, so the jail finds nobody itself: it holds bans by hand`,
    'nothing to do if that is meant; else write failregex = REGEX into the filter, in [Definition]',
    reader.text('filter'),
  );
  return true;
}

// `filter = evidence`: a jail that weighs what the jails of its group find, failures and logins. It
// reads no log itself; `maxretry` is the points that ban an address, `findtime` the time in which
// points lose half their weight.

/** The word of `filter` by which the jail is known. */
export const EVIDENCE = 'evidence';

const OFFENDERS_MIN = 2;

/** What a jail that weighs takes in. */
export function evidenceIntake(jail: JailName): JailIntake {
  return noEntries(jail, EVIDENCE);
}

/** The keys of such a jail beside those that every jail has. */
export function readEvidence(reader: Section): EvidencePolicy {
  const credit = reader.parse('credit', parseDuration, 30 * 86_400);
  return {
    credit: seconds(Math.max(0, credit)),
    subnet: reader.parse('subnet', parseOffenders, 6),
    underattack: reader.parse('underattack', parseOffenders, 8),
    deadnames: reader.parse('deadnames', parseOffenders, 5),
    takeover: reader.parse('takeover', parseOffenders, 6),
    honeypot: reader.parse('honeypot', parseNames, []),
  };
}

/** The jail that weighs what this one finds; undefined when none is named. */
export function readGroup(reader: Section): JailName | undefined {
  return reader.parse('group', parseGroup, undefined);
}

function parseGroup(text: string): Parsed<JailName | undefined> {
  if (text === '') return { value: undefined };
  const name = jailName(text);
  if (name !== undefined) return { value: name };
  return {
    problem: `has "${text}", which cannot be the name of a jail`,
    fix: 'write e.g. group = login',
  };
}

/** A number of offenders, or 0 for never. */
function parseOffenders(text: string): Parsed<number> {
  if (text === '0') return { value: 0 };
  return parseInteger(text, OFFENDERS_MIN, EVIDENCE_OFFENDERS_MAX);
}

function parseNames(text: string): Parsed<readonly string[]> {
  const names = splitWords(text).map((name) => name.toLowerCase());
  const file = names.find((name) => name.startsWith('file:'));
  if (file !== undefined)
    return {
      problem: `has "${file}": names are not read from a file`,
      fix: 'write the names themselves: honeypot = NAME NAME; further lines begin with a blank',
    };
  if (names.length <= HONEYPOT_NAMES_MAX) return { value: names };
  return { problem: `has ${names.length} names`, fix: `write at most ${HONEYPOT_NAMES_MAX}` };
}

// `filter = recidive`: a jail that counts the bans of the other jails. fail2ban finds them in its
// own log; here they are in the ledger, so such a jail reads nothing, and whatever says where to
// read from has no meaning.

/** The name of fail2ban's filter, by which the jail is known. */
export const RECIDIVE = 'recidive';

const READ_FROM = ['logpath', 'match', 'journalmatch', 'failregex'] as const;

/** What a jail that counts bans takes in; keys that say where to read from are told. */
export function recidiveIntake(jail: JailName, reader: Section): JailIntake {
  for (const key of READ_FROM)
    if (reader.own(key))
      reader.note(
        'jail.recidive',
        key,
        'bans of the other jails are counted from the ledger, not from a log',
        `nothing to do; the line ${key} can be removed`,
        reader.text(key),
      );
  return noEntries(jail, RECIDIVE);
}

/** Bans that the ledger has forgotten cannot be counted. */
export function warnForgotten({ policy }: JailConfig, reader: Section, dbpurgeage: Seconds): void {
  if (policy.counts !== 'bans' || policy.findtime <= dbpurgeage) return;
  reader.warn(
    'jail.recidive-forgotten',
    'findtime',
    `reaches further back than dbpurgeage (${dbpurgeage} s), so older bans are forgotten before they count`,
    `write dbpurgeage = ${policy.findtime} into banjour.conf`,
    reader.text('findtime'),
  );
}

// The jail `shared`: what of other hosts' bans this host takes, and which of its own it tells them.

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
