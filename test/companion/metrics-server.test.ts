import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, expect, jest, test } from '@jest/globals';
import { serveMetrics } from '../../src/companion/metrics-server.js';
import { METRICS_CLIENTS_MAX } from '../../src/core/service-limits.js';
import { METRICS_REQUEST_MS_MAX } from '../../src/core/timeouts.js';
import { fakeTimers } from '../support/timeouts.js';
import { until } from '../support/until.js';

const ANY_PORT = { host: '127.0.0.1', port: 0 };

describe('the port of the loopback', () => {
  test('serves the metrics, and an error while the agent is gone', async () => {
    let gone = false;
    const server = await serveMetrics(ANY_PORT, async (format) => {
      if (gone) throw new Error('no agent is running');
      return `${format}\n`;
    });
    const get = (path: string, accept: string) =>
      new Promise<string>((resolve, reject) => {
        request(
          `http://${server.address}${path}`,
          { headers: { accept }, agent: false },
          (response) => {
            let text = `${response.statusCode} `;
            response.on('data', (chunk) => {
              text += chunk;
            });
            response.on('end', () => resolve(text));
          },
        )
          .on('error', reject)
          .end();
      });
    try {
      expect(await get('/metrics', 'application/openmetrics-text')).toBe('200 openmetrics\n');
      expect(await get('/metrics', '*/*')).toBe('200 prometheus\n');
      expect(await get('/', '*/*')).toMatch(/^404/);
      gone = true;
      expect(await get('/metrics', '*/*')).toBe('503 no agent is running\n');
    } finally {
      await server.close();
    }
  });

  test.each([
    ['localhost', 200],
    ['LOCALHOST:9811', 200],
    ['127.0.0.53:1', 200],
    ['[::1]:9811', 200],
    ['rebound.example', 403],
    ['127.0.0.1.rebound.example', 403],
    ['localhost.rebound.example:9811', 403],
    ['0', 403],
  ])('answers a client that calls it %s with %i', async (host, status) => {
    const server = await serveMetrics(ANY_PORT, async () => 'x\n');
    try {
      expect(await statusOf(server.address, host)).toBe(status);
    } finally {
      await server.close();
    }
  });

  test('has room for one more client, however many are silent, and no more of them than the bound', async () => {
    using _ = fakeTimers();
    const server = await serveMetrics(ANY_PORT, async () => 'x\n');
    const [host = '', port = ''] = server.address.split(':');
    const closed: number[] = [];
    const open = async (name: number) => {
      const socket = connect(Number(port), host);
      socket.on('close', () => closed.push(name)).on('error', () => undefined);
      await once(socket, 'connect');
      return socket;
    };
    const sockets: Socket[] = [];
    try {
      for (let i = 0; i < METRICS_CLIENTS_MAX; i++) sockets.push(await open(i));
      expect(await statusOf(server.address, 'localhost')).toBe(200);
      sockets.push(await open(METRICS_CLIENTS_MAX));
      await until('the oldest have gone', () => closed.length >= 1);
      expect(closed[0]).toBe(0);
      expect(await statusOf(server.address, 'localhost')).toBe(200);
      const before = closed.length;
      await jest.advanceTimersByTimeAsync(METRICS_REQUEST_MS_MAX - 1);
      // Who asks takes one place.
      await statusOf(server.address, 'localhost');
      expect(closed.length).toBeLessThanOrEqual(before + 1);
      // Who says nothing is sent away: all of them, without the 30 s that Node takes between two
      // looks.
      await jest.advanceTimersByTimeAsync(1);
      await until('all have gone', () => closed.length === sockets.length);
    } finally {
      for (const socket of sockets) socket.destroy();
      await server.close();
    }
  });
});

/** Status of `/metrics` for a client that calls the server by this name. */
function statusOf(address: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(`http://${address}/metrics`, { headers: { host }, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    })
      .on('error', reject)
      .end();
  });
}
