/** What viewers hear: bans as they happen, attempts by the minute, and that the agent is gone. */
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { AgentView, StreamEvent } from '../../src/control/protocol.js';
import type { BanPage, LiveHello, LiveTick } from '../../src/web/api.js';
import { LiveFeed } from '../../src/web/live.js';
import { Minutes } from '../../src/web/minutes.js';
import { until } from '../support/until.js';
import { banOf, Rig } from './rig.js';

let rig: Rig;
let cookie: string;
let viewer: Socket;
let text: string;
beforeEach(async () => {
  text = '';
  rig = await new Rig().start();
  cookie = await rig.signIn();
  viewer = connect(rig.port, '127.0.0.1');
  viewer.on('data', (chunk) => {
    text += chunk;
  });
});
afterEach(async () => {
  viewer.destroy();
  await rig.stop();
});

const watch = async () => {
  viewer.write(`GET /api/events HTTP/1.1\r\nHost: ${rig.host}\r\nCookie: ${cookie}\r\n\r\n`);
  await until('hello', () => messages('hello').length === 1);
};
const messages = <T>(name: string): T[] =>
  [...text.matchAll(new RegExp(`event: ${name}\ndata: (.*)\n\n`, 'g'))].map(
    ([, data = '']) => JSON.parse(data) as T,
  );
const ticks = () => messages<LiveTick>('tick');

test('bans are told in one message for many, the newest in full', async () => {
  await watch();
  for (let i = 0; i < 1_000; i++)
    rig.agent.tell({ address: `10.0.${i >> 8}.${i & 255}`, count: 5 });
  rig.agent.tell({ event: 'unban', address: '10.0.0.0' });
  rig.agent.tell({ event: 'takeover', address: '192.0.2.9', user: 'anna', count: 4 });
  await until('all told', () => ticks().reduce((sum, { bansMade }) => sum + bansMade, 0) === 1_000);
  const told = ticks().filter(({ bansMade }) => bansMade > 0);
  expect(told.length).toBeLessThan(4);
  expect(told.at(-1)?.bans.length).toBeLessThanOrEqual(20);
  expect(told.at(-1)?.bans.at(-1)?.target).toBe('10.0.3.231');
  expect(ticks().flatMap(({ alarms }) => alarms)).toMatchObject([{ user: 'anna', count: 4 }]);
  const page = await rig.call<BanPage>('bans?limit=1', cookie);
  expect(page).toMatchObject({ total: 999, isCurrent: true, rows: [{ target: '10.0.3.231' }] });
});

test('attempts come from the counters of the agent, however many there were', async () => {
  await watch();
  const [hello] = messages<LiveHello>('hello');
  expect(hello?.minutes.length).toBeLessThanOrEqual(1);
  rig.agent.jails = [{ jail: 'sshd', totalFailed: 50_000, totalBanned: 7 }];
  const counted = () => ticks().find(({ minute }) => minute.jails['sshd'] !== undefined);
  await until('the count', () => counted() !== undefined);
  expect(counted()?.minute.jails).toEqual({ sshd: { attempts: 50_000, bans: 7 } });
});

test('an agent that goes is told, and one that comes back is read anew', async () => {
  rig.agent.bans = [banOf('192.0.2.1')];
  await watch();
  expect((await rig.call<BanPage>('bans', cookie)).total).toBe(1);
  rig.agent.isThere = false;
  rig.agent.bans = [banOf('192.0.2.1'), banOf('192.0.2.2')];
  rig.agent.hangUp();
  await until('silence', () => ticks().at(-1)?.isAgentAnswering === false);
  rig.agent.isThere = true;
  await until('it is back', () => ticks().at(-1)?.isAgentAnswering === true);
  await until('it is followed', async () => {
    const page = await rig.call<BanPage>('bans', cookie);
    return page.total === 2 && page.isCurrent;
  });
  expect(rig.agent.followers).toBe(1);
});

test('without an agent there is no list, and that is said', async () => {
  rig.agent.isThere = false;
  const { status, text: said } = await rig.ask('/api/bans', { headers: { cookie } });
  expect([status, said]).toEqual([503, expect.stringContaining('no agent')]);
});

test('a stream ends with its session', async () => {
  await watch();
  const { csrf } = await rig.call<{ csrf: string }>('session', cookie);
  const headers = {
    ...{ cookie, origin: `http://${rig.host}`, 'content-type': 'application/json' },
    'x-banjour-csrf': csrf,
  };
  await rig.ask('/api/signout', { method: 'POST', headers });
  await until('an end', () => rig.web.view.viewers === 0);
});

test('minutes: a first look, an agent or a jail that begins anew are no attempts', () => {
  const minutes = new Minutes();
  const look = (since: string, totalFailed: number, at: number, jail = 'a') =>
    minutes.note({ since, jails: [{ jail, totalFailed, totalBanned: 0 }] as never }, at);
  const MINUTE = 60_000;
  expect(look('x', 100, 0)).toBe(false);
  expect(look('x', 103, 1_000)).toBe(true);
  expect(look('x', 1, 2_000)).toBe(false);
  expect(look('x', 2, MINUTE)).toBe(true);
  expect(look('y', 9, MINUTE + 1)).toBe(false);
  expect(look('y', 9, MINUTE + 2, '__proto__')).toBe(false);
  expect(look('y', 10, MINUTE + 3, '__proto__')).toBe(true);
  expect(minutes.at(0)).toEqual({
    time: '1970-01-01T00:00:00.000Z',
    jails: { a: { attempts: 3, bans: 0 } },
  });
  expect(Object.entries(minutes.at(MINUTE).jails)).toEqual([
    ['a', { attempts: 1, bans: 0 }],
    ['__proto__', { attempts: 1, bans: 0 }],
  ]);
  expect(minutes.hour(60 * MINUTE).map(({ time }) => time)).toEqual(['1970-01-01T00:01:00.000Z']);
});

/** A viewer's answer that is made up: what was written, and how it ended. */
class FakeResponse extends EventEmitter {
  readonly written: string[] = [];
  writableLength = 0;
  writableEnded = false;
  destroyed = false;
  write(text: string): void {
    this.written.push(text);
  }
  end(): void {
    this.writableEnded = true;
  }
  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

describe('a feed of its own', () => {
  let feed: LiveFeed;
  beforeEach(() => {
    jest.useFakeTimers();
    feed = new LiveFeed({
      status: async () => ({ since: 'now', jails: [] }) as unknown as AgentView,
      isFollowing: () => true,
      looked: () => undefined,
      changed: () => undefined,
    });
  });
  afterEach(() => {
    feed.close();
    jest.useRealTimers();
  });
  const attach = (isOpen = () => true) => {
    const response = new FakeResponse();
    feed.attach(response as unknown as ServerResponse, isOpen);
    return response;
  };
  const ban = { event: 'ban', id: 1, time: '', jail: 'sshd', address: '192.0.2.1' } as StreamEvent;

  test('does not tell a viewer of what came while nobody looked', () => {
    attach().destroy();
    feed.hear(ban);
    feed.hear(ban);
    const { written } = attach();
    feed.hear(ban);
    jest.advanceTimersByTime(500);
    expect(written.at(-1)).toContain('"bansMade":1,');
  });

  test('lets go of a viewer without a session who does not take the end either', () => {
    let isOpen = true;
    const response = attach(() => isOpen);
    isOpen = false;
    jest.advanceTimersByTime(500);
    expect([response.writableEnded, response.destroyed]).toEqual([true, false]);
    jest.advanceTimersByTime(500);
    expect([response.destroyed, feed.viewers]).toEqual([true, 0]);
  });
});
