/** What others can fill, and how far: connections, time, streams, questions, sessions, files, bans. */
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  WEB_ANSWERS_MAX,
  WEB_BACKLOG_BYTES_MAX,
  WEB_BANS_MAX,
  WEB_BODY_BYTES_MAX,
  WEB_CLIENTS_MAX,
  WEB_FILES_BYTES_MAX,
  WEB_HEAD_BYTES_MAX,
  WEB_LINKS_MAX,
  WEB_QUESTIONS_PER_SECOND_MAX,
  WEB_QUESTIONS_WAITING_MAX,
  WEB_SESSIONS_MAX,
  WEB_VIEWERS_MAX,
} from '../../src/core/service-limits.js';
import {
  WEB_ANSWER_MS_MAX,
  WEB_IDLE_MS_MAX,
  WEB_LINK_SECONDS_MAX,
  WEB_REQUEST_MS_MAX,
  WEB_SESSION_SECONDS_MAX,
  WEB_STALL_MS_MAX,
} from '../../src/core/timeouts.js';
import { readPageFiles } from '../../src/web/files.js';
import { Questions } from '../../src/web/questions.js';
import { Sessions } from '../../src/web/sessions.js';
import { until } from '../support/until.js';
import { banOf, Rig } from './rig.js';

describe('the server', () => {
  let rig: Rig;
  let cookie: string;
  let open: Socket[];
  beforeEach(async () => {
    open = [];
    rig = await new Rig().start();
    cookie = await rig.signIn();
  });
  afterEach(async () => {
    for (const socket of open) socket.destroy();
    await rig.stop();
  });

  /** A connection by hand; what it was sent stands in `text`. */
  function line(words = ''): Socket & { text: string } {
    const socket = Object.assign(connect(rig.port, '127.0.0.1'), { text: '' });
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      socket.text += chunk;
    });
    socket.once('connect', () => socket.write(words));
    open.push(socket);
    return socket;
  }
  const head = (more: string) => `GET / HTTP/1.1\r\nHost: ${rig.host}\r\n${more}`;

  test('a thousand connections, silent or half of a request, keep nobody out', async () => {
    for (let i = 0; i < 1_000; i++) line(i % 2 === 0 ? '' : head('X-Half: '));
    await until('most of them closed', () => {
      const alive = open.filter(({ destroyed, readyState }) => !destroyed && readyState === 'open');
      return open.every(({ connecting }) => !connecting) && alive.length <= WEB_CLIENTS_MAX;
    });
    expect((await rig.ask('/api/session', { headers: { cookie } })).status).toBe(200);
  });

  test('who is slow with head or body is cut off, and who says nothing', async () => {
    const begun = performance.now();
    const slow = [
      line(head('X-Slow: ')),
      line('P'),
      line(`POST /api/ban HTTP/1.1\r\nHost: ${rig.host}\r\nContent-Length: 9\r\n\r\n{`),
    ];
    const silent = line();
    // A word now and then does not help.
    const drip = setInterval(() => {
      for (const socket of slow) if (!socket.destroyed) socket.write('x');
    }, 250);
    const ended = (socket: Socket) => until('an end', () => socket.destroyed || socket.closed);
    await Promise.all(slow.map(ended));
    clearInterval(drip);
    expect(performance.now() - begun).toBeLessThan(WEB_REQUEST_MS_MAX + 8_000);
    await ended(silent);
    expect(performance.now() - begun).toBeLessThan(WEB_IDLE_MS_MAX + 8_000);
  }, 60_000);

  test('a head may be so large, and no larger', async () => {
    const room = WEB_HEAD_BYTES_MAX - head('X: \r\n\r\n').length;
    const fits = line(head(`X: ${'x'.repeat(room - 64)}\r\n\r\n`));
    await until('an answer', () => fits.text.startsWith('HTTP/1.1 200'));
    const over = line(head(`X: ${'x'.repeat(room + 64)}\r\n\r\n`));
    await until('an end', () => over.destroyed || over.closed);
    expect(over.text).not.toContain('200');
  });

  test('a body without end is not read', async () => {
    await rig.stop();
    const never = () => Promise.reject(new Error('no change was asked for'));
    rig = await new Rig().start({ changes: { ban: never, unban: never, attempt: never } });
    cookie = await rig.signIn();
    const { csrf } = await rig.call<{ csrf: string }>('session', cookie);
    const socket = line(
      `POST /api/ban HTTP/1.1\r\nHost: ${rig.host}\r\nCookie: ${cookie}\r\nOrigin: http://${rig.host}\r\nX-Banjour-Csrf: ${csrf}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    await until('a connection', () => socket.readyState === 'open');
    const chunk = `${(1024).toString(16)}\r\n${'x'.repeat(1024)}\r\n`;
    for (let sent = 0; sent <= WEB_BODY_BYTES_MAX * 4; sent += 1024) socket.write(chunk);
    await until('an end', () => socket.destroyed || socket.closed);
    expect(socket.text).toMatch(/^(HTTP\/1.1 413|$)/);
  });

  test('so many viewers, and not one more; one who goes makes room', async () => {
    const events = `GET /api/events HTTP/1.1\r\nHost: ${rig.host}\r\nCookie: ${cookie}\r\n\r\n`;
    const viewers = Array.from({ length: WEB_VIEWERS_MAX }, () => line(events));
    await until('hello', () => viewers.every(({ text }) => text.includes('event: hello')));
    expect(rig.web.view.viewers).toBe(WEB_VIEWERS_MAX);
    // One subscription for all of them, and the status asked once for all.
    expect(rig.agent.followers).toBe(1);
    expect(rig.agent.calls.get('status')).toBeLessThan(6);
    const more = line(events);
    await until('full', () => more.text.includes('event: full'));
    viewers[0]?.destroy();
    await until('room', () => rig.web.view.viewers < WEB_VIEWERS_MAX);
    const next = line(events);
    await until('hello', () => next.text.includes('event: hello'));
  });

  test('a viewer who takes nothing is cut off, and the others are told', async () => {
    const events = `GET /api/events HTTP/1.1\r\nHost: ${rig.host}\r\nCookie: ${cookie}\r\n\r\n`;
    const stalled = line(events);
    const other = line(events);
    await until('hello', () => [stalled, other].every(({ text }) => text.includes('hello')));
    stalled.pause();
    const user = 'x'.repeat(WEB_BACKLOG_BYTES_MAX);
    let told = 0;
    await until('the end of one', () => {
      // The other takes all of it, however slow this machine is.
      if (other.text.length >= told * user.length) {
        rig.agent.tell({ address: '192.0.2.1', user });
        told++;
      }
      return rig.web.view.viewers === 1;
    });
    await until('a tick', () => other.text.includes('event: tick'));
  }, 60_000);

  test('a browser that does not take its answer is cut off in time', async () => {
    const user = 'x'.repeat(100_000);
    rig.agent.bans = Array.from({ length: 200 }, (_, i) => banOf(`10.0.0.${i}`, { user }));
    const socket = line();
    socket.pause();
    await until('a connection', () => socket.readyState === 'open');
    const begun = performance.now();
    socket.write(
      `GET /api/bans?limit=200 HTTP/1.1\r\nHost: ${rig.host}\r\nCookie: ${cookie}\r\n\r\n`,
    );
    const ends = new Promise<void>((resolve) => {
      // A paused socket hears of nothing but what its own words meet.
      const drip = setInterval(() => {
        if (!socket.destroyed) socket.write('x');
        if (!socket.destroyed) return;
        clearInterval(drip);
        resolve();
      }, 500);
    });
    await ends;
    expect(performance.now() - begun).toBeLessThan(WEB_STALL_MS_MAX + 10_000);
  }, 60_000);
});

describe('sessions', () => {
  let now = 1_000_000;
  const sessions = () => new Sessions(() => now);

  test('a link opens for so long, a session lasts so long', () => {
    const own = sessions();
    const [early, late] = [own.makeLink(null), own.makeLink(null)];
    now += WEB_LINK_SECONDS_MAX * 1000 - 1;
    const cookie = own.open(early);
    expect(own.find(cookie)).toBeDefined();
    now++;
    expect(own.open(late)).toBeUndefined();
    const session = own.find(cookie);
    now += WEB_SESSION_SECONDS_MAX * 1000 - 2;
    expect(session && own.isOpen(session)).toBe(true);
    now++;
    expect([own.find(cookie), session && own.isOpen(session), own.count]).toEqual([
      undefined,
      false,
      0,
    ]);
  });

  test('of too many links and sessions the oldest go', () => {
    const own = sessions();
    const links = Array.from({ length: WEB_LINKS_MAX + 1 }, () => own.makeLink(null));
    expect(links.map((link) => own.open(link) !== undefined)).toEqual([
      false,
      ...Array<boolean>(WEB_LINKS_MAX).fill(true),
    ]);
    const cookies = Array.from({ length: WEB_SESSIONS_MAX + 1 }, () =>
      own.open(own.makeLink(null)),
    );
    expect(cookies.map((cookie) => own.find(cookie) !== undefined)).toEqual([
      false,
      ...Array<boolean>(WEB_SESSIONS_MAX).fill(true),
    ]);
    expect(own.count).toBe(WEB_SESSIONS_MAX);
  });
});

describe('questions to the agent', () => {
  test('the same is asked once, for a while; an error is not kept', async () => {
    let now = 0;
    let asked = 0;
    const questions = new Questions(() => now);
    const ask = () => questions.ask('a', 100, async () => ++asked);
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1]);
    now = 99;
    expect(await ask()).toBe(1);
    now = 100;
    expect(await ask()).toBe(2);
    await expect(questions.ask('b', 100, () => Promise.reject(new Error('no')))).rejects.toThrow();
    expect(await questions.ask('b', 100, async () => 7)).toBe(7);
  });

  test('so many answers are kept, the oldest go', async () => {
    let asked = 0;
    const questions = new Questions(() => 0);
    const ask = (n: number) => questions.ask(`${n}`, 100, async () => ++asked);
    const slow = WEB_QUESTIONS_PER_SECOND_MAX;
    for (let n = 0; n <= WEB_ANSWERS_MAX; n += slow)
      await Promise.all(
        Array.from({ length: Math.min(slow, WEB_ANSWERS_MAX + 1 - n) }, (_, i) => ask(n + i)),
      );
    await ask(1);
    expect(asked).toBe(WEB_ANSWERS_MAX + 1);
    await ask(0);
    expect(asked).toBe(WEB_ANSWERS_MAX + 2);
  }, 30_000);

  test('so many wait, and not one more', async () => {
    const questions = new Questions();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const asked = Array.from({ length: WEB_QUESTIONS_WAITING_MAX }, (_, i) =>
      questions.ask(`${i}`, 0, () => held),
    );
    await expect(questions.ask('more', 0, () => held)).rejects.toThrow('too many questions');
    release();
    await Promise.all(asked);
    await questions.ask('more', 0, async () => undefined);
    expect(WEB_ANSWER_MS_MAX).toBeGreaterThan(55_000);
  }, 30_000);
});

test('files of the page may be so large together, and no larger', async () => {
  const rig = await new Rig().start();
  try {
    const rest = [...readPageFiles(rig.folder).values()].reduce(
      (n, { bytes }) => n + bytes.length,
      0,
    );
    const path = join(rig.folder, 'large.js');
    writeFileSync(path, Buffer.alloc(WEB_FILES_BYTES_MAX - rest));
    expect(readPageFiles(rig.folder).has('/large.js')).toBe(true);
    writeFileSync(path, Buffer.alloc(WEB_FILES_BYTES_MAX - rest + 1));
    expect(() => readPageFiles(rig.folder)).toThrow('too large');
  } finally {
    await rig.stop();
  }
});

test('the list holds what the kernel holds', () => {
  expect(WEB_BANS_MAX).toBe(200_000);
});
