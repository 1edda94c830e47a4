/**
 * The live edge: the newest entries, judged while the reader is still busy with the stored ones. It
 * has a source and filters of its own, so the reader's own state knows nothing of it; the reader
 * comes to the same entries in its turn.
 *
 * It begins just before the mark: an attack of the last minutes before a restart was judged by
 * then, and whoever attacks now would wait until all of it is read once more. Of the past it sees
 * the end only, in order, so what it counts of a host is never more than the whole does.
 */

import type { FilterEvent } from '../../core/decision.js';
import type { Entry, EntrySource, Position, ReadPosition } from '../../core/entry.js';
import { BATCH_ENTRIES_MAX } from '../../core/limits.js';
import { unionOf } from '../../core/match.js';
import type { JailIntake } from '../../core/specs.js';
import { laterOf, plus, wallClock } from '../../core/time.js';
import { EDGE_BEFORE_MARK_SECONDS, EDGE_SECONDS, JUDGE_PART_MS } from '../../core/timeouts.js';
import type { Demotion, FilterBank, JudgeReport } from '../../filter/bank.js';
import { isAtOrBefore } from '../source-clocks.js';
import type { IntakePlan } from './protocol.js';
import { isOwn, OWN_FIELDS, type OwnProcess } from './protocol.js';

/** What one look at the edge found: events at or before the mark, and new ones. */
export interface EdgeBatch {
  readonly warm: readonly FilterEvent[];
  readonly events: readonly FilterEvent[];
  readonly demoted: readonly Demotion[];
}

/**
 * True where the newest entries can be read beside the stored ones: in one journal, which never
 * ends.
 */
export function hasEdge({ source: { kind }, follow }: IntakePlan): boolean {
  return follow && (kind === 'local' || kind === 'directory' || kind === 'container');
}

export class Edge {
  readonly #source: EntrySource;
  readonly #bank: FilterBank;
  #mark: ReadPosition | undefined;
  #self: OwnProcess | undefined;

  constructor(source: EntrySource, bank: FilterBank) {
    this.#source = source;
    this.#bank = bank;
  }

  /**
   * Opens the source just before the mark, or a little before now where that is later or there is
   * no mark. Throws what the source throws.
   */
  open(jails: readonly JailIntake[], mark?: ReadPosition, self?: OwnProcess): void {
    this.#mark = mark;
    this.#self = self;
    const begin = plus(wallClock.now(), -EDGE_SECONDS);
    const time =
      mark === undefined ? begin : laterOf(begin, plus(mark.time, -EDGE_BEFORE_MARK_SECONDS));
    openFor(this.#source, this.#bank, jails, { at: 'time', time });
  }

  /**
   * The next entries; undefined when there are none yet, or when it was stopped. Throws what the
   * source throws.
   */
  async next(isStopped: () => boolean): Promise<EdgeBatch | undefined> {
    const { read, entries } = this.#source.next(BATCH_ENTRIES_MAX);
    if (read === 0) return undefined;
    const warm: FilterEvent[] = [];
    const events: FilterEvent[] = [];
    const others = entries.filter((entry) => !isOwn(entry, this.#self));
    const report = await judged(this.#bank, others, isStopped);
    if (report === undefined) return undefined;
    for (const event of report.events) (isWarm(event, this.#mark) ? warm : events).push(event);
    return { warm, events, demoted: report.demoted };
  }

  close(): void {
    this.#source.close();
  }
}

/** Opens a source for what the filters of these jails need of it. */
export function openFor(
  source: EntrySource,
  bank: FilterBank,
  jails: readonly JailIntake[],
  position: Position,
) {
  const fields = [...new Set([...bank.gate.fields, ...OWN_FIELDS])];
  return source.open(unionOf(jails.map(({ match }) => match)), { ...bank.gate, fields }, position);
}

/**
 * What entries come to. Whatever regexes make of them, this thread's messages are read meanwhile:
 * one that does not answer is taken for hung. Undefined when it was stopped before all were judged.
 */
export async function judged(
  bank: FilterBank,
  entries: readonly Entry[],
  isStopped: () => boolean,
): Promise<JudgeReport | undefined> {
  const parts: JudgeReport[] = [];
  for (const part of bank.judgeInParts(entries, JUDGE_PART_MS)) {
    if (parts.length > 0) await new Promise(setImmediate);
    if (isStopped()) return undefined;
    parts.push(part);
  }
  const [first] = parts;
  if (parts.length === 1) return first;
  return {
    events: parts.flatMap(({ events }) => events),
    demoted: parts.flatMap(({ demoted }) => demoted),
  };
}

/** True when the event was read before the agent stopped. */
export function isWarm({ cursor, time }: FilterEvent, mark: ReadPosition | undefined): boolean {
  return mark !== undefined && isAtOrBefore({ cursor, time }, mark);
}
