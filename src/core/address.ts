/**
 * IP addresses and prefixes: parsed strictly once, carried in canonical form ever after.
 *
 * `Address` and `Prefix` are unions on `family`, and a set of the firewall is of one family, so an
 * IPv6 address in an IPv4 set does not compile. Canonical text is dotted quad without leading
 * zeros, and RFC 5952 for IPv6. IPv4-mapped IPv6 addresses (`::ffff:192.0.2.1`) are folded to IPv4:
 * such packets arrive as IPv4.
 */
import { isIP } from 'node:net';

export type Family = 4 | 6;

interface AddressOf<F extends Family> {
  readonly family: F;
  /** Canonical text. */
  readonly text: string;
}
export type Address = AddressOf<4> | AddressOf<6>;

interface PrefixOf<F extends Family> {
  readonly family: F;
  /** Canonical text of the first address; host bits are zero. */
  readonly base: string;
  /** Leading bits that count: 0-32 or 0-128. */
  readonly length: number;
}
export type Prefix = PrefixOf<4> | PrefixOf<6>;

/** Bits of an address of the family. */
export function widthOf(family: Family): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/**
 * Parses one address as log lines and administrators write it: surrounding brackets and an IPv6
 * zone (`[fe80::1%eth0]`) are taken off, IPv4-mapped is folded. Leading zeros in IPv4
 * (`192.030.0.6`), ports and anything else make it not an address: undefined.
 */
export function parseAddress(text: string): Address | undefined {
  if (isDottedQuad(text)) return { family: 4, text };
  let bare = text;
  if (bare.startsWith('[') && bare.endsWith(']')) bare = bare.slice(1, -1);
  const zone = bare.indexOf('%');
  if (zone > 0) bare = bare.slice(0, zone);
  switch (isIP(bare)) {
    case 4:
      return { family: 4, text: bare };
    case 6:
      return address6(groupsOfText6(bare));
    default:
      return undefined;
  }
}

/** A dot's code less that of the digit nought. */
const DOT = 0x2e - 0x30;

/**
 * True for a dotted quad as it is carried. Nearly every address of a log line is one, and `isIP`
 * runs a regex for it.
 */
export function isDottedQuad(text: string): boolean {
  if (text.length > 15) return false;
  let dots = 0;
  let digits = 0;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit >= 0 && digit <= 9) {
      if (digits > 0 && value === 0) return false;
      value = 10 * value + digit;
      digits++;
      if (value > 255) return false;
    } else if (digit === DOT && digits > 0) {
      dots++;
      digits = 0;
      value = 0;
    } else return false;
  }
  return dots === 3 && digits > 0;
}

/** Parses `address` or `address/length`; host bits are cut off. Undefined when it is neither. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  if (slash < 0) return hostPrefix(address);
  const digits = text.slice(slash + 1);
  if (!/^(?:0|[1-9]\d{0,2})$/.test(digits)) return undefined;
  let length = Number(digits);
  // A mapped prefix such as ::ffff:192.0.2.0/120 is the IPv4 prefix of 24 bits.
  if (address.family === 4 && text.includes(':')) length -= 96;
  if (length < 0 || length > widthOf(address.family)) return undefined;
  return prefixOf(address, length);
}

/** The prefix that holds exactly this address. */
export function hostPrefix(address: Address): Prefix {
  return { family: address.family, base: address.text, length: widthOf(address.family) } as Prefix;
}

/** The prefix of `length` bits that holds this address. */
export function prefixOf(address: Address, length: number): Prefix {
  const width = widthOf(address.family);
  if (!Number.isInteger(length) || length < 0 || length > width)
    throw new RangeError(`prefix length ${length}`);
  if (length === width) return hostPrefix(address);
  if (address.family === 6) {
    const groups = groups6(address.text).map(
      (group, i) => group & (0xffff << Math.min(16, Math.max(0, 16 * (i + 1) - length))),
    );
    return { family: 6, base: text6(groups), length };
  }
  if (length === 24)
    return { family: 4, base: `${address.text.slice(0, address.text.lastIndexOf('.'))}.0`, length };
  // A shift by 32 is one by none.
  const n = length === 0 ? 0 : wordOf4(address.text) & (-1 << (width - length));
  return { family: 4, base: text4(n), length };
}

/** True when the prefix is a single address. */
export function isHost(prefix: Prefix): boolean {
  return prefix.length === widthOf(prefix.family);
}

/** `192.0.2.1` for a host, `192.0.2.0/24` otherwise: what people read and type. */
export function formatPrefix(prefix: Prefix): string {
  return isHost(prefix) ? prefix.base : `${prefix.base}/${prefix.length}`;
}

/** The first address of the prefix. */
export function baseAddress(prefix: Prefix): Address {
  return { family: prefix.family, text: prefix.base } as Address;
}

/** True when every address of `inner` lies in `outer`. */
export function covers(outer: Prefix, inner: Prefix): boolean {
  if (outer.family !== inner.family || outer.length > inner.length) return false;
  if (outer.family === 4)
    return haveInCommon([wordOf4(outer.base)], [wordOf4(inner.base)], outer.length);
  return haveInCommon(wordsOf6(outer.base), wordsOf6(inner.base), outer.length);
}

/** True when the address lies in the prefix. */
export function contains(prefix: Prefix, address: Address): boolean {
  return covers(prefix, hostPrefix(address));
}

/** True when the two share an address; prefixes never overlap otherwise than by nesting. */
export function overlap(a: Prefix, b: Prefix): boolean {
  return covers(a, b) || covers(b, a);
}

/** True when the two, as numbers of 32 bits each, have so many first bits in common. */
export function haveInCommon(a: readonly number[], b: readonly number[], length: number): boolean {
  let left = length;
  for (let i = 0; left > 0; i++, left -= 32) {
    const mask = left >= 32 ? -1 : ~(0xffff_ffff >>> left);
    if ((((a[i] ?? 0) ^ (b[i] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

/** The address as an unsigned number of 32 or 128 bits. */
export function bitsOf(address: Address): bigint {
  if (address.family === 4) return BigInt(wordOf4(address.text));
  let bits = 0n;
  for (const word of wordsOf6(address.text)) bits = (bits << 32n) | BigInt(word);
  return bits;
}

/** The address of a number; with `fold` (the default) an IPv4-mapped one becomes IPv4. */
export function fromBits(family: Family, bits: bigint, fold = true): Address {
  if (family === 4) {
    return { family: 4, text: text4(Number(bits)) };
  }
  if (fold && bits >> 32n === 0xffffn) return fromBits(4, bits & 0xffffffffn);
  const groups: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((bits >> shift) & 0xffffn));
  return { family: 6, text: text6(groups) };
}

function text4(n: number): string {
  return `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`;
}

/** Dotted quad as an unsigned number of 32 bits. */
export function wordOf4(text: string): number {
  let word = 0;
  let part = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 46) {
      word = (word << 8) | part;
      part = 0;
    } else part = part * 10 + code - 48;
  }
  return ((word << 8) | part) >>> 0;
}

/** Canonical IPv6 text as four numbers of 32 bits each: for what is asked of every failure. */
export function wordsOf6(text: string): readonly [number, number, number, number] {
  const groups = groups6(text);
  const word = (i: number) => (((groups[i] ?? 0) << 16) | (groups[i + 1] ?? 0)) >>> 0;
  return [word(0), word(2), word(4), word(6)];
}

/** The eight groups of IPv6 text in lower case and without dots; without big numbers. */
function groups6(text: string): number[] {
  const groups: number[] = [];
  let gap = -1;
  let group = -1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 58) {
      if (group >= 0) groups.push(group);
      else gap = groups.length;
      group = -1;
    } else group = (group < 0 ? 0 : group << 4) | (code <= 57 ? code - 48 : code - 87);
  }
  if (group >= 0) groups.push(group);
  if (gap >= 0) groups.splice(gap, 0, ...Array<number>(8 - groups.length).fill(0));
  return groups;
}

/** Orders by family, then numerically: stable output for people and golden files. */
export function compareAddresses(a: Address, b: Address): number {
  if (a.family !== b.family) return a.family - b.family;
  const x = bitsOf(a);
  const y = bitsOf(b);
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Orders prefixes by first address, the wider first. */
export function comparePrefixes(a: Prefix, b: Prefix): number {
  return compareAddresses(baseAddress(a), baseAddress(b)) || a.length - b.length;
}

/**
 * Sorted by family and address, and without those that lie within another: an interval set of nft
 * refuses overlaps.
 */
export function outermost(prefixes: readonly Prefix[]): Prefix[] {
  const kept: Prefix[] = [];
  const keyed = prefixes.map((prefix) => ({ prefix, bits: bitsOf(baseAddress(prefix)) }));
  keyed.sort((a, b) => {
    if (a.prefix.family !== b.prefix.family) return a.prefix.family - b.prefix.family;
    return a.bits < b.bits ? -1 : a.bits > b.bits ? 1 : a.prefix.length - b.prefix.length;
  });
  for (const { prefix } of keyed) {
    const last = kept.at(-1);
    if (last === undefined || !covers(last, prefix)) kept.push(prefix);
  }
  return kept;
}

/**
 * The eight groups of IPv6 text as people write it. Expects what `net.isIP` calls 6, without zone.
 */
function groupsOfText6(text: string): number[] {
  const dot = text.indexOf('.');
  if (dot < 0) return groups6(text.toLowerCase());
  const colon = text.lastIndexOf(':', dot);
  const [a = 0, b = 0, c = 0, d = 0] = text
    .slice(colon + 1)
    .split('.')
    .map(Number);
  const quad = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  return groups6(`${text.slice(0, colon + 1).toLowerCase()}${quad}`);
}

/** The address of eight groups; an IPv4-mapped one becomes IPv4. */
function address6(groups: readonly number[]): Address {
  const [, , , , , mapped, high = 0, low = 0] = groups;
  if (mapped === 0xffff && groups.slice(0, 5).every((group) => group === 0))
    return { family: 4, text: `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}` };
  return { family: 6, text: text6(groups) };
}

/**
 * RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups (the first of
 * equals) as `::`.
 */
function text6(groups: readonly number[]): string {
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let j = i;
    while (j < 8 && groups[j] === 0) j++;
    if (j - i > bestLength) {
      best = i;
      bestLength = j - i;
    }
    if (j > i) i = j;
  }
  const hex = groups.map((group) => group.toString(16));
  if (best < 0) return hex.join(':');
  return `${hex.slice(0, best).join(':')}::${hex.slice(best + bestLength).join(':')}`;
}

/** True for a host that is this one, by address or by name. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}
