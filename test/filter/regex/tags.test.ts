import { describe, expect, test } from '@jest/globals';
import { compileRegex, type RegexMatch } from '../../../src/filter/regex/regex.js';

function groups(
  source: string,
  text: string,
  usedns: 'no' | 'raw' = 'raw',
): RegexMatch['groups'] | undefined {
  const { regex, problems } = compileRegex(source, { usedns });
  if (regex === undefined) throw new Error(JSON.stringify(problems));
  return regex.exec(text)?.groups;
}

describe("fail2ban's tags", () => {
  test.each([
    ['<HOST>', 'from 192.0.2.1 x', { ip4: '192.0.2.1' }],
    ['<HOST>', 'from [2001:db8::1] x', { ip6: '2001:db8::1' }],
    ['<HOST>', 'from ::ffff:192.0.2.1 x', { ip4: '192.0.2.1' }],
    ['<HOST>', 'from mail.example.org x', { dns: 'mail.example.org' }],
    ['<HOST>', 'from fe80::7%eth0 x', { ip6: 'fe80::7' }],
    ['<ADDR>', 'from [fe80::7%br-0.1] x', { ip6: 'fe80::7' }],
    ['<IP6>', 'from fe80::7%abcdefghijklmno x', { ip6: 'fe80::7' }],
    ['<ADDR>', 'from 2001:db8:: x', { ip6: '2001:db8::' }],
    ['<IP4>', 'from 192.0.2.1 x', { ip4: '192.0.2.1' }],
    ['<IP6>', 'from ::1 x', { ip6: '::1' }],
    ['<ADDR>', 'from 64:ff9b::198.51.100.1 x', { ip6: '64:ff9b::198.51.100.1' }],
    ['<ADDR>', 'from ::ffff:0:198.51.100.1 x', { ip6: '::ffff:0:198.51.100.1' }],
    ['<IP6>', 'from 1:2:3:4:5:6:192.0.2.1 x', { ip6: '1:2:3:4:5:6:192.0.2.1' }],
    ['<F-IP4/>', 'from 192.0.2.1 x', { ip4: '192.0.2.1' }],
    ['<DNS>', 'from a_b.example x', { dns: 'a_b.example' }],
    ['<SUBNET>', 'from 192.0.2.0/24 x', { ip4: '192.0.2.0', cidr: '24' }],
    ['<ADDR>/<CIDR>', 'from 2001:db8::/32 x', { ip6: '2001:db8::', cidr: '32' }],
    ['<F-ID/>', 'from q-17 x', { fid: 'q-17' }],
    ['<F-ID>\\w+</F-ID>', 'from q17 x', { fid: 'q17' }],
    ['<F-PORT/>', 'from 587 x', { fport: '587' }],
    ['<F-USER>\\S+</F-USER>', 'from bob x', { user: 'bob' }],
    ['<F-ALT_USER_1>\\S+</F-ALT_USER_1>', 'from bob x', { alt_user_1: 'bob' }],
    ['<F-MLFID>\\S+</F-MLFID>', 'from mx1 x', { mlfid: 'mx1' }],
    ['<F-COUNT>\\d+</F-COUNT>', 'from 3 x', { count: '3' }],
    ['<F-NOFAIL>\\S+</F-NOFAIL>', 'from a x', { nofail: 'a' }],
  ])('%s in "%s"', (tag, text, expected) => {
    expect(groups(`^from ${tag} x$`, text)).toEqual(expected);
  });

  test.each([
    // The end of a sentence, and a port as BSD writes it, are no part of the address.
    ['2001:db8::1.', '2001:db8::1', '.'],
    ['2001:db8::1..', '2001:db8::1', '..'],
    ['2001:db8::192.', '2001:db8::192', '.'],
    ['2001:db8::1, port', '2001:db8::1', ', port'],
    ['64:ff9b::192.0.2.1.', '64:ff9b::192.0.2.1', '.'],
    ['64:ff9b::192.0.2.1..', '64:ff9b::192.0.2.1', '..'],
    ['64:ff9b::192.0.2.1.587', '64:ff9b::192.0.2.1', '.587'],
    ['2001:db8::1.587', '2001:db8::1', '.587'],
    ['fe80::7%eth0.', 'fe80::7', ''],
    ['2001:db8::.', '2001:db8::', '.'],
    // What was cut is taken whole, and is no address then; its beginning would be a stranger's.
    ['64:ff9b::192.0.2', '64:ff9b::192.0.2', ''],
    ['64:ff9b::192.0.2.', '64:ff9b::192.0.2', '.'],
    ['::ffff:192.0.2', '::ffff:192.0.2', ''],
  ])('IPv6 ends where it ends: %s', (text, ip6, rest) => {
    for (const tag of ['<HOST>', '<ADDR>', '<IP6>', '<SUBNET>'])
      expect(groups(`^from ${tag}(?P<rest>.*)$`, `from ${text}`)).toEqual({ ip6, rest });
    expect(groups('from <HOST>', `from ${text}`)).toMatchObject({ ip6 });
  });

  test('<HOST> takes no name when usedns is no', () => {
    expect(groups('^from <HOST>$', 'from mail.example.org', 'no')).toBeUndefined();
    expect(groups('^from <HOST>$', 'from 192.0.2.1', 'no')).toEqual({ ip4: '192.0.2.1' });
  });

  test('a zone is no longer than the name of an interface, and not empty', () => {
    expect(groups('^from <IP6> x$', 'from fe80::7%abcdefghijklmnop x')).toBeUndefined();
    expect(groups('^from <IP6> x$', 'from fe80::7% x')).toBeUndefined();
  });

  test('a closing tag without its opening one and unknown tags stay text', () => {
    expect(groups('^a</F-USER>b<nothing>$', 'a</F-USER>b<nothing>')).toEqual({});
  });

  test('flags at the head of a group become flags of the group', () => {
    expect(groups('^a((?i)b|c)d$', 'aBd')).toEqual({});
    expect(groups('^a(?:(?i)b)d$', 'aBd')).toEqual({});
    expect(groups('^a((?i)b|c)d$', 'AbD')).toBeUndefined();
  });

  test('<SKIPLINES> steps over whole lines, the fewest that will do', () => {
    const { regex } = compileRegex('^open <F-ID/>$<SKIPLINES>^close (?P=fid)$', {
      usedns: 'no',
      multiline: true,
    });
    expect(regex?.exec('noise\nopen a\nx\ny\nclose a\nclose a')).toMatchObject({
      index: 6,
      groups: { fid: 'a', skiplines0: 'x\ny\n' },
    });
  });
});

test.each([
  ['^login of <HOTS>$', 'did you mean <HOST>?'],
  ['^from <ADRR> <HOST>', 'did you mean <ADDR>?'],
  ['^a<SKIPLINE>b <HOST>', 'did you mean <SKIPLINES>?'],
  ['^error:(?P<CODE>x):(?P=CODE) <HOST>', undefined],
  ['^(?P<HOTS>x) <HOST>', undefined],
  ['^<TLS> <HTTP> <user> <F-USER>.*</F-USER> <HOST>', undefined],
])('%s: a tag that is none and reads like one is told (%s)', (source, fix) => {
  const problems = compileRegex(source, { usedns: 'no' }).regex?.lint() ?? [];
  expect(problems.find(({ id }) => id === 'regex.unknown-tag')?.fix).toBe(fix);
});
