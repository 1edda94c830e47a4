/** Counts bans in the jails that count the bans of the others (recidive). */
import { baseAddress, type Prefix } from '../core/address.js';
import type { BanDecision, FilterEvent } from '../core/decision.js';
import type { JailName } from '../core/names.js';
import type { EpochMicros } from '../core/time.js';
import type { BanDecider } from './ban-decider.js';
import { NO_EVIDENCE } from './evidence/log.js';
import { both, type Jail } from './jail.js';
import type { JailList } from './jail-list.js';
import type { AllowContext } from './judgement.js';
import { keyOf } from './keys.js';
import type { PendingDecisions } from './pending.js';

/** What is counted of a ban. */
export type Counted = Pick<BanDecision, 'jail' | 'target' | 'time' | 'leniency'>;

export class Recidive {
  readonly #jails: JailList;
  readonly #decider: BanDecider;

  constructor(jails: JailList, decider: BanDecider) {
    this.#jails = jails;
    this.#decider = decider;
  }

  /**
   * Counts a new ban as a failure, which may fill a window. Bans of addresses that other users log
   * in from are passed over here and below: they are short so that nobody is shut out for long.
   */
  count(
    ban: BanDecision,
    event: FilterEvent,
    now: EpochMicros,
    context: AllowContext,
    overlay: PendingDecisions,
  ): void {
    for (const jail of this.#countersOf(ban)) {
      const target = banTarget(jail, ban.target, context);
      const key = keyOf(target);
      if (jail.isSettled(target, key, now, now)) continue;
      jail.windows.sweepWhenMany(now);
      const evidence = this.#jails.log.append(event.cursor);
      for (const one of both(target, ban.target)) jail.windows.add(keyOf(one), now, 1, evidence);
      jail.totalFailed++;
      this.#decider.decide(jail, target, { ...event, time: now }, now, overlay);
    }
  }

  /** Counts a past ban and decides nothing; see `Jails.observeBan`. */
  observe(
    ban: Counted & Pick<BanDecision, 'evidence'>,
    context: AllowContext,
    only?: JailName,
  ): void {
    for (const jail of this.#countersOf(ban)) {
      if (only !== undefined && jail.policy.jail !== only) continue;
      const target = banTarget(jail, ban.target, context);
      const cursor = ban.evidence.at(-1);
      if (jail.isSettled(target, keyOf(target), ban.time, undefined)) continue;
      const evidence = cursor === undefined ? NO_EVIDENCE : this.#jails.log.append(cursor);
      for (const one of both(target, ban.target))
        jail.windows.add(keyOf(one), ban.time, 1, evidence);
    }
  }

  /** Takes a new ban back: it was never put in force. */
  retract(ban: Counted, context: AllowContext): void {
    for (const jail of this.#countersOf(ban))
      for (const one of both(banTarget(jail, ban.target, context), ban.target))
        jail.windows.take(keyOf(one), ban.time);
  }

  #countersOf({ jail, leniency }: Counted): Iterable<Jail> {
    return leniency === 'shared' ? [] : this.#jails.countingBansOf(jail);
  }
}

/**
 * The prefix that a jail which counts bans counts this one by: its own length, never longer than
 * what was banned.
 */
function banTarget(jail: Jail, target: Prefix, context: AllowContext): Prefix {
  if (target.family === 4) return target;
  const counted = jail.targetOf(baseAddress(target), context);
  return counted.length < target.length ? counted : target;
}
