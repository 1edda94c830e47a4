import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { ControlClient } from '../../src/control/client.js';
import { CONTROL_ANSWER_BYTES_MAX } from '../../src/core/service-limits.js';
import { CONTROL_ANSWER_MS_MAX } from '../../src/core/timeouts.js';
import { until } from '../support/until.js';

test.each([
  [CONTROL_ANSWER_BYTES_MAX, 'not JSON'],
  [CONTROL_ANSWER_BYTES_MAX + 1, `larger than ${CONTROL_ANSWER_BYTES_MAX} bytes`],
])('an answer of %i bytes: %s', async (bytes, problem) => {
  const folder = mkdtempSync(join(tmpdir(), 'banjour-client-'));
  const chunk = Buffer.alloc(1024 * 1024);
  const server = createServer((_, response) => {
    let left = bytes;
    const more = () => {
      while (left > 0) {
        const part = chunk.subarray(0, Math.min(left, chunk.length));
        left -= part.length;
        if (!response.write(part)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  });
  const socket = join(folder, 'socket');
  await new Promise<void>((resolve) => server.listen(socket, () => resolve()));
  try {
    await expect(new ControlClient(socket).bans()).rejects.toThrow(problem);
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  }
});

test('an agent that says nothing for so long is given up', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'banjour-client-'));
  const socket = join(folder, 'socket');
  let server!: Server;
  const asked = new Promise<void>((resolve) => {
    server = createServer(() => resolve());
  });
  await new Promise<void>((resolve) => server.listen(socket, () => resolve()));
  const allowed = new Map<number, Socket>();
  const spy = jest.spyOn(Socket.prototype, 'setTimeout').mockImplementation(function (
    this: Socket,
    milliseconds,
  ) {
    allowed.set(milliseconds, this);
    return this;
  });
  try {
    const answer = new ControlClient(socket).ping();
    answer.catch(() => undefined);
    await asked;
    await until('a bound is set', () => allowed.has(CONTROL_ANSWER_MS_MAX));
    allowed.get(CONTROL_ANSWER_MS_MAX)?.emit('timeout');
    await expect(answer).rejects.toThrow(`the agent on ${socket} does not answer`);
  } finally {
    spy.mockRestore();
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  }
});
