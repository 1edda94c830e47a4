/**
 * Several streams as one source: each with its own order and its own place, merged by time.
 *
 * The others do not wait for a stream that has come to its end. An entry that arrives late is
 * delivered when it arrives, whatever other streams have delivered meanwhile. (One libsystemd
 * handle over the same files passes such entries over.) While there is more to read in several
 * streams, as after a stop, entries come in the order of their times.
 */
import type {
  Batch,
  Entry,
  EntrySource,
  Gate,
  OpenReport,
  Position,
  ReadPosition,
  StreamView,
} from '../core/entry.js';
import { OperatingError } from '../core/errors.js';
import { ENDED_PLACES_MAX } from '../core/limits.js';
import type { MatchExpression } from '../core/match.js';
import type { Cursor, SourceId } from '../core/names.js';
import { PositionList } from './position.js';

/** Entries that a stream reads ahead: what waits for entries of other streams. */
const AHEAD_ENTRIES = 100;

/** What one read of a stream came to. */
export interface StreamBatch {
  /** Those that passed the gate, in the stream's order. */
  readonly entries: readonly Entry[];
  readonly read: number;
  readonly cut: number;
  readonly unreadable: number;
  /** The place after all of them; absent when it did not change. */
  readonly position?: ReadPosition;
  /** False when the end was reached for now. */
  readonly more: boolean;
}

/** One stream of a source. */
export interface Stream {
  readonly name: string;
  /** Where it begins, when that is known before anything was read. */
  readonly begin?: ReadPosition;
  /** All its entries are of one line of places (`PositionList`). */
  readonly isOneLine?: true;
  /** Whose it is, when it is another host's. */
  who?(): { readonly host?: string; readonly machineId?: string };
  /** Never blocks. */
  read(max: number): StreamBatch;
  close(): void;
}

/** What the streams of a source are at the moment. */
export interface StreamSet {
  /** Called once, before `look`; says whether something before the position is gone. */
  open(match: MatchExpression, gate: Gate, position: Position): OpenReport;
  /**
   * Looks for streams that came and went; called at open and before reads. Cheap when it is not yet
   * time.
   */
  look(): {
    readonly joined: readonly Stream[];
    readonly left: readonly Stream[];
    readonly notices: readonly string[];
  };
  close(): void;
  find?(cursor: Cursor): Entry | undefined;
}

/** A stream with what was read of it and not yet delivered. */
class Lane {
  /** Waiting entries; those before `next` are delivered. */
  batch: StreamBatch | undefined;
  next = 0;
  dry = false;
  /** Its stream is gone; what waits is still delivered. */
  leaving = false;
  readonly lines = new Set<string>();
  read = 0;
  last: Entry | undefined;
  /** Delivered, and its place not noted yet: of one line only the last is ever asked for. */
  unplaced: Entry | undefined;

  constructor(readonly stream: Stream) {}

  get head(): Entry | undefined {
    return this.batch?.entries[this.next];
  }

  /** When the next that it delivers happened; undefined when it has nothing. */
  get time(): number | undefined {
    return this.head?.realtime ?? this.batch?.position?.time;
  }
}

export class MergedSource implements EntrySource {
  readonly id: SourceId;
  readonly #roster: StreamSet;
  readonly find?: (cursor: Cursor) => Entry | undefined;
  #lanes: Lane[] = [];
  #places = new PositionList();
  /** Lines whose stream is gone, oldest first. */
  #ended: string[] = [];
  #skip: PositionList | undefined;
  #moved = false;
  #state: 'new' | 'open' | 'closed' = 'new';

  constructor(id: SourceId, roster: StreamSet) {
    this.id = id;
    this.#roster = roster;
    if (roster.find !== undefined) this.find = (cursor) => roster.find?.(cursor);
  }

  open(match: MatchExpression, gate: Gate, position: Position): OpenReport {
    if (this.#state === 'closed') throw closed();
    if (this.#state === 'open') throw new Error('bug: a source is opened once');
    const mark =
      position.at === 'cursor' ? position : position.at === 'time' ? position.mark : undefined;
    this.#places = new PositionList(mark);
    this.#ended = this.#places.lines();
    if (position.at === 'cursor') this.#skip = new PositionList(position);
    const report = this.#roster.open(match, gate, position);
    this.#state = 'open';
    return report;
  }

  next(max: number): Batch {
    this.#mustBeOpen();
    const notices = this.#look();
    const entries: Entry[] = [];
    const sum = { read: 0, cut: 0, unreadable: 0 };
    for (const lane of this.#lanes) lane.dry = false;
    while (sum.read < max) {
      const lane = this.#first();
      if (lane === undefined) break;
      const entry = lane.head;
      if (entry === undefined) this.#settle(lane, sum);
      else {
        lane.next++;
        lane.last = entry;
        sum.read++;
        lane.unplaced = entry;
        if (lane.stream.isOneLine !== true) this.#place(lane);
        if (this.#skip?.cover({ cursor: entry.cursor, time: entry.realtime }) !== true)
          entries.push(entry);
        if (lane.head === undefined) this.#settle(lane, sum);
      }
    }
    for (const lane of this.#lanes) this.#place(lane);
    const position = this.#moved ? this.#places.position() : undefined;
    this.#moved = false;
    return {
      entries,
      ...sum,
      ended: false,
      notices,
      ...(position === undefined ? {} : { position }),
    };
  }

  poll(): void {
    this.#mustBeOpen();
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    for (const { stream } of this.#lanes) stream.close();
    this.#lanes = [];
    this.#roster.close();
  }

  streams(): readonly StreamView[] {
    return this.#lanes.map(({ stream, read, last }) => ({
      name: stream.name,
      ...stream.who?.(),
      entriesRead: read,
      ...(last === undefined ? {} : { lastEntry: last.realtime }),
    }));
  }

  /** The lane whose next entry is the oldest; each that has nothing waiting reads ahead first. */
  #first(): Lane | undefined {
    let first: Lane | undefined;
    let firstTime = 0;
    for (const lane of this.#lanes) {
      if (lane.batch === undefined && !lane.dry && !lane.leaving) {
        const batch = lane.stream.read(AHEAD_ENTRIES);
        lane.dry = !batch.more;
        lane.next = 0;
        if (batch.read > 0) lane.batch = batch;
        else if (batch.position !== undefined) this.#reach(lane, batch.position);
      }
      const time = lane.time ?? (lane.batch === undefined ? undefined : 0);
      if (time === undefined || (first !== undefined && time >= firstTime)) continue;
      first = lane;
      firstTime = time;
    }
    return first;
  }

  /** Notes the place of the lane's last entry. */
  #place(lane: Lane): void {
    const { unplaced } = lane;
    if (unplaced === undefined) return;
    lane.unplaced = undefined;
    this.#reach(lane, { cursor: unplaced.cursor, time: unplaced.realtime });
  }

  /** All entries of the lane's batch are delivered: the rest of what it read counts now. */
  #settle(lane: Lane, sum: { read: number; cut: number; unreadable: number }): void {
    const { batch } = lane;
    if (batch === undefined) return;
    lane.batch = undefined;
    lane.read += batch.read;
    sum.read += batch.read - batch.entries.length;
    sum.cut += batch.cut;
    sum.unreadable += batch.unreadable;
    if (batch.position === undefined) this.#place(lane);
    else {
      lane.unplaced = undefined;
      this.#reach(lane, batch.position);
    }
  }

  #reach(lane: Lane, position: ReadPosition): void {
    lane.lines.add(this.#places.set(position));
    this.#moved = true;
  }

  #look(): readonly string[] {
    const { joined, left, notices } = this.#roster.look();
    for (const stream of joined) {
      const lane = new Lane(stream);
      this.#lanes.push(lane);
      if (stream.begin !== undefined) this.#reach(lane, stream.begin);
    }
    for (const lane of this.#lanes) if (left.includes(lane.stream)) lane.leaving = true;
    const gone = this.#lanes.filter((lane) => lane.leaving && lane.batch === undefined);
    if (gone.length > 0) this.#lanes = this.#lanes.filter((lane) => !gone.includes(lane));
    for (const { stream, lines } of gone) {
      stream.close();
      this.#ended.push(...lines);
    }
    if (this.#ended.length > ENDED_PLACES_MAX) this.#forget();
    return notices;
  }

  #forget(): void {
    const inUse = new Set(this.#lanes.flatMap(({ lines }) => [...lines]));
    this.#ended = [...new Set(this.#ended)].filter((line) => !inUse.has(line));
    while (this.#ended.length > ENDED_PLACES_MAX)
      this.#places.delete(this.#ended.shift() as string);
  }

  #mustBeOpen(): void {
    if (this.#state === 'closed') throw closed();
    if (this.#state === 'new') throw new Error('bug: the source is not open');
  }
}

function closed(): OperatingError {
  return new OperatingError('ERR_JOURNAL_CLOSED', 'the source is closed');
}
