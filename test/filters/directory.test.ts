/**
 * Logins while the directory of the users cannot be reached: sssd says so of the attempt that it
 * was asked about, and what the daemon says of that attempt is nobody's failure.
 */
import { describe, expect, test } from '@jest/globals';
import { UNCHECKED_MAX } from '../../src/core/limits.js';
import { epochMicros } from '../../src/core/time.js';
import { TALLY_WAIT_SECONDS, UNCHECKED_OUTAGE_SECONDS } from '../../src/core/timeouts.js';
import { countOf } from '../../src/filter/match-groups.js';
import { type Options, shipped } from './samples.js';

const CLIENT = '192.0.2.7';
const AWAY = '9 (Authentication service cannot retrieve authentication info)';
const WRONG = '7 (Authentication failure)';
const UNKNOWN = '10 (User not known to the underlying authentication module)';

/** A filter, and how many attempts each line counts; times in seconds. */
function bench(name: string, options: Options = {}) {
  const { filter } = shipped(name, options);
  return (time: number, text: string): number => {
    const at = epochMicros(Math.round(time * 1e6));
    const { result, facts } = filter.judge({ text }, { time: at, boot: 'b' });
    return result === 'failure' ? countOf(facts) : 0;
  };
}

function sshd(options: Options = {}) {
  const count = bench('sshd', options);
  const say = (time: number, pid: number, message: string) =>
    count(time, `mx sshd-session[${pid}]: ${message}`);
  const pam = (time: number, pid: number, user: string, answer: string) =>
    say(
      time,
      pid,
      `pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=${CLIENT}  user=${user}`,
    ) +
    say(
      time,
      pid,
      `pam_sss(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=${CLIENT} user=${user}`,
    ) +
    say(time, pid, `pam_sss(sshd:auth): received for user ${user}: ${answer}`);
  const failed = (time: number, pid: number, user: string) =>
    say(time, pid, `Failed password for ${user} from ${CLIENT} port 4000 ssh2`);
  return { say, pam, failed };
}

describe('sshd, while sssd cannot reach the directory', () => {
  test('an attempt that nobody looked at does not count, each of a connection', () => {
    const { pam, failed, say } = sshd();
    for (let i = 0; i < 3; i++)
      expect([pam(10 * i, 5, 'alice', AWAY), failed(10 * i + 2, 5, 'alice')]).toEqual([0, 0]);
    expect(say(40, 5, `Connection closed by authenticating user alice ${CLIENT} port 4000`)).toBe(
      0,
    );
  });

  test('keyboard-interactive is asked for by a process of its own', () => {
    const { pam, say } = sshd();
    expect(pam(0, 6, 'alice', AWAY)).toBe(0);
    expect(say(2, 5, `error: PAM: Authentication failure for alice from ${CLIENT}`)).toBe(0);
  });

  test('a connection that began with an unknown user counts once more only for its own guesses', () => {
    const { say, pam, failed } = sshd();
    expect(say(0, 5, `Invalid user alice from ${CLIENT} port 4000`)).toBe(0);
    expect([pam(1, 5, 'alice', AWAY), failed(3, 5, 'invalid user alice')]).toEqual([0, 0]);
    expect([pam(4, 5, 'alice', WRONG), failed(6, 5, 'invalid user alice')]).toEqual([0, 1]);
    expect(say(7, 5, `Connection closed by invalid user alice ${CLIENT} port 4000 [preauth]`)).toBe(
      0,
    );
  });

  test('a password that was looked at counts, and so does an unknown user', () => {
    for (const answer of [WRONG, UNKNOWN, '4 (System error)', '6 (Permission denied)']) {
      const { pam, failed } = sshd();
      expect([pam(0, 5, 'alice', answer), failed(2, 5, 'alice')]).toEqual([0, 1]);
    }
  });

  test('it excuses one attempt, at that user, soon', () => {
    const { pam, failed } = sshd();
    pam(0, 5, 'alice', AWAY);
    expect([failed(1, 6, 'root'), failed(2, 5, 'alice'), failed(3, 6, 'alice')]).toEqual([1, 0, 1]);
    pam(100, 5, 'alice', AWAY);
    expect(failed(101 + TALLY_WAIT_SECONDS, 5, 'alice')).toBe(1);
    pam(200, 5, 'alice', AWAY);
    expect(failed(200 + TALLY_WAIT_SECONDS, 5, 'alice')).toBe(0);
  });

  test.each([
    `root: ${AWAY}`,
    `${'x'.repeat(200)}`,
    `root: 9 (x)\n`,
    `root from ${CLIENT}: ${AWAY}`,
  ])('no name feigns it: %j', (name) => {
    const { pam, failed } = sshd();
    pam(0, 5, name, UNKNOWN);
    expect(failed(2, 5, 'root')).toBe(1);
  });

  test('a long name that a syslog cut excuses nobody', () => {
    const { say, failed } = sshd();
    const name = `root\u0040${'x'.repeat(900)}`;
    say(0, 5, `pam_sss(sshd:auth): received for user ${name}: 9 (y)`);
    expect([failed(1, 5, 'root'), failed(2, 5, name.slice(0, 100))]).toEqual([1, 1]);
  });

  test('so many attempts are remembered, the last ones', () => {
    const { say, failed } = sshd();
    for (let n = 0; n <= UNCHECKED_MAX; n++)
      say(0, 5, `pam_sss(sshd:auth): received for user u${n}: ${AWAY}`);
    expect([failed(1, 5, 'u0'), failed(1, 6, 'u1')]).toEqual([1, 0]);
  });
});

function dovecot(name: string, options: Options = {}) {
  const count = bench(name, options);
  const auth = (time: number, message: string) => count(time, `mx auth[9]: ${message}`);
  /** PAM's lines about one attempt; the answer of sssd comes a moment later. */
  const pam = (time: number, user: string, answer: string, from = CLIENT) =>
    auth(
      time,
      `pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=${user} rhost=${from}  user=${user}`,
    ) +
    auth(
      time + 0.1,
      `pam_sss(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=${user} rhost=${from} user=${user}`,
    ) +
    auth(time + 0.1, `pam_sss(dovecot:auth): received for user ${user}: ${answer}`);
  const sum = (time: number, attempts: number, user: string, from = CLIENT) =>
    count(
      time,
      `mx dovecot[1]: imap-login: Disconnected: Inactivity (auth failed, ${attempts} attempts in 60 secs): user=<${user}>, method=PLAIN, rip=${from}, lip=203.0.113.1, session=<${from}>`,
    );
  return { count, auth, pam, sum };
}

describe('dovecot, while sssd cannot reach the directory', () => {
  test('of an outage one attempt counts, that by which it is known', () => {
    const { pam, sum } = dovecot('dovecot');
    expect([0, 5, 10, 15].map((time) => pam(time, 'alice', AWAY))).toEqual([1, 0, 0, 0]);
    expect(sum(20, 4, 'alice')).toBe(0);
    expect([30, 35].map((time) => pam(time, 'bob', AWAY, '192.0.2.8'))).toEqual([0, 0]);
    expect(sum(40, 2, 'bob', '192.0.2.8')).toBe(0);
  });

  test('what was looked at counts with the end of its connection, or after twelve seconds', () => {
    const { pam, sum } = dovecot('dovecot');
    pam(0, 'alice', AWAY);
    const attacker = '192.0.2.9';
    expect([1, 5, 9].map((time) => pam(time, 'root', UNKNOWN, attacker))).toEqual([0, 0, 0]);
    expect(sum(10, 3, 'root', attacker)).toBe(3);
    expect(pam(20, 'root', UNKNOWN, attacker)).toBe(0);
    expect(pam(21 + TALLY_WAIT_SECONDS, 'root', WRONG, attacker)).toBe(1);
  });

  test('an outage is over after its time', () => {
    for (const [later, counted] of [
      [UNCHECKED_OUTAGE_SECONDS, 0],
      [UNCHECKED_OUTAGE_SECONDS + 1, 1],
    ] as const) {
      const { auth, pam } = dovecot('dovecot');
      auth(0.1, `pam_sss(dovecot:auth): received for user alice: ${AWAY}`);
      expect(pam(later, 'root', WRONG)).toBe(counted);
    }
  });

  test("an attempt is excused by its own answer, which comes behind PAM's other lines", () => {
    const { auth, pam, sum } = dovecot('dovecot');
    auth(0, `pam_sss(dovecot:auth): received for user alice: ${AWAY}`);
    expect(pam(5, 'alice', WRONG)).toBe(0);
    expect(sum(6, 1, 'alice')).toBe(1);
  });

  test('mode pam has no sums: an attempt is decided after twelve seconds', () => {
    const { pam } = dovecot('dovecot', { mode: 'pam' });
    const times = [0, 15, 30].map((time) => pam(time, 'alice', AWAY));
    expect(times).toEqual([1, 0, 0]);
    expect([50, 65].map((time) => pam(time, 'alice', WRONG))).toEqual([0, 1]);
  });
});

test("a login that Dovecot checks for Postfix is excused by Dovecot's answer", () => {
  const { count, pam } = dovecot('postfix-sasl');
  const failed = (time: number, user: string) =>
    count(
      time,
      `mx postfix/smtpd[3]: warning: unknown[${CLIENT}]: SASL PLAIN authentication failed: (reason unavailable), sasl_username=${user}`,
    );
  pam(0, 'alice', AWAY);
  expect([failed(2, 'alice'), failed(4, 'alice'), failed(5, 'bob')]).toEqual([0, 1, 1]);
});
