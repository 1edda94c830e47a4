/** One line of a text file by its cursor: what `banjour explain` shows of the evidence. */
import { statSync } from 'node:fs';
import type { Entry, TextLog } from '../../core/entry.js';
import { FIELD_BYTES_MAX } from '../../core/limits.js';
import type { Cursor } from '../../core/names.js';
import { parseTextCursor } from '../position.js';
import { fileId, newlineOf, TextFile } from './file.js';
import { proofOf } from './lines.js';
import { expandPath, rotatedFiles } from './paths.js';
import { type TextReading, TextStream } from './stream.js';

/** The entry, or undefined when the file is gone (rotated away, compressed) or was begun anew. */
export function findLine(
  cursor: Cursor,
  logs: readonly TextLog[],
  readingOf: (log: TextLog, tag: string) => TextReading,
): Entry | undefined {
  const place = parseTextCursor(cursor);
  if (place === undefined) return undefined;
  const [tag = '', ...id] = place.file.split('.');
  const log = logs.find(({ key }) => proofOf(Buffer.from(key)) === tag);
  const path = log && pathOf(log, id.join('.'));
  if (log === undefined || path === undefined) return undefined;
  const file = new TextFile(path, newlineOf(log.encoding), FIELD_BYTES_MAX);
  try {
    if (file.proofAt(place.offset) !== place.proof) return undefined;
    const before = file.bytesBefore(place.offset, FIELD_BYTES_MAX);
    const from = place.offset - before.length;
    const newline = file.lastNewlineEnd(before.subarray(0, -1), from);
    const stream = new TextStream(file, readingOf(log, tag), {
      offset: newline ?? from,
      generation: place.generation,
      oldUpTo: place.offset,
    });
    return stream.read(1).entries.find((entry) => entry.cursor === cursor);
  } finally {
    file.close();
  }
}

function pathOf(log: TextLog, id: string): string | undefined {
  for (const path of expandPath(log.path)) {
    for (const each of [path, ...rotatedFiles(path).map((rotated) => rotated.path)]) {
      try {
        if (fileId(statSync(each, { bigint: true })) === id) return each;
      } catch {
        // Gone meanwhile.
      }
    }
  }
  return undefined;
}
