/** Valkey or Redis as engine: a double everywhere, a real one wherever it is installed. */
import { randomUUID } from 'node:crypto';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { inspect } from 'node:util';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  jest,
  test,
} from '@jest/globals';
import {
  SHARE_LIFTS_MAX,
  SHARE_PUBLISH_MAX,
  SHARE_REPLY_BYTES_MAX,
  SHARE_REPLY_VALUES_MAX,
  SHARE_STREAM_ENTRIES_MAX,
} from '../../src/core/service-limits.js';
import { SHARE_ANSWER_MS_MAX } from '../../src/core/timeouts.js';
import type { EngineNews } from '../../src/share/engine.js';
import { ValkeyEngine, type ValkeyOptions } from '../../src/share/valkey.js';
import { ValkeyClient } from '../../src/share/valkey-client.js';
import { fakeTimers } from '../support/timeouts.js';
import { until } from '../support/until.js';
import { TLS } from './certificate.js';
import { engineContract } from './contract.js';
import { engineProgram, freePort, RealValkey } from './real-engines.js';
import { installationLike } from './support.js';
import { ValkeyDouble } from './valkey-double.js';

const program = engineProgram('valkey-server', 'redis-server');
let server: RealValkey | undefined;

const engine = (host: string, more: Partial<ValkeyOptions> = {}) =>
  new ValkeyEngine({
    ...{
      host,
      installation: installationLike(host),
      origins: ['banjour'],
      address: '127.0.0.1',
      port: server?.port ?? 0,
    },
    ...{ isTls: false, database: 0, stream: 'banjour', ...more },
  });

/** What the server answers to a command. */
async function cli(...words: readonly string[]): Promise<string> {
  const port = server?.port ?? 0;
  const client = new ValkeyClient({ address: '127.0.0.1', port, isTls: false, database: 0 });
  await client.connect();
  const answer = String(await client.ask(words));
  client.destroy();
  return answer;
}

if (program !== undefined) {
  beforeAll(async () => {
    server = new RealValkey(program, await freePort());
    await server.start();
  });
  afterAll(() => server?.dispose());

  engineContract('Valkey', async () => {
    const stream = randomUUID();
    return {
      make: (host, skewMs = 0, installation = installationLike(host)) =>
        engine(host, { stream, installation, now: () => Date.now() + skewMs }),
      dispose: async () => undefined,
    };
  });

  test('the stream is trimmed, and what is over leaves the set', async () => {
    const one = engine('mx1', { stream: 'trimmed' });
    await one.open();
    const like = { kind: 'ban', jail: 'sshd', target: '192.0.2.1', shortens: false } as const;
    for (let told = 0; told <= SHARE_STREAM_ENTRIES_MAX; told += SHARE_PUBLISH_MAX)
      await one.publish(
        Array.from({ length: SHARE_PUBLISH_MAX }, (_, n) => ({
          ...like,
          until: Date.now() + 5_000 + n,
        })),
      );
    const length = Number(await cli('xlen', 'trimmed'));
    // Whole nodes are trimmed: a hundred more may stay.
    expect(length).toBeGreaterThanOrEqual(SHARE_STREAM_ENTRIES_MAX);
    expect(length).toBeLessThan(SHARE_STREAM_ENTRIES_MAX + 200);
    await until('it is over', async () => {
      await one.heartbeat();
      return Number(await cli('zcard', 'trimmed:held')) === 0;
    });
    await one.close();
  });
}

engineContract('a double of Valkey', async () => {
  const double = await ValkeyDouble.start();
  return {
    make: (host, skewMs = 0, installation = installationLike(host)) =>
      engine(host, { port: double.port, installation, now: () => Date.now() + skewMs }),
    dispose: () => double.close(),
  };
});

/** A server that says this to whatever it is told first. */
async function answering(text: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write(text, 'latin1'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return server;
}

/** Listens, and keeps what it hears. */
async function listening(one: ValkeyEngine, since?: string) {
  const ending = new AbortController();
  const news: EngineNews[] = [];
  const running = one.run(since, async (said) => void news.push(said), ending.signal);
  const listings = () => news.filter(({ listing }) => listing === 'end').length;
  await Promise.race([running, until('it listed', () => listings() === 1)]);
  const stop = async () => {
    ending.abort();
    await one.close();
    await running.catch(() => undefined);
  };
  return { news, listings, running, stop };
}

describe('with a double', () => {
  let double: ValkeyDouble;
  beforeEach(async () => {
    double = await ValkeyDouble.start();
  });
  afterEach(() => double.close());
  const make = (more: Partial<ValkeyOptions> = {}) => engine('mx1', { port: double.port, ...more });
  const ban = (target: string) =>
    ({ kind: 'ban', jail: 'sshd', target, until: Date.now() + 60_000, shortens: false }) as const;
  const LAST = '18446744073709551615-18446744073709551615';
  const words = (target: string) => [
    ...['host', 'mx2', 'by', '0000beef', 'jail', 'sshd', 'target', target, 'ttl', '60000'],
  ];

  test('logs in, and never says the password', async () => {
    double.password = 'right';
    const wrong = make({ password: 'wrong', user: 'banjour' });
    await expect(wrong.open()).rejects.toMatchObject({
      message: expect.stringMatching(/WRONGPASS/),
      hint: expect.stringContaining('password-file'),
    });
    double.instead.set('AUTH', Buffer.from('-ERR no secret\r\n'));
    await expect(make({ password: 'secret' }).open()).rejects.toThrow('no (hidden)');
    double.instead.clear();
    const right = make({ password: 'right', database: 3 });
    await right.open();
    expect(double.asked.slice(-5)).toEqual(
      expect.arrayContaining(['AUTH', 'SELECT', 'TIME', 'ZREMRANGEBYSCORE']),
    );
    await right.close();
  });

  test('speaks TLS with a server whose certificate is signed by ca-file', async () => {
    const safe = await ValkeyDouble.start(TLS);
    const way = { port: safe.port, isTls: true };
    const one = engine('mx1', { ...way, ca: TLS.cert });
    await one.open();
    await one.publish([ban('192.0.2.1')]);
    expect(safe.streams.get('banjour')?.length).toBe(1);
    await one.close();
    const stranger = engine('mx1', way);
    await expect(stranger.open()).rejects.toMatchObject({
      message: expect.stringMatching(/certificate/),
      hint: expect.stringContaining('ca-file of [share]'),
    });
    await stranger.close();
    await safe.close();
  });

  test('a port with TLS that is spoken to without, and the other way round, names the key', async () => {
    const safe = await ValkeyDouble.start(TLS);
    const plain = engine('mx1', { port: safe.port });
    await expect(plain.open()).rejects.toMatchObject({
      hint: expect.stringContaining('url of [share] begins with valkeys://'),
    });
    await plain.close();
    await safe.close();
    const alert = await answering('\x15\x03\x01\x00\x02\x02\x46');
    const one = engine('mx1', { port: (alert.address() as AddressInfo).port });
    await expect(one.open()).rejects.toMatchObject({
      message: expect.stringContaining('its answer is TLS'),
      hint: expect.stringContaining('valkeys:// into url of [share]'),
    });
    await one.close();
    alert.close();
    const other = await answering('-ERR unknown command\r\n');
    const secret = engine('mx1', { port: (other.address() as AddressInfo).port, isTls: true });
    await expect(secret.open()).rejects.toMatchObject({
      hint: expect.stringContaining('valkey:// into url of [share]'),
    });
    await secret.close();
    other.close();
  });

  const BYTES = `larger than ${SHARE_REPLY_BYTES_MAX} bytes`;
  const VALUES = `more than ${SHARE_REPLY_VALUES_MAX} values`;
  test.each([
    ['a text of a gigabyte', `$${2 ** 30}\r\n`, BYTES],
    ['33 million values', `*${2 ** 25}\r\n`, VALUES],
    ['an array of 699,044 refusals', `*699044\r\n${'-\r\n'.repeat(699_044)}`, VALUES],
    [
      'many arrays of many refusals',
      `*20000\r\n${`*2\r\n${'-\r\n'.repeat(2)}`.repeat(20_000)}`,
      VALUES,
    ],
    ['arrays in arrays', '*1\r\n'.repeat(100_000), 'nested deeper than 8 arrays'],
    ['a line without end', 'x'.padStart(SHARE_REPLY_BYTES_MAX + 1, '+'), BYTES],
  ])('%s: the connection ends, and the remedy is named', async (_, answer, said) => {
    double.add('banjour', ['1-1', ...words('192.0.2.1')]);
    const one = make();
    await one.open();
    double.instead.set('ZSCAN', Buffer.from(answer));
    const heard = one.run(undefined, async () => undefined, new AbortController().signal);
    await expect(heard).rejects.toMatchObject({
      message: expect.stringContaining(said),
      hint: expect.stringContaining('valkey-cli -n 0 DEL banjour banjour:held'),
    });
    await one.close();
  });

  test('such an answer takes no memory of note', async () => {
    const answers = [`*${2 ** 25}\r\n`, `*699044\r\n${'-\r\n'.repeat(699_044)}`].map(Buffer.from);
    const before = process.memoryUsage().rss;
    let most = 0;
    for (const answer of answers) {
      const one = make();
      await one.open();
      double.instead.set('TIME', answer);
      await expect(one.heartbeat()).rejects.toThrow(VALUES);
      most = Math.max(most, process.memoryUsage().rss - before);
      double.instead.clear();
      await one.close();
    }
    expect(most).toBeLessThan(100 * 1024 * 1024);
  });

  test('what comes a byte at a time is read, and half an answer is waited for', async () => {
    const one = make();
    await one.open();
    double.piece = 1;
    await one.publish([ban('192.0.2.1')]);
    const { news, stop } = await listening(one);
    await one.publish([ban('192.0.2.2'), ban('192.0.2.3')]);
    const heard = () => news.flatMap(({ own, listing }) => (listing === undefined ? [...own] : []));
    await until('its own are heard', () => heard().length === 2);
    await stop();
  });

  test('what is no RESP, and an answer that nobody asked for, end the connection', async () => {
    const unasked = ['+OK\r\n+OK\r\n', '+OK\r\n$-1\r\n', '$-1\r\n*-1\r\n'];
    for (const answer of ['HTTP/1.1 400 Bad Request\r\n', ...unasked]) {
      const one = make();
      await one.open();
      double.instead.set('TIME', Buffer.from(answer));
      await one.heartbeat().catch(() => undefined);
      await expect(one.heartbeat()).rejects.toThrow(/no RESP|nobody asked|what nobody/);
      double.instead.clear();
      await one.close();
    }
  });

  test.each([0, 1])(
    'of lifts while nobody listened as many are told as may be: %i more',
    async (more) => {
      const lifted = (n: number) => `198.51.${n >> 8}.${n & 255}`;
      const entries = Array.from({ length: SHARE_LIFTS_MAX + more }, (_, n) => ({
        id: `5-${n}`,
        words: [...words(lifted(n)).slice(0, -2), 'lift', '1'],
      }));
      double.streams.set('banjour', entries);
      const one = make();
      await one.open();
      const { news, stop } = await listening(one, '1-1');
      expect(news.flatMap(({ gone }) => gone).length).toBe(SHARE_LIFTS_MAX);
      await stop();
    },
  );

  test('a refusal in a transaction is told, and that of EXEC is not', async () => {
    const one = make();
    await one.open();
    double.instead.set(
      'XADD',
      Buffer.from("-NOPERM User mx1 has no permissions to run 'xadd'\r\n"),
    );
    double.instead.set('EXEC', Buffer.from('-EXECABORT Transaction discarded\r\n'));
    await expect(one.publish([ban('192.0.2.1')])).rejects.toMatchObject({
      message: expect.stringContaining('NOPERM'),
      hint: expect.stringContaining('ACL user'),
    });
    await one.close();
  });

  test('a database that it may not use ends the connection', async () => {
    double.instead.set('SELECT', Buffer.from('-ERR DB index is out of range\r\n'));
    const one = make({ database: 99 });
    await expect(one.open()).rejects.toThrow('DB index is out of range');
    await one.close();
  });

  test('a refusal has no command in it, which would have the password', async () => {
    double.password = 'right';
    const one = make({ password: 'secret-of-mx1' });
    const refused = await one.open().catch((error: unknown) => error);
    expect(inspect(refused, { depth: 9 })).not.toContain('secret-of-mx1');
    await one.close();
  });

  test('a stream with the last possible id: publishing names the remedy', async () => {
    double.add('banjour', [LAST, ...words('192.0.2.9')]);
    const one = make();
    await one.open();
    await expect(one.publish([ban('192.0.2.1')])).rejects.toMatchObject({
      message: expect.stringContaining('exhausted the last possible ID'),
      hint: expect.stringMatching(/valkey-cli -n 0 DEL banjour .*new password/),
    });
    await one.close();
    // What is in force is known all the same to whoever comes.
    const late = engine('mx3', { port: double.port });
    await late.open();
    const { news, stop } = await listening(late, LAST);
    expect(news[0]?.put.map(({ target }) => target)).toEqual(['192.0.2.1']);
    await stop();
  });

  test('a stream with the last possible id: listening names it as well', async () => {
    const one = make();
    await one.open();
    const { running, stop } = await listening(one);
    double.add('banjour', [LAST, ...words('192.0.2.9')]);
    await expect(running).rejects.toMatchObject({
      message: expect.stringContaining('exhausted the last possible ID'),
      hint: expect.stringContaining('valkey-cli -n 0 DEL banjour'),
    });
    await stop();
  });

  test('a stream that was deleted is read anew, wherever the old one was', async () => {
    double.add('banjour', [LAST, ...words('192.0.2.9')]);
    const one = make();
    await one.open();
    const { news, listings, stop } = await listening(one);
    double.streams.delete('banjour');
    const other = engine('mx2', { port: double.port });
    await other.open();
    await other.publish([ban('192.0.2.1')]);
    await until('it listed again', () => listings() === 2);
    await other.publish([ban('192.0.2.2')]);
    const heard = () => news.some(({ put }) => put.some(({ target }) => target === '192.0.2.2'));
    await until('it hears what is new', heard);
    await stop();
    await other.close();
    // And what was lifted meanwhile is told to whoever comes back with the old position.
    await other.close();
    const third = engine('mx2', { port: double.port });
    await third.open();
    await third.publish([{ kind: 'lift', jail: 'sshd', target: '192.0.2.1' }]);
    await third.close();
    const back = make();
    await back.open();
    const later = await listening(back, LAST);
    expect(later.news.flatMap(({ gone }) => gone.map(({ target }) => target))).toEqual([
      '192.0.2.1',
    ]);
    await later.stop();
  });

  test('an entry of tomorrow does not make a ban longer', async () => {
    const one = make();
    await one.open();
    const { news, stop } = await listening(one);
    double.add('banjour', [`${Date.now() + 86_400_000}-0`, ...words('192.0.2.1')]);
    await until('it is heard', () => news.some(({ put }) => put.length > 0));
    const told = news.flatMap(({ put }) => put)[0];
    expect(Math.abs((told?.until ?? 0) - Date.now() - 60_000)).toBeLessThan(5_000);
    await stop();
  });

  test('what is no decision is passed over and counted', async () => {
    const one = make();
    await one.open();
    const { news, stop } = await listening(one);
    const wrong = [
      ...[[], ['host', 'mx2'], words('nft; flush'), words('192.0.2.1').slice(2)],
      [...words('192.0.2.1').slice(0, -1), '1e9'],
      ['host', 'mx 2', ...words('192.0.2.1').slice(2)],
      ['host', 'mx2', 'by', 'BEEF', ...words('192.0.2.1').slice(4)],
    ];
    for (const entry of wrong) double.add('banjour', ['*', ...entry]);
    double.add('banjour', ['*', ...words('192.0.2.2')]);
    const heard = () => news.some(({ put }) => put.some(({ target }) => target === '192.0.2.2'));
    await until('the good one is heard', heard);
    expect(news.reduce((sum, { passedOver }) => sum + passedOver, 0)).toBe(wrong.length);
    await stop();
  });
});

describe('Valkey that does not answer', () => {
  test('is an error with its name', async () => {
    const nobody = engine('mx1', { port: await freePort() });
    await expect(nobody.open()).rejects.toThrow(/^valkey:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/);
    await nobody.close();
  });

  test('is given up after a while', async () => {
    let isAsked = false;
    const mute = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => {
        isAsked = true;
      });
    });
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', () => resolve()));
    const one = engine('mx1', { port: (mute.address() as AddressInfo).port });
    using _timers = fakeTimers();
    let failure: unknown;
    const opening = one.open().catch((error) => {
      failure = error;
    });
    await until('it is asked', () => isAsked);
    await jest.advanceTimersByTimeAsync(SHARE_ANSWER_MS_MAX - 1);
    expect(failure).toBeUndefined();
    await jest.advanceTimersByTimeAsync(1);
    await opening;
    expect(failure).toMatchObject({ message: expect.stringMatching(/no answer in time/) });
    await one.close();
    mute.close();
  });

  test.each([
    ['DENIED Running in protected mode because', /has no requirepass/],
    ['WRONGPASS invalid username-password pair', /password-file of \[share\]/],
    ['NOPERM User banjour has no permissions', /ACL user banjour may do too little/],
  ])('says how to mend %s', async (answer, hint) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => socket.write(`-${answer}\r\n`));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const { port } = server.address() as AddressInfo;
    const one = engine('mx1', { port, user: 'banjour', password: 'secret-of-mx1' });
    await expect(one.open()).rejects.toMatchObject({
      message: expect.stringContaining(answer),
      hint: expect.stringMatching(hint),
    });
    await one.close();
    server.close();
  });
});
