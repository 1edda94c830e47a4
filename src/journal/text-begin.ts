/** Where the reading of a text file begins: by its place of last time, by the dates of its lines, or at its end. */
import { TEXT_SEEK_BYTES } from '../core/limits.js';
import type { EpochMicros } from '../core/time.js';
import type { TextPlace } from './places.js';
import type { TextFile } from './text-file.js';
import type { TextReading } from './text-stream.js';

/** True when the file still has the place: nobody has begun it anew since. */
export function hasPlace(file: TextFile, place: TextPlace): boolean {
  return place.offset <= file.openedSize && file.proofAt(place.offset) === place.proof;
}

/** The offset after the last newline. */
export function lastLineStart(file: TextFile): number {
  let end = file.openedSize;
  while (end > 0) {
    const bytes = file.bytesBefore(end, TEXT_SEEK_BYTES);
    if (bytes.length === 0) return 0;
    const found = file.lastNewlineEnd(bytes, end - bytes.length);
    if (found !== undefined) return found;
    end -= bytes.length;
  }
  return 0;
}

/**
 * The offset of a line from which on all lines at or after `time` lie; undefined when the first lines of the file have no
 * dates, so that there is nothing to seek by. Lines are taken to be in the order of their dates, roughly.
 */
export function seekTime(file: TextFile, reading: TextReading, time: EpochMicros): number | undefined {
  if (datedLine(file, reading, 0) === undefined && file.openedSize > 0) return undefined;
  let low = 0;
  let high = file.openedSize;
  while (high - low > TEXT_SEEK_BYTES) {
    const middle = Math.floor((low + high) / 2);
    const line = datedLine(file, reading, middle);
    if (line === undefined || line.time >= time || line.start >= high) high = middle;
    else low = line.start;
  }
  return low;
}

/** The first line with a date that begins at or after the offset, of those within one look. */
function datedLine(
  file: TextFile,
  reading: TextReading,
  offset: number,
): { readonly start: number; readonly time: EpochMicros } | undefined {
  const bytes = file.bytesAt(offset, Math.min(TEXT_SEEK_BYTES, file.openedSize - offset));
  const now = reading.now();
  let begin = offset === 0 ? 0 : file.newlineEnd(bytes, 0, offset);
  while (begin !== undefined && begin < bytes.length) {
    const end = file.newlineEnd(bytes, begin, offset);
    const { time } = reading.dater(
      reading.decode(bytes.subarray(begin, end ?? bytes.length), offset + begin).replace(/[\r\n\0]+$/, ''),
      now,
    );
    if (time !== undefined) return { start: offset + begin, time };
    begin = end;
  }
  return undefined;
}
