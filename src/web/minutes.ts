/**
 * Attempts and bans by minute and jail, from the differences of the agent's own counters: however
 * many there are, one look tells of all of them.
 */
import type { AgentView } from '../control/protocol.js';
import type { LiveCounts, LiveMinute } from './api.js';

const MINUTE_MS = 60_000;
/** Minutes that are kept. */
const KEPT = 60;

/** What a jail had counted at the last look. */
interface Seen {
  readonly attempts: number;
  readonly bans: number;
}

export class Minutes {
  /** When the agent that was looked at began: its counters begin anew with it. */
  #since: string | undefined;
  #seen = new Map<string, Seen>();
  /** Counts by jail, by the minute's number. */
  readonly #counts = new Map<number, Map<string, Seen>>();

  /** Takes a look at the agent at a time (ms); true when something happened since the last. */
  note({ since, jails }: Pick<AgentView, 'since' | 'jails'>, at: number): boolean {
    const isFirst = since !== this.#since;
    this.#since = since;
    const minute = this.#minute(at);
    let happened = false;
    const seen = new Map<string, Seen>();
    for (const { jail, totalFailed, totalBanned } of jails) {
      const now = { attempts: totalFailed, bans: totalBanned };
      seen.set(jail, now);
      const before = this.#seen.get(jail);
      if (isFirst || before === undefined) continue;
      // A jail that was started anew counts from zero.
      const attempts = Math.max(0, now.attempts - before.attempts);
      const bans = Math.max(0, now.bans - before.bans);
      if (attempts + bans === 0) continue;
      happened = true;
      const own = minute.get(jail) ?? { attempts: 0, bans: 0 };
      minute.set(jail, { attempts: own.attempts + attempts, bans: own.bans + bans });
    }
    this.#seen = seen;
    return happened;
  }

  /** The minute of a time (ms) as far as it is known. */
  at(time: number): LiveMinute {
    return viewOf(number(time), this.#counts.get(number(time)));
  }

  /** The last hour up to a time (ms), minutes that nobody looked at left out. */
  hour(time: number): readonly LiveMinute[] {
    const oldest = number(time) - KEPT;
    return [...this.#counts]
      .filter(([minute]) => minute > oldest)
      .map(([minute, counts]) => viewOf(minute, counts));
  }

  #minute(at: number): Map<string, Seen> {
    const key = number(at);
    const minute = this.#counts.get(key) ?? new Map<string, Seen>();
    this.#counts.set(key, minute);
    for (const old of this.#counts.keys()) if (old <= key - KEPT) this.#counts.delete(old);
    return minute;
  }
}

function number(time: number): number {
  return Math.floor(time / MINUTE_MS);
}

function viewOf(minute: number, counts: ReadonlyMap<string, LiveCounts> | undefined): LiveMinute {
  return {
    time: new Date(minute * MINUTE_MS).toISOString(),
    jails: Object.fromEntries(counts ?? []),
  };
}
