/**
 * Whether the firewall's calls go on. One beat at a time goes through the queue like any other call; while calls before
 * it are under way it may wait as long as their deadlines allow.
 */
import { NFT_STUCK_MS } from '../core/limits.js';

export class Heartbeat {
  readonly #beat: () => Promise<void>;
  readonly #stuckMs: number;
  #pending: { readonly answered: Promise<boolean>; readonly since: number } | undefined;

  /** `beat` resolves when everything before it is done and the way to the kernel is open. */
  constructor(beat: () => Promise<void>, stuckMs: number = NFT_STUCK_MS) {
    this.#beat = beat;
    this.#stuckMs = stuckMs;
  }

  /** False when a beat failed, or has been waiting for longer than any call may take. */
  async alive(milliseconds: number): Promise<boolean> {
    const pending = this.#pending ?? this.#start();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(performance.now() - pending.since < this.#stuckMs), milliseconds);
    });
    const answer = await Promise.race([pending.answered, late]);
    clearTimeout(timer);
    return answer;
  }

  #start() {
    const answered = this.#beat()
      .then(
        () => true,
        () => false,
      )
      .finally(() => {
        this.#pending = undefined;
      });
    this.#pending = { answered, since: performance.now() };
    return this.#pending;
  }
}
