/**
 * The text files that are followed: found by their paths and globs, again and again; those that
 * rotation has renamed are read to their end, those that are new are read from their beginning.
 */
import { statSync } from 'node:fs';
import type { Entry, Gate, OpenReport, Position, TextLog } from '../../core/entry.js';
import { ENDED_PLACES_MAX, TEXT_FILES_MAX } from '../../core/limits.js';
import type { MatchExpression } from '../../core/match.js';
import { isGlob } from '../../core/match.js';
import type { Cursor } from '../../core/names.js';
import { escapeUntrusted } from '../../core/text.js';
import { type EpochMicros, wallClock } from '../../core/time.js';
import type { Stream, StreamSet } from '../merged-source.js';
import { lineOfFile, type PositionList, parseTextCursor, type TextPosition } from '../position.js';
import { fileId, newlineOf, TextFile, type TextRead } from './file.js';
import { findLine } from './find.js';
import { proofOf } from './lines.js';
import { expandPath, rotatedFiles } from './paths.js';
import {
  hasPlace,
  lastLineStart,
  markOf,
  seekTime,
  type TextBegin,
  type TextReading,
  TextStream,
  type TextTools,
  textReading,
} from './stream.js';

/** A path is looked at this often, ms: one stat(2). */
const LOOK_MS = 50;
/** A glob is expanded this often, ms. */
const GLOB_MS = 1_000;
/**
 * A file that no path names any more is followed for so long after its last line, ms: daemons go on
 * writing for a while.
 */
const ORPHAN_MS = 60_000;
/**
 * A rotated file that was not seen before may have been changed so long before the last look,
 * microseconds.
 */
const SLACK = 2_000_000;

interface Follow {
  readonly stream: TextStream;
  readonly log: TextLog;
  /** Since when no path names it; undefined while one does. */
  orphanedAt: number | undefined;
  readOf: number;
}

/** How far a file had been read before it was begun anew. */
type Before = NonNullable<TextRead['restarted']>;

interface Seen {
  readonly path: string;
  readonly id: string;
}

export class TextLogSet implements StreamSet {
  readonly #logs: readonly TextLog[];
  readonly #tools: TextTools;
  readonly #now: () => EpochMicros;
  #readings = new Map<TextLog, TextReading>();
  /** By place line: who reads it, and which file. */
  readonly #follows = new Map<string, Follow>();
  /** Places of files that are not followed now. */
  readonly #past = new Map<string, TextPosition>();
  readonly #truncated: { readonly follow: Follow; readonly before: Before }[] = [];
  /** How far the files had been read that were emptied last: what copies of them begin with. */
  #emptied: readonly (TextPosition & Before)[] = [];
  /** The places of the last time. */
  #marked: readonly TextPosition[] = [];
  #position: Position = { at: 'head' };
  #opening = true;
  #lookedAt = 0;
  #globbedAt = 0;
  readonly #rotatedAt = new Map<TextLog, number>();
  #globs = new Map<TextLog, readonly string[]>();
  #joined: Stream[] = [];
  #notices: string[] = [];
  readonly #told = new Set<string>();

  constructor(logs: readonly TextLog[], tools: TextTools) {
    this.#logs = logs;
    this.#tools = tools;
    this.#now = tools.now ?? (() => wallClock.now());
  }

  open(_match: MatchExpression, gate: Gate, position: Position): OpenReport {
    this.#position = position;
    const mark = markOf(position);
    for (const { cursor } of mark?.values() ?? []) {
      const place = parseTextCursor(cursor);
      if (place !== undefined) this.#past.set(lineOfFile(place.file), place);
    }
    this.#marked = [...this.#past.values()];
    const tell = (problem: string) => this.#notices.push(escapeUntrusted(problem));
    for (const log of this.#logs) {
      const tag = proofOf(Buffer.from(log.key));
      this.#readings.set(log, textReading(log, tag, gate, this.#tools.dater(log), this.#now, tell));
    }
    this.#scan();
    this.#opening = false;
    return { gap: mark !== undefined && this.#logs.some((log) => this.#isLost(log, mark)) };
  }

  /**
   * True when the file of the log that was read last is gone: compressed or removed while nobody
   * looked.
   */
  #isLost(log: TextLog, mark: PositionList): boolean {
    const own = mark
      .lines()
      .filter((line) => line.startsWith(lineOfFile(`${this.#readings.get(log)?.tag}.`)));
    const last = own.at(-1);
    return last !== undefined && !this.#follows.has(last);
  }

  look() {
    const now = performance.now();
    const left: Stream[] = [];
    if (now - this.#lookedAt >= (this.#tools.lookMs ?? LOOK_MS) || this.#truncated.length > 0)
      this.#scan();
    for (const [line, { stream }] of this.#follows)
      if (stream.done) {
        left.push(stream);
        this.#follows.delete(line);
        this.#remember(stream.place);
      }
    const answer = { joined: this.#joined, left, notices: this.#notices };
    this.#joined = [];
    this.#notices = [];
    return answer;
  }

  close(): void {
    for (const stream of this.#joined) stream.close();
    this.#joined = [];
    this.#follows.clear();
  }

  find(cursor: Cursor): Entry | undefined {
    const gate = { literals: undefined, fields: [] };
    return findLine(cursor, this.#logs, (log, tag) =>
      textReading(log, tag, gate, this.#tools.dater(log), this.#now),
    );
  }

  /** Compares what is followed with what the paths name now. */
  #scan(): void {
    const began = performance.now();
    const named = new Set<string>();
    for (const log of this.#logs) {
      let isNew = false;
      const files = this.#filesOf(log);
      for (const { path, id } of files) {
        const line = this.#lineOf(log, id);
        named.add(line);
        if (this.#follows.has(line)) continue;
        isNew = this.#follow(log, path, id) || isNew;
      }
      // What was rotated away between two looks, and what was rotated away while nobody looked.
      const lookedFor = this.#rotatedAt.get(log) ?? 0;
      const isMissing = files.length === 0 && began - lookedFor >= (this.#tools.lookMs ?? GLOB_MS);
      if (isNew || isMissing || this.#opening) {
        this.#addRotated(log, isMissing ? lookedFor : this.#lookedAt);
        this.#rotatedAt.set(log, began);
      }
    }
    for (const [line, follow] of this.#follows) this.#noteOrphan(follow, named.has(line), began);
    for (const { follow, before } of this.#truncated.splice(0)) this.#addCopies(follow, before);
    this.#lookedAt = began;
  }

  #filesOf(log: TextLog): Seen[] {
    const seen: Seen[] = [];
    for (const path of this.#pathsOf(log)) {
      try {
        const stats = statSync(path, { bigint: true });
        if (stats.isFile()) seen.push({ path, id: fileId(stats) });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#tellOnce(path, error);
        else if (this.#opening)
          this.#notices.push(`${escapeUntrusted(path)} does not exist; it is read when it appears`);
      }
    }
    return seen;
  }

  #pathsOf(log: TextLog): readonly string[] {
    if (!isGlob(log.path)) return [log.path];
    const now = performance.now();
    const known = this.#globs.get(log);
    if (known !== undefined && now - this.#globbedAt < GLOB_MS) return known;
    if (this.#logs.findLast(({ path }) => isGlob(path)) === log) this.#globbedAt = now;
    const paths = expandPath(log.path);
    this.#globs.set(log, paths);
    return paths;
  }

  /** Begins to follow a file; false when it cannot be read. */
  #follow(
    log: TextLog,
    path: string,
    id: string,
    begin?: (file: TextFile) => TextBegin | undefined,
  ): boolean {
    if (this.#follows.size >= TEXT_FILES_MAX) {
      this.#tellOnce(
        log.path,
        new Error(`more than ${TEXT_FILES_MAX} files are found; name fewer in logpath`),
      );
      return false;
    }
    const reading = this.#readings.get(log) as TextReading;
    let file: TextFile;
    try {
      file = new TextFile(path, newlineOf(log.encoding));
    } catch (error) {
      this.#tellOnce(path, error);
      return false;
    }
    const start =
      file.id === id ? (begin ?? ((one) => this.#beginOf(one, reading)))(file) : undefined;
    if (start === undefined) {
      file.close();
      return false;
    }
    const stream = new TextStream(file, reading, start);
    const follow: Follow = { stream, log, orphanedAt: undefined, readOf: -1 };
    stream.onRestart = (before) => {
      this.#truncated.push({ follow, before });
      this.#emptied = [...this.#emptied, { ...stream.place, ...before }].slice(-TEXT_FILES_MAX);
      if (begin === undefined)
        this.#notices.push(`${escapeUntrusted(path)} was emptied; it is read from its beginning`);
    };
    // Handmade rotation puts each copy in the place of the last: `cp mail.log mail.log.1`.
    if (begin !== undefined) stream.beginOfCopy = () => this.#copyOf(file, reading.tag) ?? 0;
    this.#past.delete(this.#lineOf(log, id));
    this.#follows.set(this.#lineOf(log, id), follow);
    this.#joined.push(stream);
    this.#told.delete(path);
    return true;
  }

  /** Where a file that a path names is read from. */
  #beginOf(file: TextFile, reading: TextReading): TextBegin {
    const position = this.#position;
    const past = this.#past.get(this.#lineOf(reading.log, file.id));
    const oldUpTo = this.#opening ? file.openedSize : 0;
    const known = past !== undefined && hasPlace(file, past);
    const generation = past === undefined ? 0 : known ? past.generation : past.generation + 1;
    const at = (offset: number): TextBegin =>
      known && offset < past.offset
        ? { offset, generation, oldUpTo, known: past }
        : { offset, generation, oldUpTo };
    if (!this.#opening) return at(known ? past.offset : 0);
    if (position.at === 'head') return at(0);
    if (position.at === 'tail') return at(lastLineStart(file));
    const dated = seekTime(file, reading, position.time);
    if (known) return at(Math.min(dated ?? past.offset, past.offset));
    if (past !== undefined) return at(dated ?? 0);
    const mark = markOf(position);
    const bornAfter =
      mark === undefined
        ? undefined
        : Math.round(file.stats().birthtimeMs * 1000) >= (mark.position()?.time ?? 0);
    if (mark === undefined && reading.log.from === 'tail') return at(lastLineStart(file));
    return at(dated ?? (bornAfter === true ? 0 : lastLineStart(file)));
  }

  /**
   * Rotated files of a log with lines that were not read: renamed between two looks, or while the
   * agent was down.
   */
  #addRotated(log: TextLog, lastLook: number): void {
    const position = this.#position;
    const since = this.#opening
      ? position.at === 'time' || position.at === 'cursor'
        ? position.time
        : Number.POSITIVE_INFINITY
      : this.#now() - (performance.now() - lastLook) * 1000 - SLACK;
    for (const path of this.#pathsOf(log))
      for (const rotated of rotatedFiles(path)) {
        const line = this.#lineOf(log, rotated.id);
        const past = this.#past.get(line);
        if (this.#follows.has(line)) continue;
        const isUnread = past !== undefined && rotated.size > past.offset;
        if (rotated.modified < since && !isUnread) continue;
        this.#follow(log, rotated.path, rotated.id, (file) =>
          this.#beginOfRotated(file, log, past),
        );
      }
  }

  #beginOfRotated(
    file: TextFile,
    log: TextLog,
    past: TextPosition | undefined,
  ): TextBegin | undefined {
    const reading = this.#readings.get(log) as TextReading;
    // Inodes are used again: what bears a known one may be another file, and its lines come after
    // the known place.
    const generation = (past?.generation ?? -1) + 1;
    const oldUpTo = file.openedSize;
    const isKnown = past !== undefined && hasPlace(file, past);
    // A place at the beginning proves nothing.
    if (isKnown && past.offset > 0) return this.#beginOf(file, reading);
    const copied = this.#copyOf(file, reading.tag);
    if (copied !== undefined) return { offset: copied, generation, oldUpTo };
    if (isKnown || !this.#opening) return this.#beginOf(file, reading);
    const offset = seekTime(
      file,
      reading,
      (this.#position as { time?: EpochMicros }).time ?? this.#now(),
    );
    return offset === undefined ? undefined : { offset, generation, oldUpTo };
  }

  /**
   * How far another file was read of which this one is a copy: `copytruncate` has copied that one
   * to here.
   */
  #copyOf(file: TextFile, tag: string): number | undefined {
    const own = `${tag}.${file.id}`;
    const followed = [...this.#follows.values()].map(({ stream }) => stream.place);
    const others = [...this.#marked, ...this.#past.values(), ...followed]
      .map((place) => ({ ...place, lineStart: place.offset }))
      .concat(this.#emptied)
      .filter(
        (place) => place.file.startsWith(`${tag}.`) && place.file !== own && place.offset > 0,
      );
    const size = file.size();
    return others
      .sort((a, b) => b.offset - a.offset)
      .find(({ offset, proof }) => offset <= size && file.proofAt(offset) === proof)?.lineStart;
  }

  /**
   * After a truncation: the copy that was made of the file before, from the place on that had been
   * reached.
   */
  #addCopies({ stream, log }: Follow, { offset, proof, lineStart }: Before): void {
    if (offset === 0) return;
    const reading = stream.reading;
    for (const rotated of rotatedFiles(stream.name).reverse()) {
      const line = this.#lineOf(log, rotated.id);
      if (rotated.size < offset || this.#follows.has(line)) continue;
      const place = { file: `${reading.tag}.${rotated.id}`, generation: 0, offset, proof };
      const isCopy = this.#follow(log, rotated.path, rotated.id, (file) =>
        hasPlace(file, place)
          ? {
              offset: lineStart,
              generation: (this.#past.get(line)?.generation ?? -1) + 1,
              oldUpTo: 0,
            }
          : undefined,
      );
      if (isCopy) return;
    }
  }

  #noteOrphan(follow: Follow, isNamed: boolean, now: number): void {
    const { stream } = follow;
    const size = stream.file.size();
    if (isNamed || size !== follow.readOf) follow.orphanedAt = undefined;
    follow.readOf = size;
    if (isNamed) return;
    follow.orphanedAt ??= now;
    if (now - follow.orphanedAt > (this.#tools.orphanMs ?? ORPHAN_MS)) stream.retire();
  }

  #remember(place: TextPosition): void {
    const line = lineOfFile(place.file);
    this.#past.delete(line);
    this.#past.set(line, place);
    if (this.#past.size <= ENDED_PLACES_MAX) return;
    const [oldest] = this.#past.keys();
    this.#past.delete(oldest as string);
  }

  #lineOf(log: TextLog, id: string): string {
    return lineOfFile(`${this.#readings.get(log)?.tag}.${id}`);
  }

  #tellOnce(path: string, error: unknown): void {
    if (this.#told.has(path)) return;
    this.#told.add(path);
    const { code, message } = error as NodeJS.ErrnoException;
    const file = escapeUntrusted(path);
    const hint = code === 'EACCES' ? `: let the agent read it: setfacl -m u:banjour:r ${file}` : '';
    this.#notices.push(`${file} cannot be read (${code ?? message})${hint}`);
  }
}
