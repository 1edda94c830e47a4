/**
 * The live edge of the jails: failures that arrive while older ones are still being read. They are
 * counted in windows of their own, which know nothing of the older ones, and can only ban: whom
 * they ban, the whole would ban too. Each comes once more in its turn and then counts with all the
 * others; a floor keeps it from being answered twice.
 *
 * What needs the older entries waits for its turn: bans by evidence, failures of addresses with a
 * login, which it may excuse, and IPv6 prefixes, since it matters who has logged in there.
 */
import { formatPrefix, isHost, type Prefix } from '../core/address.js';
import type { FilterEvent } from '../core/decision.js';
import type { JailName } from '../core/names.js';
import { notRemote } from '../core/networks.js';
import { type EpochMicros, MICROS_PER_SECOND } from '../core/time.js';
import type { BanDecider } from './ban-decider.js';
import type { Jail } from './jail.js';
import type { JailList } from './jail-list.js';
import type { AllowContext, Decisions, JailContext } from './judgement.js';
import { keyOf } from './keys.js';
import type { PendingDecisions } from './pending.js';
import type { Recidive } from './recidive.js';
import type { Weighing } from './weighing.js';

/** What the edge needs of the jails. */
export interface EdgeParts {
  readonly jails: JailList;
  readonly weighing: Weighing;
  readonly decider: BanDecider;
  readonly banCounter: Recidive;
  readonly overlay: (context: JailContext) => PendingDecisions;
}

interface Entered {
  readonly jail: Jail;
  readonly edge: Jail;
  readonly target: Prefix;
}

export class JailsEdge {
  readonly #parts: EdgeParts;
  readonly #edges = new Map<JailName, Jail>();
  /** Who has logged in meanwhile: what that excuses is known in turn. */
  readonly #logins = new Set<string>();

  constructor(parts: EdgeParts) {
    this.#parts = parts;
  }

  /** Counts an event at or before the mark: it decides nothing, and new ones may follow it. */
  observe(event: FilterEvent, context: AllowContext): void {
    this.#enter(event, context);
  }

  /** Judges new events in order, each at the time that `clock` says; returns what comes of them. */
  judge(
    events: readonly FilterEvent[],
    clock: (event: FilterEvent) => EpochMicros,
    context: JailContext,
  ): Decisions {
    const { decider, banCounter } = this.#parts;
    const overlay = this.#parts.overlay(context);
    for (const event of events) {
      const now = clock(event);
      const entered = this.#enter(event, context);
      if (entered === undefined) continue;
      const { jail, edge, target } = entered;
      // What is open already is extended by the whole, or not.
      if (
        event.time < now - jail.policy.findtime * MICROS_PER_SECOND ||
        isOpen(overlay, jail, target)
      )
        continue;
      const first = overlay.decisions.length;
      if (decider.decide(edge, target, event, now, overlay) !== 'decided') continue;
      jail.forgetExactly(target, edge.windows.floor(keyOf(target)) as EpochMicros);
      for (const { decision } of overlay.decisions.slice(first))
        banCounter.count(decision, event, now, context, overlay);
    }
    return overlay.finish();
  }

  /** Everything that arrives is judged in its turn from now on. */
  leave(jail: JailName): void {
    this.#edges.delete(jail);
    if (this.#edges.size === 0) this.#logins.clear();
  }

  /** Forgets all that was counted. */
  clear(): void {
    this.#edges.clear();
    this.#logins.clear();
  }

  /** Does to the jail's windows here what was done to its own. */
  too(name: JailName, change: (edge: Jail) => void): void {
    const edge = this.#edges.get(name);
    if (edge !== undefined) change(edge);
  }

  /** Undefined: it counts for nobody here. */
  #enter(event: FilterEvent, context: AllowContext): Entered | undefined {
    const { jails } = this.#parts;
    const jail = jails.get(event.jail);
    if (jail === undefined) return undefined;
    if (!isHost(jail.prefixOf(event.address))) return undefined;
    if ((notRemote(event.address) ?? context.allowed(event.jail, event.address)) !== undefined)
      return undefined;
    const target = jail.targetOf(event.address, context);
    const key = keyOf(target);
    const edge = this.#edges.get(event.jail) ?? jails.empty(jail.policy);
    this.#edges.set(event.jail, edge);
    if (event.kind === 'success') {
      this.#logins.add(formatPrefix(target));
      if (jail.policy.forgetOnSuccess) edge.windows.clear(key, event.time);
      return undefined;
    }
    if (jail.isSettled(target, key, event.time, undefined)) return undefined;
    if (this.#logins.has(formatPrefix(target)) || this.#waits(jail, event, target))
      return undefined;
    edge.windows.sweepWhenMany(event.time);
    edge.windows.add(key, event.time, event.count, jails.log.append(event.cursor));
    return { jail, edge, target };
  }

  /**
   * True when the failure bans nobody as it is: the jail only watches, or another that weighs what
   * it finds may excuse it.
   */
  #waits(jail: Jail, event: FilterEvent, target: Prefix): boolean {
    return jail.policy.watch === true || this.#parts.weighing.isExcusable(jail, event, target);
  }
}

function isOpen(overlay: PendingDecisions, { policy }: Jail, target: Prefix): boolean {
  return overlay.openBan(policy.jail, target) !== undefined;
}
