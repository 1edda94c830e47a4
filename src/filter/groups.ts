/**
 * What the groups of a match mean: whose failure it is, which user, how many attempts. The names are those that
 * fail2ban's tags give (`<HOST>` makes ip4, ip6, dns; `<F-ID>` fid; `<F-USER>` user; `<F-MLFID>` mlfid ...).
 */
import { type Address, parseAddress } from '../core/address.js';
import { EVENT_COUNT_MAX, USER_CHARS_MAX } from '../core/limits.js';
import { asciiDigits } from './regex/scripts.js';

/** Groups of a match by name; a group that took no part is undefined. */
export type Groups = Readonly<Record<string, string | undefined>>;

/** Groups that tell whose failure it is, in the order in which fail2ban looks at them. */
export const ID_GROUPS = ['fid', 'ip4', 'ip6', 'dns'] as const;

/** The part of the groups that outlives its line. All fields are always there: objects of one shape are fast. */
export interface Facts {
  readonly fid: string | undefined;
  readonly ip4: string | undefined;
  readonly ip6: string | undefined;
  readonly dns: string | undefined;
  readonly user: string | undefined;
  readonly count: string | undefined;
}

export const NO_FACTS: Facts = {
  fid: undefined,
  ip4: undefined,
  ip6: undefined,
  dns: undefined,
  user: undefined,
  count: undefined,
};

/** The facts of `groups`, over those of `before`. A group that took no part leaves what was prefix. */
function factsOf(groups: Groups, prefix: Groups): Facts {
  return {
    fid: groups['fid'] ?? prefix['fid'],
    ip4: groups['ip4'] ?? prefix['ip4'],
    ip6: groups['ip6'] ?? prefix['ip6'],
    dns: groups['dns'] ?? prefix['dns'],
    user: groups['user'] ?? prefix['user'],
    count: groups['count'] ?? prefix['count'],
  };
}

/**
 * The facts of a line over what was known before it. A line that names a host names one host: an address of the other
 * family, which process number or queue name had before, is not its.
 */
export function mergeFacts(line: Facts, before: Facts): Facts {
  const host = (line.ip4 ?? line.ip6 ?? line.dns) === undefined ? before : line;
  return {
    fid: line.fid ?? before.fid,
    ip4: host.ip4,
    ip6: host.ip6,
    dns: host.dns,
    user: line.user ?? before.user,
    count: line.count ?? before.count,
  };
}

/** The groups without those that tell whose failure it is. */
export function withoutIdentity(groups: Groups): Groups {
  const rest = { ...groups };
  for (const name of ID_GROUPS) rest[name] = undefined;
  return rest;
}

/** What a line says about its connection; the prefregex's groups count where the failregex has none. */
export interface Marks {
  readonly facts: Facts;
  readonly nofail: boolean;
  readonly gained: boolean;
  readonly forget: boolean;
  /** The failure waits for another line of its connection, although its address is known. */
  readonly waits: boolean;
}

/** What most lines say. */
export const NO_MARKS: Marks = { facts: NO_FACTS, nofail: false, gained: false, forget: false, waits: false };

export function marksOf(prefix: Groups, groups: Groups): Marks {
  return {
    facts: factsOf(groups, prefix),
    nofail: isFilled(groups['nofail'] ?? prefix['nofail']),
    gained: isFilled(groups['mlfgained'] ?? prefix['mlfgained']),
    forget: isFilled(groups['mlfforget'] ?? prefix['mlfforget']),
    waits: isFilled(groups['mlfwait'] ?? prefix['mlfwait']),
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
 * Whose failure it is. fail2ban counts by fid where there is one; an id that is no address (`user@192.0.2.1`) cannot
 * be banned, so the address beside it is taken.
 */
export function identityOf(facts: Facts): Identity {
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
  return address === undefined ? { kind: 'name', raw: facts.dns } : { kind: 'address', address, raw: facts.dns };
}

/** The id as fail2ban prints it, before any check; undefined when the match has none. */
export function rawId(facts: Facts): string | undefined {
  return facts.fid ?? facts.ip4 ?? facts.ip6 ?? facts.dns;
}

/** Attempts that the entry reports (`<F-COUNT>`), from 1 to the bound; 1 when it says nothing readable. */
export function countOf(facts: Facts): number {
  const count = facts.count === undefined ? '' : asciiDigits(facts.count);
  return /^\d+$/.test(count) ? Math.min(EVENT_COUNT_MAX, Math.max(1, Number(count))) : 1;
}

/** The user as it goes into events and the ledger. */
export function userOf(facts: Facts): string | undefined {
  return facts.user === undefined || facts.user === '' ? undefined : facts.user.slice(0, USER_CHARS_MAX);
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

/** The groups with every empty target filled from its first alternate that has text. */
export function fillAlternates(groups: Groups, alternates: readonly Alternate[]): Groups {
  let filled: Record<string, string | undefined> | undefined;
  for (const { group, target } of alternates) {
    const value = groups[group];
    if (value === undefined || value === '' || (filled ?? groups)[target]) continue;
    filled ??= { ...groups };
    filled[target] = value;
  }
  return filled ?? groups;
}
