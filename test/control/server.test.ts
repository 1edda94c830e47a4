import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ControlClient } from '../../src/control/client.js';
import { RateLimiter } from '../../src/control/clients.js';
import type { ControlHandlers, RequestFor } from '../../src/control/endpoints.js';
import type { AgentView, StreamEvent } from '../../src/control/protocol.js';
import { type ControlServer, serveControl } from '../../src/control/server.js';
import { OperatorError } from '../../src/core/errors.js';
import {
  CONTROL_REQUEST_BYTES_MAX,
  CONTROL_STREAM_BACKLOG_BYTES_MAX,
  POLICY_ADDRESS_CHARS_MAX,
  POLICY_CLIENTS_MAX,
  POLICY_REPORTS_MAX,
  POLICY_REQUESTS_PER_SECOND_MAX,
  POLICY_WORD_CHARS_MAX,
  SHARE_CLIENTS_MAX,
  SHARE_DECISIONS_MAX,
  SHARE_REQUESTS_PER_SECOND_MAX,
  SHARE_TARGET_CHARS_MAX,
  SHARE_TEXT_CHARS_MAX,
  SHARE_WORD_CHARS_MAX,
} from '../../src/core/service-limits.js';
import { CONTROL_IDLE_MS_MAX } from '../../src/core/timeouts.js';
import { NOTHING_KNOWN } from '../support/policy-facts.js';
import { until } from '../support/until.js';

const view: AgentView = {
  version: '0',
  pid: 1,
  since: '2026-11-21T00:00:00.000Z',
  state: 'running',
  sources: [],
  firewall: { hook: 'input', inForce: 0, refused: 0, batches: 0, healed: 0, lastBatchMs: null },
  jails: [],
  warnings: [],
};

const { jail: _, ...facts } = NOTHING_KNOWN;
const shared = { taken: 0, lifted: 0, refused: [], refusedCount: 0 };

const event = (id: number): StreamEvent => ({
  id,
  event: 'ban',
  time: '2026-11-21T00:00:00.000Z',
  jail: 'sshd',
  address: '192.0.2.1',
  user: 'a\nb',
});

let directory: string;
let server: ControlServer;
let asked: (RequestFor<'ban'> | RequestFor<'unban'>)[];
let logins: RequestFor<'policyLogin'>[];
let tellings: unknown[];
let listeners: Set<(event: StreamEvent) => void>;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'banjour-control-'));
  asked = [];
  logins = [];
  tellings = [];
  listeners = new Set();
  const operations: ControlHandlers = {
    ping: () => ({ pong: true }),
    version: () => ({ version: '0', api: 1 }),
    counters: async () => ({ present: true, jails: {} }),
    options: () => ({ options: {} }),
    jailOptions: () => ({ options: {} }),
    set: async ({ key, value }) => ({ key, value, changes: [] }),
    attempt: async () => ({ outcome: 'counted', message: '1 of 5 failures' }),
    import: async () => ({ banned: 0, history: 0, skipped: [] }),
    status: () => view,
    jail: ({ jail }) => {
      throw new OperatorError(`no jail ${jail}`, { hint: 'banjour status lists them' });
    },
    bans: () => [],
    history: () => [],
    newestBan: () => ({ id: 7 }),
    figures: () => {
      throw new OperatorError('nothing was counted');
    },
    alarms: () => [],
    ban: async (body) => {
      asked.push(body);
      return { results: [], changed: body.targets.length };
    },
    unban: async (body) => {
      asked.push(body);
      return { results: [], changed: 1 };
    },
    flush: async () => ({ flushed: true }),
    reload: async () => ({ changes: [] }),
    user: async ({ user }) => ({ user, jails: [], alarms: [], refusals: [] }),
    explain: async ({ address }) => ({ address, allowed: {}, bans: [], windows: [], kernel: [] }),
    metrics: async ({ format = 'openmetrics' }) => ({
      text: `${format}\n`,
      contentType: `text/${format}`,
    }),
    policyLogin: (login) => {
      logins.push(login);
      return facts;
    },
    shareDecisions: ({ engine, decisions: [decision] }) => {
      tellings.push({ engine, ...decision });
      return shared;
    },
    flushShared: async () => ({ lifted: 0, listed: 0 }),
    shareStatus: () => {
      throw new OperatorError('nothing is shared');
    },
    policyReports: ({ reports }) => ({ taken: reports.length }),
    refusals: () => [],
    events: ({ since }) => ({
      kept: () => ({ missed: since === 5 ? [event(6)] : [], gap: since === 1 }),
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    }),
  };
  server = await serveControl(
    {
      control: path('control.sock'),
      status: path('status.sock'),
      policy: path('policy.sock'),
      share: path('share.sock'),
    },
    operations,
  );
});
afterEach(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

const path = (name: string) => join(directory, name);

function ask(
  socket: string,
  method: string,
  url: string,
  body?: string,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: path(socket), method, path: url }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    call.on('error', reject);
    call.end(body);
  });
}

describe('the control sockets', () => {
  test('differ by their modes', () => {
    expect(statSync(path('control.sock')).mode & 0o777).toBe(0o600);
    expect(statSync(path('status.sock')).mode & 0o777).toBe(0o660);
  });

  test('policy.sock answers what mail servers ask and nothing else, root asks it anywhere', async () => {
    expect(statSync(path('policy.sock')).mode & 0o777).toBe(0o600);
    const others = { control: path('c.sock'), status: path('s.sock'), policy: path('p.sock') };
    for (const [companionGroupId, mode] of [
      [process.getgid?.(), 0o660],
      [2 ** 32 - 2, process.getuid?.() === 0 ? 0o660 : 0o600],
    ] as const) {
      const another = await serveControl({ ...others, companionGroupId }, {} as ControlHandlers);
      expect(statSync(path('p.sock')).mode & 0o777).toBe(mode);
      await another.close();
    }
    const asked = { address: '192.0.2.1', user: 'anna' };
    expect(await new ControlClient(path('policy.sock')).policyLogin(asked)).toEqual(facts);
    expect(await new ControlClient(path('control.sock')).policyLogin(asked)).toEqual(facts);
    const body = JSON.stringify(asked);
    expect(await ask('status.sock', 'POST', '/v1/policy/login', body)).toMatchObject({
      status: 403,
    });
    for (const [method, url] of [
      ['GET', '/v1/status'],
      ['GET', '/v1/ping'],
      ['GET', '/v1/policy/refusals'],
      ['POST', '/v1/ban'],
      ['POST', '/v1/flush'],
    ] as const)
      expect(await ask('policy.sock', method, url, method === 'GET' ? undefined : '{}')).toEqual({
        status: 403,
        body: expect.stringContaining('this socket does not answer that'),
      });
    expect(asked).toEqual({ address: '192.0.2.1', user: 'anna' });
  });

  test('share.sock takes decisions of others and answers nothing else', async () => {
    expect(statSync(path('share.sock')).mode & 0o777).toBe(0o600);
    const asked = { engine: 'lapi', decisions: [], lifted: [] };
    expect(await new ControlClient(path('share.sock')).shareDecisions(asked)).toEqual(shared);
    const body = JSON.stringify(asked);
    for (const socket of ['status.sock', 'policy.sock'])
      expect(await ask(socket, 'POST', '/v1/share/decisions', body)).toMatchObject({ status: 403 });
    for (const [method, url] of [
      ['GET', '/v1/status'],
      ['GET', '/v1/share/status'],
      ['POST', '/v1/policy/login'],
      ['POST', '/v1/share/flush'],
      ['POST', '/v1/unban'],
    ] as const)
      expect(
        await ask('share.sock', method, url, method === 'GET' ? undefined : '{}'),
      ).toMatchObject({ status: 403 });
  });

  test('share.sock takes so many decisions in one request, and not one more', async () => {
    const decision = { target: '192.0.2.1', origin: 'lists', until: '2026-11-21T18:50:38Z' };
    const many = Array.from({ length: SHARE_DECISIONS_MAX - 1 }, () => decision);
    const lifted = [{ target: '192.0.2.2', origin: 'lists' }];
    const client = new ControlClient(path('share.sock'));
    const request = { engine: 'lapi', decisions: many, lifted };
    expect(await client.shareDecisions(request)).toEqual(shared);
    await expect(
      client.shareDecisions({ ...request, decisions: [...many, decision] }),
    ).rejects.toThrow(`at most ${SHARE_DECISIONS_MAX} decisions`);
    const long = 'x'.repeat(200);
    const hostile = { target: long, origin: long, until: long, host: long, scenario: long };
    await client.shareDecisions({ engine: long, decisions: [hostile], lifted: [] });
    expect(tellings.at(-1)).toEqual({
      engine: 'x'.repeat(SHARE_TEXT_CHARS_MAX),
      target: 'x'.repeat(SHARE_TARGET_CHARS_MAX),
      origin: 'x'.repeat(SHARE_WORD_CHARS_MAX),
      until: 'x'.repeat(SHARE_WORD_CHARS_MAX),
      host: 'x'.repeat(SHARE_TEXT_CHARS_MAX),
      scenario: 'x'.repeat(SHARE_TEXT_CHARS_MAX),
    });
  });

  test('policy.sock keeps its connections, and takes reports up to its bound', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<unknown>();
    const post = (url: string, body: unknown) =>
      new Promise<number>((resolve, reject) => {
        const call = request(
          { socketPath: path('policy.sock'), method: 'POST', path: url, agent },
          (response) => {
            response.resume();
            response.once('end', () => resolve(response.statusCode ?? 0));
          },
        );
        call.once('socket', (socket) => ports.add(socket));
        call.once('error', reject);
        call.end(JSON.stringify(body));
      });
    const report = { address: '192.0.2.1' };
    const reports = (count: number) => ({ reports: Array(count).fill(report) });
    expect(await post('/v1/policy/login', report)).toBe(200);
    expect(await post('/v1/policy/reports', reports(POLICY_REPORTS_MAX))).toBe(200);
    expect(ports.size).toBe(1);
    expect(await post('/v1/policy/reports', reports(POLICY_REPORTS_MAX + 1))).toBe(400);
    for (const [length, status] of [
      [POLICY_ADDRESS_CHARS_MAX, 200],
      [POLICY_ADDRESS_CHARS_MAX + 1, 400],
    ] as const)
      expect(await post('/v1/policy/login', { address: 'x'.repeat(length) })).toBe(status);
    const protocol = 'p'.repeat(POLICY_WORD_CHARS_MAX + 1);
    expect(await post('/v1/policy/login', { ...report, protocol })).toBe(200);
    expect(logins.at(-1)?.protocol).toBe(protocol.slice(0, POLICY_WORD_CHARS_MAX));
    agent.destroy();
  });

  test.each([
    ['policy.sock', POLICY_CLIENTS_MAX, 'policy/login', '{"address":"192.0.2.1"}'],
    ['share.sock', SHARE_CLIENTS_MAX, 'share/decisions', '{"engine":"lapi"}'],
  ])(
    '%s has room for so many clients, and says how long it keeps them',
    async (socket, most, call, body) => {
      const clients = Array.from({ length: most }, () => connect(path(socket)));
      await Promise.all(
        clients.map((one) => new Promise((resolve) => one.once('connect', resolve))),
      );
      const more = connect(path(socket));
      await new Promise<void>((resolve) => {
        more.once('close', () => resolve());
        more.on('error', () => undefined);
      });
      const [one] = clients;
      one?.write(
        `POST /v1/${call} HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      const answer = await new Promise((resolve) =>
        one?.once('data', (text) => resolve(`${text}`)),
      );
      expect(answer).toContain(`Keep-Alive: timeout=${CONTROL_IDLE_MS_MAX / 1000}`);
      for (const client of clients) client.destroy();
    },
  );

  test.each([
    ['policy.sock', POLICY_REQUESTS_PER_SECOND_MAX],
    ['share.sock', SHARE_REQUESTS_PER_SECOND_MAX],
  ])('%s answers so many requests a second, and lets the next wait', (_, perSecond) => {
    const limiter = new RateLimiter(perSecond, () => 10_000);
    const delays = Array.from({ length: perSecond + 1 }, () => limiter.delay());
    expect(delays.at(-2)).toBe(0);
    expect(delays.at(-1)).toBeGreaterThan(0);
  });

  test('answer what they are asked', async () => {
    expect(await new ControlClient(path('status.sock')).status()).toEqual(view);
    expect(await new ControlClient(path('control.sock')).status()).toEqual(view);
    expect(
      await new ControlClient(path('control.sock')).ban({
        jail: 'sshd',
        targets: ['192.0.2.1'],
        bantimeSeconds: null,
      }),
    ).toEqual({
      results: [],
      changed: 1,
    });
    expect(asked).toEqual([{ jail: 'sshd', targets: ['192.0.2.1'], bantimeSeconds: null }]);
  });

  test('give metrics as text, in the format that was asked for', async () => {
    const client = new ControlClient(path('status.sock'));
    expect([await client.metrics(), await client.metrics('prometheus')]).toEqual([
      'openmetrics\n',
      'prometheus\n',
    ]);
  });

  test('the status socket changes nothing', async () => {
    const answer = await ask('status.sock', 'POST', '/v1/unban', '{"targets":"all"}');
    expect(answer.status).toBe(403);
    expect(asked).toEqual([]);
  });

  test('say what is wrong with a request', async () => {
    for (const [body, word] of [
      ['not json', 'not JSON'],
      ['[]', 'object'],
      ['{"jail":"sshd","targets":[]}', 'targets'],
      ['{"jail":"sshd","targets":["192.0.2.1"],"bantimeSeconds":-5}', 'bantimeSeconds'],
      ['{"targets":["192.0.2.1"]}', 'jail'],
    ] as const) {
      const answer = await ask('control.sock', 'POST', '/v1/ban', body);
      expect([answer.status, JSON.parse(answer.body).error]).toEqual([
        400,
        expect.stringContaining(word),
      ]);
    }
    expect((await ask('status.sock', 'GET', '/v1/nothing')).status).toBe(404);
    expect((await ask('status.sock', 'GET', '/v2/status')).status).toBe(404);
    await expect(new ControlClient(path('status.sock')).jail({ jail: 'nosuch' })).rejects.toThrow(
      'no jail nosuch',
    );
  });

  test('accept a request of the greatest size and refuse one byte more', async () => {
    const filler = (size: number) => {
      const head = '{"jail":"sshd","targets":["192.0.2.1"],"x":"';
      return `${head}${'a'.repeat(size - head.length - 2)}"}`;
    };
    expect(
      (await ask('control.sock', 'POST', '/v1/ban', filler(CONTROL_REQUEST_BYTES_MAX))).status,
    ).toBe(200);
    await expect(
      ask('control.sock', 'POST', '/v1/ban', filler(CONTROL_REQUEST_BYTES_MAX + 1)),
    ).rejects.toThrow();
    expect(asked).toHaveLength(1);
  });

  test('stream events to every subscriber', async () => {
    const seen: StreamEvent[] = [];
    const end = new AbortController();
    const done = new ControlClient(path('status.sock')).events((event) => {
      seen.push(event);
      end.abort();
    }, end.signal);
    await until('somebody listens', () => listeners.size > 0);
    for (const listener of listeners) listener(event(7));
    await done.catch(() => undefined);
    expect(seen).toEqual([event(7)]);
  });

  test('stream only the kinds of events that a reader wants', async () => {
    const seen: string[] = [];
    const end = new AbortController();
    const done = new ControlClient(path('status.sock')).events(
      ({ id, event: kind }) => seen.push(`${id} ${kind}`),
      end.signal,
      {
        only: ['ban', 'unban'],
        since: 5,
      },
    );
    await until('somebody listens', () => listeners.size > 0);
    for (const listener of listeners) {
      listener({ ...event(7), event: 'found' });
      listener({ ...event(8), event: 'unban' });
      listener({ ...event(9), event: 'refused' });
      listener(event(10));
    }
    await until('the event is seen', () => seen.includes('10 ban'));
    end.abort();
    await done.catch(() => undefined);
    expect(seen).toEqual(['6 ban', '8 unban', '10 ban']);
    for (const bad of ['', 'bann', 'ban,', 'ban,ban', 'ban;unban'])
      expect(await ask('status.sock', 'GET', `/v1/events?only=${bad}`)).toMatchObject({
        status: 400,
        body: expect.stringContaining('only must be a list of found, ban, unban, ignored, refused'),
      });
  });

  test('give a reader that comes back what it missed, and say when some of it is gone', async () => {
    const follow = async (since: number) => {
      const seen: number[] = [];
      let gaps = 0;
      const end = new AbortController();
      const done = new ControlClient(path('status.sock')).events(
        ({ id }) => seen.push(id),
        end.signal,
        {
          since,
          gap: () => gaps++,
        },
      );
      await until('somebody listens', () => listeners.size > 0);
      for (const listener of listeners) listener(event(9));
      await until('the event is seen', () => seen.includes(9));
      end.abort();
      await done.catch(() => undefined);
      await until('nobody listens', () => listeners.size === 0);
      return [seen, gaps];
    };
    expect(await follow(5)).toEqual([[6, 9], 0]);
    expect(await follow(1)).toEqual([[9], 1]);
    expect((await ask('status.sock', 'GET', '/v1/events?since=-1')).status).toBe(400);
    expect((await ask('status.sock', 'GET', '/v1/events?since=tomorrow')).status).toBe(400);
  });

  test('cut off a reader of the stream that does not read, at the bound', async () => {
    const socket = connect(path('status.sock'));
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.pause();
    socket.write('GET /v1/events HTTP/1.1\r\nhost: x\r\n\r\n');
    await until('somebody listens', () => listeners.size > 0);
    const large = { ...event(1), user: 'x'.repeat(60_000) };
    let sent = 0;
    for (; listeners.size > 0 && sent < 200; sent++) {
      for (const listener of listeners) listener(large);
      await new Promise((resolve) => setImmediate(resolve));
    }
    // The bound, and what the kernel's buffers took.
    expect(sent * 60_000).toBeGreaterThan(CONTROL_STREAM_BACKLOG_BYTES_MAX);
    expect(sent * 60_000).toBeLessThan(CONTROL_STREAM_BACKLOG_BYTES_MAX + 2_000_000);
    socket.destroy();
  });

  test('survive clients that send garbage or go away', async () => {
    await new Promise<void>((resolve) => {
      const socket = connect(path('control.sock'), () =>
        socket.write(Buffer.from([0, 255, 1, 2, 10, 13, 10, 13, 10])),
      );
      socket.on('close', () => resolve());
      socket.on('error', () => undefined);
    });
    expect(await new ControlClient(path('control.sock')).ping()).toEqual({ pong: true });
  });

  test('take the place of a socket that a dead agent left, and never that of a living one', async () => {
    writeFileSync(path('old.sock'), '');
    const second = await serveControl(
      { control: path('old.sock'), status: path('old-status.sock') },
      {} as ControlHandlers,
    );
    await second.close();
    await expect(
      serveControl(
        { control: path('control.sock'), status: path('x.sock') },
        {} as ControlHandlers,
      ),
    ).rejects.toThrow('another agent is running');
  });
});

test('a client without an agent says how to start one', async () => {
  await expect(new ControlClient('/nonexistent/control.sock').ping()).rejects.toMatchObject({
    message: expect.stringContaining('no agent is running'),
    hint: 'systemctl start banjour',
  });
});
