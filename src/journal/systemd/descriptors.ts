/**
 * Journal files that were passed over for want of descriptors: libsystemd does not try one again
 * before that file changes. So once there are some again, all files are opened anew and read from
 * where nothing was missing yet; what was delivered since then is left out.
 */
import { closeSync, openSync } from 'node:fs';
import type { JournalHandle } from '../../../native/journal.js';
import type { RawEntry } from '../../../native/raw-entries.js';
import { pauseAfter } from '../../core/backoff.js';
import type { Position, ReadPosition } from '../../core/entry.js';
import type { Cursor } from '../../core/names.js';
import { READ_AGAIN_ENTRIES_MAX } from '../../core/service-limits.js';
import { SOURCE_RETRY_MS_MAX } from '../../core/timeouts.js';
import { entryIdentity, PositionList } from '../position.js';
import { type LibsystemdSpec, openWatched } from './open.js';

/** How often it is looked whether there are descriptors, ms: some 20 us each. */
const EVERY_MS = 1_000;
/** And after so many delivered entries: in a storm nobody remembers more of them than that. */
const EVERY_ENTRIES = 5_000;
/**
 * Descriptors that show that there are enough: directories have some while their files are opened,
 * and give them back though files were passed over.
 */
const LEFT = 8;

/** A handle with all files, and where it has to begin. */
export interface WholeJournal {
  readonly handle: JournalHandle;
  readonly from: Position;
  /** Too much was delivered since files are missing: what they hold of before `from` is lost. */
  readonly isCut: boolean;
}

export class MissedFiles {
  readonly #spec: LibsystemdSpec;
  #lookAt = performance.now() + EVERY_MS;
  #wereMissing = false;
  #vain = 0;
  readonly #delivered = new Delivered();
  /** What is read once more: entries that were delivered, and the place that was reached. */
  #again: { readonly known: ReadonlySet<string>; readonly end: ReadPosition } | undefined;

  constructor(spec: LibsystemdSpec) {
    this.#spec = spec;
  }

  /** Reading begins here, with the files that were opened just now. */
  begin(from: Position): void {
    this.#delivered.clear(from);
    this.note(from);
  }

  /** Files were opened just now, some perhaps passed over; `here`: how far it was read. */
  note(here: Position): void {
    if (!hasDescriptors()) this.#wereMissing = true;
    else if (!this.#wereMissing) this.#delivered.clear(here);
  }

  /**
   * All files where those that are open may not be all, and there are descriptors for both; looks
   * once a second. `isFree`: they can be had now. `here`: how far it was read.
   */
  take(isFree: boolean, here: Position): WholeJournal | undefined {
    const now = performance.now();
    if (this.#spec.kind === 'files' || now < this.#lookAt) return undefined;
    this.#lookAt = now + EVERY_MS;
    this.note(here);
    if (!this.#wereMissing || !isFree || !hasDescriptors()) return undefined;
    const handle = openedWhole(this.#spec);
    this.#wereMissing = handle === undefined;
    // After a try in vain the next is twice as far.
    if (handle === undefined)
      this.#lookAt = now + pauseAfter(this.#vain, { first: EVERY_MS, last: SOURCE_RETRY_MS_MAX });
    this.#vain = handle === undefined ? this.#vain + 1 : 0;
    if (handle === undefined) return undefined;
    const { from, isCut } = this.#delivered;
    if (here.at === 'cursor')
      this.#again = {
        known: new Set([...(this.#again?.known ?? []), ...this.#delivered.identities()]),
        end: this.#again?.end ?? here,
      };
    this.#delivered.clear(from);
    return { handle, from, isCut };
  }

  /** Of the entries of a batch that ends `here` those that were not delivered before. */
  fresh(entries: readonly RawEntry[], here: ReadPosition | undefined): readonly RawEntry[] {
    if (this.#spec.kind === 'files' || here === undefined) return entries;
    const { known } = this.#again ?? {};
    const fresh =
      known === undefined
        ? entries
        : entries.filter(({ cursor }) => !known.has(entryIdentity(cursor)));
    this.#delivered.add(
      fresh.map(({ cursor }) => cursor),
      here,
    );
    if (!this.#wereMissing && this.#delivered.size >= EVERY_ENTRIES)
      this.note({ at: 'cursor', ...here });
    return fresh;
  }

  /**
   * The position to tell after a batch that ends at `last`: it does not go back while entries are
   * read once more. `more`: the end was not reached.
   */
  reached(last: ReadPosition | undefined, more: boolean): ReadPosition | undefined {
    const { end } = this.#again ?? {};
    if (last === undefined || end === undefined) return last;
    if (more && new PositionList(end).cover(last)) return end;
    this.note({ at: 'cursor', ...last });
    if (!this.#wereMissing) this.#again = undefined;
    return last;
  }
}

/** What was delivered since a place. */
export class Delivered {
  #from: Position = { at: 'head' };
  #isCut = false;
  #size = 0;
  #batches: { readonly cursors: readonly Cursor[]; readonly end: ReadPosition }[] = [];

  /** The place: all that was delivered after it is known. */
  get from(): Position {
    return this.#from;
  }

  /** There was more than the bound says, so the place was moved forward. */
  get isCut(): boolean {
    return this.#isCut;
  }

  get size(): number {
    return this.#size;
  }

  /** Forgets all, and begins here. */
  clear(from: Position): void {
    this.#from = from;
    this.#isCut = false;
    this.#size = 0;
    this.#batches = [];
  }

  /** Adds the entries of a batch. */
  add(cursors: readonly Cursor[], end: ReadPosition): void {
    if (cursors.length === 0) return;
    this.#batches.push({ cursors, end });
    this.#size += cursors.length;
    while (this.#size > READ_AGAIN_ENTRIES_MAX) {
      const oldest = this.#batches.shift();
      if (oldest === undefined) return;
      this.#size -= oldest.cursors.length;
      this.#from = { at: 'cursor', ...oldest.end };
      this.#isCut = true;
    }
  }

  *identities(): IterableIterator<string> {
    for (const { cursors } of this.#batches)
      for (const cursor of cursors) yield entryIdentity(cursor);
  }
}

/** Undefined where there are too few descriptors: it would lack files that the open one has. */
function openedWhole(spec: LibsystemdSpec): JournalHandle | undefined {
  let handle: JournalHandle | undefined;
  try {
    handle = openWatched(spec);
    if (hasDescriptors()) return handle;
  } catch {
    // The open one goes on.
  }
  handle?.close();
  return undefined;
}

/** Whether this process may open some more files. */
function hasDescriptors(): boolean {
  const opened: number[] = [];
  try {
    while (opened.length < LEFT) opened.push(openSync('/', 'r'));
    return true;
  } catch {
    return false;
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}
