/** Valkey or Redis as engine, wherever one is installed; the end-to-end suite always has one. */
import { randomUUID } from 'node:crypto';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createClient } from '@redis/client';
import { SHARE_PUBLISH_MAX, SHARE_STREAM_ENTRIES_MAX } from '../../src/core/service-limits.js';
import { SHARE_ANSWER_MS_MAX } from '../../src/core/timeouts.js';
import { ValkeyEngine, type ValkeyOptions } from '../../src/share/valkey.js';
import { Timeouts } from '../support/timeouts.js';
import { until } from '../support/until.js';
import { engineContract } from './contract.js';
import { engineProgram, freePort, RealValkey } from './real-engines.js';

const program = engineProgram('valkey-server', 'redis-server');
let server: RealValkey | undefined;

const engine = (host: string, more: Partial<ValkeyOptions> = {}) =>
  new ValkeyEngine({
    ...{ host, origins: ['banjour'], address: '127.0.0.1', port: server?.port ?? 0 },
    ...{ isTls: false, database: 0, stream: 'banjour', ...more },
  });

/** What the server answers to a command. */
async function cli(...words: readonly string[]): Promise<string> {
  const client = createClient({ socket: { host: '127.0.0.1', port: server?.port ?? 0 } });
  await client.connect();
  const answer = String(await client.sendCommand([...words]));
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
      make: (host, skewMs = 0) => engine(host, { stream, now: () => Date.now() + skewMs }),
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

describe('Valkey that does not answer', () => {
  test('is an error with its name', async () => {
    const nobody = engine('mx1', { port: await freePort() });
    await expect(nobody.open()).rejects.toThrow(/^valkey:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/);
    await nobody.close();
  });

  test('is given up after a while', async () => {
    const mute = createServer((socket) => socket.resume());
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', () => resolve()));
    const one = engine('mx1', { port: (mute.address() as AddressInfo).port });
    using timeouts = new Timeouts();
    const opening = one.open();
    const failed = expect(opening).rejects.toThrow(/no answer in time/);
    await until('it is asked', () => timeouts.count === 1);
    timeouts.pass(SHARE_ANSWER_MS_MAX - 1);
    timeouts.pass(1);
    await failed;
    await one.close();
    mute.close();
  });
});
