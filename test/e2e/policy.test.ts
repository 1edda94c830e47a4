/**
 * Dovecot asks before it checks a password: a spray of one mailbox by hundreds of addresses, the
 * owner beside it, and a companion or an agent that is away or hangs.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Agent } from './lib/agent.js';
import type { Service } from './lib/clients/job.js';
import { Machine } from './lib/machine.js';
import type { Suite } from './lib/rootfs.js';
import { sleep, until } from './lib/shell.js';
import { Station } from './lib/station.js';

/** Addresses of the spray; the long form, of 500, is BANJOUR_E2E_SPRAYERS=500. */
const SPRAYERS = Number(process.env['BANJOUR_E2E_SPRAYERS'] ?? 100);
/** Half of them come through Postfix, which asks Dovecot. */
const SERVICES = ['imap', 'submission'] as const;
/** Guesses under way at once: each takes Dovecot's two seconds. */
const AT_ONCE = 20;
const HOME = '203.0.113.9';
const ELSEWHERE = '192.0.2.50';
const KEY = 'e2e-policy-key-0123456789';
const PATIENCE = { connectMs: 20_000, readMs: 40_000 };
const VERSIONS: Readonly<Record<Suite, string>> = {
  bullseye: '2.3',
  bookworm: '2.3',
  trixie: '2.4',
};

const JAILS = `[DEFAULT]
bantime = 10m

[dovecot]
enabled = true

[postfix-sasl]
enabled = true

[login]
enabled = true
`;

describe.each<[Suite]>([['trixie'], ['bookworm']])('Dovecot on %s', (suite) => {
  let machine: Machine;
  let station: Station;
  let agent: Agent;

  const companion = (order: string) => machine.exec(['systemctl', order, 'banjour-companion']);
  const login = async (from: string, service: Service = 'imap') =>
    (await station.login(service, from, PATIENCE)).result;
  /** Passwords that PAM looked at and refused. */
  const checked = async () => {
    const text = await machine.exec(['journalctl', '-b', '-o', 'cat', '--no-pager']);
    return text
      .split('\n')
      .filter((line) => /pam_unix\(dovecot:auth\): authentication f/.test(line)).length;
  };
  /**
   * Logins that were let through unasked, which is what a busy machine does: the agent did not
   * answer the companion in time, or that not Dovecot.
   */
  const unasked = async () => {
    const script =
      'import urllib.request; print(urllib.request.urlopen("http://127.0.0.1:9811/metrics").read().decode())';
    const figures = await machine.exec(['python3', '-c', script]);
    const late = /^banjour_policy_unanswered_total (\d+)/m.exec(figures)?.[1];
    const text = await machine.exec(['journalctl', '-b', '-o', 'cat', '--no-pager']);
    return Number(late) + (text.match(/Policy server HTTP error/g) ?? []).length;
  };
  /** The owner logs in, at the latest in so many seconds: an anvil's penalty and a time limit. */
  const servedWhile = async (what: string) => {
    const started = Date.now();
    expect([what, await login(HOME)]).toEqual([what, 'ok']);
    expect((Date.now() - started) / 1000).toBeLessThan(15);
  };
  const failuresOf = async (jail: string) => {
    const { stdout } = await agent.command('status', jail, '--json');
    return Number(/"totalFailed":\s*(\d+)/.exec(stdout)?.[1]);
  };
  const pidOf = (unit: string) => machine.exec(['systemctl', 'show', '-P', 'MainPID', unit]);

  beforeAll(async () => {
    machine = await Machine.boot(suite);
    station = new Station(machine);
    agent = await Agent.install(machine);
    const name = 'banjour-companion';
    await agent.installCompanion();
    await machine.write('/etc/banjour/jail.local', JAILS);
    await machine.place('examples/dovecot-policy/companion.local', '/etc/banjour/companion.local');
    await machine.write('/etc/banjour/companion.d/metrics.conf', '[metrics]\nenabled = true\n');
    const conf = '99-banjour-policy.conf';
    const version = VERSIONS[suite];
    await machine.place(
      `examples/dovecot-policy/${version}/${conf}`,
      `/etc/dovecot/conf.d/${conf}`,
    );
    const basic = Buffer.from(`dovecot:${KEY}`).toString('base64');
    await machine.write(
      '/etc/dovecot/banjour-policy.conf.ext',
      `auth_policy_server_api_header = Authorization: Basic ${basic}\nauth_policy_hash_nonce = 0123456789abcdef\n`,
    );
    await machine.write('/etc/banjour/secrets/policy', `${KEY}\n`);
    await machine.exec(['chgrp', '-R', name, '/etc/banjour/secrets']);
    await agent.start();
    // Four days ago the agent saw the first login: names and networks are known by now.
    await agent.stop();
    const then = (Date.now() - 4 * 86_400_000) * 1_000;
    await machine.exec([
      'sqlite3',
      '/var/lib/banjour/ledger.sqlite3',
      `INSERT INTO attempt (jail, kind, address, user, count, time, spray) VALUES ('dovecot', 'success', '203.0.113.8', 'bert', 1, ${then}, 0)`,
    ]);
    await agent.restart();
    await machine.exec(['systemctl', 'enable', '--now', name]).catch(async (error: unknown) => {
      throw new Error(
        `${error}\n${await machine.exec(['journalctl', '-u', name, '-o', 'cat', '--no-pager'])}`,
      );
    });
    await machine.exec(['systemctl', 'restart', 'dovecot']);
    await until('Dovecot is asked by doctor', async () => {
      const { stdout } = await agent.command('doctor');
      return /Dovecot's question is answered within/.test(stdout) ? true : undefined;
    });
  });
  afterAll(async () => {
    await station?.close();
    await machine?.destroy();
  });

  test('doctor and config check find nothing wrong between the two', async () => {
    const { stdout } = await agent.command('config', 'check');
    expect(stdout).not.toMatch(/policy/i);
    const { stdout: said } = await agent.command('doctor');
    expect(said).not.toMatch(/(?:ERROR|WARNING).*(?:policy|Dovecot asks)/);
  });

  test('a spray is refused unseen, and the owner is served all the while', async () => {
    expect(await login(HOME)).toBe('ok');
    await until('the login is credit', async () => {
      const { stdout } = await agent.command('status', 'login', '--json');
      return /"credits":\s*[1-9]/.test(stdout) ? true : undefined;
    });
    const before = await checked();
    const unaskedBefore = await unasked();
    const sprayers = Array.from({ length: SPRAYERS }, (_, n) => `45.${10 + (n >> 8)}.${n & 255}.7`);
    const guess = (from: string, n = sprayers.length) =>
      station.attack(SERVICES[n % 2] ?? 'imap', from, 1, {
        ...PATIENCE,
        password: `guess of ${from}`,
      });
    // So many the server looks at; then the user is known to be under attack.
    await Promise.all(sprayers.splice(0, 8).map(guess));
    await until('the user is known to be under attack', async () => {
      const { stdout } = await agent.command('status', 'login', '--json');
      return /"underAttack":\s*[1-9]/.test(stdout) ? true : undefined;
    });
    const logins: string[] = [];
    let spraying = true;
    const owner = (async () => {
      while (spraying) {
        for (const service of SERVICES) logins.push(await login(HOME, service));
        await sleep(1_000);
      }
    })();
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let from = sprayers.shift(); from !== undefined; from = sprayers.shift())
          await guess(from);
      }),
    );
    spraying = false;
    await owner;
    const seen = (await checked()) - before;
    expect(seen).toBeGreaterThanOrEqual(8);
    const open = (await unasked()) - unaskedBefore;
    expect(seen - open).toBeLessThanOrEqual(Math.max(12, SPRAYERS * 0.05));
    expect(open).toBeLessThan(SPRAYERS / 2);
    expect(logins.length).toBeGreaterThan(0);
    expect(logins.filter((result) => result !== 'ok')).toEqual([]);
    // Reports and lines together: each guess counts once, whether it was looked at or refused.
    const failures = async () => (await failuresOf('dovecot')) + (await failuresOf('postfix-sasl'));
    await until('every guess counts', async () =>
      (await failures()) >= SPRAYERS ? true : undefined,
    );
    await sleep(3_000);
    expect(await failures()).toBe(SPRAYERS);
    const { stdout, status } = await agent.command('explain', 'anna');
    expect([status, stdout]).toEqual([0, expect.stringContaining('the user is under attack')]);
  });

  test('the owner is served from a new network with underattack = delay', async () => {
    expect(await login(ELSEWHERE)).not.toBe('ok');
    await machine.write(
      '/etc/banjour/companion.local',
      '[policy]\nenabled = true\nunderattack = delay\n',
    );
    await companion('reload');
    await until('the new rule holds', async () =>
      (await login(ELSEWHERE)) === 'ok' ? true : undefined,
    );
    // Also while others go on guessing.
    const guesses = Array.from({ length: 20 }, (_, n) =>
      station.attack(SERVICES[n % 2] ?? 'imap', `45.99.${n}.7`, 1, PATIENCE),
    );
    const during = await Promise.all(['198.51.100.60', '198.51.101.60'].map((from) => login(from)));
    await Promise.all(guesses);
    expect(during).toEqual(['ok', 'ok']);
    // Asked about twice it waits once, also without a session: Postfix has patience for 10 seconds.
    const after = '/etc/dovecot/conf.d/99-after.conf';
    await machine.write(after, 'auth_policy_check_after_auth = yes\n');
    await machine.exec(['doveadm', 'reload']);
    expect(await login('198.51.102.60', 'submission')).toBe('ok');
    await machine.exec(['rm', after]);
    await machine.exec(['doveadm', 'reload']);
  });

  test('a day after the attack the owner is served from a new network again', async () => {
    await machine.write('/etc/banjour/companion.local', '[policy]\nenabled = true\n');
    await companion('reload');
    // Who is served once has credit there: each time from another network.
    let n = 110;
    await until('strangers are refused again', async () =>
      (await login(`198.51.${n++}.60`)) === 'ok' ? undefined : true,
    );
    await agent.stop();
    await machine.exec([
      'sqlite3',
      '/var/lib/banjour/ledger.sqlite3',
      "UPDATE attempt SET time = time - 86400000000 WHERE kind = 'failure'",
    ]);
    await agent.restart();
    expect(await login(`198.51.${n}.60`)).toBe('ok');
  });

  test('whoever has no key, or comes under another name, is told nothing', async () => {
    const port = `http://127.0.0.1:9813/?command=allow`;
    const script = [
      'import urllib.request as r, urllib.error as e, sys',
      'def ask(**h):',
      ' try: return r.urlopen(r.Request(sys.argv[1], b"{}", h)).status',
      ' except e.HTTPError as x: return x.code',
      'print(ask(), ask(Authorization="Basic eDp5"), ask(Host="evil.example"))',
    ].join('\n');
    const said = await machine.exec([
      ...['setpriv', '--reuid=65534', '--clear-groups'],
      ...['python3', '-c', script, port],
    ]);
    expect(said.trim()).toBe('401 401 403');
    const open =
      'import socket, sys\nfor i in range(600):\n s = socket.create_connection(("127.0.0.1", 9813))\n globals()[f"s{i}"] = s\nimport time\ntime.sleep(8)';
    const flood = machine.exec(['timeout', '20', 'python3', '-c', open]).catch(() => '');
    await servedWhile('600 connections are open');
    await flood;
  });

  test('Dovecot goes on while the companion, or the agent, hangs, is killed or is stopped', async () => {
    const pid = (await pidOf('banjour-companion')).trim();
    await machine.exec(['kill', '-STOP', pid]);
    await servedWhile('the companion hangs');
    await machine.exec(['kill', '-KILL', pid]);
    await servedWhile('the companion was killed');
    await companion('stop');
    await servedWhile('the companion is stopped');
    expect(await login(ELSEWHERE)).toBe('ok');
    await companion('start');
    const own = (await pidOf('banjour')).trim();
    await machine.exec(['kill', '-STOP', own]);
    await servedWhile('the agent hangs');
    await machine.exec(['kill', '-CONT', own]);
  });
});
