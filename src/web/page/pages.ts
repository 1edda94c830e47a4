/**
 * The rows of a long list by the page, fetched as they are wanted: those that are seen and their
 * neighbours are kept, and a server that does not answer is left alone for a while.
 */
import { inBackground } from '../../core/background.js';

/** Rows of a page. */
export const PAGE_ROWS = 100;
/** Pages that are kept; the ones farthest from the reader fall away. */
const PAGES_KEPT = 12;
/** A page that could not be had is asked for again after so long, ms. */
const RETRY_MS = 3_000;

export class RowPages<T> {
  readonly #fetchPage: (offset: number, signal: AbortSignal) => Promise<readonly T[]>;
  readonly #changed: () => void;
  readonly #controller = new AbortController();
  /** Null: it is under way, or could not be had. */
  readonly #pages = new Map<number, readonly T[] | null>();

  /** `changed` is called when rows have come, or may be wanted once more. */
  constructor(
    fetchPage: (offset: number, signal: AbortSignal) => Promise<readonly T[]>,
    changed: () => void,
  ) {
    this.#fetchPage = fetchPage;
    this.#changed = changed;
  }

  /** A row; undefined while it is not there. */
  at(index: number): T | undefined {
    return this.#pages.get(Math.floor(index / PAGE_ROWS))?.[index % PAGE_ROWS];
  }

  /** Sees to it that these rows are there, or soon will be. */
  want(first: number, last: number): void {
    const begin = Math.floor(Math.max(0, first) / PAGE_ROWS);
    const end = Math.floor(Math.max(0, last) / PAGE_ROWS);
    for (let page = begin; page <= end; page++)
      if (!this.#pages.has(page)) inBackground(this.#load(page));
    const far = [...this.#pages.keys()].sort((a, b) => Math.abs(a - begin) - Math.abs(b - begin));
    for (const page of far.slice(PAGES_KEPT)) this.#pages.delete(page);
  }

  /** Nobody looks at them any more. */
  close(): void {
    this.#controller.abort();
  }

  async #load(page: number): Promise<void> {
    const { signal } = this.#controller;
    this.#pages.set(page, null);
    try {
      this.#pages.set(page, await this.#fetchPage(page * PAGE_ROWS, signal));
    } catch {
      // Asked for at once it would fail at once, as fast as the browser can.
      if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      this.#pages.delete(page);
    }
    if (!signal.aborted) this.#changed();
  }
}
