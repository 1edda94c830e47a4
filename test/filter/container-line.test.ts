import { describe, expect, test } from '@jest/globals';
import { FilterBank } from '../../src/filter/bank.js';
import { entry, type FilterText, jail } from '../support/filters.js';
import { noGuard } from '../support/guard.js';

describe('a header within MESSAGE', () => {
  const text: FilterText = {
    prefregex: String.raw`^\s?(?:\S+ )?postfix/smtpd(?:\[\d+\])?:\s<F-CONTENT>.+</F-CONTENT>$`,
    failregex: ['^failed from <HOST>$'],
  };
  const docker = { SYSLOG_IDENTIFIER: 'e8d820bf982c', CONTAINER_NAME: 'mail' };
  const found = (
    message: string,
    fields: Record<string, string>,
    more: Partial<FilterText> = {},
  ) => {
    const made = new FilterBank([jail('j', '', { ...text, ...more })], noGuard);
    const { events } = made.judge([entry(message, fields)]);
    const [counters] = made.stats();
    return [
      events.map(({ address }) => address.text),
      counters?.prefixed.count,
      counters?.unprefixed.count,
    ];
  };

  test.each([
    'Nov 21 19:34:21 mail postfix/smtpd[123]: ',
    'Nov  1 19:34:21 postfix/smtpd[123]: ',
    'Nov 01 19:34:21.123456 mail postfix/smtpd[123]: ',
    '2026-11-21T19:34:21.123456+00:00 mail postfix/smtpd[123]: ',
    '2026-11-21T19:34:21Z postfix/smtpd: ',
    '2026-11-21 19:34:21,123 postfix/smtpd[123]: ',
    '<22>Nov 21 19:34:21 mail postfix/smtpd[123]: ',
    '[2026-11-21 19:34:21] postfix/smtpd[123]: ',
    '<22>1 2026-11-21T19:34:21.123456+01:00 mail postfix/smtpd 123 - - ',
    '<22>1 2026-11-21T19:34:21Z mail postfix/smtpd - ID7 [a@1 b="c"][d e="f"] ',
    'mail postfix/smtpd[123]: ',
    'postfix/smtpd[123]: ',
    // Levels, as supervisors, rsyslog's templates and BusyBox's syslogd write them.
    'INFO mail postfix/smtpd[123]: ',
    'mail INFO postfix/smtpd[123]: ',
    '2026-11-21 19:34:21,123 INFO postfix/smtpd[123]: ',
    'Nov 21 19:34:21 mail [info] postfix/smtpd[123]: ',
    'Nov 21 19:34:21 mail mail.info postfix/smtpd[123]: ',
    '2026-11-21T19:34:21Z WARNING: mail postfix/smtpd[123]: ',
    // Stamps of s6-log and multilog, seconds, and other dates.
    '@400000006560c4b61a2b3c4d mail postfix/smtpd[123]: ',
    '@400000006560c4b61a2b3c4d Nov 21 19:34:21 mail postfix/smtpd[123]: ',
    '2026-11-21 19:34:21.123456789  mail postfix/smtpd[123]: ',
    '1795289661.123 mail postfix/smtpd[123]: ',
    'Sat Nov 21 19:34:21 2026 mail postfix/smtpd[123]: ',
    '21/Nov/2026:19:34:21 +0000 mail postfix/smtpd[123]: ',
    '21-Nov-2026 19:34:21.123 mail postfix/smtpd[123]: ',
    '2026-11-21T19:34:21+01 mail postfix/smtpd[123]: ',
    // Names of services and streams.
    'mail-1  | Nov 21 19:34:21 mail postfix/smtpd[123]: ',
    'mail-1  | mail postfix/smtpd[123]: ',
    '2026-11-21T19:34:21.123456789Z stdout F Nov 21 19:34:21 mail postfix/smtpd[123]: ',
    // Colours.
    '\x1b[36mNov 21 19:34:21\x1b[0m \x1b[1;32mmail\x1b[0m \x1b[33mpostfix/smtpd[123]\x1b[0m: ',
    '\x1b[32mINFO\x1b[0m mail postfix/smtpd[123]: ',
    '\x1b[33mmail-1  |\x1b[0m Nov 21 19:34:21 mail postfix/smtpd[123]: ',
  ])('is read: %s', (header) => {
    expect(found(`${header}failed from 192.0.2.1`, docker)).toEqual([['192.0.2.1'], 1, 0]);
    const podman = { SYSLOG_IDENTIFIER: 'podman' };
    expect(found(`${header}failed from 192.0.2.1`, podman)).toEqual([[], 0, 1]);
    expect(found(`${header}failed from 192.0.2.1`, podman, { logtype: 'container' })).toEqual([
      ['192.0.2.1'],
      1,
      0,
    ]);
  });

  test.each([
    ['F', 'from 192.0.2.1', ['192.0.2.1']],
    // The address may go on in the next part.
    ['P', 'from 192.0.2.1', []],
  ])('of CRI is a line, or with %s its beginning', (mark, words, addresses) => {
    const message = `2026-11-21T19:34:21.123456789Z stdout ${mark} Nov 21 19:34:21 mail postfix/smtpd[1]: failed ${words}`;
    expect(found(message, docker)[0]).toEqual(addresses);
  });

  test('is not needed where the tag is the name of the daemon', () => {
    const tagged = { ...docker, SYSLOG_IDENTIFIER: 'postfix/smtpd' };
    expect(found('failed from 192.0.2.1', tagged)).toEqual([['192.0.2.1'], 1, 0]);
  });

  test("is not another daemon's, whatever its words are", () => {
    expect(
      found('Nov 21 19:34:21 mail app[1]: postfix/smtpd[1]: failed from 192.0.2.1', docker),
    ).toEqual([[], 0, 1]);
    const modern = '<22>1 2026-11-21T19:34:21Z mail';
    for (const header of [
      `${modern} app 1 - - postfix/smtpd[1]: `,
      `x ${modern} postfix/smtpd 1 - - `,
    ])
      expect(found(`${header}failed from 192.0.2.1`, docker)).toEqual([[], 0, 1]);
    expect(found('x Nov 21 19:34:21 mail postfix/smtpd[1]: failed from 192.0.2.1', docker)).toEqual(
      [[], 0, 1],
    );
  });

  test.each([
    'Nov 21 19:34:21 mail app[1]: INFO postfix/smtpd[1]: ',
    'Nov 21 19:34:21 mail app[1]: @400000006560c4b61a2b3c4d mail postfix/smtpd[1]: ',
    'Nov 21 19:34:21 mail app: mail-1 | mail postfix/smtpd[1]: ',
    'mail app[1]: \x1b[0mNov 21 19:34:21 mail postfix/smtpd[1]: ',
    'INFO mail app[1]: mail postfix/smtpd[1]: ',
    'mail INFO app[1]: INFO postfix/smtpd[1]: ',
    'Nov 21 19:34:21 Nov 21 19:34:21 Nov 21 19:34:21 mail postfix/smtpd[1]: ',
    'INFO INFO INFO mail postfix/smtpd[1]: ',
    'mail-1 | mail-1 | mail postfix/smtpd[1]: ',
  ])('is not made of what stands behind one: %s', (header) => {
    expect(found(`${header}failed from 192.0.2.1`, docker)[0]).toEqual([]);
  });

  test('colours are no part of the words, nor of the address', () => {
    expect(found('mail postfix/smtpd[1]: failed from \x1b[31m192.0.2.1\x1b[0m', docker)[0]).toEqual(
      ['192.0.2.1'],
    );
  });

  test.each([
    'Nov 21 19:34:21 postfix/smtpd[1]: ',
    '\x1b[32mINFO\x1b[0m mail postfix/smtpd[1]: ',
    '<22>1 2026-11-21T19:34:21Z mail postfix/smtpd 1 - - ',
  ])('of a message without its middle ends before the gap: %s', (header) => {
    const message = `${header}failed from 192.0\n.2.1`;
    const cut = { ...entry(message, docker), cutAt: message.indexOf('\n') };
    expect(new FilterBank([jail('j', '', text)], noGuard).judge([cut]).events).toEqual([]);
  });
});
