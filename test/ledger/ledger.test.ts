import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { EXPIRE_BANS_MAX, NFT_URGENT_BANS_MAX, PARDONS_MAX } from '../../src/core/limits.js';
import { cursor, sourceId } from '../../src/core/names.js';
import { openLedger } from '../../src/ledger/open.js';
import { at, ban, directory, inForce, JAIL, OTHER, opened, prefix, SOURCE } from './support.js';

const unban = (target: string, seconds = 10) =>
  ({ kind: 'unban', target: prefix(target), time: at(seconds), reason: 'operator' }) as const;

describe('a commit', () => {
  test('gives every ban an id and the state wanted, and reads back as it was written', () => {
    const { ledger } = opened();
    const { bans } = ledger.commit({
      decisions: [ban('192.0.2.1'), ban('2001:db8::/64', { until: null })],
    });
    expect(bans.map(({ id, state }) => [id, state])).toEqual([
      [1, 'wanted'],
      [2, 'wanted'],
    ]);
    const { kind: _, ...written } = ban('192.0.2.1');
    expect(ledger.openBan(JAIL, prefix('192.0.2.1'))).toEqual({
      ...written,
      id: 1,
      state: 'wanted',
    });
    expect(ledger.openBan(JAIL, prefix('2001:db8::/64'))?.until).toBeNull();
    expect(ledger.openBan(OTHER, prefix('192.0.2.1'))).toBeUndefined();
  });

  test('keeps why it was decided, and why it is short', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: [ban('192.0.2.1', { rule: 'fast', leniency: 'storm' })] });
    const kept = ledger.openBan(JAIL, prefix('192.0.2.1'));
    expect([kept?.rule, kept?.leniency]).toEqual(['fast', 'storm']);
  });

  test('keeps what the entries of a ban by evidence weighed', () => {
    const { ledger } = opened();
    const weighed = { weights: [1, 2.5], points: 5.125, counts: [1, 2], needed: 5 };
    ledger.commit({ decisions: [ban('192.0.2.1', weighed), ban('192.0.2.2')] });
    expect(ledger.openBan(JAIL, prefix('192.0.2.1'))).toMatchObject(weighed);
    const other = ledger.openBan(JAIL, prefix('192.0.2.2'));
    expect([other?.weights, other?.points]).toEqual([undefined, undefined]);
  });

  test('keeps decisions and position together: when one fails, neither is there', () => {
    const { ledger } = opened();
    const broken = { ...ban('192.0.2.2'), origin: 'nobody' as 'journal' };
    const position = { cursor: cursor('c'), time: at(0) };
    expect(() =>
      ledger.commit({ decisions: [ban('192.0.2.1'), broken], source: SOURCE, position }),
    ).toThrow(/CHECK/);
    expect(inForce(ledger)).toEqual([]);
    expect(ledger.position(SOURCE)).toBeUndefined();
  });

  test('keeps one position per source, the last one', () => {
    const { ledger } = opened();
    for (const name of ['a', 'b'])
      ledger.commit({
        decisions: [],
        source: SOURCE,
        position: { cursor: cursor(name), time: at(1) },
      });
    expect(ledger.position(SOURCE)).toEqual({ cursor: 'b', time: at(1) });
    expect(ledger.position(sourceId('other'))).toBeUndefined();
  });

  test('a second ban of the same target replaces the first', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: [ban('192.0.2.1')] });
    const { ended } = ledger.commit({
      decisions: [ban('192.0.2.1', { time: at(60), until: at(7_200) })],
    });
    expect(ended.map(({ id, ended }) => [id, ended])).toEqual([
      [1, { time: at(60), reason: 'replaced' }],
    ]);
    expect(inForce(ledger)).toEqual([`sshd 192.0.2.1/32 ${at(7_200)}`]);
  });

  test('a ban after the end of the first follows it: the first has expired at its time', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: [ban('192.0.2.1')] });
    ledger.settle([1], 'in-force', at(1));
    const { ended } = ledger.commit({
      decisions: [ban('192.0.2.1', { time: at(4_000), until: at(8_000) })],
    });
    expect(ended[0]?.ended).toEqual({ time: at(3_600), reason: 'expired' });
  });

  test('survives a close', () => {
    const path = join(directory(), 'ledger.sqlite3');
    const first = openLedger(path, at(0));
    expect(first.fresh).toBe(true);
    first.ledger.commit({ decisions: [ban('192.0.2.1')] });
    first.ledger.close();
    first.ledger.close();
    const second = opened(path);
    expect(second.fresh).toBe(false);
    expect(inForce(second.ledger)).toHaveLength(1);
    expect(second.ledger.commit({ decisions: [ban('192.0.2.2')] }).bans[0]?.id).toBe(2);
  });
});

describe('the kernel answers', () => {
  test('in force, or refused with its reason', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: [ban('192.0.2.1'), ban('192.0.2.2')] });
    expect(ledger.unsettled().map(({ id }) => id)).toEqual([1, 2]);
    ledger.settle([1], 'in-force', at(1));
    ledger.settle([2], { refused: 'set is full' }, at(1));
    expect(ledger.unsettled()).toEqual([]);
    expect(ledger.openBan(JAIL, prefix('192.0.2.1'))?.state).toBe('in-force');
    expect(ledger.openBan(JAIL, prefix('192.0.2.2'))).toBeUndefined();
    expect(ledger.history.get(2)).toMatchObject({ state: 'refused', refusal: 'set is full' });
    expect(ledger.previousBans(JAIL, prefix('192.0.2.2'))).toBe(0);
  });

  test('a refused extension gives the target its ban back', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: [ban('192.0.2.1')] });
    ledger.commit({ decisions: [ban('192.0.2.1', { time: at(60), until: null })] });
    ledger.settle([2], { refused: 'no' }, at(61));
    expect(inForce(ledger)).toEqual([`sshd 192.0.2.1/32 ${at(3_600)}`]);
  });

  test('but not when that ban would be over', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: [ban('192.0.2.1')] });
    ledger.commit({ decisions: [ban('192.0.2.1', { time: at(60), until: null })] });
    ledger.settle([2], { refused: 'no' }, at(3_600));
    expect(inForce(ledger)).toEqual([]);
  });

  test('late, when the ban has been lifted: it stays lifted', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: [ban('192.0.2.1')] });
    ledger.commit({ decisions: [unban('192.0.2.1')] });
    ledger.settle([1], 'in-force', at(20));
    expect(ledger.history.get(1)?.ended).toEqual({ time: at(10), reason: 'operator' });
  });
});

test('who lifted a ban is kept, and of a ban that nobody lifted nothing', () => {
  const { ledger } = opened();
  ledger.commit({ decisions: [ban('192.0.2.1'), ban('192.0.2.2')] });
  const { ended } = ledger.commit({
    decisions: [{ ...unban('192.0.2.1'), by: 'alice (as root)' }],
  });
  const lifted = { time: at(10), reason: 'operator', by: 'alice (as root)' };
  expect(ended.map((one) => one.ended)).toEqual([lifted]);
  expect(ledger.history.get(1)?.ended).toEqual(lifted);
  ledger.commit({ decisions: [unban('192.0.2.2')] });
  expect(ledger.history.get(2)?.ended).toEqual({ time: at(10), reason: 'operator' });
});

test('who banned is kept, and of a ban that nobody made by hand nothing', () => {
  const { ledger } = opened();
  const { bans } = ledger.commit({
    decisions: [{ ...ban('192.0.2.1'), origin: 'operator', by: 'alice (as root)' }],
  });
  expect(bans[0]).toMatchObject({ origin: 'operator', by: 'alice (as root)' });
  expect(ledger.history.get(1)).toMatchObject({ origin: 'operator', by: 'alice (as root)' });
  ledger.commit({ decisions: [ban('192.0.2.2')] });
  expect(ledger.history.get(2)?.by).toBeUndefined();
});

describe('an ignorecommand that forbids a ban', () => {
  test('ends it as if it had never been', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: [ban('192.0.2.1')] });
    ledger.settle([1], 'ignored', at(12));
    expect(ledger.history.get(1)).toMatchObject({
      state: 'ended',
      ended: { time: at(12), reason: 'ignored' },
    });
    expect([...ledger.elements(at(12))]).toEqual([]);
    expect(ledger.previousBans(JAIL, prefix('192.0.2.1'))).toBe(0);
    expect(ledger.history.newBans(at(0))).toEqual([]);
    expect(ledger.history.counts().get(JAIL)?.totalBanned).toBe(0);
  });

  test('of an extension leaves the ban that it would have extended', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: [ban('192.0.2.1')] });
    ledger.settle([1], 'in-force', at(1));
    ledger.commit({ decisions: [ban('192.0.2.1', { time: at(100), until: at(8_000) })] });
    ledger.settle([2], 'ignored', at(101));
    expect([...ledger.elements(at(200))].map(({ until }) => until)).toEqual([at(3_600)]);
  });

  test('comes too late when an operator has lifted it', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: [ban('192.0.2.1')] });
    ledger.commit({ decisions: [unban('192.0.2.1')] });
    ledger.settle([1], 'ignored', at(20));
    expect(ledger.history.get(1)?.ended?.reason).toBe('operator');
  });
});

describe('an unban', () => {
  const all = ['192.0.2.1', '192.0.2.0/24', '198.51.100.1', '2001:db8::/64'];

  test('of a host lifts its ban and those of networks around it', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: all.map((target) => ban(target)) });
    const { ended } = ledger.commit({ decisions: [unban('192.0.2.1')] });
    expect(ended.map(({ target }) => target.length).sort()).toEqual([24, 32]);
  });

  test('of a network lifts the bans of hosts within it', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: all.map((target) => ban(target)) });
    const { ended } = ledger.commit({ decisions: [unban('192.0.0.0/16')] });
    expect(ended).toHaveLength(2);
  });

  test('of an IPv6 host lifts the ban of its prefix', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: all.map((target) => ban(target)) });
    expect(ledger.commit({ decisions: [unban('2001:db8::7')] }).ended).toHaveLength(1);
  });

  test('of all of IPv6 leaves IPv4 alone', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: all.map((target) => ban(target)) });
    expect(
      ledger.commit({ decisions: [unban('::/0')] }).ended.map(({ target }) => target.family),
    ).toEqual([6]);
  });

  test('in one jail leaves the others alone', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: [ban('192.0.2.1'), ban('192.0.2.1', { jail: OTHER })] });
    const { ended } = ledger.commit({ decisions: [{ ...unban('192.0.2.1'), jail: OTHER }] });
    expect(ended.map(({ jail }) => jail)).toEqual([OTHER]);
  });

  test('by reload lifts exactly what it names', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: all.map((target) => ban(target)) });
    const { ended } = ledger.commit({ decisions: [{ ...unban('192.0.2.1'), reason: 'reload' }] });
    expect(ended.map(({ target }) => target.length)).toEqual([32]);
  });
});

describe('expiry', () => {
  test('ends what is due, at its own time, and nothing else', () => {
    const { ledger } = opened();
    ledger.commit({
      decisions: [
        ban('192.0.2.1'),
        ban('192.0.2.2', { until: at(10) }),
        ban('192.0.2.3', { until: null }),
      ],
    });
    ledger.settle([1, 2, 3], 'in-force', at(1));
    expect(ledger.nextEnd()).toBe(at(10));
    expect(ledger.expire(at(9.9))).toEqual([]);
    const due = ledger.expire(at(3_600));
    expect(due.map(({ id, ended }) => [id, ended])).toEqual([
      [1, { time: at(3_600), reason: 'expired' }],
      [2, { time: at(10), reason: 'expired' }],
    ]);
    expect(ledger.nextEnd()).toBeUndefined();
    expect(inForce(ledger, at(1e6))).toHaveLength(1);
  });

  test('of a ban that the kernel never had is told apart, and can wait', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: [ban('192.0.2.1'), ban('192.0.2.2')] });
    ledger.settle([2], 'in-force', at(1));
    expect(ledger.expire(at(3_600), { inForceOnly: true }).map(({ id }) => id)).toEqual([2]);
    expect(ledger.expire(at(3_600)).map(({ id, ended }) => [id, ended?.reason])).toEqual([
      [1, 'lapsed'],
    ]);
    // The failures that it answered stay answered, and it counts as an earlier ban.
    expect([...ledger.floors(at(0))].map(({ upTo }) => upTo)).toContain(at(3_600));
    expect(ledger.previousBans(JAIL, prefix('192.0.2.1'))).toBe(1);
  });

  test('takes a bounded number at a time', () => {
    const { ledger } = opened();
    const decisions = Array.from({ length: EXPIRE_BANS_MAX + 1 }, (_, i) =>
      ban(`10.0.${i >> 8}.${i & 255}`),
    );
    ledger.commit({ decisions });
    expect(ledger.expire(at(1e6))).toHaveLength(EXPIRE_BANS_MAX);
    expect(ledger.expire(at(1e6))).toHaveLength(1);
  });

  test('a ban whose time is up is no longer told to the kernel, even before it is expired', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: [ban('192.0.2.1')] });
    expect([...ledger.elements(at(3_600))]).toEqual([]);
    expect([...ledger.elements(at(3_599))]).toEqual([
      { jail: JAIL, target: prefix('192.0.2.1'), until: at(3_600) },
    ]);
  });
});

describe('elements and bans in force', () => {
  test('are all there, however many pages they take', () => {
    const { ledger } = opened();
    const decisions = Array.from({ length: 2_500 }, (_, i) =>
      ban(`10.0.${i >> 8}.${i & 255}`, { jail: i % 2 ? JAIL : OTHER }),
    );
    ledger.commit({ decisions });
    expect(
      new Set([...ledger.elements(at(0))].map(({ jail, target }) => `${jail} ${target.base}`)).size,
    ).toBe(2_500);
    const ids = [...ledger.inForce(at(0))].map(({ id }) => id);
    expect(ids).toEqual(decisions.map((_, i) => i + 1));
    expect([...ledger.inForce(at(0), JAIL)]).toHaveLength(1_250);
  });
});

describe('earlier bans', () => {
  test('count per jail or over all, without extensions and without those that an operator lifted', () => {
    const { ledger } = opened();
    const target = prefix('192.0.2.1');
    ledger.commit({ decisions: [ban('192.0.2.1'), ban('192.0.2.1', { jail: OTHER })] });
    ledger.commit({ decisions: [ban('192.0.2.1', { time: at(60) })] });
    expect([ledger.previousBans(JAIL, target), ledger.previousBans(undefined, target)]).toEqual([
      1, 2,
    ]);
    ledger.commit({ decisions: [{ ...unban('192.0.2.1'), jail: OTHER }] });
    expect([ledger.previousBans(OTHER, target), ledger.previousBans(undefined, target)]).toEqual([
      0, 1,
    ]);
    expect(ledger.previousBans(JAIL, prefix('192.0.2.2'))).toBe(0);
  });
});

test('the bans that end last are the urgent ones, so many and no more', () => {
  const { ledger } = opened();
  const decisions = Array.from({ length: NFT_URGENT_BANS_MAX + 2 }, (_, i) =>
    ban(`10.0.0.${i}`, { until: at(100 + i) }),
  );
  ledger.commit({ decisions: [...decisions, ban('192.0.2.1', { until: null })] });
  ledger.commit({ decisions: [unban('10.0.0.201')] });
  const bases = (most: number, now = 0) =>
    ledger.history.lastToEnd(at(now), most).map(({ target }) => target.base);
  expect(bases(NFT_URGENT_BANS_MAX)).toHaveLength(NFT_URGENT_BANS_MAX);
  expect(bases(NFT_URGENT_BANS_MAX + 1)).toHaveLength(NFT_URGENT_BANS_MAX + 1);
  expect(bases(2)).toEqual(['10.0.0.200', '10.0.0.199']);
  // 299 is the last to end of them, and the one for good comes behind.
  expect(bases(2, 300)).toEqual(['192.0.2.1']);
  expect(bases(2, 299)).toEqual(['10.0.0.200', '192.0.2.1']);
});

describe('floors: what is settled', () => {
  test('by bans of the journal, by the end of bans, by unbans; not by bans of operators', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: [ban('192.0.2.1'), ban('192.0.2.2', { origin: 'operator' })] });
    ledger.commit({ decisions: [ban('192.0.2.3', { until: at(5) })] });
    ledger.expire(at(6));
    ledger.commit({ decisions: [unban('198.51.100.0/24')] });
    expect(
      [...ledger.floors(at(0))].map(({ target, upTo, exact }) => [target.base, upTo, exact]),
    ).toEqual([
      ['198.51.100.0', at(10), false],
      ['192.0.2.1', at(0), true],
      ['192.0.2.3', at(0), true],
      ['192.0.2.3', at(5), true],
    ]);
    expect([...ledger.floors(at(6))].map(({ target }) => target.base)).toEqual(['198.51.100.0']);
  });

  test('are told page by page, of one time or of many, while bans are written', () => {
    const { ledger } = opened();
    const many = 2_500;
    const hosts = Array.from({ length: 2 * many }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    const decisions = hosts.map((host, i) =>
      ban(host, { time: at(i < many ? 1 : 2 + i), until: at(90_000) }),
    );
    ledger.commit({ decisions });
    const told: string[] = [];
    for (const { target } of ledger.floors(at(1))) {
      if (told.push(target.base) === 10)
        ledger.commit({ decisions: [ban('192.0.2.9', { time: at(2) })] });
    }
    expect(told).toHaveLength(hosts.length + 1);
    expect(new Set(told)).toEqual(new Set([...hosts, '192.0.2.9']));
  });

  test('of one target: the latest of each jail, of that target alone', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: [ban('192.0.2.1'), ban('192.0.2.3', { until: at(5) })] });
    ledger.expire(at(6));
    ledger.commit({ decisions: [ban('192.0.2.2', { origin: 'operator' })] });
    const of = (text: string) =>
      ledger.history
        .floorsOf(prefix(text))
        .map(({ jail, target, upTo, exact }) => [jail, target.base, upTo, exact]);
    expect(of('192.0.2.3')).toEqual([['sshd', '192.0.2.3', at(5), true]]);
    expect(of('192.0.2.1')).toEqual([['sshd', '192.0.2.1', at(0), true]]);
    expect(of('192.0.2.2')).toEqual([]);
    expect(of('192.0.2.4')).toEqual([]);
  });

  test('remember a bounded number of unbans, the newest', () => {
    const { ledger } = opened();
    const decisions = Array.from({ length: PARDONS_MAX + 1 }, (_, i) =>
      unban(`10.0.${i >> 8}.${i & 255}`),
    );
    ledger.commit({ decisions });
    const kept = [...ledger.floors(at(0))].map(({ target }) => target.base);
    expect(kept).toHaveLength(PARDONS_MAX);
    expect(kept).not.toContain('10.0.0.0');
  });
});

describe('a lost ledger', () => {
  test('takes over what the kernel holds, once', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: [ban('192.0.2.1')] });
    const elements = [
      { jail: JAIL, target: prefix('192.0.2.1'), until: at(60) },
      { jail: JAIL, target: prefix('192.0.2.2'), until: at(60) },
      { jail: OTHER, target: prefix('192.0.2.3'), until: null },
      { jail: OTHER, target: prefix('192.0.2.4'), until: at(0) },
    ];
    expect(
      ledger
        .adopt(elements, at(0))
        .map(({ target, state, origin }) => [target.base, state, origin]),
    ).toEqual([
      ['192.0.2.2', 'in-force', 'import'],
      ['192.0.2.3', 'in-force', 'import'],
    ]);
    expect(ledger.adopt(elements, at(0))).toEqual([]);
    expect(inForce(ledger)[0]).toBe(`sshd 192.0.2.1/32 ${at(3_600)}`);
  });

  test.each([
    ['the same end', at(3_600), at(3_601), []],
    ['an end that the kernel reckoned late', at(3_600), at(3_635), []],
    ['a later end', at(3_600), at(3_636), ['192.0.2.1']],
    ['an end that was read early', at(3_600), at(3_595), []],
    ['an earlier end', at(3_600), at(3_594), ['192.0.2.1']],
    ['the longest timeout, of a hundred years', at(3.2e9), at(2e9 + 60), []],
    ['less than that', at(3.2e9), at(1.9e9), ['192.0.2.1']],
    ['no end, as it was', null, null, []],
    ['an end where it had none', null, at(3_600), ['192.0.2.1']],
    ['no end where it had one', at(3_600), null, ['192.0.2.1']],
  ])('does not take over what was lifted: %s', (_, until, inKernel, taken) => {
    const { ledger } = opened();
    ledger.commit({ decisions: [ban('192.0.2.1', { until })] });
    ledger.commit({ decisions: [unban('192.0.2.1', 1)] });
    const elements = [{ jail: JAIL, target: prefix('192.0.2.1'), until: inKernel }];
    expect(ledger.adopt(elements, at(2)).map(({ target }) => target.base)).toEqual(taken);
  });
});

describe('check', () => {
  test('says that a sound ledger is sound', () => {
    expect(opened().ledger.check()).toEqual([
      expect.objectContaining({ level: 'ok', id: 'ledger.sound' }),
    ]);
  });
});
