/**
 * The engine of `banjour test`: runs lines through one filter and keeps what a person wants to see
 * of it, within bounds, so that whole journals can stream through. Streams of text lines get their
 * date cut out first.
 *
 * Counts are those of the agent: the first regex that hits decides. A line of a connection that
 * does not count by itself (`<F-NOFAIL>`) is "ignored", as fail2ban-regex has it; a failure that
 * waits for its address is "matched".
 */
import type { Entry } from '../../core/entry.js';
import { BATCH_ENTRIES_MAX } from '../../core/limits.js';
import {
  REPORT_HITS_MAX,
  REPORT_LINE_CHARS_MAX,
  REPORT_LINES_MAX,
} from '../../core/service-limits.js';
import type { SourceText } from '../../core/specs.js';
import type { EpochMicros } from '../../core/time.js';
import { matchEntry } from '../../filter/container-line.js';
import type { DateFinder } from '../../filter/dates.js';
import type { CompiledFilter, Verdict } from '../../filter/filter.js';
import { type Line, lineOf } from '../../filter/line.js';
import { type LineMatch, NO_MATCH } from '../../filter/line-match.js';
import { identityOf, type MatchFacts, rawId } from '../../filter/match-groups.js';
import { type Guard, RegexGuard } from '../../filter/regex-guard.js';
import { type RegexKind, type RegexSlot, slotName } from '../../filter/search.js';

export interface ReportOptions {
  /** Cuts the dates out of text lines; not needed for journal entries. */
  readonly dates?: DateFinder;
  /** Called for every line, in order. */
  readonly onResult?: (result: LineResult) => void;
  /** Which lines are kept without the usual bound of 20, up to `REPORT_LINES_MAX`. */
  readonly allMatched?: boolean;
  readonly allMissed?: boolean;
  readonly allIgnored?: boolean;
}

/** One match of a regex. */
interface ReportHit {
  /** Raw text of the address or id; absent while a failure waits for it. */
  readonly id?: string;
  /** False for a name or for text that is no address: such a match never bans. */
  readonly bannable: boolean;
  readonly user?: string;
  readonly time: EpochMicros;
}

export interface ReportRegex {
  readonly name: string;
  readonly kind: RegexKind;
  readonly source: SourceText;
  hits: number;
  /** The first of them. */
  readonly examples: ReportHit[];
}

export interface ReportLines {
  count: number;
  /** Kept lines, oldest first; fewer than `count` when there were too many. */
  readonly lines: string[];
}

/** What one line came to. */
export interface LineResult extends Verdict {
  readonly class: 'matched' | 'missed' | 'ignored';
  readonly time: EpochMicros;
  readonly text: string;
}

/** Lines that are kept of a class that is printed only when it is short. */
export const FEW_LINES = 20;

export class FilterReport {
  readonly regexes: readonly ReportRegex[];
  readonly matched: ReportLines = { count: 0, lines: [] };
  readonly missed: ReportLines = { count: 0, lines: [] };
  readonly ignored: ReportLines = { count: 0, lines: [] };
  /** Lines that the prefregex let through; absent without one. */
  prefixed: number | undefined;
  /** Matches whose address is a name, or none at all. */
  notAnAddress = 0;
  /** Matches refused because they touched the cut of an over-long message. */
  cut = 0;
  /** Regexes that were too slow for a line and ran in the linear matcher from there on. */
  readonly demoted: string[] = [];
  /** Lines on which even that took too long. */
  givenUp = 0;
  readonly filter: CompiledFilter;
  readonly #dates: DateFinder | undefined;
  readonly #onResult: ((result: LineResult) => void) | undefined;
  readonly #runner: RegexGuard;
  readonly #keep: Readonly<Record<LineResult['class'], number>>;
  readonly #bySlot = new Map<string, ReportRegex>();
  #waiting: Waiting[] = [];

  constructor(filter: CompiledFilter, guard: Guard, options: ReportOptions = {}) {
    this.filter = filter;
    this.#runner = new RegexGuard(guard);
    this.#dates = options.dates;
    this.#onResult = options.onResult;
    const most = (all: boolean | undefined) => (all ? REPORT_LINES_MAX : FEW_LINES);
    this.#keep = {
      matched: options.allMatched ? REPORT_LINES_MAX : 0,
      missed: most(options.allMissed),
      ignored: most(options.allIgnored),
    };
    this.regexes = filter.slots.map((slot: RegexSlot) => {
      const regex = {
        name: slotName(slot),
        kind: slot.kind,
        source: slot.source,
        hits: 0,
        examples: [],
      };
      this.#bySlot.set(regex.name, regex);
      return regex;
    });
    if (filter.slots.some(({ kind }) => kind === 'prefregex')) this.prefixed = 0;
  }

  /** Lines judged so far. */
  get tested(): number {
    return this.matched.count + this.missed.count + this.ignored.count;
  }

  /** How often each date pattern found the date of a text line. */
  get dateHits(): readonly { readonly name: string; readonly hits: number }[] {
    return this.#dates?.hits ?? [];
  }

  /**
   * Takes a line of a text file; `now` is its time when it has none. Empty lines and comments count
   * for nothing.
   */
  addText(text: string, now: EpochMicros): void {
    const line = text.replace(/[\r\n]+$/, '');
    if (line === '' || line.startsWith('#')) return;
    const dated = this.#dates?.cut(line, now);
    this.#add({
      line: { text: dated?.text ?? line },
      time: dated?.time ?? now,
      boot: '',
      shown: line,
    });
  }

  /** Takes a journal entry. */
  addEntry(entry: Entry): void {
    const line = lineOf(entry);
    this.#add({
      line,
      time: entry.realtime,
      boot: entry.fields.get('_BOOT_ID') ?? '',
      shown: line.text,
      entry,
    });
  }

  /**
   * Judges the lines that wait; to be called after the last. Lines are judged in batches, one guard
   * for many.
   */
  finish(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    const { matches, demoted } = this.#runner.run(waiting.length, (n, progress) => {
      const { line, entry } = waiting[n] as Waiting;
      return entry === undefined
        ? this.filter.match(line, progress)
        : matchEntry(this.filter, entry, line, progress);
    });
    this.demoted.push(...demoted.map(slotName));
    waiting.forEach((item, i) => {
      const match = matches[i];
      if (match === undefined) this.givenUp++;
      this.#settle(item, match ?? NO_MATCH);
    });
  }

  #add(item: Waiting): void {
    this.#waiting.push(item);
    // The window of a multi-line filter has to be settled line by line.
    if (this.#waiting.length >= (this.filter.maxlines > 1 ? 1 : BATCH_ENTRIES_MAX)) this.finish();
  }

  #settle({ time, boot, shown }: Waiting, match: LineMatch): void {
    const verdict = this.filter.settle(match, { time, boot });
    const { result } = verdict;
    if (this.prefixed !== undefined && result !== 'noprefix') this.prefixed++;
    if (verdict.cut) this.cut++;
    const kind =
      result === 'ignored' ? 'ignoreregex' : result === 'success' ? 'successregex' : 'failregex';
    const regex =
      verdict.regex === undefined ? undefined : this.#bySlot.get(`${kind} ${verdict.regex + 1}`);
    if (regex !== undefined) {
      regex.hits++;
      if (kind !== 'ignoreregex' && regex.examples.length < REPORT_HITS_MAX)
        regex.examples.push(hitOf(verdict.facts, time));
    }
    const where = result === 'none' || result === 'noprefix' ? 'missed' : CLASSES[result];
    if (
      where === 'matched' &&
      rawId(verdict.facts) !== undefined &&
      identityOf(verdict.facts).kind !== 'address'
    )
      this.notAnAddress++;
    const lines = this[where];
    lines.count++;
    if (lines.lines.length < this.#keep[where])
      lines.lines.push(shown.slice(0, REPORT_LINE_CHARS_MAX));
    this.#onResult?.({ ...verdict, class: where, time, text: shown });
  }
}

interface Waiting {
  readonly line: Line;
  readonly time: EpochMicros;
  readonly boot: string;
  readonly shown: string;
  /** Absent for a line of text. */
  readonly entry?: Entry;
}

const CLASSES = {
  ignored: 'ignored',
  nofail: 'ignored',
  pending: 'matched',
  failure: 'matched',
  success: 'matched',
} as const;

function hitOf(facts: MatchFacts, time: EpochMicros): ReportHit {
  const id = rawId(facts)?.slice(0, REPORT_LINE_CHARS_MAX);
  return {
    ...(id !== undefined && { id }),
    bannable: identityOf(facts).kind === 'address',
    ...(facts.user !== undefined && { user: facts.user.slice(0, REPORT_LINE_CHARS_MAX) }),
    time,
  };
}
