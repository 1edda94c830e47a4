/** What every engine must do: the contract of `src/share/engine.ts`, executed. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { EngineNews, ShareEngine } from '../../src/share/engine.js';
import { until } from '../support/until.js';

/** A place where engines of several hosts meet; each test has one of its own. */
export interface EngineSubject {
  /**
   * An engine of this host, not yet open. `skewMs`: how far its clock is ahead. Hosts of one name
   * differ by their installation.
   */
  readonly make: (host: string, skewMs?: number, installation?: string) => ShareEngine;
  readonly dispose: () => Promise<void>;
}

/** A host that listens: what it holds by now. */
class Listener {
  readonly engine: ShareEngine;
  /** Of others: ends, by host and target. */
  readonly held = new Map<string, number>();
  readonly own = new Map<string, number>();
  readonly gone: string[] = [];
  listings = 0;
  position: string | undefined;
  failure: unknown;
  readonly #keys = new Map<string, string>();
  readonly #ending = new AbortController();
  #listing: Map<string, number> | undefined;

  constructor(engine: ShareEngine) {
    this.engine = engine;
  }

  async start(since?: string): Promise<this> {
    await this.engine.open();
    this.engine
      .run(since, async (news) => this.#take(news), this.#ending.signal)
      .catch((error) => {
        this.failure = error;
      });
    await until('the first listing', () => this.listings > 0 || this.failure !== undefined);
    if (this.failure !== undefined) throw this.failure;
    return this;
  }

  /** An engine that is busy is told again, as the part of the companion does. */
  async publish(changes: Parameters<ShareEngine['publish']>[0]): Promise<void> {
    await until('the engine takes it', async () => {
      try {
        await this.engine.publish(changes);
        return true;
      } catch (error) {
        if (!/ answers 5\d\d/.test(String(error))) throw error;
        return false;
      }
    });
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.engine.close();
  }

  #take({ listing, put, gone, own, position }: EngineNews): void {
    if (listing !== undefined) this.#listing ??= new Map();
    for (const { key, target, host, until: end } of put) {
      const name = `${host} ${target}`;
      this.#keys.set(key, name);
      (this.#listing ?? this.held).set(name, end);
    }
    for (const { key, target } of gone) {
      this.gone.push(target);
      const name = this.#keys.get(key);
      if (listing === undefined && name !== undefined) this.held.delete(name);
    }
    for (const [key, end] of own) this.own.set(key, end);
    this.position = position ?? this.position;
    if (listing !== 'end') return;
    this.held.clear();
    for (const [name, end] of this.#listing ?? []) this.held.set(name, end);
    this.#listing = undefined;
    this.listings++;
  }
}

/**
 * Waits until a listener has heard something. A decision that is written while the LAPI's stream is
 * asked can be missed by it: then all is listed again, as the companion does.
 */
async function hears(listener: Listener, what: string, done: () => boolean): Promise<void> {
  const limit = performance.now() + 10_000;
  await until(what, () => done() || performance.now() > limit);
  if (!done()) listener.engine.listAgain();
  await until(what, done);
}

const MINUTE = 60_000;
const put = (target: string, ms: number, jail = 'sshd', shortens = false) =>
  ({ kind: 'ban', jail, target, until: Date.now() + ms, shortens }) as const;
const lift = (target: string, jail = 'sshd') => ({ kind: 'lift', jail, target }) as const;

/** Registers the contract's tests for one engine. */
export function engineContract(name: string, meet: () => Promise<EngineSubject>): void {
  describe(`the contract of an engine: ${name}`, () => {
    let subject: EngineSubject;
    const listeners: Listener[] = [];
    const listen = async (
      host: string,
      since?: string,
      { skewMs = 0, installation }: { skewMs?: number; installation?: string } = {},
    ) => {
      const listener = new Listener(subject.make(host, skewMs, installation));
      listeners.push(listener);
      return listener.start(since);
    };
    const apart = (a: number | undefined, b: number) => Math.abs((a ?? 0) - b);
    afterEach(async () => {
      for (const listener of listeners.splice(0)) await listener.stop();
      await subject.dispose();
    });

    test('others hear of a ban, an extension and an unban; it hears its own as its own', async () => {
      subject = await meet();
      const [a, b] = [await listen('mx1'), await listen('mx2')];
      const first = put('192.0.2.1', 10 * MINUTE);
      await a.publish([first, put('2001:db8:1::/48', 10 * MINUTE, 'post fix')]);
      await hears(b, 'b has both', () => b.held.size === 2);
      expect(apart(b.held.get('mx1 192.0.2.1'), first.until)).toBeLessThan(3_000);
      await hears(a, 'a has its own', () => a.own.has('post fix 2001:db8:1::/48'));
      expect(a.held.size).toBe(0);
      const longer = put('192.0.2.1', 60 * MINUTE);
      await a.publish([longer]);
      const isLonger = () => apart(b.held.get('mx1 192.0.2.1'), longer.until) < 3_000;
      await hears(b, 'longer', isLonger);
      await a.publish([lift('192.0.2.1')]);
      await hears(b, 'lifted', () => !b.held.has('mx1 192.0.2.1'));
      const { listings } = b;
      b.engine.listAgain();
      await until('listed', () => b.listings > listings);
      expect([...b.held.keys()]).toEqual(['mx1 2001:db8:1::/48']);
    });

    test('a later word is shorter where it says so', async () => {
      subject = await meet();
      const a = await listen('mx1');
      await a.publish([put('192.0.2.1', 60 * MINUTE)]);
      const short = put('192.0.2.1', 5 * MINUTE, 'sshd', true);
      await a.publish([short]);
      const b = await listen('mx2');
      expect(apart(b.held.get('mx1 192.0.2.1'), short.until)).toBeLessThan(3_000);
    });

    test('who comes later is listed what is in force, and its own', async () => {
      subject = await meet();
      const a = await listen('mx1');
      const many = Array.from({ length: 500 }, (_, n) =>
        put(`198.18.${n >> 8}.${n & 255}`, MINUTE),
      );
      await a.publish([...many, put('192.0.2.1', MINUTE), put('192.0.2.2', 1_000)].slice(0, 500));
      await a.publish([put('192.0.2.1', MINUTE), put('192.0.2.2', MINUTE)]);
      await a.publish([lift('192.0.2.2')]);
      const b = await listen('mx2');
      expect([b.held.size, b.held.has('mx1 192.0.2.1'), b.held.has('mx1 192.0.2.2')]).toEqual([
        ...[501, true, false],
      ]);
      const again = await listen('mx1');
      expect([again.held.size, again.own.size]).toEqual([0, 501]);
    });

    test('two hosts hold one address; one of them lifts it', async () => {
      subject = await meet();
      const [a, b, c] = [await listen('mx1'), await listen('mx2'), await listen('mx3')];
      await a.publish([put('192.0.2.1', MINUTE)]);
      await b.publish([put('192.0.2.1', 2 * MINUTE)]);
      await hears(c, 'both', () => c.held.size === 2);
      await a.publish([lift('192.0.2.1')]);
      await hears(c, 'one', () => !c.held.has('mx1 192.0.2.1'));
      expect([...c.held.keys()]).toEqual(['mx2 192.0.2.1']);
    });

    test('what was lifted while one was away is told at its return', async () => {
      subject = await meet();
      const [a, b] = [await listen('mx1'), await listen('mx2')];
      await a.publish([put('192.0.2.1', 10 * MINUTE), put('192.0.2.2', 10 * MINUTE)]);
      await hears(b, 'b has both', () => b.held.size === 2);
      await b.stop();
      await a.publish([lift('192.0.2.1')]);
      const back = await listen('mx2', b.position);
      // The LAPI tells it more than once.
      expect([...new Set(back.gone), ...back.held.keys()]).toEqual(['192.0.2.1', 'mx1 192.0.2.2']);
    });

    test('a clock that is an hour wrong, in either direction, shifts nothing', async () => {
      subject = await meet();
      const HOUR = 3_600_000;
      const a = await listen('mx1', undefined, { skewMs: HOUR });
      const b = await listen('mx2', undefined, { skewMs: -HOUR });
      // By its own clock the ban ends in ten minutes.
      const until_ = Date.now() + HOUR + 10 * MINUTE;
      await a.publish([
        { kind: 'ban', jail: 'sshd', target: '192.0.2.1', until: until_, shortens: false },
      ]);
      await hears(b, 'b has it', () => b.held.size === 1);
      expect(apart(b.held.get('mx1 192.0.2.1'), Date.now() - HOUR + 10 * MINUTE)).toBeLessThan(
        5_000,
      );
      const c = await listen('mx3');
      expect(apart(c.held.get('mx1 192.0.2.1'), Date.now() + 10 * MINUTE)).toBeLessThan(5_000);
    });

    test('a ban for good stays one, and one that is over is none', async () => {
      subject = await meet();
      const a = await listen('mx1');
      const like = { kind: 'ban', jail: 'sshd', shortens: false } as const;
      await a.publish([
        { ...like, target: '192.0.2.1', until: Number.POSITIVE_INFINITY },
        { ...like, target: '192.0.2.2', until: Date.now() + 1_000 },
      ]);
      await until('it is over', async () => {
        const b = await listen('mx2');
        await b.stop();
        return b.held.size === 1;
      });
      const b = await listen('mx2');
      expect(b.held.get('mx1 192.0.2.1')).toBeGreaterThan(Date.now() + 5 * 365 * 86_400_000);
    });

    test('a host of the same name is another one: its bans are none of one’s own', async () => {
      subject = await meet();
      const a = await listen('mx1');
      const b = await listen('mx1', undefined, { installation: '0000beef' });
      await a.publish([put('192.0.2.1', 10 * MINUTE), put('192.0.2.2', 10 * MINUTE)]);
      await hears(b, 'b has both as of another', () => b.held.size === 2);
      await b.publish([put('192.0.2.1', 10 * MINUTE)]);
      await hears(a, 'a has it as of another', () => a.held.size === 1);
      await b.publish([lift('192.0.2.1')]);
      await hears(a, 'lifted', () => a.held.size === 0);
      const [c, again] = [await listen('mx2'), await listen('mx1')];
      expect([...c.held.keys()].sort()).toEqual(['mx1 192.0.2.1', 'mx1 192.0.2.2']);
      expect([...again.own.keys()].sort()).toEqual(['sshd 192.0.2.1', 'sshd 192.0.2.2']);
    });

    test('the same once more changes nothing for the others', async () => {
      subject = await meet();
      const [a, b] = [await listen('mx1'), await listen('mx2')];
      const ban = put('192.0.2.1', 10 * MINUTE);
      await a.publish([ban]);
      await a.publish([ban]);
      await a.publish([lift('192.0.2.9')]);
      await a.publish([put('192.0.2.2', MINUTE)]);
      await hears(b, 'b has both', () => b.held.has('mx1 192.0.2.2'));
      expect(apart(b.held.get('mx1 192.0.2.1'), ban.until)).toBeLessThan(3_000);
      expect(b.held.size).toBe(2);
    });
  });
}
