import { describe, expect, test } from '@jest/globals';
import type { StreamEvent } from '../../src/control/protocol.js';
import { BanList, type BanSearch } from '../../src/web/bans.js';
import { banOf } from './rig.js';

const event = (address: string, more: Partial<StreamEvent> = {}) =>
  ({
    id: 1,
    event: 'ban',
    time: '2026-11-29T12:00:00Z',
    jail: 'sshd',
    address,
    ...more,
  }) as StreamEvent;
const at = (second: number) => ({ time: `2026-11-29T10:00:${String(second).padStart(2, '0')}Z` });

function listOf(...bans: readonly ReturnType<typeof banOf>[]): BanList {
  const list = new BanList();
  list.begin();
  list.add(bans);
  list.done();
  return list;
}
const found = (list: BanList, more: Partial<BanSearch> = {}) =>
  list
    .page({ q: '', order: 'newest', offset: 0, limit: 100, ...more })
    .rows.map(({ target }) => target);

test('a word is found in whatever a ban has; an address by what holds it', () => {
  const list = listOf(
    banOf('192.0.2.1', { user: 'Anna', ...at(1) }),
    banOf('192.0.2.10', { jail: 'postfix', ...at(2) }),
    banOf('192.0.2.0/24', { by: 'bob', ...at(3) }),
    banOf('198.51.100.7', { rule: 'slow', host: 'mx2', ...at(4) }),
    banOf('2001:db8::1', at(5)),
    banOf('2001:db8:1::/48', at(6)),
  );
  for (const [q, targets] of [
    [
      '',
      ['2001:db8:1::/48', '2001:db8::1', '198.51.100.7', '192.0.2.0/24', '192.0.2.10', '192.0.2.1'],
    ],
    ['anna', ['192.0.2.1']],
    ['ANNA sshd', ['192.0.2.1']],
    ['anna postfix', []],
    ['bob', ['192.0.2.0/24']],
    ['slow', ['198.51.100.7']],
    ['mx2', ['198.51.100.7']],
    ['192.0.2.1', ['192.0.2.0/24', '192.0.2.1']],
    ['192.0.2', ['192.0.2.0/24', '192.0.2.10', '192.0.2.1']],
    ['192.0.2.0/28', ['192.0.2.0/24', '192.0.2.10', '192.0.2.1']],
    ['192.0.2.8/29', ['192.0.2.0/24', '192.0.2.10']],
    ['192.0.0.0/15', ['192.0.2.0/24', '192.0.2.10', '192.0.2.1']],
    ['0.0.0.0/0', ['198.51.100.7', '192.0.2.0/24', '192.0.2.10', '192.0.2.1']],
    ['2001:db8::/32', ['2001:db8:1::/48', '2001:db8::1']],
    ['2001:DB8:0::1', ['2001:db8::1']],
    ['2001:db8:1::5', ['2001:db8:1::/48']],
  ] as const)
    expect([q, found(list, { q })]).toEqual([q, targets]);
  expect(found(list, { jail: 'postfix' })).toEqual(['192.0.2.10']);
});

describe('the country of a ban', () => {
  const CODES: Readonly<Record<string, string>> = { '1': 'DE', '2': 'US', '3': 'SO', '4': 'DE' };
  const located = () => {
    const list = new BanList((target) => CODES[target.at(-1) ?? '']);
    list.begin();
    list.add([
      banOf('192.0.2.1', { user: 'use', ...at(1) }),
      banOf('192.0.2.2', { user: 'deb', ...at(2) }),
      banOf('192.0.2.3', at(3)),
      banOf('192.0.2.5', { jail: 'germs', ...at(5) }),
    ]);
    list.done();
    list.put(event('192.0.2.4'));
    return list;
  };

  test('is found by its two letters and by the words of its name', () => {
    const list = located();
    for (const [q, ends] of [
      ['country:DE', ['4', '1']],
      ['country:de', ['4', '1']],
      ['country:D', []],
      ['country:germ', ['4', '1']],
      ['country:united country:states', ['2']],
      ['country:FR', []],
      ['country:', []],
      // Two letters may be of a user, or of a country.
      ['de', ['4', '2', '1']],
      ['us', ['2', '1']],
      ['germany', ['4', '1']],
      ['United States', ['2']],
      ['germ', ['4', '5', '1']],
      ['somalia', ['3']],
      // No country has it in the midst of its name: it is a user's.
      ['mali', []],
      ['germany use', ['1']],
      ['192.0.2.0/24 country:so', ['3']],
    ] as const)
      expect([q, found(list, { q }).map((target) => target.at(-1))]).toEqual([q, ends]);
  });

  test('is told with it, and only where one is known', () => {
    const { rows } = located().page({ q: '', order: 'oldest', offset: 0, limit: 9 });
    expect(rows.map(({ country }) => country)).toEqual(['DE', 'US', 'SO', undefined, 'DE']);
    expect(rows.filter((row) => 'country' in row)).toHaveLength(4);
  });

  test('is another one once the file says so and the list is read anew', () => {
    let code = 'DE';
    const list = new BanList(() => code);
    const read = () => {
      list.begin();
      list.add([banOf('192.0.2.1', at(1))]);
      list.done();
      return list.page({ q: '', order: 'newest', offset: 0, limit: 1 }).rows[0]?.country;
    };
    expect(read()).toBe('DE');
    code = 'FR';
    expect(read()).toBe('FR');
  });
});

test('orders and pages', () => {
  const list = listOf(
    banOf('192.0.2.2', { ...at(2), until: null, failures: 9 }),
    banOf('192.0.2.1', { ...at(1), until: '2026-11-30T00:00:00Z', failures: 3 }),
    banOf('192.0.2.3', { ...at(3), until: '2026-11-29T00:00:00Z', failures: 5 }),
  );
  const last = (order: BanSearch['order']) => found(list, { order }).map((text) => text.slice(-1));
  expect(last('newest')).toEqual(['3', '2', '1']);
  expect(last('oldest')).toEqual(['1', '2', '3']);
  expect(last('ending')).toEqual(['3', '1', '2']);
  expect(last('failures')).toEqual(['2', '3', '1']);
  expect(last('oldest')).toEqual(['1', '2', '3']);
  expect(found(list, { offset: 1, limit: 1 })).toEqual(['192.0.2.2']);
  expect(found(list, { offset: 7 })).toEqual([]);
  expect(list.page({ q: '.3', order: 'newest', offset: 0, limit: 1 })).toMatchObject({
    ...{ total: 3, found: 1, left: 0 },
  });
});

test('events are heard at once, also while the list is read', () => {
  const list = listOf(banOf('192.0.2.1', at(1)), banOf('192.0.2.2', at(2)));
  expect(found(list)).toEqual(['192.0.2.2', '192.0.2.1']);
  list.put(event('192.0.2.1', { count: 7, until: null }));
  expect(found(list)).toEqual(['192.0.2.1', '192.0.2.2']);
  list.remove(event('192.0.2.2'));
  list.remove(event('192.0.2.2', { jail: 'other' }));
  expect(found(list)).toEqual(['192.0.2.1']);

  list.begin();
  list.put(event('192.0.2.4'));
  list.remove(event('192.0.2.1'));
  // What was read before the events says otherwise.
  list.add([banOf('192.0.2.1', at(1)), banOf('192.0.2.3', at(3))]);
  expect(found(list).sort()).toEqual(['192.0.2.3', '192.0.2.4']);
  list.done();
  expect(found(list)).toEqual(['192.0.2.4', '192.0.2.3']);
});

test('of more than it holds the oldest are left out, and counted', () => {
  const list = new BanList(undefined, 2);
  list.begin();
  list.add([1, 3, 2].map((n) => banOf(`192.0.2.${n}`, at(n))));
  list.done();
  const page = () => list.page({ q: '', order: 'newest', offset: 0, limit: 9 });
  expect(page()).toMatchObject({ total: 3, found: 2, left: 1 });
  list.put(event('192.0.2.9'));
  expect(page()).toMatchObject({ total: 4, left: 2 });
  expect(found(list)).toEqual(['192.0.2.9', '192.0.2.3']);
});

test('a reading holds the bans that it finds again, and lets go of the others', () => {
  const list = listOf(banOf('192.0.2.1', at(1)), banOf('192.0.2.2', at(2)));
  const first = list.page({ q: '', order: 'oldest', offset: 0, limit: 1 }).rows[0];
  list.begin();
  list.add([banOf('192.0.2.1', at(1)), banOf('192.0.2.3', at(3))]);
  list.remove(event('192.0.2.3', { event: 'unban' }));
  // What was read later may be older than what was told.
  list.add([banOf('192.0.2.3', at(3)), banOf('192.0.2.0', at(0))]);
  expect(found(list)).toContain('192.0.2.2');
  list.done();
  expect(found(list, { order: 'oldest' })).toEqual(['192.0.2.0', '192.0.2.1']);
  // The same object: so many of them would not fit twice.
  expect(list.page({ q: '', order: 'oldest', offset: 1, limit: 1 }).rows[0]).toBe(first);
});

test('a reading of more bans than there is room for never holds many more', () => {
  const list = new BanList(undefined, 8);
  list.begin();
  for (let n = 0; n < 40; n++) {
    list.add([banOf(`192.0.2.${n}`, at(n))]);
    expect(list.page({ q: '', order: 'newest', offset: 0, limit: 0 }).found).toBeLessThanOrEqual(9);
  }
  list.done();
  const page = list.page({ q: '', order: 'oldest', offset: 0, limit: 1 });
  expect(page).toMatchObject({ total: 40, found: 8, left: 32, rows: [{ target: '192.0.2.32' }] });
  // One that had no room is over: one fewer is left out.
  list.remove(event('192.0.2.1', { event: 'unban' }));
  expect(list.page({ q: '', order: 'oldest', offset: 0, limit: 1 }).total).toBe(39);
});
