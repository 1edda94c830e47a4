/** Mail servers ask, an agent answers or does not, and whoever else comes is bounded. */
import { mkdtempSync, rmSync } from 'node:fs';
import { type Agent, request } from 'node:http';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ControlHandlers, RequestFor } from '../../src/control/endpoints.js';
import type { PolicyFacts } from '../../src/control/policy-views.js';
import { type ControlServer, serveControl } from '../../src/control/server.js';
import {
  POLICY_BODY_BYTES_MAX,
  POLICY_HTTP_CLIENTS_MAX,
  POLICY_QUEUE_MAX,
} from '../../src/core/service-limits.js';
import {
  POLICY_ANSWER_MS_MAX,
  POLICY_BODY_MS_MAX,
  POLICY_IDLE_MS_MAX,
  POLICY_SMTP_DELAY_SECONDS_MAX,
} from '../../src/core/timeouts.js';
import { DEFAULT_POLICY_RULES } from '../../src/policy/decide.js';
import { PolicyService } from '../../src/policy/policy.js';
import { NOTHING_KNOWN } from '../support/policy-facts.js';
import { until } from '../support/until.js';

const LOGIN = {
  login: 'anna',
  remote: '198.51.100.7',
  pwhash: '0a1',
  protocol: 'imap',
  session_id: 's1',
};

let directory: string;
let agent: ControlServer | undefined;
let service: PolicyService;
let facts: PolicyFacts;
let asked: RequestFor<'policyLogin'>[];
let reports: RequestFor<'policyReports'>['reports'][number][];
const agentSocket = () => join(directory, 'agent.sock');

async function startAgent(): Promise<void> {
  agent = await serveControl(
    {
      control: join(directory, 'control.sock'),
      status: join(directory, 'status.sock'),
      policy: agentSocket(),
    },
    {
      policyLogin: (login) => {
        asked.push(login);
        return facts;
      },
      policyReports: (given) => {
        reports.push(...given.reports);
        return { taken: given.reports.length };
      },
    } as Partial<ControlHandlers> as ControlHandlers,
  );
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'banjour-policy-'));
  facts = NOTHING_KNOWN;
  asked = [];
  reports = [];
  agent = undefined;
  service = await PolicyService.start({
    places: { port: { host: '127.0.0.1', port: 0 }, socket: join(directory, 'policy.sock') },
    key: 'the key',
    rules: DEFAULT_POLICY_RULES,
    agentSocket: agentSocket(),
  });
});
afterEach(async () => {
  await service.stop();
  await agent?.close();
  rmSync(directory, { recursive: true });
});

const port = () => Number(service.addresses[0]?.split(':')[1]);
const basic = (user: string, key: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${key}`).toString('base64')}`,
});

interface Asking {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly agent?: Agent;
  readonly socketPath?: string;
}

/** Status and body of an answer; `closed` when there was none. */
function ask(body: unknown, asking: Asking = {}): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve) => {
    const call = request(
      {
        ...(asking.socketPath === undefined
          ? { host: '127.0.0.1', port: port() }
          : { socketPath: asking.socketPath }),
        method: asking.method ?? 'POST',
        path: asking.path ?? '/?command=allow',
        headers: { ...basic('dovecot', 'the key'), ...asking.headers },
        ...(asking.agent === undefined ? {} : { agent: asking.agent }),
      },
      (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: text === '' ? '' : JSON.parse(text) }),
        );
        response.on('error', () => resolve({ status: 0, body: 'closed' }));
      },
    );
    call.on('error', () => resolve({ status: 0, body: 'closed' }));
    call.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}
const statusOf = async (changes: object = {}) =>
  ((await ask({ ...LOGIN, ...changes })).body as { status: number }).status;
const report = (changes: object = {}) =>
  ask({ ...LOGIN, success: false, ...changes }, { path: '/?command=report' });

describe('with an agent', () => {
  beforeEach(startAgent);

  test('allow: served, made to wait, refused, as the facts say', async () => {
    expect(await ask(LOGIN)).toEqual({ status: 200, body: { status: 0, msg: '' } });
    expect(asked).toEqual([
      { address: '198.51.100.7', user: 'anna', protocol: 'imap', pwhash: '0a1' },
    ]);
    facts = { ...NOTHING_KNOWN, failures: 2 };
    expect(await statusOf()).toBe(5);
    facts = { ...NOTHING_KNOWN, isUnderAttack: true };
    expect(await ask(LOGIN)).toEqual({
      status: 200,
      body: { status: -1, msg: expect.stringContaining('this mailbox is under attack') },
    });
    await until('the refusal is told', () => reports.length > 0);
    expect(reports).toEqual([
      {
        address: '198.51.100.7',
        user: 'anna',
        protocol: 'imap',
        session: 's1',
        pwhash: '0a1',
        refused: 'under-attack',
      },
    ]);
  });

  test('an attempt that was told to wait is over with its report: the next one waits too', async () => {
    facts = { ...NOTHING_KNOWN, points: 3 };
    const smtp = { session_id: undefined, protocol: 'smtp' };
    const ways = [
      [{}, DEFAULT_POLICY_RULES.delay],
      [smtp, POLICY_SMTP_DELAY_SECONDS_MAX],
    ] as const;
    for (const [changes, long] of ways) {
      expect(await statusOf(changes)).toBe(long);
      await report(changes);
      expect(await statusOf(changes)).toBe(long);
      await report({ ...changes, success: true });
      expect(await statusOf(changes)).toBe(long);
    }
  });

  test('report: failures and right passwords reach the agent, in batches, nothing else', async () => {
    for (let n = 0; n < 30; n++) await report({ session_id: `s${n}` });
    await report({ success: true });
    await report({ success: true, pwhash: '' });
    await report({ policy_reject: true });
    expect(await report({ session_id: 'last' })).toEqual({ status: 200, body: { status: 'ok' } });
    await until('the last is told', () => reports.at(-1)?.session === 'last');
    expect(reports.filter(({ accepted }) => accepted === true).length).toBe(1);
    expect(reports.length).toBe(32);
  });

  test('the answers to 2.3 and 2.4, ping, and the Unix socket', async () => {
    const socketPath = join(directory, 'policy.sock');
    expect(await ask(LOGIN, { socketPath, headers: { host: 'whatever' } })).toMatchObject({
      status: 200,
    });
    expect(await ask('', { method: 'GET', path: '/?command=ping' })).toEqual({
      status: 200,
      body: { status: 'ok', agent: true },
    });
    expect(await ask(LOGIN, { headers: { 'x-api-key': 'the key', authorization: '' } })).toEqual({
      status: 200,
      body: { status: 0, msg: '' },
    });
  });

  test('a login over a Unix socket, or of no address, is served without a question', async () => {
    expect([await statusOf({ remote: '' }), await statusOf({ remote: 'x' })]).toEqual([0, 0]);
    expect(asked).toEqual([]);
  });

  test('numbers without any name of a stranger', async () => {
    facts = { ...NOTHING_KNOWN, isDeadName: true };
    await ask(LOGIN);
    await report();
    await ask(LOGIN, { headers: { authorization: '' } });
    const text = await service.figures('openmetrics');
    for (const line of [
      'banjour_policy_logins_total{verdict="refuse"} 1',
      'banjour_policy_refusals_total{reason="dead-name"} 1',
      'banjour_policy_denied_requests_total{why="key"} 1',
      'banjour_policy_reports_total 1',
      'banjour_policy_unanswered_total 0',
    ])
      expect(text).toContain(line);
    expect(text).not.toMatch(/anna|198\.51/);
  });
});

describe('whoever else comes', () => {
  test('without the key, or for another host, nothing is read or said', async () => {
    for (const headers of [
      { authorization: '' },
      basic('dovecot', 'the kex'),
      basic('dovecot', ''),
      basic('the key', ''),
      { authorization: 'Basic !!!' },
      { authorization: 'Bearer the key' },
    ])
      expect((await ask(LOGIN, { headers })).status).toBe(401);
    // A page that a browser on this host shows under a name that leads to the loopback.
    for (const host of ['evil.example', 'evil.example:9813', '127.0.0.1.evil.example'])
      expect((await ask(LOGIN, { headers: { host } })).status).toBe(403);
  });

  test('other paths and commands do not exist', async () => {
    for (const path of [
      '/',
      '/?command=',
      '/?command=reset',
      '/x?command=allow',
      '/?command=ping&x',
    ])
      expect([404, 200]).toContain((await ask(LOGIN, { path })).status);
    expect((await ask(LOGIN, { path: '/?command=reset' })).status).toBe(404);
    expect((await ask('', { method: 'GET', path: '/?command=allow' })).status).toBe(404);
    expect((await ask('', { method: 'DELETE' })).status).toBe(404);
  });

  test('bodies are bounded, and what is no request is said to be none', async () => {
    const padded = (bytes: number) => {
      const text = JSON.stringify({ ...LOGIN, x: '' });
      return text.replace('"x":""', `"x":"${'x'.repeat(bytes - text.length)}"`);
    };
    expect((await ask(padded(POLICY_BODY_BYTES_MAX))).status).toBe(200);
    expect((await ask(padded(POLICY_BODY_BYTES_MAX + 1))).status).not.toBe(200);
    expect((await ask('x'.repeat(20_000_000))).status).not.toBe(200);
    expect((await ask('no JSON')).status).toBe(400);
    const { authorization } = basic('dovecot', 'the key');
    const slow = connect(port(), '127.0.0.1');
    slow.on('error', () => undefined);
    slow.write(
      `POST /?command=allow HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: ${authorization}\r\ncontent-length: 9\r\n\r\n{`,
    );
    await until('half a body is cut off', () => slow.closed || slow.destroyed);
    expect(POLICY_BODY_MS_MAX).toBeLessThan(30_000);
    expect(await statusOf()).toBe(0);
  });

  test('a request within a request, or behind one without the key, is never answered', async () => {
    await startAgent();
    const { authorization } = basic('dovecot', 'the key');
    const body = JSON.stringify(LOGIN);
    const post = (...headers: readonly string[]) =>
      [`POST /?command=allow HTTP/1.1`, 'host: 127.0.0.1', ...headers, '', ''].join('\r\n');
    const key = `authorization: ${authorization}`;
    const length = `content-length: ${body.length}`;
    const good = `${post(key, length)}${body}`;
    const heard = (text: string) =>
      new Promise<string>((resolve) => {
        const socket = connect(port(), '127.0.0.1');
        let said = '';
        socket.on('data', (chunk) => {
          said += chunk;
        });
        socket.on('error', () => undefined);
        socket.on('close', () => resolve(said));
        socket.write(text);
      });
    const answers = async (text: string) =>
      [...(await heard(text)).matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    // A length and chunks, two lengths, lines without a carriage return.
    expect(
      await answers(`${post(key, length, 'transfer-encoding: chunked')}0\r\n\r\n${good}`),
    ).toEqual([]);
    expect(await answers(`${post(key, 'content-length: 3', length)}${body}`)).toEqual([]);
    expect(await answers(`${post(key, length).replaceAll('\r\n', '\n')}${body}`)).toEqual([]);
    expect(await answers(`${post(length)}${body}${good}`)).toEqual(['401']);
    expect(await answers(`${good}${post(length)}${body}${good}`)).toEqual(['200', '401']);
  });

  test('a thousand connections that say nothing, or half a request, keep nobody out', async () => {
    const idle = Array.from({ length: 1_000 }, (_, n) => {
      const socket = connect(port(), '127.0.0.1');
      socket.on('error', () => undefined);
      if (n % 2 === 0) socket.write('POST /?command=allow HTTP/1.1\r\nhost: 127.0.0.1\r\n');
      return socket;
    });
    expect(await statusOf()).toBe(0);
    const open = () => idle.filter(({ destroyed, closed }) => !destroyed && !closed).length;
    await until('the oldest are cut off', () => open() <= POLICY_HTTP_CLIENTS_MAX);
    expect(await statusOf()).toBe(0);
    for (const socket of idle) socket.destroy();
    expect(POLICY_IDLE_MS_MAX).toBeGreaterThan(10_000);
  });
});

describe('a login is served when the agent', () => {
  test('is away', async () => {
    expect(await statusOf()).toBe(0);
    expect(service.isAgentAnswering).toBe(false);
    expect(await ask('', { method: 'GET', path: '/?command=ping' })).toMatchObject({
      body: { agent: false },
    });
    await report();
    await startAgent();
    facts = { ...NOTHING_KNOWN, isUnderAttack: true };
    expect(await statusOf()).toBe(-1);
    expect(service.isAgentAnswering).toBe(true);
  });

  test('is mute: within the deadline, and soon without any wait', async () => {
    // It must read, or it would not see that its clients have gone, and keep their sockets.
    const mute: Server = createServer((socket) => void socket.resume());
    await new Promise<void>((resolve) => mute.listen(agentSocket(), resolve));
    const times: number[] = [];
    for (let n = 0; n < 4; n++) {
      const started = performance.now();
      expect(await statusOf()).toBe(0);
      times.push(performance.now() - started);
    }
    expect(times[0]).toBeGreaterThan(POLICY_ANSWER_MS_MAX * 0.9);
    expect(Math.min(...times)).toBeLessThan(POLICY_ANSWER_MS_MAX / 2);
    const text = await service.figures('prometheus');
    expect(text).toContain('banjour_policy_unanswered_total 4');
    // Reports do not pile up for it.
    for (let n = 0; n < 20; n++) await report();
    expect(POLICY_QUEUE_MAX).toBeLessThan(10_000);
    mute.close();
  });

  test('talks nonsense, or closes a connection that was kept', async () => {
    const odd: Server = createServer((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{"}'));
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => odd.listen(agentSocket(), resolve));
    expect(await statusOf()).toBe(0);
    await new Promise((resolve) => odd.close(resolve));
    await startAgent();
    expect(await statusOf()).toBe(0);
    await agent?.close();
    await startAgent();
    facts = { ...NOTHING_KNOWN, isUnderAttack: true };
    expect(await statusOf()).toBe(-1);
  });
});
