/**
 * The running service: what its process can do, who watches it, what it writes and what it does not
 * read.
 */
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Agent } from './lib/agent.js';
import { BANNED, Door } from './lib/door.js';
import { Machine } from './lib/machine.js';
import type { Suite } from './lib/rootfs.js';
import { sleep, until } from './lib/shell.js';

/** CAP_NET_ADMIN is bit 12, capability.h. */
const NET_ADMIN = '0000000000001000';
const NONE = '0000000000000000';
/** Seconds of the watchdog in these tests; the shipped unit has 30. */
const WATCHDOG = 8;

describe.each<[Suite]>([['trixie'], ['bookworm']])('banjour.service on %s', (suite) => {
  let machine: Machine;
  let door: Door;
  let agent: Agent;
  const state = (name: string) => join(machine.root, 'var/lib/banjour', name);

  beforeAll(async () => {
    machine = await Machine.boot(suite);
    door = new Door(machine);
    agent = await Agent.install(machine);
    await copyFile('test/e2e/preload.cjs', join(machine.root, 'usr/lib/banjour/preload.cjs'));
    await agent.override(
      `Environment=NODE_OPTIONS=--require=/usr/lib/banjour/preload.cjs\nWatchdogSec=${WATCHDOG}\nRestartSec=200ms`,
    );
    await agent.start();
    await door.banBoth();
  });
  afterAll(async () => {
    await door?.close();
    await machine?.destroy();
  });

  const show = (property: string) => machine.exec(['systemctl', 'show', '-P', property, 'banjour']);
  const restarts = async () => Number(await show('NRestarts'));
  /** Has the running agent do something; see preload.cjs. */
  async function order(deed: 'spin' | 'probe'): Promise<void> {
    await writeFile(state('deed'), deed);
    await machine.exec(['kill', '-USR2', String(await agent.pid())]);
  }
  /** Process number, inside the machine, of the nft that the agent keeps running. */
  async function nft(): Promise<string> {
    const { stdout } = await machine.try(['pgrep', '-P', String(await agent.pid()), '-x', 'nft']);
    return stdout.trim();
  }
  async function holdsBans(): Promise<boolean> {
    const elements = [...(await agent.sets()).values()].flat();
    return BANNED.every((address) =>
      elements.some((one) => one.startsWith(address.replace(/::1$/, '::'))),
    );
  }

  test('the running process has one capability, gains none, passes no other on, and is filtered by seccomp', async () => {
    await order('probe');
    const text = await until('the probe has told', async () => {
      const text = await readFile(state('probe.json'), 'utf8');
      return text.endsWith('}') && text;
    });
    const seen = JSON.parse(text) as Record<string, string>;
    const only = [NET_ADMIN, NET_ADMIN, NET_ADMIN, NET_ADMIN, NET_ADMIN].join(' ');
    expect(seen).toMatchObject({
      capabilities: only,
      'capabilities of a child': only,
      'no new privileges': '1',
      seccomp: '2',
      nft: expect.stringMatching(/^ok/),
    });
    const refused = Object.keys(seen).filter((deed) =>
      /^(?:read|write|Internet|become|give|make|change|new|mount|trace|load)/.test(deed),
    );
    expect(refused.length).toBeGreaterThan(18);
    for (const deed of refused)
      expect([deed, seen[deed]]).toEqual([deed, expect.stringMatching(/^refused/)]);
  });

  test('the table of the owner names the service, and a second agent on the host is told', async () => {
    expect(await machine.exec(['nft', 'list', 'table', 'inet', 'banjour-owner'])).toMatch(
      /flags owner[\s\S]*comment "pid \d+ of banjour\.service on /,
    );
    const second = await machine.try([
      'banjour',
      'run',
      '--state-dir',
      '/tmp',
      '--run-dir',
      '/tmp',
    ]);
    expect(second.stderr).toMatch(
      /another agent holds the table inet banjour: pid \d+ of banjour\.service on /,
    );
    expect(await holdsBans()).toBe(true);
  });

  test('a silent time does not trigger the watchdog', async () => {
    const [pid, count] = [await agent.pid(), await restarts()];
    await sleep(WATCHDOG * 2_000);
    expect([await agent.pid(), await restarts()]).toEqual([pid, count]);
  });

  test('an nft child that is stopped is replaced, and a ban meanwhile is in force within seconds', async () => {
    const [pid, count, child] = [await agent.pid(), await restarts(), await nft()];
    expect(child).not.toBe('');
    await machine.exec(['kill', '-STOP', child]);
    await door.stillBans();
    await until('there is another nft', async () => ![child, ''].includes(await nft()), {
      timeoutMs: 60_000,
    });
    expect([await agent.pid(), await restarts()]).toEqual([pid, count]);
    expect(await holdsBans()).toBe(true);
  });

  test('an nft child that is stopped while nothing happens is replaced, too', async () => {
    const child = await nft();
    await machine.exec(['kill', '-STOP', child]);
    await until('there is another nft', async () => ![child, ''].includes(await nft()), {
      timeoutMs: 60_000,
    });
  });

  test('a main thread that loops is killed and started anew, and no ban is lost', async () => {
    const [pid, count] = [await agent.pid(), await restarts()];
    await order('spin');
    await until(
      'systemd has restarted the agent',
      async () => (await restarts()) > count && (await agent.isActive()),
      {
        timeoutMs: 120_000,
        everyMs: 500,
      },
    );
    expect(await agent.pid()).not.toBe(pid);
    expect(
      await machine.exec(['journalctl', '-b', '--no-pager', '-o', 'cat', 'UNIT=banjour.service']),
    ).toMatch(/[Ww]atchdog timeout/);
    expect(await door.isShut()).toBe(true);
    expect(await holdsBans()).toBe(true);
    await door.stillBans();
  });

  test("a jail over the whole journal does not count the agent's own entries, and does those of others that read the same", async () => {
    const put = (path: string, text: string) =>
      machine.exec(['sh', '-euc', `cat > /etc/banjour/${path}`], { input: text });
    await machine.exec(['mkdir', '-p', '/etc/banjour/filter.d', '/etc/banjour/jail.d']);
    await put('filter.d/echo.conf', '[Definition]\nfailregex = (?:Found|Ban) <HOST>\n');
    await put(
      'jail.d/echo.conf',
      '[echo]\nenabled = true\nfilter = echo\nmatch = all\nmaxretry = 1\nport = 9\nbantime = 10m\n',
    );
    await agent.reload();
    await door.station.attack('ssh', '203.0.113.77', 1);
    await until('the agent has told of it', async () =>
      (await agent.log()).includes('Found 203.0.113.77'),
    );
    await machine.exec(['logger', '-t', 'banjour', 'INFO [sshd] Found 203.0.113.78']);
    await until('the line of somebody else is judged', async () =>
      (await agent.log()).includes('[echo] Ban 203.0.113.78'),
    );
    expect(await agent.log()).not.toMatch(/\[echo\] .*203\.0\.113\.77/);
    await machine.exec(['rm', '/etc/banjour/filter.d/echo.conf', '/etc/banjour/jail.d/echo.conf']);
    await agent.reload();
  });

  test('an ignorecommand runs inside the sandbox without a capability, and forbids the ban that it is asked about', async () => {
    const friend = '203.0.113.60';
    const command = '/usr/local/bin/forbids';
    const script = `#!/bin/sh\ngrep ^Cap /proc/self/status > /var/lib/banjour/caps\ntest "$1" = ${friend}\n`;
    await machine.exec(['sh', '-euc', `cat > ${command}; chmod 755 ${command}`], { input: script });
    await machine.exec(['mkdir', '-p', '/etc/banjour/jail.d']);
    await writeFile(
      join(machine.root, 'etc/banjour/jail.d/ask.conf'),
      `[sshd]\nignorecommand = ${command} <ip>\n`,
    );
    await agent.reload();
    await door.station.attack('ssh', friend, 3, { intervalMs: 400, readMs: 60_000 });
    await until('the friend is ignored', async () =>
      (await agent.log()).includes(`[sshd] Ignore ${friend} by ignorecommand`),
    );
    await door.stillBans();
    const capabilities = await readFile(state('caps'), 'utf8');
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'])
      expect(capabilities).toMatch(new RegExp(`^${set}:\\s+${NONE}$`, 'm'));
    expect([...(await agent.sets()).values()].flat()).not.toContain(friend);
    await machine.exec(['rm', '/etc/banjour/jail.d/ask.conf']);
    await agent.reload();
  });

  test("logtarget = a file: fail2ban's lines, and a new file after logrotate's signal", async () => {
    await writeFile(
      join(machine.root, 'etc/banjour/banjour.local'),
      '[Definition]\nlogtarget = /var/log/banjour/banjour.log\n',
    );
    await agent.restart();
    await door.stillBans();
    const log = (name: string) => readFile(join(machine.root, 'var/log/banjour', name), 'utf8');
    expect(await log('banjour.log')).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} fail2ban\.actions {8}\[\d+\]: NOTICE {2}\[sshd\] Ban 203\.0\.113\.\d+$/m,
    );
    await machine.exec(['mv', '/var/log/banjour/banjour.log', '/var/log/banjour/banjour.log.1']);
    await machine.exec(['systemctl', 'kill', '--signal=SIGUSR1', 'banjour']);
    await until('there is a new file', async () =>
      (await log('banjour.log')).includes('opened anew'),
    );
    await door.stillBans();
    expect(await log('banjour.log')).toMatch(/NOTICE {2}\[sshd\] Ban 203\.0\.113\.\d+$/m);
  });
});
