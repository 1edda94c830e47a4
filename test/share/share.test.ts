/** Hosts that share bans through an engine in memory: agents here, the part between them real. */
import { getEventListeners } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Positions } from '../../src/control/positions.js';
import { formatPrefix } from '../../src/core/address.js';
import { silentLog } from '../../src/core/log.js';
import { SHARE_DECISIONS_MAX, SHARE_OWN_MAX } from '../../src/core/service-limits.js';
import { SHARE_BACKOFF_MS_MAX, SHARE_BACKOFF_MS_MIN } from '../../src/core/timeouts.js';
import { Connection } from '../../src/share/connection.js';
import type { ShareChange } from '../../src/share/engine.js';
import { type ShareGauges, ShareMetrics } from '../../src/share/metrics.js';
import { addressesOf, type ShareOptions, ShareService } from '../../src/share/share.js';
import { stays, until } from '../support/until.js';
import { engineContract } from './contract.js';
import { FakeAgent, installationLike, MemoryEngine, MemoryHub } from './support.js';

engineContract('in memory', async () => {
  const hub = new MemoryHub();
  return {
    make: (host, skewMs = 0, installation = installationLike(host)) =>
      new MemoryEngine(hub, {
        host,
        installation,
        origins: ['banjour'],
        now: () => Date.now() + skewMs,
      }),
    dispose: async () => undefined,
  };
});

let folder: string;
let hub: MemoryHub;
const running: { stop(): Promise<void> }[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-share-'));
  hub = new MemoryHub();
});
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A host with an agent and a companion; the agent outlives the companion. */
class Host {
  readonly name: string;
  readonly agent = new FakeAgent();
  readonly said: string[] = [];
  readonly positions: string;
  machineId = '';
  service!: ShareService;
  #running: Promise<void> = Promise.resolve();

  /** `state`: what its file of positions is called, where two hosts have one name. */
  constructor(name: string, state = name) {
    this.name = name;
    this.positions = join(folder, `${state}.json`);
    running.push(this);
  }

  async start(times: NonNullable<ShareOptions['times']> = {}): Promise<this> {
    this.service = new ShareService({
      engine: (options) => new MemoryEngine(hub, options),
      host: this.name,
      machineId: this.machineId,
      agent: this.agent,
      decisions: this.agent,
      positions: Positions.open(this.positions),
      log: (_, line) => void this.said.push(line),
      times: { backoffMin: 5, backoffMax: 20, heartbeat: 10, ...times },
      pauses: { reconnectMin: 5, reconnectMax: 20, unsettled: 5, between: 1 },
    });
    this.#running = this.service.run();
    await this.connected();
    return this;
  }

  connected(): Promise<void> {
    return until('it listens', () => this.service.status().connectedSince !== null);
  }

  async stop(): Promise<void> {
    this.service.stop();
    await this.#running;
  }
}

const two = async () => {
  const [a, b] = [new Host('mx1'), new Host('mx2')];
  await Promise.all([a.start(), b.start()]);
  return [a, b] as const;
};
const memoryHost = (host: string) => ({
  ...{ host, installation: installationLike(host) },
  origins: ['banjour'] as const,
});
const toldOf = (target: string) =>
  hub.log.filter(({ change }) => change.target === target).map(({ change }) => change.kind);

describe('two hosts', () => {
  test('a ban, an extension, a shorter one and an unban reach the other, each told once', async () => {
    const [a, b] = await two();
    a.agent.ban('192.0.2.1', 600);
    await until('b has it', () => b.agent.shared.get('192.0.2.1')?.host === 'mx1');
    for (const seconds of [6_000, 60]) {
      a.agent.ban('192.0.2.1', seconds);
      await until(`b has ${seconds} s`, () => {
        const end = b.agent.shared.get('192.0.2.1')?.until ?? 0;
        return Math.abs(end - Date.now() - seconds * 1_000) < 4_000;
      });
    }
    a.agent.unban('192.0.2.1');
    await until('b lifted it', () => !b.agent.shared.has('192.0.2.1'));
    expect(toldOf('192.0.2.1')).toEqual(['ban', 'ban', 'ban', 'lift']);
    expect(a.agent.requests).toEqual([]);
  });

  test('only what `publish` names is told, and never what came from others', async () => {
    const [a, b] = await two();
    a.agent.ban('192.0.2.1', 600, { jail: 'shared', origin: 'shared' as 'journal' });
    a.agent.ban('192.0.2.2', 600, { jail: 'dovecot' });
    a.agent.ban('192.0.2.3', 600, { origin: 'import' });
    a.agent.ban('192.0.2.4', 600, { jail: 'dovecot', origin: 'operator' });
    a.agent.ban('192.0.2.5', 600, { jail: 'shared', origin: 'operator' });
    a.agent.ban('192.0.2.6', 600);
    await until('b has the last', () => b.agent.shared.has('192.0.2.6'));
    expect([...b.agent.shared.keys()]).toEqual(['192.0.2.4', '192.0.2.6']);
    a.agent.publish = { jails: ['dovecot'], operator: false };
    await until('the new rules hold', () => b.agent.shared.has('192.0.2.2'));
    await until('the old do not', () => b.agent.shared.size === 1);
  });

  test('an expired ban is not told, one that two jails hold stays', async () => {
    const [a, b] = await two();
    a.agent.publish = { jails: ['sshd', 'dovecot'], operator: true };
    a.agent.ban('192.0.2.1', 600);
    a.agent.ban('192.0.2.1', 900, { jail: 'dovecot' });
    await until('both', () => hub.held.size === 2);
    a.agent.unban('192.0.2.1', 'expired', 'sshd');
    a.agent.unban('192.0.2.1', 'operator', 'dovecot');
    await until('one', () => hub.held.size === 1);
    expect(b.agent.shared.has('192.0.2.1')).toBe(true);
    expect(toldOf('192.0.2.1')).toEqual(['ban', 'ban', 'lift']);
  });
});

describe('two hosts of one name', () => {
  test('share all the same, lift nothing of each other, and say so', async () => {
    const [a, b] = [new Host('mx1'), new Host('mx1', 'other')];
    await Promise.all([a, b].map((one) => one.start({ listAgainFirst: 20, listAgain: 20 })));
    expect(a.service.status().namesake).toBe(false);
    a.agent.ban('192.0.2.1', 600);
    b.agent.ban('192.0.2.2', 600);
    await until('a has it', () => a.agent.shared.has('192.0.2.2'));
    await until('b has it', () => b.agent.shared.has('192.0.2.1'));
    for (const one of [a, b]) {
      await until('it says so', () => one.service.status().namesake);
      expect(one.service.summary).toBe(
        'bans are shared through memory; another host is called mx1 there, too',
      );
      expect(one.said.filter((line) => /namesake|another host/.test(line)).length).toBe(1);
    }
    // Both have compared and listed more than once by now.
    await stays('nothing is lifted', () => toldOf('192.0.2.1').length === 1, 200);
    expect(hub.held.size).toBe(2);
    b.agent.unban('192.0.2.2');
    await until('b lifts its own', () => !a.agent.shared.has('192.0.2.2'));
    await until('there is no namesake left', () => !a.service.status().namesake);
  });

  test('a machine that was cloned with its files is another one, a restart is not', async () => {
    const [a, b] = [new Host('mx1'), new Host('mx1', 'clone')];
    await a.start();
    a.agent.ban('192.0.2.1', 600);
    await until('it is told', () => hub.held.size === 1);
    await a.stop();
    copyFileSync(a.positions, b.positions);
    b.machineId = 'another';
    await b.start();
    await until('b has it', () => b.agent.shared.has('192.0.2.1'));
    await b.stop();
    await a.start();
    expect([a.service.status().published, a.agent.shared.size, hub.held.size]).toEqual([1, 0, 1]);
  });
});

describe('what is missed', () => {
  test('while the companion is away is told once at its return', async () => {
    const [a, b] = await two();
    a.agent.ban('192.0.2.1', 600);
    a.agent.ban('192.0.2.2', 600);
    await until('b has both', () => b.agent.shared.size === 2);
    await a.stop();
    a.agent.unban('192.0.2.1');
    a.agent.ban('192.0.2.3', 600);
    await a.start();
    await until('b has the new one', () => b.agent.shared.has('192.0.2.3'));
    await until('b lifted the old one', () => !b.agent.shared.has('192.0.2.1'));
    expect([...b.agent.shared.keys()]).toEqual(['192.0.2.2', '192.0.2.3']);
    expect(toldOf('192.0.2.2')).toEqual(['ban']);
  });

  test('while the other is away is heard at its return', async () => {
    const [a, b] = await two();
    a.agent.ban('192.0.2.1', 600);
    await until('b has it', () => b.agent.shared.size === 1);
    await b.stop();
    a.agent.unban('192.0.2.1');
    a.agent.ban('192.0.2.2', 600);
    await until('both are told', () => hub.log.length === 3);
    await b.start();
    await until('b has the new one', () => b.agent.shared.has('192.0.2.2'));
    expect([...b.agent.shared.keys()]).toEqual(['192.0.2.2']);
  });

  test('while the engine is away, or cut off, is told once', async () => {
    const [a, b] = await two();
    a.agent.ban('192.0.2.1', 600);
    await until('b has it', () => b.agent.shared.size === 1);
    hub.broken = new Error('no route');
    hub.cut();
    await until('a knows', () => a.service.summary === 'bans are not shared: no route');
    a.agent.ban('192.0.2.2', 600);
    a.agent.unban('192.0.2.1');
    hub.broken = undefined;
    await Promise.all([a.connected(), b.connected()]);
    await until('b has it', () => b.agent.shared.has('192.0.2.2'));
    await until('b lifted it', () => !b.agent.shared.has('192.0.2.1'));
    expect([toldOf('192.0.2.1'), toldOf('192.0.2.2')]).toEqual([['ban', 'lift'], ['ban']]);
  });

  test('an unban that the stream never told is found by comparing', async () => {
    const [a, b] = await two();
    a.agent.ban('192.0.2.1', 600);
    await until('b has it', () => b.agent.shared.size === 1);
    a.agent.isAway = true;
    a.agent.bansMade = [];
    await until('nobody listens', () => a.agent.listeners === 0);
    a.agent.isAway = false;
    await until('b lifted it', () => !b.agent.shared.has('192.0.2.1'));
  });

  test('an engine that lost its memory is told anew, and nobody is let in meanwhile', async () => {
    const [a, b] = await two();
    a.agent.ban('192.0.2.1', 600);
    await until('b has it', () => b.agent.shared.size === 1);
    hub.wipe();
    hub.cut();
    await until('it is there again', () => hub.held.size === 1);
    expect([...b.agent.shared.keys()]).toEqual(['192.0.2.1']);
    expect(b.agent.requests.flatMap(({ lifted }) => lifted)).toEqual([]);
  });

  test('a later listing lifts what nobody holds', async () => {
    const [a, b] = [new Host('mx1'), new Host('mx2')];
    await a.start();
    b.agent.shared.set('192.0.2.9', { until: Date.now() + 600_000 });
    await b.start({ listAgainFirst: 30 });
    await until('b lifted it', () => !b.agent.shared.has('192.0.2.9'));
  });
});

describe('the agent', () => {
  test('that is away is waited for', async () => {
    const [a, b] = await two();
    b.agent.isAway = true;
    a.agent.ban('192.0.2.1', 600);
    await until('b has trouble', () => b.service.status().trouble !== null);
    b.agent.isAway = false;
    await until('b has it', () => b.agent.shared.has('192.0.2.1'));
  });

  test('that takes nothing publishes all the same, and takes once it may', async () => {
    const [a, b] = [new Host('mx1'), new Host('mx2')];
    b.agent.isSharedOff = true;
    await Promise.all([a.start(), b.start()]);
    a.agent.ban('192.0.2.1', 600);
    b.agent.ban('192.0.2.2', 600);
    await until('a has it', () => a.agent.shared.has('192.0.2.2'));
    await until('b says why', () => b.service.status().trouble === 'there is no jail `shared`');
    b.agent.isSharedOff = false;
    await until('b has it', () => b.agent.shared.has('192.0.2.1'));
    expect(b.service.status().trouble).toBeNull();
  });

  test('is told no more in a request than it takes', async () => {
    const [a, b] = await two();
    await b.stop();
    const engine = new MemoryEngine(hub, memoryHost('mx3'));
    const like = {
      kind: 'ban',
      jail: 'sshd',
      until: Date.now() + 600_000,
      shortens: false,
    } as const;
    const ban = (n: number) => ({ ...like, target: `198.18.${n >> 8}.${n & 255}` });
    await engine.publish(Array.from({ length: SHARE_DECISIONS_MAX + 1 }, (_, n) => ban(n)));
    await b.start();
    await until('b has all', () => b.agent.shared.size === SHARE_DECISIONS_MAX + 1);
    expect(b.agent.requests.map(({ decisions }) => decisions.length)).toEqual([
      SHARE_DECISIONS_MAX,
      1,
    ]);
    expect(a.service.status().held).toBe(SHARE_DECISIONS_MAX + 1);
  });

  test('whose bans lie before the first start is told by comparing, its history is not', async () => {
    const [a, b] = [new Host('mx1'), new Host('mx2')];
    a.agent.ban('192.0.2.1', 600);
    a.agent.ban('192.0.2.2', 600);
    a.agent.unban('192.0.2.2');
    await Promise.all([a.start(), b.start()]);
    await until('b has it', () => b.agent.shared.size === 1);
    expect(hub.log.length).toBe(1);
  });
});

test.each(['it cannot be made', 'it lists and fails at once'])(
  'pauses before a new connection grow to a bound: %s',
  async (how) => {
    const random = jest.spyOn(Math, 'random').mockReturnValue(1);
    const pauses: number[] = [];
    const said: string[] = [];
    if (how === 'it cannot be made') hub.broken = new Error('no route');
    const service = new ShareService({
      engine: (options) => {
        const engine = new MemoryEngine(hub, options);
        if (hub.broken === undefined) setImmediate(() => engine.fail(new Error('full')));
        return engine;
      },
      ...{ host: 'mx1', machineId: '', agent: new FakeAgent(), decisions: new FakeAgent() },
      positions: Positions.open(join(folder, 'mx1.json')),
      log: (level) => void said.push(level),
      wait: async (milliseconds) => {
        if (pauses.push(milliseconds) === 7) service.stop();
      },
    });
    await service.run();
    random.mockRestore();
    // Once, however often it happens.
    expect(said).toEqual(hub.broken === undefined ? ['notice', 'warning'] : ['warning']);
    expect([pauses[0], pauses[1], pauses.at(-1)]).toEqual([
      ...[SHARE_BACKOFF_MS_MIN, 2 * SHARE_BACKOFF_MS_MIN, SHARE_BACKOFF_MS_MAX],
    ]);
  },
);

test.each([
  ['valkeys://192.0.2.1:6379', ['192.0.2.1']],
  ['valkey://[2001:db8::1]:6379', ['2001:db8::1']],
  ['https://192.0.2.1:8080', ['192.0.2.1']],
  ['memory', []],
  ['valkey://name.invalid:6379', []],
])('the addresses of an engine at %s', async (where, addresses) => {
  expect((await addressesOf(where)).map(formatPrefix)).toEqual(addresses);
});

test('connections that fail leave nothing behind in the service', async () => {
  const agent = new FakeAgent();
  const service = new AbortController();
  const connect = () => {
    const engine = new MemoryEngine(hub, memoryHost('mx1'));
    return agent.shareStatus().then((view) => {
      const connection = new Connection({
        ...{ engine, host: 'mx1', agent, decisions: agent, view, log: silentLog, now: Date.now },
        positions: Positions.open(join(folder, 'positions.json')),
        metrics: new ShareMetrics(() => ({}) as ShareGauges),
        spared: [],
        times: { heartbeat: 5, listAgainFirst: 1_000, listAgain: 1_000 },
        pauses: { reconnectMin: 5, reconnectMax: 20, unsettled: 5, between: 1 },
        listening: () => engine.fail(new Error('cut')),
      });
      return connection.run(service.signal);
    });
  };
  for (let i = 0; i < 3; i++) await expect(connect()).rejects.toThrow('cut');
  expect(getEventListeners(service.signal, 'abort')).toEqual([]);
  await until('nobody follows', () => agent.listeners === 0);
});

describe('a listing of bans in this host’s name', () => {
  const UNTIL = Date.now() + 3_600_000;
  const target = (n: number) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;

  /** A connection whose engine lists so many; how many it knows then, and what it tells next. */
  async function listed(agent: FakeAgent, count: number) {
    const own = new Map(Array.from({ length: count }, (_, n) => [`sshd ${target(n)}`, UNTIL]));
    const engine = new MemoryEngine(hub, memoryHost('mx1'));
    engine.run = async (_, take, signal) => {
      const none = { put: [], gone: [], passedOver: 0 };
      await take({ ...none, own, listing: 'part' });
      await take({ ...none, own: new Map(), listing: 'end' });
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    };
    let told: readonly ShareChange[] = [];
    engine.publish = (changes) => {
      told = changes;
      return new Promise(() => undefined);
    };
    let known = 0;
    const ending = new AbortController();
    const connection = new Connection({
      ...{ engine, host: 'mx1', agent, decisions: agent, log: silentLog, now: Date.now },
      view: await agent.shareStatus(),
      positions: Positions.open(join(folder, 'positions.json')),
      metrics: new ShareMetrics(() => ({}) as ShareGauges),
      spared: [],
      times: { heartbeat: 60_000, listAgainFirst: 60_000, listAgain: 60_000 },
      listening: () => {
        known = connection.published;
      },
    });
    const running = connection.run(ending.signal);
    await until('something is told', () => told.length > 0);
    ending.abort();
    await running;
    return { known, told: told.map((one) => `${one.kind} ${one.target}`) };
  }

  test.each([0, 1])('is kept up to a bound where others wrote them: %i more', async (more) => {
    const { known, told } = await listed(new FakeAgent(), SHARE_OWN_MAX + more);
    expect(known).toBe(SHARE_OWN_MAX);
    expect(told[0]).toBe(`lift ${target(0)}`);
  });

  test('is kept beyond it where they are in force: only what is lost is told again', async () => {
    const agent = new FakeAgent();
    const count = SHARE_OWN_MAX + 2;
    const like = agent.ban('192.0.2.1', 3_600);
    agent.bansMade = Array.from({ length: count }, (_, n) => ({
      ...{ ...like, id: n + 1, target: target(n) },
      until: new Date(UNTIL).toISOString(),
    }));
    // The engine has lost the last one.
    const { known, told } = await listed(agent, count - 1);
    expect(known).toBe(count - 1);
    expect(told).toEqual([`ban ${target(count - 1)}`]);
  });
});

test.each(['an engine', 'an agent'])('%s that is mute holds up no stop', async (who) => {
  const agent = new FakeAgent();
  const never = () => new Promise<never>(() => undefined);
  let isAsked = false;
  const asked = () => {
    isAsked = true;
    return never();
  };
  if (who === 'an agent') agent.shareStatus = asked;
  let isClosed = false;
  const service = new ShareService({
    engine: (options) => {
      const engine = new MemoryEngine(hub, options);
      engine.open = asked;
      engine.close = async () => {
        isClosed = true;
      };
      return engine;
    },
    ...{ host: 'mx1', machineId: '', agent, decisions: agent, log: silentLog },
    positions: Positions.open(join(folder, 'mx1.json')),
  });
  const run = service.run();
  await until('it is asked', () => isAsked);
  const began = performance.now();
  service.stop();
  await run;
  expect(performance.now() - began).toBeLessThan(2_000);
  expect(isClosed).toBe(who === 'an engine');
});
