/**
 * Names of hosts that are never banned: resolved in the background, so that no ban waits for DNS.
 */
import { lookup } from 'node:dns/promises';
import { type Address, compareAddresses, parseAddress } from '../core/address.js';
import { messageOf } from '../core/errors.js';
import { ALLOW_DNS_PARALLEL_MAX, ALLOW_NAME_ADDRESSES_MAX } from '../core/limits.js';
import { ALLOW_DNS_DEADLINE_MS } from '../core/timeouts.js';

/** Asks for the addresses of a name. */
export type Resolve = (name: string) => Promise<readonly string[]>;

/** As the system resolves names: hosts file first, then DNS (getaddrinfo(3)). */
export const systemResolve: Resolve = async (name) =>
  (await lookup(name, { all: true })).map(({ address }) => address);

interface Answer {
  /** The last good one. */
  addresses: readonly Address[];
  problem: string | undefined;
}

/**
 * Addresses of names: resolved off the ban path, the last good answer kept while a name does not
 * resolve.
 */
export class Names {
  readonly #answers = new Map<string, Answer>();
  readonly #resolve: Resolve;
  readonly #deadlineMs: number;
  /** Rises whenever some name has other addresses than before. */
  version = 0;

  constructor(resolve: Resolve = systemResolve, deadlineMs = ALLOW_DNS_DEADLINE_MS) {
    this.#resolve = resolve;
    this.#deadlineMs = deadlineMs;
  }

  /** The last good answer; empty when there never was one. */
  addresses(name: string): readonly Address[] {
    return this.#answers.get(name)?.addresses ?? [];
  }

  /** Why the name has no fresh answer, or undefined. */
  problem(name: string): string | undefined {
    return this.#answers.get(name)?.problem;
  }

  /** Resolves these names anew, a few at a time, and forgets all others. Never throws. */
  async refresh(names: ReadonlySet<string>): Promise<void> {
    for (const name of this.#answers.keys()) if (!names.has(name)) this.#answers.delete(name);
    const queue = [...names];
    const worker = async () => {
      for (let name = queue.shift(); name !== undefined; name = queue.shift())
        await this.#ask(name);
    };
    await Promise.all(Array.from({ length: ALLOW_DNS_PARALLEL_MAX }, worker));
  }

  async #ask(name: string): Promise<void> {
    const answer: Answer = this.#answers.get(name) ?? { addresses: [], problem: undefined };
    this.#answers.set(name, answer);
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`no answer within ${this.#deadlineMs} ms`)),
        this.#deadlineMs,
      );
    });
    try {
      const texts = await Promise.race([this.#resolve(name), deadline]);
      const addresses = texts.flatMap((text) => parseAddress(text) ?? []).sort(compareAddresses);
      if (addresses.length === 0) throw new Error('it has no address');
      const kept = addresses.slice(0, ALLOW_NAME_ADDRESSES_MAX);
      if (kept.map(({ text }) => text).join() !== answer.addresses.map(({ text }) => text).join())
        this.version++;
      answer.addresses = kept;
      answer.problem =
        addresses.length > ALLOW_NAME_ADDRESSES_MAX
          ? `it has ${addresses.length} addresses, only the first ${ALLOW_NAME_ADDRESSES_MAX} are used`
          : undefined;
    } catch (error) {
      answer.problem = messageOf(error);
    } finally {
      clearTimeout(timer);
    }
  }
}
