/**
 * Option values that know where each of their characters was written.
 *
 * A value is a list of pieces; the text is their concatenation. A piece lies in one line of one
 * file, so slicing, splitting and substituting keep the place of everything, and a failregex line
 * that came through three includes and two tags still names its own line.
 */
import type { FilePosition } from '../core/finding.js';
import type { SourceText } from '../core/specs.js';

/** Name of the file that is in no folder: what holds when nobody says anything. */
export const BUILT_IN = '(built in)';

export interface ValuePiece {
  /** May end in a newline; holds none elsewhere. */
  readonly text: string;
  /** Of the first character. */
  readonly place: FilePosition;
  /** How many substitutions brought it here; 0 is text of the option itself. */
  readonly depth: number;
}

export type Value = readonly ValuePiece[];

/** A value of one piece per line of `text`, all at `place`. */
export function literal(text: string, place: FilePosition): Value {
  return text
    .split(/(?<=\n)/)
    .filter((line) => line !== '')
    .map((line) => ({ text: line, place, depth: 0 }));
}

/** The text of a value. */
export function textOf(value: Value): string {
  return value.length === 1
    ? (value[0] as ValuePiece).text
    : value.map((piece) => piece.text).join('');
}

/** The characters from `from` up to (not including) `to`. */
export function sliceValue(value: Value, from: number, to: number): Value {
  const result: ValuePiece[] = [];
  let start = 0;
  for (const piece of value) {
    const end = start + piece.text.length;
    if (end > from && start < to) {
      const skip = Math.max(0, from - start);
      const text = piece.text.slice(skip, to - start);
      if (text !== '') result.push({ ...piece, text, place: shift(piece.place, skip) });
    }
    start = end;
  }
  return result;
}

function shift(place: FilePosition, by: number): FilePosition {
  return by === 0 || place.column === undefined ? place : { ...place, column: place.column + by };
}

/** The value without white space at its two ends. */
export function trimValue(value: Value): Value {
  const text = textOf(value);
  const from = text.length - text.trimStart().length;
  return sliceValue(value, from, Math.max(from, text.trimEnd().length));
}

/** The same value, one substitution further away from the option that uses it. */
export function deeper(value: Value): Value {
  return value.map((piece) => ({ ...piece, depth: piece.depth + 1 }));
}

/** Replaces every occurrence of `needle`, in time linear in the result. */
export function replaceAll(value: Value, needle: string, replacement: Value): Value {
  const text = textOf(value);
  const inserted = deeper(replacement);
  const result: ValuePiece[] = [];
  let index = 0;
  let start = 0;
  const copy = (from: number, to: number) => {
    for (; index < value.length; index++) {
      const piece = value[index] as ValuePiece;
      const end = start + piece.text.length;
      if (end > from) {
        const skip = Math.max(0, from - start);
        const kept = piece.text.slice(skip, to - start);
        if (kept !== '') result.push({ ...piece, text: kept, place: shift(piece.place, skip) });
        if (end > to) return;
      }
      start = end;
    }
  };
  let from = 0;
  for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, from)) {
    copy(from, at);
    for (const piece of inserted) result.push(piece);
    from = at + needle.length;
  }
  copy(from, text.length);
  return result;
}

/**
 * Where the value begins: its first piece that is not blank, else its first; undefined for an empty
 * value.
 */
export function placeOf(value: Value): FilePosition | undefined {
  return (value.find((piece) => piece.text.trim() !== '') ?? value[0])?.place;
}

/** The place of the character at an offset; undefined past the end. */
export function placeAt(value: Value, offset: number): FilePosition | undefined {
  return sliceValue(value, offset, offset + 1)[0]?.place;
}

/**
 * The lines that hold anything but nothing, untrimmed, each with its place: that of the first piece
 * which went through the fewest substitutions. So a regex is placed where it was written, not where
 * `%(__prefix_line)s` was.
 */
export function linesOf(value: Value): SourceText[] {
  const lines: SourceText[] = [];
  let text = '';
  let best: ValuePiece | undefined;
  const flush = () => {
    if (text !== '' && best !== undefined) lines.push({ text, place: best.place });
    text = '';
    best = undefined;
  };
  for (const piece of value) {
    const ends = piece.text.endsWith('\n');
    const own = ends ? piece.text.slice(0, -1) : piece.text;
    if (own !== '' && (best === undefined || better(piece, best))) best = piece;
    text += own;
    if (ends) flush();
  }
  flush();
  return lines;
}

function better(piece: ValuePiece, best: ValuePiece): boolean {
  const blank = (one: ValuePiece) => one.text.trim() === '';
  if (blank(piece)) return false;
  return blank(best) || piece.depth < best.depth;
}
