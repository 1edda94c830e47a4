/**
 * The move from a real fail2ban, as `banjour import --switch` makes it, while banned hosts knock
 * all the time.
 */
import { spawn } from 'node:child_process';
import { chmod, cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Agent } from './lib/agent.js';
import { FAIL2BAN_HOSTS, type Fail2banHost } from './lib/fail2bans.js';
import { Knocker } from './lib/knocker.js';
import { Machine } from './lib/machine.js';
import { until } from './lib/shell.js';
import { Station } from './lib/station.js';

/**
 * At least so many packets of each must have come for a silence behind the firewall to mean
 * something.
 */
const KNOCKS_MIN = 50;
/** And so many before it begins. */
const KNOCKS_FIRST = 5;

describe('a host with fail2ban', () => {
  let machine: Machine;
  let station: Station;
  let newcomers = 0;

  beforeAll(async () => {
    machine = await Machine.bootLayer('firewalls');
    station = new Station(machine);
    const agent = await Agent.install(machine);
    await agent.installCompanion();
    // The tests wait for bans, not for the patience of Dovecot with who guesses.
    await writeFile(
      join(machine.root, 'etc/dovecot/conf.d/99-e2e.conf'),
      'auth_failure_delay = 0\nservice anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }\n}\n',
    );
    await machine.exec(['systemctl', 'reload', 'dovecot']);
    await cp(join(machine.root, 'etc/fail2ban'), join(machine.root, 'srv/fail2ban'), {
      recursive: true,
    });
  });
  afterAll(async () => {
    await station?.close();
    await machine?.destroy();
  });

  const has = async (...command: readonly string[]) => (await machine.try(command)).status === 0;
  const isUp = (unit: string) => has('systemctl', '--quiet', 'is-active', unit);
  const isOn = (unit: string) => has('systemctl', '--quiet', 'is-enabled', unit);
  const hasTable = () => has('nft', 'list', 'table', 'inet', 'banjour');
  const files = (folder: string) =>
    machine.exec([
      'sh',
      '-c',
      `find ${folder} -type f -exec sha256sum {} + 2>/dev/null | sort -k2; ls -lR ${folder} | cut -d' ' -f1`,
    ]);

  let undo: readonly (readonly string[])[] = [];

  /** fail2ban runs as on such a host, and has banned some. */
  async function become(host: Fail2banHost): Promise<void> {
    const { files: own, commands = [], bans } = host;
    await machine.try([
      'systemctl',
      'disable',
      '--now',
      'banjour',
      'banjour-companion',
      'fail2ban',
    ]);
    await machine.exec(['banjour', 'flush']);
    for (const command of undo) await machine.exec(command);
    undo = host.afterwards ?? [];
    for (const path of [
      'etc/banjour',
      'var/lib/banjour',
      'etc/fail2ban',
      'var/lib/fail2ban/fail2ban.sqlite3',
    ])
      await rm(join(machine.root, path), { recursive: true, force: true });
    await mkdir(join(machine.root, 'etc/banjour'));
    await machine.exec(['cp', '-a', '/srv/fail2ban', '/etc/fail2ban']);
    for (const [name, file] of Object.entries(own)) {
      const path = join(machine.root, name.startsWith('/') ? name : join('etc/fail2ban', name));
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, typeof file === 'string' ? file : file.text);
      await chmod(path, typeof file === 'string' ? 0o644 : file.mode);
    }
    for (const command of commands) await machine.exec(command);
    await machine.exec(['systemctl', 'enable', '--now', 'fail2ban']);
    await until('fail2ban answers', () => has('fail2ban-client', 'ping'));
    for (const [jail, from] of bans) {
      await until(`${jail} runs there`, () => has('fail2ban-client', 'status', jail));
      await machine.exec(['fail2ban-client', 'set', jail, 'banip', from]);
    }
  }

  /** Banned hosts knock while `deed` goes on, and none gets in. */
  async function shutDuring<T>({ bans }: Fail2banHost, deed: () => Promise<T>): Promise<T> {
    const knocker = await Knocker.start(
      machine,
      bans.map(([, from, port]) => ({ from, port })),
    );
    try {
      // The action of the last ban may still be under way.
      await until('the banned hosts are shut out', async () => {
        const { came, passed } = await knocker.counted();
        return Object.values(came).every((count) => count > KNOCKS_FIRST) &&
          Object.values(passed).every((count) => count === 0)
          ? true
          : Object.values(passed).some((count) => count > 0) && knocker.reset();
      });
      const result = await deed();
      const { came, passed } = await knocker.counted();
      expect(passed).toEqual(Object.fromEntries(bans.map(([, from]) => [from, 0])));
      for (const count of Object.values(came)) expect(count).toBeGreaterThan(KNOCKS_MIN);
      return result;
    } finally {
      await knocker.stop();
    }
  }

  const banjour = (...words: readonly string[]) =>
    machine.try(['banjour', ...words], { timeoutMs: 180_000 });

  /** fail2ban protects the host, and nothing is left of the try. */
  async function isAsBefore({ bans }: Fail2banHost, before: string): Promise<void> {
    expect([await isUp('fail2ban'), await isOn('fail2ban')]).toEqual([true, true]);
    for (const unit of ['banjour', 'banjour-companion'])
      expect([unit, await isUp(unit), await isOn(unit)]).toEqual([unit, false, false]);
    expect(await hasTable()).toBe(false);
    expect(await files('/etc/banjour')).toBe(before);
    const banned = await machine.exec(['fail2ban-client', 'banned']);
    for (const [, from] of bans) expect(banned).toContain(`'${from}'`);
  }

  describe('when Banjour does not come up', () => {
    const [host, forgetful] = FAIL2BAN_HOSTS as [Fail2banHost, Fail2banHost];
    const DROP_IN = 'etc/systemd/system/banjour.service.d/e2e.conf';
    let before: string;

    beforeAll(async () => {
      await become(host);
      before = await files('/etc/banjour');
    });

    /** The move is made until it ends by itself or is ended at a step; what it said. */
    function moveUntil(
      step: number,
      signal: string,
    ): Promise<{ status: number | null; said: string }> {
      const [file = '', ...args] = machine.inside([
        'sh',
        '-c',
        'echo $$; exec banjour import --switch 2>&1',
      ]);
      const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      let said = '';
      let sent = false;
      return new Promise((resolve) => {
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          said += text;
          if (sent || !said.includes(`\n${step}/6 `)) return;
          sent = true;
          void machine.exec(['kill', `-${signal}`, said.split('\n')[0] ?? '']);
        });
        child.once('close', (status) => resolve({ status, said }));
      });
    }

    test('because its unit was changed: all is as before, and no banned host got in', async () => {
      await machine.write(DROP_IN, '[Service]\nAmbientCapabilities=\nCapabilityBoundingSet=\n');
      await machine.exec(['systemctl', 'daemon-reload']);
      const { status, stdout, stderr } = await shutDuring(host, () =>
        banjour('import', '--switch'),
      );
      expect([status, stderr]).toEqual([
        71,
        expect.stringContaining('the move was taken back: systemctl start'),
      ]);
      expect(stdout).toContain('fail2ban runs, and its bans are in force');
      await isAsBefore(host, before);
      await rm(join(machine.root, DROP_IN));
      await machine.exec(['systemctl', 'daemon-reload']);
    });

    test.each([1, 2, 3, 4, 5, 6])('because of a signal at step %i: the same', async (step) => {
      const signal = ['TERM', 'INT', 'HUP'][step % 3] as string;
      const { status, said } = await shutDuring(host, () => moveUntil(step, signal));
      expect({ status, said }).toEqual({
        status: 75,
        said: expect.stringContaining('the move was taken back: it was interrupted'),
      });
      await isAsBefore(host, before);
    });

    test('because of a signal when fail2ban, which has no database, is stopped: the same', async () => {
      await become(forgetful);
      before = await files('/etc/banjour');
      const { status, said } = await shutDuring(forgetful, () => moveUntil(6, 'TERM'));
      expect({ status, said }).toEqual({
        status: 75,
        said: expect.stringContaining('the move was taken back: '),
      });
      await isAsBefore(forgetful, before);
    });
  });

  describe.each(FAIL2BAN_HOSTS.map((host) => [host.name, host] as const))('%s', (_, host) => {
    test('none of the banned hosts gets in during the move', async () => {
      await become(host);
      const { status, stdout, stderr } = await shutDuring(host, () =>
        banjour('import', '--switch'),
      );
      expect({ status, said: status === 0 ? '' : stdout + stderr }).toEqual({
        status: 0,
        said: '',
      });
      expect([await isUp('fail2ban'), await isOn('fail2ban')]).toEqual([false, false]);
      expect([await isUp('banjour'), await isOn('banjour')]).toEqual([true, true]);
      for (const [jail, from] of host.bans)
        expect([from, (await banjour('banned', from)).stdout]).toEqual([
          from,
          expect.stringContaining(jail),
        ]);
    });

    test('the jails work, and mails go on', async () => {
      const attacks = Object.values(host.attacks).map((attack) => ({
        attack,
        from: `198.51.100.${++newcomers}`,
      }));
      await Promise.all(attacks.map(({ attack, from }) => attack({ machine, station }, from)));
      expect(await isUp('banjour-companion')).toBe(host.mail !== undefined);
      if (host.mail === undefined) return;
      const mailbox = `/home/${host.mail}/Maildir/new`;
      await until('a mail about the attacker arrives', () =>
        has('grep', '-rqE', `banned ${attacks[0]?.from}( |$)`, mailbox),
      );
    });
  });
});
