/**
 * Names inside the nftables tables. They are legible (`ban4.sshd`), legal in nft's own syntax, and
 * injective: the jail is recovered from the name, so nothing has to be remembered beside the
 * kernel.
 *
 * nft's identifiers are a letter followed by letters, digits and `/ \ _ . -` (libnftables scanner,
 * 1.0.6); a jail's name may also hold `@`, `+` and blanks, which are written `/a`, `/p` and `/s`
 * (`/` cannot stand in a jail's name). The kernel's limit for a name is 255 bytes, a jail's name
 * has at most 64.
 */
import { type Family, isHost, type Prefix } from '../core/address.js';
import { type JailName, jailName } from '../core/names.js';

/** The name of every table we own; no other table is ever changed. */
export const TABLE = 'banjour';
/** The table that says who holds the others; it is empty, and the kernel's own rules keep it. */
export const OWNER_TABLE = 'banjour-owner';

/** The tables' families: `inet` always, `bridge` when the plan wants it. */
export type TableFamily = 'inet' | 'bridge';

export const CHAIN_BANS: Readonly<Record<Family, string>> = { 4: 'bans4', 6: 'bans6' };
/** Not `reject`, which is a word of nft's grammar and so cannot be a name in its syntax. */
export const CHAIN_REJECT = 'rejects';
export const SET_ALLOW: Readonly<Record<Family, string>> = { 4: 'allow4', 6: 'allow6' };

/** Which targets a set of bans holds: those of one jail, family and prefix length. */
export interface BanSet {
  readonly jail: JailName;
  readonly family: Family;
  /** 32 or 128: single hosts. Shorter: prefixes of exactly this length. */
  readonly length: number;
}

/** A jail's name as a legal nft identifier. */
export function encodeJail(jail: JailName): string {
  return jail.replaceAll('@', '/a').replaceAll('+', '/p').replaceAll(' ', '/s');
}

/** Undoes `encodeJail`; undefined for a name that it never makes. */
export function decodeJail(text: string): JailName | undefined {
  const jail = jailName(text.replaceAll('/a', '@').replaceAll('/p', '+').replaceAll('/s', ' '));
  return jail !== undefined && encodeJail(jail) === text ? jail : undefined;
}

/** `jail.sshd`: a jail's name alone may be a word of the grammar (`all`) or begin with a digit. */
export function counterName(jail: JailName): string {
  return `jail.${encodeJail(jail)}`;
}

/** Undoes `counterName`; undefined for the name of any other counter. */
export function parseCounterName(name: string): JailName | undefined {
  return name.startsWith('jail.') ? decodeJail(name.slice(5)) : undefined;
}

/** `ban4.sshd` for hosts, `net6.64.sshd` for prefixes of 64 bits. */
export function setName(set: BanSet): string {
  const width = set.family === 4 ? 32 : 128;
  const kind = set.length === width ? `ban${set.family}` : `net${set.family}.${set.length}`;
  return `${kind}.${encodeJail(set.jail)}`;
}

/** Undoes `setName`; undefined for the name of any other set. */
export function parseSetName(name: string): BanSet | undefined {
  const parts = /^(?:ban([46])|net([46])\.([1-9]\d{0,2}))\.(.+)$/.exec(name);
  if (parts === null) return undefined;
  const jail = decodeJail(parts[4] ?? '');
  if (jail === undefined) return undefined;
  const family: Family = (parts[1] ?? parts[2]) === '4' ? 4 : 6;
  const width = family === 4 ? 32 : 128;
  const length = parts[3] === undefined ? width : Number(parts[3]);
  if (length > width || (parts[3] !== undefined && length === width)) return undefined;
  return { jail, family, length };
}

/** `setName` for the bans of many elements, which are of few sets: each name is made once. */
export function setNamer(): (element: {
  readonly jail: JailName;
  readonly target: Prefix;
}) => string {
  const names = new Map<JailName, string[]>();
  return ({ jail, target: { family, length } }) => {
    const ofJail = names.get(jail) ?? [];
    if (ofJail.length === 0) names.set(jail, ofJail);
    // IPv4 has lengths to 32, IPv6 to 128.
    const index = family === 4 ? length : 33 + length;
    ofJail[index] ??= setName({ jail, family, length });
    return ofJail[index];
  };
}

/** One text per banned element, the same for every change of it. */
export function elementId(change: { readonly jail: JailName; readonly target: Prefix }): string {
  return `${change.jail} ${change.target.base}/${change.target.length}`;
}

/** The set that holds the bans of `target`'s family and length. */
export function setOf(jail: JailName, target: Prefix): BanSet {
  return { jail, family: target.family, length: target.length };
}

/** The sets that the prefixes among the elements are in. */
export function prefixSetsFor(
  elements: Iterable<{ readonly jail: JailName; readonly target: Prefix }>,
): BanSet[] {
  const sets = new Map<string, BanSet>();
  for (const { jail, target } of elements) {
    if (!isHost(target)) sets.set(`${jail} ${target.family} ${target.length}`, setOf(jail, target));
  }
  return [...sets.values()];
}
