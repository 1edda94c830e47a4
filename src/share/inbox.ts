/**
 * From the engine to the agent: of every target the decision that lasts longest, and only when that
 * changes. The agent judges; this file keeps only what it is still to be told, and what the engine
 * holds (`Held`).
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestFor } from '../control/endpoints.js';
import type { ShareAnswer } from '../control/protocol.js';
import { covers, type Prefix, parsePrefix } from '../core/address.js';
import { EXIT, messageOf, OperatorError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { SHARE_DECISIONS_MAX, SHARE_HELD_MAX } from '../core/service-limits.js';
import { isSameEnd } from './clock.js';
import type { EngineNews, GoneDecision, SharedDecision } from './engine.js';
import type { ShareMetrics } from './metrics.js';

type Request = RequestFor<'shareDecisions'>;
type Told = Request['decisions'][number];
type Lifted = Request['lifted'][number];

export interface InboxOptions {
  readonly engine: string;
  readonly agent: { shareDecisions(request: Request): Promise<ShareAnswer> };
  readonly log: Log;
  readonly metrics: ShareMetrics;
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** The engine's own addresses: a ban of one would end the sharing, and its end would not come. */
  readonly spared: readonly Prefix[];
  readonly heldMax?: number;
  /** Pause before the agent is asked again, ms. */
  readonly retryMs?: number;
}

/** An agent that is away is told again after so long, ms. */
const AGENT_RETRY_MS = 500;
/** A ban for good is told as one of ten years: the agent's bound cuts it, ms. */
const FOR_GOOD_MS = 10 * 365.25 * 86_400_000;

/** A listing that is under way. */
interface Listing {
  readonly held: Held;
  /** Told to the agent with each part: it lifts what no part has. Absent: it lifts nothing. */
  readonly snapshot: string | undefined;
  /** Targets that lists have. */
  readonly listed: Set<string>;
  /** Its first part was told: an agent that missed that one lifts nothing by the others. */
  hasBegun: boolean;
  /** Not all of it had room here: it lifts nothing. */
  isPartial: boolean;
}

export class Inbox {
  readonly #options: InboxOptions;
  #held: Held;
  #listing: Listing | undefined;
  #isFirstListing = true;
  #problem: string | undefined;
  #isFull = false;
  #hasSpared = false;
  /** An agent that was away knows half of a listing: that one lifts nothing. */
  #isInterrupted = false;

  constructor(options: InboxOptions) {
    this.#options = options;
    this.#held = new Held(options.heldMax);
  }

  /** Decisions of other hosts that the engine holds. */
  get held(): number {
    return this.#held.size;
  }

  /** Why the agent takes nothing; undefined while it does. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Tells the agent; resolves when it has answered. Waits for an agent that is away. */
  async take(news: EngineNews): Promise<void> {
    const put = news.put.filter(({ target }) => !this.#isSpared(target));
    this.#options.metrics.passedOver.inc(news.passedOver + news.put.length - put.length);
    if (news.listing !== undefined) {
      await this.#takeListed({ ...news, put }, news.listing === 'end');
      return;
    }
    this.#options.metrics.own.inc(news.own.size);
    const [lists, others] = byKind(put);
    const [goneLists, gone] = byKind(news.gone);
    const before = new Map<string, number | undefined>();
    const note = (target: string) => {
      if (!before.has(target)) before.set(target, this.#held.longest(target)?.until);
    };
    for (const one of others) {
      note(one.target);
      this.#put(this.#held, one);
    }
    for (const one of gone) {
      note(one.target);
      this.#held.remove(one);
    }
    const changes = this.#changes(before);
    await this.#tell(
      [...changes.told, ...lists.map((one) => this.#told(one))],
      [...changes.lifted, ...goneLists.map(({ target, origin }) => ({ target, origin }))],
    );
  }

  #isSpared(target: string): boolean {
    const { engine, log, spared } = this.#options;
    if (spared.length === 0) return false;
    const prefix = parsePrefix(target);
    if (prefix === undefined || !spared.some((one) => covers(prefix, one))) return false;
    if (!this.#hasSpared)
      log('warning', `a shared ban of ${target} is not taken: ${engine} is there`);
    this.#hasSpared = true;
    return true;
  }

  /** What the targets are to be now, where that differs from what they were. */
  #changes(before: ReadonlyMap<string, number | undefined>) {
    const now = this.#options.now();
    const told: Told[] = [];
    const lifted: Lifted[] = [];
    for (const [target, was] of before) {
      const is = this.#held.longest(target);
      if (is === undefined) {
        // What is over ends by itself.
        if (was !== undefined && was > now) lifted.push({ target, origin: 'banjour' });
      } else if (was === undefined || !isSameEnd(was, is.until, now)) told.push(this.#told(is));
    }
    return { told, lifted };
  }

  /**
   * The first listing of a connection only adds: an engine that has lost its memory is told anew by
   * its hosts, and nobody is let in meanwhile. Later ones are the truth.
   */
  async #takeListed({ put, gone }: EngineNews, isLast: boolean): Promise<void> {
    if (this.#listing === undefined) this.#isInterrupted = false;
    this.#listing ??= {
      held: new Held(this.#options.heldMax),
      snapshot: this.#isFirstListing ? undefined : randomUUID(),
      listed: new Set(),
      hasBegun: false,
      isPartial: false,
    };
    const listing = this.#listing;
    const { held, listed } = listing;
    const [lists, others] = byKind(put);
    for (const one of others) if (!this.#put(held, one)) listing.isPartial = true;
    for (const { target } of lists) listed.add(target);
    if (lists.length > 0)
      await this.#tell(
        lists.map((one) => this.#told(one)),
        [],
        { listing, ends: false },
      );
    if (!isLast) return;
    const all = [...held.targets()].flatMap((target) => {
      const longest = held.longest(target);
      return longest === undefined ? [] : [this.#told(longest)];
    });
    const lifted = gone
      .filter(({ target }) => held.longest(target) === undefined && !listed.has(target))
      .map(({ target, origin }) => ({ target, origin }));
    this.#held = held;
    this.#listing = undefined;
    this.#isFirstListing = false;
    await this.#tell(all, lifted, { listing, ends: true });
  }

  /** False: there was no room. */
  #put(held: Held, decision: SharedDecision): boolean {
    if (held.put(decision)) return true;
    this.#options.metrics.dropped.inc();
    if (!this.#isFull)
      this.#options.log('warning', `${this.#options.engine} holds more bans than are taken`);
    this.#isFull = true;
    return false;
  }

  #told({ target, until, origin, host, scenario }: SharedDecision): Told {
    const end = Math.min(until, this.#options.now() + FOR_GOOD_MS);
    return {
      target,
      origin,
      until: new Date(Math.max(0, end)).toISOString(),
      ...(host === undefined ? {} : { host }),
      ...(scenario === undefined ? {} : { scenario }),
    };
  }

  /** In requests of a size that the agent takes, in order. */
  async #tell(
    decisions: readonly Told[],
    lifted: readonly Lifted[],
    { listing, ends }: { readonly listing?: Listing; readonly ends: boolean } = { ends: false },
  ): Promise<void> {
    const { engine } = this.#options;
    const snapshot = listing?.isPartial === true ? undefined : listing?.snapshot;
    const pieces: { decisions: Told[]; lifted: Lifted[] }[] = [];
    for (let at = 0; at < lifted.length; at += SHARE_DECISIONS_MAX)
      pieces.push({ decisions: [], lifted: lifted.slice(at, at + SHARE_DECISIONS_MAX) });
    for (let at = 0; at < decisions.length; at += SHARE_DECISIONS_MAX)
      pieces.push({ decisions: decisions.slice(at, at + SHARE_DECISIONS_MAX), lifted: [] });
    if (pieces.length === 0 && snapshot !== undefined && ends)
      pieces.push({ decisions: [], lifted: [] });
    for (const [index, piece] of pieces.entries()) {
      const begins = listing?.hasBegun === false;
      await this.#ask({
        engine,
        ...piece,
        ...(snapshot === undefined ? {} : { snapshot }),
        ...(snapshot === undefined || !begins ? {} : { begins }),
        ...(ends && index === pieces.length - 1 && snapshot !== undefined ? { ends } : {}),
      });
      if (listing !== undefined) listing.hasBegun = true;
    }
  }

  /**
   * Asks until there is an answer. An agent that was mute for too long may still be at work on the
   * request, and gets it twice: it takes one after the other, and what stands already, or what an
   * operator has lifted since, it leaves as it is.
   */
  async #ask(request: Request): Promise<void> {
    const { agent, metrics, log, signal, retryMs = AGENT_RETRY_MS } = this.#options;
    for (;;) {
      try {
        const { snapshot, begins, ends, ...plain } = request;
        const { taken, lifted, refusedCount } = await agent.shareDecisions(
          this.#isInterrupted ? plain : request,
        );
        metrics.accepted.inc(taken);
        metrics.lifted.inc(lifted);
        metrics.refused.inc(refusedCount);
        if (this.#problem !== undefined) log('notice', 'the agent takes shared bans again');
        this.#problem = undefined;
        return;
      } catch (error) {
        const reason = messageOf(error);
        if (this.#problem === undefined)
          log('warning', `the agent does not take shared bans: ${reason}`);
        this.#problem = reason;
        this.#isInterrupted = true;
        // The agent refused the request as a whole: later listings ask again.
        if (error instanceof OperatorError && error.exitCode === EXIT.dataError) return;
        await sleep(retryMs, undefined, { signal });
      }
    }
  }
}

function byKind<T extends SharedDecision | GoneDecision>(all: readonly T[]): readonly [T[], T[]] {
  const lists: T[] = [];
  const others: T[] = [];
  for (const one of all) (one.origin === 'lists' ? lists : others).push(one);
  return [lists, others];
}

/**
 * What the engine holds, by target: several hosts may hold one, and it is banned as long as the one
 * of them lasts that lasts longest. Bounded; lists are not kept here, since they are the many.
 */
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
