/** From what the daemon asks to operations on sets: validation, last word per element, ends to timeouts. Pure. */
import type { ElementChange, Refusal } from '../core/firewall.js';
import type { JailName } from '../core/names.js';
import type { EpochMicros } from '../core/time.js';
import type { ElementOp } from './compile.js';
import { type BanSet, setName } from './names.js';
import { timeoutOf } from './reconcile.js';
import { type Schema, setOf } from './schema.js';

/** One text per banned element, the same for every change of it. */
export function elementId(change: Pick<ElementChange, 'jail' | 'target'>): string {
  return `${change.jail} ${change.target.base}/${change.target.length}`;
}

export interface Sorted {
  /** At most one change per element: the last one asked for. */
  readonly valid: readonly ElementChange[];
  readonly refused: readonly Refusal[];
}

/** Keeps the last change of each element and refuses what no table can hold. */
export function sortOut(changes: readonly ElementChange[], jails: ReadonlySet<JailName>): Sorted {
  const last = new Map<string, ElementChange>();
  const refused: Refusal[] = [];
  for (const change of changes) {
    if (change.kind === 'put' && !jails.has(change.jail)) {
      refused.push({ change, reason: `no jail ${change.jail} in the firewall plan` });
    } else if (change.target.length === 0) {
      refused.push({ change, reason: 'a prefix of length 0 would shut out everybody' });
    } else {
      const id = elementId(change);
      // Deleted first, so that the order is that of the last mention.
      last.delete(id);
      last.set(id, change);
    }
  }
  return { valid: [...last.values()], refused };
}

/** Sets of prefixes that the changes need and the schema lacks. */
export function missingSets(changes: readonly ElementChange[], schema: Schema, now: EpochMicros): BanSet[] {
  const known = new Set(schema[0]?.sets.map((set) => set.name));
  const missing = new Map<string, BanSet>();
  for (const change of changes) {
    if (change.kind === 'remove' || timeoutOf(change.until, now) === 0) continue;
    const set = setOf(change.jail, change.target);
    const name = setName(set);
    if (!known.has(name)) missing.set(name, set);
  }
  return [...missing.values()];
}

/**
 * The operations of the changes in every table of the schema. With `create` elements are believed absent: half the
 * work for nft, and refused when one is there. Removals from sets that do not exist are nothing to do.
 */
export function operations(
  changes: readonly ElementChange[],
  schema: Schema,
  now: EpochMicros,
  create = false,
): ElementOp[] {
  const ops: ElementOp[] = [];
  for (const table of schema) {
    const known = new Set(table.sets.map((set) => set.name));
    for (const change of changes) {
      const set = setName(setOf(change.jail, change.target));
      if (!known.has(set)) continue;
      const at = { table: table.family, set, key: change.target.base };
      const timeout = change.kind === 'remove' ? 0 : timeoutOf(change.until, now);
      ops.push(timeout === 0 ? { ...at, kind: 'remove' } : { ...at, kind: create ? 'create' : 'replace', timeout });
    }
  }
  return ops;
}
