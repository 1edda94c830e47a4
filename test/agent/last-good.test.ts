/** A start that finds a configuration with errors, where another one was in force before. */
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { AgentHost, canHost } from '../support/agent-host.js';
import { needs } from '../support/require.js';
import { until } from '../support/until.js';

const test = needs(...canHost);

let host: AgentHost;
beforeEach(() => {
  host = new AgentHost();
  host.configure();
});
afterEach(() => host.dispose());

const BAD = '[sshd]\nmaxretry = many\n';
const warnings = async () =>
  (await host.status.status()).warnings.filter((text) => text.includes('have errors'));

test('goes on with what was in force, says so, and takes what is mended', async () => {
  host.write('etc/jail.d/own.conf', '[sshd]\nmaxretry = 2\n');
  const first = await host.start();
  await until('it is kept', () => existsSync(host.path('state/last-good-configuration.json')));
  host.write('etc/jail.d/own.conf', BAD);
  await expect(host.control.reload({})).rejects.toThrow('many');
  await host.end(first);
  const second = await host.start();
  expect(host.said).toContain(`${host.path('etc/jail.d/own.conf')}:2`);
  expect(host.said).toContain('the configuration that was in force last is in force');
  expect(await warnings()).toHaveLength(1);
  host.fail('198.51.100.1', 2);
  await host.heard('Ban', 1);
  host.write('etc/jail.d/own.conf', '[sshd]\nmaxretry = 4\n');
  await host.control.reload({});
  expect(await warnings()).toEqual([]);
  // From now on that is what is kept.
  await host.end(second, 'SIGTERM');
  host.write('etc/jail.d/own.conf', BAD);
  await host.start();
  const { jails } = await host.status.status();
  expect(jails.find(({ jail }) => jail === 'sshd')?.maxretry).toBe(4);
});

test('refuses where none was in force before', async () => {
  host.write('etc/jail.d/own.conf', BAD);
  await expect(host.start()).rejects.toThrow('the configuration has 1 error');
});
