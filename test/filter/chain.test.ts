import { expect, test } from '@jest/globals';
import { type Prefix, parsePrefix } from '../../src/core/address.js';
import { compileFilter } from '../../src/filter/compile.js';
import { identityOf } from '../../src/filter/match-groups.js';
import { definition } from '../support/filters.js';

const PROXIES = ['172.22.0.0/16', '2001:db8:1::/48'].map((text) => parsePrefix(text) as Prefix);

function counted(chain: string, proxies: readonly Prefix[] = PROXIES): string {
  const text = { failregex: ["^login from '(?:<F-CHAIN>[^']*</F-CHAIN>, )?<ADDR>' failed$"] };
  const { filter } = compileFilter({ ...definition(text), proxies });
  const match = filter?.match({ text: `login from '${chain}' failed` }, { running: undefined });
  if (match?.result !== 'failure') return 'nothing';
  const identity = identityOf(match.marks.facts);
  return identity.kind === 'address' ? identity.address.text : identity.kind;
}

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['192.0.2.1, 172.22.1.1', '192.0.2.1'],
  ['198.51.100.1, 192.0.2.1, 172.22.1.2, 172.22.1.1', '192.0.2.1'],
  ['198.51.100.1, 192.0.2.1', '192.0.2.1'],
  ['2001:db8::9,2001:db8:1::2, 172.22.1.1', '2001:db8::9'],
  ['192.0.2.1, 2001:db8:1::2', '192.0.2.1'],
  ['192.0.2.1:4000, 172.22.1.1', '192.0.2.1'],
  ['198.51.100.1, 192.0.2.1 ,  172.22.1.2:80, 172.22.1.1', '192.0.2.1'],
  ['[2001:db8::9]:4000, 172.22.1.1', '2001:db8::9'],
  ['[2001:db8::9], 172.22.1.1', '2001:db8::9'],
  ['192.0.2.1:x, 172.22.1.1', 'none'],
  ['2001:db8::9, 172.22.1.1', '2001:db8::9'],
  // The client's own words where an address should be: nobody counts.
  ['198.51.100.1, unknown, 172.22.1.1', 'none'],
  ['198.51.100.1 x, 172.22.1.1', 'none'],
  [', 172.22.1.1', 'none'],
  // All of them proxies: one of one's own asks.
  ['172.22.1.3, 172.22.1.1', '172.22.1.3'],
])('%s', (chain, expected) => {
  expect(counted(chain)).toBe(expected);
});

test('without proxies the last counts', () => {
  expect(counted('192.0.2.1, 172.22.1.1', [])).toBe('172.22.1.1');
});
