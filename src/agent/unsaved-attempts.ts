/**
 * What each source's entries after its last position came to: attempts, alarms, counts. It is
 * written with the next position, since what is read again after a crash must be weighed and
 * counted once.
 */
import type { WeighedAttempt } from '../core/decision.js';
import type { SourceId } from '../core/names.js';
import type { EpochMicros } from '../core/time.js';
import type { JailAlarm, Judgement } from '../jail/judgement.js';
import { type AlarmInsert, HourlyTally } from '../ledger/hourly.js';
import type { Commit } from '../ledger/ledger.js';

interface OfSource {
  readonly attempts: WeighedAttempt[];
  readonly alarms: AlarmInsert[];
  readonly tally: HourlyTally;
}

export class UnsavedAttempts {
  readonly #sources = new Map<SourceId | undefined, OfSource>();

  /** Attempts to be written with the next position of the source. */
  remember(attempts: readonly WeighedAttempt[], source: SourceId): void {
    if (attempts.length === 0) return;
    const own = this.#of(source).attempts;
    for (const attempt of attempts) own.push(attempt);
  }

  /** Counts what became of events; of those that no source told, with the next position of any. */
  count(
    { outcomes, alarms }: Pick<Judgement, 'outcomes' | 'alarms'>,
    source: SourceId | undefined,
    now: EpochMicros,
  ): void {
    if (outcomes.length === 0) return;
    const own = this.#of(source);
    for (const { kind, event } of outcomes) {
      if (kind === 'unknown') continue;
      const counter = kind === 'success' ? 'login' : kind === 'ignored' ? 'ignored' : 'attempt';
      own.tally.add(counter, event.jail, event.count, event.time, now);
    }
    for (const alarm of alarms) own.alarms.push(insertOf(alarm));
  }

  /** What goes into the ledger with a position of the source. */
  take(source: SourceId): Required<Pick<Commit, 'attempts' | 'alarms' | 'hourly'>> {
    const both = [this.#of(source), this.#of(undefined)];
    this.#sources.delete(source);
    this.#sources.delete(undefined);
    return {
      attempts: both.flatMap(({ attempts }) => attempts),
      alarms: both.flatMap(({ alarms }) => alarms),
      hourly: both.flatMap(({ tally }) => tally.take()),
    };
  }

  #of(source: SourceId | undefined): OfSource {
    const known = this.#sources.get(source);
    if (known !== undefined) return known;
    const own: OfSource = { attempts: [], alarms: [], tally: new HourlyTally() };
    this.#sources.set(source, own);
    return own;
  }
}

function insertOf({ jail, alarm: { kind, user, count }, event }: JailAlarm): AlarmInsert {
  return { jail, kind, user, count, address: event.address.text, time: event.time };
}
