/**
 * Has the journal probed once a minute, remembers for an hour what was found, and puts it into
 * words.
 */

import { journalStamp, localDirectories } from '../../../native/journal-files.js';
import { inBackground } from '../../core/background.js';
import { isOrdinaryUser, type SourceSpec } from '../../core/entry.js';
import { COVERAGE_REMEMBERED_MAX, PROBE_RENEWAL_LOOKS_MAX } from '../../core/limits.js';
import type { Log } from '../../core/log.js';
import { formatMatch } from '../../core/match.js';
import type { Cursor, JailName, SourceId } from '../../core/names.js';
import { WARNINGS_MAX } from '../../core/service-limits.js';
import { escapeUntrusted } from '../../core/text.js';
import { type EpochMicros, earlierOf, plus, secondsBetween, wallClock } from '../../core/time.js';
import { PROBE_FIRST_MS_MAX } from '../../core/timeouts.js';
import { type AgentSetup, bySource } from '../../setup/setup.js';
import type { SourceIntake } from '../intake/source-intake.js';
import type { EntryOrigin, ProbePlan, ProbeReport } from './probe.js';
import { type ProbeAnswer, probeInThread } from './thread.js';

/** What is not seen again for so long is over, seconds. */
const MEMORY_SECONDS = 3_600;
/** Units in which users run what they like: a match that names one lets them ban whom they like. */
const USERS_UNIT =
  /^(?:session-.*\.scope|user(?:@|-).*|run-.*\.scope|(?:cron|crond|atd)\.service)$/;
/** Longest name of a unit or identifier that is shown. */
const NAME_CHARS = 80;

interface Elsewhere extends EntryOrigin {
  readonly jail: string;
  failures: boolean;
  seen: EpochMicros;
}

export class CoverageReport {
  readonly #elsewhere = new Map<string, Elsewhere>();
  readonly #suppressed = new Map<string, { unit: string; seen: EpochMicros }>();
  readonly #problems = new Map<string, string>();
  readonly #silent = new Set<string>();
  readonly #behind = new Set<string>();
  #isVolatile = false;

  take(report: ProbeReport, isVolatile: boolean, now: EpochMicros): void {
    this.#isVolatile = isVolatile;
    this.#problems.clear();
    this.#silent.clear();
    this.#behind.clear();
    for (const { id, jails, suppressed, problem, lagEntries } of report) {
      if (problem !== undefined) this.#problems.set(id, problem);
      if (lagEntries !== null && lagEntries > 0) this.#behind.add(id);
      for (const { jail, selects, elsewhere } of jails) {
        if (!selects) this.#silent.add(jail);
        for (const { unit, identifier, uid, failures } of elsewhere) {
          const key = `${jail}\0${unit}\0${identifier}\0${uid}`;
          const known = this.#elsewhere.get(key);
          if (known === undefined && this.#elsewhere.size >= COVERAGE_REMEMBERED_MAX) continue;
          this.#elsewhere.set(key, {
            jail,
            unit,
            identifier,
            ...(uid !== undefined && { uid }),
            failures: failures > 0 || known?.failures === true,
            seen: now,
          });
        }
      }
      for (const { unit } of suppressed)
        if (this.#suppressed.has(unit) || this.#suppressed.size < COVERAGE_REMEMBERED_MAX)
          this.#suppressed.set(unit, { unit, seen: now });
    }
  }

  /** The sentences, most pressing first; stable while nothing changes. */
  warnings(setup: AgentSetup, now: EpochMicros): readonly string[] {
    forgetOld(this.#elsewhere, now);
    forgetOld(this.#suppressed, now);
    return [
      ...[...this.#problems].map(
        ([id, problem]) => `${id}: the journal could not be probed: ${escapeUntrusted(problem)}`,
      ),
      ...[...this.#behind].map(
        (id) => `${id}: entries wait to be read; bans come late until the reader has caught up`,
      ),
      ...setup.jails.flatMap(({ intake }) => this.#ofJail(intake.jail, formatMatch(intake.match))),
      ...this.#ofUnits(setup),
      ...(this.#isVolatile
        ? [
            'the journal is volatile: failures before a boot are forgotten (bans are not); mkdir -p /var/log/journal && journalctl --flush',
          ]
        : []),
    ].slice(0, WARNINGS_MAX);
  }

  #ofJail(jail: string, match: string): string[] {
    const silent = this.#silent.has(jail);
    return [...this.#elsewhere.values()]
      .filter((one) => one.jail === jail && (one.failures || silent))
      .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
      .map((one) => {
        if (isOrdinaryUser(one.uid))
          return `${jail}: user ${shown(one.uid ?? '')} imitates ${imitated(one)}, in ${placeOf(one)}: lines of failures, which do not count`;
        const what = one.failures
          ? 'logs failures that no jail reads'
          : 'logs, and no jail reads it';
        const own = silent ? `, while the match (${match}) selects nothing at all` : '';
        return `${jail}: ${nameOf(one)} ${what}${own}; ${remedyOf(one)}`;
      });
  }

  /** journald drops what a unit logs too fast (journald.conf(5), RateLimitIntervalSec=). */
  #ofUnits(setup: AgentSetup): string[] {
    const watched = new Set(
      setup.jails.flatMap(({ intake }) =>
        intake.match.groups.flatMap((group) => group.get('_SYSTEMD_UNIT') ?? []),
      ),
    );
    return [...this.#suppressed.values()]
      .filter(({ unit }) => watched.has(unit))
      .map(
        ({ unit }) =>
          `journald suppressed messages of ${shown(unit)} within the last hour, attacks perhaps among them; systemctl edit ${shown(unit)} and write [Service] LogRateLimitIntervalSec=0`,
      );
  }
}

/** Forgets what was not seen for an hour; a clock that was put back lets it last no longer. */
function forgetOld(found: Map<string, { seen: EpochMicros }>, now: EpochMicros): void {
  for (const [key, one] of found) {
    one.seen = earlierOf(one.seen, now);
    if (secondsBetween(one.seen, now) > MEMORY_SECONDS) found.delete(key);
  }
}

/**
 * Never a term by which an ordinary user's entries could be selected: they choose their identifier,
 * and run in sessions.
 */
function remedyOf({ unit, identifier, uid }: EntryOrigin): string {
  const add = (term: string) => `if it belongs to this jail, add ${term} to its match`;
  if (USERS_UNIT.test(unit)) return 'users run what they like there, so it is not to be trusted';
  if (unit !== '') return add(`"${shown(`_SYSTEMD_UNIT=${unit}`)}"`);
  if (uid === undefined || identifier === '')
    return 'anybody can choose that name, so it is not to be trusted';
  return add(`"+ ${shown(`SYSLOG_IDENTIFIER=${identifier}`)} _UID=${shown(uid)}"`);
}

/** What the lines pretend to be of: `smtpd` of `postfix/smtpd`. */
function imitated({ unit, identifier }: EntryOrigin): string {
  const daemon = identifier.slice(identifier.lastIndexOf('/') + 1);
  return shown(daemon === '' ? unit : daemon);
}

function placeOf({ unit }: EntryOrigin): string {
  return unit === '' ? 'no unit' : shown(unit);
}

function nameOf({ unit, identifier }: EntryOrigin): string {
  if (unit === '') return `the identifier ${shown(identifier)}`;
  return identifier === '' ? shown(unit) : `${shown(unit)} (${shown(identifier)})`;
}

function shown(text: string): string {
  return escapeUntrusted(text, NAME_CHARS);
}

/** First look, ms after the start, and pause before it is tried again while readers are busy. */
const FIRST_MS = 3_000;
const EVERY_MS = 60_000;
/** After a look that finds a reader behind, ms: is it slow, or does it not see what is there? */
const BEHIND_MS = 5_000;
/** How far back the first look goes, seconds. */
const FIRST_SECONDS = 3_600;
/**
 * Each look begins so long before the last one, seconds: entries may reach the disk a little late.
 */
const OVERLAP_SECONDS = 5;

/** What a reader does while stored entries of its source are still to be judged. */
const BUSY: ReadonlySet<SourceIntake['phase']> = new Set(['opening', 'warm-up', 'catch-up']);

/** Journals of this host; what others send here comes late, and files have no match. */
const PROBED: ReadonlySet<SourceSpec['kind']> = new Set(['local', 'directory', 'container']);

export interface CoverageCheckDeps {
  readonly setup: () => AgentSetup;
  readonly readers: () => readonly Pick<SourceIntake, 'id' | 'phase' | 'stats' | 'renew'>[];
  readonly log: Log;
  /**
   * Called when a thread is left behind: each takes memory, and one a minute would take all of it.
   */
  readonly failed: (error: Error) => void;
  /** Carries out a probe; in a thread unless a test does it. */
  readonly run?: (plan: ProbePlan) => Promise<ProbeAnswer>;
  readonly now?: () => EpochMicros;
  /**
   * Another text whenever something was written to the sources; undefined when that cannot be told.
   */
  readonly stamp?: (sources: readonly SourceSpec[]) => string | undefined;
}

export class CoverageCheck {
  readonly #parts: CoverageCheckDeps;
  readonly #run: (plan: ProbePlan) => Promise<ProbeAnswer>;
  readonly #now: () => EpochMicros;
  readonly #record = new CoverageReport();
  #timer: NodeJS.Timeout | undefined;
  /** The first look is taken by then (`performance.now`), whoever is busy. */
  #firstBy = 0;
  /** When the last look was, by the wall and by a clock that nobody puts back, ms. */
  #last: { readonly now: EpochMicros; readonly looked: number } | undefined;
  #lag = new Map<SourceId, number | null>();
  /** Readers that were behind at the last look, where they stood, and what was done about it. */
  readonly #behind = new Map<
    SourceId,
    { at: Cursor | undefined; renewals: number; looks: number }
  >();
  #selects = new Map<JailName, boolean>();
  #said: readonly string[] = [];
  /** Before the last look: what was written, and what was to be read. */
  #stamp: string | undefined;
  #looked: AgentSetup | undefined;

  constructor(parts: CoverageCheckDeps) {
    this.#parts = parts;
    this.#run =
      parts.run ??
      ((plan) =>
        probeInThread(plan, () =>
          parts.failed(new Error("the probe's thread does not end: starting anew")),
        ));
    this.#now = parts.now ?? (() => wallClock.now());
  }

  start(): void {
    this.#firstBy = performance.now() + PROBE_FIRST_MS_MAX;
    this.#turnIn(FIRST_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Entries that waited for the reader at the last look; null before it. */
  lagOf(source: SourceId): number | null {
    return this.#lag.get(source) ?? null;
  }

  /** Whether the jail's match selected any entry at the last look; undefined before it. */
  selects(jail: JailName): boolean | undefined {
    return this.#selects.get(jail);
  }

  /** What keeps jails from seeing their attackers, one sentence each. */
  warnings(): readonly string[] {
    return this.#record.warnings(this.#parts.setup(), this.#now());
  }

  /**
   * A look, unless it could only find what the last one found: a thread and a handle cost more than
   * all else does.
   */
  async lookIfNew(): Promise<void> {
    const setup = this.#parts.setup();
    const sources = [...bySource(setup.jails).values()].map(({ source }) => source);
    const stamp = (this.#parts.stamp ?? stampOf)(sources.filter(({ kind }) => PROBED.has(kind)));
    if (
      stamp !== undefined &&
      stamp === this.#stamp &&
      setup === this.#looked &&
      this.#said.length === 0
    )
      return;
    await this.look();
    this.#stamp = stamp;
    this.#looked = setup;
  }

  /** One look; what is new is logged. */
  async look(): Promise<void> {
    const now = this.#now();
    const looked = performance.now();
    const plan = planOf(this.#parts.setup(), this.#parts.readers(), this.#sinceLast(now), now);
    const { report, isVolatile } = await this.#run(plan);
    this.#last = { now, looked };
    for (const source of report) {
      this.#lag.set(source.id, source.lagEntries);
      const position = plan.sources.find(({ id }) => id === source.id)?.position;
      this.#overlook(source.id, source.lagEntries ?? 0, position?.cursor);
      for (const { jail, selects } of source.jails) this.#selects.set(jail, selects);
    }
    this.#record.take(report, isVolatile, now);
    const warnings = this.warnings();
    for (const warning of warnings)
      if (!this.#said.includes(warning)) this.#parts.log('warning', warning);
    for (const old of this.#said)
      if (!warnings.includes(old)) this.#parts.log('info', `no longer: ${old}`);
    this.#said = warnings;
  }

  /**
   * The first time that an entry since the last look can have. A clock that was put back gives new
   * entries times before that look.
   */
  #sinceLast(now: EpochMicros): EpochMicros {
    if (this.#last === undefined) return plus(now, -FIRST_SECONDS);
    const elapsed = (performance.now() - this.#last.looked) / 1_000;
    return plus(earlierOf(this.#last.now, plus(now, -elapsed)), -OVERLAP_SECONDS);
  }

  /** Has a reader renewed that is behind and did not move since the last look. */
  #overlook(id: SourceId, lag: number, at: Cursor | undefined): void {
    const known = this.#behind.get(id);
    if (lag === 0) this.#behind.delete(id);
    else if (known?.at !== at || known === undefined)
      this.#behind.set(id, { at, renewals: 0, looks: 0 });
    else if (--known.looks <= 0) {
      known.looks = Math.min(PROBE_RENEWAL_LOOKS_MAX, 2 ** ++known.renewals);
      this.#parts.log(
        'warning',
        `${id}: entries are there that the reader does not see: it opens the journal anew`,
      );
      inBackground(
        this.#parts
          .readers()
          .find((reader) => reader.id === id)
          ?.renew() ?? Promise.resolve(),
      );
    }
  }

  #turnIn(milliseconds: number): void {
    this.#timer = setTimeout(() => inBackground(this.#turn()), milliseconds);
    this.#timer.unref();
  }

  /** Some reader is busy with the past, and a look would take the processor from it. */
  get #isTooSoon(): boolean {
    const isBusy = this.#parts.readers().some(({ phase }) => BUSY.has(phase));
    return isBusy && this.#last === undefined && performance.now() < this.#firstBy;
  }

  async #turn(): Promise<void> {
    if (this.#isTooSoon) return this.#turnIn(FIRST_MS);
    try {
      await this.lookIfNew();
    } catch (error) {
      this.#parts.log(
        'warning',
        `the journal could not be probed: ${error instanceof Error ? error.message : error}`,
      );
    }
    if (this.#timer === undefined) return;
    const isNew = [...this.#behind.values()].some(({ renewals }) => renewals === 0);
    this.#turnIn(isNew ? BEHIND_MS : EVERY_MS);
  }
}

function planOf(
  setup: AgentSetup,
  readers: readonly Pick<SourceIntake, 'id' | 'phase' | 'stats'>[],
  since: EpochMicros,
  now: EpochMicros,
): ProbePlan {
  const sources = [...bySource(setup.jails)].flatMap(([id, { source, jails }]) => {
    if (!PROBED.has(source.kind)) return [];
    const reader = readers.find((one) => one.id === id);
    // Its reader says that it cannot be read; the look at the others must not fail for it.
    if (reader?.phase === 'waiting') return [];
    const position = reader?.phase === 'live' ? reader.stats?.position : undefined;
    return [{ id, source, jails, ...(position === undefined ? {} : { position }) }];
  });
  return { sources, since, now };
}

function stampOf(sources: readonly SourceSpec[]): string | undefined {
  const directories: string[] = [];
  for (const source of sources) {
    if (source.kind === 'local') directories.push(...localDirectories(source.namespace));
    else if (source.kind === 'directory') directories.push(source.path);
    else return undefined;
  }
  return journalStamp(directories);
}
