/**
 * Three ways in which packets meet our tables, as real namespaces: on the host itself, routed, and
 * bridged.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Writable } from 'node:stream';
import type { NftBackend } from '../../src/firewall/nft.js';
import { makeNetworkNamespace, type NetworkNamespace } from '../support/netns.js';
import { type Bench, makeBench } from './kernel.js';

export type Shape = 'host' | 'routed' | 'bridged';

export const BANNED = { 4: '10.9.1.2', 6: 'fd09:1::2' } as const;
export const BYSTANDER = { 4: '10.9.1.3', 6: 'fd09:1::3' } as const;
/**
 * Silence is believed after this, ms; an answer that must come has `PATIENCE_MS`, for this machine
 * may be busy.
 */
const SILENCE_MS = 400;
export const PATIENCE_MS = 20_000;
const PORT = 2525;
const PEER = join(import.meta.dirname, 'peer.js');

export interface Topology extends Bench {
  readonly backend: NftBackend;
  /** One connection from that source; what became of it within `ms`. */
  readonly probe: (source: string, ms?: number) => Promise<string>;
  /**
   * Starts 100 datagrams per second from each source; the function says how many of each have
   * arrived so far.
   */
  readonly flood: (sources: readonly string[]) => Promise<() => Promise<Record<string, number>>>;
  readonly udp: (source: string) => Promise<string>;
  /**
   * Opens a connection and keeps it; the function sends a word over it and says what came back
   * within `ms`.
   */
  readonly hold: (source: string) => Promise<(ms?: number) => Promise<string>>;
}

/** Makes the namespaces and a listener behind our tables. */
export async function makeTopology(shape: Shape): Promise<Topology> {
  const bench = makeBench();
  const attacker = makeNetworkNamespace();
  const server = shape === 'host' ? bench.namespace : makeNetworkNamespace();
  const children: ChildProcess[] = [];
  const routed = shape === 'routed';
  const there = routed ? { 4: '10.9.2.1', 6: 'fd09:2::1' } : { 4: '10.9.1.1', 6: 'fd09:1::1' };
  for (const namespace of new Set([attacker, server, bench.namespace])) {
    // Otherwise routers may not use their addresses for the first two seconds.
    namespace.run([
      'sysctl',
      '-qw',
      'net.ipv6.conf.default.accept_dad=0',
      'net.ipv6.conf.all.accept_dad=0',
    ]);
    namespace.run(['ip', 'link', 'set', 'lo', 'up']);
  }
  link(attacker, 'out', bench.namespace, 'in');
  for (const [four, six] of [Object.values(BANNED), Object.values(BYSTANDER)]) {
    attacker.run(['ip', 'addr', 'add', `${four}/24`, 'dev', 'out']);
    attacker.run(['ip', 'addr', 'add', `${six}/64`, 'dev', 'out', 'nodad']);
  }
  if (shape !== 'host') link(bench.namespace, 'on', server, 'eth');
  if (shape === 'bridged') {
    bench.namespace.run(['ip', 'link', 'add', 'br0', 'type', 'bridge']);
    for (const name of ['in', 'on'])
      bench.namespace.run(['ip', 'link', 'set', name, 'master', 'br0']);
    bench.namespace.run(['ip', 'link', 'set', 'br0', 'up']);
  }
  address(server, shape === 'host' ? 'in' : 'eth', there);
  if (routed) {
    address(bench.namespace, 'in', { 4: '10.9.1.254', 6: 'fd09:1::fe' });
    address(bench.namespace, 'on', { 4: '10.9.2.254', 6: 'fd09:2::fe' });
    bench.namespace.run([
      'sysctl',
      '-qw',
      'net.ipv4.ip_forward=1',
      'net.ipv6.conf.all.forwarding=1',
    ]);
    attacker.run(['ip', 'route', 'add', 'default', 'via', '10.9.1.254']);
    attacker.run(['ip', 'route', 'add', 'default', 'via', 'fd09:1::fe']);
    server.run(['ip', 'route', 'add', 'default', 'via', '10.9.2.254']);
    server.run(['ip', 'route', 'add', 'default', 'via', 'fd09:2::fe']);
  }
  const launch = (namespace: NetworkNamespace, ...args: string[]) => {
    const [file, ...rest] = namespace.inside([process.execPath, PEER, ...args]);
    const child = spawn(file, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(child);
    return { child, lines: createInterface({ input: child.stdout }) };
  };
  const peer = (namespace: NetworkNamespace, ...args: string[]) => {
    const { child, lines } = launch(namespace, ...args);
    const iterator = lines[Symbol.asyncIterator]();
    return { child, next: async () => String((await iterator.next()).value) };
  };
  const service = peer(server, 'serve', String(PORT));
  if ((await service.next()) !== 'ready') throw new Error('the listener did not start');
  const clients = launch(attacker, 'clients', there[4], there[6], String(PORT));
  const order = await ordersTo(clients.child.stdin, clients.lines);
  return {
    ...bench,
    probe: async (source, ms = SILENCE_MS) => (await order(`probe ${source} ${ms}`)).said,
    udp: async (source) => (await order(`udp ${source} ${PATIENCE_MS}`)).said,
    flood: async (sources) => {
      const counter = peer(server, 'count', String(PORT));
      await counter.next();
      await peer(attacker, 'flood', there[4], String(PORT), ...sources).next();
      return async () => {
        counter.child.stdin.write('\n');
        return JSON.parse(await counter.next()) as Record<string, number>;
      };
    },
    hold: async (source) => {
      const { name, said } = await order(`hold ${source}`);
      if (said !== 'ok') throw new Error(`no connection to hold: ${said}`);
      return async (ms = SILENCE_MS) => (await order(`word ${name} ${ms}`)).said;
    },
    dispose: async () => {
      for (const child of children) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      await bench.dispose();
      attacker.remove();
      if (server !== bench.namespace) server.remove();
    },
  };
}

/**
 * One program for all clients of a namespace: to start one for each connection took most of the
 * time. The function gives it an order; `name` is that of the order, `said` what came of it.
 */
async function ordersTo(orders: Writable, answers: Interface) {
  const [first] = await once(answers, 'line');
  if (first !== 'ready') throw new Error(`the clients did not start: ${first}`);
  const waiting = new Map<string, (said: string) => void>();
  answers.on('line', (line) => {
    const [name = '', said = ''] = line.split(' ');
    waiting.get(name)?.(said);
    waiting.delete(name);
  });
  let count = 0;
  return (words: string) => {
    const name = `c${count++}`;
    return new Promise<{ readonly name: string; readonly said: string }>((resolve) => {
      waiting.set(name, (said) => resolve({ name, said }));
      orders.write(`${name} ${words}\n`);
    });
  };
}

function link(a: NetworkNamespace, nameA: string, b: NetworkNamespace, nameB: string): void {
  a.run(['ip', 'link', 'add', nameA, 'type', 'veth', 'peer', 'name', nameB, 'netns', b.name]);
  a.run(['ip', 'link', 'set', nameA, 'up']);
  b.run(['ip', 'link', 'set', nameB, 'up']);
}

function address(
  namespace: NetworkNamespace,
  device: string,
  both: { 4: string; 6: string },
): void {
  namespace.run(['ip', 'addr', 'add', `${both[4]}/24`, 'dev', device]);
  namespace.run(['ip', 'addr', 'add', `${both[6]}/64`, 'dev', device, 'nodad']);
}
