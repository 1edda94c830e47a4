/** One setting judged: the closed loop, whom it hits, and what is kept for it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { Allowlist } from '../../../src/allow/allowlist.js';
import { allowContext } from '../../../src/allow/snapshot.js';
import { parseAddress } from '../../../src/core/address.js';
import type { FilterEvent } from '../../../src/core/decision.js';
import { cursor, mustJailName } from '../../../src/core/names.js';
import { ADVISE_EVENTS_MAX } from '../../../src/core/service-limits.js';
import { epochMicros } from '../../../src/core/time.js';
import { loadSetup } from '../../../src/setup/load.js';
import { judgeUnder, PrefixTexts, type SettingTally } from '../../../src/tools/advise/judge.js';
import { AttemptStore, isUsers } from '../../../src/tools/advise/kept.js';
import { cli } from '../../support/cli.js';

const HOUR = 3_600;
const BEGIN = 1_795_000_000;

function event(
  kind: FilterEvent['kind'],
  jail: string,
  address: string,
  second: number,
  user = 'root',
): FilterEvent {
  const parsed = parseAddress(address);
  if (parsed === undefined) throw new Error(address);
  return {
    kind,
    jail: mustJailName(jail),
    address: parsed,
    user,
    count: 1,
    time: epochMicros((BEGIN + second) * 1_000_000),
    cursor: cursor(`c${second}`),
    regex: 0,
  };
}

const fails = (jail: string, address: string, seconds: readonly number[]) =>
  seconds.map((second) => event('failure', jail, address, second));

/** A configuration of the administrator that says nothing. */
const empty = mkdtempSync(join(tmpdir(), 'banjour-judge-'));
afterAll(() => rmSync(empty, { recursive: true }));

/** The shipped jails with these lines. */
function judged(
  events: readonly FilterEvent[],
  ...lines: [string, string, string][]
): SettingTally {
  const live = new Map(lines.map(([jail, key, value]) => [jail, new Map([[key, value]])]));
  const { setup } = loadSetup({ shippedRoot: 'config', adminRoot: empty }, { live });
  const keeper = new Allowlist({ ...setup.allow, self: false, lockoutGuard: false });
  const allow = allowContext(
    () => keeper.snapshot,
    () => true,
  );
  const store = new AttemptStore();
  for (const one of events) store.add(one);
  return judgeUnder(store.all(), setup.jails, allow, new PrefixTexts());
}
const OFF: [string, string, string] = ['login', 'enabled', 'false'];

describe('the closed loop', () => {
  test('guesses of a banned address are stopped, and count again when the ban is over', () => {
    const seconds = [0, 1, 2, 3, 4, 5, HOUR + 10, HOUR + 11];
    expect(judged(fails('sshd', '198.51.100.1', seconds), OFF)).toMatchObject({
      guesses: 8,
      passed: 5,
      bans: 1,
      targets: 1,
    });
  });

  test('a ban at one service leaves the others open', () => {
    const seen = [
      ...fails('sshd', '198.51.100.1', [0, 1, 2, 3]),
      ...fails('dovecot', '198.51.100.1', [10, 11]),
    ];
    expect(judged(seen, OFF)).toMatchObject({ guesses: 6, passed: 5, bans: 1 });
  });

  test('a ban on all mail ports closes both mail jails', () => {
    const seen = [
      ...fails('postfix-sasl', '198.51.100.1', [0, 1, 2]),
      ...fails('dovecot', '198.51.100.1', [10, 11]),
    ];
    expect(judged(seen, OFF)).toMatchObject({ guesses: 5, passed: 3, bans: 1 });
  });

  test('a banned network stops its other addresses', () => {
    const day = 24 * HOUR;
    const members = Array.from({ length: 10 }, (_, i) =>
      event('failure', 'sshd', `198.51.100.${i + 1}`, 4 * day + i * 60, `name${i}`),
    );
    const someone = event('success', 'sshd', '203.0.113.1', 0, 'anna');
    expect(judged([someone, ...members])).toMatchObject({ guesses: 10, passed: 6, targets: 1 });
  });

  test('the second ban is longer where bans grow', () => {
    const seconds = [0, 1, 2, HOUR + 10, HOUR + 11, HOUR + 12, 2 * HOUR + 30, 2 * HOUR + 31];
    const grows: [string, string, string] = ['sshd', 'bantime.increment', 'true'];
    const seen = fails('sshd', '198.51.100.1', seconds);
    expect(judged(seen, OFF)).toMatchObject({ passed: 8, bans: 2 });
    expect(judged(seen, OFF, grows)).toMatchObject({ passed: 6, bans: 2 });
  });

  test('a jail that only watches stops nobody', () => {
    const watch: [string, string, string] = ['sshd', 'enabled', 'watch'];
    const seen = fails('sshd', '198.51.100.1', [0, 1, 2, 3]);
    expect(judged(seen, OFF, watch)).toMatchObject({ passed: 4, bans: 0 });
  });
});

describe('whom it hits', () => {
  test("a user's address, with the logins that are shut out", () => {
    const seen = [
      ...fails('sshd', '203.0.113.5', [0, 1, 2]),
      ...[60, 120, 2 * HOUR].map((s) => event('success', 'sshd', '203.0.113.5', s)),
    ];
    const { hits, ...sums } = judged(seen, OFF);
    expect(sums).toMatchObject({ guesses: 0, blocked: 2 });
    expect(hits).toMatchObject([{ client: { logins: 3, users: ['root'] }, blocked: 2 }]);
  });

  test('not somebody who guesses and finds a password', () => {
    const names = ['a', 'b', 'c', 'd', 'root'];
    const seen = [
      ...names.map((name, i) => event('failure', 'sshd', '198.51.100.1', i, name)),
      event('success', 'sshd', '198.51.100.1', 9),
    ];
    expect(judged(seen, OFF)).toMatchObject({ guesses: 5, hits: [], blocked: 0 });
  });

  test('addresses of one /64 are one client', () => {
    const store = new AttemptStore();
    store.add(event('success', 'sshd', '2001:db8::1', 0));
    store.add(event('failure', 'sshd', '2001:db8::2', 1));
    const [first, second] = store.all();
    expect(first?.client).toBe(second?.client);
    expect(first && isUsers(first.client)).toBe(true);
  });
});

test('a recorded attack is judged as replay judges it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'banjour-judge-'));
  // Else a banned /64 would stop its members here, and not in a replay.
  writeFileSync(join(folder, 'hosts.conf'), '[DEFAULT]\nipv6prefix = 128\n');
  const session = 'examples/journal/lab-session.export.gz';
  const config = ['--shipped-dir', 'config', '--config-dir', empty];
  const args = [session, '--json', '--with', join(folder, 'hosts.conf'), ...config];
  const replayed = await cli(['replay', '--summary', ...args]);
  const { summary } = JSON.parse(replayed.out.trimEnd().split('\n').at(-1) ?? '') as {
    summary: { banned: readonly { target: string }[] };
  };
  const { out } = await cli(['advise', ...args]);
  rmSync(folder, { recursive: true });
  const answer = JSON.parse(out) as { tried: readonly { targets: number }[]; reason: string };
  expect(answer.tried[0]?.targets).toBe(new Set(summary.banned.map(({ target }) => target)).size);
  expect(answer.reason).toBe('too-short');
});

describe('the bound of what is kept', () => {
  const kept = (max: number, count: number) => {
    const store = new AttemptStore(max);
    for (let i = 0; i < count; i++) store.add(event('failure', 'sshd', '198.51.100.1', i));
    return { left: store.left, kept: store.all().map(({ time }) => time / 1e6 - BEGIN) };
  };

  test('as many as fit are kept; with one more, a quarter goes, the oldest', () => {
    expect(kept(8, 8)).toEqual({ left: 0, kept: [0, 1, 2, 3, 4, 5, 6, 7] });
    expect(kept(8, 9)).toEqual({ left: 2, kept: [2, 3, 4, 5, 6, 7, 8] });
  });

  test('is what the limits say', () => {
    const store = new AttemptStore();
    const one = event('failure', 'sshd', '198.51.100.1', 0);
    for (let i = 0; i < ADVISE_EVENTS_MAX; i++) store.add(one);
    expect(store.left).toBe(0);
    store.add(one);
    expect(store.left).toBe(ADVISE_EVENTS_MAX / 4);
  });
});
