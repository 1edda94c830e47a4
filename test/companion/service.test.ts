/** `banjour companion` as a process: its signals, its port, its socket. No agent runs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CompanionView } from '../../src/companion/companion.js';
import { ControlClient } from '../../src/control/client.js';
import { cli } from '../support/cli.js';
import { placed } from '../support/placed.js';
import { until } from '../support/until.js';

let folder: string;
let child: ChildProcess | undefined;
let said: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-companion-'));
  for (const name of ['etc', 'run-companion', 'state-companion']) mkdirSync(join(folder, name));
  said = '';
});
afterEach(async () => {
  if (child?.exitCode === null) await ended('SIGKILL');
  child = undefined;
  rmSync(folder, { recursive: true });
});

const file = (name: string) => join(folder, name);
const at = (...words: readonly string[]) =>
  placed(words, { 'config-dir': file('etc'), 'run-dir': file('run'), 'state-dir': file('state') });
const write = (name: string, ...lines: readonly string[]) =>
  writeFileSync(join(folder, 'etc', name), `${lines.join('\n')}\n`);
const metrics = (port: number) =>
  write('companion.conf', '[metrics]', 'enabled = true', `listen = ${port}`);
const view = () =>
  new ControlClient(file('run-companion/companion.sock')).read<CompanionView>('/status');

function start(): ChildProcess {
  const main = join(process.cwd(), 'dist/src/main.js');
  const started = spawn(process.execPath, [main, ...at('companion')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  started.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  child = started;
  return started;
}

const says = (words: string, from = 0) =>
  until(
    () => `"${words}" in:\n${said}`,
    () => said.includes(words, from),
  );

async function ended(signal?: NodeJS.Signals): Promise<number | null> {
  const running = child as ChildProcess;
  const gone = new Promise<number | null>((resolve) => running.once('close', resolve));
  if (running.exitCode !== null) return running.exitCode;
  if (signal !== undefined) running.kill(signal);
  return gone;
}

/** The address that the part metrics has. */
const address = async () => (await view()).parts[0]?.summary.replace('metrics on ', '');

describe('banjour companion', () => {
  test('serves the metrics where companion.conf says so; SIGTERM ends it', async () => {
    metrics(0);
    start();
    await says('metrics on');
    const response = await fetch(`http://${await address()}/metrics`);
    expect([response.status, await response.text()]).toEqual([
      503,
      expect.stringContaining('no agent'),
    ]);
    expect(await ended('SIGTERM')).toBe(0);
    expect(said).toContain('SIGTERM: stopping');
  });

  test('a reload leaves what did not change, refuses what is wrong, and takes over what is right', async () => {
    metrics(0);
    const running = start();
    await says('metrics on');
    const before = await address();
    running.kill('SIGHUP');
    await says('read anew');
    expect(await address()).toBe(before);

    write('companion.conf', '[metrics]', 'enabled = perhaps');
    running.kill('SIGHUP');
    await says('the old configuration stays');
    expect(said).toContain('companion.conf:2');
    expect(await address()).toBe(before);

    const from = said.length;
    write('companion.conf', '[metrics]', 'enabled = true', 'listen = 127.0.0.2:0');
    running.kill('SIGHUP');
    await says('metrics on', from);
    expect(await address()).toMatch(/^127\.0\.0\.2:/);
  });

  test('a part whose jails are broken at a reload goes on, and another one changes', async () => {
    write('jail.local', '[sshd]', 'action = %(action_)s', '  exec[command="/bin/true <ip>"]');
    const running = start();
    await says('exec /bin/true');
    write('jail.local', '[sshd]', 'maxretry = many');
    metrics(0);
    running.kill('SIGHUP');
    await says('metrics on');
    expect(said).toContain('notify: goes on with the old configuration');
    expect(said).toContain('jail.local:2');
    expect((await view()).parts).toMatchObject([
      { name: 'notify', running: true, status: [{ jails: ['sshd'] }] },
      { name: 'metrics', running: true },
    ]);
  });

  test('a port that is taken is told with who to look for, and had once it is free', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', () => resolve()));
    const { port } = other.address() as { port: number };
    metrics(port);
    start();
    await says('metrics: does not run, next try in 1 s');
    expect(said).toContain(`ss -ltnp 'sport = :${port}'`);
    await new Promise((resolve) => other.close(resolve));
    await says(`metrics on http://127.0.0.1:${port}/metrics`);
  });

  test('ends with 78 when nothing is to be done, at its start and at a reload', async () => {
    start();
    expect(await ended()).toBe(78);
    expect(said).toContain('the companion has nothing to do');
    said = '';
    metrics(0);
    const running = start();
    await says('metrics on');
    write('companion.conf', '');
    running.kill('SIGHUP');
    expect(await ended()).toBe(78);
    expect(said).toContain('metrics: switched off');
  });

  test('ends with 78 and the places when the configuration of all parts is wrong', async () => {
    write('jail.local', '[sshd]', 'maxretry = many');
    start();
    expect(await ended()).toBe(78);
    expect(said).toContain('jail.local:2');
  });

  test('--dry-run says what the parts would do, also by the old name of the command', async () => {
    metrics(9);
    write('jail.local', '[sshd]', 'action = %(action_)s', '  exec[command="/bin/true <ip>"]');
    const { code, out } = await cli(at('companion', '--dry-run'));
    expect([code, out]).toEqual([
      0,
      'exec /bin/true: sshd\nmetrics on http://127.0.0.1:9/metrics\n',
    ]);
    expect((await cli(['notify', ...at('companion', '--dry-run').slice(1)])).out).toBe(out);
  });
});
