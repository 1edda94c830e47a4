/**
 * The journals of other hosts in one directory, as systemd-journal-remote(8) fills it: one stream
 * per file.
 *
 * Within a file entries have the order of their numbers, however late they arrived; between hosts
 * there is no order. One libsystemd handle over all files passes over entries that are older than
 * the place it has reached in another file (sd-journal.c, `next_beyond_location`), so each file has
 * a handle of its own, which also goes on when the file is renamed.
 */
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { Batch, Entry, Gate, OpenReport, Position, ReadPosition } from '../../core/entry.js';
import { EXIT, messageOf, OperatingError, OperatorError } from '../../core/errors.js';
import { HOST_CHARS_MAX, REMOTE_HOSTS_MAX } from '../../core/limits.js';
import type { MatchExpression } from '../../core/match.js';
import { sourceId } from '../../core/names.js';
import { escapeUntrusted } from '../../core/text.js';
import type { EpochMicros } from '../../core/time.js';
import type { Stream, StreamBatch, StreamSet } from '../merged-source.js';
import { PositionList } from '../position.js';
import { SharedReader } from '../systemd/readers.js';
import { LibsystemdSource } from '../systemd/source.js';
import { fileId } from '../text/file.js';
import { namesIn } from '../text/paths.js';

/** The directory is looked through this often, ms. */
const LOOK_MS = 250;
/** An archived file is let go when it has had nothing new for so long, ms. */
const IDLE_MS = 60_000;
/**
 * Clocks of hosts may be ahead of ours by so much, microseconds: archived files that old are still
 * opened.
 */
const SKEW = 3_600_000_000;
/**
 * Looks after which a file that cannot be opened is spoken of: one that was just made has no header
 * yet.
 */
const PATIENCE = 20;

/**
 * `remote-NAME.journal`, and its archived forms `remote-NAME@....journal`,
 * `remote-NAME@....journal~`.
 */
const JOURNAL = /^(.+?)(@[0-9a-f]+-[0-9a-f]+(?:-[0-9a-f]+)?)?\.journal(~?)$/;

interface Found {
  readonly path: string;
  readonly id: string;
  readonly host: string;
  readonly archived: boolean;
  readonly modified: EpochMicros;
}

export class RemoteJournalSet implements StreamSet {
  readonly #path: string;
  readonly #streams = new Map<string, HostStream>();
  /** Archived files that were read to their end, and broken ones. */
  readonly #done = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #reader = new SharedReader();
  #open:
    | { readonly match: MatchExpression; readonly gate: Gate; readonly position: Position }
    | undefined;
  #opening = true;
  #lookedAt = 0;
  #joined: Stream[] = [];
  #left: Stream[] = [];
  #notices: string[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  open(match: MatchExpression, gate: Gate, position: Position): OpenReport {
    this.#requireDirectory();
    this.#open = { match, gate, position };
    this.#scan();
    this.#opening = false;
    return { gap: false };
  }

  /**
   * The directory may come later: systemd-journal-remote makes it when the first host has something
   * to say.
   */
  #requireDirectory(): void {
    try {
      readdirSync(this.#path);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
        this.#notices.push(`${this.#path} does not exist; hosts are read when they appear`);
        return;
      }
      throw new OperatorError(
        `the journals of other hosts in ${this.#path} cannot be read: ${messageOf(cause)}`,
        {
          hint: 'let the agent read them: SupplementaryGroups=systemd-journal systemd-journal-remote in banjour.service.d',
          exitCode: EXIT.noInput,
          cause,
        },
      );
    }
  }

  look() {
    if (performance.now() - this.#lookedAt >= LOOK_MS) this.#scan();
    const answer = { joined: this.#joined, left: this.#left, notices: this.#notices };
    this.#joined = [];
    this.#left = [];
    this.#notices = [];
    return answer;
  }

  close(): void {
    for (const stream of this.#joined) stream.close();
    this.#joined = [];
    this.#streams.clear();
    this.#reader.close();
  }

  #scan(): void {
    const now = performance.now();
    this.#lookedAt = now;
    const files = this.#files();
    const present = new Map(files.map((file) => [file.id, file]));
    for (const file of files) if (!this.#streams.has(file.id)) this.#join(file);
    for (const [id, stream] of this.#streams) {
      const file = present.get(id);
      if (stream.failure !== undefined)
        this.#notices.push(
          `${escapeUntrusted(file?.path ?? stream.name)} is read no more: ${escapeUntrusted(stream.failure)}`,
        );
      const isIdle = stream.dry && now - stream.readAt > IDLE_MS;
      const isOver =
        stream.failure !== undefined || (file === undefined ? stream.dry : file.archived && isIdle);
      if (!isOver) continue;
      this.#streams.delete(id);
      this.#left.push(stream);
      if (file !== undefined) this.#done.add(id);
    }
    for (const id of this.#done) if (!present.has(id)) this.#done.delete(id);
  }

  #join(file: Found): void {
    if (this.#open === undefined || this.#done.has(file.id)) return;
    const { match, gate, position } = this.#open;
    if (
      this.#opening &&
      file.archived &&
      position.at === 'time' &&
      file.modified < position.time - SKEW
    ) {
      this.#done.add(file.id);
      return;
    }
    if (this.#streams.size >= REMOTE_HOSTS_MAX) {
      this.#complain(
        '',
        `more than ${REMOTE_HOSTS_MAX} files of hosts lie there; the others are not read`,
      );
      return;
    }
    const id = sourceId(file.path);
    const source = new LibsystemdSource(id, { kind: 'files', paths: [file.path] }, (wanted) =>
      this.#reader.share(wanted),
    );
    try {
      source.open(match, gate, this.#beginOf(file));
      const stream = new HostStream(file.host, source);
      this.#streams.set(file.id, stream);
      this.#joined.push(stream);
      this.#failures.delete(file.path);
    } catch (error) {
      source.close();
      this.#complain(file.path, messageOf(error));
    }
  }

  /** Where a file is read from: never after the place that is known of its numbering. */
  #beginOf(file: Found): Position {
    const position = this.#open?.position ?? { at: 'head' };
    if (!this.#opening) return { at: 'head' };
    const mark =
      position.at === 'cursor' ? position : position.at === 'time' ? position.mark : undefined;
    const place = mark && new PositionList(mark).get(numberingOf(file.path) ?? '');
    // Where all hosts write into one file its times have no order to search by.
    if (place !== undefined && file.host === '') return { at: 'cursor', ...place };
    if (position.at !== 'time' && position.at !== 'cursor') return position;
    return {
      at: 'time',
      time: Math.min(position.time, place?.time ?? position.time) as EpochMicros,
    };
  }

  #complain(path: string, problem: string): void {
    const failures = (this.#failures.get(path) ?? 0) + 1;
    this.#failures.set(path, failures);
    if (failures === PATIENCE || (path === '' && failures === 1))
      this.#notices.push(
        `${escapeUntrusted(path === '' ? this.#path : path)}: ${escapeUntrusted(problem)}`,
      );
  }

  #files(): Found[] {
    const files: Found[] = [];
    for (const name of namesIn(this.#path)) {
      const [, base = '', archive = '', dirty] = JOURNAL.exec(name) ?? [];
      if (base === '') continue;
      try {
        const path = `${this.#path}/${name}`;
        const stats = statSync(path, { bigint: true });
        const host = base.startsWith('remote-')
          ? base.slice('remote-'.length)
          : basename(base, 'remote');
        const modified = Number(stats.mtimeNs / 1000n) as EpochMicros;
        if (stats.isFile())
          files.push({
            path,
            id: fileId(stats),
            host,
            archived: archive !== '' || dirty === '~',
            modified,
          });
      } catch {
        // Renamed or removed between the two calls.
      }
    }
    // Older files of a host first: a position knows one place per numbering.
    return files.sort((a, b) => Number(b.archived) - Number(a.archived) || a.modified - b.modified);
  }
}

const NOTHING: StreamBatch = { entries: [], read: 0, cut: 0, unreadable: 0, more: false };

class HostStream implements Stream {
  readonly name: string;
  readonly #source: LibsystemdSource;
  #host: string | undefined;
  #machineId: string | undefined;
  /** The end was reached at the last read. */
  dry = false;
  /** Why it can be read no more. One host's broken file must not stop the others. */
  failure: string | undefined;
  /** When something was read last. */
  readAt = performance.now();

  constructor(name: string, source: LibsystemdSource) {
    this.name = name;
    this.#source = source;
  }

  who(): { readonly host?: string; readonly machineId?: string } {
    // A file that was just made has no entry yet.
    this.#host ??= this.#source.someValue('_HOSTNAME');
    this.#machineId ??= this.#source.someValue('_MACHINE_ID');
    return {
      ...(this.#host === undefined ? {} : { host: this.#host.slice(0, HOST_CHARS_MAX) }),
      ...(this.#machineId === undefined
        ? {}
        : { machineId: this.#machineId.slice(0, HOST_CHARS_MAX) }),
    };
  }

  read(max: number): StreamBatch {
    const batch = this.#next(max);
    if (batch === undefined) return NOTHING;
    const { entries, read, cut, unreadable, position, ended } = batch;
    this.dry = ended;
    if (read > 0) this.readAt = performance.now();
    const more = !ended;
    return {
      entries: entries.map((entry) => this.#withHost(entry)),
      ...{ read, cut, unreadable, more },
      ...(position === undefined ? {} : { position: position as ReadPosition }),
    };
  }

  close(): void {
    this.#source.close();
  }

  #next(max: number): Batch | undefined {
    if (this.failure !== undefined) return undefined;
    try {
      return this.#source.next(max);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      this.failure = error.message;
      return undefined;
    }
  }

  /**
   * What the host calls itself and, where that is another name, what systemd-journal-remote calls
   * it.
   */
  #withHost(entry: Entry): Entry {
    const own = entry.fields.get('_HOSTNAME');
    const host =
      own === undefined || own === this.name
        ? this.name
        : this.name === ''
          ? own
          : `${own} (${this.name})`;
    return host === '' ? entry : { ...entry, host: host.slice(0, HOST_CHARS_MAX) };
  }
}

/**
 * `seqnum_id` of a journal file's header, as in `s=` of cursors: 16 bytes at 72
 * (systemd.io/JOURNAL_FILE_FORMAT, "Header"). Undefined when it cannot be read.
 */
function numberingOf(path: string): string | undefined {
  const bytes = Buffer.alloc(88);
  try {
    const file = openSync(path, 'r');
    try {
      if (readSync(file, bytes, 0, 88, 0) < 88) return undefined;
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
  return bytes.toString('latin1', 0, 8) === 'LPKSHHRH' ? bytes.toString('hex', 72, 88) : undefined;
}
