/**
 * From the agent to the engine: which bans the engine should hold by now, and what it is still to
 * be told. Whatever is heard is only a reason to look: what counts is which bans are in force. So a
 * ban that came twice, or that was missed, is told once.
 */
import type { Receiver } from '../control/follower.js';
import type { BanView, ShareView, StreamEvent } from '../control/protocol.js';
import { inBackground } from '../core/background.js';
import { SHARE_ASKS_MAX, SHARE_PUBLISH_MAX, SHARE_QUEUE_MAX } from '../core/service-limits.js';
import { SHARED_JAIL } from '../core/share.js';
import { isSameEnd } from './clock.js';
import { ownKey, type ShareChange } from './engine.js';

/** Whose bans are published, as the agent says. */
export type PublishRules = ShareView['publish'];

export interface PublishQueueOptions {
  /** Id of the last ban that is done with; undefined at the very first start. */
  readonly seen: number | undefined;
  readonly rules: PublishRules;
  /** Bans in force: all, or those that share addresses with a target. */
  readonly bans: (query: { jail?: string; address?: string }) => Promise<readonly BanView[]>;
  /** There is something to publish. */
  readonly filled: () => void;
  /** There is room again. */
  readonly room: () => void;
  /** The agent cannot be asked, which ends the connection: the next one begins anew. */
  readonly failed: (error: unknown) => void;
  readonly now: () => number;
}

export class PublishQueue implements Receiver {
  readonly #options: PublishQueueOptions;
  #rules: PublishRules;
  /** What the engine will hold of this host once the queue is empty: ends by `ownKey`. */
  #intended = new Map<string, number>();
  readonly #queue = new Map<string, ShareChange>();
  #seen: number;
  #done: number;
  /** The engine has said what it holds: before that nothing is known to be missing there. */
  #isListed = false;
  /** Keys that were heard of while a listing is under way: what it says of them is old. */
  #heardListing: Set<string> | undefined;
  /** The same of a comparison. */
  #heardComparing: Set<string> | undefined;
  /** Keys of unbans, and when: what was read before may not know of them. */
  readonly #doubtful = new Map<string, number>();
  readonly #toAsk = new Set<string>();
  #asking = false;
  #mustCompare = false;
  /** A comparison found no room for all that is missing. */
  #isCutShort = false;
  #stopped = false;

  constructor(options: PublishQueueOptions) {
    this.#options = options;
    this.#rules = options.rules;
    this.#seen = options.seen ?? 0;
    this.#done = this.#seen;
  }

  /**
   * The agent's newest ban. The comparison tells what is in force: the history is read from here at
   * a first start, and where it is another one than before.
   */
  begin(newest: number): void {
    if (this.#options.seen !== undefined && this.#seen <= newest) return;
    this.#seen = newest;
    this.#done = newest;
  }

  get seen(): number {
    return this.#seen;
  }

  get hasRoom(): boolean {
    return this.#isListed && this.#queue.size < SHARE_QUEUE_MAX;
  }

  /** Changes that wait to be published. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** Bans of this host that the engine holds, or will. */
  get published(): number {
    return this.#intended.size;
  }

  /** Up to this id everything is with the engine. */
  get done(): number {
    return this.#done;
  }

  offer(ban: BanView): void {
    if (ban.id <= this.#seen || !this.hasRoom) return;
    this.#seen = ban.id;
    if (!this.#isWanted(ban) || ban.state !== 'in-force') return;
    const key = ownKey(ban.jail, ban.target);
    this.#hear(key);
    if (this.#doubtful.has(key)) this.#ask(key);
    else this.#intend(key, endOf(ban));
  }

  pass(id: number): void {
    if (this.hasRoom) this.#seen = Math.max(this.#seen, id);
  }

  forget(): void {
    this.#seen = 0;
    this.compare();
  }

  /** A ban was lifted: it is published when no ban in force says otherwise. */
  unbanned({ jail, address, reason }: StreamEvent): void {
    // A ban that ended by its time ends at the engine by itself.
    if (reason === 'expired') return;
    const key = ownKey(jail, address);
    this.#hear(key);
    const now = performance.now();
    for (const [old, time] of this.#doubtful) {
      if (time > now - DOUBT_MS) break;
      this.#doubtful.delete(old);
    }
    this.#doubtful.delete(key);
    this.#doubtful.set(key, now);
    this.#ask(key);
  }

  /** What the agent publishes may have changed. */
  adopt(rules: PublishRules): void {
    if (JSON.stringify(rules) === JSON.stringify(this.#rules)) return;
    this.#rules = rules;
    this.compare();
  }

  /** A listing begins: what is published from now on, it may not have. */
  listingBegins(): void {
    this.#heardListing ??= new Set();
  }

  /** All that the engine holds of this host: what differs from the bans in force is told. */
  listed(own: ReadonlyMap<string, number>): void {
    const intended = new Map(own);
    for (const key of this.#heardListing ?? []) {
      const until = this.#intended.get(key);
      if (until === undefined) intended.delete(key);
      else intended.set(key, until);
    }
    for (const [key, { kind }] of this.#queue)
      if (kind === 'lift') intended.delete(key);
      else intended.set(key, this.#intended.get(key) ?? 0);
    this.#heardListing = undefined;
    this.#intended = intended;
    this.#isListed = true;
    this.compare();
    this.#options.room();
  }

  /** All that the engine is to hold as of now, by `ownKey`. */
  async wanted(): Promise<ReadonlySet<string>> {
    const bans = await this.#options.bans({});
    return new Set(
      bans.filter((ban) => this.#isWanted(ban)).map(({ jail, target }) => ownKey(jail, target)),
    );
  }

  /** Compares all bans in force with what the engine holds, soon. */
  compare(): void {
    this.#mustCompare = true;
    this.#work();
  }

  /** What is to be published next, in order. */
  next(): readonly ShareChange[] {
    const changes: ShareChange[] = [];
    for (const change of this.#queue.values()) {
      if (changes.length === SHARE_PUBLISH_MAX) break;
      changes.push(change);
    }
    return changes;
  }

  /** The engine has taken them. */
  taken(changes: readonly ShareChange[]): void {
    const wasFull = !this.hasRoom;
    for (const change of changes) {
      const key = ownKey(change.jail, change.target);
      if (this.#queue.get(key) === change) this.#queue.delete(key);
      this.#hear(key);
    }
    if (this.#queue.size === 0) this.#done = this.#seen;
    if (!wasFull || !this.hasRoom) return;
    this.#options.room();
    if (this.#isCutShort) this.compare();
  }

  stop(): void {
    this.#stopped = true;
  }

  #hear(key: string): void {
    this.#heardListing?.add(key);
    this.#heardComparing?.add(key);
  }

  #isWanted({ jail, origin }: BanView): boolean {
    // What others decided is theirs to tell.
    if (jail === SHARED_JAIL) return false;
    if (origin === 'operator') return this.#rules.operator;
    return origin === 'journal' && this.#rules.jails.includes(jail);
  }

  /** The engine is to hold this ban, or (undefined) none. */
  #intend(key: string, until: number | undefined): void {
    const was = this.#intended.get(key);
    const { jail, target } = parts(key);
    const now = this.#options.now();
    if (until === undefined) {
      if (was === undefined) return;
      this.#intended.delete(key);
      this.#enqueue(key, { kind: 'lift', jail, target });
      return;
    }
    if (until <= now || (was !== undefined && isSameEnd(was, until, now))) return;
    this.#intended.set(key, until);
    const shortens = was !== undefined && was > until;
    this.#enqueue(key, { kind: 'ban', jail, target, until, shortens });
  }

  /** The last word about a ban is all that is told. */
  #enqueue(key: string, change: ShareChange): void {
    this.#queue.delete(key);
    this.#queue.set(key, change);
    this.#options.filled();
  }

  #ask(key: string): void {
    this.#toAsk.add(key);
    // So many single questions cost more than one that is about all.
    if (this.#toAsk.size > SHARE_ASKS_MAX) {
      this.#toAsk.clear();
      this.#mustCompare = true;
    }
    this.#work();
  }

  /** One question at a time, so that the last answer is the newest. */
  #work(): void {
    if (this.#asking || this.#stopped || !this.#isListed) return;
    this.#asking = true;
    inBackground(this.#answerAll(), this.#options.failed);
  }

  async #answerAll(): Promise<void> {
    try {
      while (!this.#stopped && (this.#mustCompare || this.#toAsk.size > 0)) await this.#answerOne();
    } finally {
      // At once: a question that comes a turn later begins anew.
      this.#asking = false;
    }
  }

  async #answerOne(): Promise<void> {
    if (this.#mustCompare) {
      this.#mustCompare = false;
      return this.#compareNow();
    }
    const [key] = this.#toAsk;
    if (key === undefined) return;
    this.#toAsk.delete(key);
    const { jail, target } = parts(key);
    const found = (await this.#options.bans({ address: target })).find(
      (ban) => ban.jail === jail && ban.target === target && this.#isWanted(ban),
    );
    if (!this.#stopped) this.#intend(key, found === undefined ? undefined : endOf(found));
  }

  async #compareNow(): Promise<void> {
    const heard = new Set<string>();
    this.#heardComparing = heard;
    const bans = await this.#options.bans({});
    this.#heardComparing = undefined;
    this.#isCutShort = false;
    if (this.#stopped) return;
    const wanted = new Set<string>();
    for (const ban of bans) {
      this.#isCutShort = !this.hasRoom;
      if (this.#isCutShort) return;
      const key = ownKey(ban.jail, ban.target);
      wanted.add(key);
      if (!this.#isWanted(ban)) wanted.delete(key);
      else if (!heard.has(key) && ban.state === 'in-force') this.#intend(key, endOf(ban));
    }
    const now = this.#options.now();
    for (const [key, until] of [...this.#intended]) {
      if (until <= now) this.#intended.delete(key);
      else if (!wanted.has(key) && !heard.has(key)) {
        // There are as many of these as a stranger wrote there in this host's name.
        this.#isCutShort = !this.hasRoom;
        if (this.#isCutShort) return;
        this.#intend(key, undefined);
      }
    }
  }
}

/** What was read of a ban so shortly before its unban was heard may be older than that, ms. */
const DOUBT_MS = 60_000;

function endOf({ until }: BanView): number {
  return until === null ? Number.POSITIVE_INFINITY : Date.parse(until);
}

/** A jail's name may have blanks, a target has none. */
function parts(key: string): { readonly jail: string; readonly target: string } {
  const at = key.lastIndexOf(' ');
  return { jail: key.slice(0, at), target: key.slice(at + 1) };
}
