/**
 * From the package of 0.1.0 to this one: its own program, units, configuration and scripts, as dpkg
 * has them on a host that never saw another version. On Debian 12, or on the releases that
 * $BANJOUR_E2E_SUITES names; there was no package of 0.1.0 with a Node in it, so it runs on this one's.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Agent } from './lib/agent.js';
import { Door } from './lib/door.js';
import { Machine } from './lib/machine.js';
import { DebPackage } from './lib/packages.js';
import { namedSuites } from './lib/rootfs.js';
import { until } from './lib/shell.js';

const FORMER = '0.1.0';
/** What the attackers at the door are banned as. */
const TARGETS = ['203.0.113.5', '2001:db8:bad:5::/64'];
/** What the administrator of that host wrote: each ban of sshd is told, into the journal. */
const OWN = `# mine
[postfix-sasl]
bantime = 7d
[sshd]
action = %(action_)s
         exec[command="/usr/bin/logger -t told <id>"]
`;
const METRICS = 'http://127.0.0.1:9811/metrics';

describe.each(namedSuites())(`from ${FORMER} to this package on %s`, (suite) => {
  let machine: Machine;
  let door: Door;
  let agent: Agent;
  let installation: DebPackage;
  let before: Map<string, string[]>;
  let said = '';
  beforeAll(async () => {
    machine = await Machine.boot(suite);
    door = new Door(machine);
    agent = Agent.on(machine);
    installation = new DebPackage(machine, 'self-contained');
  });
  afterAll(async () => {
    await door?.close();
    await machine?.destroy();
  });

  const has = async (...command: readonly string[]) => (await machine.try(command)).status === 0;
  const told = async () =>
    (await machine.exec(['journalctl', '-t', 'told', '-o', 'cat', '--no-pager']))
      .split('\n')
      .filter((line) => line !== '');
  const versionInstalled = () =>
    machine.exec(['sh', '-c', "dpkg -s banjour | sed -n 's/^\\(Version\\|Status\\): //p'"]);

  test(`${FORMER} is installed and bans real attackers`, async () => {
    await installation.installFormer(FORMER);
    expect((await agent.command('--version')).stdout.trim()).toBe(FORMER);
    expect(await agent.isActive()).toBe(true);
    await machine.write('/etc/banjour/jail.d/mine.local', OWN);
    await agent.reload();
    await machine.exec(['systemctl', 'enable', '--now', 'banjour-notify', 'banjour-metrics']);
    await door.banBoth();
    await door.stillBans();
    await until('the ban is told', async () => (await told()).length === 1);
    before = await agent.sets();
    const elements = [...before.values()].flat();
    for (const target of TARGETS) expect(elements).toContain(target.split('/')[0]);
  });

  test('the upgrade keeps every ban in force, and the door is shut throughout', async () => {
    const pid = await agent.pid();
    await door.staysShutDuring(async () => {
      said = await installation.install();
    });
    expect(await agent.pid()).not.toBe(pid);
    expect(await versionInstalled()).toMatch(/^install ok installed\n(?!0\.1\.0)\S+$/m);
    expect(await agent.isActive()).toBe(true);
    const after = await agent.sets();
    for (const [set, elements] of before)
      expect([set, after.get(set)?.sort()]).toEqual([set, elements.sort()]);
    const { stdout } = await agent.command('banned', '--json');
    for (const target of TARGETS) expect(stdout).toContain(`"${target}"`);
    await door.stillBans();
  });

  test('what the administrator wrote is there, and is in force', async () => {
    expect(await machine.exec(['cat', '/etc/banjour/jail.d/mine.local'])).toBe(OWN);
    expect((await agent.command('get', 'postfix-sasl', 'bantime')).stdout).toBe('7d\n');
    const left = await machine.exec(['find', '/etc/banjour', '-name', '*.dpkg-*']);
    expect(left).toBe('');
  });

  test('its two other services are one now, which serves what they served', async () => {
    expect(said).toContain('are one service now');
    for (const state of ['is-active', 'is-enabled'])
      expect([state, await has('systemctl', state, 'banjour-companion')]).toEqual([state, true]);
    for (const name of ['banjour-notify', 'banjour-metrics']) {
      const unit = join(machine.root, `usr/lib/systemd/system/${name}.service`);
      expect([name, existsSync(unit), await has('systemctl', 'is-active', name)]).toEqual([
        name,
        false,
        false,
      ]);
    }
    expect(await has('id', 'banjour-notify')).toBe(false);
    // The new ban that the last step ended with, and no old one again.
    await until('the new ban is told', async () => (await told()).length > 1);
    expect(await told()).toHaveLength(2);
    await until('the figures are served', () =>
      has('python3', '-c', `import urllib.request; urllib.request.urlopen("${METRICS}")`),
    );
  });

  test(`apt refuses ${FORMER} over it, clearly, and nothing changes`, async () => {
    // Its scripts know of no later version, so dpkg alone could not refuse it.
    const { status, stdout, stderr } = await installation.tryFormer();
    expect(status).not.toBe(0);
    expect(`${stdout}${stderr}`).toMatch(/DOWNGRADED:\s+banjour[\s\S]*--allow-downgrades/);
    expect(await versionInstalled()).toMatch(/^install ok installed\n(?!0\.1\.0)\S+$/m);
    expect([await agent.isActive(), await door.isShut()]).toEqual([true, true]);
  });

  test('a reboot: the bans of before the upgrade are in force', async () => {
    await machine.reboot();
    expect([await agent.isActive(), await door.isShut()]).toEqual([true, true]);
  });

  test('purging leaves nothing of either version', async () => {
    await installation.purge();
    const folders = ['/etc', '/usr', '/var/lib', '/var/log', '/run'];
    const words = ['-xdev', '-iname', '*banjour*', '-not', '-path', '/var/lib/dpkg/*'];
    const left = await machine.exec([
      'find',
      ...folders,
      ...words,
      '-not',
      '-path',
      '/run/systemd/*',
    ]);
    expect(left.trim()).toBe('');
    for (const name of ['banjour', 'banjour-companion', 'banjour-notify'])
      expect([name, await has('getent', 'passwd', name)]).toEqual([name, false]);
  });
});
