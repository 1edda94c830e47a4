import { EventEmitter } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { expect, jest, test } from '@jest/globals';
import { boundClients, readBody } from '../../src/control/clients.js';
import { fakeTimers } from '../support/timeouts.js';

test('a connection that the system has no descriptor for ends nothing, however often', () => {
  const server = createServer();
  boundClients(server, 1, 1);
  const accepted = () => server.emit('error', new Error('accept EMFILE'));
  expect([accepted(), accepted()]).toEqual([true, true]);
});

test('who sent two requests in one go is not cut off while a later one is answered', () => {
  using _ = fakeTimers();
  const server = new EventEmitter();
  boundClients(server as Server, 1, 1_000);
  const socket = new Socket();
  const request = () => {
    const response = new EventEmitter();
    server.emit('request', { socket }, response);
    return response;
  };
  server.emit('connection', socket);
  for (const response of [request(), request()]) response.emit('close');
  request();
  jest.advanceTimersByTime(1_000);
  expect(socket.destroyed).toBe(false);
});

test('a body is read up to its bound, not one byte more, and not where its client is gone', async () => {
  const bodyOf = (chunks: readonly string[], isWhole = true) => {
    const request = new PassThrough();
    const body = readBody(request as unknown as IncomingMessage, 8, () => new Error('too large'));
    for (const chunk of chunks) request.write(chunk);
    if (isWhole) request.end();
    else request.destroy();
    return body;
  };
  expect(await bodyOf(['1234', 'ä', '78'])).toBe('1234ä78');
  expect(await bodyOf([])).toBe('');
  await expect(bodyOf(['1234', '56789'])).rejects.toThrow('too large');
  await expect(bodyOf(['1234'], false)).rejects.toThrow('not read to its end');
});
