import { expect, test } from '@jest/globals';
import { addressesIn, bansOf, hasDatabase, jailsOf } from '../../../src/tools/switch/host.js';

test('the jails of its status', () => {
  expect(jailsOf('Status\n|- Number of jail:\t2\n`- Jail list:\tpostfix-sasl, sshd\n')).toEqual([
    'postfix-sasl',
    'sshd',
  ]);
  expect(jailsOf('Status\n|- Number of jail:\t0\n`- Jail list:\t\n')).toEqual([]);
});

test('the bans of a jail with their ends; what is over is left out', () => {
  const local = (text: string) => new Date(text).toISOString();
  const now = new Date('2026-01-31T12:05:00').getTime();
  const text = [
    '192.0.2.1 \t2026-01-31 12:00:00 + 600 = 2026-01-31 12:10:00',
    '2001:db8::1 \t2026-01-31 12:05:01 + -1 = 9999-12-31 23:59:59',
    '192.0.2.3 \t2026-01-31 12:00:00 + 60 = 2026-01-31 12:01:00',
    'what is this',
    '',
  ].join('\n');
  expect(bansOf('sshd', text, now)).toEqual([
    {
      jail: 'sshd',
      target: '192.0.2.1',
      time: local('2026-01-31T12:00:00'),
      until: local('2026-01-31T12:10:00'),
      failures: 0,
      previousBans: 0,
    },
    {
      jail: 'sshd',
      target: '2001:db8::1',
      time: new Date(now).toISOString(),
      until: null,
      failures: 0,
      previousBans: 0,
    },
  ]);
});

test('whether it keeps a database', () => {
  expect(hasDatabase('Current database file is:\n`- /var/lib/fail2ban/fail2ban.sqlite3\n')).toBe(
    true,
  );
  expect(hasDatabase('Database currently disabled\n')).toBe(false);
});

test('the addresses of the rules of others', () => {
  const listing = `table inet banjour {
	set ban4.sshd {
		elements = { 192.0.2.9 }
	}
}
table inet f2b-table {
	set addr-set-sshd {
		elements = { 192.0.2.1, 192.0.2.2,
			     2001:db8::1 }
	}
}
-A f2b-sshd -s 198.51.100.0/24 -j REJECT
`;
  const found = addressesIn(listing);
  for (const address of ['192.0.2.1', '192.0.2.2', '2001:db8::1', '198.51.100.0/24'])
    expect([address, found.has(address)]).toEqual([address, true]);
  expect(found.has('192.0.2.9')).toBe(false);
});
