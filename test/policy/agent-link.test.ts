import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { AgentLink } from '../../src/policy/agent-link.js';
import { stays, until } from '../support/until.js';

let folder: string;
let socket: string;
let server: Server;
const clients: Socket[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-link-'));
  socket = join(folder, 'policy.sock');
});
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
  server.close();
  rmSync(folder, { recursive: true });
});

/** An agent that says nothing of itself; `took` gets what it is told. */
async function agentThat(took: (text: string, client: Socket) => void): Promise<void> {
  server = createServer((client) => {
    clients.push(client);
    client.on('error', () => undefined);
    client.on('data', (data) => took(data.toString(), client));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
}

test('reports that the agent does not take hold up no login', async () => {
  const heard: string[] = [];
  await agentThat((text) => heard.push(text));
  let lost = 0;
  const link = new AgentLink(socket, (reports) => {
    lost += reports;
  });
  const batch = () => link.report({ address: '192.0.2.1' });
  batch();
  await until('the first is sent', () => heard.length > 0);
  // More than there are connections, each with time to be sent by itself.
  for (let n = 0; n < 5; n++) {
    batch();
    const asked = await link.facts({ address: '192.0.2.2', user: 'alice' });
    expect([asked, lost]).toEqual([undefined, 0]);
  }
  expect(heard.filter((text) => text.includes('/policy/reports'))).toHaveLength(1);
  await link.close();
  expect(lost).toBe(6);
});

test('reports that come while others are sent follow them', async () => {
  const heard: string[] = [];
  let answer: () => void = () => undefined;
  await agentThat((text, client) => {
    heard.push(text);
    answer = () => client.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}');
  });
  const link = new AgentLink(socket, () => undefined);
  const isHeard = (address: string) => () => heard.some((text) => text.includes(address));
  link.report({ address: '192.0.2.1' });
  await until('the first is sent', isHeard('192.0.2.1'));
  link.report({ address: '192.0.2.2' });
  answer();
  await until('the second is sent', isHeard('192.0.2.2'));
  answer();
  await stays('all is sent', () => heard.length > 0, 50);
  link.report({ address: '192.0.2.3' });
  await until('the third is sent', isHeard('192.0.2.3'));
  answer();
  await link.close();
});
