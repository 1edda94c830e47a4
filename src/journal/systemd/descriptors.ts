/**
 * Journal files that were passed over for want of descriptors: libsystemd does not try one again
 * before that file changes. So once there are some again, all files are opened anew.
 */
import { closeSync, openSync } from 'node:fs';
import type { JournalHandle } from '../../../native/journal.js';
import { SOURCE_RETRY_MS_MAX } from '../../core/timeouts.js';
import { type LibsystemdSpec, openWatched } from './open.js';

/** How often it is looked whether there are descriptors, ms: some 20 us each. */
const EVERY_MS = 1_000;
/**
 * Descriptors that show that there are enough: directories have some while their files are opened,
 * and give them back though files were passed over.
 */
const LEFT = 8;

export class MissedFiles {
  readonly #spec: LibsystemdSpec;
  #lookAt = performance.now() + EVERY_MS;
  #wereMissing = false;
  #vain = 0;

  constructor(spec: LibsystemdSpec) {
    this.#spec = spec;
  }

  /** Files were opened just now, and some may have been passed over. */
  note(): void {
    if (!hasDescriptors()) this.#wereMissing = true;
  }

  /**
   * A handle with all files where the one that is open may lack some, and there are descriptors for
   * both; looks once a second. `isFree`: it can be had now.
   */
  take(isFree: boolean): JournalHandle | undefined {
    const now = performance.now();
    if (this.#spec.kind === 'files' || now < this.#lookAt) return undefined;
    this.#lookAt = now + EVERY_MS;
    this.note();
    if (!this.#wereMissing || !isFree || !hasDescriptors()) return undefined;
    const handle = openedWhole(this.#spec);
    this.#wereMissing = handle === undefined;
    // After a try in vain the next is twice as far.
    if (handle === undefined)
      this.#lookAt = now + Math.min(SOURCE_RETRY_MS_MAX, EVERY_MS * 2 ** this.#vain);
    this.#vain = handle === undefined ? this.#vain + 1 : 0;
    return handle;
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
