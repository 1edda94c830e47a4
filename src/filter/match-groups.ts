/**
 * What the groups of a match mean: whose failure it is (also behind proxies), which user, how many
 * attempts, and how the line is to be counted. The names are those that fail2ban's tags give
 * (`<HOST>` makes ip4, ip6, dns; `<F-ID>` fid; `<F-USER>` user; `<F-MLFID>` mlfid ...).
 */
import { type Address, contains, type Prefix, parseAddress } from '../core/address.js';
import type { FailureCause } from '../core/decision.js';
import {
  DIGEST_CHARS_KEPT_MAX,
  DIGEST_CHARS_MAX,
  DIGEST_CHARS_MIN,
  EVENT_COUNT_MAX,
  SESSION_KEY_CHARS_MAX,
  USER_CHARS_MAX,
} from '../core/limits.js';
import { bitsOf, type Found, GROUP, type GroupNumber } from './regex/match.js';
import { asciiDigits } from './regex/scripts.js';

/** A group of a match, or else of the match of the prefregex, if there was one. */
function either(match: Found, prefix: Found | undefined, group: GroupNumber): string | undefined {
  const text = match.text(group);
  return text === undefined && prefix !== undefined ? prefix.text(group) : text;
}

/** Whether any of these groups (`bitsOf`) is there at all. */
function hasAny(match: Found, prefix: Found | undefined, bits: number): boolean {
  return ((match.places.bits | (prefix === undefined ? 0 : prefix.places.bits)) & bits) !== 0;
}

/** Groups that tell whose failure it is, in the order in which fail2ban looks at them. */
export const ID_GROUPS = ['fid', 'ip4', 'ip6', 'dns'] as const;

/**
 * The part of the groups that outlives its line. All fields are always there: objects of one shape
 * are fast.
 */
export interface MatchFacts {
  readonly fid: string | undefined;
  readonly ip4: string | undefined;
  readonly ip6: string | undefined;
  readonly dns: string | undefined;
  readonly user: string | undefined;
  readonly count: string | undefined;
  readonly cause: FailureCause | undefined;
  readonly digest: string | undefined;
}

export const NO_FACTS: MatchFacts = {
  fid: undefined,
  ip4: undefined,
  ip6: undefined,
  dns: undefined,
  user: undefined,
  count: undefined,
  cause: undefined,
  digest: undefined,
};

const CAUSE_BITS = bitsOf(GROUP.kind, GROUP.kind_unknown, GROUP.kind_password);

/** The facts of a match; the prefregex's groups count where the match has none. */
function factsOf(match: Found, prefix: Found | undefined): MatchFacts {
  return {
    fid: either(match, prefix, GROUP.fid),
    ip4: either(match, prefix, GROUP.ip4),
    ip6: either(match, prefix, GROUP.ip6),
    dns: either(match, prefix, GROUP.dns),
    user: either(match, prefix, GROUP.user),
    count: either(match, prefix, GROUP.count),
    cause: hasAny(match, prefix, CAUSE_BITS)
      ? (causeOf(match) ?? (prefix && causeOf(prefix)))
      : undefined,
    digest: digestOf(either(match, prefix, GROUP.digest)),
  };
}

/**
 * The facts of a line over what was known before it. A line that names a host names one host: an
 * address of the other family, which process number or queue name had before, is not its.
 */
export function mergeFacts(line: MatchFacts, before: MatchFacts): MatchFacts {
  const host = (line.ip4 ?? line.ip6 ?? line.dns) === undefined ? before : line;
  return {
    fid: line.fid ?? before.fid,
    ip4: host.ip4,
    ip6: host.ip6,
    dns: host.dns,
    user: line.user ?? before.user,
    count: line.count ?? before.count,
    cause:
      line.cause ??
      (line.user === undefined || line.user === before.user ? before.cause : undefined),
    digest: line.digest ?? before.digest,
  };
}

/** What the text of `<F-KIND>` says, in the words of the servers, and what each of them means. */
const CAUSES: readonly (readonly [RegExp, FailureCause])[] = [
  [/unknown|not known|not found|no such|nonexist|invalid user|illegal user/i, 'unknown-user'],
  [/mismatch|(?:wrong|incorrect|invalid|bad) password/i, 'wrong-password'],
];

/**
 * What kind of failure the groups tell of: by a word that stands in the line only then
 * (`<F-KIND_UNKNOWN>`, `<F-KIND_PASSWORD>`), or by the line's own words (`<F-KIND>`).
 */
function causeOf(match: Found): FailureCause | undefined {
  if (isFilled(match.text(GROUP.kind_unknown))) return 'unknown-user';
  if (isFilled(match.text(GROUP.kind_password))) return 'wrong-password';
  const kind = match.text(GROUP.kind);
  return kind === undefined ? undefined : CAUSES.find(([words]) => words.test(kind))?.[1];
}

/**
 * The beginning of a digest. A text that may be the password itself is none, and of a whole digest
 * too little is kept to find the password by.
 */
function digestOf(text: string | undefined): string | undefined {
  if (text === undefined || text.length < DIGEST_CHARS_MIN || text.length > DIGEST_CHARS_MAX)
    return undefined;
  return /^[\da-f]+$/i.test(text) ? text.slice(0, DIGEST_CHARS_KEPT_MAX).toLowerCase() : undefined;
}

/** The match without the groups that tell whose failure it is. */
export function withoutIdentity(match: Found): Found {
  return match.with(Object.fromEntries(ID_GROUPS.map((name) => [name, undefined])));
}

/**
 * What a line says about its connection; the prefregex's groups count where the failregex has none.
 */
export interface Marks {
  readonly facts: MatchFacts;
  readonly nofail: boolean;
  readonly gained: boolean;
  readonly forget: boolean;
  /** The failure waits for another line of its connection, although its address is known. */
  readonly waits: boolean;
  /** No failure: the password of the user could not be looked at (`<F-UNCHECKED>`). */
  readonly unchecked: boolean;
  /** The failure is none, because nobody could look at the password. */
  readonly excused: boolean;
}

/** What most lines say. */
export const NO_MARKS: Marks = {
  facts: NO_FACTS,
  nofail: false,
  gained: false,
  forget: false,
  waits: false,
  unchecked: false,
  excused: false,
};

const MARK_BITS = bitsOf(
  GROUP.nofail,
  GROUP.mlfgained,
  GROUP.mlfforget,
  GROUP.mlfwait,
  GROUP.unchecked,
);

export function marksOf(prefix: Found | undefined, match: Found): Marks {
  const isMarked = hasAny(match, prefix, MARK_BITS);
  const has = (group: GroupNumber) => isMarked && isFilled(either(match, prefix, group));
  return {
    facts: factsOf(match, prefix),
    nofail: has(GROUP.nofail),
    gained: has(GROUP.mlfgained),
    forget: has(GROUP.mlfforget),
    waits: has(GROUP.mlfwait),
    unchecked: has(GROUP.unchecked),
    excused: false,
  };
}

function isFilled(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}

/** What a failure is counted by. */
export type Identity =
  | { readonly kind: 'address'; readonly address: Address; readonly raw: string }
  /** A host name: resolving it would let whoever owns the zone choose the address. */
  | { readonly kind: 'name'; readonly raw: string }
  /** Matched like an address, but is none (`192.030.0.6`), or an id of another kind. */
  | { readonly kind: 'not-address'; readonly raw: string }
  | { readonly kind: 'none' };

/**
 * Whose failure it is. fail2ban counts by fid where there is one; an id that is no address
 * (`user@192.0.2.1`) cannot be banned, so the address beside it is taken.
 */
export function identityOf(facts: MatchFacts): Identity {
  const host = facts.ip4 ?? facts.ip6;
  for (const raw of [facts.fid, host]) {
    const address = raw === undefined ? undefined : parseAddress(raw);
    if (address !== undefined && raw !== undefined) return { kind: 'address', address, raw };
  }
  const raw = facts.fid ?? host;
  if (raw !== undefined) return { kind: 'not-address', raw };
  if (facts.dns === undefined) return { kind: 'none' };
  // A name group also takes what only looks like an address of the other family.
  const address = parseAddress(facts.dns);
  return address === undefined
    ? { kind: 'name', raw: facts.dns }
    : { kind: 'address', address, raw: facts.dns };
}

/** The id as fail2ban prints it, before any check; undefined when the match has none. */
export function rawId(facts: MatchFacts): string | undefined {
  return facts.fid ?? facts.ip4 ?? facts.ip6 ?? facts.dns;
}

/**
 * Attempts that the entry reports (`<F-COUNT>`), from 1 to the bound; 1 when it says nothing
 * readable.
 */
export function countOf(facts: MatchFacts): number {
  if (facts.count === undefined) return 1;
  const count = asciiDigits(facts.count);
  return /^\d+$/.test(count) ? Math.min(EVENT_COUNT_MAX, Math.max(1, Number(count))) : 1;
}

/** The facts with another number of attempts. Written out: a spread takes several times as long. */
export function withCount(facts: MatchFacts, count: number): MatchFacts {
  const { fid, ip4, ip6, dns, user, cause, digest } = facts;
  return { fid, ip4, ip6, dns, user, count: `${count}`, cause, digest };
}

/** The user as it goes into events and the ledger. */
export function userOf(facts: MatchFacts): string | undefined {
  return facts.user === undefined || facts.user === ''
    ? undefined
    : facts.user.slice(0, USER_CHARS_MAX);
}

/** One `<F-ALT_NAME>` group and the group it stands in for. */
export interface Alternate {
  readonly group: string;
  readonly target: string;
}

/** The alternates among the group names of a regex, in the order in which they are tried. */
export function alternatesOf(groupNames: readonly string[]): Alternate[] {
  return groupNames
    .flatMap((group) => {
      const name = /^alt_(.*?)(?:_\d+)?$/.exec(group)?.[1];
      if (name === undefined) return [];
      return [{ group, target: name === 'id' ? 'fid' : name === 'port' ? 'fport' : name }];
    })
    .sort((a, b) => (a.group < b.group ? -1 : 1));
}

/** The match with every empty target filled from its first alternate that has text. */
export function fillAlternates(match: Found, alternates: readonly Alternate[]): Found {
  let filled: Record<string, string> | undefined;
  for (const { group, target } of alternates) {
    const value = match.named(group);
    if (value === undefined || value === '' || filled?.[target] || match.named(target)) continue;
    filled = { ...filled, [target]: value };
  }
  return filled === undefined ? match : match.with(filled);
}

// Addresses as a chain of proxies lists them (`X-Forwarded-For`): each adds whom it was asked by at
// the end, and what stands in front of the administrator's own proxies is the client's to write.

/**
 * The match with the last address that is not one of the proxies in place of the last of all.
 * `<F-CHAIN>` holds what stands before that one. No address at all where the one that would count
 * is none; the first where all are proxies.
 */
export function behindProxies(match: Found, proxies: readonly Prefix[]): Found {
  if (proxies.length === 0) return match;
  const chain = match.text(GROUP.chain);
  const last = match.text(GROUP.ip4) ?? match.text(GROUP.ip6);
  if (chain === undefined || last === undefined) return match;
  const before = chain.split(',').map((word) => withoutPort(word.trim()));
  let address = parseAddress(last);
  while (address !== undefined && before.length > 0) {
    const proxy = address;
    if (!proxies.some((prefix) => contains(prefix, proxy))) break;
    address = parseAddress(before.pop() as string);
  }
  return match.with({
    ip4: address?.family === 4 ? address.text : undefined,
    ip6: address?.family === 6 ? address.text : undefined,
  });
}

/** `192.0.2.1:4000` and `[2001:db8::1]:4000`, as some proxies list a client, are its address. */
function withoutPort(hop: string): string {
  const [, v4, v6] = /^(?:([\d.]+):\d{1,5}|\[([\da-fA-F:.]+)\](?::\d{1,5})?)$/.exec(hop) ?? [];
  return v4 ?? v6 ?? hop;
}

// What a line says about how it is to be counted, beside whose failure it is: the tags
// `<F-SESSION>`, `<F-PROCESS>`, `<F-WITNESS>`, `<F-SUM>`, `<F-SECONDS>`, `<F-UNSURE>`,
// `<F-TROUBLE>`, `<F-OPENED>`, `<F-CLOSED>`, `<F-ELSEWHERE>` (docs/filters.md).

/** How a line is to be counted. */
export type Part =
  /** A failure like any other. */
  | 'plain'
  /** One of several lines that tell of one attempt (`<F-WITNESS>`). */
  | 'witness'
  /** Says how many attempts its connection made in all (`<F-SUM>`). */
  | 'sum'
  /** Perhaps the client's failure, perhaps the server's trouble (`<F-UNSURE>`). */
  | 'unsure'
  /** The server's own trouble: what its session says next is no failure (`<F-TROUBLE>`). */
  | 'trouble'
  /** A connection begins or ends (`<F-OPENED>`, `<F-CLOSED>`): no failure. */
  | 'opened'
  | 'closed'
  /** An attempt that another jail counts (`<F-ELSEWHERE>`). */
  | 'elsewhere';

export interface Told {
  readonly part: Part;
  /** The name of the connection; undefined where the line has none. */
  readonly session: string | undefined;
  /** The process that wrote the line, which judges one attempt at a time; undefined: not said. */
  readonly process: string | undefined;
  /** The witness that tells it; empty for other lines. */
  readonly witness: string;
  /** How far a sum reaches back, seconds; undefined when it does not say. */
  readonly seconds: number | undefined;
}

const PARTS = ['trouble', 'opened', 'closed', 'elsewhere', 'unsure', 'sum', 'witness'] as const;

/** Does a regex with these groups ask for an account of what was counted already? */
export function wantsTally(groupNames: readonly string[]): boolean {
  return PARTS.some((part) => groupNames.includes(part));
}

/** What the groups of a match say; the prefregex's count where the failregex has none. */
export function toldOf(prefix: Found | undefined, match: Found): Told {
  const session = either(match, prefix, GROUP.session) || undefined;
  const process = either(match, prefix, GROUP.process) || undefined;
  const seconds = either(match, prefix, GROUP.seconds);
  return {
    part: hasAny(match, prefix, PART_BITS) ? partOf(match, prefix) : 'plain',
    session: session?.slice(0, SESSION_KEY_CHARS_MAX),
    process: process?.slice(0, SESSION_KEY_CHARS_MAX),
    witness: either(match, prefix, GROUP.witness) ?? '',
    seconds: seconds !== undefined && /^\d{1,9}$/.test(seconds) ? Number(seconds) : undefined,
  };
}

const PART_BITS = bitsOf(...PARTS.map((part) => GROUP[part]));

/** The first of `PARTS` that has text. */
function partOf(match: Found, prefix: Found | undefined): Part {
  for (const part of PARTS) if (either(match, prefix, GROUP[part])) return part;
  return 'plain';
}
