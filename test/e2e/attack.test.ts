/**
 * Real attacks on a booted mail server that the agent protects, and the agent killed in the middle
 * of them.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Agent } from './lib/agent.js';
import type { LoginService } from './lib/clients/job.js';
import { Machine } from './lib/machine.js';
import type { Suite } from './lib/rootfs.js';
import { sleep, until } from './lib/shell.js';
import { cutOff, judged, Station, tally } from './lib/station.js';

/**
 * Pause between connections: longer than from the last line of an attempt to the ban, shorter than
 * people wait.
 */
const PACE = { intervalMs: 1_000, readMs: 20_000 };
const SERVICES: readonly LoginService[] = ['smtp', 'submission', 'imap', 'pop3', 'ssh'];

/** Attackers and bystanders, one /64 each. */
const bad = (n: number, family: 4 | 6) =>
  family === 4 ? `203.0.113.${n}` : `2001:db8:bad:${n.toString(16)}::1`;
const good = (n: number, family: 4 | 6) =>
  family === 4 ? `198.51.100.${n}` : `2001:db8:900d:${n.toString(16)}::1`;

describe.each<[Suite]>([['trixie'], ['bookworm']])('a mail server on %s', (suite) => {
  let machine: Machine;
  let station: Station;
  let agent: Agent;

  beforeAll(async () => {
    machine = await Machine.boot(suite);
    station = new Station(machine);
    agent = await Agent.install(machine);
    await agent.start();
  });
  afterAll(async () => {
    await station?.close();
    await machine?.destroy();
  });

  async function banned(address: string): Promise<boolean> {
    for (const elements of (await agent.sets()).values())
      if (
        elements.some(
          (element) => element === address || element.startsWith(address.replace(/::1$/, '::')),
        )
      )
        return true;
    return false;
  }

  test.each<[4 | 6]>([[4], [6]])(
    'cuts off brute force on every service over IPv%d after three failures; others get through',
    async (family) => {
      const attacks = SERVICES.map((service, i) =>
        station.attack(service, bad(10 + i, family), 8, PACE),
      );
      // While the attack runs, and after it.
      const served = () =>
        Promise.all(SERVICES.map((service, i) => station.login(service, good(10 + i, family))));
      const during = await served();
      const results = await Promise.all(attacks);
      const after = await served();
      const seen = Object.fromEntries(
        results.map((attempts, i) => [SERVICES[i], [judged(attempts), cutOff(attempts)]]),
      );
      expect(seen).toEqual(Object.fromEntries(SERVICES.map((service) => [service, [3, true]])));
      expect([...during, ...after].map((attempt) => attempt.result)).toEqual(
        Array(2 * SERVICES.length).fill('ok'),
      );
    },
  );

  test.each<['imap' | 'pop3']>([['imap'], ['pop3']])(
    'bans at the third guess of one connection over %s that is held open, and twenty connections at once',
    async (service) => {
      const n = service === 'imap' ? 140 : 142;
      const held = station.attack(service, bad(n, 4), 8, { ...PACE, perConnection: 8 });
      const parallel = Array.from({ length: 20 }, () =>
        station.attack(service, bad(n + 1, 4), 3, PACE),
      );
      const attempts = await held;
      // The answer to the third still leaves the server; what the client says then does not arrive.
      expect([tally(attempts, 'failed'), cutOff(attempts)]).toEqual([3, true]);
      // All twenty passwords were under way before the first was judged; not one came after.
      for (const one of await Promise.all(parallel))
        expect([tally(one, 'failed') <= 1, cutOff(one)]).toEqual([true, true]);
    },
  );

  test('counts what Postfix gave up since Dovecot let the attacker wait: six hosts at once are banned at the third', async () => {
    const attacks = Array.from({ length: 6 }, (_, i) =>
      station.attack('smtp', bad(70 + i, 4), 8, PACE),
    );
    for (const attempts of await Promise.all(attacks)) {
      const delayed = attempts.filter(({ detail }) => detail === 'reply 454').length;
      expect([judged(attempts) + delayed, cutOff(attempts)]).toEqual([3, true]);
    }
  });

  test('bans over SMTP for every mail port, and leaves the other doors to their own jails', async () => {
    const from = bad(10, 4);
    const visit = async (service: LoginService | 'ssh-preauth') => {
      const [attempt] = await station.play({
        service,
        from,
        attempts: 1,
        user: 'anna',
        password: 'wrong-password',
      });
      return attempt?.result;
    };
    expect(
      await Promise.all([visit('smtp'), visit('submissions'), visit('imap'), visit('pop3')]),
    ).toEqual(Array(4).fill('blocked'));
    expect(await visit('ssh-preauth')).toBe('failed');
  });

  test('a user whose .forward writes as smtpd does bans nobody, and status names the user', async () => {
    const victim = bad(120, 4);
    const line = `warning: unknown[${victim}]: SASL LOGIN authentication failed: x, sasl_username=anna`;
    // journald asks for the sender's control group when it reads the line, so the sender waits.
    const script = `#!/bin/sh\ncat > /dev/null\n{ echo '${line}'; sleep 1; } | logger -t postfix/smtpd\n`;
    await machine.exec([
      'sh',
      '-c',
      'printf %s "$0" > /home/anna/imitate && chmod 755 /home/anna/imitate',
      script,
    ]);
    await machine.exec([
      'sh',
      '-c',
      'echo "|/home/anna/imitate" > /home/anna/.forward; chown anna: /home/anna/.forward',
    ]);
    for (let mails = 0; mails < 4; mails++)
      await machine.exec(['sh', '-c', 'echo x | sendmail anna']);
    const written = [
      'journalctl',
      '-q',
      '-o',
      'cat',
      '-t',
      'postfix/smtpd',
      '--grep',
      victim.replaceAll('.', '\\.'),
    ];
    await until('the imitations stand in the journal', async () => {
      const stdout = await machine.exec(['sh', '-c', `${written.join(' ')} | wc -l`]);
      return Number(stdout) >= 4;
    });
    await machine.exec(['rm', '/home/anna/.forward']);
    // What stands behind them in the journal is judged, so they were.
    expect(judged(await station.attack('smtp', bad(121, 4), 8, PACE))).toBe(3);
    expect(await banned(victim)).toBe(false);
    await until(
      'the imitation is told',
      async () =>
        (await machine.try(['banjour', 'status'])).stderr.includes('user 1000 imitates smtpd'),
      { timeoutMs: 100_000, everyMs: 2_000 },
    );
  });

  test("a user whose ssh session is left in sshd's unit bans nobody from there", async () => {
    const victim = bad(130, 4);
    // Where pam_systemd is missing the session stays in the control group of the daemon that began
    // it.
    const script = [
      "find /sys/fs/cgroup -path '*/ssh.service/cgroup.procs' | while read -r file; do echo $$ > $file; done",
      'exec setpriv --reuid=anna --regid=anna --clear-groups sh -c "$0"',
    ].join('; ');
    const line = `Failed password for root from ${victim} port 4242 ssh2`;
    // journald asks for the sender's control group when it reads a line, which may be late. The
    // senders stay until their lines stand in the journal.
    const stop = '/run/imitated';
    const session = [
      `send() { for n in 1 2 3 4 5; do echo "${line}"; done; until [ -e ${stop} ]; do sleep 0.1; done; }`,
      'send | logger -t sshd & send | logger -t sshd-session & wait',
    ].join('; ');
    const imitation = machine.exec(['sh', '-c', script, session]);
    const written = 'journalctl -q -o cat -u ssh.service _UID=1000'.split(' ');
    await until('the imitations stand in the journal, in the unit of sshd', async () => {
      const lines = (await machine.exec(written)).split('\n');
      return lines.filter((text) => text === line).length === 10;
    });
    await machine.exec(['touch', stop]);
    await imitation;
    expect(judged(await station.attack('ssh', bad(131, 4), 8, PACE))).toBe(3);
    expect(await banned(victim)).toBe(false);
  });

  test('a mistaken user who gets it right at the third time is served on', async () => {
    const from = good(50, 4);
    expect(judged(await station.attack('submission', from, 2, PACE))).toBe(2);
    expect((await station.login('submission', from)).result).toBe('ok');
    expect((await station.login('imap', from)).result).toBe('ok');
    expect(await banned(from)).toBe(false);
  });

  test('kill -9 in the middle of an attack: nothing forgotten, nothing counted twice, the banned stay out', async () => {
    await agent.override('Restart=no');
    const attack = async (n: number, attempts: number) =>
      judged(
        await station.attack(n % 2 === 0 ? 'ssh' : 'smtp', bad(n, 4), attempts, {
          ...PACE,
          connectMs: 3_000,
        }),
      );
    // Two failures each before the kill: 60 and 61 go on after it, 62 and 63 never do.
    expect(await Promise.all([60, 61, 62, 63].map((n) => attack(n, 2)))).toEqual([2, 2, 2, 2]);
    await agent.kill();
    // While the agent is dead: who was banned stays out, and the journal keeps what it cannot see.
    expect(await Promise.all([10, 14].map((n) => banned(bad(n, 4))))).toEqual([true, true]);
    expect(cutOff(await station.attack('smtp', bad(10, 4), 1))).toBe(true);
    expect(await Promise.all([attack(64, 3), attack(65, 3), attack(66, 2), attack(67, 1)])).toEqual(
      [3, 3, 2, 1],
    );
    await agent.start();
    // Three failures that nobody watched are enough by themselves.
    await until(
      'those who failed three times meanwhile are banned',
      async () => (await banned(bad(64, 4))) && banned(bad(65, 4)),
    );
    // One more for two before, for two while dead: exactly one more is answered.
    const more = await Promise.all([60, 61, 66].map((n) => attack(n, 5)));
    expect(more).toEqual([1, 1, 1]);
    expect(await Promise.all([62, 63, 67].map((n) => banned(bad(n, 4))))).toEqual([
      false,
      false,
      false,
    ]);
    expect(await Promise.all([10, 14].map((n) => banned(bad(n, 4))))).toEqual([true, true]);
    await agent.override('');
  });

  test('killed again and again while attacks run, it comes back by itself and loses nobody', async () => {
    const persistent = [80, 81, 82, 83].map((n) =>
      station.attack(n % 2 === 0 ? 'ssh' : 'smtp', bad(n, 4), 20, PACE),
    );
    const careful = [90, 91].map((n) =>
      station.attack(n % 2 === 0 ? 'ssh' : 'smtp', bad(n, 4), 2, { ...PACE, intervalMs: 6_000 }),
    );
    for (let kills = 0; kills < 4; kills++) {
      await sleep(2_500);
      await agent.kill();
      await until('systemd starts the killed agent again', () => agent.isActive());
    }
    const results = await Promise.all(persistent);
    expect(results.map(cutOff)).toEqual([true, true, true, true]);
    expect((await Promise.all(careful)).map(judged)).toEqual([2, 2]);
    expect(await Promise.all([90, 91].map((n) => banned(bad(n, 4))))).toEqual([false, false]);
    expect((await station.login('imap', good(51, 4))).result).toBe('ok');
  });
});
