/** A netlink dump of our tables as `KernelTables`: what `nft -j list` would say, several times faster. */
import { type DumpedSet, type DumpedTable, dumpCounters, dumpTable, SET_FLAG } from '../../native/netlink-dump.js';
import type { KernelState } from '../core/firewall.js';
import { type Clock, type EpochMicros, plus } from '../core/time.js';
import { countersByJail, type KernelElements, type KernelSet, type KernelTable, type KernelTables } from './kernel.js';
import { TABLE, type TableFamily } from './names.js';

/** Numbers of nft's data types in NFTA_SET_KEY_TYPE (libnftables datatype.h, 1.0.6). */
const KEY_TYPES = new Map([
  [7, 'ipv4_addr'],
  [8, 'ipv6_addr'],
]);
/** enum nf_inet_hooks; enum nf_br_hook_priorities has the same numbers for these three. */
const HOOKS = new Map([
  [0, 'prerouting'],
  [1, 'input'],
  [2, 'forward'],
]);
const NF_ACCEPT = 1;

/** Reads our tables in the given network namespace. Throws OperatingError `ERR_NETLINK`. */
export async function dumpTables(clock: Clock, netns?: string): Promise<KernelTables> {
  const tables = new Map<TableFamily, KernelTable>();
  for (const family of ['inet', 'bridge'] as const) {
    const dumped = await dumpTable(family, TABLE, netns);
    if (dumped !== undefined) tables.set(family, kernelTable(dumped, clock.now()));
  }
  return tables;
}

/** Only the counters of our tables, by jail. Throws OperatingError `ERR_NETLINK`. */
export async function dumpJailCounters(netns?: string): Promise<KernelState['counters']> {
  const lists = await Promise.all((['inet', 'bridge'] as const).map((family) => dumpCounters(family, TABLE, netns)));
  return countersByJail(lists.flat().map(({ name, ...counter }) => [name, counter] as const));
}

/** Translates one dump; `now` is when it ended. */
function kernelTable(dumped: DumpedTable, now: EpochMicros): KernelTable {
  return {
    sets: new Map(dumped.sets.map((set) => [set.name, kernelSet(set, now)])),
    chains: new Map(
      dumped.chains.map(({ name, hook, priority, policy }) => [
        name,
        {
          hook: hook === undefined ? undefined : (HOOKS.get(hook) ?? `hook ${hook}`),
          priority,
          policy: policy === undefined ? undefined : policy === NF_ACCEPT ? 'accept' : 'drop',
        },
      ]),
    ),
    counters: new Map(dumped.counters.map(({ name, packets, bytes }) => [name, { packets, bytes }])),
  };
}

function kernelSet(set: DumpedSet, now: EpochMicros): KernelSet {
  const elements: KernelElements = new Map();
  for (const [key, left] of set.elements) elements.set(key, left === null ? null : plus(now, left / 1000));
  const flags = (['interval', 'timeout'] as const).filter((flag) => (set.flags & SET_FLAG[flag]) !== 0);
  return {
    type: KEY_TYPES.get(set.keyType) ?? `type ${set.keyType}`,
    flags,
    size: set.size,
    counter: set.expressions,
    elements,
  };
}
