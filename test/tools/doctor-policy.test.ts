/** Doctor asks on the way that Dovecot goes. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { DEFAULT_POLICY_RULES } from '../../src/policy/decide.js';
import { checkPolicy } from '../../src/tools/doctor-dovecot.js';

let scratch: string;
let server: Server | undefined;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'banjour-doctor-'));
});
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
  rmSync(scratch, { recursive: true });
});

/** Somebody who answers so to `allow` and `ping`; the port. */
async function answering(allow: string, ping: string, status = 200): Promise<number> {
  const made = createServer((request, response) => {
    request.resume();
    response.writeHead(status).end(request.url?.includes('allow') === true ? allow : ping);
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return (made.address() as AddressInfo).port;
}

async function findings(port: number, enabled = true) {
  const program = join(scratch, 'doveconf');
  const key = join(scratch, 'key');
  writeFileSync(key, 'the key\n');
  const header = `Authorization: Basic ${Buffer.from('dovecot:the key').toString('base64')}`;
  writeFileSync(
    program,
    `#!/bin/sh\ncat <<'X'\nauth_policy_server_url = http://127.0.0.1:${port}/\nauth_policy_server_api_header = ${header}\nauth_policy_server_timeout_msecs = 500\nX\n`,
  );
  chmodSync(program, 0o755);
  const policy = {
    enabled,
    listen: { host: '127.0.0.1', port },
    socket: null,
    apiKeyFile: key,
    rules: DEFAULT_POLICY_RULES,
  };
  return checkPolicy(policy, program);
}

test('an answer is an answer', async () => {
  const port = await answering('{"status":0,"msg":""}', '{"status":"ok","agent":true}');
  expect(await findings(port)).toMatchObject([
    {
      level: 'ok',
      message: expect.stringMatching(/^Dovecot's question is answered within \d+ ms$/),
    },
  ]);
});

test('the companion answers, and the agent does not', async () => {
  const port = await answering('{"status":0,"msg":""}', '{"status":"ok","agent":false}');
  expect(await findings(port)).toMatchObject([
    {
      level: 'error',
      message: expect.stringContaining('the agent does not tell'),
      fix: expect.stringContaining('policy.sock'),
    },
  ]);
});

test('another key, nobody, nonsense', async () => {
  expect(await findings(await answering('{}', '{}', 401))).toMatchObject([
    { level: 'error', message: expect.stringContaining('the key is another one') },
  ]);
  server?.close();
  expect(await findings(1)).toMatchObject([
    { level: 'error', message: expect.stringContaining('does not answer Dovecot') },
  ]);
  expect(await findings(await answering('<html>', ''))).toMatchObject([{ level: 'error' }]);
});

test('where nobody is to answer nobody is asked, and without Dovecot there is nothing to say', async () => {
  expect((await findings(9, false)).map(({ level }) => level)).toEqual(['warning']);
  const policy = {
    enabled: true,
    listen: null,
    socket: '/x',
    apiKeyFile: '/x',
    rules: DEFAULT_POLICY_RULES,
  };
  expect(await checkPolicy(policy, join(scratch, 'none'))).toEqual([]);
});
