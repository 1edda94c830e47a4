/** Journals made by hand in which the right advice is obvious. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cli } from '../../support/cli.js';

const BEGIN = 1_795_000_000;
const HOUR = 3_600;
const DAY = 24 * HOUR;

interface Line {
  readonly second: number;
  readonly message: string;
}

const inside = (second: number, user: string, address: string): Line => ({
  second,
  message: `imap-login: Login: user=<${user}>, method=PLAIN, rip=${address}, lip=192.0.2.1, mpid=${second + 1}, TLS, session=<s${second}>`,
});
const wrong = (second: number, user: string, address: string): Line => ({
  second,
  message: `auth-worker(9): pam(${user},${address},<w${second}>): pam_authenticate() failed: Authentication failure (Password mismatch?)`,
});

/** Users at home: a login every three hours. */
function users(days: number, count = 5): Line[] {
  return Array.from({ length: count }, (_, user) =>
    Array.from({ length: days * 8 }, (_, i) =>
      inside(i * 3 * HOUR + user * 60, `user${user}`, `203.0.113.${user + 1}`),
    ),
  ).flat();
}

/** Guesses of one address, `every` so many seconds. */
function guesses(
  address: string,
  name: string,
  from: number,
  every: number,
  count: number,
): Line[] {
  return Array.from({ length: count }, (_, i) => wrong(from + i * every, name, address));
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-advise-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function journal(lines: readonly Line[]): string {
  const path = join(folder, 'journal.export');
  const entries = lines
    .toSorted((a, b) => a.second - b.second)
    .map(({ second, message }, i) => {
      const time = Math.round((BEGIN + second) * 1e6);
      const hex = time.toString(16);
      const boot = '0'.repeat(31);
      return [
        `__CURSOR=s=1;i=${(i + 1).toString(16)};b=${boot}1;m=${hex};t=${hex};x=${i + 1}`,
        `__REALTIME_TIMESTAMP=${time}`,
        `__MONOTONIC_TIMESTAMP=${time}`,
        `_BOOT_ID=${boot}1`,
        '_UID=0',
        '_PID=9',
        '_SYSTEMD_UNIT=dovecot.service',
        'SYSLOG_IDENTIFIER=dovecot',
        `MESSAGE=${message}`,
        '\n',
      ].join('\n');
    });
  writeFileSync(path, entries.join(''));
  return path;
}

interface Setting {
  readonly maxretry: number;
  readonly login: string;
  readonly lines: string;
  readonly guesses: number;
  readonly passed: number;
  readonly blockedLogins: number;
  readonly hits: readonly {
    readonly target: string;
    readonly logins: number;
    readonly blocked: number;
    readonly users: readonly string[];
  }[];
}

interface Advised {
  readonly failures: number;
  readonly logins: number;
  readonly tried: readonly Setting[];
  readonly best: number | null;
  readonly reason?: string;
  readonly lines: string;
}

let files = 0;

/** What is advised where the configuration ends with these lines. */
async function advised(lines: readonly Line[], ...configuration: string[]): Promise<Advised> {
  const { code, out, err } = await cli([...argumentsOf(lines, ...configuration), '--json']);
  if (code !== 0) throw new Error(err);
  return JSON.parse(out) as Advised;
}

function argumentsOf(lines: readonly Line[], ...configuration: string[]): string[] {
  const own = configuration.flatMap((text) => {
    const path = join(folder, `own-${files++}.conf`);
    writeFileSync(path, text);
    return ['--with', path];
  });
  const empty = join(folder, 'empty');
  mkdirSync(empty, { recursive: true });
  return ['advise', journal(lines), ...own, '--shipped-dir', 'config', '--config-dir', empty];
}

const LOGIN_OFF = '[login]\nenabled = false\n';
/** Twenty networks, each guess three hours after the last: no counter sees two. */
const slow = Array.from({ length: 20 }, (_, i) =>
  guesses(`198.51.${i}.7`, `name${i}`, 5 * DAY + i * 61, 3 * HOUR, 40),
).flat();

let told: Promise<Advised> | undefined;
/** Of the slow guesses alone, asked once: some twenty settings are judged for it. */
function ofSlowGuesses(): Promise<Advised> {
  told ??= advised([...users(10), ...slow], LOGIN_OFF);
  return told;
}

describe('the advice', () => {
  test('against slow guessing it is the jail that weighs, which hits nobody', async () => {
    const answer = await ofSlowGuesses();
    const [now, best] = [answer.tried[0], answer.tried[answer.best ?? -1]];
    expect(now).toMatchObject({ login: 'off', guesses: 800, passed: 800, hits: [] });
    expect(best).toMatchObject({ login: 'on', blockedLogins: 0, hits: [] });
    expect(best?.passed).toBeLessThan(160);
    expect(answer.lines).toMatch(/\[login\]\nenabled = true\n/);
  });

  test('its lines do what it says, and are then good enough', async () => {
    const before = await ofSlowGuesses();
    const after = await advised([...users(10), ...slow], LOGIN_OFF, before.lines);
    expect(after.tried[0]).toMatchObject({
      passed: before.tried[before.best ?? -1]?.passed,
      login: 'on',
    });
    expect(after).toMatchObject({ best: null, reason: 'good', lines: '' });
  });

  test('after a journal of two days the jail that weighs is to watch first', async () => {
    const early = slow.map(({ second, ...line }) => ({ ...line, second: second - 5 * DAY }));
    const answer = await advised(
      [...users(2), ...early.filter(({ second }) => second < 2 * DAY)],
      LOGIN_OFF,
    );
    expect(answer.lines).toMatch(/\[login\]\nenabled = watch\n/);
  });

  test('where users mistype twice, a maxretry of 2 is too small, and says whom it hits', async () => {
    const clumsy = Array.from({ length: 10 }, (_, i) => [
      ...[0, 20].map((s) => wrong(DAY + i * HOUR + s, `guest${i}`, `192.0.2.${i + 1}`)),
      ...[60, 120, 180].map((s) => inside(DAY + i * HOUR + s, `guest${i}`, `192.0.2.${i + 1}`)),
    ]).flat();
    const fast = Array.from({ length: 5 }, (_, i) =>
      guesses(`198.51.100.${i + 1}`, 'root', 2 * DAY + i * HOUR, 10, 50),
    ).flat();
    const answer = await advised(
      [...users(4), ...clumsy, ...fast],
      `[DEFAULT]\nmaxretry = 2\n${LOGIN_OFF}`,
    );
    const [now, best] = [answer.tried[0], answer.tried[answer.best ?? -1]];
    expect(now).toMatchObject({ maxretry: 2, passed: 10, blockedLogins: 30 });
    expect(now?.hits).toHaveLength(10);
    expect(now?.hits[0]).toMatchObject({ logins: 3, blocked: 3, users: ['guest0'] });
    expect(best).toMatchObject({ maxretry: 3, blockedLogins: 0, hits: [] });
    expect(answer.lines).toMatch(/^\[DEFAULT\]\nmaxretry = 3\n/);
  });

  test.each([
    ['no login', slow, 'no-logins'],
    ['no failure', users(4), 'no-failures'],
    ['nothing', [], 'no-failures'],
    ['19 guesses', [...users(4), ...guesses('198.51.100.1', 'root', DAY, 1, 19)], 'no-failures'],
  ] as const)('of a journal with %s there is none', async (_, lines, reason) => {
    expect(await advised(lines, LOGIN_OFF)).toMatchObject({ best: null, reason, lines: '' });
  });

  test('20 guesses are enough', async () => {
    const lines = [...users(4), ...guesses('198.51.100.1', 'root', DAY, 1, 20)];
    expect(await advised(lines, LOGIN_OFF)).not.toMatchObject({ reason: 'no-failures' });
  });

  test('addresses that are never banned are left out', async () => {
    const lines = [...users(4), ...guesses('198.51.100.1', 'root', DAY, 1, 30)];
    const ignored = `[DEFAULT]\nignoreip = 198.51.100.0/24\n${LOGIN_OFF}`;
    expect(await advised(lines, ignored)).toMatchObject({ failures: 0, reason: 'no-failures' });
  });

  test('a jail with a value of its own keeps it, and the text says so', async () => {
    const configuration = `[sshd]\nmaxretry = 9\n[dovecot]\nmaxretry = 4\n${LOGIN_OFF}`;
    const answer = await advised([...users(10), ...slow], configuration);
    expect(answer.tried[0]?.maxretry).toBe(4);
    expect(answer.tried.some(({ lines }) => lines.includes('[dovecot]\nmaxretry = 5\n'))).toBe(
      true,
    );
    expect(answer.tried.some(({ lines }) => /\[DEFAULT\][^[]*maxretry/.test(lines))).toBe(false);
  });

  test('is told to people, with the lines, and no file is written', async () => {
    const evil = guesses('198.51.100.9', 'a\x1b[2Jb', DAY, 10, 3);
    const login = [0, 10, 20, 30].map((s) => inside(DAY + HOUR + s, 'a\x1b[2Jb', '198.51.100.9'));
    const args = argumentsOf([...users(10), ...slow, ...evil, ...login], LOGIN_OFF);
    const { code, out, err } = await cli(args);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^now +3 +1h +1h +off +100\.0 % /m);
    expect(out).toMatch(/^=> .* on /m);
    expect(out).toMatch(/^ {4}\[login\]\n {4}enabled = true$/m);
    expect(out).toContain('Nothing was changed.');
    expect(out).not.toContain('\x1b');
    expect(readdirSync(join(folder, 'empty'))).toEqual([]);
  });
});

test('a journal that is not there is said with its name', async () => {
  const { code, err } = await cli(['advise', join(folder, 'nothing.export')]);
  expect(code).toBe(66);
  expect(err).toContain('there is no file or folder');
});
