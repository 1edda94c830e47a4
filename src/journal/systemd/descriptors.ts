/**
 * Journal files that were passed over for want of descriptors: libsystemd does not try one again
 * before that file changes, and says nothing. They are found by what they take on the disk: the
 * handle's own sum lacks them. Once there are descriptors, all files are opened anew.
 */
import { closeSync, openSync, statSync } from 'node:fs';
import type { JournalHandle } from '../../../native/journal.js';
import { localDirectories, storedFiles } from '../../../native/journal-files.js';
import { pauseAfter } from '../../core/backoff.js';
import { wallClock } from '../../core/time.js';
import { SOURCE_RETRY_MS_MAX } from '../../core/timeouts.js';
import { type LibsystemdSpec, openWatched } from './open.js';

/** How often it is looked whether files are missing, ms: some 30 us while none comes or goes. */
const EVERY_MS = 1_000;
/**
 * Descriptors that show that there are enough: directories have some while their files are opened,
 * and give them back though files were passed over.
 */
const LEFT = 8;
/** Looks in a row that miss a file: one that was just made is opened when it has a header. */
const LOOKS = 2;
/** Times of directories are as coarse as a tick of the kernel, ms; a change may follow at once. */
const RECENT_MS = 1_000;

export class MissedFiles {
  readonly #spec: LibsystemdSpec;
  readonly #roots: readonly string[];
  #lookAt = 0;
  #wereMissing = false;
  /** Looks in a row at which a file was missing though there were descriptors. */
  #doubts = 0;
  #vain = 0;
  /** Bytes of files that cannot be opened for other reasons. */
  #refused = 0;
  #directories: readonly string[] = [];
  /** When files came or went last, as of a look at which none was missing. */
  #changed: string | undefined;

  constructor(spec: LibsystemdSpec) {
    this.#spec = spec;
    this.#roots =
      spec.kind === 'local'
        ? localDirectories(spec.namespace)
        : spec.kind === 'directory'
          ? [spec.path]
          : [];
  }

  /** It is time to look. */
  get isDue(): boolean {
    return this.#spec.kind !== 'files' && performance.now() >= this.#lookAt;
  }

  /** Nothing is known to be missing. */
  get isWhole(): boolean {
    return !this.#wereMissing && this.#doubts === 0;
  }

  /** All files were opened just now; without descriptors some were perhaps passed over. */
  opened(handle: JournalHandle): void {
    if (this.#spec.kind === 'files') return;
    this.#lookAt = performance.now() + EVERY_MS;
    this.#wereMissing = !hasDescriptors();
    this.#doubts = 0;
    this.#changed = undefined;
    this.#refused = this.#wereMissing ? 0 : Math.max(0, this.#lacking(handle));
  }

  /**
   * Looks whether the handle, which has taken in all changes, has all files. True when none is
   * missing.
   */
  look(handle: JournalHandle): boolean {
    this.#lookAt = performance.now() + EVERY_MS;
    if (!hasDescriptors()) this.#wereMissing = true;
    else if (!this.#wereMissing) {
      this.#doubts = this.#isLacking(handle) ? this.#doubts + 1 : 0;
      this.#wereMissing = this.#doubts >= LOOKS;
    }
    return this.isWhole;
  }

  /** All files, where those that are open are not all and there are descriptors for both. */
  reopened(): JournalHandle | undefined {
    if (!this.#wereMissing || !hasDescriptors()) return undefined;
    const handle = openedWhole(this.#spec);
    if (handle === undefined) {
      // After a try in vain the next is twice as far.
      const pause = pauseAfter(this.#vain++, { first: EVERY_MS, last: SOURCE_RETRY_MS_MAX });
      this.#lookAt = performance.now() + pause;
      return undefined;
    }
    this.#vain = 0;
    this.opened(handle);
    return handle;
  }

  #isLacking(handle: JournalHandle): boolean {
    const changed = this.#changedAt();
    if (changed !== undefined && changed === this.#changed) return false;
    const isLacking = this.#lacking(handle) > this.#refused;
    this.#changed = isLacking ? undefined : changed;
    return isLacking;
  }

  /**
   * Bytes on the disk that the handle does not have. Files grow, so what is listed first is never
   * more than what is open.
   */
  #lacking(handle: JournalHandle): number {
    const { bytes, directories } = storedFiles(this.#roots);
    this.#directories = directories;
    return bytes - handle.usage();
  }

  /** When files came or went last; undefined when that was just now. */
  #changedAt(): string | undefined {
    const times = this.#directories.map(changedAt);
    const now = wallClock.now() / 1_000;
    return times.some((time) => time > now - RECENT_MS) ? undefined : times.join(' ');
  }
}

/** When files of a directory came or went last, ms; 0 where it may not be looked at any more. */
function changedAt(directory: string): number {
  try {
    return statSync(directory).mtimeMs;
  } catch {
    return 0;
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
