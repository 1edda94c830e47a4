/**
 * How far each target has been told, in a small file: id of the last ban that is done with, or a
 * word of an engine. Written after a delivery, so that a crash repeats what it does not know, and
 * loses nothing.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { messageOf, OperatorError } from '../core/errors.js';
import { SHARE_POSITION_CHARS_MAX } from '../core/service-limits.js';

export class Positions {
  readonly #path: string;
  readonly #done: Map<string, number | string>;
  #written = '';

  private constructor(path: string, done: Map<string, number | string>) {
    this.#path = path;
    this.#done = done;
  }

  /**
   * Reads the file; none is a first start. A file that is not ours is set aside by the first write.
   */
  static open(path: string): Positions {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return new Positions(path, new Map());
      throw new OperatorError(`the positions in ${path} cannot be read: ${messageOf(cause)}`, {
        cause,
      });
    }
    const done = new Map<string, number | string>();
    try {
      const { targets } = JSON.parse(text) as { targets?: unknown };
      for (const [key, id] of Object.entries(targets ?? {}))
        if (Number.isSafeInteger(id)) done.set(key, id as number);
        else if (typeof id === 'string' && id.length <= SHARE_POSITION_CHARS_MAX) done.set(key, id);
    } catch {
      // Half a file cannot come from us (see `write`); what it meant is lost, and the targets begin
      // anew.
    }
    return new Positions(path, done);
  }

  /** Undefined for a target that was never told anything. */
  of(key: string): number | undefined {
    const id = this.#done.get(key);
    return typeof id === 'number' ? id : undefined;
  }

  /** The word that an engine gave; undefined before it did. */
  wordOf(key: string): string | undefined {
    const word = this.#done.get(key);
    return typeof word === 'string' ? word : undefined;
  }

  set(key: string, id: number | string): void {
    this.#done.set(key, id);
  }

  /** Keeps only these targets. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.#done.keys()) if (!keys.has(key)) this.#done.delete(key);
  }

  /** Writes what has changed. Throws `OperatorError` when that cannot be. */
  write(): void {
    const text = `${JSON.stringify({ version: 1, targets: Object.fromEntries([...this.#done].sort()) })}\n`;
    if (text === this.#written) return;
    try {
      replaceFile(this.#path, text);
    } catch (cause) {
      throw new OperatorError(
        `the positions cannot be kept in ${this.#path}: ${messageOf(cause)}`,
        {
          hint: 'its directory must belong to banjour-companion (StateDirectory= of the unit, or --state-dir)',
          cause,
        },
      );
    }
    this.#written = text;
  }
}

/** Writes a file for its owner alone: all of it or nothing (rename(2)). Throws what fs throws. */
export function replaceFile(path: string, text: string): void {
  const next = `${path}.new`;
  const file = openSync(next, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(next, path);
}
