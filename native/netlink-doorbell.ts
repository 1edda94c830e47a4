/**
 * Rings when somebody else changes a table of ours. The kernel announces every nf_tables
 * transaction to a multicast group; our own ones are told apart by their sender's port (nft's
 * process id) and dropped in the kernel, so that our own 100,000 elements cost nothing here. Needs
 * no memory for the elements, unlike `nft monitor`.
 *
 * An element that times out is not announced.
 */
import { readFileSync } from 'node:fs';
import { NetlinkSocket } from './netlink.js';
import { MESSAGE, messagesOf, NFPROTO, tableOf } from './netlink-messages.js';

/** Multicast group of nf_tables: 1 << (NFNLGRP_NFTABLES - 1). */
const GROUP_NFTABLES = 1 << 6;
/** Datagrams taken in one look; more wait for the next. */
const DATAGRAMS_MAX = 2_048;

export interface Ring {
  /** Something besides elements changed: table, chain, rule, set or object, appeared or gone. */
  readonly structure: boolean;
  /** Elements were added or deleted by somebody else. */
  readonly elements: boolean;
  /** Announcements were lost, so anything may have happened. */
  readonly overrun: boolean;
  /** What was seen first, e.g. `table deleted`. */
  readonly what: string;
}

const WORDS = new Map<number, string>([
  [MESSAGE.NEWTABLE, 'table changed'],
  [MESSAGE.DELTABLE, 'table deleted'],
  [MESSAGE.NEWCHAIN, 'chain changed'],
  [MESSAGE.DELCHAIN, 'chain deleted'],
  [MESSAGE.NEWRULE, 'rule added'],
  [MESSAGE.DELRULE, 'rule deleted'],
  [MESSAGE.NEWSET, 'set changed'],
  [MESSAGE.DELSET, 'set deleted'],
  [MESSAGE.NEWSETELEM, 'element added'],
  [MESSAGE.DELSETELEM, 'element deleted'],
  [MESSAGE.NEWOBJ, 'counter changed'],
  [MESSAGE.DELOBJ, 'counter deleted'],
]);

/** SIGIO on Linux, except on alpha, mips and sparc (signal(7)); of these Node only knows mips. */
const SIGIO = 29;
const listeners = new Set<() => void>();
let handled: boolean | undefined;

/**
 * Installs the handler of SIGIO, once and for good: the signal ends a process that does not handle
 * it. Whether it is there is read from the kernel, since some surroundings (test runners) keep the
 * handlers of a process to themselves.
 */
function catchesSignal(): boolean {
  if (handled !== undefined) return handled;
  handled = false;
  if (process.arch.startsWith('mips')) return handled;
  process.on('SIGIO', () => {
    for (const listener of listeners) listener();
  });
  const caught =
    /^SigCgt:\s+([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0';
  handled = ((BigInt(`0x${caught}`) >> BigInt(SIGIO - 1)) & 1n) === 1n;
  return handled;
}

export class NftDoorbell {
  readonly #socket: NetlinkSocket;
  readonly #table: string;
  readonly #own = new Set<number>();
  #listener: (() => void) | undefined;

  /**
   * Listens for changes of the tables of this name in the families inet and bridge. Throws
   * OperatingError.
   */
  constructor(table: string, netns?: string) {
    this.#socket = new NetlinkSocket(GROUP_NFTABLES, netns);
    this.#table = table;
  }

  /** Changes made by this process id are ours; to be called before it can make any. */
  ignore(pid: number): void {
    this.#own.add(pid);
    this.#socket.dropFrom([...this.#own]);
  }

  /** The process has ended: its id may become somebody else's. */
  unignore(pid: number): void {
    if (this.#own.delete(pid)) this.#socket.dropFrom([...this.#own]);
  }

  /** Looks once, without waiting; undefined when nothing of ours was touched. */
  look(): Ring | undefined {
    let structure = false;
    let elements = false;
    let overrun = false;
    let what = '';
    for (let count = 0; count < DATAGRAMS_MAX; count++) {
      const received = this.#socket.receive();
      if (received.kind === 'nothing') break;
      if (received.kind !== 'data') {
        overrun = true;
        continue;
      }
      for (const message of messagesOf(received.data)) {
        if (message.type < 0 || message.type === MESSAGE.NEWGEN) continue;
        if (message.family !== NFPROTO.inet && message.family !== NFPROTO.bridge) continue;
        if (this.#own.has(message.port) || tableOf(received.data, message) !== this.#table)
          continue;
        if (message.type === MESSAGE.NEWSETELEM || message.type === MESSAGE.DELSETELEM)
          elements = true;
        else structure = true;
        what ||= WORDS.get(message.type) ?? 'table changed';
      }
    }
    if (!structure && !elements && !overrun) return undefined;
    return { structure, elements, overrun, what: what || 'announcements of the kernel were lost' };
  }

  /**
   * Calls `listener` when there is something to look at, so that nobody has to look all the time.
   * False when this process cannot be signalled (somebody else keeps its handlers): then look now
   * and then. For the main thread only.
   */
  onRing(listener: () => void): boolean {
    if (!catchesSignal()) return false;
    this.#listener = listener;
    listeners.add(listener);
    this.#socket.signal();
    return true;
  }

  close(): void {
    this.#socket.close();
    if (this.#listener !== undefined) listeners.delete(this.#listener);
  }
}
