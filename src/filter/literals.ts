/**
 * The literal gate: plain strings of which one must stand in the MESSAGE of every entry that a filter can match. The
 * source asks for MESSAGE only, so a string that the header `host ident[pid]: ` can satisfy is no use.
 */
import type { RegexSlot } from './filter.js';

/** Shorter strings stand in nearly every message. */
const LITERAL_CHARS_MIN = 3;

/**
 * The literals of a filter; undefined when one of its regexes has none, or when it looks at several lines: then every
 * line matters.
 */
export function gateLiterals(
  deciding: readonly RegexSlot[],
  prefregex: RegexSlot | undefined,
  maxlines: number,
): readonly string[] | undefined {
  if (maxlines > 1) return undefined;
  const afterHeader = prefregex !== undefined && contentFollowsHeader(prefregex.source.text);
  const sets = deciding.map(({ regex }) => inMessage(regex.literals, afterHeader));
  const own = sets.includes(undefined) ? undefined : sets.flatMap((set) => set ?? []);
  // A line must have one of the prefregex's as well, so either list will do.
  const shared = inMessage(prefregex?.regex.literals, false);
  const best = selectivity(shared) > selectivity(own) ? shared : own;
  return best && [...new Set(best)].sort();
}

/** Long literals stand in few lines: the shortest decides. */
function selectivity(literals: readonly string[] | undefined): number {
  return literals === undefined ? 0 : Math.min(...literals.map(({ length }) => length));
}

/** The prefregex consumes `ident[pid]:` before its content begins: what its failregexes ask for stands after it. */
function contentFollowsHeader(source: string): boolean {
  const content = source.search(/<F-CONTENT>|\(\?P<content>/);
  return content > 0 && source.slice(0, content).replaceAll('(?:', '(').includes(':');
}

function inMessage(literals: readonly string[] | undefined, afterHeader: boolean): readonly string[] | undefined {
  const found = literals?.map((literal) => messagePart(literal, afterHeader));
  return found?.every((literal) => literal !== undefined) ? found : undefined;
}

/** What of a literal of the line must stand in MESSAGE; undefined when the header may have satisfied it. */
function messagePart(literal: string, afterHeader: boolean): string | undefined {
  // In the line `\n` stands for a newline of MESSAGE.
  const pieces = literal.split('\\').map((piece, i) => (i > 0 ? piece.replace(/^n/, '') : piece));
  let part = pieces.reduce((longest, piece) => (piece.length > longest.length ? piece : longest), '');
  if (!afterHeader) {
    // A header has one `: `, at its end. What follows the first is MESSAGE, unless that one cannot be the header's.
    const colon = part.indexOf(': ');
    if (colon >= 0 && !foreignToHeader(part.slice(0, colon))) part = part.slice(colon + 2);
    else if (!foreignToHeader(part.trim())) return undefined;
  }
  part = part.trimStart();
  return part.length < LITERAL_CHARS_MIN ? undefined : part;
}

/** Has something that no host name, identifier or pid has: blanks between words, quotes, brackets around letters. */
function foreignToHeader(text: string): boolean {
  return /[="'<>,;?!#%*{}|&$~^`]|\[[^\d\]]|\S \S/.test(text);
}
