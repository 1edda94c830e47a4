/**
 * One text file as a stream of entries: where its reading begins, and its lines decoded, dated,
 * without their date.
 */
import type { Entry, Gate, Position, ReadPosition, TextLog } from '../../core/entry.js';
import { messageOf } from '../../core/errors.js';
import { BATCH_ENTRIES_MAX, TEXT_SEEK_BYTES, TEXT_TURN_BYTES } from '../../core/limits.js';
import type { Cursor } from '../../core/names.js';
import type { LiteralTest } from '../../core/text.js';
import { type EpochMicros, MICROS_PER_SECOND } from '../../core/time.js';
import { TEXT_DATE_OFF_SECONDS_MAX } from '../../core/timeouts.js';
import { gateTest } from '../gate.js';
import type { Stream, StreamBatch } from '../merged-source.js';
import { composeMessage } from '../message.js';
import { PositionList, type TextPosition, textCursor } from '../position.js';
import type { RuntimeParts } from '../runtime-line.js';
import { type Decode, decoderOf, type ProvenOffset, type TextFile, type TextRead } from './file.js';
import { proofOf, type RawLine } from './lines.js';
import { fieldsOfLines, type LineFields, PartsOfFiles, partOfLine } from './parts.js';

/** Takes the date out of a line; `now` completes dates without year or day. */
export type LineDater = (
  line: string,
  now: EpochMicros,
) => { readonly text: string; readonly time?: EpochMicros };

/**
 * A copy that was put in the place of another is whole when nobody has written to it for so long,
 * ms.
 */
const COPY_STILL_MS = 1_000;
const START: ProvenOffset = { offset: 0, proof: proofOf(Buffer.alloc(0)) };

/** How the files of one `TextLog` are read. */
export interface TextReading {
  readonly log: TextLog;
  /** Names this log in every cursor; short, and different for each log. */
  readonly tag: string;
  readonly dater: LineDater;
  readonly decode: Decode;
  readonly passes: LiteralTest;
  readonly fields: LineFields;
  readonly now: () => EpochMicros;
  readonly parts: PartsOfFiles;
}

/**
 * `tell` is called at most once, when a line made the dater throw: such a line is one without a
 * date.
 */
export function textReading(
  log: TextLog,
  tag: string,
  gate: Gate,
  finder: LineDater,
  now: () => EpochMicros,
  tell?: (problem: string) => void,
): TextReading {
  let told = false;
  const dater: LineDater = (line, at) => {
    try {
      return finder(line, at);
    } catch (error) {
      if (!told)
        tell?.(
          `${log.path}: the date of a line cannot be read (${messageOf(error)}); such lines count as undated`,
        );
      told = true;
      return { text: line };
    }
  };
  return {
    log,
    tag,
    dater,
    decode: decoderOf(log.encoding, log.path),
    passes: gateTest(gate),
    fields: fieldsOfLines(log.key),
    now,
    parts: new PartsOfFiles(),
  };
}

/** Beginning of a stream. */
export interface TextBegin {
  readonly offset: number;
  readonly generation: number;
  /** Lines before this offset were there when the agent began: they have no time but their date. */
  readonly oldUpTo: number;
  /**
   * A later place that the file had when this was found; its lines up to there were read before.
   */
  readonly known?: ProvenOffset;
}

export class TextStream implements Stream {
  readonly name: string;
  readonly begin: ReadPosition;
  readonly isOneLine = true;
  readonly file: TextFile;
  readonly reading: TextReading;
  /** As cursors name it. */
  readonly #fileName: string;
  readonly #oldUpTo: number;
  readonly #generation: number;
  #lines: readonly RawLine[] = [];
  #next = 0;
  #at: ProvenOffset;
  #lastTime: EpochMicros;
  #known: ProvenOffset | undefined;
  readonly #parts: RuntimeParts;
  #restarted = false;
  #retiring = false;
  #done = false;
  /** Called when the file was begun anew, with the place that was reached before. */
  onRestart: ((before: NonNullable<TextRead['restarted']>) => void) | undefined;
  /**
   * Of a file that is a copy: where to begin when another copy was put in its place; asked when
   * that is complete.
   */
  beginOfCopy: (() => number) | undefined;
  #waits = false;

  constructor(file: TextFile, reading: TextReading, begin: TextBegin) {
    this.file = file;
    this.name = file.path;
    this.reading = reading;
    this.#fileName = `${reading.tag}.${file.id}`;
    this.#oldUpTo = begin.oldUpTo;
    this.#generation = begin.generation;
    this.#known = begin.known;
    file.goTo(begin.offset);
    this.#parts = reading.parts.of(file, begin.offset);
    this.#at = { offset: file.at, proof: file.proof };
    this.#lastTime = Math.min(
      Math.round(file.stats().mtimeMs * 1000),
      reading.now(),
    ) as EpochMicros;
    this.begin = this.#position();
  }

  /** Everything was read of a file that is followed no more. */
  get done(): boolean {
    return this.#done;
  }

  /** Where it stands. */
  get place(): TextPosition {
    return {
      file: this.#fileName,
      generation: this.#generation + this.file.generation,
      offset: this.#at.offset,
      proof: this.#at.proof,
    };
  }

  /** Nobody writes the file any more: what it still holds is read, also a line without end. */
  retire(): void {
    this.#retiring = true;
  }

  read(max: number): StreamBatch {
    const { reading } = this;
    const entries: Entry[] = [];
    let cut = 0;
    let read = 0;
    let last: RawLine | undefined;
    let passed = false;
    let more = true;
    let bytes = 0;
    const most = Math.min(max, BATCH_ENTRIES_MAX);
    while (read < most) {
      const line = this.#lines[this.#next];
      if (line === undefined) {
        // A proof is good until the next read only, so a batch ends with its chunk.
        if (read > 0 || bytes > TEXT_TURN_BYTES) break;
        bytes += this.file.chunkBytes;
        more = this.#fill();
        if (!more && this.#lines.length === 0) break;
        continue;
      }
      this.#next++;
      read++;
      last = line;
      const part = reading.decode.asciiBytes ? partOfLine(line) : undefined;
      const isRest = this.#parts.isRest(part);
      const entry = isRest ? undefined : this.#entry(line, part?.goesOn === true);
      passed = entry !== undefined;
      if (isRest || entry?.cutAt !== undefined) cut++;
      if (entry !== undefined) entries.push(entry);
    }
    if (last === undefined) {
      const place = this.#restarted ? { position: this.#position() } : {};
      this.#restarted = false;
      return { entries, read, cut, unreadable: 0, more, ...place };
    }
    this.#at = { offset: last.end, proof: last.proof() };
    if (!passed) this.#noteTime(last);
    return { entries, read, cut, unreadable: 0, position: this.#position(), more: true };
  }

  close(): void {
    this.file.close();
  }

  #position(): ReadPosition {
    return { cursor: textCursor(this.place), time: this.#lastTime };
  }

  /** Reads a chunk; false when the end was reached for now. */
  #fill(): boolean {
    if (this.#waits) {
      // A copy grows; what it is a copy of is told when it is whole.
      if (!this.#retiring && Date.now() - this.file.stats().mtimeMs < COPY_STILL_MS) return false;
      this.#waits = false;
      this.file.goTo(this.beginOfCopy?.() ?? 0);
      this.#at = { offset: this.file.at, proof: this.file.proof };
    }
    const changed = this.#verifyKnown();
    const { lines, more, restarted = changed } = this.file.read();
    this.#lines = lines;
    this.#next = 0;
    if (restarted !== undefined) {
      this.#at = START;
      this.#restarted = true;
      this.onRestart?.(restarted);
      if (this.beginOfCopy !== undefined) {
        this.#waits = true;
        return false;
      }
    }
    if (more || lines.length > 0 || !this.#retiring) return more;
    const rest = this.file.rest();
    if (rest === undefined) this.#done = true;
    else this.#lines = [rest];
    return rest !== undefined;
  }

  /** While lines are read anew that were read before: is it still the same file? */
  #verifyKnown(): TextRead['restarted'] {
    const { file } = this;
    const known = this.#known;
    if (known === undefined) return undefined;
    if (file.at >= known.offset) this.#known = undefined;
    else if (file.size() < known.offset || file.proofAt(known.offset) !== known.proof) {
      this.#known = undefined;
      file.restart();
      return { ...known, lineStart: known.offset };
    }
    return undefined;
  }

  #entry(line: RawLine, goesOn: boolean): Entry | undefined {
    const { reading } = this;
    const { decode, passes } = reading;
    if (line.isEmpty || (decode.asciiBytes && !line.passes(passes))) return undefined;
    const { head, tail } = line;
    const text = withoutReturns(decode(head, line.start));
    const end = tail === undefined ? undefined : withoutReturns(decode(tail, line.start + 1));
    if (text === '') return undefined;
    const now = reading.now();
    const dated = reading.dater(text, now);
    const message = composeMessage([
      end === undefined ? { head: dated.text } : { head: dated.text, tail: end },
    ]);
    if (!decode.asciiBytes && !passes(message.text)) return undefined;
    const realtime = this.#timeOf(line, dated.time, now);
    const cursor = this.#cursor(line.end, line.proof());
    const fields = reading.fields[goesOn ? 'part' : 'whole'];
    if (message.cutAt === undefined)
      return { cursor, realtime, message: message.text, fields, whole: true };
    const { cutAt } = message;
    return { cursor, realtime, message: message.text, cutAt, fields, whole: true };
  }

  #cursor(offset: number, proof: string): Cursor {
    const generation = this.#generation + this.file.generation;
    return textCursor({ file: this.#fileName, generation, offset, proof });
  }

  /** The time of the last line read, when the gate kept it back. */
  #noteTime(line: RawLine): void {
    const now = this.reading.now();
    const { time } = this.reading.dater(this.reading.decode(line.head, line.start), now);
    this.#timeOf(line, time, now);
  }

  /**
   * When the line was written. Of old lines: their date, else that of the line before, else the
   * last moment that the file was written. Of new ones: their date when it can be true, else now.
   */
  #timeOf(line: RawLine, date: EpochMicros | undefined, now: EpochMicros): EpochMicros {
    const isOld = this.file.generation === 0 && line.start < this.#oldUpTo;
    if (isOld) this.#lastTime = Math.min(date ?? this.#lastTime, now) as EpochMicros;
    else
      this.#lastTime =
        date !== undefined && Math.abs(date - now) <= TEXT_DATE_OFF_SECONDS_MAX * MICROS_PER_SECOND
          ? (Math.min(date, now) as EpochMicros)
          : now;
    return this.#lastTime;
  }
}

/** Without carriage returns at its end. A regex would look at all of the line. */
function withoutReturns(text: string): string {
  let end = text.length;
  while (text[end - 1] === '\r') end--;
  return end === text.length ? text : text.slice(0, end);
}

export interface TextTools {
  readonly dater: (log: TextLog) => LineDater;
  readonly now?: () => EpochMicros;
  /** How often paths are looked at, ms. */
  readonly lookMs?: number;
  /** How long a file is followed that no path names any more, ms. */
  readonly orphanMs?: number;
}

export function markOf(position: Position): PositionList | undefined {
  if (position.at === 'cursor') return new PositionList(position);
  return position.at === 'time' && position.mark !== undefined
    ? new PositionList(position.mark)
    : undefined;
}

// Where the reading of a text file begins: by its place of last time, by the dates of its lines, or
// at its end.

/** True when the file still has the place: nobody has begun it anew since. */
export function hasPlace(file: TextFile, place: TextPosition): boolean {
  return place.offset <= file.openedSize && file.proofAt(place.offset) === place.proof;
}

/** The offset after the last newline. */
export function lastLineStart(file: TextFile): number {
  let end = file.openedSize;
  while (end > 0) {
    const bytes = file.bytesBefore(end, TEXT_SEEK_BYTES);
    if (bytes.length === 0) return 0;
    const found = file.lastNewlineEnd(bytes, end - bytes.length);
    if (found !== undefined) return found;
    end -= bytes.length;
  }
  return 0;
}

/**
 * The offset of a line from which on all lines at or after `time` lie; undefined when the first
 * lines of the file have no dates, so that there is nothing to seek by. Lines are taken to be in
 * the order of their dates, roughly.
 */
export function seekTime(
  file: TextFile,
  reading: TextReading,
  time: EpochMicros,
): number | undefined {
  if (datedLine(file, reading, 0) === undefined && file.openedSize > 0) return undefined;
  let low = 0;
  let high = file.openedSize;
  while (high - low > TEXT_SEEK_BYTES) {
    const middle = Math.floor((low + high) / 2);
    const line = datedLine(file, reading, middle);
    if (line === undefined || line.time >= time || line.start >= high) high = middle;
    else low = line.start;
  }
  return low;
}

/** The first line with a date that begins at or after the offset, of those within one look. */
function datedLine(
  file: TextFile,
  reading: TextReading,
  offset: number,
): { readonly start: number; readonly time: EpochMicros } | undefined {
  const bytes = file.bytesAt(offset, Math.min(TEXT_SEEK_BYTES, file.openedSize - offset));
  const now = reading.now();
  let begin = offset === 0 ? 0 : file.newlineEnd(bytes, 0, offset);
  while (begin !== undefined && begin < bytes.length) {
    const end = file.newlineEnd(bytes, begin, offset);
    const { time } = reading.dater(
      reading
        .decode(bytes.subarray(begin, end ?? bytes.length), offset + begin)
        .replace(/[\r\n\0]+$/, ''),
      now,
    );
    if (time !== undefined) return { start: offset + begin, time };
    begin = end;
  }
  return undefined;
}
