/** What this host itself tells about whom it must not shut out: own addresses, gateways, resolvers. Files and calls only; never open sockets. */
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { type Address, fromBits, hostPrefix, type Prefix, parseAddress, parsePrefix } from '../core/address.js';
import { ALLOW_HOST_FILE_CHARS_MAX } from '../core/limits.js';
import { type Exemption, reasonOf } from './reason.js';

/** `::1` and the whole of 127.0.0.0/8, which every Linux host has. */
const LOOPBACK = ['127.0.0.0/8', '::1'].map((text) => parsePrefix(text) as Prefix);

/** The addresses of this host's interfaces, and loopback. */
export function ownAddresses(interfaces: typeof networkInterfaces = networkInterfaces): Exemption[] {
  const own = Object.values(interfaces()).flatMap((list) => list ?? []);
  const prefixes = own.flatMap(({ address }) => hostsOf(parseAddress(address)));
  return [...LOOPBACK, ...prefixes].map((prefix) => ({ prefix, reason: reasonOf('self', prefix) }));
}

/** Next hops of the default routes of the main tables (proc(5): `/proc/net/route`, `/proc/net/ipv6_route`). */
export function defaultGateways(
  route = '/proc/self/net/route',
  route6 = '/proc/self/net/ipv6_route',
  read: (path: string) => string = readText,
): Exemption[] {
  const gateways = [...gateways4(read(route)), ...gateways6(read(route6))];
  return gateways.flatMap(hostsOf).map((prefix) => ({ prefix, reason: reasonOf('gateway', prefix) }));
}

/** Columns `Iface Destination Gateway Flags ... Mask`, addresses as hexadecimal in the machine's byte order. */
function gateways4(text: string): Address[] {
  const found: Address[] = [];
  for (const line of text.split('\n').slice(1)) {
    const [, destination, gateway, , , , , mask] = line.trim().split(/\s+/);
    if (destination !== '00000000' || mask !== '00000000' || gateway === undefined) continue;
    const word = Number.parseInt(gateway, 16);
    const view = new DataView(new Uint32Array([word]).buffer);
    if (word !== 0 && !Number.isNaN(word)) found.push(fromBits(4, BigInt(view.getUint32(0, false))));
  }
  return found;
}

/** Columns `destination length source length next-hop metric ...`, addresses as 32 hexadecimal digits in network order. */
function gateways6(text: string): Address[] {
  const found: Address[] = [];
  for (const line of text.split('\n')) {
    const [destination, length, , , hop] = line.trim().split(/\s+/);
    if (!/^0{32}$/.test(destination ?? '') || length !== '00' || !/^[0-9a-f]{32}$/.test(hop ?? '')) continue;
    const bits = BigInt(`0x${hop}`);
    if (bits !== 0n) found.push(fromBits(6, bits));
  }
  return found;
}

/** The name servers of resolv.conf(5). */
export function resolvers(path = '/etc/resolv.conf', read: (path: string) => string = readText): Exemption[] {
  const servers = [...read(path).matchAll(/^\s*nameserver\s+(\S+)/gm)];
  return servers
    .flatMap((match) => hostsOf(parseAddress(match[1] ?? '')))
    .map((prefix) => ({ prefix, reason: reasonOf('resolver', prefix) }));
}

function hostsOf(address: Address | undefined): Prefix[] {
  return address === undefined ? [] : [hostPrefix(address)];
}

/** The text of a file; nothing when it is absent (no IPv6, no resolver) or out of all proportion. */
function readText(path: string): string {
  try {
    const text = readFileSync(path, 'utf8');
    return text.length > ALLOW_HOST_FILE_CHARS_MAX ? '' : text;
  } catch {
    return '';
  }
}
