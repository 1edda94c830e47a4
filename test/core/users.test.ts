import { expect, test } from '@jest/globals';
import { isOrdinaryUser, matchesSystem } from '../../src/core/entry.js';
import { parseMatch } from '../../src/core/match.js';

test("ordinary are people's user ids and those of directories and containers, at their bounds", () => {
  const ordinary = (uid: string | undefined) => isOrdinaryUser(uid);
  for (const uid of ['1000', '60513', '65536', '100000', '4294967294'])
    expect([uid, ordinary(uid)]).toEqual([uid, true]);
  for (const uid of ['0', '999', '60514', '61184', '65534', '65535', '', '-1', 'alice', undefined])
    expect([uid, ordinary(uid)]).toEqual([uid, false]);
});

test('an entry of an ordinary user needs a group that names _UID', () => {
  const { expression } = parseMatch(
    '_SYSTEMD_UNIT=postfix@*.service + SYSLOG_IDENTIFIER=mail _UID=1000',
  );
  const wanted = (fields: Record<string, string>) =>
    expression !== undefined && matchesSystem(expression, (name) => fields[name]);
  expect(wanted({ _SYSTEMD_UNIT: 'postfix@out.service', _UID: '101' })).toBe(true);
  expect(wanted({ _SYSTEMD_UNIT: 'postfix@out.service' })).toBe(true);
  expect(wanted({ _SYSTEMD_UNIT: 'postfix@out.service', _UID: '1000' })).toBe(false);
  expect(wanted({ SYSLOG_IDENTIFIER: 'mail', _UID: '1000' })).toBe(true);
  expect(wanted({ SYSLOG_IDENTIFIER: 'mail', _UID: '1001' })).toBe(false);
});
