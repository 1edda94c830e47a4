/**
 * What this host itself tells about whom it must not shut out: own addresses, gateways, resolvers,
 * and the hosts of administrators who are logged in. Files and calls only; never open sockets.
 */

import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import {
  type Address,
  fromBits,
  hostPrefix,
  type Prefix,
  parseAddress,
  parsePrefix,
} from '../core/address.js';
import {
  ALLOW_HOST_FILE_CHARS_MAX,
  ALLOW_LOGIND_BYTES_MAX,
  ALLOW_SESSIONS_MAX,
} from '../core/limits.js';
import { ALLOW_LOGIND_DEADLINE_MS } from '../core/timeouts.js';
import { type Exemption, reasonOf } from './snapshot.js';

/** `::1` and the whole of 127.0.0.0/8, which every Linux host has. */
const LOOPBACK = ['127.0.0.0/8', '::1'].map((text) => parsePrefix(text) as Prefix);

/** The addresses of this host's interfaces, and loopback. */
export function ownAddresses(
  interfaces: typeof networkInterfaces = networkInterfaces,
): Exemption[] {
  const own = Object.values(interfaces()).flatMap((list) => list ?? []);
  const prefixes = own.flatMap(({ address }) => hostPrefixes(parseAddress(address)));
  return [...LOOPBACK, ...prefixes].map((prefix) => ({ prefix, reason: reasonOf('self', prefix) }));
}

/**
 * Next hops of the default routes of the main tables (proc(5): `/proc/net/route`,
 * `/proc/net/ipv6_route`).
 */
export function defaultGateways(
  route = '/proc/self/net/route',
  route6 = '/proc/self/net/ipv6_route',
  read: (path: string) => string = readText,
): Exemption[] {
  const gateways = [...gateways4(read(route)), ...gateways6(read(route6))];
  return gateways
    .flatMap(hostPrefixes)
    .map((prefix) => ({ prefix, reason: reasonOf('gateway', prefix) }));
}

/**
 * Columns `Iface Destination Gateway Flags ... Mask`, addresses as hexadecimal in the machine's
 * byte order.
 */
function gateways4(text: string): Address[] {
  const found: Address[] = [];
  for (const line of text.split('\n').slice(1)) {
    const [, destination, gateway, , , , , mask] = line.trim().split(/\s+/);
    if (destination !== '00000000' || mask !== '00000000' || gateway === undefined) continue;
    const word = Number.parseInt(gateway, 16);
    const view = new DataView(new Uint32Array([word]).buffer);
    if (word !== 0 && !Number.isNaN(word))
      found.push(fromBits(4, BigInt(view.getUint32(0, false))));
  }
  return found;
}

/**
 * Columns `destination length source length next-hop metric ...`, addresses as 32 hexadecimal
 * digits in network order.
 */
function gateways6(text: string): Address[] {
  const found: Address[] = [];
  for (const line of text.split('\n')) {
    const [destination, length, , , hop] = line.trim().split(/\s+/);
    if (!/^0{32}$/.test(destination ?? '') || length !== '00' || !/^[0-9a-f]{32}$/.test(hop ?? ''))
      continue;
    const bits = BigInt(`0x${hop}`);
    if (bits !== 0n) found.push(fromBits(6, bits));
  }
  return found;
}

/** The name servers of resolv.conf(5). */
export function resolvers(
  path = '/etc/resolv.conf',
  read: (path: string) => string = readText,
): Exemption[] {
  const servers = [...read(path).matchAll(/^\s*nameserver\s+(\S+)/gm)];
  return servers
    .flatMap((match) => hostPrefixes(parseAddress(match[1] ?? '')))
    .map((prefix) => ({ prefix, reason: reasonOf('resolver', prefix) }));
}

function hostPrefixes(address: Address | undefined): Prefix[] {
  return address === undefined ? [] : [hostPrefix(address)];
}

/**
 * The text of a file; nothing when it is absent (no IPv6, no resolver) or out of all proportion.
 */
function readText(path: string): string {
  try {
    const text = readFileSync(path, 'utf8');
    return text.length > ALLOW_HOST_FILE_CHARS_MAX ? '' : text;
  } catch {
    return '';
  }
}

// Remote hosts of administrators who are logged in, as logind reports them.

/**
 * Groups whose members become root (Debian: sudo, Fedora and openSUSE: wheel, old Ubuntu: admin).
 */
const ADMIN_GROUPS = new Set(['sudo', 'wheel', 'admin']);

/** Where the outside world is; tests put others in its place. */
export interface SessionProbe {
  readonly loginctl: string;
  readonly setpriv: string;
  readonly passwd: string;
  readonly group: string;
}

const SYSTEM_PROBE: SessionProbe = {
  loginctl: '/usr/bin/loginctl',
  setpriv: '/usr/bin/setpriv',
  passwd: '/etc/passwd',
  group: '/etc/group',
};

/**
 * Remote hosts (addresses or names) of the sessions of root and of members of the admin groups.
 * Undefined when logind cannot be asked: there is none, or it does not answer in time.
 */
export async function adminHosts(
  probe: SessionProbe = SYSTEM_PROBE,
): Promise<string[] | undefined> {
  if (!existsSync(probe.loginctl)) return undefined;
  const list = await loginctl(probe, ['list-sessions', '--no-legend', '--no-pager']);
  if (list === undefined) return undefined;
  const ids = sessionIds(list);
  if (ids.length === 0) return [];
  const properties = ['Id', 'User', 'Name', 'Remote', 'RemoteHost', 'State'].flatMap((name) => [
    '-p',
    name,
  ]);
  // A session that ended in between makes loginctl fail after it has shown the others.
  const shown = await loginctl(
    probe,
    ['show-session', '--no-pager', ...properties, '--', ...ids],
    true,
  );
  if (shown === undefined) return undefined;
  return hostsOf(shown, administrators(read(probe.passwd), read(probe.group)));
}

/** First column of loginctl's table; ids are letters and digits (sd-login(3)). */
export function sessionIds(table: string): string[] {
  return table
    .split('\n')
    .flatMap((line) => /^\s*([A-Za-z0-9]+)\s/.exec(line)?.[1] ?? [])
    .slice(0, ALLOW_SESSIONS_MAX);
}

/**
 * Remote hosts in the output of `loginctl show-session`: blocks of `Name=value`, parted by empty
 * lines.
 */
export function hostsOf(shown: string, administrators: ReadonlySet<string>): string[] {
  const hosts = new Set<string>();
  for (const block of shown.split(/\n\s*\n/)) {
    const value = (name: string) =>
      new RegExp(`^${name}=(.*)$`, 'm').exec(block)?.[1]?.trim() ?? '';
    if (value('Remote') !== 'yes' || value('State') === 'closing') continue;
    if (value('User') !== '0' && !administrators.has(value('Name'))) continue;
    const host = value('RemoteHost');
    if (host !== '') hosts.add(host);
  }
  return [...hosts];
}

/**
 * root, members of the admin groups, and users whose primary group is one (passwd(5), group(5)).
 */
export function administrators(passwd: string, group: string): Set<string> {
  const names = new Set(['root']);
  const groups = new Set<string>();
  for (const line of group.split('\n')) {
    const [name = '', , gid = '', members = ''] = line.split(':');
    if (!ADMIN_GROUPS.has(name)) continue;
    groups.add(gid);
    for (const member of members.split(',')) if (member.trim() !== '') names.add(member.trim());
  }
  for (const line of passwd.split('\n')) {
    const [name = '', , uid, gid = ''] = line.split(':');
    if (name !== '' && (uid === '0' || groups.has(gid))) names.add(name);
  }
  return names;
}

/** Asks logind; without the agent's capability, which an ambient one would hand to every child. */
function loginctl(
  probe: SessionProbe,
  args: readonly string[],
  outputOfFailure = false,
): Promise<string | undefined> {
  const bare = ['--ambient-caps=-all', '--inh-caps=-all', '--', probe.loginctl, ...args];
  const [file, argv] = existsSync(probe.setpriv)
    ? [probe.setpriv, bare]
    : [probe.loginctl, [...args]];
  return new Promise((resolve) => {
    execFile(
      file,
      argv,
      {
        signal: AbortSignal.timeout(ALLOW_LOGIND_DEADLINE_MS),
        killSignal: 'SIGKILL',
        maxBuffer: ALLOW_LOGIND_BYTES_MAX,
        env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' },
        encoding: 'utf8',
      },
      (error, stdout) =>
        resolve(error === null || (outputOfFailure && stdout !== '') ? stdout : undefined),
    );
  });
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
