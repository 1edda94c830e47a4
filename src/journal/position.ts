/**
 * Positions in a source: whether two cursors name one entry, and which of two places is earlier.
 */

import type { ReadPosition } from '../core/entry.js';
import { type Cursor, cursor } from '../core/names.js';
import type { EpochMicros } from '../core/time.js';

/**
 * True when the cursors differ in file and sequence number only. `journalctl --flush` copies
 * entries from /run to /var: the copy has another cursor, and sd_journal_test_cursor(3) says no,
 * but boot, times and the hash of the content (`b`, `m`, `t`, `x`) stay. Texts of any other form
 * are the same only when they are equal.
 */
export function sameEntry(a: Cursor, b: Cursor): boolean {
  return a === b || entryIdentity(a) === entryIdentity(b);
}

/** One text for all copies of an entry, by which `sameEntry` knows them. */
export function entryIdentity(cursor: Cursor): string {
  const copied = /^s=[0-9a-f]+;i=[0-9a-f]+;(b=[0-9a-f]+;m=[0-9a-f]+;t=[0-9a-f]+;x=[0-9a-f]+)$/;
  return copied.exec(cursor)?.[1] ?? cursor;
}

// Places in a source, and their order.
//
// A cursor is opaque for seeking, but its fields are stable. Of systemd's, `s=` identifies the
// numbering and `i=` is the sequence number in hexadecimal (sd-journal/sd-journal.c since systemd
// 187; journald gives all its files one numbering). Of a text file's, device and inode identify the
// file, and generation and offset are the place in it. Entries of one line are ordered by number,
// as libsystemd itself orders them; others by time.
//
// A source of several streams has one place per stream. Its position is one text that holds them
// all: `many:` and, separated by blanks, `cursor@time`.

const MANY = 'many:';

/** A cursor with a known order: its number counts within its line. */
export interface EntryPosition {
  readonly line: string;
  readonly number: bigint;
}

export interface TextPosition {
  /** The log it belongs to (`tag`), device and inode, as `tag.dev.ino`. */
  readonly file: string;
  /** Rises whenever the file is begun anew (truncation). */
  readonly generation: number;
  /** Bytes before the place. */
  readonly offset: number;
  /** Of the bytes just before the place. */
  readonly proof: string;
}

/** The cursor of a place in a text file. */
export function textCursor({ file, generation, offset, proof }: TextPosition): Cursor {
  return cursor(`text:${file}:${generation}:${offset}:${proof}`);
}

export function parseTextCursor(text: Cursor): TextPosition | undefined {
  const parts =
    /^text:([0-9a-z]{1,16}\.\d{1,20}\.\d{1,20}):(\d{1,9}):(\d{1,16}):([0-9a-z]{1,16})$/.exec(text);
  if (parts === null) return undefined;
  const [, file = '', generation, offset, proof = ''] = parts;
  return { file, generation: Number(generation), offset: Number(offset), proof };
}

/** What orders the cursor; undefined when it is of no known form. */
export function positionOf(text: Cursor): EntryPosition | undefined {
  const systemd = /^s=([0-9a-f]{32});i=([0-9a-f]{1,16});/.exec(text);
  if (systemd !== null) return { line: systemd[1] as string, number: BigInt(`0x${systemd[2]}`) };
  const place = parseTextCursor(text);
  if (place === undefined) return undefined;
  return {
    line: lineOfFile(place.file),
    number: (BigInt(place.generation) << 53n) + BigInt(place.offset),
  };
}

/** The line of all places of one file. */
export function lineOfFile(file: string): string {
  return `text:${file}`;
}

/** The places of a position, by line. A cursor of unknown form is a line of its own. */
export class PositionList {
  readonly #places = new Map<string, ReadPosition>();
  /** True for the position of several streams, where a line that is not in it is unknown to it. */
  readonly many: boolean;

  constructor(position?: ReadPosition) {
    this.many = position?.cursor.startsWith(MANY) === true;
    if (position === undefined) return;
    if (!this.many) this.set(position);
    else
      for (const part of position.cursor.slice(MANY.length).split(' ')) {
        const at = part.lastIndexOf('@');
        const time = Number(part.slice(at + 1));
        if (at > 0 && Number.isSafeInteger(time))
          this.set({ cursor: cursor(part.slice(0, at)), time: time as EpochMicros });
      }
  }

  get size(): number {
    return this.#places.size;
  }

  get(line: string): ReadPosition | undefined {
    return this.#places.get(line);
  }

  values(): IterableIterator<ReadPosition> {
    return this.#places.values();
  }

  /** The lines, those with the oldest places first. */
  lines(): string[] {
    return [...this.#places].sort(([, a], [, b]) => a.time - b.time).map(([line]) => line);
  }

  /** Sets the place of the position's line; returns the line. */
  set(position: ReadPosition): string {
    const line = positionOf(position.cursor)?.line ?? position.cursor;
    this.#places.set(line, position);
    return line;
  }

  delete(line: string): void {
    this.#places.delete(line);
  }

  /** True when the entry (or every place) of the position is one of these or lies before them. */
  cover(position: ReadPosition): boolean {
    if (position.cursor.startsWith(MANY))
      return [...new PositionList(position).values()].every((one) => this.cover(one));
    const place = positionOf(position.cursor);
    const own = place && this.#places.get(place.line);
    const ownNumber = own && positionOf(own.cursor)?.number;
    if (place !== undefined && ownNumber !== undefined) return place.number <= ownNumber;
    for (const { cursor: name, time } of this.#places.values()) {
      if (name === position.cursor) return true;
      if (!this.many) return position.time <= time;
    }
    return false;
  }

  /** As one position in which no line is behind its place in `others`. */
  notBehind(others: PositionList): ReadPosition | undefined {
    const all = new PositionList();
    for (const own of this.values()) {
      const place = positionOf(own.cursor);
      const other = place && others.get(place.line);
      const otherNumber = other && positionOf(other.cursor)?.number;
      const isBehind =
        place !== undefined && otherNumber !== undefined && place.number < otherNumber;
      all.set(isBehind && other !== undefined ? other : own);
    }
    return all.position();
  }

  /** All as one position; its time is the latest. */
  position(): ReadPosition | undefined {
    const parts: string[] = [];
    let time = 0;
    for (const place of this.#places.values()) {
      parts.push(`${place.cursor}@${place.time}`);
      if (place.time > time) time = place.time;
    }
    if (parts.length === 0) return undefined;
    return { cursor: cursor(`${MANY}${parts.join(' ')}`), time: time as EpochMicros };
  }
}
