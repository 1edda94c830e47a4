/** An agent whose state directory is a disk that fills up. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { LEDGER_CHECKPOINT_ROWS } from '../../src/core/service-limits.js';
import { AgentHost, canHost } from '../support/agent-host.js';
import { hasCommand, needs } from '../support/require.js';
import { until } from '../support/until.js';

const test = needs(...canHost);

let host: AgentHost;
beforeEach(() => {
  host = new AgentHost();
  host.configure();
  mkdirSync(host.path('state'), { recursive: true });
  // Once the filler is gone there is room for the ledger and its whole log.
  const { status } = spawnSync('mount', [
    '-t',
    'tmpfs',
    '-o',
    'size=8m',
    'tmpfs',
    host.path('state'),
  ]);
  expect(status).toBe(0);
});
afterEach(async () => {
  // The agent that still runs goes on there: only the name is gone.
  spawnSync('umount', ['-l', host.path('state')]);
  await host.dispose();
});

function fill(): void {
  try {
    writeFileSync(host.path('state/filler'), Buffer.alloc(16 * 1024 * 1024));
  } catch {
    // Full, as it is meant to be.
  }
}
const isBanned = (address: string) =>
  until(
    () => `${address} is banned:\n${host.said}`,
    () => host.ruleset().includes(address),
  );
const warnings = async () =>
  (await host.status.status()).warnings.filter((text) => text.includes('cannot be written'));

test('a full disk ends nothing: bans go on, status says so, and all of it is written when there is room', async () => {
  const agent = await host.start();
  host.fail('198.51.100.1', 3);
  await isBanned('198.51.100.1');
  fill();
  for (let n = 2; n < 40; n++) host.fail(`198.51.100.${n}`, 3);
  await isBanned('198.51.100.39');
  await until('it is told', () => host.said.includes('cannot be written'));
  await until('status says so', async () => (await warnings()).length === 1);
  rmSync(host.path('state/filler'));
  // A try before there was room may have succeeded for a moment, so the log does not tell this one.
  await until('it is written', async () => (await warnings()).length === 0);
  expect(host.said).toContain('can be written again');
  await host.end(agent);
  const before = host.said.length;
  await host.start();
  expect(host.said.slice(before)).not.toMatch(/\] Unban/);
  for (let n = 1; n < 40; n++) expect(host.ruleset()).toContain(`198.51.100.${n}`);
});

/** The environment in which the file `broken` of the host says what its disk does. */
function brokenDisk(): NodeJS.ProcessEnv {
  const shim = host.path('broken.so');
  const words = ['-shared', '-fPIC', '-o', shim, 'test/agent/broken-disk.c', '-ldl'];
  expect(spawnSync('cc', words).status).toBe(0);
  return { LD_PRELOAD: shim, BROKEN_DISK: host.path('broken') };
}
const RUN = [join(process.cwd(), 'dist/src/main.js'), 'run'];
const withDisks = needs(canHost[0] && hasCommand('cc'), 'needs cc and what an agent needs');

withDisks('a disk that the mail queue keeps busy holds up no ban', async () => {
  // Failures that are weighed are rows of the ledger.
  host.write('etc/jail.d/login.conf', '[login]\nenabled = true\n');
  expect(spawnSync('mount', ['-o', 'remount,size=64m', host.path('state')]).status).toBe(0);
  const agent = host.launch(RUN, brokenDisk());
  await until(
    'it watches',
    () => host.said.includes('is ready') && host.said.includes('reached the end'),
  );
  const busy = host.write('broken', 's');
  const strangers = LEDGER_CHECKPOINT_ROWS + 500;
  for (let n = 0; n < strangers; n++) host.fail(`10.7.${n >> 8}.${n & 255}`);
  await until('somebody waits for the disk', () => existsSync(`${busy}.waits`), 60_000);
  for (let n = 1; n < 8; n++) host.fail(`198.51.100.${n}`, 3);
  await isBanned('198.51.100.7');
  rmSync(busy);
  await host.end(agent, 'SIGTERM');
  await host.start();
  for (let n = 1; n < 8; n++) expect(host.ruleset()).toContain(`198.51.100.${n}`);
});

withDisks.each(['w', 'rw'])(
  'a disk that fails at run time (%s) lifts no ban and forgets none',
  async (how) => {
    const env = brokenDisk();
    let agent = host.launch(RUN, env);
    // systemd starts an agent again that ends.
    let starts = 0;
    const restart = () => {
      if (++starts < 5) agent = host.launch(RUN, env).once('exit', restart);
    };
    agent.once('exit', restart);
    await until(
      'it watches',
      () => host.said.includes('is ready') && host.said.includes('reached the end'),
    );
    host.fail('198.51.100.1', 3);
    await isBanned('198.51.100.1');
    host.write('broken', how);
    host.fail('198.51.100.2', 3);
    await isBanned('198.51.100.2');
    host.fail('198.51.100.3', 3);
    await isBanned('198.51.100.3');
    await until('it is told', () => host.said.includes('cannot be written'));
    rmSync(host.path('broken'));
    await until('it is written', () => host.said.includes('can be written again'));
    starts = 5;
    await host.end(agent, 'SIGTERM');
    await host.start();
    for (let n = 1; n <= 3; n++) expect(host.ruleset()).toContain(`198.51.100.${n}`);
    expect(host.announced('Unban')).toEqual([]);
  },
);

test('a start on a full disk protects, and keeps what the kernel holds', async () => {
  const agent = await host.start();
  host.fail('198.51.100.1', 3);
  await isBanned('198.51.100.1');
  await host.end(agent);
  fill();
  await host.start();
  expect(host.ruleset()).toContain('198.51.100.1');
  host.fail('198.51.100.2', 3);
  await isBanned('198.51.100.2');
});

test('a start on a read-only disk after a crash lifts no ban', async () => {
  const first = await host.start();
  host.fail('198.51.100.1', 3);
  await isBanned('198.51.100.1');
  await host.end(first, 'SIGTERM');
  const second = await host.start();
  host.fail('198.51.100.2', 3);
  await isBanned('198.51.100.2');
  await host.end(second);
  expect(spawnSync('mount', ['-o', 'remount,ro', host.path('state')]).status).toBe(0);
  const before = host.said.length;
  await host.start();
  for (const n of [1, 2]) expect(host.ruleset()).toContain(`198.51.100.${n}`);
  expect(host.said.slice(before)).not.toMatch(/\] Unban/);
  host.fail('198.51.100.3', 3);
  await isBanned('198.51.100.3');
});
