/**
 * One compiled filter: says what an entry's line means. In two phases, because a match may be stopped by the regex
 * guard in the middle: `match` is pure and can be started again; `settle` then applies what it found to the memory of
 * the filter (connections, multi-line window) and never runs a regex.
 *
 * Rules of fail2ban 1.1 (filter.py, findFailure). A compiled filter never throws, whatever the line.
 */
import type { FilterName } from '../core/names.js';
import type { SourceText } from '../core/specs.js';
import type { EpochMicros } from '../core/time.js';
import { type Alternate, type Facts, factsOf, fillAlternates, type Groups, rawId } from './groups.js';
import type { Line } from './line.js';
import type { Regex } from './regex/regex.js';
import { SessionTable } from './session.js';
import { pushLine, splitByMatch, textOf } from './window.js';

export type RegexKind = 'prefregex' | 'failregex' | 'ignoreregex' | 'successregex';

/** One regex of a filter and where it stands in it. */
export interface RegexSlot {
  readonly kind: RegexKind;
  /** From 0, among those of its kind. */
  readonly index: number;
  readonly regex: Regex;
  readonly alternates: readonly Alternate[];
  readonly source: SourceText;
}

/** How people name a regex: its kind and its number from 1. */
export function slotName({ kind, index }: RegexSlot): string {
  return kind === 'prefregex' ? kind : `${kind} ${index + 1}`;
}

/** Which regex is running; read by whoever stops it. */
export interface Progress {
  running: RegexSlot | undefined;
}

/** What a line is, before connections are looked at. */
export interface LineMatch {
  readonly result: 'none' | 'noprefix' | 'ignored' | 'failure' | 'success';
  /** The regex that decided; for `ignored` the ignoreregex. */
  readonly slot?: RegexSlot;
  readonly groups: Groups;
  /** Lines that the match is made of. */
  readonly lines: number;
  /** A match was refused because it touched the cut of an over-long message. */
  readonly cut: boolean;
  /** The multi-line window afterwards. */
  readonly window?: readonly string[];
}

/** Circumstances of a line that its text does not tell. */
export interface Circumstances {
  readonly time: EpochMicros;
  /** `_BOOT_ID`; empty when unknown. */
  readonly boot: string;
}

/**
 * What a line means. `nofail`: remembered for its connection, does not count; `pending`: a failure whose address is
 * not known yet.
 */
export interface Verdict {
  readonly result: 'none' | 'noprefix' | 'ignored' | 'nofail' | 'pending' | 'failure' | 'success';
  /** Index of the regex that decided, among those of its kind. */
  readonly regex?: number;
  readonly facts: Facts;
  readonly lines: number;
  readonly users: readonly string[];
  readonly cut: boolean;
}

const NO_GROUPS: Groups = {};

export interface FilterParts {
  readonly name: FilterName;
  readonly maxlines: number;
  readonly prefregex?: RegexSlot;
  readonly failregex: readonly RegexSlot[];
  readonly ignoreregex: readonly RegexSlot[];
  readonly successregex: readonly RegexSlot[];
  /** Any of them stands in the MESSAGE of every entry that can match; undefined when there is no such set. */
  readonly literals: readonly string[] | undefined;
}

export class CompiledFilter {
  readonly name: FilterName;
  readonly maxlines: number;
  readonly literals: readonly string[] | undefined;
  readonly slots: readonly RegexSlot[];
  readonly #parts: FilterParts;
  /** fail2ban tests ignoreregex ahead of everything only when they are few against the failregex. */
  readonly #ignoreFirst: boolean;
  readonly #sessions = new SessionTable();
  #window: readonly string[] = [];

  constructor(parts: FilterParts) {
    this.name = parts.name;
    this.maxlines = parts.maxlines;
    this.literals = parts.literals;
    this.#parts = parts;
    const { prefregex, failregex, ignoreregex, successregex } = parts;
    this.slots = [...(prefregex ? [prefregex] : []), ...failregex, ...ignoreregex, ...successregex];
    this.#ignoreFirst = ignoreregex.length > 0 && ignoreregex.length < failregex.length - 2;
  }

  /** Connections that are remembered now. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Both phases at once, for callers without a guard. */
  judge(line: Line, circumstances: Circumstances): Verdict {
    return this.settle(this.match(line, { running: undefined }), circumstances);
  }

  /** First phase: runs the regexes; changes nothing but `progress`. */
  match(line: Line, progress: Progress): LineMatch {
    if (this.maxlines > 1) return this.#matchWindow(line, progress);
    const search = new Search(line.text, line.cutAt, progress);
    const { prefregex, ignoreregex } = this.#parts;
    if (this.#ignoreFirst) {
      const ignored = search.first(ignoreregex, true);
      if (ignored) return outcome('ignored', search, ignored.slot);
    }
    let prefix = NO_GROUPS;
    if (prefregex !== undefined) {
      const hit = search.prefix(prefregex);
      if (hit === undefined) return outcome('noprefix', search);
      prefix = hit;
    }
    const hit = search.first(this.#parts.failregex);
    if (hit !== undefined) {
      const ignored = ignoreregex.length > 0 ? search.first(ignoreregex, true) : undefined;
      if (ignored) return outcome('ignored', search, ignored.slot);
      return outcome('failure', search, hit.slot, overlay(prefix, hit.groups));
    }
    const success = search.first(this.#parts.successregex);
    if (success) return outcome('success', search, success.slot, overlay(prefix, success.groups));
    return outcome('none', search);
  }

  #matchWindow(line: Line, progress: Progress): LineMatch {
    // A line without its middle would not be where the regex expects it.
    if (line.cutAt !== undefined) return { result: 'none', groups: NO_GROUPS, lines: 0, cut: true };
    const lines = pushLine(this.#window, line.text, this.maxlines);
    const { prefregex, ignoreregex } = this.#parts;
    const search = new Search(lines.join('\n'), undefined, progress);
    if (this.#ignoreFirst) {
      const ignored = search.first(ignoreregex);
      if (ignored) return outcome('ignored', search, ignored.slot, NO_GROUPS, 0, lines);
    }
    let prefix = NO_GROUPS;
    let kept = lines;
    if (prefregex !== undefined) {
      const hit = search.first([prefregex]);
      if (hit === undefined) return outcome('noprefix', search, undefined, NO_GROUPS, 0, lines);
      prefix = hit.groups;
      const content = prefix['content'];
      if (content !== undefined && content !== '') kept = [content];
    }
    const text = textOf(kept);
    search.narrow(text);
    const failure = search.first(this.#parts.failregex);
    const hit = failure ?? search.first(this.#parts.successregex);
    if (hit === undefined) return outcome('none', search, undefined, NO_GROUPS, 0, kept);
    const { matched, rest } = splitByMatch(lines, text, hit);
    search.narrow(matched.join('\n'));
    const ignored = failure && ignoreregex.length > 0 ? search.first(ignoreregex) : undefined;
    if (ignored) return outcome('ignored', search, ignored.slot, NO_GROUPS, 0, rest);
    const result = failure ? 'failure' : 'success';
    return outcome(result, search, hit.slot, overlay(prefix, hit.groups), matched.length, rest);
  }

  /** Second phase: merges the match into its connection. Matches must be settled in the order of their lines. */
  settle(match: LineMatch, { time, boot }: Circumstances): Verdict {
    if (match.window !== undefined) this.#window = match.window;
    const { result, slot, groups, cut } = match;
    const verdict = { facts: {}, lines: match.lines, users: [], cut, ...(slot && { regex: slot.index }) };
    if (result === 'none' || result === 'noprefix' || result === 'ignored') return { ...verdict, result };
    const key = groups['mlfid'];
    if (result === 'success') {
      const before = key === undefined ? undefined : this.#sessions.factsOf(key, boot);
      return { ...verdict, result, facts: factsOf(groups, before) };
    }
    if (key === undefined) {
      const facts = factsOf(groups);
      const users = facts.user === undefined || facts.user === '' ? [] : [facts.user];
      return { ...verdict, result: rawId(facts) === undefined ? 'pending' : 'failure', facts, users };
    }
    const merged = this.#sessions.merge(key, boot, groups, time);
    const { facts, lines, users } = merged;
    if (merged.calm) return { ...verdict, result: 'nofail', facts, lines, users };
    if (rawId(facts) !== undefined) return { ...verdict, result, facts, lines, users };
    merged.wait();
    return { ...verdict, result: 'pending', facts, lines, users };
  }
}

interface Hit {
  readonly slot: RegexSlot;
  readonly groups: Groups;
  readonly index: number;
  readonly end: number;
}

/** Runs regexes over one text and keeps them off the cut. */
class Search {
  cut = false;
  #text: string;
  #cutAt: number | undefined;
  readonly #progress: Progress;

  constructor(text: string, cutAt: number | undefined, progress: Progress) {
    this.#text = text;
    this.#cutAt = cutAt;
    this.#progress = progress;
  }

  /** From now on only this text. */
  narrow(text: string, cutAt?: number): void {
    this.#text = text;
    this.#cutAt = cutAt;
  }

  /**
   * Searches the prefregex and narrows the text to its content; undefined when it does not hit. The content may hold
   * the cut, since it is judged again: while it is taken out, a character that no daemon writes stands for the cut,
   * because `.+` would stop at a newline.
   */
  prefix(slot: RegexSlot): Groups | undefined {
    const cutAt = this.#cutAt;
    if (cutAt === undefined) {
      const groups = this.first([slot])?.groups;
      if (groups?.['content']) this.narrow(groups['content']);
      return groups;
    }
    const whole = this.#text;
    this.narrow(`${whole.slice(0, cutAt)}${CUT_MARK}${whole.slice(cutAt + 1)}`, cutAt);
    const hit = this.#search(slot);
    const parts = hit?.groups['content']?.split(CUT_MARK);
    if (parts?.length === 2 && parts[0] !== undefined) {
      this.narrow(parts.join('\n'), parts[0].length);
      return hit?.groups;
    }
    this.narrow(whole, cutAt);
    if (hit === undefined) return undefined;
    this.cut = this.#touches(hit);
    if (this.cut) return undefined;
    if (parts?.[0]) this.narrow(parts[0]);
    return hit.groups;
  }

  /**
   * The first regex that hits. A match that touches the cut may owe its end to it (an address of which digits are
   * missing, a `$` that is not the end) and does not count; an ignoreregex (`lenient`) may.
   */
  first(slots: readonly RegexSlot[], lenient = false): Hit | undefined {
    for (const slot of slots) {
      const hit = this.#search(slot);
      if (hit === undefined) continue;
      if (this.#touches(hit)) {
        this.cut = true;
        if (!lenient) continue;
      }
      return hit;
    }
    return undefined;
  }

  #search(slot: RegexSlot): Hit | undefined {
    this.#progress.running = slot;
    const match = slot.regex.exec(this.#text);
    if (match === null) return undefined;
    const groups = slot.alternates.length === 0 ? match.groups : fillAlternates(match.groups, slot.alternates);
    return { slot, groups, index: match.index, end: match.end };
  }

  #touches({ index, end }: Hit): boolean {
    return this.#cutAt !== undefined && index <= this.#cutAt + 1 && end >= this.#cutAt;
  }
}

/** U+FFFF is not a character (Unicode 16, section 23.7). */
const CUT_MARK = '\uffff';

function outcome(
  result: LineMatch['result'],
  search: Search,
  slot?: RegexSlot,
  groups: Groups = NO_GROUPS,
  lines = 1,
  window?: readonly string[],
): LineMatch {
  return { result, groups, lines, cut: search.cut, ...(slot && { slot }), ...(window && { window }) };
}

/** The prefix's groups with those of the failregex that took part over them. */
function overlay(prefix: Groups, groups: Groups): Groups {
  if (prefix === NO_GROUPS) return groups;
  const merged: Record<string, string | undefined> = { ...prefix };
  for (const name in groups) if (groups[name] !== undefined) merged[name] = groups[name];
  return merged;
}
