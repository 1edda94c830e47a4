/** CrowdSec's LAPI as engine: a double everywhere, and a real one wherever it is installed. */
import { randomUUID } from 'node:crypto';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  SHARE_ANSWER_BYTES_MAX,
  SHARE_ANSWER_DECISIONS_MAX,
  SHARE_DECISION_BYTES_MAX,
  SHARE_TEXT_CHARS_MAX,
} from '../../src/core/service-limits.js';
import { SHARE_ANSWER_MS_MAX, SHARE_LIST_MS_MAX } from '../../src/core/timeouts.js';
import type { EngineNews } from '../../src/share/engine.js';
import { LapiEngine, type LapiOptions } from '../../src/share/lapi.js';
import { DecisionList, goDurationMs, readDecision } from '../../src/share/lapi-words.js';
import { Timeouts } from '../support/timeouts.js';
import { until } from '../support/until.js';
import { engineContract } from './contract.js';
import { LapiDouble } from './lapi-double.js';
import { engineProgram, freePort, RealLapi } from './real-engines.js';
import { installationLike } from './support.js';

const like = { origins: ['banjour', 'crowdsec', 'cscli'], pollMs: 20, version: '1.2.3' } as const;

engineContract('a double of the LAPI', async () => {
  const lapi = await LapiDouble.start();
  return {
    make: (host, skewMs = 0, installation = installationLike(host)) =>
      new LapiEngine({
        ...{ ...like, host, installation, url: lapi.url, machine: host, machinePassword: 'm' },
        ...{ bouncerKey: `${host} ${randomUUID()}`, now: () => Date.now() + skewMs },
      }),
    dispose: () => lapi.close(),
  };
});

const program = engineProgram('crowdsec');
if (program !== undefined)
  engineContract('a real LAPI', async () => {
    const real = new RealLapi(program, await freePort());
    await real.start();
    return {
      make: (host, skewMs = 0, installation = installationLike(host)) => {
        const machine = `${host}-${randomUUID()}`;
        const { password: machinePassword, key: bouncerKey } = real.add(machine);
        const url = new URL(real.url);
        return new LapiEngine({
          ...{ ...like, host, installation, url, machine, machinePassword, bouncerKey },
          now: () => Date.now() + skewMs,
        });
      },
      dispose: () => real.dispose(),
    };
  });

describe('with a double', () => {
  let lapi: LapiDouble;
  beforeEach(async () => {
    lapi = await LapiDouble.start();
  });
  afterEach(() => lapi.close());
  const engine = (more: Partial<LapiOptions> = {}) =>
    new LapiEngine({
      ...{
        ...like,
        host: 'mx1',
        installation: '0000beef',
        url: lapi.url,
        machine: 'mx1',
        machinePassword: 'm',
      },
      ...{ bouncerKey: randomUUID(), ...more },
    });
  const ban = (target: string) =>
    ({ kind: 'ban', jail: 'sshd', target, until: Date.now() + 60_000, shortens: false }) as const;

  test('says who it is as name/version, and names the remedy for each refusal', async () => {
    const wrong = engine({ machinePassword: 'wrong' });
    await expect(wrong.open()).rejects.toMatchObject({
      message: expect.stringMatching(/answers 401: incorrect/),
      hint: expect.stringMatching(/machine-id and machine-password-file/),
    });
    expect(lapi.userAgents.at(-1)).toBe('banjour/1.2.3');
    const other = engine({ bouncerKey: 'wrong' });
    await other.open();
    const run = other.run(undefined, async () => undefined, new AbortController().signal);
    await expect(run).rejects.toMatchObject({ hint: expect.stringMatching(/bouncer-key-file/) });
    await Promise.all([wrong.close(), other.close()]);
  });

  test('a token that is over is made anew', async () => {
    const one = engine();
    await one.open();
    lapi.forgetTokens();
    await one.publish([ban('192.0.2.1'), ban('192.0.2.2')]);
    expect(lapi.alerts).toBe(1);
    await one.close();
  });

  test('what others say is read with care', async () => {
    const one = engine();
    await one.open();
    const ending = new AbortController();
    const news: EngineNews[] = [];
    const decision = (value: string, more = {}) => ({
      ...{ id: 1, origin: 'crowdsec', type: 'ban', scope: 'Ip', value, duration: '4h' },
      ...{ scenario: 'crowdsecurity/ssh-bf', ...more },
    });
    lapi.inject([
      ...[decision('203.0.113.1'), decision('203.0.113.0/24', { scope: 'Range' })],
      ...[decision('203.0.113.9', { type: 'captcha' }), decision('FR', { scope: 'Country' })],
      ...[decision('nft; flush'), decision('203.0.113.8', { duration: 'forever' })],
      ...[decision('203.0.113.7', { origin: 'elsewhere' }), 'no object', null, 7],
      decision('203.0.113.6', { origin: 'CAPI', scenario: 'ssh:bruteforce' }),
      decision('203.0.113.5', { origin: 'banjour', scenario: 'banjour/sshd@mx1#0000beef' }),
      decision('203.0.113.4', { origin: 'banjour', scenario: 'banjour/a@b@mx2#0000beef' }),
      decision('203.0.113.3', { origin: 'banjour', scenario: 'forged' }),
    ]);
    const running = one.run(undefined, async (one) => void news.push(one), ending.signal);
    await until('it listed', () => news.some(({ listing }) => listing === 'end'));
    ending.abort();
    await running;
    const put = news
      .flatMap((one) => one.put)
      .map(({ target, origin, host }) => [target, origin, host]);
    expect(put).toEqual([
      ...[
        ['203.0.113.1', 'crowdsec', undefined],
        ['203.0.113.0/24', 'crowdsec', undefined],
      ],
      ...[
        ['203.0.113.6', 'lists', undefined],
        ['203.0.113.4', 'banjour', 'mx2'],
      ],
      ['203.0.113.3', 'banjour', undefined],
    ]);
    expect([...(news[0]?.own.keys() ?? [])]).toEqual(['sshd 203.0.113.5']);
    expect(news.reduce((sum, { passedOver }) => sum + passedOver, 0)).toBe(5);
    await one.close();
  });

  test('lists are asked for only where they are wanted', async () => {
    for (const origins of [['cscli'], ['lists']] as const) {
      const one = engine({ origins });
      await one.open();
      const ending = new AbortController();
      await one.run(undefined, async () => ending.abort(), ending.signal);
      await one.close();
    }
    expect(lapi.originsAsked.slice(-2)).toEqual([
      'banjour,cscli,cscli-import,console',
      'banjour,CAPI,lists',
    ]);
  });

  test.each(['', '<html>Sign in</html>', '{"new":[', '{}x{}', '[]', '}{'])(
    'what is no list of decisions is none, and not an empty one: %j',
    async (body) => {
      const one = engine();
      await one.open();
      lapi.nextBody = Buffer.from(body);
      const taken: EngineNews[] = [];
      const take = async (news: EngineNews) => void taken.push(news);
      const { signal } = new AbortController();
      await expect(one.run(undefined, take, signal)).rejects.toThrow(
        /something else than|it is no list/,
      );
      expect(taken).toEqual([]);
    },
  );

  test.each([
    [
      'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n',
      'http',
      'https',
    ],
    ['\x15\x03\x01\x00\x02\x02\x46', 'http', 'https'],
    ['HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n', 'https', 'http'],
  ])(
    'a port that speaks the other one of TLS and none: %j names the key',
    async (said, from, to) => {
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.end(said, 'latin1'));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
      const { port } = server.address() as AddressInfo;
      const one = engine({ url: new URL(`${from}://127.0.0.1:${port}`) });
      await expect(one.open()).rejects.toMatchObject({
        hint: expect.stringContaining(`${to}:// into url of [share]`),
      });
      await one.close();
      server.close();
    },
  );

  test('an answer has so many decisions, and no more', () => {
    const like = {
      id: 1,
      type: 'ban',
      scope: 'Ip',
      duration: '1h',
      origin: 'lists',
      scenario: 'x',
    };
    const json = JSON.stringify({ ...like, value: '192.0.2.1' });
    const answer = (count: number) =>
      Buffer.from(`{"new":[${Array<string>(count).fill(json).join(',')}],"deleted":null}`);
    const list = new DecisionList(Date.now);
    list.take(answer(SHARE_ANSWER_DECISIONS_MAX));
    expect([list.isWhole, list.put.length]).toEqual([true, SHARE_ANSWER_DECISIONS_MAX]);
    expect(() => new DecisionList(Date.now).take(answer(SHARE_ANSWER_DECISIONS_MAX + 1))).toThrow(
      `more than ${SHARE_ANSWER_DECISIONS_MAX} decisions`,
    );
  });

  test('an answer has a size and a time that it may have', async () => {
    const one = engine();
    await one.open();
    const take = async () => undefined;
    lapi.nextBody = Buffer.alloc(SHARE_ANSWER_BYTES_MAX + 1, 32);
    const { signal } = new AbortController();
    await expect(one.run(undefined, take, signal)).rejects.toThrow(/larger than/);
    const ending = new AbortController();
    lapi.nextBody = Buffer.alloc(SHARE_ANSWER_BYTES_MAX, 32);
    lapi.nextBody.write('{"new":null,"deleted":null}');
    one.listAgain();
    await one.run(undefined, async () => ending.abort(), ending.signal);
    using timeouts = new Timeouts();
    lapi.isMute = true;
    const beat = one.heartbeat();
    one.listAgain();
    const list = one.run(undefined, take, signal);
    const both = Promise.allSettled([beat, list]);
    await until('both are asked', () => timeouts.count === 2);
    timeouts.pass(SHARE_ANSWER_MS_MAX);
    await expect(beat).rejects.toThrow(/no answer in time/);
    timeouts.pass(SHARE_LIST_MS_MAX - SHARE_ANSWER_MS_MAX);
    await both;
    await expect(list).rejects.toThrow(/no answer in time/);
    await one.close();
  });
});

test.each([
  ['3h59m58.5s', 14_398_500],
  ['-2.25s', -2_250],
  ['87600h0m0s', 315_360_000_000],
  ['1m0.000001s', 60_000.001],
  ['4h ', undefined],
  ['', undefined],
  ['-', undefined],
  ['1e9s', undefined],
  ['1d', undefined],
])('a duration as Go writes it: %s', (text, expected) => {
  expect(goDurationMs(text)).toBe(expected);
});

test('a prefix is brought into its form', () => {
  const decision = { id: 7, origin: 'cscli', type: 'ban', scope: 'range', duration: '1h' };
  const read = readDecision({ ...decision, value: '2001:DB8:0::1/48', scenario: 'manual' });
  expect(read).toMatchObject({ key: '7', target: '2001:db8::/48', origin: 'cscli' });
});

test('of a reason no more is kept than the agent takes', () => {
  const decision = { id: 7, origin: 'cscli', type: 'ban', scope: 'ip', duration: '1h' };
  const scenarioOf = (length: number) =>
    readDecision({ ...decision, value: '192.0.2.1', scenario: 'x'.repeat(length) })?.scenario;
  expect(scenarioOf(SHARE_TEXT_CHARS_MAX)).toBe('x'.repeat(SHARE_TEXT_CHARS_MAX));
  expect(scenarioOf(SHARE_TEXT_CHARS_MAX + 1)).toBe('x'.repeat(SHARE_TEXT_CHARS_MAX));
  expect(scenarioOf(1_000_000)).toBe('x'.repeat(SHARE_TEXT_CHARS_MAX));
});

test.each(['constructor', 'toString', '__proto__', 'elsewhere'])('no origin is %s', (origin) => {
  const decision = { id: 7, origin, type: 'ban', scope: 'ip', duration: '1h' };
  expect(readDecision({ ...decision, value: '192.0.2.1', scenario: 'manual' })).toBeUndefined();
});

describe('a list of decisions', () => {
  const decision = (id: number, more: object = {}) => ({
    ...{ id, origin: 'CAPI', type: 'ban', scope: 'Ip', value: `192.0.2.${id}`, duration: '1h' },
    ...{ scenario: 'a "{[]}\\" reason', more: { deep: [{}] }, ...more },
  });
  const listOf = (text: string, size: number) => {
    const list = new DecisionList(() => 0);
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += size) list.take(bytes.subarray(at, at + size));
    return list;
  };

  test.each([1, 2, 7, 100, 100_000])('is read in pieces of %d bytes', (size) => {
    const list = listOf(
      JSON.stringify({
        note: '"new"',
        new: [decision(1), 'text', 5, [], decision(2, { type: 'captcha' }), decision(3)],
        other: [decision(4)],
        deleted: [decision(5), {}],
      }),
      size,
    );
    expect(list.put.map(({ key, until }) => [key, until])).toEqual([
      ['1', 3_600_000],
      ['3', 3_600_000],
    ]);
    expect(list.put[0]?.scenario).toBe('a "{[]}\\" reason');
    expect(list.gone.map(({ key }) => key)).toEqual(['5']);
    expect([list.passedOver, list.isWhole]).toEqual([2, true]);
  });

  test('has no decision that is larger than one may be', () => {
    const text = (length: number) => `{"new":[{"x":"${'x'.repeat(length - 7)}"`;
    expect(listOf(text(SHARE_DECISION_BYTES_MAX), 1_000).put).toEqual([]);
    expect(() => listOf(text(SHARE_DECISION_BYTES_MAX + 1), 1_000)).toThrow('of more than');
  });
});
