/** Time as the test has it, for code that gives up with the signal of `AbortSignal.timeout`. */
import { jest } from '@jest/globals';

/** Until it is disposed of, timeouts strike when the test lets time pass. */
export class Timeouts {
  readonly #waiting: { leftMs: number; readonly controller: AbortController }[] = [];
  readonly #spy = jest.spyOn(AbortSignal, 'timeout').mockImplementation((milliseconds) => {
    const controller = new AbortController();
    this.#waiting.push({ leftMs: milliseconds, controller });
    return controller.signal;
  });

  /** Signals that were asked for. */
  get count(): number {
    return this.#waiting.length;
  }

  /** Lets time pass for every signal that was asked for. */
  pass(milliseconds: number): void {
    for (const waiting of this.#waiting) {
      waiting.leftMs -= milliseconds;
      if (waiting.leftMs <= 0)
        waiting.controller.abort(new DOMException('the time is over', 'TimeoutError'));
    }
  }

  [Symbol.dispose](): void {
    this.#spy.mockRestore();
  }
}

/** Fakes the timers of one test, and leaves what streams and children of Node need. */
export function fakeTimers(): Disposable {
  jest.useFakeTimers({
    doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'],
  });
  return { [Symbol.dispose]: () => void jest.useRealTimers() };
}
