/**
 * What an operator opened again: addresses and prefixes that no other host and no list may close,
 * neither they themselves nor what holds them or lies in them, until the ban that was lifted would
 * have ended.
 */
import { PrefixTable } from '../allow/snapshot.js';
import { formatPrefix, type Prefix } from '../core/address.js';
import type { EpochMicros } from '../core/time.js';

/** One of them, and what it was lifted from. */
interface Lifted {
  /** What is to stay open: of the ban and what the operator named, the narrower one. */
  readonly target: Prefix;
  /** The ban, or the element of a list, that was lifted. */
  readonly ban: Prefix;
  /** Its end. */
  readonly until: EpochMicros;
}

/** A bounded set of them, the newest, for a question with every decision that comes. */
export class LiftedPrefixes {
  readonly #most: number;
  readonly #lifted = new Map<string, Lifted>();
  /** Made when it is asked for, of those that have not ended; serves until the first end. */
  #table: { readonly of: PrefixTable<Lifted>; readonly until: number } | undefined;

  constructor(most: number, lifted: readonly Lifted[] = []) {
    this.#most = most;
    for (const one of lifted) this.add(one);
  }

  /** Adds one; of the same twice, the later end counts. */
  add(lifted: Lifted): void {
    const text = keyOf(lifted);
    if ((this.#lifted.get(text)?.until ?? 0) >= lifted.until) return;
    this.#lifted.delete(text);
    this.#lifted.set(text, lifted);
    if (this.#lifted.size > this.#most)
      this.#lifted.delete(this.#lifted.keys().next().value as string);
    this.#table = undefined;
  }

  /** One that shares an address with the target and has not ended. */
  overlap(target: Prefix, now: EpochMicros): Lifted | undefined {
    if (this.#table === undefined || this.#table.until <= now) this.#table = this.#make(now);
    return this.#table.of.overlap(target);
  }

  /** Forgets one: its ban was wanted again. Others that share an address with it stay. */
  drop(lifted: Lifted): void {
    if (this.#lifted.delete(keyOf(lifted))) this.#table = undefined;
  }

  #make(now: EpochMicros) {
    for (const [text, { until }] of this.#lifted) if (until <= now) this.#lifted.delete(text);
    const all = [...this.#lifted.values()];
    return {
      of: new PrefixTable(all.map((lifted) => ({ prefix: lifted.target, reason: lifted }))),
      until: all.reduce((first, { until }) => Math.min(first, until), Number.POSITIVE_INFINITY),
    };
  }
}

/** One target may have been opened from several bans, each of which may be wanted again. */
function keyOf({ target, ban }: Lifted): string {
  return `${formatPrefix(target)} ${formatPrefix(ban)}`;
}
