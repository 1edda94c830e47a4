import { describe, expect, test } from '@jest/globals';
import type { Element } from '../../src/core/firewall.js';
import { NFT_BATCH_CHANGES_MAX, NFT_FIRST_CHANGES_MAX } from '../../src/core/limits.js';
import { mustJailName } from '../../src/core/names.js';
import { epochMicros, plus } from '../../src/core/time.js';
import { NFT_LATE_MS, NFT_TIMEOUT_SECONDS_MAX } from '../../src/core/timeouts.js';
import type { NftCommand } from '../../src/firewall/json.js';
import {
  elementCountOf,
  elementsOf,
  type KernelElements,
  type KernelTable,
} from '../../src/firewall/kernel-tables.js';
import { besides, byImportance, reconcile, timeoutOf } from '../../src/firewall/reconcile.js';
import { makeSchema } from '../../src/firewall/schema.js';
import { plan, prefix } from './support.js';

const NOW = epochMicros(1_800_000_000_000_000);
const JAIL = mustJailName('sshd');
const PLAN = plan(['sshd']);
const SCHEMA = makeSchema(PLAN, []);

function wanted(target: string, seconds: number | null): Element {
  return {
    jail: JAIL,
    target: prefix(target),
    until: seconds === null ? null : plus(NOW, seconds),
  };
}

function kernel(elements: Record<string, number | null>): Map<'inet', KernelTable> {
  const inForce: KernelElements = new Map(
    Object.entries(elements).map(([key, left]) => [key, left === null ? null : plus(NOW, left)]),
  );
  const set = {
    type: 'ipv4_addr',
    flags: ['timeout'],
    size: undefined,
    counter: false,
    expires: false,
    elements: inForce,
  };
  return new Map([
    ['inet', { sets: new Map([['ban4.sshd', set]]), chains: new Map(), counters: new Map() }],
  ]);
}

test('counts as many bans as there are', () => {
  const tables = kernel({ '192.0.2.1': null, '192.0.2.2': 60 });
  const sets = tables.get('inet')?.sets;
  const like = sets?.get('ban4.sshd');
  if (like === undefined) throw new Error('no set');
  const nets = new Map([
    ['203.0.113.0', null],
    ['203.0.113.5', null],
  ]);
  sets?.set('net4.24.sshd', { ...like, elements: nets });
  sets?.set('others', { ...like, elements: new Map([['198.51.100.2', null]]) });
  expect(elementCountOf(tables)).toBe(3);
  for (const only of [undefined, 'bans', 'lists'] as const)
    expect(elementCountOf(tables, only)).toBe(elementsOf(tables, only).length);
});

test('what a set of the name holds is no ban when it is not one of addresses', () => {
  const found = (other: { readonly type?: string; readonly flags?: string[] }) => {
    const tables = kernel({ '0019': null });
    const sets = tables.get('inet')?.sets;
    for (const [name, set] of sets ?? []) sets?.set(name, { ...set, ...other });
    return besides([], tables).length;
  };
  expect(found({})).toBe(1);
  expect(found({ type: 'inet_service' })).toBe(0);
  expect(found({ type: 'ipv6_addr' })).toBe(0);
  expect(found({ flags: ['interval', 'timeout'] })).toBe(0);
});

/** `verb key` of every element command on the set of bans. */
function elementWords(commands: readonly NftCommand[]): string[] {
  return commands.flatMap((command) =>
    Object.entries(command).flatMap(([verb, object]) =>
      'element' in object
        ? (object.element.elem as (string | { elem: { val: string } })[]).map(
            (one) => `${verb} ${typeof one === 'string' ? one : one.elem.val}`,
          )
        : [],
    ),
  );
}

function changes(
  elements: readonly Element[],
  there: Record<string, number | null>,
  slack = 0,
): string[] {
  const { batches } = reconcile(SCHEMA, elements, kernel(there), NOW, slack);
  return batches.flatMap(({ commands }) => elementWords(commands));
}

describe('the difference between ledger and kernel', () => {
  test('is empty when the kernel holds what is wanted, with ends within two seconds', () => {
    const elements = [wanted('192.0.2.1', 600), wanted('192.0.2.2', null)];
    expect(changes(elements, { '192.0.2.1': 598, '192.0.2.2': null })).toEqual([]);
    expect(
      reconcile(SCHEMA, elements, kernel({ '192.0.2.1': 602, '192.0.2.2': null }), NOW).different,
    ).toBe(false);
  });

  test('replaces an end that is more than two seconds off, one more for each second that reading took', () => {
    const elements = [wanted('192.0.2.1', 600)];
    expect(changes(elements, { '192.0.2.1': 597 })).toEqual([
      'add 192.0.2.1',
      'delete 192.0.2.1',
      'add 192.0.2.1',
    ]);
    expect(changes(elements, { '192.0.2.1': 597 }, 1_000_000)).toEqual([]);
    expect(changes(elements, { '192.0.2.1': null })).toHaveLength(3);
  });

  test('leaves an end that is late by no more than a transaction may take', () => {
    const elements = [wanted('192.0.2.1', 600)];
    const late = 600 + NFT_LATE_MS / 1000 + 2;
    expect(changes(elements, { '192.0.2.1': late })).toEqual([]);
    expect(changes(elements, { '192.0.2.1': late + 1 })).toHaveLength(3);
  });

  test('adds what is missing and removes what is not wanted or over', () => {
    expect(
      changes([wanted('192.0.2.1', 600), wanted('192.0.2.3', 0)], {
        '192.0.2.2': 60,
        '192.0.2.3': 60,
      }),
    ).toEqual([
      'add 192.0.2.2',
      'add 192.0.2.3',
      'delete 192.0.2.2',
      'delete 192.0.2.3',
      'add 192.0.2.1',
    ]);
  });

  test('of a second mention of an element is that of the first', () => {
    expect(changes([wanted('192.0.2.1', null), wanted('192.0.2.1', 60)], {})).toEqual([
      'add 192.0.2.1',
    ]);
  });

  test('removes a bridge table that the plan does not have', () => {
    const there = new Map([
      ...kernel({}),
      ['bridge' as const, { sets: new Map(), chains: new Map(), counters: new Map() }],
    ]);
    const text = JSON.stringify(reconcile(SCHEMA, [], there, NOW).batches);
    expect(text).toContain('{"delete":{"table":{"family":"bridge","name":"banjour"}}}');
    expect(text).not.toContain('{"delete":{"table":{"family":"inet"');
  });
});

describe('the transactions', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, i) =>
      wanted(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 600),
    );

  const standing = wanted('192.0.2.1', 600);
  const sizesOf = (elements: readonly Element[], there: Parameters<typeof reconcile>[2]) =>
    reconcile(SCHEMA, elements, there, NOW).batches.map((batch) => batch.changes);

  test.each([
    [NFT_FIRST_CHANGES_MAX, [NFT_FIRST_CHANGES_MAX]],
    [NFT_FIRST_CHANGES_MAX + 1, [0, NFT_FIRST_CHANGES_MAX, 1]],
  ])(
    '%i new bans come with the rules, or behind them, the most important ahead',
    (count, sizes) => {
      expect(sizesOf(many(count), new Map())).toEqual(sizes);
      expect(sizesOf(many(count), kernel({}))).toEqual(sizes);
      expect(sizesOf([standing, ...many(count)], kernel({ '192.0.2.1': 600 }))).toEqual(sizes);
    },
  );

  test('what only adds says so, and what is replaced or removed goes ahead of it by nft', () => {
    const there = kernel({ '192.0.2.1': 60, '192.0.2.2': 60 });
    const elements = [standing, ...many(NFT_FIRST_CHANGES_MAX + 1)];
    const { batches } = reconcile(SCHEMA, elements, there, NOW);
    expect(elementWords(batches[0]?.commands ?? [])).toEqual([
      'add 192.0.2.1',
      'add 192.0.2.2',
      'delete 192.0.2.1',
      'delete 192.0.2.2',
      'add 192.0.2.1',
    ]);
    expect(batches.map(({ additions }) => additions?.length)).toEqual([
      undefined,
      NFT_FIRST_CHANGES_MAX,
      1,
    ]);
    // The same by nft, where there is no other way.
    expect(elementWords(batches[2]?.commands ?? [])).toEqual([
      `add ${elements.at(-1)?.target.base}`,
    ]);
  });

  test.each([
    [NFT_BATCH_CHANGES_MAX, [NFT_BATCH_CHANGES_MAX]],
    [NFT_BATCH_CHANGES_MAX + 1, [NFT_BATCH_CHANGES_MAX, 1]],
  ])('%i bans of a table that is made anew are one transaction up to its bound', (count, sizes) => {
    const there = kernel({ '192.0.2.1': 600 });
    const sets = there.get('inet')?.sets;
    for (const [name, set] of sets ?? []) sets?.set(name, { ...set, size: 5 });
    expect(sizesOf(many(count), there)).toEqual(sizes);
  });

  test('permanent bans come first, then those that last longest', () => {
    const sorted = byImportance([
      wanted('192.0.2.1', 60),
      wanted('192.0.2.2', null),
      wanted('192.0.2.3', 600),
    ]);
    expect(sorted.map(({ target }) => target.base)).toEqual([
      '192.0.2.2',
      '192.0.2.3',
      '192.0.2.1',
    ]);
  });
});

describe('the timeout of a ban', () => {
  test('is what is left, in seconds, rounded up', () => {
    expect(timeoutOf(plus(NOW, 600), NOW)).toBe(600);
    expect(timeoutOf(plus(NOW, 0.001), NOW)).toBe(1);
    expect(timeoutOf(plus(NOW, 0), NOW)).toBe(0);
    expect(timeoutOf(epochMicros(0), NOW)).toBe(0);
    expect(timeoutOf(null, NOW)).toBeNull();
  });

  test('is bounded by what nft reads, and such a ban is not taken for changed ever after', () => {
    const most = NFT_TIMEOUT_SECONDS_MAX;
    expect(timeoutOf(plus(NOW, most), NOW)).toBe(most);
    expect(timeoutOf(plus(NOW, most + 1), NOW)).toBe(most);
    const ban = [wanted('192.0.2.1', most * 2)];
    for (const left of [most, most - 3_600, most / 2])
      expect(changes(ban, { '192.0.2.1': left })).toEqual([]);
    expect(changes(ban, { '192.0.2.1': most / 2 - 1 })).toHaveLength(3);
  });
});
