/**
 * Networks that mean more than their bits say: those that no remote host has an address in, and
 * those of IPv6 in which neighbours are strangers to each other.
 */
import {
  type Address,
  baseAddress,
  bitsOf,
  covers,
  formatPrefix,
  fromBits,
  haveInCommon,
  hostPrefix,
  overlap,
  type Prefix,
  parsePrefix,
  prefixOf,
  wordsOf6,
} from './address.js';

/** Lengths that the prefix of a NAT64 may have (RFC 6052, 2.2). */
export const NAT64_LENGTHS: readonly number[] = [32, 40, 48, 56, 64, 96];

/**
 * Source addresses that no packet of a remote host bears. Loopback is not among them: `ignoreself`
 * says about it.
 */
const NOWHERE = [
  ['0.0.0.0/8', '"this network" (RFC 1122)'],
  ['224.0.0.0/4', 'multicast'],
  ['255.255.255.255', 'broadcast'],
  ['::', 'the unspecified address'],
  ['ff00::/8', 'multicast'],
].map(([text, what]) => ({ ...networkOf(mustPrefix(text as string)), what }));

/** IPv6 networks in which one holder has no more than `holder` leading bits for himself. */
const SHARED = [
  // The last 32 bits are an IPv4 address each: compatible (RFC 4291), translated (RFC 7915), NAT64
  // (RFC 6052, 8215).
  ['::/96', 128],
  ['::ffff:0:0:0/96', 128],
  ['64:ff9b::/96', 128],
  ['64:ff9b:1::/48', 128],
  // Teredo (RFC 4380): the first 64 bits are those of a server, with all its clients.
  ['2001::/32', 128],
  // 6to4 (RFC 3056): 48 bits are one IPv4 address.
  ['2002::/16', 48],
  // The link: everybody who is attached to it.
  ['fe80::/10', 128],
  ['ff00::/8', 128],
].map(([text, holder]) => ({ ...networkOf(mustPrefix(text as string)), holder: holder as number }));

/** Networks in which an address names another machine on every network that has them. */
const LOCAL = [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '::1',
  'fc00::/7',
  'fe80::/10',
].map(mustPrefix);

/** Networks whose last 32 bits are an IPv4 address, the host's own as others know it. */
const TRANSLATED = ['::ffff:0:0:0/96', '64:ff9b::/96'].map((text) => networkOf(mustPrefix(text)));

/**
 * Why no remote host can have this address, or undefined when one can. It is asked about every
 * failure.
 */
export function notRemote(address: Address): string | undefined {
  if (address.family === 4) {
    const first = Number.parseInt(address.text, 10);
    return first > 0 && first < 224 ? undefined : noneRemote(hostPrefix(address));
  }
  const words = wordsOf6(address.text);
  if (
    NOWHERE.some(
      ({ prefix, words: base }) => prefix.family === 6 && haveInCommon(words, base, prefix.length),
    )
  )
    return noneRemote(hostPrefix(address));
  const isTranslated = TRANSLATED.some(({ prefix, words: base }) =>
    haveInCommon(words, base, prefix.length),
  );
  return isTranslated ? notRemote(fromBits(4, BigInt(words[3]))) : undefined;
}

/** Why no address of the prefix can be a remote host's, or undefined when one can. */
export function noneRemote(prefix: Prefix): string | undefined {
  const found = NOWHERE.find((network) => covers(network.prefix, prefix));
  return found && `no remote host has such an address: ${found.what}`;
}

/** The network of private or otherwise local addresses that the prefix has a part of, if any. */
export function localIn(prefix: Prefix): Prefix | undefined {
  return LOCAL.find((network) => overlap(network, prefix));
}

/**
 * The leading bits that an IPv6 address is to be counted and banned by when `length` are wanted:
 * more where so many would hold strangers. `translators` are the NAT64 prefixes of this network. It
 * is asked about every failure.
 */
export function holderLength(
  address: Address,
  length: number,
  translators: readonly Prefix[] = [],
): number {
  return holderLengthOf(wordsOf6(address.text), length, translators);
}

/** The same of an IPv6 address as four numbers of 32 bits. */
export function holderLengthOf(
  words: readonly number[],
  length: number,
  translators: readonly Prefix[] = [],
): number {
  let longest = length;
  const look = ({ prefix, words: base }: Network, holder: number) => {
    if (!haveInCommon(words, base, Math.min(prefix.length, length))) return;
    longest = Math.max(longest, haveInCommon(words, base, prefix.length) ? holder : 128);
  };
  for (const one of SHARED) look(one, one.holder);
  for (const one of translators) look(networkOf(one), 128);
  return longest;
}

/**
 * The network of strangers that the prefix holds or lies in while it is too wide for one of them;
 * undefined when none.
 */
export function strangersIn(
  prefix: Prefix,
  translators: readonly Prefix[] = [],
): Prefix | undefined {
  if (prefix.family === 4) return undefined;
  const networks = [...SHARED.map((one) => one.prefix), ...translators];
  return networks.find(
    (network) =>
      covers(prefix, network) ||
      (covers(network, prefix) &&
        prefix.length < holderLength(baseAddress(prefix), prefix.length, translators)),
  );
}

/** The IPv4 address that a translator (SIIT, NAT64) put into this one, or undefined. */
export function embedded(
  address: Address,
  translators: readonly Prefix[] = [],
): Address | undefined {
  if (address.family === 4) return undefined;
  const network = translatorOf(address, translators);
  if (network === undefined) return undefined;
  const bits = bitsOf(address);
  if (network.length === 96) return fromBits(4, bits & 0xffff_ffffn);
  // RFC 6052, 2.2: bits 64 to 71 are zero and no part of the address.
  const joined = ((bits >> 64n) << 56n) | (bits & ((1n << 56n) - 1n));
  return fromBits(4, (joined >> BigInt(120 - network.length - 32)) & 0xffff_ffffn);
}

/** The IPv4 prefix that a translator put into one of at least its own length, or undefined. */
export function embeddedPrefix(
  prefix: Prefix,
  translators: readonly Prefix[] = [],
): Prefix | undefined {
  if (prefix.family === 4) return undefined;
  const network = translatorOf(baseAddress(prefix), translators);
  const base = embedded(baseAddress(prefix), translators);
  if (network === undefined || base === undefined) return undefined;
  // Of the bits behind a short prefix, the eight of RFC 6052's octet "u" are none of the address.
  const octet = network.length < 96 && prefix.length > 64 ? Math.min(8, prefix.length - 64) : 0;
  const length = prefix.length - network.length - octet;
  return length < 0 ? undefined : prefixOf(base, Math.min(32, length));
}

/** A prefix as that of a NAT64; undefined when it cannot be one. */
export function parseTranslator(text: string): Prefix | undefined {
  const prefix = parsePrefix(text);
  return prefix?.family === 6 && NAT64_LENGTHS.includes(prefix.length) ? prefix : undefined;
}

/** The network of a translator that the address lies in; the operator's own first. */
function translatorOf(address: Address, translators: readonly Prefix[]): Prefix | undefined {
  const words = wordsOf6(address.text);
  const own = translators.find((one) => haveInCommon(words, wordsOf6(one.base), one.length));
  return (
    own ??
    TRANSLATED.find(({ prefix, words: base }) => haveInCommon(words, base, prefix.length))?.prefix
  );
}

/** A prefix and its first address as numbers; of IPv4 they are not looked at. */
interface Network {
  readonly prefix: Prefix;
  readonly words: Words;
}

type Words = ReturnType<typeof wordsOf6>;

function networkOf(prefix: Prefix): Network {
  return { prefix, words: prefix.family === 6 ? wordsOf6(prefix.base) : [0, 0, 0, 0] };
}

function mustPrefix(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined || formatPrefix(prefix) !== text) throw new Error(text);
  return prefix;
}
