/** The life of Banjour on a host, in order: every step begins where the one before it ended. */
import { existsSync, readdirSync } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { deadLinks, documentsBelow } from '../../support/links.js';
import { placeLedger, RELEASES, tableOf } from '../../support/releases.js';
import { Agent } from './agent.js';
import { BANNED, Door, FIRST } from './door.js';
import { becomeFormer } from './former.js';
import { Machine } from './machine.js';
import type { Installation } from './packages.js';
import type { Suite } from './rootfs.js';
import { until } from './shell.js';

/** The number of each ban, into the journal. */
const TELL = 'exec[command="/usr/bin/logger -t told <id>"]';
const READ_METRICS =
  'import urllib.request; print(urllib.request.urlopen("http://127.0.0.1:9811/metrics").read().decode())';

/** What still speaks of it on a machine: files, the user, the group, the table. */
async function traces(machine: Machine): Promise<string[]> {
  const folders = ['/etc', '/usr', '/var/lib', '/var/log', '/run', '/opt'];
  const others = ['/var/lib/dpkg/*', '/run/systemd/*'].flatMap((path) => ['-not', '-path', path]);
  const files = await machine.exec(['find', ...folders, '-xdev', '-iname', '*banjour*', ...others]);
  const left = files.split('\n').filter((path) => path !== '');
  for (const command of ['getent passwd banjour', 'getent group banjour'])
    if ((await machine.try(command.split(' '))).status === 0) left.push(command);
  const table = await machine.try(['nft', 'list', 'table', 'inet', 'banjour']);
  return table.status === 0 ? [...left, 'the table'] : left;
}

/**
 * The short form, for more ways and releases: installed and nothing else, it has banned an attack
 * within ten seconds; a reboot; purged without a trace.
 */
export function describeShortLife(
  way: string,
  boot: () => Promise<Machine>,
  installationOn: (machine: Machine) => Pick<Installation, 'install' | 'purge'>,
): void {
  describe(`installed by the ${way}, in short`, () => {
    let machine: Machine;
    let door: Door;
    let agent: Agent;

    beforeAll(async () => {
      machine = await boot();
      door = new Door(machine, FIRST);
      agent = Agent.on(machine);
    });
    afterAll(async () => {
      await door?.close();
      await machine?.destroy();
    });

    test('an attack that begins when that has ended is banned within ten seconds', async () => {
      await installationOn(machine).install();
      await door.shutsWithinTenSeconds(agent);
      expect((await agent.log()).match(/^Started .*banjour/gim)).toHaveLength(1);
    });

    test('a reboot: the bans are in force', async () => {
      await machine.reboot();
      expect([await agent.isActive(), await door.isShut()]).toEqual([true, true]);
    });

    test('purging leaves nothing, and the door is open', async () => {
      await installationOn(machine).purge();
      expect([await traces(machine), await door.isOpen()]).toEqual([[], true]);
    });
  });
}

/** The tests of one way of installing, on one machine. */
export function describeLife(
  way: string,
  suite: Suite,
  installationOn: (machine: Machine) => Installation,
): void {
  describe(`installed by the ${way} on ${suite}`, () => {
    let machine: Machine;
    let door: Door;
    let agent: Agent;
    let installation: Installation;

    beforeAll(async () => {
      machine = await Machine.boot(suite);
      door = new Door(machine);
      agent = Agent.on(machine);
      installation = installationOn(machine);
    });
    afterAll(async () => {
      await door?.close();
      await machine?.destroy();
    });

    const there = (path: string) => existsSync(join(machine.root, path));
    const has = async (...command: readonly string[]) => (await machine.try(command)).status === 0;
    /** What was there before the upgrade, and what it said. */
    const former = { uid: '', told: 0, said: '' };
    /** How far the companion has told, by receiver. */
    const positions = async () =>
      (await machine.try(['cat', '/var/lib/banjour-companion/positions.json'])).stdout;
    const told = async () =>
      (await machine.exec(['journalctl', '-t', 'told', '-o', 'cat', '--no-pager']))
        .split('\n')
        .filter((line) => line !== '');
    const journal = (...args: readonly string[]) =>
      machine.exec(['journalctl', '-u', 'banjour', '--no-pager', '--no-hostname', ...args]);

    test('installing leaves a service that runs, will at every boot, and protects postfix-sasl, dovecot, sshd and all logins', async () => {
      await installation.install();
      expect(await has('systemctl', 'is-active', 'banjour')).toBe(true);
      expect(await has('systemctl', 'is-enabled', 'banjour')).toBe(true);
      const { stdout } = await agent.command('status', '--json');
      for (const jail of ['postfix-sasl', 'dovecot', 'sshd', 'login'])
        expect(stdout).toContain(`"${jail}"`);
      expect(await machine.exec(['systemctl', 'show', '-P', 'StatusText', 'banjour'])).toMatch(
        /^watching 4 jails, 0 bans in force/,
      );
      const first = new Door(machine, FIRST);
      await first.shutsWithinTenSeconds(agent);
      await first.close();
      // What follows is about what one jail counts. Each ban is told once.
      await machine.exec(['sh', '-euc', 'cat > /etc/banjour/jail.d/single.conf'], {
        input: `[login]\nenabled = false\n[sshd]\naction = %(action_)s\n         ${TELL}\n[postfix-sasl]\naction = %(action_)s\n         ${TELL}\n`,
      });
      await agent.reload();
      await machine.exec(['systemctl', 'enable', '--now', 'banjour-companion']);
      await until('the companion has met the agent', async () => (await positions()) !== '');
      // A package under /usr, npm under /usr/local.
      expect(
        await machine.exec([
          'sh',
          '-c',
          'ls /usr/share/man/man1 /usr/local/share/man/man1 || true',
        ]),
      ).toMatch(/^banjour-status\.1(?:\.gz)?$/m);
    });

    test('completion is where bash, zsh and fish look for it', () => {
      const places = [
        ['bash-completion/completions/banjour'],
        ['zsh/vendor-completions/_banjour', 'zsh/site-functions/_banjour'],
        ['fish/vendor_completions.d/banjour.fish'],
      ];
      for (const names of places) {
        const paths = names.flatMap((name) => [`/usr/share/${name}`, `/usr/local/share/${name}`]);
        expect([names, paths.some(there)]).toEqual([names, true]);
      }
    });

    test('the documents are there, and every link between them leads somewhere', () => {
      const root = join(machine.root, installation.documents);
      expect(documentsBelow(root)).toEqual(
        expect.arrayContaining(['README.md', 'docs/README.md', 'docs/config.md']),
      );
      expect(deadLinks(root)).toEqual([]);
    });

    test('real brute force over SMTP is cut off after three failures, over both families', async () => {
      await door.banBoth();
      expect((await door.station.login('imap', '198.51.100.9')).result).toBe('ok');
    });

    test('the journal has each ban with its facts, and journalctl -x tells how to lift it', async () => {
      const [address] = BANNED;
      const lines = (
        await journal('-o', 'json', 'BANJOUR_ACTION=ban', `BANJOUR_ADDRESS=${address}`)
      )
        .trim()
        .split('\n');
      expect(lines).toHaveLength(1);
      expect(JSON.parse(lines[0] ?? '')).toMatchObject({
        MESSAGE: `NOTICE [postfix-sasl] Ban ${address}`,
        PRIORITY: '5',
        SYSLOG_IDENTIFIER: 'banjour',
        MESSAGE_ID: '8596c96eaa6f4967bf33ab049d0de30a',
        BANJOUR_JAIL: 'postfix-sasl',
        BANJOUR_FAILURES: '3',
        BANJOUR_UNTIL: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        _SYSTEMD_UNIT: 'banjour.service',
      });
      const explained = await journal('-x', 'BANJOUR_ACTION=ban', `BANJOUR_ADDRESS=${address}`);
      expect(explained).toContain(`Subject: ${address} is banned by the jail postfix-sasl`);
      expect(explained).toContain(`banjour unban ${address}`);
    });

    test('banjour reload through systemctl takes a change over and refuses a broken one', async () => {
      const write = (text: string) =>
        machine.exec(['sh', '-euc', 'cat > /etc/banjour/jail.d/e2e.conf'], { input: `${text}\n` });
      await write('[sshd]\nmaxretry = many');
      expect(await has('systemctl', 'reload', 'banjour')).toBe(false);
      expect(await agent.isActive()).toBe(true);
      await write('[dovecot]\nenabled = false');
      await agent.reload();
      expect((await agent.command('status', '--json')).stdout).not.toContain('"dovecot"');
      await machine.exec(['rm', '/etc/banjour/jail.d/e2e.conf']);
      await agent.reload();
      expect(await door.isShut()).toBe(true);
    });

    test('nft flush ruleset: the bans are back within seconds', async () => {
      await machine.exec(['nft', 'flush', 'ruleset']);
      await door.shutsAgain();
    });

    test('systemctl reload nftables, whose rules begin with a flush: the bans are back within seconds', async () => {
      await machine.exec(['systemctl', 'start', 'nftables']);
      await machine.exec(['systemctl', 'reload', 'nftables']);
      await door.shutsAgain();
      await door.stillBans();
    });

    test('journalctl --rotate --vacuum-time and a restart of journald: reading and telling go on', async () => {
      await machine.exec(['journalctl', '--rotate', '--vacuum-time=1s']);
      await door.stillBans();
      await machine.exec(['systemctl', 'restart', 'systemd-journald']);
      await door.stillBans();
      expect((await journal('-o', 'cat', 'BANJOUR_ACTION=ban')).split('\n')).toContain(
        'NOTICE [sshd] Ban 203.0.113.102',
      );
      expect(await door.isShut()).toBe(true);
    });

    test('a restart of the agent does not open the door for a moment', async () => {
      await door.staysShutDuring(() => agent.restart());
      await door.stillBans();
    });

    test('an upgrade keeps every ban, and the door is shut throughout', async () => {
      former.uid = await machine.exec(['id', '-u', 'banjour-companion']);
      former.told = (await told()).length;
      expect(former.told).toBeGreaterThan(0);
      await becomeFormer(machine, dirname(installation.unit), installation.unit.startsWith('/usr'));
      const before = await agent.sets();
      const pid = await agent.pid();
      await door.staysShutDuring(async () => {
        former.said = await installation.upgrade();
      });
      expect((await agent.command('--version')).stdout.trim()).toBe(installation.newer);
      expect(await agent.isActive()).toBe(true);
      expect(await agent.pid()).not.toBe(pid);
      const after = await agent.sets();
      // More there may be: the ledger of 0.1.0 does not say that a reload has lifted the first ban.
      for (const [set, elements] of before)
        expect([set, after.get(set)]).toEqual([set, expect.arrayContaining(elements)]);
      await door.stillBans();
    });

    test('that upgrade, from 0.1.0, made one service of its two others, and nobody is told twice', async () => {
      for (const words of ['companion.local says', 'drop-ins', 'are one service now'])
        expect(former.said).toContain(words);
      for (const state of ['is-active', 'is-enabled']) {
        expect([state, await has('systemctl', state, 'banjour-companion')]).toEqual([state, true]);
        for (const unit of ['banjour-notify', 'banjour-metrics'])
          expect([unit, state, await has('systemctl', state, unit)]).toEqual([unit, state, false]);
      }
      expect(await machine.exec(['id', '-u', 'banjour-companion'])).toBe(former.uid);
      expect(await machine.exec(['stat', '-c', '%G', '/etc/banjour/secret'])).toBe(
        await machine.exec(['id', '-gn', 'banjour-companion']),
      );
      expect([await has('id', 'banjour-notify'), there('/var/lib/banjour-notify')]).toEqual([
        false,
        false,
      ]);
      expect(await machine.exec(['systemctl', 'show', '-P', 'Nice', 'banjour-companion'])).toMatch(
        /^3$/m,
      );
      expect(await machine.exec(['python3', '-c', READ_METRICS])).toMatch(
        /^banjour_notify_dropped_total\{/m,
      );
      await until('the new bans are told', async () => (await told()).length > former.told);
      const all = await told();
      expect(all).toEqual([...new Set(all)]);
      // Drop-ins are an administrator's own.
      await machine.exec(['sh', '-c', 'rm -r /etc/systemd/system/banjour-*.service.d']);
      await machine.exec(['systemctl', 'daemon-reload']);
    });

    test('the older version is refused over the newer, which goes on', async () => {
      const outcome = await installation.downgrade?.();
      // npm puts back whatever it is told to.
      if (outcome === undefined) return;
      expect(outcome.status).not.toBe(0);
      expect(`${outcome.stdout}${outcome.stderr}`).toMatch(
        /refused: 99\.0\.0 is installed, and \S+ is older\.[\s\S]*mv \/var\/lib\/banjour\/ledger/,
      );
      expect((await agent.command('--version')).stdout.trim()).toBe(installation.newer);
      expect([await agent.isActive(), await door.isShut()]).toEqual([true, true]);
    });

    test('a reboot: the bans are in force before mail and ssh services start', async () => {
      await machine.reboot();
      expect(await door.isShut()).toBe(true);
      const stamp = async (unit: string, property: string) =>
        Number(await machine.exec(['systemctl', 'show', '-P', property, unit]));
      const ready = await stamp('banjour.service', 'ActiveEnterTimestampMonotonic');
      expect(ready).toBeGreaterThan(0);
      for (const unit of ['dovecot.service', 'ssh.service'])
        expect([unit, ready < (await stamp(unit, 'ExecMainStartTimestampMonotonic'))]).toEqual([
          unit,
          true,
        ]);
      await door.stillBans();
    });

    test('removal stops it, takes the table out of the kernel and keeps configuration and ledger', async () => {
      await installation.remove();
      expect(await has('systemctl', 'is-active', 'banjour')).toBe(false);
      expect(await has('nft', 'list', 'table', 'inet', 'banjour')).toBe(false);
      expect(await door.isOpen()).toBe(true);
      expect(
        [installation.unit, '/etc/banjour', '/var/lib/banjour/ledger.sqlite3'].map(there),
      ).toEqual([false, true, true]);
    });

    test('installed again, the bans of the ledger are in force again', async () => {
      await installation.upgrade();
      await until('the service is back', () => agent.isActive());
      expect(await door.isShut()).toBe(true);
    });

    test.each(RELEASES)('what %s left is taken over: ledger and table', async (version) => {
      await machine.exec(['systemctl', 'stop', 'banjour']);
      const state = join(machine.root, 'var/lib/banjour');
      for (const name of readdirSync(state)) await rm(join(state, name), { recursive: true });
      const bans = placeLedger(version, join(state, 'ledger.sqlite3'));
      await machine.exec(['chown', '-R', 'banjour:banjour', '/var/lib/banjour']);
      // From a file: nft 0.9.8 reads no socket.
      await copyFile(tableOf(version), join(machine.root, 'srv/table.nft'));
      const change = 'nft flush ruleset; nft -f /srv/table.nft';
      await machine.exec(['sh', '-euc', change]);
      await machine.exec(['systemctl', 'start', 'banjour']);
      // The jail `login` is off here.
      const kept = bans.filter((ban) => !ban.startsWith('login '));
      const { stdout } = await agent.command('banned', '--json');
      const elements = [...(await agent.sets()).values()].flat();
      for (const [, target = ''] of kept.map((ban) => ban.split(' '))) {
        expect(stdout).toContain(target);
        expect(elements).toContain(target.split('/')[0]);
      }
    });

    test('purging leaves nothing: no files, no user, no table', async () => {
      await installation.purge();
      expect(await traces(machine)).toEqual([]);
      expect(await door.isOpen()).toBe(true);
    });
  });
}
