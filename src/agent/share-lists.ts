/**
 * What lists brought into the jail `shared`: tens of thousands of addresses, kept beside the bans.
 * They are in no ledger and nobody is told of each; the kernel has them in sets of their own, and
 * gets them in small pieces, between which every ban of this host goes first.
 */
import {
  baseAddress,
  covers,
  formatPrefix,
  type Prefix,
  parsePrefix,
  prefixOf,
} from '../core/address.js';
import type { ApplyReport, Element, ElementChange, FirewallBackend } from '../core/firewall.js';
import {
  SHARE_LIST_SOURCES_MAX,
  SHARE_LISTS_MAX,
  SHARE_PARDONS_MAX,
  SHARE_PIECE_CHANGES,
} from '../core/service-limits.js';
import { LISTS_JAIL } from '../core/share.js';
import { copyOf } from '../core/text.js';
import { type EpochMicros, MICROS_PER_SECOND, wallClock } from '../core/time.js';
import { LiftedPrefixes } from './share-judge.js';

/** Where an element of a list comes from: other hosts' texts. */
export interface ListSource {
  readonly host?: string;
  readonly scenario?: string;
}

/** An element of a list. */
export interface Listed extends ListSource {
  readonly target: Prefix;
  readonly until: EpochMicros;
}

// An element is its text and one number: its end in seconds, the complete list that had it last,
// and where it comes from.
const SOURCES = SHARE_LIST_SOURCES_MAX;
const GENERATIONS = 256;

export class SharedLists {
  readonly #firewall: Pick<FirewallBackend, 'apply'>;
  readonly #elements = new Map<string, number>();
  /** Elements of each length, by family. */
  readonly #lengths = new Map<string, number>();
  /** The first stands for those that the kernel had before the agent began. */
  readonly #sources: ListSource[] = [{}];
  /** What an operator took out. */
  readonly #pardons = new LiftedPrefixes(SHARE_PARDONS_MAX);
  /** What operators named before this agent began. */
  readonly #past: LiftedPrefixes;
  #generation = 0;

  /**
   * `past`: what operators opened before, each until the latest end of what may have gone with it;
   * the ledger does not know elements of lists.
   */
  constructor(
    firewall: Pick<FirewallBackend, 'apply'>,
    past: readonly { readonly target: Prefix; readonly until: EpochMicros }[] = [],
  ) {
    this.#firewall = firewall;
    const opened = past.map((one) => ({ ...one, ban: one.target }));
    this.#past = new LiftedPrefixes(SHARE_PARDONS_MAX, opened);
  }

  /** Elements, those that are over and were not yet forgotten among them. */
  get size(): number {
    return this.#elements.size;
  }

  /** A complete list begins: what it has not by its end goes. */
  begin(): void {
    this.#generation = (this.#generation + 1) % GENERATIONS;
  }

  /** What the complete list did not have. */
  unlisted(): Prefix[] {
    const gone: Prefix[] = [];
    for (const [text, packed] of this.#elements)
      if (generationOf(packed) !== this.#generation) gone.push(prefixOfText(text));
    return gone;
  }

  /**
   * Notes an element. True when the kernel is to be told: it is new, or ends at another time;
   * undefined when there is no room.
   */
  put(target: Prefix, until: EpochMicros, source: ListSource | undefined, slackSeconds = 0) {
    if (this.#isPardoned(target, wallClock.now())) return false;
    const text = formatPrefix(target);
    const known = this.#elements.get(text);
    if (known === undefined && this.#elements.size >= SHARE_LISTS_MAX) return undefined;
    const end = Math.floor(until / MICROS_PER_SECOND);
    const isSame = known !== undefined && Math.abs(endOf(known) - end) <= slackSeconds;
    const kept = isSame ? endOf(known) : end;
    this.#elements.set(
      text,
      (kept * GENERATIONS + this.#generation) * SOURCES + this.#sourceId(source),
    );
    if (known === undefined) this.#count(target, 1);
    return !isSame;
  }

  /**
   * Forgets an element, and takes nothing that holds what an operator named in it before its end.
   */
  pardon({ target: ban, until }: Listed, target: Prefix): void {
    this.take(ban);
    this.#pardons.add({ target, ban, until });
  }

  /** True for what an operator took out, and for what holds what one opened before. */
  #isPardoned(target: Prefix, now: EpochMicros): boolean {
    if (this.#pardons.overlap(target, now) !== undefined) return true;
    const past = this.#past.overlap(target, now);
    return past !== undefined && covers(target, past.target);
  }

  /** Forgets an element; false when it is not there. */
  take(target: Prefix): boolean {
    if (!this.#elements.delete(formatPrefix(target))) return false;
    this.#count(target, -1);
    return true;
  }

  /** Forgets all, and what is said of them. */
  clear(): void {
    this.#elements.clear();
    this.#lengths.clear();
    this.#sources.length = 1;
  }

  /** Forgets what is over; the kernel has let it go by itself. Returns how many are in force. */
  tidy(now: EpochMicros): number {
    for (const [text, packed] of this.#elements)
      if (endOf(packed) * MICROS_PER_SECOND <= now) this.take(prefixOfText(text));
    return this.#elements.size;
  }

  /** Elements in force that hold the target. */
  covering(target: Prefix, now: EpochMicros): Listed[] {
    const found: Listed[] = [];
    const base = baseAddress(target);
    for (const key of this.#lengths.keys()) {
      const [family, length] = key.split(' ').map(Number) as [number, number];
      if (family !== target.family || length > target.length) continue;
      const prefix = prefixOf(base, length);
      const listed = this.#at(formatPrefix(prefix));
      if (listed !== undefined && listed.until > now) found.push(listed);
    }
    return found;
  }

  /** All elements. May be changed meanwhile. */
  *all(): Generator<Listed> {
    for (const text of this.#elements.keys()) {
      const listed = this.#at(text);
      if (listed !== undefined) yield listed;
    }
  }

  /**
   * Tells the kernel of elements as they are now: those that are there go in, the others out. In
   * small pieces: a ban that comes meanwhile waits for no more than one. Returns what the kernel
   * refused.
   */
  async send(targets: Iterable<Prefix>): Promise<ApplyReport['refused']> {
    const refused: ApplyReport['refused'][number][] = [];
    let piece: Prefix[] = [];
    const flush = async () => {
      const changes = piece.map((target) => this.#change(target));
      piece = [];
      const report = await this.#firewall.apply(changes);
      refused.push(...report.refused);
      for (const { change } of report.refused) this.take(change.target);
      await new Promise(setImmediate);
    };
    for (const target of targets) if (piece.push(target) >= SHARE_PIECE_CHANGES) await flush();
    if (piece.length > 0) await flush();
    return refused;
  }

  /** What the kernel must be told after it was found to hold these elements. */
  *difference(standing: readonly Element[], now: EpochMicros): Generator<Prefix> {
    const there = new Set(standing.map(({ target }) => formatPrefix(target)));
    for (const { target, until } of this.all())
      if (until > now && !there.delete(formatPrefix(target))) yield target;
    // What is left over stands in the kernel alone.
    for (const text of there) if (!this.#elements.has(text)) yield prefixOfText(text);
  }

  #change(target: Prefix): ElementChange {
    const listed = this.#at(formatPrefix(target));
    if (listed === undefined) return { kind: 'remove', jail: LISTS_JAIL, target };
    return { kind: 'put', jail: LISTS_JAIL, target, until: listed.until };
  }

  #at(text: string): Listed | undefined {
    const packed = this.#elements.get(text);
    if (packed === undefined) return undefined;
    const until = (endOf(packed) * MICROS_PER_SECOND) as EpochMicros;
    return { ...this.#sources[packed % SOURCES], target: prefixOfText(text), until };
  }

  #sourceId({ host, scenario }: ListSource = {}): number {
    const found = this.#sources.findIndex(
      (known) => known.host === host && known.scenario === scenario,
    );
    if (found >= 0) return found;
    // Names that a stranger makes up are not remembered without end.
    if (this.#sources.length >= SOURCES) return 0;
    const source = {
      ...(host === undefined ? {} : { host: copyOf(host) }),
      ...(scenario === undefined ? {} : { scenario: copyOf(scenario) }),
    };
    return this.#sources.push(source) - 1;
  }

  #count({ family, length }: Prefix, by: number): void {
    const key = `${family} ${length}`;
    const count = (this.#lengths.get(key) ?? 0) + by;
    if (count > 0) this.#lengths.set(key, count);
    else this.#lengths.delete(key);
  }
}

function endOf(packed: number): number {
  return Math.floor(packed / (GENERATIONS * SOURCES));
}

function generationOf(packed: number): number {
  return Math.floor(packed / SOURCES) % GENERATIONS;
}

/** Of a text that `formatPrefix` made. */
function prefixOfText(text: string): Prefix {
  return parsePrefix(text) as Prefix;
}
