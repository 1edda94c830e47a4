/**
 * Log files that a container runtime writes: which of their lines are parts of a longer line
 * (`src/journal/runtime-line.ts`). It is told by every line of a file, judged or not.
 */
import { type Entry, TEXT_LOG_FIELD } from '../../core/entry.js';
import { TEXT_FILES_MAX, TEXT_SEEK_BYTES } from '../../core/limits.js';
import {
  RUNTIME_HEAD_CHARS,
  RUNTIME_TAIL_CHARS,
  type RuntimePart,
  RuntimeParts,
  runtimePart,
} from '../runtime-line.js';
import type { TextFile } from './file.js';
import type { RawLine } from './lines.js';

const BRACE = 0x7b;
/** Behind a date of ten characters, as CRI's lines begin. */
const [T, T_AT] = [0x54, 10];

/** One table for all entries of a log that are whole lines, and one for those that go on. */
export type LineFields = Readonly<Record<'whole' | 'part', Entry['fields']>>;

/** `key`: of the log. Of a line that goes on it says what journald would. */
export function fieldsOfLines(key: string): LineFields {
  const whole: readonly [string, string] = [TEXT_LOG_FIELD, key];
  return {
    whole: new Map([whole]),
    part: new Map([whole, ['CONTAINER_PARTIAL_MESSAGE', 'true']]),
  };
}

/** What a line of a file tells; undefined where no runtime wrote it. */
export function partOfLine(
  line: Pick<RawLine, 'head' | 'tail' | 'start' | 'end' | 'byteAt'>,
): RuntimePart | undefined {
  // Asked of every line, so no bytes are taken out of the chunk for it.
  if (line.byteAt(0) !== BRACE && line.byteAt(T_AT) !== T) return undefined;
  const { head, tail = head, start, end } = line;
  return runtimePart(
    head.toString('latin1', 0, RUNTIME_HEAD_CHARS),
    tail.toString('latin1', Math.max(0, tail.length - RUNTIME_TAIL_CHARS)),
    end - start,
  );
}

/** The unfinished lines of all files of a log. */
export class PartsOfFiles {
  /** By path: the file that comes in a rotated one's place goes on where that ended. */
  readonly #byPath = new Map<string, RuntimeParts>();

  /** Those of a file that is read from the offset on; lines before it may have been read. */
  of(file: TextFile, offset: number): RuntimeParts {
    const known = offset > 0 ? undefined : this.#byPath.get(file.path);
    const parts = known ?? new RuntimeParts();
    if (known === undefined && offset > 0) takeBefore(file, offset, parts);
    this.#byPath.delete(file.path);
    this.#byPath.set(file.path, parts);
    const [oldest] = this.#byPath.keys();
    if (this.#byPath.size > TEXT_FILES_MAX && oldest !== undefined) this.#byPath.delete(oldest);
    return parts;
  }
}

/** Takes the lines in front of a place. */
function takeBefore(file: TextFile, offset: number, parts: RuntimeParts): void {
  const bytes = file.bytesBefore(offset, TEXT_SEEK_BYTES);
  for (let begin = 0; begin < bytes.length; ) {
    const found = bytes.indexOf(0x0a, begin);
    const end = found < 0 ? bytes.length : found;
    const head = bytes.subarray(begin, end);
    parts.isRest(partOfLine({ head, start: begin, end, byteAt: (index) => head[index] }));
    begin = end + 1;
  }
}
