/**
 * Files of addresses that are never banned (`ignoreip = file:PATH`), read again when they change.
 */
import { readFileSync, statSync } from 'node:fs';
import { type Prefix, parsePrefix } from '../core/address.js';
import { messageOf } from '../core/errors.js';
import { ALLOW_FILE_BYTES_MAX } from '../core/limits.js';

/** What stands in a `file:` list. */
export interface ParsedList {
  readonly prefixes: readonly Prefix[];
  /** Lines that are no address, with their numbers. */
  readonly wrong: readonly { readonly line: number; readonly text: string }[];
}

/**
 * Parses a list: one address or prefix per line, `#` and `;` begin comments, blanks are ignored.
 */
export function parseList(text: string): ParsedList {
  const prefixes: Prefix[] = [];
  const wrong: { line: number; text: string }[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const word = line.replace(/[#;].*$/, '').trim();
    if (word === '') continue;
    const prefix = parsePrefix(word);
    if (prefix === undefined) wrong.push({ line: index + 1, text: word });
    else prefixes.push(prefix);
  }
  return { prefixes, wrong };
}

interface Loaded {
  list: ParsedList;
  stamp: string;
  problem: string | undefined;
}

/**
 * `file:` lists, read again when the file changes; the last good content is kept while it cannot be
 * read.
 */
export class Lists {
  readonly #loaded = new Map<string, Loaded>();
  /** Rises whenever some list was read anew. */
  version = 0;

  /** Looks at these files and forgets all others. */
  refresh(paths: ReadonlySet<string>): void {
    for (const path of this.#loaded.keys()) if (!paths.has(path)) this.#loaded.delete(path);
    for (const path of paths) this.#load(path);
  }

  list(path: string): ParsedList {
    return this.#loaded.get(path)?.list ?? { prefixes: [], wrong: [] };
  }

  /** Why the file's present content is not in use, or undefined. */
  problem(path: string): string | undefined {
    return this.#loaded.get(path)?.problem;
  }

  #load(path: string): void {
    const loaded: Loaded = this.#loaded.get(path) ?? {
      list: { prefixes: [], wrong: [] },
      stamp: '',
      problem: undefined,
    };
    this.#loaded.set(path, loaded);
    try {
      const { mtimeMs, size, ino } = statSync(path);
      const stamp = `${ino} ${mtimeMs} ${size}`;
      if (stamp === loaded.stamp) return;
      if (size > ALLOW_FILE_BYTES_MAX)
        throw new Error(`it is larger than ${ALLOW_FILE_BYTES_MAX} bytes`);
      loaded.list = parseList(readFileSync(path, 'utf8'));
      loaded.stamp = stamp;
      this.version++;
      loaded.problem = undefined;
    } catch (error) {
      loaded.problem = messageOf(error);
    }
  }
}
