/**
 * The attackers' network namespace and its cable to the machine. Every address of the world is
 * local there, so a client may come from any source address, IPv4 or IPv6; nothing leaves the two
 * namespaces.
 */
import { GATEWAY, LINK, SERVER } from './mailhost.js';
import { outcomeOf, run, runAll } from './shell.js';

const SYSCTLS = [
  'net.ipv6.conf.all.accept_dad=0',
  'net.ipv6.conf.default.accept_dad=0',
  'net.ipv6.ip_nonlocal_bind=1',
  'net.ipv4.ip_local_port_range=10000 65000',
  'net.ipv4.tcp_tw_reuse=1',
];

/** Makes the attackers' namespace. */
export async function makeWorld(world: string): Promise<void> {
  await run(['ip', 'netns', 'add', world]);
  const inWorld = ['ip', 'netns', 'exec', world];
  await runAll(
    ['ip', '-n', world, 'link', 'set', 'lo', 'up'],
    [...inWorld, 'sysctl', '-qw', ...SYSCTLS],
  );
}

/**
 * Lays the cable between the world and the machine whose first process is `leader`; `alias` names
 * the machine's namespace for ip(8). Called after every boot: a container has a new namespace each
 * time.
 */
export async function connect(world: string, alias: string, leader: number): Promise<void> {
  await outcomeOf(['ip', 'netns', 'del', alias]);
  // The kernel takes its time to clear away the namespace of the last boot, and our end of the
  // cable with it.
  await outcomeOf(['ip', '-n', world, 'link', 'del', 'wan0']);
  await run(['ip', 'netns', 'attach', alias, String(leader)]);
  await run(cable(['wan0', world], ['host0', alias]));
  await setUpWorld(world);
  await setUpMachine(alias, SERVER);
}

/** The command that lays a cable between two interfaces, each with its namespace. */
function cable(one: readonly [string, string], other: readonly [string, string]): string[] {
  const [[name, space], [peer, peerSpace]] = [one, other];
  const end = ['ip', 'link', 'add', name, 'netns', space, 'type', 'veth'];
  return [...end, 'peer', 'name', peer, 'netns', peerSpace];
}

/** Addresses and routes of the world's end, `wan0`. */
async function setUpWorld(world: string): Promise<void> {
  const inWorld = ['ip', '-n', world];
  await runAll(
    [...inWorld, 'addr', 'add', GATEWAY[4] + bits(LINK[4]), 'dev', 'wan0'],
    [...inWorld, 'addr', 'add', GATEWAY[6] + bits(LINK[6]), 'dev', 'wan0', 'nodad'],
    [...inWorld, 'link', 'set', 'wan0', 'up'],
    // The local table is asked first: the cable's own networks stand there too, or the rest of the
    // world would hide them.
    [...inWorld, 'route', 'replace', LINK[4], 'dev', 'wan0', 'table', 'local'],
    [...inWorld, '-6', 'route', 'replace', LINK[6], 'dev', 'wan0', 'table', 'local'],
    [...inWorld, '-6', 'route', 'replace', 'fe80::/64', 'dev', 'wan0', 'table', 'local'],
    [...inWorld, 'route', 'replace', 'local', '0.0.0.0/0', 'dev', 'lo'],
    [...inWorld, '-6', 'route', 'replace', 'local', '::/0', 'dev', 'lo'],
  );
}

/** Addresses and routes of a machine's end, `host0`. */
async function setUpMachine(alias: string, address: Address): Promise<void> {
  const inMachine = ['ip', '-n', alias];
  await runAll(
    [...inMachine, 'link', 'set', 'lo', 'up'],
    [...inMachine, 'addr', 'add', address[4] + bits(LINK[4]), 'dev', 'host0'],
    [...inMachine, 'addr', 'add', address[6] + bits(LINK[6]), 'dev', 'host0', 'nodad'],
    [...inMachine, 'link', 'set', 'host0', 'up'],
    [...inMachine, 'route', 'add', 'default', 'via', GATEWAY[4]],
    [...inMachine, '-6', 'route', 'add', 'default', 'via', GATEWAY[6]],
  );
}

const bits = (prefix: string) => prefix.slice(prefix.indexOf('/'));

/** The bridge's own addresses. */
export const BRIDGE = { 4: '198.18.0.3', 6: '2001:db8:feed::3' } as const;

/**
 * Puts a machine as a bridge between the world of another one and that one: world -- br0 -- mail
 * server. The bridge has addresses of its own in the mail server's network.
 */
export async function connectBridge(mail: Wired, bridge: Wired): Promise<void> {
  const inBridge = ['ip', '-n', bridge.alias];
  await run(['ip', '-n', mail.world, 'link', 'del', 'wan0']);
  await run(['ip', '-n', bridge.world, 'link', 'del', 'wan0']);
  await runAll(
    cable(['wan0', mail.world], ['wan1', bridge.alias]),
    cable(['host0', mail.alias], ['lan1', bridge.alias]),
    [...inBridge, 'link', 'add', 'br0', 'type', 'bridge'],
    ...['wan1', 'lan1'].flatMap((port) => [
      [...inBridge, 'link', 'set', port, 'master', 'br0'],
      [...inBridge, 'link', 'set', port, 'up'],
    ]),
    [...inBridge, 'addr', 'add', BRIDGE[4] + bits(LINK[4]), 'dev', 'br0'],
    [...inBridge, 'addr', 'add', BRIDGE[6] + bits(LINK[6]), 'dev', 'br0', 'nodad'],
    [...inBridge, 'link', 'set', 'br0', 'up'],
  );
  await setUpWorld(mail.world);
  await setUpMachine(mail.alias, SERVER);
}

/** Machines on one switch with the first one, which keeps its address and lends its world. */
export const NEIGHBOURS = [
  { 4: '198.18.0.4', 6: '2001:db8:feed::4' },
  { 4: '198.18.0.5', 6: '2001:db8:feed::5' },
] as const;

/**
 * Puts machines onto a switch before the world of the first: all are on one network, and the
 * attackers reach each of them.
 */
export async function connectSwitch(first: Wired, others: readonly Wired[]): Promise<void> {
  const inWorld = ['ip', '-n', first.world];
  for (const { world } of [first, ...others]) await run(['ip', '-n', world, 'link', 'del', 'wan0']);
  await run([...inWorld, 'link', 'add', 'wan0', 'type', 'bridge']);
  await setUpWorld(first.world);
  for (const [index, { alias }] of [first, ...others].entries()) {
    const port = switchPort(index);
    await runAll(
      cable([port, first.world], ['host0', alias]),
      [...inWorld, 'link', 'set', port, 'master', 'wan0'],
      [...inWorld, 'link', 'set', port, 'up'],
    );
    await setUpMachine(alias, index === 0 ? SERVER : (NEIGHBOURS[index - 1] ?? SERVER));
  }
}

/** Pulls a machine's cable out of the switch, or puts it in again. */
export async function plug(first: Wired, index: number, isIn: boolean): Promise<void> {
  await run(['ip', '-n', first.world, 'link', 'set', switchPort(index), isIn ? 'up' : 'down']);
}

const switchPort = (index: number) => `port${index}`;

/** An address of each family. */
type Address = Readonly<Record<4 | 6, string>>;

/** A machine's two namespaces, by name. */
export interface Wired {
  readonly world: string;
  readonly alias: string;
}

/** Removes namespaces; those that are not there are none of our business. */
export async function removeNamespaces(...names: readonly string[]): Promise<void> {
  for (const name of names) await outcomeOf(['ip', 'netns', 'del', name]);
}
