/** Puts an event into its windows, and says what became of it before anything is decided. */
import { hostPrefix } from '../core/address.js';
import type { FilterEvent } from '../core/decision.js';
import { notRemote } from '../core/networks.js';
import type { EpochMicros } from '../core/time.js';
import { both, type Jail } from './jail.js';
import type { JailList } from './jail-list.js';
import type { AllowContext, JailOutcome } from './judgement.js';
import { keyOf } from './keys.js';
import type { Neighbours } from './neighbours.js';
import type { Weighed, Weighing } from './weighing.js';

/** What became of an event, and what it means where it is weighed. */
export interface CountedEvent {
  readonly outcome: JailOutcome;
  readonly meaning?: Weighed;
}

export class FailureCounter {
  readonly #jails: JailList;
  readonly #neighbours: Neighbours;
  readonly #weighing: Weighing;

  constructor(jails: JailList, neighbours: Neighbours, weighing: Weighing) {
    this.#jails = jails;
    this.#neighbours = neighbours;
    this.#weighing = weighing;
  }

  /** Counts an event. Without a time in warm-up. */
  count(
    jail: Jail,
    event: FilterEvent,
    time: { readonly now: EpochMicros; readonly latest: EpochMicros } | undefined,
    context: AllowContext,
  ): CountedEvent {
    const { windows, policy } = jail;
    const reason = notRemote(event.address) ?? context.allowed(policy.jail, event.address);
    if (reason !== undefined) return { outcome: { kind: 'ignored', event, reason } };
    const target = jail.targetOf(event.address, context);
    const key = keyOf(target);
    if (event.kind === 'success') {
      this.#neighbours.noteLogin(event);
      const cleared = policy.forgetOnSuccess ? both(target, hostPrefix(event.address)) : [];
      const [failures = 0] = cleared.map((one) => windows.clear(keyOf(one), event.time));
      const meaning = time === undefined ? undefined : this.#weighing.weigh(jail, event, target);
      return counted({ kind: 'success', event, target, failures }, meaning);
    }
    if (jail.isSettled(target, key, event.time, time?.latest))
      return { outcome: { kind: 'settled', event, target } };
    // What a warm-up reads again is in the ledger's attempts.
    const meaning = time === undefined ? undefined : this.#weighing.weigh(jail, event, target);
    // A jail that only watches excuses nobody in the others.
    if (meaning?.points === 0 && !this.#jails.watches(policy.group))
      return { outcome: { kind: 'excused', event, target }, meaning };
    windows.sweepWhenMany(time?.now ?? event.time);
    const evidence = this.#jails.log.append(event.cursor);
    windows.add(key, event.time, event.count, evidence);
    if (this.#neighbours.hasNeighbour(target, event.address, event.time))
      windows.add(keyOf(hostPrefix(event.address)), event.time, event.count, evidence);
    if (policy.group !== undefined && meaning !== undefined && meaning.points > 0) {
      const weighing = this.#jails.get(policy.group)?.windows;
      weighing?.sweepWhenMany(time?.now ?? event.time);
      // What counts without a sum adds nothing to the points of its address.
      const points = meaning.sum === undefined ? 0 : meaning.points;
      weighing?.add(key, event.time, event.count, evidence, points);
    }
    const outcome = {
      kind: 'counted',
      event,
      target,
      failures: windows.count(key, event.time),
    } as const;
    return counted(outcome, meaning);
  }
}

function counted(outcome: JailOutcome, meaning: Weighed | undefined): CountedEvent {
  return meaning === undefined ? { outcome } : { outcome, meaning };
}
