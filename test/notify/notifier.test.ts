import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { BanView } from '../../src/control/protocol.js';
import { silentLog } from '../../src/core/log.js';
import {
  FOLLOWER_PAGE_ROWS,
  NOTIFY_DIGEST_BANS_MAX,
  NOTIFY_QUEUE_MAX,
} from '../../src/core/service-limits.js';
import {
  NOTIFY_AGE_SECONDS_MAX,
  NOTIFY_BACKOFF_MS_MAX,
  NOTIFY_BACKOFF_MS_MIN,
} from '../../src/core/timeouts.js';
import { NotifyMetrics } from '../../src/notify/metrics.js';
import { DeliveryError } from '../../src/notify/news.js';
import { Notifier } from '../../src/notify/notifier.js';
import { Outbox, type OutboxOptions } from '../../src/notify/outbox.js';
import { type NotifyRoute, routesOf, type Target } from '../../src/notify/targets.js';
import { fakeTimers } from '../support/timeouts.js';
import { stays, until } from '../support/until.js';
import { ban, FakeAgent } from './support.js';

const MAIL: Target = {
  kind: 'mail',
  style: 'plain',
  to: ['root'],
  sender: 'banjour',
  sendername: 'Banjour',
};
const HOOK: Target = {
  kind: 'webhook',
  url: { text: 'http://hook.test/SECRET' },
  secretFile: null,
};
const route = (target: Target, ...jails: string[]): NotifyRoute =>
  routesOf(
    (jails.length === 0 ? ['sshd'] : jails).map((jail) => ({ jail, name: jail, target })),
  )[0] as NotifyRoute;

let folder = '';
let agent: FakeAgent;
let running: { notifier: Notifier; done: Promise<void> }[];
/** Deliveries: kind of the target and ids. */
let told: [string, number[]][];
let fail: ((route: NotifyRoute, bans: readonly BanView[]) => Error | undefined) | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-'));
  agent = new FakeAgent();
  running = [];
  told = [];
  fail = undefined;
});
afterEach(async () => {
  await stop();
  rmSync(folder, { recursive: true });
});

const positions = () => join(folder, 'positions.json');
const ids = (kind = 'webhook') => told.filter(([one]) => one === kind).flatMap(([, list]) => list);

async function start(
  routes: readonly NotifyRoute[] = [route(HOOK)],
  digestMs = 0,
): Promise<Notifier> {
  const notifier = new Notifier({
    routes,
    sender: {
      send: async ({ target, ...rest }, bans) => {
        const error = fail?.({ target, ...rest }, bans);
        if (error !== undefined) throw error;
        told.push([target.kind, bans.map(({ id }) => id)]);
      },
    },
    feed: agent,
    positionsPath: positions(),
    log: silentLog,
    digestMs,
    pauses: { reconnectMin: 5, reconnectMax: 20, unsettled: 5, between: 1 },
    backoffMs: { first: 2, last: 10 },
  });
  running.push({ notifier, done: notifier.run() });
  await until('the agent is met', () => agent.down || notifier.view()[0]?.done !== null);
  return notifier;
}

async function stop(): Promise<void> {
  for (const { notifier, done } of running.splice(0)) {
    notifier.stop();
    await done;
  }
}

describe('notify', () => {
  test('begins with what comes after its first start', async () => {
    agent.ban(ban(1), ban(2));
    await start();
    agent.ban(ban(3));
    await until('the new ban is told', () => ids().length > 0);
    expect(ids()).toEqual([3]);
  });

  test('knows on disk where it began as soon as it has met the agent: killed then, it misses nothing', async () => {
    agent.ban(ban(1), ban(2));
    await start();
    expect(Object.values(JSON.parse(readFileSync(positions(), 'utf8')).targets)).toEqual([2]);
  });

  test('tells only bans that are in force, of its jails, not imported ones; a ban by hand as well', async () => {
    await start([route(HOOK, 'sshd', 'dovecot')]);
    agent.ban(
      ban(1),
      ban(2, { jail: 'postfix-sasl' }),
      ban(3, { state: 'refused' }),
      ban(4, { origin: 'import' }),
      ban(5, { state: 'ended', jail: 'dovecot' }),
      ban(6, { state: 'ended', ended: { time: '2026-11-21T00:00:00.000Z', reason: 'lapsed' } }),
      ban(7, { state: 'ended', ended: { time: '2026-11-21T00:00:00.000Z', reason: 'ignored' } }),
      ban(8, { origin: 'operator' }),
    );
    await until('all are told', () => ids().length === 3);
    expect(ids()).toEqual([1, 5, 8]);
  });

  test('waits for the answer of the kernel before it tells', async () => {
    await start();
    agent.ban(ban(1), ban(2, { state: 'wanted' }), ban(3));
    await until('the first is told', () => ids().length === 1);
    await stays('the second waits', () => ids().length === 1, 30);
    expect(ids()).toEqual([1]);
    agent.bans = agent.bans.map((one) => ({ ...one, state: 'in-force' }));
    await until('all are told', () => ids().length === 3);
    expect(ids()).toEqual([1, 2, 3]);
  });

  test('tells what happened while the stream of events was being opened', async () => {
    agent.connectMs = 50;
    await start();
    agent.ban(ban(1));
    await until('told', () => ids().length === 1);
  });

  test('tells what happened while it was away, each ban once', async () => {
    await start();
    agent.ban(ban(1));
    await until('told', () => ids().length === 1);
    await stop();
    agent.ban(ban(2), ban(3));
    await start();
    agent.ban(ban(4));
    await until('told', () => ids().length === 4);
    expect(ids()).toEqual([1, 2, 3, 4]);
  });

  test('tells what happened while the agent restarted', async () => {
    await start();
    agent.stop();
    agent.bans.push(ban(1));
    const before = agent.refused;
    await until('it was asked in vain', () => agent.refused > before);
    agent.down = false;
    await until('told', () => ids().length === 1);
  });

  test('starts before the agent, and goes on when it comes', async () => {
    agent.down = true;
    await start();
    agent.down = false;
    await until('met', () => running[0]?.notifier.view()[0]?.done !== null);
    agent.ban(ban(1));
    await until('told', () => ids().length === 1);
  });

  test('killed between delivery and note tells again rather than never', async () => {
    await start();
    agent.ban(ban(1));
    await until('told', () => ids().length === 1);
    await until(
      'noted',
      () => existsSync(positions()) && readFileSync(positions(), 'utf8').includes(':1}'),
    );
    const before = readFileSync(positions(), 'utf8');
    agent.ban(ban(2));
    await until('told', () => ids().length === 2);
    await stop();
    writeFileSync(positions(), before);
    await start();
    await until('told again', () => ids().length === 3);
    expect(ids()).toEqual([1, 2, 2]);
  });

  test('keeps a position for each target, so that one which stalls repeats nothing for another', async () => {
    fail = ({ target }) => (target.kind === 'mail' ? new Error('stalled') : undefined);
    await start([route(HOOK), route(MAIL)]);
    agent.ban(ban(1), ban(2));
    await until('the hook is told', () => ids().length === 2);
    await stop();
    fail = undefined;
    await start([route(HOOK), route(MAIL)]);
    await until('the mail is sent', () => ids('mail').length === 2);
    expect([ids(), ids('mail')]).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  test('a new target begins with what comes from now on', async () => {
    await start([route(HOOK)]);
    agent.ban(ban(1));
    await until('told', () => ids().length === 1);
    await stop();
    await start([route(HOOK), route(MAIL)]);
    agent.ban(ban(2));
    await until('told', () => ids().length === 2 && ids('mail').length === 1);
    expect(ids('mail')).toEqual([2]);
  });

  test('a ledger that was begun anew is told from its beginning, and the gap is counted', async () => {
    agent.ban(ban(100));
    const notifier = await start();
    agent.ban(ban(101));
    await until('told', () => ids().length === 1);
    agent.bans = [];
    agent.ban(ban(1), ban(2));
    await until('told', () => ids().length === 3);
    expect(ids()).toEqual([101, 1, 2]);
    expect(await notifier.metrics.text('prometheus')).toContain('banjour_notify_gaps_total 1');
    await stop();
    agent.bans = [ban(1)];
    await start();
    await until('told', () => ids().length === 4);
    expect(ids()).toEqual([101, 1, 2, 1]);
  });

  describe('after a long absence', () => {
    const many = 25_000;
    const all = Array.from({ length: many }, (_, i) => i + 1);
    const gaps = (notifier: Notifier) => notifier.metrics.text('prometheus');
    const left = async (routes: readonly NotifyRoute[]) => {
      await start(routes);
      await stop();
      agent.bans.push(...all.map((id) => ban(id)));
      agent.asked = [];
    };

    test('tells all of 25,000 bans, in order, each once; no gap', async () => {
      await left([route(HOOK)]);
      const notifier = await start();
      await until('told', () => ids().length >= many, 30_000);
      expect(ids()).toEqual(all);
      expect(await gaps(notifier)).toContain('banjour_notify_gaps_total 0');
      expect(await gaps(notifier)).toContain(`banjour_notify_events_total ${many}`);
    }, 40_000);

    test('holds no more than its bound of them, leaves the others to the agent, and keeps nobody else waiting', async () => {
      let open = false;
      fail = ({ target }) => (target.kind === 'mail' && !open ? new Error('stalled') : undefined);
      await left([route(HOOK), route(MAIL)]);
      const notifier = await start([route(HOOK), route(MAIL)]);
      await until('the hook is told', () => ids().length >= many, 30_000);
      expect(notifier.view()[1]).toMatchObject({ waiting: NOTIFY_QUEUE_MAX, full: true, done: 0 });
      expect(notifier.view()[1]?.trouble?.reason).toBe('stalled');
      agent.ban(ban(many + 1));
      await until('the hook has the newest', () => ids().length === many + 1);
      open = true;
      await until('the mails are sent', () => ids('mail').length > many, 30_000);
      expect(ids('mail')).toEqual([...all, many + 1]);
      expect(ids()).toEqual([...all, many + 1]);
      expect(await gaps(notifier)).toContain('dropped_total{channel="mail"} 0');
      expect(notifier.view()[1]).toMatchObject({
        waiting: 0,
        full: false,
        trouble: null,
        done: many + 1,
      });
    }, 70_000);

    test('reads pages of a bound, each from where the one before ended', async () => {
      await left([route(HOOK)]);
      agent.bans = agent.bans.slice(0, 2 * FOLLOWER_PAGE_ROWS + 1);
      await start();
      await until('told', () => ids().length === 2 * FOLLOWER_PAGE_ROWS + 1);
      expect([...new Set(agent.asked)].slice(0, 3)).toEqual([
        0,
        FOLLOWER_PAGE_ROWS,
        2 * FOLLOWER_PAGE_ROWS,
      ]);
    });

    test.each([
      ['at the beginning', [3, 4], 0],
      ['in between', [1, 2, 5], 0],
      ['at the end', [1, 2], 5],
      ['everywhere', [], 5],
    ])(
      'counts what the agent has forgotten meanwhile as a gap, once: %s',
      async (_, kept, forgotten) => {
        await left([route(HOOK), route(MAIL)]);
        agent.bans = kept.map((id) => ban(id));
        agent.forgotten = forgotten;
        const notifier = await start([route(HOOK), route(MAIL)]);
        agent.ban(ban(6));
        await until('told', () => ids().includes(6) && ids('mail').includes(6));
        expect([ids(), ids('mail')]).toEqual([
          [...kept, 6],
          [...kept, 6],
        ]);
        const missing = [1, 2, 3, 4, 5].filter((id) => !kept.includes(id));
        const holes = missing.filter((id) => !missing.includes(id - 1)).length;
        expect(await gaps(notifier)).toContain(`banjour_notify_gaps_total ${holes}`);
      },
    );
  });

  test('asks one question at a time, so that no late answer looks like another ledger', async () => {
    const notifier = await start();
    agent.slowMs = 20;
    // Looked for again and again while the stream ends and comes back.
    agent.ban(ban(1, { state: 'wanted' }));
    for (let time = 0; time < 5; time++) {
      const before = agent.streams;
      agent.stop();
      agent.down = false;
      await until('the stream is back', () => agent.streams > before);
    }
    agent.bans = [ban(1), ban(2)];
    await until('told', () => ids().length === 2);
    expect(agent.together).toBe(1);
    expect(await notifier.metrics.text('prometheus')).toContain('banjour_notify_gaps_total 0');
  });

  test('a ban that is told and then forgotten by the agent is no gap, and no ledger begun anew', async () => {
    agent.ban(ban(1), ban(2));
    const notifier = await start();
    agent.ban(ban(3));
    await until('told', () => ids().length === 1);
    agent.bans = [ban(1)];
    agent.forgotten = 3;
    agent.stop();
    agent.down = false;
    agent.ban(ban(4));
    await until('told', () => ids().length === 2);
    expect(ids()).toEqual([3, 4]);
    expect(await notifier.metrics.text('prometheus')).toContain('banjour_notify_gaps_total 0');
  });

  test('shows how it stands without a secret', async () => {
    const notifier = await start([route(HOOK), route(MAIL)]);
    expect(JSON.stringify(notifier.view())).not.toContain('SECRET');
    await stop();
    expect(readFileSync(positions(), 'utf8')).not.toContain('SECRET');
  });

  test('a file of positions that is half written makes it begin anew, not fail', async () => {
    writeFileSync(positions(), '{"version":1,"tar');
    await start();
    agent.ban(ban(1));
    await until('told', () => ids().length === 1);
  });
});

describe('mails', () => {
  test('of many bans within a short time are one, after the first', async () => {
    await start([route(MAIL)], 100);
    agent.ban(ban(1));
    await until('the first mail', () => told.length === 1);
    for (let id = 2; id <= 20; id++) agent.ban(ban(id));
    await until('the second mail', () => told.length === 2);
    expect(told).toEqual([
      ['mail', [1]],
      ['mail', Array.from({ length: 19 }, (_, i) => i + 2)],
    ]);
  });

  test.each([
    [NOTIFY_DIGEST_BANS_MAX, [NOTIFY_DIGEST_BANS_MAX]],
    [NOTIFY_DIGEST_BANS_MAX + 1, [NOTIFY_DIGEST_BANS_MAX, 1]],
  ])('%i bans that wait are mails of %j', async (count, sizes) => {
    let open = false;
    fail = () => (open ? undefined : new Error('not yet'));
    await start([route(MAIL)]);
    agent.ban(...Array.from({ length: count }, (_, i) => ban(i + 1)));
    await until('all wait', () => running[0]?.notifier.view()[0]?.waiting === count);
    open = true;
    await until('told', () => ids('mail').length === count);
    expect(told.map(([, list]) => list.length)).toEqual(sizes);
  });
});

describe('a target that does not take messages', () => {
  function outbox(
    queueMax: number,
    send: () => Promise<void>,
    more: Partial<OutboxOptions> = { backoffMs: { first: 1, last: 4 } },
  ) {
    const metrics = new NotifyMetrics(() => new Map());
    const said: string[] = [];
    let rooms = 0;
    const box = new Outbox(0, {
      route: route(HOOK),
      send,
      together: 1,
      gatherMs: 0,
      log: (_, message) => said.push(message),
      metrics,
      moved: () => undefined,
      room: () => {
        rooms++;
      },
      queueMax,
      ...more,
    });
    const dropped = async () =>
      Number(
        /dropped_total\{channel="webhook"\} (\d+)/.exec(await metrics.text('prometheus'))?.[1],
      );
    return { box, said, dropped, room: () => rooms };
  }
  test('is tried again after a pause that doubles from the one bound to the other', async () => {
    using _ = fakeTimers();
    const random = jest.spyOn(Math, 'random').mockReturnValue(1);
    const tries: number[] = [];
    const send = async () => {
      tries.push(Date.now());
      throw new DeliveryError('ERR_X', 'the webhook answers 503');
    };
    const { box } = outbox(10, send, {});
    box.offer(ban(1, { time: new Date().toISOString() }));
    await jest.advanceTimersByTimeAsync(20 * NOTIFY_BACKOFF_MS_MAX);
    const pauses = tries.slice(1).map((time, i) => time - (tries[i] ?? 0));
    expect(pauses.slice(0, 3)).toEqual([1, 2, 4].map((times) => times * NOTIFY_BACKOFF_MS_MIN));
    expect(pauses.slice(-3)).toEqual(Array(3).fill(NOTIFY_BACKOFF_MS_MAX));
    random.mockRestore();
    const stopped = box.stop(1);
    await jest.advanceTimersByTimeAsync(1);
    await stopped;
  });

  const never = () => new Promise<void>(() => undefined);

  test.each([
    [3, 3, true],
    [4, 3, false],
    [9, 3, false],
  ])(
    '%i bans where 3 may wait: what finds no room is not taken, nor dropped',
    async (count, seen, hasRoom) => {
      const { box, dropped } = outbox(3, never);
      for (let id = 1; id <= count; id++) box.offer(ban(id));
      box.pass(count + 1);
      expect([box.waiting, box.done, await dropped()]).toEqual([3, 0, 0]);
      expect([box.seen, box.hasRoom]).toEqual([hasRoom ? count + 1 : seen, hasRoom]);
      await box.stop(1);
    },
  );

  test('says when there is room again: when half of the queue is free', async () => {
    const free: (() => void)[] = [];
    const { box, room } = outbox(4, () => new Promise((resolve) => free.push(resolve)));
    for (let id = 1; id <= 5; id++) box.offer(ban(id));
    const next = async (done: number) => {
      await until('under way', () => free.length === done);
      free.at(-1)?.();
      await until('done', () => box.done === done);
    };
    await next(1);
    expect([box.hasRoom, room()]).toEqual([false, 0]);
    await next(2);
    expect([box.hasRoom, room(), box.seen]).toEqual([true, 1, 4]);
    await box.stop(1);
  });

  test('is tried again with growing pauses, and the trouble is said once', async () => {
    let tries = 0;
    const { box, said, dropped } = outbox(10, async () => {
      if (++tries < 5) throw new DeliveryError('ERR_X', 'the webhook answers 503');
    });
    box.offer(ban(1));
    await until('delivered', () => box.done === 1);
    expect([tries, await dropped()]).toEqual([5, 0]);
    expect(said).toEqual([
      'webhook: the webhook answers 503; it is tried again until it is taken',
      'webhook: delivered again',
    ]);
    await box.stop(1);
  });

  test('for good loses that message only', async () => {
    let tries = 0;
    const { box, dropped } = outbox(10, async () => {
      if (++tries === 1)
        throw new DeliveryError('ERR_X', 'the webhook answers 404', { permanent: true });
    });
    box.offer(ban(1));
    await until('given up', () => box.dropped === 1);
    expect(box.trouble?.reason).toBe('the webhook answers 404');
    box.offer(ban(2));
    await until('done', () => box.done === 2);
    expect([tries, await dropped()]).toEqual([2, 1]);
    expect([box.trouble, box.oldest]).toEqual([undefined, undefined]);
    await box.stop(1);
  });

  test('is not told of yesterday', async () => {
    const { box, dropped } = outbox(10, async () => undefined);
    const old = (seconds: number) => ({
      time: new Date(Date.now() - seconds * 1000).toISOString(),
    });
    box.offer(ban(1, old(NOTIFY_AGE_SECONDS_MAX + 1)));
    box.offer(ban(2, old(NOTIFY_AGE_SECONDS_MAX - 60)));
    await until('done', () => box.done === 2);
    expect(await dropped()).toBe(1);
    await box.stop(1);
  });
});
