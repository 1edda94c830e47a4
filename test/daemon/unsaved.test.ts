/** An agent whose state directory is a disk that fills up. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { AgentHost, canHost } from '../support/agent-host.js';
import { until } from '../support/journal-files.js';
import { needs } from '../support/require.js';

const test = needs(...canHost);

let host: AgentHost;
beforeEach(() => {
  host = new AgentHost();
  host.configure();
  mkdirSync(host.path('state'), { recursive: true });
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', host.path('state')]);
  expect(status).toBe(0);
});
afterEach(async () => {
  // The agent that still runs goes on there: only the name is gone.
  spawnSync('umount', ['-l', host.path('state')]);
  await host.dispose();
});

function fill(): void {
  try {
    writeFileSync(host.path('state/filler'), Buffer.alloc(1024 * 1024));
  } catch {
    // Full, as it is meant to be.
  }
}
const isBanned = (address: string) =>
  until(
    () => `${address} is banned:\n${host.said}`,
    () => host.ruleset().includes(address),
  );
const warnings = async () => (await host.status.status()).warnings.filter((text) => text.includes('cannot be written'));

test('a full disk ends nothing: bans go on, status says so, and all of it is written when there is room', async () => {
  const agent = await host.start();
  host.fail('198.51.100.1', 3);
  await isBanned('198.51.100.1');
  fill();
  for (let n = 2; n < 40; n++) host.fail(`198.51.100.${n}`, 3);
  await isBanned('198.51.100.39');
  await until('it is told', () => host.said.includes('cannot be written'));
  expect(await warnings()).toHaveLength(1);
  rmSync(host.path('state/filler'));
  await until('it is written', () => host.said.includes('can be written again'));
  expect(await warnings()).toEqual([]);
  await host.end(agent);
  const before = host.said.length;
  await host.start();
  expect(host.said.slice(before)).not.toMatch(/\] Unban/);
  for (let n = 1; n < 40; n++) expect(host.ruleset()).toContain(`198.51.100.${n}`);
});

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
