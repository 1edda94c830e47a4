/**
 * `filter = evidence`: a jail that weighs what the jails of its group find, failures and logins. It reads no log itself;
 * `maxretry` is the points that ban an address, `findtime` the time in which points lose half their weight.
 */
import { EVIDENCE_OFFENDERS_MAX, HONEYPOT_NAMES_MAX } from '../core/limits.js';
import { filterName, type JailName, jailName } from '../core/names.js';
import type { EvidencePolicy, JailIntake } from '../core/specs.js';
import { seconds } from '../core/time.js';
import type { Reader } from './reader.js';
import { type Parsed, parseDuration, parseInteger, splitWords } from './values.js';

/** The word of `filter` by which the jail is known. */
export const EVIDENCE = 'evidence';

const OFFENDERS_MIN = 2;

/** What such a jail takes in: no entry at all. */
export function evidenceIntake(jail: JailName): JailIntake {
  const filter = { name: filterName(EVIDENCE), failregex: [], ignoreregex: [], successregex: [], maxlines: 1 };
  return { jail, match: { groups: [] }, filter: { ...filter, usedns: 'no' } };
}

/** The keys of such a jail beside those that every jail has. */
export function readEvidence(reader: Reader): EvidencePolicy {
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
export function readGroup(reader: Reader): JailName | undefined {
  return reader.parse('group', parseGroup, undefined);
}

function parseGroup(text: string): Parsed<JailName | undefined> {
  if (text === '') return { value: undefined };
  const name = jailName(text);
  if (name !== undefined) return { value: name };
  return { problem: `has "${text}", which cannot be the name of a jail`, fix: 'write e.g. group = login' };
}

/** A number of offenders, or 0 for never. */
function parseOffenders(text: string): Parsed<number> {
  if (text === '0') return { value: 0 };
  return parseInteger(text, OFFENDERS_MIN, EVIDENCE_OFFENDERS_MAX);
}

function parseNames(text: string): Parsed<readonly string[]> {
  const names = splitWords(text).map((name) => name.toLowerCase());
  if (names.length <= HONEYPOT_NAMES_MAX) return { value: names };
  return { problem: `has ${names.length} names`, fix: `write at most ${HONEYPOT_NAMES_MAX}` };
}
