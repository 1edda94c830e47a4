/**
 * Runs the regexes of a filter over one text, or over the last lines of a multi-line filter, and
 * keeps their matches off the cut of an over-long message.
 */

import type { SourceText } from '../core/specs.js';
import { type Alternate, fillAlternates, withoutIdentity } from './match-groups.js';
import { type Found, GROUP, type Groups } from './regex/match.js';
import type { Regex } from './regex/regex.js';
import { isAscii } from './regex/scripts.js';

// Regexes that are tried one after the other, and which of them a text can match at all by its
// first character.

/** Texts of log lines begin in ASCII; for others every regex is tried. */
const CODES = 128;

export class SlotList {
  readonly all: readonly RegexSlot[];
  /**
   * By the code of the first character: most regexes of a filter begin with another word than the
   * text.
   */
  readonly #byFirst: readonly (readonly RegexSlot[])[];

  constructor(all: readonly RegexSlot[]) {
    this.all = all;
    this.#byFirst = Array.from({ length: CODES }, (_, code) =>
      all.filter(({ regex }) => regex.canBeginWith(code)),
    );
  }

  /** Those that the text may match, in their order. */
  for(text: string): readonly RegexSlot[] {
    if (text === '') return this.all;
    return this.#byFirst[text.charCodeAt(0)] ?? this.all;
  }
}

// The last lines of a multi-line filter, and which of them a match uses up. Rules of fail2ban 1.1
// (failregex.py, search; filter.py, findFailure): the lines that a match touches are gone, the
// others and those that `<SKIPLINES>` skipped stay for the next match.

/** Lines of the window after `line` came, oldest first, at most `maxlines`. */
export function pushLine(
  window: readonly string[],
  line: string,
  maxlines: number,
): readonly string[] {
  return [...window, line].slice(-maxlines);
}

/** The lines as one text, every line ended by a newline. */
export function textOf(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}

/**
 * Splits the window into lines that the match used and lines that stay. `text` is what was
 * searched.
 */
export function splitByMatch(
  lines: readonly string[],
  text: string,
  match: { readonly index: number; readonly end: number; readonly groups: Groups },
): { readonly matched: readonly string[]; readonly rest: readonly string[] } {
  if (lines.length <= 1) return { matched: lines, rest: [] };
  const start = text.lastIndexOf('\n', match.index) + 1;
  const newline = text.indexOf('\n', match.end > 0 ? match.end - 1 : text.length - 1);
  const first = newlinesIn(text, start);
  const after = newlinesIn(text, newline < 0 ? text.length : newline + 1);
  const matched = lines.slice(first, after);
  const rest = lines.slice(0, first);
  let from = 0;
  for (const skipped of skippedLines(match.groups)) {
    const at = matched.indexOf(skipped, from);
    if (at < 0) continue;
    rest.push(...matched.splice(at, 1));
    from = at;
  }
  return { matched, rest: [...rest, ...lines.slice(after)] };
}

function newlinesIn(text: string, end: number): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

function skippedLines(groups: Groups): string[] {
  let skipped = '';
  for (const name of Object.keys(groups).sort())
    if (/^skiplines\d+$/.test(name)) skipped += groups[name] ?? '';
  return skipped === '' ? [] : skipped.replace(/\n$/, '').split('\n');
}

/**
 * One text and the regexes that are tried on it. One object serves for all texts of a filter, one
 * after the other.
 */
export class Search {
  /** A match was refused because it touched the cut. */
  cut = false;
  /** Characters of the whole text. */
  length = 0;
  /** The regex that `first` found last. */
  slot: RegexSlot | undefined;
  private text = '';
  private isAscii = true;
  private cutAt: number | undefined;
  private progress: RunningRegex = { running: undefined };
  private linelimit: number | undefined;

  /**
   * A text is to be searched. `linelimit`: bytes of the text, or of the content that a prefregex
   * takes out, at which the daemon cuts it.
   */
  begin(text: string, cutAt: number | undefined, progress: RunningRegex, linelimit?: number): void {
    this.cut = false;
    this.length = text.length;
    this.slot = undefined;
    this.text = text;
    // Of what is taken out of it later this holds as well.
    this.isAscii = isAscii(text);
    this.cutAt = cutAt;
    this.progress = progress;
    this.linelimit = linelimit;
  }

  /** From now on only this text, which is of the text that was begun with. */
  narrow(text: string, cutAt?: number): void {
    this.text = text;
    this.cutAt = cutAt;
  }

  /**
   * Searches the prefregex and narrows the text to its content; undefined when it does not hit. The
   * content may hold the cut, since it is judged again: while it is taken out, a character that no
   * daemon writes stands for the cut, because `.+` would stop at a newline.
   */
  prefix(slot: RegexSlot): Found | undefined {
    const { cutAt } = this;
    if (cutAt === undefined) {
      const match = this.one(slot);
      const content = match?.text(GROUP.content);
      if (content) this.narrow(content);
      return match;
    }
    return this.prefixOfCut(slot, cutAt);
  }

  private prefixOfCut(slot: RegexSlot, cutAt: number): Found | undefined {
    const { text: whole, isAscii: wasAscii } = this;
    this.narrow(`${whole.slice(0, cutAt)}${CUT_MARK}${whole.slice(cutAt + 1)}`, cutAt);
    this.isAscii = false;
    const match = this.one(slot);
    this.isAscii = wasAscii;
    const parts = match?.text(GROUP.content)?.split(CUT_MARK);
    if (parts?.length === 2 && parts[0] !== undefined) {
      this.narrow(parts.join('\n'), parts[0].length);
      return match;
    }
    this.narrow(whole, cutAt);
    if (match === undefined) return undefined;
    this.cut = this.touches(match);
    if (this.cut) return undefined;
    if (parts?.[0]) this.narrow(parts[0]);
    return match;
  }

  /**
   * The match of the first regex that hits; `slot` says which. A match that touches the cut may owe
   * its end to it (an address of which digits are missing, a `$` that is not the end) and does not
   * count; an ignoreregex (`lenient`) may. `marks`: those that the message has a literal of.
   */
  first(slots: SlotList, marks = ANY_SLOT, lenient = false): Found | undefined {
    for (const slot of slots.for(this.text)) {
      if ((slot.mark & marks) === 0) continue;
      const match = this.one(slot);
      if (match === undefined) continue;
      if (this.touches(match)) {
        this.cut = true;
        if (!lenient) continue;
      }
      this.slot = slot;
      return this.owesItsEndToTheDaemon(slot, match) ? withoutIdentity(match) : match;
    }
    return undefined;
  }

  /** The match of one regex, whether it touches the cut or not. */
  one(slot: RegexSlot): Found | undefined {
    this.progress.running = slot;
    const match = slot.regex.find(this.text, this.isAscii);
    if (match === null) return undefined;
    return slot.alternates.length === 0 ? match : fillAlternates(match, slot.alternates);
  }

  private touches({ index, end }: Found): boolean {
    return this.cutAt !== undefined && index <= this.cutAt + 1 && end >= this.cutAt;
  }

  /**
   * Whether the line may have been cut, and the match depends on its end: a client
   * chose what stands there, or what a lookahead did not find. Such a match gives no address.
   */
  private owesItsEndToTheDaemon(slot: RegexSlot, { end }: Found): boolean {
    const limit = this.linelimit;
    // No character has more than three bytes for each of its units.
    if (limit === undefined || this.text.length * 3 < limit || Buffer.byteLength(this.text) < limit)
      return false;
    return end === this.text.length || slot.regex.looksAhead;
  }
}

/** U+FFFF is not a character (Unicode 16, section 23.7). */
const CUT_MARK = '\uffff';

export type RegexKind = 'prefregex' | 'failregex' | 'ignoreregex' | 'successregex';

/** One regex of a filter and where it stands in it. */
export interface RegexSlot {
  readonly kind: RegexKind;
  /** From 0, among those of its kind. */
  readonly index: number;
  readonly regex: Regex;
  readonly alternates: readonly Alternate[];
  readonly source: SourceText;
  /** A bit of its own, as long as there are some; the rest share one. */
  readonly mark: number;
}

/** How many bits marks have. */
export const SLOT_MARKS = 31;
/** The marks of all regexes: nothing is known of what the text contains. */
export const ANY_SLOT = 0x7fff_ffff;

/** How people name a regex: its kind and its number from 1. */
export function slotName({ kind, index }: RegexSlot): string {
  return kind === 'prefregex' ? kind : `${kind} ${index + 1}`;
}

/** Which regex is running; read by whoever stops it. */
export interface RunningRegex {
  running: RegexSlot | undefined;
}
