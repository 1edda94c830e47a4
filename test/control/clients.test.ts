import { EventEmitter } from 'node:events';
import { createServer, type Server } from 'node:http';
import { Socket } from 'node:net';
import { expect, jest, test } from '@jest/globals';
import { boundClients } from '../../src/control/clients.js';
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
