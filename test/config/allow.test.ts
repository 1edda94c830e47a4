import { describe, expect, test } from '@jest/globals';
import { parseAllowTerm } from '../../src/config/allow.js';
import { formatPrefix } from '../../src/core/address.js';
import { jail } from './support.js';

function term(word: string): string {
  const parsed = parseAllowTerm(word);
  if (!('value' in parsed)) return `refused: ${parsed.problem}`;
  const { value } = parsed;
  return value.kind === 'prefix'
    ? formatPrefix(value.prefix)
    : value.kind === 'name'
      ? value.name
      : `file ${value.path}`;
}

describe('a word of ignoreip', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['10.0.0.1/8', '10.0.0.0/8'],
    ['10.0.0.0/255.255.0.0', '10.0.0.0/16'],
    ['192.0.2.0/0.0.0.0', '0.0.0.0/0'],
    ['2001:DB8::1/32', '2001:db8::/32'],
    ['::1', '::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['localhost', 'localhost'],
    ['friend.example.org.', 'friend.example.org'],
    ['file:/etc/friends', 'file /etc/friends'],
    ['file:///etc/friends', 'file /etc/friends'],
  ])('%s is %s', (word, expected) => {
    expect(term(word)).toBe(expected);
  });

  test.each([
    '1.2.3',
    '192.0.2.256',
    '192.030.0.6',
    '10.0.0.0/33',
    '10.0.0.0/255.0.255.0',
    'a..b',
    '-x.org',
    'x;y',
    '<ip>',
    'file:x',
    '2001:db8::/129',
  ])('%s is refused', (word) => {
    expect(term(word)).toMatch(/^refused/);
  });
});

describe('ignorecommand', () => {
  test.each([
    '/bin/x <ip> > /tmp/y',
    '/bin/x $(id)',
    '/bin/x `id`',
    '/bin/x a; b',
    '/bin/x "a',
    'x <ip>',
    '/bin/x <unknown>',
  ])('that needs a shell or has no meaning is refused: %s', (text) => {
    expect(jail(`ignorecommand = ${text}`).ids).toContain('jail.ignorecommand');
  });
});
