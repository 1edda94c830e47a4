/**
 * From what the agent asks to operations on sets: validation, last word per element, ends to
 * timeouts; and which change a refused transaction was refused for. Pure.
 */
import type { Element, ElementChange, Refusal } from '../core/firewall.js';
import { NFT_BISECT_BATCHES_MAX } from '../core/limits.js';
import type { JailName } from '../core/names.js';
import type { EpochMicros } from '../core/time.js';
import type { ElementOp } from './compile.js';
import { type BanSet, elementId, setNamer, setOf } from './names.js';
import { timeoutOf } from './reconcile.js';
import type { Schema } from './schema.js';

export interface Sorted {
  /** At most one change per element: the last one asked for. */
  readonly valid: readonly ElementChange[];
  readonly refused: readonly Refusal[];
}

/** Why no table can hold such an element; undefined when one can. */
export function whyNot(
  { jail, target }: Pick<Element, 'jail' | 'target'>,
  jails: ReadonlySet<JailName>,
): string | undefined {
  if (!jails.has(jail)) return `the configuration has no jail ${jail}`;
  return target.length === 0 ? 'a prefix of length 0 would shut out everybody' : undefined;
}

/** True when a change was refused because its table or set is not there. */
export function isMissing(refusal: string): boolean {
  return refusal.includes('No such file or directory');
}

/** Of what is wanted, what the tables can hold, and why they cannot hold the rest. */
export function admitted(
  wanted: Iterable<Element>,
  jails: ReadonlySet<JailName>,
): { readonly elements: Element[]; readonly refused: Refusal[] } {
  const refused: Refusal[] = [];
  const elements: Element[] = [];
  for (const element of wanted) {
    const reason = whyNot(element, jails);
    if (reason === undefined) elements.push(element);
    else refused.push({ change: { kind: 'put', ...element }, reason });
  }
  return { elements, refused };
}

/** Keeps the last change of each element and refuses what no table can hold. */
export function sortOut(changes: readonly ElementChange[], jails: ReadonlySet<JailName>): Sorted {
  const last = new Map<string, ElementChange>();
  const refused: Refusal[] = [];
  for (const change of changes) {
    const reason = change.kind === 'put' ? whyNot(change, jails) : undefined;
    if (reason !== undefined) refused.push({ change, reason });
    else {
      const id = elementId(change);
      // Deleted first, so that the order is that of the last mention.
      last.delete(id);
      last.set(id, change);
    }
  }
  return { valid: [...last.values()], refused };
}

/** Sets of prefixes that the changes need and the schema lacks. */
export function missingSets(
  changes: readonly ElementChange[],
  schema: Schema,
  now: EpochMicros,
): BanSet[] {
  const known = new Set(schema[0]?.sets.map((set) => set.name));
  const missing = new Map<string, BanSet>();
  const nameOf = setNamer();
  for (const change of changes) {
    if (change.kind === 'remove' || timeoutOf(change.until, now) === 0) continue;
    const name = nameOf(change);
    if (!known.has(name)) missing.set(name, setOf(change.jail, change.target));
  }
  return [...missing.values()];
}

/**
 * The operations of the changes in every table of the schema. With `create` elements are believed
 * absent: half the work for nft, and refused when one is there. Removals from sets that do not
 * exist are nothing to do.
 */
export function operations(
  changes: readonly ElementChange[],
  schema: Schema,
  now: EpochMicros,
  create = false,
): ElementOp[] {
  const ops: ElementOp[] = [];
  const nameOf = setNamer();
  const kind = create ? 'create' : 'replace';
  for (const { family: table, sets } of schema) {
    const known = new Set(sets.map((set) => set.name));
    for (const change of changes) {
      const set = nameOf(change);
      if (!known.has(set)) continue;
      const key = change.target.base;
      const timeout = change.kind === 'remove' ? 0 : timeoutOf(change.until, now);
      ops.push(
        timeout === 0 ? { table, set, key, kind: 'remove' } : { table, set, key, kind, timeout },
      );
    }
  }
  return ops;
}

/**
 * Operations that add elements, there or not: those that stand stay as they are. Elements whose set
 * the schema lacks are left out.
 */
export function additions(
  elements: readonly Element[],
  schema: Schema,
  now: EpochMicros,
): ElementOp[] {
  const changes = elements.map((one): ElementChange => ({ kind: 'put', ...one }));
  return operations(changes, schema, now, true).flatMap((op) =>
    op.kind === 'create' ? [{ ...op, kind: 'add' as const }] : [],
  );
}

// A transaction is refused as a whole because of one bad change in it. Halving finds the bad ones:
// they are reported with their reason and dropped, the rest is applied.

/** Sends the changes in one transaction; undefined when accepted, otherwise the reason. */
export type SendChanges = (changes: readonly ElementChange[]) => Promise<string | undefined>;

/**
 * Applies all changes that can be applied. `reason` is why all of them together were refused.
 * Transactions are bounded; when the bound is reached, every part that was refused as a whole is
 * reported so.
 */
export async function bisect(
  changes: readonly ElementChange[],
  reason: string,
  send: SendChanges,
  batchesMax: number = NFT_BISECT_BATCHES_MAX,
): Promise<Refusal[]> {
  const refused: Refusal[] = [];
  let left = batchesMax;
  const halve = async (part: readonly ElementChange[], why: string): Promise<void> => {
    if (part.length <= 1) {
      for (const change of part) refused.push({ change, reason: why });
      return;
    }
    const middle = part.length >> 1;
    for (const half of [part.slice(0, middle), part.slice(middle)]) {
      if (left-- <= 0) {
        for (const change of half)
          refused.push({ change, reason: `${why} (one of ${half.length}, not tried alone)` });
        continue;
      }
      const answer = await send(half);
      if (answer !== undefined) await halve(half, answer);
    }
  };
  await halve(changes, reason);
  return refused;
}
