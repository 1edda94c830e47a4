/**
 * What the kernel holds of our tables, whoever told it: `nft -j list`, a netlink dump
 * or the recording backend. Pure data.
 */

import {
  type DumpedSet,
  type DumpedTable,
  type DumpOptions,
  dumpCounters,
  dumpTable,
  SET_FLAG,
} from '../../native/netlink-dump.js';
import { type Prefix, parseAddress, prefixOf } from '../core/address.js';
import { OperatingError } from '../core/errors.js';
import type { Element, KernelState } from '../core/firewall.js';
import type { JailName } from '../core/names.js';
import { LISTS_JAIL } from '../core/share.js';
import { type Clock, type EpochMicros, plus } from '../core/time.js';
import { type BanSet, parseCounterName, parseSetName, TABLE, type TableFamily } from './names.js';

/** The type of a map, which may have the name of a set. */
export const MAP = 'map';

/** End of each element by its key; null without timeout. Keys are canonical text. */
export type KernelElements = Map<string, EpochMicros | null>;

interface KernelSet {
  /** nft's name of the type; `map` for what is no set at all. */
  readonly type: string;
  readonly flags: readonly string[];
  readonly size: number | undefined;
  /** Counts packets per element. */
  readonly counter: boolean;
  /** Elements without a timeout get one from the set: a ban for good would end. */
  readonly expires: boolean;
  readonly elements: KernelElements;
}

interface KernelChain {
  /** Of a base chain; one of type `nat` sees the first packet of a connection alone. */
  readonly type: string | undefined;
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

/** What was read, and since when (`performance.now`). */
export interface ReadTables {
  readonly kernel: KernelTables;
  readonly since: number;
}

/**
 * The state as the rest of Banjour sees it: bans of the inet table, counters of both summed by
 * jail.
 */
export function kernelState(tables: KernelTables): KernelState {
  const counters = countersByJail([...tables.values()].flatMap((table) => [...table.counters]));
  return { present: tables.has('inet'), elements: elementsOf(tables), counters };
}

/** Sets of the inet table that hold bans; with `only` those that lists brought, or all others. */
function* setsWithBans(
  tables: KernelTables,
  only?: 'bans' | 'lists',
): Generator<readonly [BanSet, KernelElements]> {
  for (const [name, set] of tables.get('inet')?.sets ?? []) {
    const bans = parseSetName(name);
    if (bans === undefined || !holdsHosts(bans, set)) continue;
    if (only !== undefined && (bans.jail === LISTS_JAIL) !== (only === 'lists')) continue;
    yield [bans, set.elements];
  }
}

/** Elements of the inet table; with `only` those that lists brought, or all others. */
export function elementsOf(tables: KernelTables, only?: 'bans' | 'lists'): Element[] {
  const elements: Element[] = [];
  for (const [bans, keys] of setsWithBans(tables, only))
    for (const [key, until] of keys) {
      const target = targetOf(bans, key);
      if (target !== undefined) elements.push({ jail: bans.jail, target, until });
    }
  return elements;
}

/** How many there are, for less than it takes to make them. */
export function elementCountOf(tables: KernelTables, only?: 'bans' | 'lists'): number {
  let count = 0;
  for (const [bans, keys] of setsWithBans(tables, only)) {
    if (isOfHosts(bans)) count += keys.size;
    else for (const key of keys.keys()) if (targetOf(bans, key) !== undefined) count++;
  }
  return count;
}

function isOfHosts({ family, length }: BanSet): boolean {
  return length === (family === 4 ? 32 : 128);
}

/**
 * Whether the keys are addresses of the set's family, one by one: somebody else may have made a set
 * of ports or of ranges under its name, whose keys are no bans.
 */
function holdsHosts({ family }: BanSet, { type, flags }: KernelSet): boolean {
  return type === (family === 4 ? 'ipv4_addr' : 'ipv6_addr') && !flags.includes('interval');
}

/** Counters of all tables by the jail that their names tell, summed. */
function countersByJail(
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

/**
 * Sets of bans that stand in the tables; with `only` those that hold something, or of those the
 * ones of lists.
 */
export function banSetsIn(tables: KernelTables, only?: 'filled' | 'listed'): BanSet[] {
  const found: BanSet[] = [];
  for (const table of tables.values()) {
    for (const [name, set] of table.sets) {
      const bans = parseSetName(name);
      if (bans === undefined || (only !== undefined && set.elements.size === 0)) continue;
      if (only !== 'listed' || bans.jail === LISTS_JAIL) found.push(bans);
    }
  }
  return found;
}

/**
 * The banned prefix of an element; undefined when somebody else put something there that we would
 * not.
 */
function targetOf(set: BanSet, key: string): Prefix | undefined {
  // Text of a host is canonical here, and parsing 100,000 of them would cost.
  if (isOfHosts(set)) return { family: set.family, base: key, length: set.length } as Prefix;
  const address = parseAddress(key);
  if (address === undefined || address.family !== set.family) return undefined;
  const prefix = prefixOf(address, set.length);
  return prefix.base === key ? prefix : undefined;
}

// Reads what `nft -j list table` prints (libnftables-json(5); seen from 1.0.6 and 1.1.3) into
// `KernelTable`. Only what reconciling needs is looked at, and nothing is trusted to be there.

type Fields = { readonly [key: string]: unknown };

/**
 * Parses the listing of one table. `now` is when nft read the kernel: `expires` counts from then.
 * Throws `ERR_NFT_OUTPUT` when it is not such a listing.
 */
export function parseTable(text: string, now: EpochMicros): KernelTable {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (cause) {
    throw new OperatingError('ERR_NFT_OUTPUT', 'nft -j list did not print JSON', { cause });
  }
  const items = isFields(root) ? root['nftables'] : undefined;
  if (!Array.isArray(items))
    throw new OperatingError('ERR_NFT_OUTPUT', 'what nft -j list printed has no list "nftables"');
  const sets = new Map<string, KernelSet>();
  const chains = new Map<string, KernelChain>();
  const counters = new Map<string, { packets: number; bytes: number }>();
  for (const item of items as readonly unknown[]) {
    if (!isFields(item)) continue;
    const { set, map, chain, counter } = item;
    if (isFields(set)) sets.set(textOf(set['name']), parseSet(set, now));
    if (isFields(map)) sets.set(textOf(map['name']), { ...parseSet({}, now), type: MAP });
    if (isFields(chain)) {
      chains.set(textOf(chain['name']), {
        type: typeof chain['type'] === 'string' ? chain['type'] : undefined,
        hook: typeof chain['hook'] === 'string' ? chain['hook'] : undefined,
        priority: typeof chain['prio'] === 'number' ? chain['prio'] : undefined,
        policy: typeof chain['policy'] === 'string' ? chain['policy'] : undefined,
      });
    }
    if (isFields(counter)) {
      counters.set(textOf(counter['name']), {
        packets: numberOf(counter['packets']),
        bytes: numberOf(counter['bytes']),
      });
    }
  }
  return { sets, chains, counters };
}

function parseSet(set: Fields, now: EpochMicros): KernelSet {
  const elements: KernelElements = new Map();
  const elem = set['elem'];
  for (const item of Array.isArray(elem) ? (elem as readonly unknown[]) : []) {
    const inner = isFields(item) && isFields(item['elem']) ? item['elem'] : undefined;
    const key = keyText(inner === undefined ? item : inner['val']);
    const left = inner === undefined ? undefined : (inner['expires'] ?? inner['timeout']);
    elements.set(key, typeof left === 'number' ? plus(now, left) : null);
  }
  const stmt = set['stmt'];
  return {
    type: textOf(set['type']),
    flags: Array.isArray(set['flags']) ? set['flags'].map(String) : [],
    size: typeof set['size'] === 'number' ? set['size'] : undefined,
    expires: set['timeout'] !== undefined,
    counter: Array.isArray(stmt) && stmt.some((one) => isFields(one) && 'counter' in one),
    elements,
  };
}

/**
 * nft prints IPv6 as inet_ntop(3) does, which writes some addresses with a dotted quad; all else is
 * canonical.
 */
function keyText(key: unknown): string {
  if (typeof key !== 'string') return JSON.stringify(key);
  if (!key.includes('.') || !key.includes(':')) return key;
  const address = parseAddress(key);
  return address?.family === 6 ? address.text : key;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

// A netlink dump of our tables as `KernelTables`: what `nft -j list` would say, several times
// faster.

/** Numbers of nft's data types in NFTA_SET_KEY_TYPE (libnftables datatype.h, 1.0.6). */
const KEY_TYPES = new Map([
  [7, 'ipv4_addr'],
  [8, 'ipv6_addr'],
]);
/** NFT_SET_CONSTANT, _INTERVAL, _TIMEOUT and _EVAL, as nft names them. */
const FLAGS = [
  [0x2, 'constant'],
  [SET_FLAG.interval, 'interval'],
  [SET_FLAG.timeout, 'timeout'],
  [0x20, 'dynamic'],
] as const;
/** enum nf_inet_hooks; enum nf_br_hook_priorities has the same numbers for these three. */
const HOOKS = new Map([
  [0, 'prerouting'],
  [1, 'input'],
  [2, 'forward'],
]);
const NF_ACCEPT = 1;

/** Reads our tables. Throws OperatingError as `dumpTable` does. */
export async function dumpTables(clock: Clock, options: DumpOptions = {}): Promise<KernelTables> {
  const tables = new Map<TableFamily, KernelTable>();
  for (const family of ['inet', 'bridge'] as const) {
    const dumped = await dumpTable(family, TABLE, options);
    if (dumped !== undefined) tables.set(family, kernelTable(dumped, clock.now()));
  }
  return tables;
}

/** Only the counters of our tables, by jail. Throws OperatingError `ERR_NETLINK`. */
export async function dumpJailCounters(netns?: string): Promise<KernelState['counters']> {
  const lists = await Promise.all(
    (['inet', 'bridge'] as const).map((family) => dumpCounters(family, TABLE, netns)),
  );
  return countersByJail(lists.flat().map(({ name, ...counter }) => [name, counter] as const));
}

/** Translates one dump; `now` is when it ended. */
function kernelTable(dumped: DumpedTable, now: EpochMicros): KernelTable {
  return {
    sets: new Map(dumped.sets.map((set) => [set.name, kernelSet(set, now)])),
    chains: new Map(
      dumped.chains.map(({ name, type, hook, priority, policy }) => [
        name,
        {
          type,
          hook: hook === undefined ? undefined : (HOOKS.get(hook) ?? `hook ${hook}`),
          priority,
          policy: policy === undefined ? undefined : policy === NF_ACCEPT ? 'accept' : 'drop',
        },
      ]),
    ),
    counters: new Map(
      dumped.counters.map(({ name, packets, bytes }) => [name, { packets, bytes }]),
    ),
  };
}

function kernelSet(set: DumpedSet, now: EpochMicros): KernelSet {
  const elements: KernelElements = new Map();
  for (const [key, left] of set.elements)
    elements.set(key, left === null ? null : plus(now, left / 1000));
  const type = KEY_TYPES.get(set.keyType) ?? `type ${set.keyType}`;
  return {
    type: (set.flags & SET_FLAG.map) === 0 ? type : MAP,
    flags: FLAGS.flatMap(([bit, name]) => ((set.flags & bit) === 0 ? [] : [name])),
    size: set.size,
    counter: set.expressions,
    expires: set.expires,
    elements,
  };
}
