/**
 * All filters of all jails over one stream of entries: routing by match expression, literals,
 * regexes under the guard, connections, addresses. The only thing that the intake thread needs of
 * this folder.
 */

import type { FilterEvent } from '../core/decision.js';
import {
  type Entry,
  type Gate,
  type GateRoute,
  matchesSystem,
  OriginCache,
  VARYING_FIELDS,
} from '../core/entry.js';
import { OperatorError } from '../core/errors.js';
import { type FilePosition, formatDiagnostic } from '../core/finding.js';
import { ROUTES_MAX } from '../core/limits.js';
import { fieldsOf, formatMatch, type MatchExpression, matches } from '../core/match.js';
import type { JailName } from '../core/names.js';
import type { JailIntake } from '../core/specs.js';
import { compileFilter } from './compile.js';
import { matchEntry } from './container-line.js';
import { type JailCounters, newCounters, tick } from './counters.js';
import type { CompiledFilter } from './filter.js';
import { LINE_FIELDS, type Line, lineOf } from './line.js';
import type { LineMatch } from './line-match.js';
import { countOf, identityOf, userOf } from './match-groups.js';
import { type Guard, RegexGuard, type Task } from './regex-guard.js';
import { ANY_SLOT, slotName } from './search.js';

// Which jails want an entry. Entries of one service look alike in the fields that decide, so the
// answer is remembered.

/** Answers by the value of one field after the other. */
type Known<T> = Map<string | undefined, Known<T> | readonly T[]>;

export interface JailRoute<T> {
  readonly match: MatchExpression;
  /** `system` keeps out what ordinary users wrote, unless the match names their `_UID`. */
  readonly loggedby?: 'system' | undefined;
  readonly to: T;
}

export class Router<T> {
  readonly fields: readonly string[];
  readonly #routes: readonly JailRoute<T>[];
  readonly #known: Known<T> = new Map();
  #size = 0;
  /** By what entries have in common, where that is all that decides. */
  readonly #byOrigin: OriginCache<readonly T[]> | undefined;

  constructor(routes: readonly JailRoute<T>[]) {
    this.#routes = routes;
    const uid = routes.some(({ loggedby }) => loggedby === 'system') ? ['_UID'] : [];
    this.fields = [
      ...new Set([...routes.flatMap(({ match }) => [...fieldsOf(match)]), ...uid]),
    ].sort();
    if (!this.fields.some((field) => VARYING_FIELDS.has(field))) this.#byOrigin = new OriginCache();
  }

  /** Where the entry goes, in the order of the routes. */
  route(entry: Entry): readonly T[] {
    const { origin } = entry.fields;
    if (origin === undefined || this.#byOrigin === undefined) return this.#look(entry);
    const known = this.#byOrigin.get(origin);
    if (known !== undefined) return known;
    const to = this.#look(entry);
    this.#byOrigin.set(origin, to);
    return to;
  }

  #look({ fields }: Entry): readonly T[] {
    let known: Known<T> | readonly T[] | undefined = this.#known;
    for (const field of this.fields)
      known = (known as Known<T> | undefined)?.get(fields.get(field));
    if (known !== undefined && this.fields.length > 0) return known as readonly T[];
    const field = (name: string) => fields.get(name);
    const to = this.#routes
      .filter(({ match, loggedby }) =>
        (loggedby === 'system' ? matchesSystem : matches)(match, field),
      )
      .map((route) => route.to);
    this.#remember(fields, to);
    return to;
  }

  #remember(fields: Entry['fields'], to: readonly T[]): void {
    // A field such as _PID has endless values; starting over is cheaper than keeping book of use.
    if (this.#size >= ROUTES_MAX) {
      this.#known.clear();
      this.#size = 0;
    }
    this.#size++;
    let at = this.#known;
    this.fields.forEach((field, i) => {
      const value = fields.get(field);
      if (i === this.fields.length - 1) at.set(value, to);
      else {
        const next = (at.get(value) as Known<T> | undefined) ?? new Map();
        at.set(value, next);
        at = next;
      }
    });
  }
}

/** A regex that was too slow and runs in the linear matcher from now on. */
export interface Demotion {
  readonly jail: JailName;
  /** E.g. `failregex 3`, counted from 1. */
  readonly regex: string;
  readonly place: FilePosition;
}

/** What a batch of entries came to. */
export interface JudgeReport {
  /** In the order of the entries, then of the jails. */
  readonly events: readonly FilterEvent[];
  readonly demoted: readonly Demotion[];
}

/** A filter, and the names of its regexes that proved slow: known to all banks that share it. */
interface Compiled {
  readonly filter: CompiledFilter;
  readonly demoted: string[];
}

interface JailFilter {
  readonly jail: JailName;
  readonly filter: CompiledFilter;
  readonly counters: JailCounters;
}

/** One entry for one jail. */
interface Candidate {
  readonly entry: Entry;
  readonly jailFilter: JailFilter;
  /** Those of the regexes that the line can match. */
  readonly marks: number;
  line: Line | undefined;
}

const NOTHING: readonly never[] = [];

export class FilterBank {
  /** What a source has to let through, and which fields it must read for it. */
  readonly gate: Gate;
  readonly #jailFilters: readonly JailFilter[];
  readonly #router: Router<JailFilter>;
  readonly #runner: RegexGuard;
  /** Some filter is multi-line. */
  readonly #windows: boolean;

  readonly #jails: readonly JailIntake[];
  readonly #guard: Guard;

  /**
   * Throws an OperatorError when a filter cannot be compiled. `compiled`: the filters of these
   * jails where they are known, and which of their regexes proved slow.
   */
  constructor(
    jails: readonly JailIntake[],
    guard: Guard,
    compiled: readonly Compiled[] = jails.map((jail) => ({ filter: filterOf(jail), demoted: [] })),
  ) {
    this.#jails = jails;
    this.#guard = guard;
    this.#jailFilters = jails.map(({ jail }, i) => {
      const { filter, demoted } = compiled[i] as Compiled;
      return { jail, filter, counters: { ...newCounters(jail), demoted } };
    });
    this.#router = new Router(
      jails.map(({ match, filter }, i) => ({
        match,
        loggedby: filter.loggedby,
        to: this.#jailFilters[i] as JailFilter,
      })),
    );
    this.#runner = new RegexGuard(guard);
    this.#windows = this.#jailFilters.some(({ filter }) => filter.maxlines > 1);
    const sets = this.#jailFilters.map((jailFilter) => jailFilter.filter.literals);
    const literals = sets.includes(undefined)
      ? undefined
      : [...new Set(sets.flatMap((set) => set ?? []))].sort();
    const fields = [...new Set([...this.#router.fields, ...LINE_FIELDS, '_BOOT_ID'])].sort();
    this.gate = { literals, fields, routes: this.#routes(jails) };
  }

  /**
   * Another bank with the same regexes, compiled once, that knows nothing of what this one has
   * judged. A regex that proves slow in one of them is slow in both.
   */
  twin(): FilterBank {
    const compiled = this.#jailFilters.map(({ filter, counters }) => ({
      filter: filter.twin(),
      demoted: counters.demoted,
    }));
    return new FilterBank(this.#jails, this.#guard, compiled);
  }

  /**
   * Judges entries in the order in which they were read. Never throws, whatever they say, and never
   * takes much longer than the guard allows per regex that proves slow, and per line where one is
   * slow in the linear matcher.
   */
  judge(entries: readonly Entry[]): JudgeReport {
    const [report = { events: NOTHING, demoted: NOTHING }] = this.judgeInParts(entries, Infinity);
    return report;
  }

  /**
   * The same in parts: one ends when so many milliseconds are over. What is done between two of
   * them must leave the bank alone.
   */
  *judgeInParts(
    entries: readonly Entry[],
    milliseconds: number,
  ): Generator<JudgeReport, void, undefined> {
    let events: FilterEvent[] = [];
    let demoted: Demotion[] = [];
    let begun = performance.now();
    const isOver = () => performance.now() - begun >= milliseconds;
    const candidates = this.#admit(entries);
    // A multi-line filter needs the window that its last line left, so its lines cannot be matched
    // ahead.
    let ahead = this.#windows
      ? candidates.filter(({ jailFilter }) => jailFilter.filter.maxlines === 1)
      : candidates;
    let matches: readonly (LineMatch | undefined)[] = NOTHING;
    let next = 0;
    for (const item of candidates) {
      const isAhead = item.jailFilter.filter.maxlines === 1;
      if (isAhead && next === matches.length) {
        ahead = ahead.slice(next);
        matches = this.#match(ahead, demoted, isOver);
        next = 0;
      }
      const match = isAhead ? matches[next++] : this.#match([item], demoted)[0];
      const event = settle(item, match);
      if (event !== undefined) events.push(event);
      if (!isOver()) continue;
      yield { events, demoted };
      [events, demoted, begun] = [[], [], performance.now()];
    }
    yield { events, demoted };
  }

  /** A copy of the counters of every jail. */
  stats(): readonly JailCounters[] {
    return this.#jailFilters.map(({ counters, filter }) =>
      structuredClone({ ...counters, sessions: filter.sessions }),
    );
  }

  /** The literals of all jails of the same match together. */
  #routes(jails: readonly JailIntake[]): readonly GateRoute[] {
    const byMatch = new Map<string, GateRoute>();
    jails.forEach(({ match }, i) => {
      const key = formatMatch(match);
      const [before, own] = [byMatch.get(key), this.#jailFilters[i]?.filter.literals];
      const literals =
        before === undefined ? own : before.literals && own && [...before.literals, ...own];
      byMatch.set(key, { match, literals });
    });
    return [...byMatch.values()];
  }

  #admit(entries: readonly Entry[]): Candidate[] {
    const candidates: Candidate[] = [];
    for (const entry of entries) {
      const jailFilters = this.#router.route(entry);
      for (const { counters } of jailFilters) tick(counters.routed, entry.realtime);
      for (const jailFilter of jailFilters) {
        const marks = jailFilter.filter.marksIn?.(entry.message) ?? ANY_SLOT;
        if (marks === 0) continue;
        tick(jailFilter.counters.gated, entry.realtime);
        candidates.push({ entry, jailFilter, marks: marksOf(entry, marks), line: undefined });
      }
    }
    return candidates;
  }

  #match(
    candidates: readonly Candidate[],
    demoted: Demotion[],
    isOver?: () => boolean,
  ): readonly (LineMatch | undefined)[] {
    if (candidates.length === 0) return NOTHING;
    const task: Task = (n, progress) => {
      const item = candidates[n] as Candidate;
      const before = candidates[n - 1];
      // Jails that want the same entry stand next to one another, and share its line.
      item.line ??= (before?.entry === item.entry ? before.line : undefined) ?? lineOf(item.entry);
      return matchEntry(item.jailFilter.filter, item.entry, item.line, progress, item.marks);
    };
    const run = this.#runner.run(candidates.length, task, isOver);
    for (const slot of run.demoted) {
      const jailFilter = this.#jailFilters.find(({ filter }) => filter.slots.includes(slot));
      if (jailFilter === undefined) continue;
      const regex = slotName(slot);
      jailFilter.counters.demoted.push(regex);
      demoted.push({ jail: jailFilter.jail, regex, place: slot.source.place });
    }
    return run.matches;
  }
}

function filterOf({ jail, filter: definition }: JailIntake): CompiledFilter {
  const { filter, diagnostics } = compileFilter(definition, false);
  if (filter === undefined) {
    const errors = diagnostics.filter(({ level }) => level === 'error').map(formatDiagnostic);
    throw new OperatorError(
      `jail ${jail}: filter ${definition.name} cannot be used\n${errors.join('\n')}`,
      {
        hint: 'correct the filter, or disable the jail',
      },
    );
  }
  return filter;
}

/** A cut may have taken a literal away that a lookahead asks for. */
function marksOf({ cutAt }: Entry, marks: number): number {
  return cutAt === undefined ? marks : ANY_SLOT;
}

/** Applies a match to the memory of its filter and makes the event of it. */
function settle(
  { entry, jailFilter }: Candidate,
  match: LineMatch | undefined,
): FilterEvent | undefined {
  const { counters, filter, jail } = jailFilter;
  const time = entry.realtime;
  if (match === undefined) {
    tick(counters.givenUp, time);
    return undefined;
  }
  if (match.result === 'noprefix') tick(counters.unprefixed, time);
  else tick(counters.prefixed, time);
  if (match.slot === undefined) {
    if (entry.cutAt !== undefined) tick(counters.cut, time);
    if (match.window === undefined) return undefined;
  }
  const verdict = filter.settle(match, { time, boot: entry.fields.get('_BOOT_ID') ?? '' });
  if (verdict.result === 'ignored') tick(counters.ignored, time);
  if (verdict.result !== 'failure' && verdict.result !== 'success') return undefined;
  const identity = identityOf(verdict.facts);
  if (identity.kind === 'name') tick(counters.names, time);
  if (identity.kind === 'not-address') tick(counters.notAnAddress, time);
  if (identity.kind !== 'address') return undefined;
  tick(verdict.result === 'failure' ? counters.failures : counters.successes, time);
  const event: { -readonly [key in keyof FilterEvent]: FilterEvent[key] } = {
    kind: verdict.result,
    jail,
    address: identity.address,
    count: countOf(verdict.facts),
    time,
    cursor: entry.cursor,
    regex: verdict.regex ?? 0,
  };
  // One by one: a spread of each takes several times as long.
  const user = userOf(verdict.facts);
  if (user !== undefined) event.user = user;
  if (entry.host !== undefined) event.host = entry.host;
  if (verdict.result !== 'failure') return event;
  const { cause, digest } = verdict.facts;
  if (cause !== undefined) event.cause = cause;
  if (digest !== undefined) event.digest = digest;
  const session = match.told?.session;
  if (session !== undefined) event.session = session;
  return event;
}
