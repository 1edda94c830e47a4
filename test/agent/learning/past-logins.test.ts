import { describe, expect, test } from '@jest/globals';
import { hasPast, type PastPlan, pastLogins } from '../../../src/agent/learning/past-logins.js';
import type { Batch, EntrySource, Position } from '../../../src/core/entry.js';
import { EVIDENCE_CREDITS_MAX, PAST_ENTRIES_MAX } from '../../../src/core/limits.js';
import { cursor, sourceId } from '../../../src/core/names.js';
import { type EpochMicros, plus } from '../../../src/core/time.js';
import { at } from '../../jail/support.js';
import { entry, jail } from '../../support/filters.js';
import { noGuard } from '../../support/guard.js';

const DAY = 86_400;
const SSH = { _SYSTEMD_UNIT: 'ssh.service' };
const jails = [
  jail('sshd', '_SYSTEMD_UNIT=ssh.service', {
    failregex: ['Failed for <F-USER>\\S+</F-USER> from <HOST>$'],
    successregex: ['Accepted for <F-USER>\\S+</F-USER> from <HOST>$'],
  }),
];
const NOW = at(100 * DAY);

/** A journal in memory, so many entries a batch. */
class Stored implements EntrySource {
  readonly id = sourceId('local');
  opened: EpochMicros[] = [];
  closed = 0;
  #rest: readonly (readonly [EpochMicros, string])[] = [];
  constructor(
    readonly lines: readonly (readonly [days: number, message: string])[],
    readonly size = 2,
    readonly problem?: Error,
  ) {}
  open(_match: unknown, _gate: unknown, position: Position) {
    if (this.problem !== undefined) throw this.problem;
    const from = position.at === 'time' ? position.time : NOW;
    this.opened.push(from);
    this.#rest = this.lines
      .map(([days, message]) => [plus(NOW, -days * DAY), message] as const)
      .filter(([time]) => time >= from)
      .sort(([a], [b]) => a - b);
    return { gap: false };
  }
  next(): Batch {
    const some = this.#rest.slice(0, this.size);
    this.#rest = this.#rest.slice(this.size);
    const last = some.at(-1);
    const entries = some.map(([time, message]) => ({ ...entry(message, SSH), realtime: time }));
    const position = last && { cursor: cursor('c'), time: last[0] };
    const none = { cut: 0, unreadable: 0, ended: false, notices: [] };
    return { entries, read: some.length, ...none, ...(position && { position }) };
  }
  poll() {}
  close() {
    this.closed++;
  }
}

const plan = (days: number): PastPlan => ({
  sources: [{ id: sourceId('local'), source: { kind: 'local' }, jails }],
  until: NOW,
  days,
});

const daysAgo = (time: EpochMicros) => Math.round((NOW - time) / (DAY * 1e5)) / 10;

/** Users in the order in which they were found, and the entries read. */
function read(stored: Stored, days = 30, bounds?: Parameters<typeof pastLogins>[3]) {
  const steps = [...pastLogins(plan(days), () => stored, noGuard, bounds)];
  return {
    users: steps.flatMap(({ logins }) => logins.map(({ user }) => user)),
    first: steps.flatMap(({ first }) => first.map(({ user, time }) => `${user} ${daysAgo(time)}`)),
    read: steps.reduce((sum, step) => sum + step.read, 0),
  };
}

describe('logins of the past', () => {
  test('are read day by day, the newest day first, each user at an address once', () => {
    const stored = new Stored([
      [0.1, 'Accepted for anna from 192.0.2.1'],
      [0.2, 'Accepted for ben from 192.0.2.1'],
      [0.3, 'Failed for carla from 192.0.2.1'],
      [3.5, 'Accepted for anna from 192.0.2.1'],
      [3.6, 'Accepted for anna from 192.0.2.9'],
      [29.5, 'Accepted for dora from 192.0.2.1'],
      [30.5, 'Accepted for emil from 192.0.2.1'],
    ]);
    expect(read(stored).users).toEqual(['ben', 'anna', 'anna', 'dora']);
    expect(stored.opened).toHaveLength(30);
    expect(stored.opened[0]).toBe(plus(NOW, -DAY));
    expect(stored.closed).toBe(30);
  });

  test('of a small host all days are told, though the same few users log in from the same places', () => {
    const daily = Array.from({ length: 6 }, (_, day) => [
      [day + 0.8, 'Accepted for webmail from 127.0.0.1'] as const,
      [day + 0.7, 'Accepted for anna from 192.0.2.1'] as const,
      [day + 0.2, 'Accepted for ben from 192.0.2.1'] as const,
    ]).flat();
    const { users, first } = read(new Stored(daily, 100));
    expect(users).toEqual(['webmail', 'anna', 'ben']);
    // The webmail's address is never banned, so it is not enough to tell of the very first.
    expect(first).toEqual(
      [0, 1, 2, 3, 4, 5].flatMap((day) => [`webmail ${day}.8`, `anna ${day}.7`]),
    );
  });

  test('of a day with many addresses only a few are told', () => {
    const many = Array.from({ length: 20 }, (_, n) => {
      return [0.5 - n / 100, `Accepted for user${n} from 192.0.2.${n}`] as const;
    });
    expect(read(new Stored(many), 1).first).toHaveLength(8);
  });

  test('no entry counts twice, however far the last look of a day reaches', () => {
    const daily = Array.from({ length: 13 }, (_, day) => {
      return [day + 0.5, 'Accepted for anna from 192.0.2.1'] as const;
    });
    expect(read(new Stored(daily, 100)).read).toBe(13);
    expect(read(new Stored(daily, 1)).read).toBe(13);
  });

  test('end at the bound of entries: so much is known as lies nearest', () => {
    const daily = Array.from({ length: 10 }, (_, day) => {
      return [day + 0.5, `Accepted for user${day} from 192.0.2.1`] as const;
    });
    expect(read(new Stored(daily, 1), 30, { entries: 3 }).users).toEqual(['user0', 'user1']);
    expect(read(new Stored(daily, 1), 30, { entries: 4 }).users).toHaveLength(3);
    expect(PAST_ENTRIES_MAX).toBeGreaterThan(1_000_000);
  });

  test('end at the bound of logins', () => {
    const many = Array.from({ length: 10 }, (_, n) => {
      return [0.5 - n / 100, `Accepted for user${n} from 192.0.2.1`] as const;
    });
    expect(read(new Stored(many), 30, { logins: 3 }).users).toHaveLength(3);
    expect(read(new Stored(many), 1, { logins: 11 }).users).toHaveLength(10);
    expect(EVIDENCE_CREDITS_MAX).toBeGreaterThan(10_000);
  });

  test('what cannot be opened is told, and is closed', () => {
    const stored = new Stored([], 1, new Error('no permission'));
    expect(() => read(stored)).toThrow('no permission');
    expect(stored.closed).toBe(1);
  });

  test('text files, streams and what other hosts send have none', () => {
    const kinds = ['local', 'directory', 'container', 'remote', 'text', 'files', 'export'] as const;
    expect(kinds.filter((kind) => hasPast({ kind } as never))).toEqual([
      'local',
      'directory',
      'container',
    ]);
  });
});
