/**
 * What viewers ask of the agent: the same question is asked once for all of them, its answer is
 * kept for a moment, and questions take turns, so that no viewer keeps the agent from its work.
 */
import { RateLimiter } from '../control/clients.js';
import { within } from '../core/background.js';
import { OperatorError } from '../core/errors.js';
import {
  WEB_ANSWERS_MAX,
  WEB_QUESTIONS_PER_SECOND_MAX,
  WEB_QUESTIONS_WAITING_MAX,
} from '../core/service-limits.js';
import { WEB_ANSWER_MS_MAX } from '../core/timeouts.js';

interface Kept<T> {
  readonly answer: Promise<T>;
  /** Until then it is given again, ms. */
  until: number;
}

/** Says that the page asks too much at once. */
export class TooMuch extends OperatorError {
  constructor() {
    super('too many questions at once', { hint: 'try again in a few seconds' });
  }
}

export class Questions {
  readonly #kept = new Map<string, Kept<unknown>>();
  readonly #limiter = new RateLimiter(WEB_QUESTIONS_PER_SECOND_MAX);
  readonly #now: () => number;
  #waiting = 0;
  /** Questions that need the processor for long are answered one after the other. */
  #heavy: Promise<unknown> = Promise.resolve();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /**
   * The answer of a question, at most so many milliseconds old. An error is not kept. Throws
   * `TooMuch` when too many wait.
   */
  ask<T>(key: string, ageMs: number, question: () => Promise<T>, isHeavy = false): Promise<T> {
    const now = this.#now();
    const kept = this.#kept.get(key) as Kept<T> | undefined;
    if (kept !== undefined && kept.until > now) return kept.answer;
    if (this.#waiting >= WEB_QUESTIONS_WAITING_MAX) return Promise.reject(new TooMuch());
    const answer = this.#inTurn(question, isHeavy);
    const entry: Kept<T> = { answer, until: now + WEB_ANSWER_MS_MAX };
    this.#kept.delete(key);
    this.#kept.set(key, entry);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > WEB_ANSWERS_MAX && oldest !== undefined) this.#kept.delete(oldest);
    answer.then(
      () => {
        entry.until = this.#now() + ageMs;
      },
      () => {
        if (this.#kept.get(key) === entry) this.#kept.delete(key);
      },
    );
    return answer;
  }

  /** Forgets every answer, since something was changed. */
  forget(): void {
    this.#kept.clear();
  }

  async #inTurn<T>(question: () => Promise<T>, isHeavy: boolean): Promise<T> {
    this.#waiting++;
    try {
      const delay = this.#limiter.delay();
      if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
      if (!isHeavy) return await inTime(question());
      const mine = this.#heavy.then(question);
      this.#heavy = mine.catch(() => undefined);
      return await inTime(mine);
    } finally {
      this.#waiting--;
    }
  }
}

function inTime<T>(answer: Promise<T>): Promise<T> {
  const late = () => new OperatorError('the agent has not answered in time');
  return within(answer, WEB_ANSWER_MS_MAX, late);
}
