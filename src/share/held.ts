/**
 * What the engine holds, by target: several hosts may hold one, and it is banned as long as the one
 * of them lasts that lasts longest. Bounded; lists are not kept here, since they are the many.
 */
import { SHARE_HELD_MAX } from '../core/service-limits.js';
import type { GoneDecision, SharedDecision } from './engine.js';

export class Held {
  readonly #max: number;
  /** Most targets have one decision: no map for those. Others have as many as a stranger likes. */
  readonly #byTarget = new Map<string, SharedDecision | Map<string, SharedDecision>>();
  #size = 0;

  constructor(max = SHARE_HELD_MAX) {
    this.#max = max;
  }

  /** Decisions that are held. */
  get size(): number {
    return this.#size;
  }

  targets(): IterableIterator<string> {
    return this.#byTarget.keys();
  }

  /** The one of a target that lasts longest. */
  longest(target: string): SharedDecision | undefined {
    const held = this.#byTarget.get(target);
    if (!(held instanceof Map)) return held;
    let longest: SharedDecision | undefined;
    for (const one of held.values())
      if (longest === undefined || one.until > longest.until) longest = one;
    return longest;
  }

  /** False: there is no room for another one. */
  put(decision: SharedDecision): boolean {
    const { key, target } = decision;
    const held = this.#byTarget.get(target);
    const isKnown = held instanceof Map ? held.has(key) : held?.key === key;
    if (!isKnown && this.#size >= this.#max) return false;
    if (held instanceof Map) held.set(key, decision);
    else if (held === undefined || isKnown) this.#byTarget.set(target, decision);
    else {
      const both = [held, decision].map((one) => [one.key, one] as const);
      this.#byTarget.set(target, new Map(both));
    }
    if (!isKnown) this.#size++;
    return true;
  }

  /** False: it was not held. */
  remove({ key, target }: GoneDecision): boolean {
    const held = this.#byTarget.get(target);
    const isHeld = held instanceof Map ? held.delete(key) : held?.key === key;
    if (!isHeld) return false;
    this.#size--;
    if (!(held instanceof Map) || held.size === 0) this.#byTarget.delete(target);
    return true;
  }
}
