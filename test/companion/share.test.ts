/** The part that shares bans: its configuration, its secrets, its state. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { PartHost } from '../../src/companion/part.js';
import { planShare } from '../../src/companion/share.js';
import type { ShareStatus } from '../../src/share/share.js';
import { TLS } from '../share/certificate.js';
import { ValkeyDouble } from '../share/valkey-double.js';
import { until } from '../support/until.js';
import { Scratch } from './scratch.js';

let scratch: Scratch;
let double: ValkeyDouble;
const closing: (() => unknown)[] = [];
beforeEach(async () => {
  said = [];
  scratch = new Scratch();
  double = await ValkeyDouble.start();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await double.close();
  scratch.remove();
});

let said: string[] = [];
const planned = (...lines: readonly string[]) => {
  const log = (_: string, line: string) => void said.push(line);
  const host = { paths: scratch.paths, env: {}, log } as unknown as PartHost;
  return planShare(scratch.configured('share', ...lines), host);
};
const started = async (...lines: readonly string[]) => {
  const plan = await planned('enabled = true', 'name = mx1', ...lines);
  const part = await plan?.start((error) => void said.push(String(error)));
  if (part === undefined) throw new Error('no part');
  closing.push(() => part.stop());
  return { part, status: () => part.status() as ShareStatus };
};

/** An agent that says what it shares, and nothing else. */
async function agent(): Promise<void> {
  mkdirSync(join(scratch.folder, 'run'), { recursive: true });
  const view = { enabled: true, accept: ['banjour'], publish: { jails: [], operator: false } };
  const server = createServer((request, response) => {
    if (!request.url?.includes('share/status')) response.statusCode = 503;
    response.end(JSON.stringify(view));
  });
  const path = join(scratch.folder, 'run/status.sock');
  await new Promise<void>((resolve) => server.listen(path, () => resolve()));
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
}

test('is off unless it is switched on, and says as whom and through what', async () => {
  expect(await planned()).toBeUndefined();
  const plan = await planned('enabled = true', 'name = mx1', 'url = valkeys://192.0.2.1');
  expect(plan?.lines).toEqual(['bans are shared as mx1 through 192.0.2.1']);
  const other = await planned('enabled = true', 'name = mx2', 'url = valkeys://192.0.2.1');
  expect(other?.configuration).not.toBe(plan?.configuration);
});

test('waits for the agent, and says so', async () => {
  const { part, status } = await started(`url = valkey://127.0.0.1:${double.port}`);
  await until('it has tried', () => status().trouble !== null);
  expect(part.summary).toMatch(/^bans are not shared: .*status\.sock/);
  expect(status()).toMatchObject({ host: 'mx1', connectedSince: null, published: 0 });
  await agent();
  await until('it listens', () => status().connectedSince !== null);
  expect(part.summary).toBe(`bans are shared through valkey://127.0.0.1:${double.port}`);
  expect(await part.figures?.('openmetrics')).toContain('banjour_share_connected 1');
});

test('logs in with the user and the password of the file, which is read for each try', async () => {
  await agent();
  double.password = 'right';
  const file = join(scratch.folder, 'password');
  const { part, status } = await started(
    `url = valkey://127.0.0.1:${double.port}`,
    ...['user = banjour', `password-file = ${file}`],
  );
  await until('it has tried', () => status().trouble !== null);
  expect(part.summary).toMatch(/password-file/);
  expect(said.join('\n')).toMatch(/write the secret into \S+password/);
  scratch.write('password', 'wrong\n');
  await until('it is refused', () => /WRONGPASS/.test(status().trouble ?? ''));
  scratch.write('password', 'right\n');
  await until('it listens', () => status().connectedSince !== null);
  expect(JSON.stringify([status(), part.summary, said])).not.toContain('right');
});

test('trusts the certificates of ca-file', async () => {
  await agent();
  const safe = await ValkeyDouble.start(TLS);
  closing.push(() => safe.close());
  const file = join(scratch.folder, 'ca.pem');
  const { status } = await started(`url = valkeys://127.0.0.1:${safe.port}`, `ca-file = ${file}`);
  await until('it misses the file', () => /ca-file/.test(status().trouble ?? ''));
  scratch.write('ca.pem', TLS.cert);
  await until('it listens', () => status().connectedSince !== null);
});

test('of the LAPI both secrets are needed', async () => {
  await agent();
  const { status } = await started(
    ...['url = http://127.0.0.1:1', 'machine-id = mx1'],
    ...[
      `machine-password-file = ${scratch.folder}/machine`,
      `bouncer-key-file = ${scratch.folder}/bouncer`,
    ],
  );
  await until('one is missing', () => /machine-password-file/.test(status().trouble ?? ''));
  scratch.write('machine', 'm\n');
  await until('the other is missing', () => /bouncer-key-file/.test(status().trouble ?? ''));
  scratch.write('bouncer', 'b\n');
  await until('nobody answers', () =>
    /127\.0\.0\.1:1 does not answer/.test(status().trouble ?? ''),
  );
});

test('is the same installation after a restart, another one where its state is gone', async () => {
  await agent();
  const installation = async () => {
    const { part, status } = await started(`url = valkey://127.0.0.1:${double.port}`);
    await until('it listens', () => status().connectedSince !== null);
    await part.stop();
    const { targets } = JSON.parse(
      readFileSync(`${scratch.folder}/state-companion/share.json`, 'utf8'),
    );
    return targets.installation as string;
  };
  const first = await installation();
  expect(await installation()).toBe(first);
  rmSync(`${scratch.folder}/state-companion/share.json`);
  expect(await installation()).not.toBe(first);
});

test('a state that cannot be kept is said before anything is shared', async () => {
  rmSync(`${scratch.folder}/state-companion`, { recursive: true });
  await expect(started(`url = valkey://127.0.0.1:${double.port}`)).rejects.toThrow(
    /positions cannot be kept/,
  );
  expect(double.asked).toEqual([]);
});
