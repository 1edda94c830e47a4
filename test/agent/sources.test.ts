/** Sources that are not there (yet): each waits and comes back alone. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { retryPause } from '../../src/agent/intake/source-intake.js';
import { SOURCE_RETRY_MS_MAX, SOURCE_RETRY_MS_MIN } from '../../src/core/timeouts.js';
import { AgentHost, canHost, SSHD } from '../support/agent-host.js';
import { LiveJournal, T0, writeJournal } from '../support/journal-files.js';
import { needs } from '../support/require.js';
import { until } from '../support/until.js';

const test = needs(...canHost);

let host: AgentHost;
beforeEach(() => {
  host = new AgentHost();
  host.configure();
});
afterEach(() => host.dispose());

const away = () => host.path('away');
const failures = (address: string) =>
  [0, 1, 2].map((i) => ({
    at: Date.now() * 1000 - T0 + i,
    message: `Failed password for root from ${address} port 22 ssh2`,
    fields: SSHD,
  }));
const jail = (name: string, source: string) =>
  `[${name}]\nenabled = true\nfilter = sshd\nmatch = _SYSTEMD_UNIT=ssh.service\nport = 22\nsource = ${source}\n`;
const problems = async () =>
  (await host.status.status()).sources.flatMap(({ phase, problem }) =>
    problem === undefined ? [] : [phase],
  );
const isBanned = (address: string) =>
  until(
    () => `${address} is banned:\n${host.said}`,
    () => host.ruleset().includes(address),
  );

test('sources that are away at a start stop nobody else, are told once, and come back', async () => {
  host.write('etc/jail.d/away.conf', jail('away', `directory ${away()}`));
  host.write('etc/jail.d/inside.conf', jail('inside', 'container banjour-test-nowhere'));
  await host.start();
  host.fail('198.51.100.1', 3);
  await isBanned('198.51.100.1');
  const view = await host.status.status();
  expect(view.sources.map(({ problem }) => problem === undefined).sort()).toEqual([
    false,
    false,
    true,
  ]);
  expect(view.state).toBe('running');
  expect(view.warnings.filter((text) => text.includes('is tried again'))).toHaveLength(2);
  // A reload is not refused for what was away before it.
  host.write('etc/jail.d/more.conf', '[away]\nbantime = 2h\nfindtime = 2h\n');
  await host.control.reload({ dryRun: false });
  expect(await problems()).toHaveLength(2);

  mkdirSync(away());
  const journal = new LiveJournal(join(away(), 'host.journal'));
  try {
    journal.append(failures('198.51.100.2'));
    await isBanned('198.51.100.2');
    await until('it is said', () => host.said.includes('can be read now'));
    await journal.settled();
    journal.append(failures('198.51.100.3'));
    await isBanned('198.51.100.3');
  } finally {
    await journal.close();
  }
  expect(await problems()).toHaveLength(1);
  expect(host.said.match(/banjour-test-nowhere.*cannot be read/g)?.length).toBeLessThanOrEqual(2);
});

test('a reload to a source that is not there is refused', async () => {
  await host.start();
  host.write('etc/jail.d/away.conf', jail('away', `directory ${away()}`));
  await expect(host.control.reload({ dryRun: false })).rejects.toThrow(away());
  host.fail('198.51.100.1', 3);
  await isBanned('198.51.100.1');
});

test('a source that goes away while the agent is down is read where it was left when it is back', async () => {
  mkdirSync(away());
  writeJournal(join(away(), 'one.journal'), failures('198.51.100.4'));
  host.write('etc/jail.d/away.conf', jail('away', `directory ${away()}`));
  const agent = await host.start();
  await isBanned('198.51.100.4');
  await host.end(agent, 'SIGTERM');
  renameSync(away(), `${away()}-elsewhere`);
  writeJournal(join(`${away()}-elsewhere`, 'two.journal'), failures('198.51.100.5'));
  await host.start();
  await until('it is said', () => host.said.includes('cannot be read'));
  renameSync(`${away()}-elsewhere`, away());
  await isBanned('198.51.100.5');
});

test('a source that stays away is tried less and less often, up to the bound', () => {
  expect([0, 1, 4, 5, 5_000].map(retryPause)).toEqual([
    SOURCE_RETRY_MS_MIN,
    2 * SOURCE_RETRY_MS_MIN,
    8_000,
    SOURCE_RETRY_MS_MAX,
    SOURCE_RETRY_MS_MAX,
  ]);
});

test('a program without the compiled reader of journals says so in its log, status and doctor', async () => {
  // As it is where no compiler was there when it was installed.
  const program = host.path('program');
  mkdirSync(join(program, 'dist'), { recursive: true });
  for (const part of ['src', 'native'])
    cpSync(join('dist', part), join(program, 'dist', part), { recursive: true });
  for (const part of ['node_modules', 'package.json', 'config', 'systemd', 'docs'])
    symlinkSync(join(process.cwd(), part), join(program, part));
  const main = join(program, 'dist/src/main.js');
  await host.start([main, 'run']);
  const { warnings } = await host.status.status();
  expect(warnings.filter((text) => text.includes('no batch reader'))).toHaveLength(1);
  expect(
    host.said.match(/WARNING .*no batch reader, it was not compiled \(apt install/g),
  ).toHaveLength(1);
  const words = [main, ...host.placed(['doctor', '--json'])];
  const [file, ...args] = host.namespace.inside([process.execPath, ...words]);
  const { stdout } = spawnSync(file, args, { encoding: 'utf8' });
  expect(stdout).toContain('no batch reader, it was not compiled');
  host.fail('198.51.100.4', 3);
  await isBanned('198.51.100.4');
});
