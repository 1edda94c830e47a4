/**
 * All readers of the agent: one per source, started at the stored positions, swapped at a reload.
 */
import { isDeepStrictEqual } from 'node:util';
import { BATCH_READER_FIX, withoutBatchReader } from '../../../native/batch-library.js';
import { type Log, silentLog } from '../../core/log.js';
import type { JailName, SourceId } from '../../core/names.js';
import { epochMicros, isoTime, plus, type Seconds, seconds, wallClock } from '../../core/time.js';
import { AHEAD_SECONDS_MAX, WARMUP_SECONDS_MIN } from '../../core/timeouts.js';
import type { Jails } from '../../jail/jails.js';
import type { AllowContext } from '../../jail/judgement.js';
import type { Ledger } from '../../ledger/ledger.js';
import {
  type AgentSetup,
  bySource,
  creditOf,
  type JailSetup,
  longestFindtime,
  type SourceGroup,
} from '../../setup/setup.js';
import { neverPrefixed, unreadable } from '../control-views.js';
import { PastLearner } from '../learning/learner.js';
import type { Pipeline } from '../pipeline.js';
import { FloorTeller } from './floors.js';
import type { IntakeStart } from './protocol.js';
import { SourceIntake } from './source-intake.js';

/** A reader that does not end in time is terminated, ms. */
const STOP_MS = 3_000;

export interface IntakeSupervisorDeps {
  readonly jails: Jails;
  readonly ledger: Ledger;
  readonly pipeline: Pipeline;
  readonly allow: AllowContext;
  readonly log: Log;
  /** Called when a source cannot be read any more, or a thread is left behind. */
  readonly failed: (error: Error) => void;
}

export class IntakeSupervisor {
  readonly #parts: IntakeSupervisorDeps;
  /** Stored entries take their time: something else is more urgent. */
  givesWay = false;
  #readers: readonly SourceIntake[] = [];
  /** Sources that this agent has been started or reloaded with. */
  readonly #accepted = new Set<SourceId>();
  readonly #learner: PastLearner;
  readonly #floors: FloorTeller;

  constructor(parts: IntakeSupervisorDeps) {
    this.#parts = parts;
    this.#learner = new PastLearner(parts);
    this.#floors = new FloorTeller(parts);
  }

  get all(): readonly SourceIntake[] {
    return this.#readers;
  }

  /**
   * Starts all; resolves when every source is open, or is known to be one that has to wait, and the
   * jails know the past. Who is excused, and whom jails that count bans have seen, they know before
   * the first message of the threads, which nothing but a later turn of this thread takes. What is
   * settled is told piece by piece: stored entries wait for all of it, the newest only for what
   * concerns them.
   */
  async start(setup: AgentSetup): Promise<void> {
    const { jails, ledger } = this.#parts;
    const resumes = [...bySource(setup.jails).keys()].every(
      (id) => ledger.position(id) !== undefined,
    );
    const told = this.#tellFloors(setup, jails.names, resumes);
    this.#readers = [...bySource(setup.jails)].map(([id, group]) =>
      this.#make(id, group, readBackOf(setup), false, told),
    );
    this.#recall(setup, jails.names);
    const past = this.#learner.plan(setup);
    for (const { id } of this.#readers) this.#accepted.add(id);
    for (const warning of this.#slowly()) this.#parts.log('warning', warning);
    await Promise.all([told, this.#open(this.#readers)]);
    this.#learner.start(past);
  }

  /** A source that was accepted before may be away for a while; one that is new must be there. */
  async #open(readers: readonly SourceIntake[]): Promise<void> {
    await Promise.all(
      readers.map((reader) =>
        reader.opened.catch((error: unknown) => {
          if (reader.phase !== 'waiting' || !this.#accepted.has(reader.id)) throw error;
        }),
      ),
    );
    for (const { id } of readers) this.#accepted.add(id);
  }

  /**
   * Takes a new setup. Readers whose jails stay as they are go on; the others make way for new
   * ones, which warm their jails up anew. `cold`: jails whose windows hold too little for their new
   * policy.
   */
  async swap(setup: AgentSetup, cold: ReadonlySet<JailName>): Promise<void> {
    const groups = bySource(setup.jails);
    const goesOn = (reader: SourceIntake) => {
      const group = groups.get(reader.id);
      return (
        group !== undefined &&
        isDeepStrictEqual(group.jails, reader.jails) &&
        isDeepStrictEqual(group.source, reader.source) &&
        !group.jails.some(({ jail }) => cold.has(jail))
      );
    };
    const kept = this.#readers.filter(goesOn);
    const gone = this.#readers.filter((reader) => !kept.includes(reader));
    this.#readers = kept;
    const ends = await Promise.all(gone.map((reader) => reader.stop(STOP_MS)));
    for (const { id } of gone) this.#parts.pipeline.leave(id);
    await this.#tellFloors(setup, [...cold], true);
    this.#recall(setup, [...cold]);
    const past = this.#learner.plan(setup);
    const present = new Set(kept.map(({ id }) => id));
    const fresh = [...groups]
      .filter(([id]) => !present.has(id))
      .map(([id, group]) => this.#make(id, group, readBackOf(setup), true));
    this.#readers = [...kept, ...fresh];
    await this.#open(fresh);
    this.#learner.start(past);
    // The new setup is in force; a process without what was left behind is better all the same.
    if (ends.includes(false))
      this.#parts.failed(new Error("a reader's thread does not end: starting anew"));
  }

  /**
   * One sentence for each source that cannot be read, for each jail none of whose entries passes
   * its prefregex, and one where journals are read without the compiled reader.
   */
  warnings(): readonly string[] {
    return [
      ...this.#slowly(),
      ...this.#readers.flatMap(({ id, problem }) =>
        problem === undefined ? [] : [unreadable(id, problem)],
      ),
      ...this.#readers.flatMap(({ stats }) => (stats?.jails ?? []).flatMap(neverPrefixed)),
    ];
  }

  /** What journals are read without; nothing where none is read. */
  #slowly(): readonly string[] {
    const isRead = this.#readers.some(
      ({ source: { kind } }) => kind !== 'text' && kind !== 'export',
    );
    const without = isRead ? withoutBatchReader() : undefined;
    return without === undefined ? [] : [`${without} (${BATCH_READER_FIX})`];
  }

  /** True when every reader answers within `milliseconds`; a quiet journal is progress. */
  async alive(milliseconds: number): Promise<boolean> {
    const answers = await Promise.all(this.#readers.map((reader) => reader.ping(milliseconds)));
    return answers.every(Boolean);
  }

  async stop(): Promise<void> {
    const ends = this.#readers.map((reader) => reader.stop(STOP_MS));
    await Promise.all([this.#learner.stop(STOP_MS), ...ends]);
  }

  /**
   * Tells jails which failures are settled. `resumes`: every source goes on where it was, so that
   * nothing older than the windows is read.
   */
  #tellFloors(setup: AgentSetup, names: readonly JailName[], resumes: boolean): Promise<void> {
    if (names.length === 0) return Promise.resolve();
    const since = resumes ? plus(wallClock.now(), -lookBackOf(setup.jails)) : epochMicros(0);
    return this.#floors.tell(since, new Set(names));
  }

  /**
   * Tells jails what else the ledger knows of the past: to those that weigh what they had weighed,
   * to those that count bans the bans.
   */
  #recall(setup: AgentSetup, names: readonly JailName[]): void {
    if (names.length === 0) return;
    const { jails, ledger, allow, pipeline } = this.#parts;
    const weighing = setup.jails.filter(
      ({ policy }) => policy.counts === 'evidence' && names.includes(policy.jail),
    );
    if (weighing.length > 0) {
      const past = plus(wallClock.now(), -creditOf(weighing));
      jails.recall(
        chained(ledger.attempts.since(past), pipeline.unsavedAttempts),
        ledger.history.pardons(past),
        new Set(weighing.map(({ policy }) => policy.jail)),
      );
    }
    const counters = setup.jails.filter(
      ({ policy }) => policy.counts === 'bans' && names.includes(policy.jail),
    );
    for (const { policy } of counters) {
      jails.reset(policy.jail);
      const past = plus(wallClock.now(), -lookBackOf([{ policy }]));
      for (const ban of ledger.history.newBans(past)) jails.observeBan(ban, allow, policy.jail);
    }
  }

  /** `again`: the windows hold something already, which is read anew and must not count twice. */
  #make(
    id: SourceId,
    group: SourceGroup,
    lookBack: Seconds,
    again: boolean,
    told?: Promise<void>,
  ): SourceIntake {
    const { jails, pipeline, log, failed } = this.#parts;
    let reset = again;
    let isTold = false;
    const start = () => {
      if (reset) for (const { jail } of group.jails) jails.reset(jail);
      reset = true;
      const begin = this.#startOf(id, lookBack, isTold ? silentLog : this.#parts.log);
      isTold = true;
      return begin;
    };
    const reader = new SourceIntake(
      {
        id,
        source: group.source,
        jails: group.jails,
        start,
        givesWay: () => this.givesWay,
        ...(told === undefined ? {} : { told }),
        tellOf: (events) => this.#floors.tellOf(events),
      },
      pipeline,
      log,
    );
    reader.failure.catch((error: Error) => {
      // The failure of a reader that was replaced does not concern the agent.
      if (this.#readers.includes(reader)) failed(error);
    });
    return reader;
  }

  #startOf(id: SourceId, lookBack: Seconds, log: Log): IntakeStart {
    const mark = this.#parts.ledger.position(id);
    if (mark === undefined) return { kind: 'fresh', lookBack, now: wallClock.now() };
    const now = wallClock.now();
    if (mark.time <= plus(now, AHEAD_SECONDS_MAX)) {
      log('info', `${id}: resuming at ${isoTime(mark.time)}`);
      return { kind: 'resume', mark, lookBack };
    }
    // Where its entry is still there, what was read is known by its place; where it is gone,
    // nothing of what is there was read, whatever its time.
    const time = plus(now, -lookBack);
    log(
      'warning',
      `${id}: the stored position is dated ahead, ${isoTime(mark.time)}: the clock was wrong when it was written; resuming at ${isoTime(time)} unless its entry is still there`,
    );
    return { kind: 'resume', mark: { cursor: mark.cursor, time }, lookBack };
  }
}

function* chained<T>(...parts: readonly Iterable<T>[]): IterableIterator<T> {
  for (const part of parts) yield* part;
}

/** Entries a little older than findtime matter too: they arrive out of order, and clocks step. */
export function lookBackOf(jails: readonly Pick<JailSetup, 'policy'>[]): Seconds {
  return seconds(WARMUP_SECONDS_MIN + longestFindtime(jails));
}

/**
 * The same of the jails that read entries: those that count bans find their long past in the
 * ledger.
 */
function readBackOf({ jails }: AgentSetup): Seconds {
  return lookBackOf(jails.filter(({ source }) => source !== undefined));
}
