/**
 * Decisions of one batch of events that are not yet in the ledger, so that later events see them.
 */
import { formatPrefix, type Prefix } from '../core/address.js';
import type { BanDecision } from '../core/decision.js';
import type { JailName } from '../core/names.js';
import type { EpochMicros } from '../core/time.js';
import type { Decisions, JailContext, OpenBan } from './judgement.js';
import type { WatchedBans } from './watched-bans.js';

/** A decision of this call, and whether it extends a ban. */
export interface Taken {
  readonly decision: BanDecision;
  readonly extends: boolean;
}

/** The ledger as it will be once the decisions of this call are in it. */
export class PendingDecisions {
  readonly decisions: Taken[] = [];
  readonly #context: JailContext;
  readonly #watchedOf: (jail: JailName) => WatchedBans | undefined;
  /** Made when the first decision is taken: most events decide nothing. */
  #open: Map<string, BanDecision> | undefined;
  #bans: Map<string, number> | undefined;

  /** `watchedOf`: what a jail that only watches would have banned; undefined for the others. */
  constructor(context: JailContext, watchedOf: (jail: JailName) => WatchedBans | undefined) {
    this.#context = context;
    this.#watchedOf = watchedOf;
  }

  get latest(): EpochMicros | undefined {
    return this.#context.latest?.();
  }

  random(): number {
    return this.#context.random();
  }

  openBan(jail: JailName, target: Prefix): OpenBan | undefined {
    const own = this.#open?.get(name(jail, target));
    if (own !== undefined) return own;
    const open = this.#context.openBan(jail, target);
    const watched = this.#watchedOf(jail);
    if (watched === undefined) return open;
    // A ban from the time before the jail watched goes on as it is: nothing makes it longer.
    return open === undefined ? watched.openBan(jail, target) : { ...open, until: null };
  }

  previousBans(jail: JailName | undefined, target: Prefix): number {
    const watched = jail === undefined ? undefined : this.#watchedOf(jail);
    const before =
      this.#context.previousBans(jail, target) +
      (watched?.previousBans(jail as JailName, target) ?? 0);
    return before + (this.#bans?.get(name(jail, target)) ?? 0);
  }

  /**
   * What was taken, apart: bans, and what jails that only watch would have banned, which is noted
   * with them. Call it once, when all events are judged.
   */
  finish(): Decisions {
    const [decisions, wouldBan]: [BanDecision[], BanDecision[]] = [[], []];
    for (const { decision, extends: extension } of this.decisions) {
      const watched = this.#watchedOf(decision.jail);
      watched?.note(decision, extension);
      if (watched === undefined) decisions.push(decision);
      else if (!extension) wouldBan.push(decision);
    }
    return { decisions, wouldBan };
  }

  add(decision: BanDecision, extension: boolean): void {
    const { jail, target } = decision;
    this.decisions.push({ decision, extends: extension });
    this.#open ??= new Map();
    this.#open.set(name(jail, target), decision);
    if (extension) return;
    for (const scope of [jail, undefined]) {
      const key = name(scope, target);
      this.#bans ??= new Map();
      this.#bans.set(key, (this.#bans.get(key) ?? 0) + 1);
    }
  }
}

function name(jail: JailName | undefined, target: Prefix): string {
  return `${jail ?? ''} ${formatPrefix(target)}`;
}
