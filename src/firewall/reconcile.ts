/**
 * The difference between what is wanted and what the kernel holds, as transactions. Pure.
 *
 * Elements in force that are wanted stay untouched, so there is no moment in which one of them is
 * not in force; where a table must be made anew, its removal and everything in it are one
 * transaction.
 */
import { widthOf } from '../core/address.js';
import type { Element } from '../core/firewall.js';
import { NFT_BATCH_CHANGES_MAX, NFT_FIRST_CHANGES_MAX } from '../core/limits.js';
import type { FirewallPlan } from '../core/specs.js';
import { type EpochMicros, MICROS_PER_SECOND, plus } from '../core/time.js';
import { NFT_LATE_MS, NFT_TIMEOUT_SECONDS_MAX } from '../core/timeouts.js';
import {
  compileOps,
  compileStructure,
  type ElementOp,
  mustRebuild,
  removeTable,
} from './compile.js';
import type { NftCommand } from './json.js';
import {
  banSetsIn,
  elementCountOf,
  elementsOf,
  type KernelTable,
  type KernelTables,
} from './kernel-tables.js';
import { elementId, parseSetName, setNamer } from './names.js';
import { makeSchema, type Schema, type SchemaOptions, type TableSchema } from './schema.js';

/** One transaction; `changes` is the number of its elements. */
export interface Transaction {
  readonly commands: readonly NftCommand[];
  readonly changes: number;
  /** What it consists of where it does nothing but add: that may go past nft, and in pieces. */
  readonly additions?: readonly ElementOp[];
}

export interface Reconciliation {
  /** A table is made (anew): nothing of what stood in it does afterwards. */
  readonly isMade: boolean;
  /** Whether elements differed: structure is always sent, so it says nothing. */
  readonly different: boolean;
  readonly batches: readonly Transaction[];
}

/** nft rounds `expires` to whole seconds, and we round timeouts up. */
const TOLERANCE_MICROS = 2 * MICROS_PER_SECOND;
/** To send late ones once more would make them late again; the agent itself ends a ban in time. */
const LATE_MICROS = NFT_LATE_MS * 1000;

/** Seconds from now to the end, rounded up; null for good; 0 when it is over. */
export function timeoutOf(until: EpochMicros | null, now: EpochMicros): number | null {
  if (until === null) return null;
  return Math.min(
    NFT_TIMEOUT_SECONDS_MAX,
    Math.max(0, Math.ceil((until - now) / MICROS_PER_SECOND)),
  );
}

/**
 * What to send so that the tables equal the schema and hold exactly the wanted elements. `slack` is
 * how long reading the kernel took, in microseconds: ends read are that uncertain.
 */
export function reconcile(
  schema: Schema,
  wanted: readonly Element[],
  kernel: KernelTables,
  now: EpochMicros,
  slack = 0,
): Reconciliation {
  const structure: NftCommand[] = [];
  const ops: ElementOp[] = [];
  let isWhole = false;
  let isMade = false;
  for (const table of schema) {
    const there = kernel.get(table.family);
    const rebuild = there !== undefined && mustRebuild(table, there);
    isMade ||= there === undefined || rebuild;
    isWhole ||= rebuild && hasBans(there);
    structure.push(...compileStructure(table, there, rebuild));
    const before = rebuild ? undefined : there;
    for (const op of diff(table, wanted, before, now, TOLERANCE_MICROS + slack)) ops.push(op);
  }
  for (const family of kernel.keys()) {
    if (!schema.some((table) => table.family === family)) structure.push(...removeTable(family));
  }
  return {
    isMade,
    different: ops.length > 0,
    batches: isWhole ? wholly(structure, ops) : split(structure, ops),
  };
}

function hasBans({ sets }: KernelTable): boolean {
  for (const [name, { elements }] of sets)
    if (elements.size > 0 && parseSetName(name) !== undefined) return true;
  return false;
}

/** A table with bans is made anew: they go and come back in one transaction, up to its bound. */
function wholly(structure: readonly NftCommand[], ops: readonly ElementOp[]): Transaction[] {
  const [first = [], ...rest] = piecesOf(ops, NFT_BATCH_CHANGES_MAX);
  return [
    { commands: [...structure, ...compileOps(first)], changes: first.length },
    ...rest.map((some) => ({ commands: compileOps(some), changes: some.length })),
  ];
}

/**
 * What stands stays in force, so many new elements need not come in one transaction with the rules,
 * which the resident nft states at once. They follow, the most important ones first, and past nft
 * where that is to be had.
 */
function split(structure: readonly NftCommand[], ops: readonly ElementOp[]): Transaction[] {
  const added = ops.filter(({ kind }) => kind === 'add');
  if (added.length <= NFT_FIRST_CHANGES_MAX) return wholly(structure, ops);
  const changed = ops.filter(({ kind }) => kind !== 'add');
  return [
    ...wholly(structure, changed),
    adding(added.slice(0, NFT_FIRST_CHANGES_MAX)),
    ...piecesOf(added.slice(NFT_FIRST_CHANGES_MAX), NFT_BATCH_CHANGES_MAX).map(adding),
  ];
}

function adding(additions: readonly ElementOp[]): Transaction {
  return {
    additions,
    changes: additions.length,
    // Made only where nft has to add them: it is a list of 200,000.
    get commands() {
      return compileOps(additions);
    },
  };
}

function piecesOf(ops: readonly ElementOp[], size: number): (readonly ElementOp[])[] {
  const pieces: (readonly ElementOp[])[] = [];
  for (let at = 0; at < ops.length; at += size) pieces.push(ops.slice(at, at + size));
  return pieces;
}

function* diff(
  table: TableSchema,
  wanted: readonly Element[],
  there: KernelTable | undefined,
  now: EpochMicros,
  tolerance: number,
): Generator<ElementOp> {
  const kept = new Map<string, Set<string>>();
  for (const set of table.sets) if (set.kind === 'bans') kept.set(set.name, new Set());
  const nameOf = setNamer();
  for (const element of wanted) {
    const set = nameOf(element);
    const timeout = timeoutOf(element.until, now);
    const keys = kept.get(set);
    const key = element.target.base;
    // A second mention of an element says nothing new: the more important one comes first.
    if (keys === undefined || timeout === 0 || keys.has(key)) continue;
    keys.add(key);
    const end = there?.sets.get(set)?.elements.get(key);
    if (end === undefined) yield { table: table.family, set, key, kind: 'add', timeout };
    else if (!sameEnd(end, element.until, now, tolerance)) {
      yield { table: table.family, set, key, kind: 'replace', timeout };
    }
  }
  for (const [set, keys] of kept) {
    for (const key of there?.sets.get(set)?.elements.keys() ?? []) {
      if (!keys.has(key)) yield { table: table.family, set, key, kind: 'remove' };
    }
  }
}

/**
 * True when what the kernel holds ends when it should, or a little later. Of a ban of a hundred
 * years it holds the longest timeout, of which less is left each second: half of it will do.
 */
function sameEnd(
  held: EpochMicros | null,
  until: EpochMicros | null,
  now: EpochMicros,
  tolerance: number,
): boolean {
  if (held === null || until === null) return held === until;
  const isFar = until > plus(now, NFT_TIMEOUT_SECONDS_MAX);
  const earliest = isFar ? plus(now, NFT_TIMEOUT_SECONDS_MAX / 2) : until - tolerance;
  return held >= earliest && held <= until + LATE_MICROS + tolerance;
}

/**
 * Sorts in place, permanent first, then those that end last: the order in which they come back into
 * force.
 */
export function byImportance(elements: Element[]): Element[] {
  const end = (element: Element) => element.until ?? Number.MAX_SAFE_INTEGER;
  return elements.sort((a, b) => end(b) - end(a));
}

/**
 * What the kernel holds besides these elements. Hardly ever anything: the names of 100,000 are made
 * only where they count.
 */
export function besides(elements: readonly Element[], kernel: KernelTables): Element[] {
  const sets = kernel.get('inet')?.sets;
  if (sets === undefined) return [];
  const nameOf = setNamer();
  let found = 0;
  for (const element of elements)
    if (sets.get(nameOf(element))?.elements.has(element.target.base)) found++;
  if (elementCountOf(kernel, 'bans') === found) return [];
  const known = new Set(elements.map(elementId));
  return elementsOf(kernel, 'bans').filter((element) => !known.has(elementId(element)));
}

/**
 * The plan's schema with the sets of prefixes that stand in the kernel; undefined when there is
 * nothing yet, or a table must be made anew.
 */
export function schemaAround(
  kernel: KernelTables,
  plan: FirewallPlan,
  options: SchemaOptions,
): Schema | undefined {
  if (kernel.size === 0) return undefined;
  const prefixes = banSetsIn(kernel).filter(({ family, length }) => length < widthOf(family));
  const schema = makeSchema(plan, prefixes, options);
  const isStanding = schema.every((table) => {
    const there = kernel.get(table.family);
    return there === undefined || !mustRebuild(table, there);
  });
  return isStanding ? schema : undefined;
}
