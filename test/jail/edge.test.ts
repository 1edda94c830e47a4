import { describe, expect, test } from '@jest/globals';
import { formatPrefix } from '../../src/core/address.js';
import type { BanDecision, FilterEvent } from '../../src/core/decision.js';
import type { JailName } from '../../src/core/names.js';
import { mustJailName } from '../../src/core/names.js';
import type { JailPolicy } from '../../src/core/specs.js';
import type { EpochMicros, Seconds } from '../../src/core/time.js';
import { Jails } from '../../src/jail/jails.js';
import { address, at, context, failure, policy, prefix } from './support.js';

const RUNS = Number(process.env.BANJOUR_PROPERTY_RUNS ?? 150);

/** Jails with a ledger that keeps every ban for as long as these tests last. */
class Judge {
  readonly jails: Jails;
  readonly bans: BanDecision[] = [];
  readonly #context = context({
    openBan: (jail, target) =>
      this.bans.findLast(
        (ban) => ban.jail === jail && formatPrefix(ban.target) === formatPrefix(target),
      ),
    latest: () => at(1_000_000),
  });

  constructor(policies: readonly JailPolicy[]) {
    this.jails = new Jails(policies);
  }

  judge(event: FilterEvent): void {
    this.bans.push(...this.jails.judge([event], ({ time }) => time, this.#context).decisions);
  }

  observe(event: FilterEvent): void {
    this.jails.observe(event, this.#context);
  }

  edge(event: FilterEvent): void {
    this.bans.push(...this.jails.edge.judge([event], ({ time }) => time, this.#context).decisions);
  }

  observeEdge(event: FilterEvent): void {
    this.jails.edge.observe(event, this.#context);
  }

  get banned(): string[] {
    return this.bans.map(({ jail, target }) => `${jail} ${formatPrefix(target)}`).sort();
  }
}

const login = (who: string, time: EpochMicros) => failure(who, time, { kind: 'success' });
const [one, two, three, four] = [1, 2, 3, 4].map((second) => failure('192.0.2.1', at(second))) as [
  FilterEvent,
  FilterEvent,
  FilterEvent,
  FilterEvent,
];

describe('the live edge', () => {
  test('bans whom its own failures suffice for, before the stored ones are read', () => {
    const judge = new Judge([policy()]);
    for (const event of [one, two]) judge.edge(event);
    expect(judge.banned).toEqual([]);
    judge.edge(three);
    expect(judge.banned).toEqual(['postfix-sasl 192.0.2.1']);
    expect(judge.bans[0]).toMatchObject({ time: at(3), failures: 3, origin: 'journal' });
    expect(judge.bans[0]?.evidence).toEqual([one.cursor, two.cursor, three.cursor]);
  });

  test('what it has answered counts no more when it comes in its turn', () => {
    const judge = new Judge([policy({ bantime: 1_000 as Seconds })]);
    for (const event of [one, two, three]) judge.edge(event);
    for (const event of [one, two, three]) judge.judge(event);
    // With those that are answered, one more would extend the ban.
    judge.judge(failure('192.0.2.1', at(150)));
    expect(judge.bans).toHaveLength(1);
  });

  test('a failure before the mark and new ones ban together, at the edge or in their turn', () => {
    const near = new Judge([policy()]);
    near.observeEdge(one);
    for (const event of [two, three]) near.edge(event);
    expect(near.bans).toHaveLength(1);
    const far = new Judge([policy()]);
    for (const event of [two, three]) far.edge(event);
    expect(far.bans).toEqual([]);
    far.observe(one);
    for (const event of [two, three]) far.judge(event);
    expect(far.bans).toHaveLength(1);
  });

  test('forgets at a login what the jail forgets', () => {
    const judge = new Judge([policy({ forgetOnSuccess: true })]);
    for (const event of [one, two]) judge.edge(event);
    judge.edge(login('192.0.2.1', at(2)));
    for (const event of [three, four]) judge.edge(event);
    expect(judge.bans).toEqual([]);
  });

  test('an unban, the end of a ban, a reload and the end of the edge forget too', () => {
    const changes: readonly ((jails: Jails) => void)[] = [
      (jails) => jails.forget(prefix('192.0.2.0/24'), { upTo: at(2) }),
      (jails) => jails.expired({ jail: policy().jail, target: prefix('192.0.2.1'), until: at(2) }),
      (jails) => jails.reconfigure([policy()]),
      (jails) => jails.reset(policy().jail),
      (jails) => jails.edge.leave(policy().jail),
    ];
    for (const change of changes) {
      const judge = new Judge([policy()]);
      for (const event of [one, two]) judge.edge(event);
      change(judge.jails);
      for (const event of [three, four]) judge.edge(event);
      expect(judge.bans).toEqual([]);
    }
  });

  test('what the ledger has settled does not count', () => {
    const judge = new Judge([policy()]);
    judge.jails.remember([{ target: prefix('192.0.2.1'), upTo: at(2), exact: true }]);
    for (const event of [one, two, three, four]) judge.edge(event);
    expect(judge.bans).toEqual([]);
  });

  test('an IPv6 prefix waits: who has logged in there is known later', () => {
    const judge = new Judge([policy()]);
    const events = [3, 4, 5].map((second) => failure('2001:db8::1', at(second)));
    for (const event of events) judge.edge(event);
    expect(judge.bans).toEqual([]);
    judge.observe(login('2001:db8::2', at(1)));
    for (const event of events) judge.judge(event);
    expect(judge.banned).toEqual(['postfix-sasl 2001:db8::1']);
  });

  test('a jail that only watches bans nobody', () => {
    const judge = new Judge([policy({ watch: true })]);
    for (const event of [one, two, three, four]) judge.edge(event);
    expect(judge.bans).toEqual([]);
  });

  test('an address waits whose failures evidence may excuse: it has logged in, before or meanwhile, in any jail', () => {
    const group = mustJailName('login');
    const other = mustJailName('dovecot');
    const weighing = policy({ jail: group, counts: 'evidence', maxretry: 1_000 });
    const policies = [policy({ group }), policy({ jail: other, group }), weighing];
    const events = [one, two, three].map((event) => ({ ...event, user: 'anna' }));
    const past = { ...login('192.0.2.1', at(0)), jail: other, user: 'berta' };
    const excused: readonly ((judge: Judge) => void)[] = [
      (judge) => judge.judge(past),
      (judge) => judge.edge(past),
      (judge) => judge.observeEdge(past),
    ];
    for (const [bans, before] of [
      ...excused.map((one) => [0, one] as const),
      [1, () => undefined] as const,
    ]) {
      const judge = new Judge(policies);
      before(judge);
      for (const event of events) judge.edge(event);
      expect(judge.bans).toHaveLength(bans);
    }
    const watching = new Judge([
      policy({ group }),
      policy({ jail: other, group }),
      { ...weighing, watch: true },
    ]);
    watching.judge(past);
    for (const event of events) watching.edge(event);
    expect(watching.bans).toHaveLength(1);
  });

  test('its bans count in the jails that count bans, once', () => {
    const recidive = policy({ jail: mustJailName('recidive'), counts: 'bans', maxretry: 2 });
    const other = mustJailName('sshd');
    const judge = new Judge([policy(), policy({ jail: other }), recidive]);
    const events = [
      ...[one, two, three],
      ...[one, two, three].map((event) => ({ ...event, jail: other })),
    ];
    for (const event of events) judge.edge(event);
    for (const event of events) judge.judge(event);
    expect(judge.banned).toEqual([
      'postfix-sasl 192.0.2.1',
      'recidive 192.0.2.1',
      'sshd 192.0.2.1',
    ]);
  });
});

/** Numbers that a seed gives: a failure can be looked at again. */
function random(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const HOSTS = ['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2', '2001:db8:1::1'];

function history(below: (below: number) => number, jails: readonly JailName[]): FilterEvent[] {
  let second = 0;
  return Array.from({ length: 10 + below(40) }, () => {
    second += below(120);
    const kind = below(5) === 0 ? 'success' : 'failure';
    const jail = jails[below(jails.length)] as JailName;
    return failure('192.0.2.9', at(second), {
      ...{ kind, jail, count: 1 + below(2) },
      address: address(HOSTS[below(HOSTS.length)] as string),
    });
  });
}

test('whatever was read when the agent died, and however far the edge is ahead, the same are banned', () => {
  const names = [policy().jail, mustJailName('sshd')];
  let ahead = 0;
  for (let seed = 1; seed <= RUNS; seed++) {
    const below = random(seed);
    const policies = names.map((jail, i) =>
      policy({
        jail,
        forgetOnSuccess: i === 0,
        maxretry: 2 + below(4),
        bantime: 1_000_000 as Seconds,
      }),
    );
    const events = history(below, names);
    const whole = new Judge(policies);
    for (const event of events) whole.judge(event);
    // Killed after `died` events, of which the ledger has the bans of all and the position of
    // `mark`.
    const died = below(events.length);
    const mark = below(died + 1);
    const first = new Judge(policies);
    for (const event of events.slice(0, died)) first.judge(event);
    const second = new Judge(policies);
    second.bans.push(...first.bans);
    second.jails.remember(
      first.bans.map(({ jail, target, time }) => ({ jail, target, upTo: time, exact: true })),
    );
    let edge = below(events.length);
    for (let next = 0; next < events.length; ) {
      if (edge < events.length && below(3) > 0) {
        const event = events[edge] as FilterEvent;
        edge++ < mark ? second.observeEdge(event) : second.edge(event);
      } else {
        const event = events[next] as FilterEvent;
        next++ < mark ? second.observe(event) : second.judge(event);
        ahead += edge > next ? 1 : 0;
      }
    }
    expect({ seed, banned: second.banned }).toEqual({ seed, banned: whole.banned });
  }
  expect(ahead).toBeGreaterThan(RUNS);
});
