/** Text sources over real files, with lines that carry their own time. */

import { isAtOrBefore } from '../../src/agent/source-clocks.js';
import type {
  Batch,
  Entry,
  EntrySource,
  Gate,
  Position,
  ReadPosition,
  TextLog,
} from '../../src/core/entry.js';
import { WHOLE_JOURNAL } from '../../src/core/match.js';
import { sourceId } from '../../src/core/names.js';
import { type EpochMicros, epochMicros } from '../../src/core/time.js';
import { createSource, type TextTools } from '../../src/journal/source.js';

export const ALL: Gate = { literals: undefined, fields: [] };

export const log = (path: string, more: Partial<TextLog> = {}): TextLog => ({
  key: path,
  path,
  from: 'head',
  encoding: 'auto',
  timezone: null,
  ...more,
});

/** Lines begin with their time in microseconds and a blank; others have none. */
const stamps: TextTools['dater'] = () => (line) => {
  const found = /^(\d{16}) (.*)$/s.exec(line);
  return found === null
    ? { text: line }
    : { text: found[2] ?? '', time: epochMicros(Number(found[1])) };
};

const tools: TextTools = { dater: stamps, lookMs: 0 };

export function textSource(logs: readonly TextLog[], more: Partial<TextTools> = {}): EntrySource {
  return createSource({ kind: 'text', logs }, sourceId('text'), { ...tools, ...more });
}

/** A reader that may be stopped and started again, as the agent does. */
export class TextReader {
  readonly #logs: readonly TextLog[];
  readonly #more: Partial<TextTools>;
  readonly #gate: Gate;
  source: EntrySource;
  position: ReadPosition | undefined;
  entries: Entry[] = [];
  notices: string[] = [];
  gap = false;
  #mark: ReadPosition | undefined;
  #restartedAt = 0;

  constructor(
    logs: readonly TextLog[],
    start: Position,
    more: Partial<TextTools> = {},
    gate = ALL,
  ) {
    this.#logs = logs;
    this.#more = more;
    this.#gate = gate;
    this.source = this.#open(start);
  }

  #open(start: Position): EntrySource {
    const source = textSource(this.#logs, this.#more);
    this.gap = source.open(WHOLE_JOURNAL, this.#gate, start).gap;
    return source;
  }

  /** Reads all there is; returns the new entries' messages. */
  read(size = 500): string[] {
    const before = this.entries.length;
    for (let idle = 0; idle < 2; ) {
      const batch: Batch = this.source.next(size);
      this.entries.push(...batch.entries);
      this.notices.push(...batch.notices);
      if (batch.position !== undefined) this.position = batch.position;
      idle = batch.read === 0 ? idle + 1 : 0;
    }
    return this.entries.slice(before).map(({ message }) => message);
  }

  /** What was delivered since the last restart and not before it. */
  fresh(): string[] {
    const mark = this.#mark;
    return this.entries
      .slice(this.#restartedAt)
      .filter(
        ({ cursor, realtime }) =>
          mark === undefined || !isAtOrBefore({ cursor, time: realtime }, mark),
      )
      .map(({ message }) => message);
  }

  /** Stops; the next start reads `lookBack` microseconds back, as a warm-up does. */
  restart(lookBack = 0): void {
    this.source.close();
    const mark = this.position;
    this.#mark = mark;
    this.#restartedAt = this.entries.length;
    this.source = this.#open(
      mark === undefined
        ? { at: 'time', time: 0 as EpochMicros }
        : { at: 'time', time: Math.max(0, mark.time - lookBack) as EpochMicros, mark },
    );
  }
}
