/**
 * The Debian package on a host that fail2ban protects, and the switch; services that come and go.
 */
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { COMMANDS } from '../../src/cli/table.js';
import { needs } from '../support/require.js';
import { Agent } from './lib/agent.js';
import { Machine } from './lib/machine.js';
import { DebPackage } from './lib/packages.js';
import { until } from './lib/shell.js';

const DOVECOT = 'usr/lib/systemd/system/dovecot.service';

describe('the Debian package on a host with fail2ban', () => {
  let machine: Machine;
  let agent: Agent;
  let installation: DebPackage;

  beforeAll(async () => {
    machine = await Machine.boot('trixie');
    agent = Agent.on(machine);
    installation = new DebPackage(machine, 'slim');
    await machine.exec(['systemctl', 'enable', '--now', 'fail2ban']);
    // Dovecot runs on; for packages it is as if it had never been installed.
    await rename(join(machine.root, DOVECOT), join(machine.root, 'root/dovecot.service'));
  });
  afterAll(() => machine?.destroy());

  const has = async (...command: readonly string[]) => (await machine.try(command)).status === 0;
  const jails = async () => {
    const { stdout } = await agent.command('status', '--json');
    return ['postfix-sasl', 'dovecot', 'sshd', 'login'].filter((jail) =>
      stdout.includes(`"${jail}"`),
    );
  };

  test('installing starts nothing, says so, and tells the line of the switch', async () => {
    const said = await installation.install();
    expect(said).toContain('fail2ban protects this host already, so Banjour was NOT started');
    expect(said).toMatch(/^ {4}banjour import --switch$/m);
    expect(await has('systemctl', 'is-active', 'banjour')).toBe(false);
    expect(await has('systemctl', 'is-enabled', 'banjour')).toBe(false);
    expect(await has('nft', 'list', 'table', 'inet', 'banjour')).toBe(false);
  });

  test('doctor does not advise to start it beside fail2ban', async () => {
    const { stdout } = await agent.command('doctor');
    expect(stdout).toContain('fail2ban protects this host\n         banjour import --switch\n');
    expect(stdout).not.toContain('systemctl start banjour');
  });

  test('an upgrade does not start it either', async () => {
    await installation.upgrade();
    expect(await has('systemctl', 'is-active', 'banjour')).toBe(false);
    expect(await has('systemctl', 'is-enabled', 'banjour')).toBe(false);
  });

  needs(
    COMMANDS.some(({ name }) => name === 'import'),
    'banjour import is not built',
  )('banjour import takes over its jails and the bans in force', async () => {
    await machine.exec(['fail2ban-client', 'set', 'sshd', 'banip', '203.0.113.66']);
    const { status, stdout, stderr } = await agent.command('import');
    expect({ status, said: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, said: '' });
    await machine.exec(['systemctl', 'disable', '--now', 'fail2ban']);
    await machine.exec(['systemctl', 'enable', '--now', 'banjour']);
    expect([...(await agent.sets()).values()].flat()).toContain('203.0.113.66');
  });

  test('after the switch Banjour protects, and fail2ban is gone', async () => {
    await machine.exec(['systemctl', 'disable', '--now', 'fail2ban']);
    await machine.exec(['systemctl', 'enable', '--now', 'banjour']);
    expect(await has('systemctl', 'is-active', 'banjour')).toBe(true);
    expect(await has('systemctl', 'is-active', 'fail2ban')).toBe(false);
  });

  test('only what fail2ban ran is on', async () => {
    expect(await jails()).toEqual(['sshd']);
  });

  test('of the jails that import left off, those run afterwards whose service the host has', async () => {
    await machine.exec([
      'sed',
      '-i',
      '/^# Not enabled in fail2ban$/,+2d',
      '/etc/banjour/jail.conf',
    ]);
    const { status, stderr } = await agent.command('reload');
    expect([status, stderr]).toEqual([0, '']);
    expect(await jails()).toEqual(['postfix-sasl', 'sshd', 'login']);
  });

  test('a service that is installed later is protected at once, without a restart', async () => {
    const pid = await agent.pid();
    await rename(join(machine.root, 'root/dovecot.service'), join(machine.root, DOVECOT));
    await installation.serviceAppeared(`/${DOVECOT}`);
    await until('dovecot is watched', async () => (await jails()).includes('dovecot'), {
      timeoutMs: 60_000,
    });
    expect(await agent.pid()).toBe(pid);
  });
});
