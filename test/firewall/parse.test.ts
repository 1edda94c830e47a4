import { describe, expect, test } from '@jest/globals';
import { epochMicros, plus } from '../../src/core/time.js';
import { kernelState, parseTable } from '../../src/firewall/kernel-tables.js';
import { reasonOf } from '../../src/firewall/runner.js';

const NOW = epochMicros(1_800_000_000_000_000);
const at = { family: 'inet', table: 'banjour' };
const listing = (...items: object[]) => JSON.stringify({ nftables: [{ metainfo: {} }, ...items] });
const bans = (name: string, elem: unknown[], type = 'ipv4_addr') => ({
  set: { ...at, name, type, flags: ['timeout'], elem },
});

describe('what nft lists', () => {
  test('becomes bans with their ends', () => {
    const table = parseTable(
      listing(
        bans('ban4.sshd', [
          '192.0.2.1',
          { elem: { val: '192.0.2.2', timeout: 600, expires: 599 } },
        ]),
        bans(
          'net6.64.sshd',
          [{ elem: { val: '2001:db8::', timeout: 600, expires: 10, counter: { packets: 0 } } }],
          'ipv6_addr',
        ),
        { counter: { ...at, name: 'jail.sshd', packets: 3, bytes: 180 } },
        { chain: { ...at, name: 'input', hook: 'input', prio: -10, policy: 'accept' } },
      ),
      NOW,
    );
    const state = kernelState(new Map([['inet', table]]));
    expect(state.elements).toEqual([
      { jail: 'sshd', target: { family: 4, base: '192.0.2.1', length: 32 }, until: null },
      { jail: 'sshd', target: { family: 4, base: '192.0.2.2', length: 32 }, until: plus(NOW, 599) },
      { jail: 'sshd', target: { family: 6, base: '2001:db8::', length: 64 }, until: plus(NOW, 10) },
    ]);
    expect([...state.counters]).toEqual([['sshd', { packets: 3, bytes: 180 }]]);
    expect(table.chains.get('input')).toEqual({ hook: 'input', priority: -10, policy: 'accept' });
  });

  test('in the dotted form of IPv6 is understood', () => {
    const table = parseTable(listing(bans('ban6.sshd', ['::1.2.3.4'], 'ipv6_addr')), NOW);
    expect([...(table.sets.get('ban6.sshd')?.elements.keys() ?? [])]).toEqual(['::102:304']);
  });

  test('and is not ours is left out of the bans but kept for the comparison', () => {
    const table = parseTable(
      listing(bans('theirs', ['192.0.2.1']), bans('net4.24.sshd', ['192.0.2.7'])),
      NOW,
    );
    expect(kernelState(new Map([['inet', table]])).elements).toEqual([]);
    expect(table.sets.get('net4.24.sshd')?.elements.size).toBe(1);
  });

  test.each(['', '{', '[]', '{"nftables": 1}'])(
    'and is no listing (%j) has a stable code',
    (text) => {
      expect(() => parseTable(text, NOW)).toThrow(
        expect.objectContaining({ code: 'ERR_NFT_OUTPUT' }),
      );
    },
  );

  test('with strange items in it does no harm', () => {
    expect(
      parseTable(
        '{"nftables":[null, 1, "x", {"set": null}, {"chain": {}}, {"set": {"elem": [null]}}]}',
        NOW,
      ),
    ).toBeDefined();
  });
});

describe("nft's words", () => {
  test('become one line without what never varies', () => {
    expect(
      reasonOf('internal:0:0-0: Error: Could not process rule: No such file or directory\n\n'),
    ).toBe('No such file or directory');
    expect(reasonOf('Error: a\nError: a\n   ^^^\n/dev/stdin:1:1-2: Error: b')).toBe('a; b');
    expect(reasonOf(' \n ^\n')).toBeUndefined();
    expect(reasonOf('x'.repeat(1000))).toHaveLength(300);
  });
});
