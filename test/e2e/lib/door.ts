/** A mail server's door with two banned hosts before it, one of each family. */
import { expect } from '@jest/globals';
import type { Agent } from './agent.js';
import type { Machine } from './machine.js';
import { until } from './shell.js';
import { cutOff, judged, Station, tally } from './station.js';

const PACE = { intervalMs: 1_000, readMs: 60_000 };
export const BANNED = ['203.0.113.5', '2001:db8:bad:5::1'] as const;
/** Who attacks as soon as the agent is installed. */
export const FIRST = ['203.0.113.6', '2001:db8:bad:6::1'] as const;
/** An installed agent has banned a real attack by then. */
const PROTECTED_MS_MAX = 10_000;

export class Door {
  readonly station: Station;
  #newcomers = 100;

  constructor(
    machine: Machine,
    private readonly hosts: readonly string[] = BANNED,
  ) {
    this.station = new Station(machine);
  }

  /** Three guesses at once from each host: all of them are banned within ten seconds. */
  async shutsWithinTenSeconds(agent: Agent): Promise<void> {
    const begun = performance.now();
    const guesses = this.hosts.flatMap((from) =>
      [1, 2, 3].map(() => this.station.attack('imap', from, 1)),
    );
    await until('the kernel has the bans', async () => {
      const elements = [...(await agent.sets()).values()].flat();
      return this.hosts.every((host) =>
        elements.some((element) => host.startsWith(element.replace(/\/\d+$/, ''))),
      );
    });
    expect(performance.now() - begun).toBeLessThan(PROTECTED_MS_MAX);
    await Promise.all(guesses);
    expect(await this.isShut()).toBe(true);
  }

  /** Real brute force from both hosts: each is cut off after three failures. */
  async banBoth(): Promise<void> {
    for (const attempts of await Promise.all(
      this.hosts.map((from) => this.station.attack('smtp', from, 8, PACE)),
    ))
      expect([judged(attempts), cutOff(attempts)]).toEqual([3, true]);
  }

  /** What visitors from the banned addresses meet at port 25. */
  visits(attempts: number, intervalMs: number, connectMs = 300) {
    return Promise.all(
      this.hosts.map((from) =>
        this.station.attack('smtp-connect', from, attempts, {
          connectMs,
          intervalMs,
          keepGoing: true,
        }),
      ),
    );
  }

  async isShut(): Promise<boolean> {
    return (await this.visits(1, 0)).every(([attempt]) => attempt?.result === 'blocked');
  }

  async isOpen(): Promise<boolean> {
    // A busy machine opens slowly.
    return (await this.visits(1, 0, 20_000)).every(([attempt]) => attempt?.result !== 'blocked');
  }

  /** Visits all the time while `deed` goes on, and finds the door shut every time. */
  async staysShutDuring(deed: () => Promise<unknown>): Promise<void> {
    let done = false;
    const finished = deed().finally(() => {
      done = true;
    });
    let visits = 0;
    do {
      for (const attempts of await this.visits(5, 20)) {
        visits += attempts.length;
        expect(tally(attempts, 'blocked')).toBe(attempts.length);
      }
    } while (!done);
    await finished;
    expect(visits).toBeGreaterThan(0);
  }

  /** A new attacker is banned after three failures, as ever. */
  async stillBans(): Promise<void> {
    const attempts = await this.station.attack('ssh', `203.0.113.${this.#newcomers++}`, 6, PACE);
    expect([judged(attempts), cutOff(attempts)]).toEqual([3, true]);
  }

  /** Shut again before long. */
  async shutsAgain(): Promise<void> {
    await until('the bans are back', () => this.isShut(), { timeoutMs: 20_000 });
  }

  close(): Promise<void> {
    return this.station.close();
  }
}
