import { createServer } from 'node:http';
import { expect, test } from '@jest/globals';
import { boundClients } from '../../src/control/clients.js';

test('a connection that the system has no descriptor for ends nothing, however often', () => {
  const server = createServer();
  boundClients(server, 1, 1);
  const accepted = () => server.emit('error', new Error('accept EMFILE'));
  expect([accepted(), accepted()]).toEqual([true, true]);
});
