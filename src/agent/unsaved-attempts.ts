/**
 * What each source's entries after its last position came to: attempts, alarms, counts. It is
 * written with the next position that lies behind them, since what is read again after a crash must
 * be weighed and counted once. A reader that takes another's place in this process reads them
 * again, too: here it is known which they are.
 */
import type { FilterEvent, WeighedAttempt } from '../core/decision.js';
import type { ReadPosition } from '../core/entry.js';
import { cursor, type SourceId } from '../core/names.js';
import { UNSAVED_EVENTS_MAX } from '../core/service-limits.js';
import type { EpochMicros } from '../core/time.js';
import type { JailAlarm, Judgement } from '../jail/judgement.js';
import { entryIdentity } from '../journal/position.js';
import { type AlarmInsert, HourlyTally } from '../ledger/hourly.js';
import type { Commit } from '../ledger/ledger.js';
import type { FromIntake } from './intake/protocol.js';
import { isAtOrBefore } from './source-clocks.js';

/** Stands for the entry of a failure that an operator tells: there is none to be read again. */
export const NO_ENTRY = cursor('reported by an operator');

/** What some events came to. */
class Part {
  readonly attempts: WeighedAttempt[] = [];
  readonly alarms: AlarmInsert[] = [];
  readonly tally = new HourlyTally();
}

/** What the events of a batch came to whose position was not told. */
interface Held {
  readonly part: Part;
  readonly events: readonly string[];
  readonly last: ReadPosition;
}

class OfSource {
  /** Of the batch that is being judged. */
  part = new Part();
  /** Oldest first. */
  held: Held[] = [];
  /** The events of all that is held. */
  known = new Set<string>();
}

type Batch = Pick<
  Extract<FromIntake, { type: 'batch' }>,
  'warm' | 'events' | 'position' | 'isBehind'
>;

export class UnsavedAttempts {
  readonly #sources = new Map<SourceId, OfSource>();
  /** What no source told. */
  #others = new Part();

  /** Attempts to be written with the next position of the source. */
  remember(attempts: readonly WeighedAttempt[], source: SourceId): void {
    if (attempts.length === 0) return;
    const own = this.#of(source).part.attempts;
    for (const attempt of attempts) own.push(attempt);
  }

  /** Counts what became of events; of those that no source told, with the next position of any. */
  count(
    { outcomes, alarms }: Pick<Judgement, 'outcomes' | 'alarms'>,
    source: SourceId | undefined,
    now: EpochMicros,
  ): void {
    if (outcomes.length === 0) return;
    const part = source === undefined ? this.#others : this.#of(source).part;
    for (const { kind, event } of outcomes) {
      if (kind === 'unknown') continue;
      const counter = kind === 'success' ? 'login' : kind === 'ignored' ? 'ignored' : 'attempt';
      part.tally.add(counter, event.jail, event.count, event.time, now);
    }
    for (const alarm of alarms) part.alarms.push(insertOf(alarm));
  }

  /** The batch with the events that were judged already, which then are for the windows only. */
  withoutKnown<T extends Batch>(batch: T, source: SourceId): T {
    const known = this.#sources.get(source)?.known;
    if (known === undefined || known.size === 0) return batch;
    const isKnown = (event: FilterEvent) => known.has(nameOf(event));
    return {
      ...batch,
      warm: [...batch.warm, ...batch.events.filter(isKnown)],
      events: batch.events.filter((event) => !isKnown(event)),
    };
  }

  /**
   * What goes into the ledger after a batch of the source was judged; undefined for nothing. Of
   * what lies behind its position, or has none, so much is held as the bound says; what an operator
   * tells is written at once.
   */
  take(
    source: SourceId,
    { events, position, isBehind }: Batch,
  ): Required<Pick<Commit, 'attempts' | 'alarms' | 'hourly'>> | undefined {
    const own = this.#of(source);
    const last = events.at(-1);
    const isTold = last?.cursor === NO_ENTRY;
    const isWhole = isTold || (position !== undefined && isBehind !== true);
    const parts: Part[] = [];
    if (isWhole) {
      parts.push(...own.held.map(({ part }) => part), own.part);
      this.#sources.delete(source);
    } else {
      if (last !== undefined) hold(own, events, { cursor: last.cursor, time: last.time });
      parts.push(...released(own, position));
      if (position === undefined && parts.length === 0) return undefined;
    }
    parts.push(this.#others);
    this.#others = new Part();
    return {
      attempts: parts.flatMap(({ attempts }) => attempts),
      alarms: parts.flatMap(({ alarms }) => alarms),
      hourly: parts.flatMap(({ tally }) => tally.take()),
    };
  }

  /** All attempts that are in no ledger yet, those of a source in the order of its batches. */
  attempts(): WeighedAttempt[] {
    return [...this.#sources.values()].flatMap(({ held, part }) =>
      [...held.map((each) => each.part), part].flatMap(({ attempts }) => attempts),
    );
  }

  #of(source: SourceId): OfSource {
    const known = this.#sources.get(source);
    if (known !== undefined) return known;
    const own = new OfSource();
    this.#sources.set(source, own);
    return own;
  }
}

function hold(own: OfSource, events: readonly FilterEvent[], last: ReadPosition): void {
  const names = events.map(nameOf);
  own.held.push({ part: own.part, events: names, last });
  own.part = new Part();
  for (const name of names) own.known.add(name);
}

/** Lets go of what a position lies behind, and of the oldest beyond the bound. */
function released(own: OfSource, position: ReadPosition | undefined): Part[] {
  const parts: Part[] = [];
  for (let first = own.held[0]; first !== undefined; first = own.held[0]) {
    const isSaved = position !== undefined && isAtOrBefore(first.last, position);
    if (!isSaved && own.known.size <= UNSAVED_EVENTS_MAX) break;
    own.held.shift();
    for (const name of first.events) own.known.delete(name);
    parts.push(first.part);
  }
  return parts;
}

/** One entry may be an event of several jails. */
function nameOf({ jail, cursor }: FilterEvent): string {
  return `${jail} ${entryIdentity(cursor)}`;
}

function insertOf({ jail, alarm: { kind, user, count }, event }: JailAlarm): AlarmInsert {
  return { jail, kind, user, count, address: event.address.text, time: event.time };
}
