/**
 * One compiled filter: says what an entry's line means. In two phases, because a match may be
 * stopped by the regex guard in the middle: `match` is pure and can be started again; `settle` then
 * applies what it found to the memory of the filter (connections, multi-line window) and never runs
 * a regex.
 *
 * Rules of fail2ban 1.1 (filter.py, findFailure). A compiled filter never throws, whatever the
 * line.
 */
import type { Prefix } from '../core/address.js';
import type { FilterName } from '../core/names.js';
import { literalMarks, literalSearch } from '../core/text.js';
import type { EpochMicros } from '../core/time.js';
import { type Line, repeatedLine } from './line.js';
import { type LineMatch, NO_MATCH, NO_PREFIX, outcome, timesOver } from './line-match.js';
import {
  behindProxies,
  countOf,
  identityOf,
  type MatchFacts,
  marksOf,
  mergeFacts,
  NO_FACTS,
  rawId,
  toldOf,
  wantsTally,
  withCount,
} from './match-groups.js';
import { type Found, GROUP } from './regex/match.js';
import {
  ANY_SLOT,
  pushLine,
  type RegexSlot,
  type RunningRegex,
  Search,
  SlotList,
  splitByMatch,
  textOf,
} from './search.js';
import { SessionTable } from './session.js';
import { Tally } from './tally.js';
import { Unchecked } from './unchecked.js';

/** Circumstances of a line that its text does not tell. */
export interface LineContext {
  readonly time: EpochMicros;
  /** `_BOOT_ID`; empty when unknown. */
  readonly boot: string;
}

/**
 * What a line means. `nofail`: remembered for its connection, does not count; `pending`: a failure
 * whose address is not known yet.
 */
export interface Verdict {
  readonly result: 'none' | 'noprefix' | 'ignored' | 'nofail' | 'pending' | 'failure' | 'success';
  /** Index of the regex that decided, among those of its kind. */
  readonly regex: number | undefined;
  readonly facts: MatchFacts;
  readonly lines: number;
  readonly users: readonly string[];
  readonly cut: boolean;
}

export interface FilterDeps {
  readonly name: FilterName;
  readonly maxlines: number;
  /** Bytes at which the daemon cuts its lines: the end of such a line is not the daemon's. */
  readonly linelimit?: number;
  readonly prefregex?: RegexSlot;
  readonly failregex: readonly RegexSlot[];
  readonly ignoreregex: readonly RegexSlot[];
  readonly successregex: readonly RegexSlot[];
  /** Any entry may have the daemon's header in its message. */
  readonly container?: boolean;
  /** The administrator's proxies. */
  readonly proxies?: readonly Prefix[];
  /**
   * Any of them stands in the MESSAGE of every entry that can match; undefined when there is no
   * such set.
   */
  readonly literals: readonly string[] | undefined;
  /** Of each of them, the marks of the regexes that can match where it stands. */
  readonly marks?: ReadonlyMap<string, number>;
}

export class CompiledFilter {
  readonly name: FilterName;
  readonly maxlines: number;
  /** Any entry may have the daemon's header in its message, not only a container's. */
  readonly container: boolean;
  /** Some of the regexes are written for JSON objects as they stand, and not for a line within. */
  readonly readsObjects: boolean;
  readonly literals: readonly string[] | undefined;
  /**
   * The marks of the regexes that an entry's line can match, by its MESSAGE; undefined when there
   * are no literals. Holds for a line that is made of the whole message only.
   */
  readonly marksIn: ((message: string) => number) | undefined;
  readonly slots: readonly RegexSlot[];
  readonly #linelimit: number | undefined;
  readonly #proxies: readonly Prefix[];
  readonly #prefregex: RegexSlot | undefined;
  readonly #failregex: SlotList;
  readonly #ignoreregex: SlotList;
  readonly #successregex: SlotList;
  /**
   * fail2ban tests ignoreregex ahead of everything only when they are few against the failregex.
   */
  readonly #ignoreFirst: boolean;
  /** One for all lines: they are searched one after the other. */
  readonly #search = new Search();
  readonly #sessions = new SessionTable();
  /** Only of a filter with tags that ask for it. */
  readonly #tally: Tally | undefined;
  readonly #unchecked = new Unchecked();
  /** Of the regexes that name keys. */
  readonly #keyMarks: number;
  #window: readonly string[] = [];
  readonly #parts: FilterDeps;

  constructor(parts: FilterDeps) {
    this.#parts = parts;
    this.name = parts.name;
    this.maxlines = parts.maxlines;
    this.container = parts.container === true;
    this.#linelimit = parts.linelimit;
    this.#proxies = parts.proxies ?? [];
    this.literals = parts.literals;
    this.marksIn = marksIn(parts);
    const { prefregex, failregex, ignoreregex, successregex } = parts;
    this.#prefregex = prefregex;
    this.#failregex = new SlotList(failregex);
    this.#ignoreregex = new SlotList(ignoreregex);
    this.#successregex = new SlotList(successregex);
    this.slots = [...(prefregex ? [prefregex] : []), ...failregex, ...ignoreregex, ...successregex];
    this.readsObjects = this.container && this.slots.some(namesKey);
    this.#keyMarks = this.slots.filter(namesKey).reduce((marks, { mark }) => marks | mark, 0);
    if (this.slots.some(({ regex }) => wantsTally(regex.groupNames)))
      this.#tally = new Tally(this.#unchecked);
    this.#ignoreFirst = ignoreregex.length > 0 && ignoreregex.length < failregex.length - 2;
  }

  /** The same regexes, compiled once, with a memory of its own. */
  twin(): CompiledFilter {
    return new CompiledFilter(this.#parts);
  }

  /** What an entry is that has no line for this filter. */
  get noLine(): LineMatch {
    return this.#prefregex === undefined ? NO_MATCH : NO_PREFIX;
  }

  /** Connections that are remembered now. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Both phases at once, for callers without a guard. */
  judge(line: Line, circumstances: LineContext): Verdict {
    return this.settle(this.match(line, { running: undefined }), circumstances);
  }

  /**
   * First phase: runs the regexes; changes nothing but `progress`. `marks`: those of the regexes
   * that the line can match, as `marksIn` told.
   */
  match(line: Line, progress: RunningRegex, marks = ANY_SLOT): LineMatch {
    if (this.maxlines > 1) return this.#matchWindow(line, progress);
    const match = this.#matchLine(line, progress, marks);
    if (match.result !== 'none' && match.result !== 'noprefix') return match;
    const repeated = repeatedLine(line);
    if (repeated === undefined) return match;
    return timesOver(this.#matchLine(repeated.line, progress, marks), repeated.times);
  }

  #matchLine(line: Line, progress: RunningRegex, marks: number): LineMatch {
    const search = this.#search;
    // Of a line that goes on no byte is the last.
    search.begin(line.text, line.cutAt, progress, line.goesOn ? 0 : this.#linelimit);
    if (this.#ignoreFirst && search.first(this.#ignoreregex, ANY_SLOT, true))
      return outcome('ignored', search, search.slot);
    let prefix: Found | undefined;
    if (this.#prefregex !== undefined) {
      prefix = search.prefix(this.#prefregex);
      if (prefix === undefined) return search.cut ? outcome('noprefix', search) : NO_PREFIX;
    }
    const failure = search.first(this.#failregex, marks);
    if (failure !== undefined) {
      const { slot } = search;
      if (search.first(this.#ignoreregex, ANY_SLOT, true))
        return outcome('ignored', search, search.slot);
      return this.#found('failure', slot, failure, prefix);
    }
    const success = search.first(this.#successregex, marks);
    if (success !== undefined) return this.#found('success', search.slot, success, prefix);
    return search.cut ? outcome('none', search) : NO_MATCH;
  }

  /** The match of an object as it stands, by the regexes that name keys alone; undefined: none. */
  matchKeys(line: Line, progress: RunningRegex): LineMatch | undefined {
    if (!this.readsObjects) return undefined;
    const match = this.match(line, progress, this.#keyMarks);
    const { result, slot } = match;
    if (result === 'none' || result === 'noprefix') return undefined;
    // Many regexes share one mark.
    const isOfKey = this.#keyMarks === ANY_SLOT || slot === undefined || namesKey(slot);
    return isOfKey || result === 'ignored' ? match : undefined;
  }

  #matchWindow(line: Line, progress: RunningRegex): LineMatch {
    // A line without its middle or its end would not be where the regex expects it.
    if (line.cutAt !== undefined || line.goesOn) return { ...NO_MATCH, cut: true };
    const lines = pushLine(this.#window, line.text, this.maxlines);
    const search = this.#search;
    search.begin(lines.join('\n'), undefined, progress);
    if (this.#ignoreFirst && search.first(this.#ignoreregex))
      return { ...outcome('ignored', search, search.slot), window: lines };
    let prefix: Found | undefined;
    let kept = lines;
    if (this.#prefregex !== undefined) {
      prefix = search.one(this.#prefregex);
      if (prefix === undefined) return { ...outcome('noprefix', search), window: lines };
      const content = prefix.text(GROUP.content);
      if (content !== undefined && content !== '') kept = [content];
    }
    const text = textOf(kept);
    search.narrow(text);
    const failure = search.first(this.#failregex);
    const hit = failure ?? search.first(this.#successregex);
    if (hit === undefined) return { ...outcome('none', search), window: kept };
    const { slot } = search;
    const place = { index: hit.index, end: hit.end, groups: hit.groups() };
    const { matched, rest } = splitByMatch(lines, text, place);
    search.narrow(matched.join('\n'));
    if (failure && search.first(this.#ignoreregex))
      return { ...outcome('ignored', search, search.slot), window: rest };
    const result = failure ? 'failure' : 'success';
    return this.#found(result, slot, hit, prefix, matched.length, rest);
  }

  /** What the match says, taken out of it at once. */
  #found(
    result: LineMatch['result'],
    slot: RegexSlot | undefined,
    found: Found,
    prefix: Found | undefined,
    lines = 1,
    window?: readonly string[],
  ): LineMatch {
    const { cut, length } = this.#search;
    const match = behindProxies(found, this.#proxies);
    const key = match.text(GROUP.mlfid) ?? prefix?.text(GROUP.mlfid);
    const told = this.#tally && toldOf(prefix, match);
    const marks = marksOf(prefix, match);
    return { result, slot, marks, key, told, times: 1, length, lines, cut, window };
  }

  /**
   * Second phase: merges the match into its connection, and counts of it what no line before
   * counted. Matches must be settled in the order of their lines.
   */
  settle(match: LineMatch, circumstances: LineContext): Verdict {
    const { time, boot } = circumstances;
    if (match.marks.unchecked) {
      this.#unchecked.note(match.marks.facts.user, boot, time);
      return verdict(match, 'nofail', NO_FACTS);
    }
    const merged = this.#merge(this.#excused(match, circumstances), circumstances);
    const { result, facts, users } = merged;
    if (this.#tally === undefined || match.told === undefined) return merged;
    if (match.told.part === 'trouble') {
      this.#tally.trouble({ ...circumstances, told: match.told });
      return verdict(match, 'nofail', facts, users, merged.lines);
    }
    if (result !== 'failure' && result !== 'success') return merged;
    const identity = identityOf(facts);
    if (identity.kind !== 'address') return merged;
    // Written out: a spread here costs more than the tally.
    const line = {
      time,
      boot,
      address: identity.address.text,
      user: facts.user,
      told: match.told,
      count: countOf(facts),
    };
    if (result === 'success') {
      this.#tally.success(line);
      return merged;
    }
    let count = this.#tally.failure(line);
    if (match.times > 1 && match.told.part === 'witness') {
      // Witnesses tell of one attempt at a time; no process is named, or two would be taken for
      // one.
      const again = { ...line, told: { ...match.told, process: undefined } };
      for (let n = 1; n < match.times; n++) count += this.#tally.failure(again);
    }
    if (count === 0) return verdict(match, 'nofail', facts, users, merged.lines);
    return verdict(match, 'failure', withCount(facts, count), users, merged.lines);
  }

  /** A failure that answers an attempt whose password nobody could look at is none. */
  #excused(match: LineMatch, { time, boot }: LineContext): LineMatch {
    const { result, marks, told } = match;
    if (result !== 'failure' || marks.nofail || marks.waits) return match;
    if (told !== undefined && told.part !== 'plain') return match;
    if (!this.#unchecked.excusesAnswer(marks.facts.user, boot, time)) return match;
    return { ...match, marks: { ...marks, excused: true } };
  }

  #merge(match: LineMatch, { time, boot }: LineContext): Verdict {
    if (match.window !== undefined) this.#window = match.window;
    const { result, marks, key } = match;
    if (result === 'none' || result === 'noprefix' || result === 'ignored')
      return verdict(match, result, NO_FACTS);
    if (result === 'success') {
      const before = key === undefined ? undefined : this.#sessions.factsOf(key, boot);
      const facts = before === undefined ? marks.facts : mergeFacts(marks.facts, before);
      return verdict(match, result, facts);
    }
    if (key === undefined) {
      const { facts } = marks;
      if (marks.excused) return verdict(match, 'nofail', facts);
      const users = facts.user ? [facts.user] : NO_USERS;
      return verdict(match, rawId(facts) === undefined ? 'pending' : 'failure', facts, users);
    }
    const merged = this.#sessions.merge(key, boot, marks, time, match.length > LONG_LINE_CHARS);
    const { facts, users, lines } = merged;
    if (merged.calm) return verdict(match, 'nofail', facts, users, lines);
    if (rawId(facts) !== undefined && !marks.waits)
      return verdict(match, 'failure', facts, users, lines);
    merged.pending = true;
    return verdict(match, 'pending', facts, users, lines);
  }
}

const NO_USERS: readonly string[] = [];

/** Whether the regex, one that decides, has a key of an object in it. */
function namesKey({ kind, source: { text } }: RegexSlot): boolean {
  return kind !== 'ignoreregex' && /"(?:\\s[*+]?|\s)*:/.test(text);
}

function verdict(
  match: LineMatch,
  result: Verdict['result'],
  facts: MatchFacts,
  users = NO_USERS,
  lines = match.lines,
): Verdict {
  return { result, regex: match.slot?.index, facts, lines, users, cut: match.cut };
}

function marksIn({ literals, marks }: FilterDeps): CompiledFilter['marksIn'] {
  if (marks !== undefined && marks.size > 0) return literalMarks(marks);
  if (literals === undefined) return undefined;
  const isAny = literalSearch(literals);
  return (message) => (isAny(message) ? ANY_SLOT : 0);
}

/** Longer lines are not kept in memory for the sake of an address in them. */
const LONG_LINE_CHARS = 512;
