/**
 * What the kernel holds of our tables, whoever told it: `nft -j list` (`parse.ts`), a netlink dump or the recording
 * backend. Pure data.
 */
import { type Prefix, parseAddress, prefixOf } from '../core/address.js';
import type { Element, KernelState } from '../core/firewall.js';
import type { JailName } from '../core/names.js';
import type { EpochMicros } from '../core/time.js';
import { type BanSet, parseCounterName, parseSetName, type TableFamily } from './names.js';

/** End of each element by its key; null without timeout. Keys are canonical text. */
export type KernelElements = Map<string, EpochMicros | null>;

export interface KernelSet {
  readonly type: string;
  readonly flags: readonly string[];
  readonly size: number | undefined;
  /** Counts packets per element. */
  readonly counter: boolean;
  readonly elements: KernelElements;
}

export interface KernelChain {
  readonly hook: string | undefined;
  readonly priority: number | undefined;
  readonly policy: string | undefined;
}

export interface KernelTable {
  readonly sets: Map<string, KernelSet>;
  readonly chains: Map<string, KernelChain>;
  readonly counters: Map<string, { readonly packets: number; readonly bytes: number }>;
}

/** Our tables that are present. */
export type KernelTables = ReadonlyMap<TableFamily, KernelTable>;

/** The state as the rest of Banjour sees it: bans of the inet table, counters of both summed by jail. */
export function kernelState(tables: KernelTables): KernelState {
  const elements: Element[] = [];
  for (const [name, set] of tables.get('inet')?.sets ?? []) {
    const bans = parseSetName(name);
    if (bans === undefined) continue;
    for (const [key, until] of set.elements) {
      const target = targetOf(bans, key);
      if (target !== undefined) elements.push({ jail: bans.jail, target, until });
    }
  }
  const counters = countersByJail([...tables.values()].flatMap((table) => [...table.counters]));
  return { present: tables.has('inet'), elements, counters };
}

/** Counters of all tables by the jail that their names tell, summed. */
export function countersByJail(
  named: Iterable<readonly [string, { readonly packets: number; readonly bytes: number }]>,
): KernelState['counters'] {
  const counters = new Map<JailName, { packets: number; bytes: number }>();
  for (const [name, { packets, bytes }] of named) {
    const jail = parseCounterName(name);
    if (jail === undefined) continue;
    const sum = counters.get(jail) ?? { packets: 0, bytes: 0 };
    counters.set(jail, { packets: sum.packets + packets, bytes: sum.bytes + bytes });
  }
  return counters;
}

/** Sets of prefixes that stand in the tables and hold something. */
export function prefixSetsIn(tables: KernelTables): BanSet[] {
  const found: BanSet[] = [];
  for (const table of tables.values()) {
    for (const [name, set] of table.sets) {
      const bans = parseSetName(name);
      if (bans !== undefined && set.elements.size > 0) found.push(bans);
    }
  }
  return found;
}

/** The banned prefix of an element; undefined when somebody else put something there that we would not. */
function targetOf(set: BanSet, key: string): Prefix | undefined {
  const host = set.length === (set.family === 4 ? 32 : 128);
  // Text of a host is canonical here, and parsing 100,000 of them would cost.
  if (host) return { family: set.family, base: key, length: set.length } as Prefix;
  const address = parseAddress(key);
  if (address === undefined || address.family !== set.family) return undefined;
  const prefix = prefixOf(address, set.length);
  return prefix.base === key ? prefix : undefined;
}
