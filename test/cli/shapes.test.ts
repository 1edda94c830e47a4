import { describe, expect, test } from '@jest/globals';
import {
  allText,
  banTimeLine,
  byEnd,
  errorLine,
  jailText,
  pythonRepr,
  statsText,
  statusText,
} from '../../src/cli/fail2ban/shapes.js';
import type { BanView, JailView } from '../../src/control/protocol.js';
import { jailView } from './views.js';

const jail = (name: string, files?: readonly string[]): JailView =>
  jailView({
    jail: name,
    ...(files === undefined ? {} : { files }),
    match: '_SYSTEMD_UNIT=a.service',
    currentlyFailed: 1,
    totalFailed: 12_345,
    currentlyBanned: 2,
    totalBanned: 3,
  });
const ban = (id: number, until: string | null): BanView => ({
  id,
  jail: 'a',
  target: `192.0.2.${id}`,
  time: '2026-11-21T10:00:00.500Z',
  until,
  failures: 0,
  origin: 'journal',
  state: 'in-force',
  evidence: [],
});

describe('the shapes of fail2ban-client', () => {
  test('a jail that reads log files has a file list, with a tab after the colon', () => {
    expect(jailText(jail('dovecot', ['/tmp/a.log', '/tmp/b.log']), ['192.0.2.1'])).toBe(
      'Status for the jail: dovecot\n|- Filter\n|  |- Currently failed:\t1\n|  |- Total failed:\t12345\n' +
        '|  `- File list:\t/tmp/a.log /tmp/b.log\n`- Actions\n   |- Currently banned:\t2\n   |- Total banned:\t3\n   `- Banned IP list:\t192.0.2.1\n',
    );
    expect(statsText([jail('dovecot', ['/tmp/a.log'])])).toContain('dovecot  ║ polling  ║');
  });

  test('no jail at all is a list that is empty', () => {
    expect(statusText([])).toBe('Status\n|- Number of jail:\t0\n`- Jail list:\t\n');
    expect(allText([])).toContain('`- Status for the jails:\n');
  });

  test('the table of stats grows with its columns', () => {
    const lines = statsText([jail('a-jail-with-a-long-name'), jail('b')]).split('\n');
    expect(
      new Set(
        lines
          .slice(1, -1)
          .filter((line) => /[╟╬╩]/.test(line))
          .map((line) => line.length),
      ).size,
    ).toBe(1);
    expect(lines[4]).toBe('a-jail-with-a-long-name ║ systemd  ║   1 │ 12345 ║   2 │   3');
  });

  test('bans are ordered by their end, those without one last', () => {
    const bans = [
      ban(1, null),
      ban(2, '2026-11-21T12:00:00Z'),
      ban(3, '2026-11-21T11:00:00Z'),
      ban(4, '2026-11-21T11:00:00Z'),
    ];
    expect(byEnd(bans).map(({ id }) => id)).toEqual([3, 4, 2, 1]);
  });

  test('the line of a ban has start, length and end in whole seconds', () => {
    expect(banTimeLine(ban(1, '2026-11-21T11:00:00.500Z'))).toMatch(
      /^192\.0\.2\.1 \t2026-11-2[0-2] \d\d:\d\d:00 \+ 3600 = 2026-11-2[0-2] \d\d:\d\d:00$/,
    );
    expect(banTimeLine(ban(1, null))).toMatch(/ \+ -1 = 9999-12-31 23:59:59$/);
  });

  test("Python's repr of values", () => {
    expect(pythonRepr(["it's", 'a"b', `both'"`, 'back\\slash\n', 1, true, null, { a: [] }])).toBe(
      `["it's", 'a"b', 'both\\'"', 'back\\\\slash\\n', 1, True, None, {'a': []}]`,
    );
  });

  test('an error line has the time, the process and the level in their columns', () => {
    expect(errorLine('NOK', new Date(2026, 10, 21, 9, 8, 7, 6))).toBe(
      `2026-11-21 09:08:07,006 fail2ban                [${process.pid}]: ERROR   NOK\n`,
    );
  });
});
