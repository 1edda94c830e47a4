/**
 * Users whose password their directory could not look at, by a line of its PAM module
 * (`<F-UNCHECKED>`). What the daemon says of the same attempt is no failure: a right password was
 * refused as well. Such a line excuses one attempt, at exactly that user, so nobody hides a guess
 * at another one behind it, and no more guesses than the directory left unanswered.
 */
import { UNCHECKED_MAX } from '../core/limits.js';
import { type EpochMicros, MICROS_PER_SECOND } from '../core/time.js';
import { TALLY_WAIT_SECONDS, UNCHECKED_OUTAGE_SECONDS } from '../core/timeouts.js';
import { userName } from './tally-table.js';

/** One attempt that nobody looked at. */
interface Unanswered {
  readonly user: string;
  readonly boot: string;
  readonly time: EpochMicros;
}

/** What one jail's directory could not answer lately. */
export class Unchecked {
  /** Oldest first. */
  #attempts: Unanswered[] = [];
  #last: EpochMicros | undefined;

  /** The directory said that it cannot look at the password of this user. */
  note(user: string | undefined, boot: string, time: EpochMicros): void {
    const name = userName(user).full;
    if (name === '') return;
    this.#last = time;
    this.#attempts = this.#attempts.filter((attempt) => isSoon(attempt.time, time));
    this.#attempts.push({ user: name, boot, time });
    if (this.#attempts.length > UNCHECKED_MAX) this.#attempts.shift();
  }

  /** The directory was away a short time ago, and may still be. */
  isOutage(time: EpochMicros): boolean {
    const since = this.#last;
    return (
      since !== undefined && Math.abs(time - since) <= UNCHECKED_OUTAGE_SECONDS * MICROS_PER_SECOND
    );
  }

  /** An attempt that the daemon told at `time`, behind the directory's line. */
  excusesAnswer(user: string | undefined, boot: string, time: EpochMicros): boolean {
    if (this.#attempts.length === 0) return false;
    // Blanks that a forwarder leaves at the end of a line are no part of the name.
    const name = userName(user?.trimEnd()).full;
    return this.#take((one) => isOf(one, name, boot) && one.time <= time && isSoon(one.time, time));
  }

  /** An attempt that another module of PAM told at `time`, ahead of the directory's line. */
  excusesAttempt(user: string, boot: string, time: EpochMicros): boolean {
    return this.#take((one) => isOf(one, user, boot) && one.time >= time && isSoon(time, one.time));
  }

  /** Each excuses once. */
  #take(fits: (attempt: Unanswered) => boolean): boolean {
    const at = this.#attempts.findIndex(fits);
    if (at >= 0) this.#attempts.splice(at, 1);
    return at >= 0;
  }
}

function isOf({ user, boot }: Unanswered, name: string, ofBoot: string): boolean {
  return user === name && boot === ofBoot;
}

/** Modules of PAM are asked in turn, and its answer comes behind its wait of at most 3 s. */
function isSoon(before: EpochMicros, after: EpochMicros): boolean {
  return after - before <= TALLY_WAIT_SECONDS * MICROS_PER_SECOND;
}
