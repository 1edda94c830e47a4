import { describe, expect, test } from '@jest/globals';
import { mustJailName } from '../../src/core/names.js';
import { localMillis } from '../../src/core/time.js';
import { formatLine } from '../../src/log/text.js';

const jail = mustJailName('postfix-sasl');
const AT = new Date(2019, 7, 22, 10, 18, 5, 975).getTime();
const line = (
  ...args: [Parameters<typeof formatLine>[0], string, Parameters<typeof formatLine>[2]]
) => formatLine(...args, 'fail2ban', AT, 950);

describe("lines of a log file in fail2ban's format", () => {
  test('have time, logger, process, level, jail and words at the places where parsers look', () => {
    expect(line('notice', 'Ban 192.0.2.1', { jail, address: '192.0.2.1', action: 'ban' })).toBe(
      '2019-08-22 10:18:05,975 fail2ban.actions        [950]: NOTICE  [postfix-sasl] Ban 192.0.2.1',
    );
    expect(line('notice', 'Unban 192.0.2.1', { jail, address: '192.0.2.1', action: 'unban' })).toBe(
      '2019-08-22 10:18:05,975 fail2ban.actions        [950]: NOTICE  [postfix-sasl] Unban 192.0.2.1',
    );
    expect(line('critical', 'the agent cannot go on', {})).toBe(
      '2019-08-22 10:18:05,975 fail2ban.server         [950]: CRITICAL the agent cannot go on',
    );
  });

  test("tell a failure with the time of its entry, and not with words that fail2ban's parsers do not know", () => {
    const time = new Date(AT - 1_000).toISOString();
    expect(
      line('info', 'Found 2001:db8::1 (3 attempts)', {
        jail,
        address: '2001:db8::1',
        action: 'found',
        time,
      }),
    ).toBe(
      '2019-08-22 10:18:05,975 fail2ban.filter         [950]: INFO    [postfix-sasl] Found 2001:db8::1 - 2019-08-22 10:18:04',
    );
  });

  // The expressions that dashboards and recidive-like jails use on /var/log/fail2ban.log.
  test.each([
    ['Ban', /fail2ban\.actions\s*(?:\[\d+\])?:\s+NOTICE\s+\[(.*)\]\s+Ban\s+(\S+)\s*$/],
    [
      'Restore Ban',
      /fail2ban\.actions\s*(?:\[\d+\])?:\s+NOTICE\s+\[(.*)\]\s+Restore Ban\s+(\S+)\s*$/,
    ],
  ])('match what people search for: %s', (words, regex) => {
    const text = line('notice', `${words} 192.0.2.1`, {
      jail,
      action: words === 'Ban' ? 'ban' : 'restored',
    });
    expect(regex.exec(text)?.slice(1)).toEqual(['postfix-sasl', '192.0.2.1']);
  });
});

test('times are local, to the millisecond, with a comma', () => {
  expect(localMillis(AT)).toBe('2019-08-22 10:18:05,975');
});
