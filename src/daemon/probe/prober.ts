/**
 * Has the journal probed once a minute, unless nothing was written since and all was well; remembers for an hour what
 * was found, and says it once.
 */

import { journalStamp, localDirectories } from '../../../native/files.js';
import { inBackground } from '../../core/background.js';
import type { SourceSpec } from '../../core/entry.js';
import { PROBE_RENEWAL_LOOKS_MAX } from '../../core/limits.js';
import type { Log } from '../../core/log.js';
import type { JailName, SourceId } from '../../core/names.js';
import { type EpochMicros, plus, wallClock } from '../../core/time.js';
import { type AgentSetup, bySource } from '../configuration/setup.js';
import type { Reader } from '../reader.js';
import { DeafnessRecord } from './deafness.js';
import type { ProbePlan } from './probe.js';
import { type ProbeAnswer, probeInThread } from './probe-thread.js';

/** First look, ms after the start: the readers are busy with the past until then. */
const FIRST_MS = 3_000;
const EVERY_MS = 60_000;
/** After a look that finds a reader behind, ms: is it slow, or does it not see what is there? */
const BEHIND_MS = 5_000;
/** How far back the first look goes, seconds. */
const FIRST_SECONDS = 3_600;
/** Each look begins so long before the last one, seconds: entries may reach the disk a little late. */
const OVERLAP_SECONDS = 5;

/** Journals of this host; what others send here comes late, and files have no match. */
const PROBED: ReadonlySet<SourceSpec['kind']> = new Set(['local', 'directory', 'container']);

export interface ProberParts {
  readonly setup: () => AgentSetup;
  readonly readers: () => readonly Pick<Reader, 'id' | 'phase' | 'stats' | 'renew'>[];
  readonly log: Log;
  /** Called when a thread is left behind: each takes memory, and one a minute would take all of it. */
  readonly failed: (error: Error) => void;
  /** Carries out a probe; in a thread unless a test does it. */
  readonly run?: (plan: ProbePlan) => Promise<ProbeAnswer>;
  readonly now?: () => EpochMicros;
  /** Another text whenever something was written to the sources; undefined when that cannot be told. */
  readonly stamp?: (sources: readonly SourceSpec[]) => string | undefined;
}

export class Prober {
  readonly #parts: ProberParts;
  readonly #run: (plan: ProbePlan) => Promise<ProbeAnswer>;
  readonly #now: () => EpochMicros;
  readonly #record = new DeafnessRecord();
  #timer: NodeJS.Timeout | undefined;
  #since: EpochMicros | undefined;
  #lag = new Map<SourceId, number | null>();
  /** Readers that were behind at the last look, where they stood, and what was done about it. */
  readonly #behind = new Map<SourceId, { at: EpochMicros | undefined; renewals: number; looks: number }>();
  #selects = new Map<JailName, boolean>();
  #said: readonly string[] = [];
  /** Before the last look: what was written, and what was to be read. */
  #stamp: string | undefined;
  #looked: AgentSetup | undefined;

  constructor(parts: ProberParts) {
    this.#parts = parts;
    this.#run =
      parts.run ??
      ((plan) => probeInThread(plan, () => parts.failed(new Error("the probe's thread does not end: starting anew"))));
    this.#now = parts.now ?? (() => wallClock.now());
  }

  start(): void {
    this.#timer = setTimeout(() => inBackground(this.#turn()), FIRST_MS);
    this.#timer.unref();
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

  /** A look, unless it could only find what the last one found: a thread and a handle cost more than all else does. */
  async lookIfNew(): Promise<void> {
    const setup = this.#parts.setup();
    const sources = [...bySource(setup.jails).values()].map(({ source }) => source);
    const stamp = (this.#parts.stamp ?? stampOf)(sources.filter(({ kind }) => PROBED.has(kind)));
    if (stamp !== undefined && stamp === this.#stamp && setup === this.#looked && this.#said.length === 0) return;
    await this.look();
    this.#stamp = stamp;
    this.#looked = setup;
  }

  /** One look; what is new is logged. */
  async look(): Promise<void> {
    const now = this.#now();
    const plan = planOf(this.#parts.setup(), this.#parts.readers(), this.#since ?? plus(now, -FIRST_SECONDS), now);
    const { report, isVolatile } = await this.#run(plan);
    this.#since = plus(now, -OVERLAP_SECONDS);
    for (const source of report) {
      this.#lag.set(source.id, source.lagEntries);
      const lastEntry = plan.sources.find(({ id }) => id === source.id)?.lastEntry;
      this.#overlook(source.id, source.lagEntries ?? 0, lastEntry);
      for (const { jail, selects } of source.jails) this.#selects.set(jail, selects);
    }
    this.#record.take(report, isVolatile, now);
    const warnings = this.warnings();
    for (const warning of warnings) if (!this.#said.includes(warning)) this.#parts.log('warning', warning);
    for (const old of this.#said) if (!warnings.includes(old)) this.#parts.log('info', `no longer: ${old}`);
    this.#said = warnings;
  }

  /** Has a reader renewed that is behind and did not move since the last look. */
  #overlook(id: SourceId, lag: number, lastEntry: EpochMicros | undefined): void {
    const known = this.#behind.get(id);
    if (lag === 0) this.#behind.delete(id);
    else if (known?.at !== lastEntry || known === undefined)
      this.#behind.set(id, { at: lastEntry, renewals: 0, looks: 0 });
    else if (--known.looks <= 0) {
      known.looks = Math.min(PROBE_RENEWAL_LOOKS_MAX, 2 ** ++known.renewals);
      this.#parts.log('warning', `${id}: entries are there that the reader does not see: it opens the journal anew`);
      inBackground(
        this.#parts
          .readers()
          .find((reader) => reader.id === id)
          ?.renew() ?? Promise.resolve(),
      );
    }
  }

  async #turn(): Promise<void> {
    try {
      await this.lookIfNew();
    } catch (error) {
      this.#parts.log('warning', `the journal could not be probed: ${error instanceof Error ? error.message : error}`);
    }
    if (this.#timer === undefined) return;
    const isNew = [...this.#behind.values()].some(({ renewals }) => renewals === 0);
    this.#timer = setTimeout(() => inBackground(this.#turn()), isNew ? BEHIND_MS : EVERY_MS);
    this.#timer.unref();
  }
}

function planOf(
  setup: AgentSetup,
  readers: readonly Pick<Reader, 'id' | 'phase' | 'stats'>[],
  since: EpochMicros,
  now: EpochMicros,
): ProbePlan {
  const sources = [...bySource(setup.jails)].flatMap(([id, { source, jails }]) => {
    if (!PROBED.has(source.kind)) return [];
    const reader = readers.find((one) => one.id === id);
    // Its reader says that it cannot be read; the look at the others must not fail for it.
    if (reader?.phase === 'waiting') return [];
    const lastEntry = reader?.phase === 'live' ? reader.stats?.lastEntry : undefined;
    return [{ id, source, jails, ...(lastEntry === undefined ? {} : { lastEntry }) }];
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
