import { describe, expect, test } from '@jest/globals';
import {
  SESSION_KEY_CHARS_MAX,
  SESSION_USERS_MAX,
  SESSIONS_MAX,
  USER_CHARS_MAX,
} from '../../src/core/limits.js';
import { type EpochMicros, epochMicros, plus } from '../../src/core/time.js';
import { SESSION_IDLE_SECONDS } from '../../src/core/timeouts.js';
import { marksOf } from '../../src/filter/match-groups.js';
import { Found, type Groups } from '../../src/filter/regex/match.js';
import { SessionTable } from '../../src/filter/session.js';

const START = epochMicros(1_700_000_000_000_000);

function merger(table = new SessionTable()) {
  return {
    table,
    line: (groups: Groups, time: EpochMicros = START, key = 'mx1 sshd[7]: ', boot = 'b') =>
      table.merge(key, boot, marksOf(undefined, Found.of(groups)), time, true),
  };
}

describe('a connection', () => {
  test('gives the address that one line had to a failure in another', () => {
    const { line } = merger();
    line({ nofail: 'Connection', ip4: '192.0.2.1' });
    const merged = line({ user: 'root' });
    expect(merged.calm).toBe(false);
    expect(merged.facts).toMatchObject({ ip4: '192.0.2.1', user: 'root' });
    expect(merged.lines).toBe(2);
  });

  test('is judged by the address that its line names, whatever family the one before was of', () => {
    const { line } = merger();
    line({ user: 'root', ip4: '192.0.2.1' });
    expect(line({ user: 'root', ip6: '2001:db8::1' }).facts).toMatchObject({
      ip4: undefined,
      ip6: '2001:db8::1',
    });
    expect(line({ user: 'root' }).facts).toMatchObject({ ip4: undefined, ip6: '2001:db8::1' });
    expect(line({ user: 'root', dns: 'host.example' }).facts).toMatchObject({
      ip6: undefined,
      dns: 'host.example',
    });
  });

  test('counts a failure that waited for its address once the address comes', () => {
    const { line } = merger();
    line({ user: 'root' }).pending = true;
    const merged = line({ nofail: 'Disconnected', mlfforget: 'disconnect', ip4: '192.0.2.1' });
    expect(merged.calm).toBe(false);
    expect(merged.lines).toBe(2);
  });

  test('does not count a line that says "no failure" when nothing waits', () => {
    const { line } = merger();
    expect(line({ nofail: 'Disconnected', ip4: '192.0.2.1' }).calm).toBe(true);
  });

  test('leaves a failure that waits to its own client when a harmless line names another', () => {
    const { line, table } = merger();
    line({ user: 'root', ip4: '192.0.2.1' }).pending = true;
    const merged = line({ nofail: 'Disconnected', mlfforget: 'disconnect', ip4: '192.0.2.2' });
    expect(merged).toMatchObject({ calm: true, facts: { ip4: '192.0.2.2' } });
    expect(table.size).toBe(1);
    expect(line({ nofail: 'Disconnected', mlfforget: 'x', ip4: '192.0.2.1' }).calm).toBe(false);
  });

  test('counts as many attempts as a line says, and the next line anew', () => {
    const { line } = merger();
    expect(line({ count: '5', ip4: '192.0.2.1' }).facts.count).toBe('5');
    expect(line({ ip4: '192.0.2.1' }).facts.count).toBeUndefined();
    line({ count: '3' }).pending = true;
    expect(line({ nofail: 'x', ip4: '192.0.2.1' }).facts.count).toBe('3');
  });

  test('forgets what waited when somebody gets in', () => {
    const { line } = merger();
    line({ user: 'root' }).pending = true;
    expect(line({ mlfgained: 'Accepted', user: 'root', ip4: '192.0.2.1' }).calm).toBe(true);
    expect(line({ nofail: 'Disconnected', mlfforget: 'x', ip4: '192.0.2.1' }).calm).toBe(true);
  });

  test('counts even a success when another user was tried before it', () => {
    const { line } = merger();
    line({ user: 'root', ip4: '192.0.2.1' });
    expect(line({ mlfgained: 'Accepted', user: 'alice', ip4: '192.0.2.1' }).calm).toBe(false);
  });

  test('ends with <F-MLFFORGET>', () => {
    const { line, table } = merger();
    line({ ip4: '192.0.2.1' });
    line({ nofail: 'x', mlfforget: 'x' });
    expect(table.size).toBe(0);
    expect(line({ user: 'root' }).facts).toMatchObject({ ip4: undefined, user: 'root' });
  });

  test('is another one after a reboot, though process numbers repeat', () => {
    const { line } = merger();
    line({ ip4: '192.0.2.1' }, START, 'mx1 sshd[7]: ', 'boot one');
    expect(line({ user: 'root' }, START, 'mx1 sshd[7]: ', 'boot two').facts).toMatchObject({
      ip4: undefined,
      user: 'root',
    });
  });

  test('is remembered through SESSION_IDLE_SECONDS of silence and not a moment longer', () => {
    const { line } = merger();
    line({ ip4: '192.0.2.1' });
    expect(line({}, plus(START, SESSION_IDLE_SECONDS)).facts).toMatchObject({ ip4: '192.0.2.1' });
    const later = (plus(START, 2 * SESSION_IDLE_SECONDS) + 1) as EpochMicros;
    expect(line({}, later).facts.ip4).toBeUndefined();
  });

  test('takes entries whose time runs backwards', () => {
    const { line } = merger();
    line({ ip4: '192.0.2.1' });
    expect(line({ user: 'root' }, epochMicros(5)).facts).toMatchObject({
      ip4: '192.0.2.1',
      user: 'root',
    });
  });
});

describe('bounds of the connections of a jail', () => {
  test('the connection that was silent longest goes when there are more than SESSIONS_MAX', () => {
    const { line, table } = merger();
    for (let i = 0; i < SESSIONS_MAX; i++) line({ ip4: '192.0.2.1' }, START, `c${i}`);
    expect(table.size).toBe(SESSIONS_MAX);
    line({}, START, 'c0');
    line({ ip4: '192.0.2.2' }, START, 'one more');
    expect(table.size).toBe(SESSIONS_MAX);
    expect(table.factsOf('c0', 'b')).toBeDefined();
    expect(table.factsOf('c1', 'b')).toBeUndefined();
  });

  test('a name of a connection longer than SESSION_KEY_CHARS_MAX is not remembered', () => {
    const { line, table } = merger();
    line({ ip4: '192.0.2.1' }, START, 'k'.repeat(SESSION_KEY_CHARS_MAX - 2));
    expect(table.size).toBe(1);
    line({ ip4: '192.0.2.1' }, START, 'k'.repeat(SESSION_KEY_CHARS_MAX - 1));
    expect(table.size).toBe(1);
  });

  test('at most SESSION_USERS_MAX users are kept, each at most USER_CHARS_MAX long', () => {
    const { line } = merger();
    for (let i = 0; i < SESSION_USERS_MAX; i++) line({ user: `u${i}` });
    expect(line({ user: 'x'.repeat(USER_CHARS_MAX + 1) }).users).toHaveLength(SESSION_USERS_MAX);
    expect(line({}).facts.user).toBe('x'.repeat(USER_CHARS_MAX));
  });
});
