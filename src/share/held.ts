/**
 * What the engine holds, by target: several hosts may hold one, and it is banned as long as the one
 * of them lasts that lasts longest. Bounded; lists are not kept here, since they are the many.
 */
import { SHARE_HELD_MAX } from '../core/service-limits.js';
import type { GoneDecision, SharedDecision } from './engine.js';

export class Held {
  readonly #max: number;
  /** Most targets have one decision: no list for those. */
  readonly #byTarget = new Map<string, SharedDecision | readonly SharedDecision[]>();
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
    const [first, ...rest] = this.#of(target);
    return rest.reduce<SharedDecision | undefined>(
      (longest, one) => (longest === undefined || one.until > longest.until ? one : longest),
      first,
    );
  }

  /** False: there is no room for another one. */
  put(decision: SharedDecision): boolean {
    const others = this.#of(decision.target);
    const kept = others.filter(({ key }) => key !== decision.key);
    if (kept.length === others.length && this.#size >= this.#max) return false;
    this.#keep(decision.target, [...kept, decision], others.length);
    return true;
  }

  /** False: it was not held. */
  remove({ key, target }: GoneDecision): boolean {
    const others = this.#of(target);
    const kept = others.filter((one) => one.key !== key);
    this.#keep(target, kept, others.length);
    return kept.length < others.length;
  }

  #of(target: string): readonly SharedDecision[] {
    const held = this.#byTarget.get(target);
    if (held === undefined) return [];
    return Array.isArray(held) ? held : [held as SharedDecision];
  }

  #keep(target: string, decisions: readonly SharedDecision[], before: number): void {
    this.#size += decisions.length - before;
    const [only, ...rest] = decisions;
    if (only === undefined) this.#byTarget.delete(target);
    else this.#byTarget.set(target, rest.length === 0 ? only : decisions);
  }
}
