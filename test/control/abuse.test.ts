import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { ControlClient } from '../../src/control/client.js';
import { CONTROL_CLIENTS_MAX, CONTROL_STREAMS_MAX } from '../../src/core/service-limits.js';
import { CONTROL_REQUEST_MS_MAX } from '../../src/core/timeouts.js';
import { canWrite } from '../support/journal-files.js';
import { needs } from '../support/require.js';
import { Host } from './host.js';

describe('clients that mean no good', () => {
  let host: Host;
  beforeAll(async () => {
    if (canWrite[0]) host = await new Host().start();
  });
  afterAll(() => host?.end());

  const open = async (name: 'control' | 'status'): Promise<Socket> => {
    const socket = connect(host.socket(name));
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  };
  const closed = (socket: Socket) =>
    new Promise<void>((resolve) =>
      socket.destroyed ? resolve() : socket.once('close', () => resolve()),
    );
  const drained = (socket: Socket) =>
    new Promise<void>((resolve) => socket.once('drain', () => resolve()));

  needs(...canWrite)('may send 1 GB: the connection is closed long before', async () => {
    const megabyte = Buffer.alloc(1024 * 1024, 0x61);
    for (const head of [
      'POST /v1/ban HTTP/1.1\r\nhost: x\r\ncontent-length: 1073741824\r\n\r\n',
      'GET /v1/status HTTP/1.1\r\nhost: x\r\ncontent-length: 1073741824\r\n\r\n',
      'POST /v1/nothing HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n40000000\r\n',
      'GET /',
    ]) {
      const socket = await open('control');
      socket.resume();
      const gone = closed(socket);
      socket.write(head);
      let sent = 0;
      while (!socket.destroyed && sent < 1024) {
        if (!socket.write(megabyte)) await Promise.race([drained(socket), gone]);
        sent++;
      }
      await gone;
      expect(sent).toBeLessThan(64);
    }
    expect(await host.client().ping()).toEqual({ pong: true });
  });

  needs(...canWrite)(
    'may say nothing, or half a request, on every connection there is: each is closed in time, then others are answered',
    async () => {
      const idle = await Promise.all(
        Array.from({ length: CONTROL_CLIENTS_MAX }, async (_, n) => {
          const socket = await open('status');
          socket.resume();
          if (n % 3 === 1) socket.write('GET /v1/sta');
          if (n % 3 === 2) socket.write('GET /v1/status HTTP/1.1\r\nhost: x\r\n');
          return socket;
        }),
      );
      // The socket is full, the other one is not concerned.
      await expect(new ControlClient(host.socket('status')).ping()).rejects.toThrow(
        'does not answer',
      );
      expect(await host.client().ping()).toEqual({ pong: true });
      const started = performance.now();
      await Promise.all(idle.map(closed));
      expect(performance.now() - started).toBeLessThan(10 * CONTROL_REQUEST_MS_MAX);
      expect(await new ControlClient(host.socket('status')).ping()).toEqual({ pong: true });
    },
  );

  needs(...canWrite)(
    'may follow the events in crowds: the bound is kept, and questions are still answered',
    async () => {
      const end = new AbortController();
      const client = new ControlClient(host.socket('status'));
      const streams = Array.from({ length: CONTROL_STREAMS_MAX }, () =>
        client.events(() => undefined, end.signal),
      );
      const over = streams.map((stream) => stream.catch(() => undefined));
      await host.until('one more is refused', async () => {
        const extra = new AbortController();
        const answer = await new Promise<string>((resolve) => {
          client
            .events(() => undefined, extra.signal, { opened: () => resolve('') })
            .catch((error: Error) => resolve(error.message));
        });
        extra.abort();
        return answer.includes(`${CONTROL_STREAMS_MAX} clients follow the events already`);
      });
      expect(await client.ping()).toEqual({ pong: true });
      end.abort();
      await Promise.all(over);
    },
  );

  needs(...canWrite)('may send garbage', async () => {
    for (const garbage of [
      Buffer.from([0, 255, 1, 2, 10, 13, 10, 13, 10]),
      Buffer.from('GET // HTTP/1.1\r\nhost: x\r\n\r\n'),
      Buffer.from('GET /v1/jails/%ff%fe HTTP/1.1\r\nhost: x\r\n\r\n'),
      Buffer.from('GET /v1/history?limit=-1 HTTP/1.1\r\nhost: x\r\n\r\n'),
      Buffer.from(`GET /v1/bans?address=${'9'.repeat(4000)} HTTP/1.1\r\nhost: x\r\n\r\n`),
      Buffer.from(`GET /v1/status HTTP/1.1\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`),
      Buffer.from('POST /v1/ban HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n[]'),
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    ]) {
      const socket = await open('control');
      let answer = '';
      socket.on('data', (data) => {
        answer += data.toString('latin1');
      });
      socket.write(garbage);
      await closed(socket);
      expect(answer).not.toMatch(/HTTP\/1\.1 (?:200|5\d\d)/);
    }
    expect(await host.client().ping()).toEqual({ pong: true });
  });

  needs(...canWrite)(
    'may flood: the one who floods waits, and a ban is in force meanwhile',
    async () => {
      let answered = 0;
      let stop = false;
      const started = performance.now();
      const flood = Array.from({ length: 48 }, async () => {
        const client = new ControlClient(host.socket('status'));
        while (!stop) {
          await client.status().catch(() => undefined);
          answered++;
        }
      });
      await host.until('the flood is on', () => answered > 100);
      for (let n = 1; n <= 5; n++) {
        host.append(
          Array.from({ length: 5 }, () => ({
            message: `x bad 198.51.100.${n}`,
            fields: { _SYSTEMD_UNIT: 'postfix.service' },
          })),
        );
        await host.until('the attacker is banned', async () => {
          return (
            (await host.client().bans({ jail: 'postfix-sasl', address: `198.51.100.${n}` }))
              .length === 1
          );
        });
      }
      // At full speed these take less than a second, at the bound's five.
      await host.until('many are answered', () => answered > 1_000);
      stop = true;
      const seconds = (performance.now() - started) / 1000;
      await Promise.all(flood);
      // A second's worth may come at once; those under way at the end are answered too.
      expect(answered).toBeLessThan(200 * (seconds + 1) + 100);
      expect(answered).toBeGreaterThan(100);
    },
  );

  needs(...canWrite)(
    'may ask for a long list and never read it: it is made no further than the socket takes it',
    async () => {
      const targets = Array.from({ length: 10_000 }, (_, n) => `10.2.${n >> 8}.${n & 255}`);
      await host.client().ban({ jail: 'dovecot', targets });
      const before = process.memoryUsage().rss;
      const sockets = await Promise.all(
        Array.from({ length: 30 }, async () => {
          const socket = await open('status');
          socket.pause();
          socket.write('GET /v1/bans HTTP/1.1\r\nhost: x\r\n\r\n');
          return socket;
        }),
      );
      expect(await host.client().bans({ jail: 'dovecot' })).toHaveLength(10_000);
      // Thirty whole answers of two megabytes each would be more.
      expect(process.memoryUsage().rss - before).toBeLessThan(60 * 1024 * 1024);
      for (const socket of sockets) socket.destroy();
      expect(await new ControlClient(host.socket('status')).ping()).toEqual({ pong: true });
    },
  );
});
