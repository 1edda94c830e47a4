import { describe, expect, test } from '@jest/globals';
import { formatMatch, type MatchExpression } from '../../src/core/match.js';
import { goodJail, jail } from './support.js';

function match(lines: string): string {
  return formatMatch(goodJail(lines).intake.match);
}

describe('what a jail reads', () => {
  test('is its match, else its journalmatch, else that of its filter', () => {
    expect(match('match = -u postfix\njournalmatch = _UID=1')).toBe(
      '_SYSTEMD_UNIT=postfix.service',
    );
    expect(match('journalmatch = _SYSTEMD_UNIT=a.service\n  _SYSTEMD_UNIT=b.service')).toBe(
      '_SYSTEMD_UNIT=a.service + _SYSTEMD_UNIT=b.service',
    );
    expect(match('')).toBe('_SYSTEMD_UNIT=x.service');
    expect(match('journalmatch = %(known/journalmatch)s + _SYSTEMD_UNIT=y.service')).toBe(
      '_SYSTEMD_UNIT=x.service + _SYSTEMD_UNIT=y.service',
    );
  });

  test('is the whole journal only when it says so, with a warning', () => {
    const all = jail('match = all');
    expect(all.jail?.intake.match.groups.map((group) => group.size)).toEqual([0]);
    expect(all.ids).toEqual(['jail.forgeable-match']);
  });

  test('is warned about when any local user can write it', () => {
    const { diagnostics } = jail('match = SYSLOG_IDENTIFIER=sm-mta + _SYSTEMD_UNIT=x.service');
    expect(diagnostics[0]).toMatchObject({
      id: 'jail.forgeable-match',
      level: 'warning',
      key: 'match',
    });
    expect(diagnostics[0]?.message).toContain('SYSLOG_IDENTIFIER=sm-mta');
    expect(diagnostics[0]?.message).not.toContain('x.service');
  });

  test("is the journal when only syslog's own file is named, and it is said how", () => {
    const {
      jail: found,
      ids,
      diagnostics,
    } = jail('filter = bare\nlogpath = /var/log/mail.log\n  /var/log/auth.log');
    expect(formatMatch(found?.intake.match ?? { groups: [] })).toBe(
      'SYSLOG_FACILITY=2 + SYSLOG_FACILITY=4 SYSLOG_FACILITY=10',
    );
    expect(ids).toEqual(['jail.match-from-logpath']);
    expect(diagnostics[0]?.fix).toContain('match = -u');
  });

  test('is a text file when the service writes one of its own', () => {
    expect(
      goodJail(
        'logpath = /var/log/qmail/current\n  /srv/*.log tail\nlogencoding = latin1\nlogtimezone = utc+0200',
      ).source,
    ).toEqual({
      kind: 'text',
      paths: [
        { path: '/var/log/qmail/current', from: 'head' },
        { path: '/srv/*.log', from: 'tail' },
      ],
      encoding: 'latin1',
      timezone: 'UTC+0200',
    });
  });

  test('is a text file when the backend says so, and then the filter is for lines of files', () => {
    const files = {
      '/usr/filter.d/y.conf':
        '[Definition]\nfailregex = <t_<logtype>/p> <HOST>\n[t_file]\np = F\n[t_journal]\np = J\n',
    };
    const found = goodJail('filter = y\nbackend = polling\nlogpath = /var/log/mail.log', files);
    expect(found.source.kind).toBe('text');
    expect(found.intake.filter.failregex[0]?.text).toBe('F <HOST>');
  });

  test('is the journal when a match is stated, and the unused logpath is said', () => {
    expect(jail('match = -u x\nlogpath = /var/log/own.log').ids).toEqual(['jail.logpath-unused']);
  });

  test('is the journal where a service logs to it and its file is not there, and that is said', () => {
    const asked: string[] = [];
    const probe = (is: boolean) => (paths: readonly string[], match: MatchExpression) => {
      asked.push(`${paths.join()} ${formatMatch(match)}`);
      return is;
    };
    const line = 'logpath = /var/log/own.log';
    const read = (is: boolean) => jail(line, {}, { logsToJournal: probe(is) });
    expect(read(false).config?.jails[0]?.source.kind).toBe('text');
    const { config, ids } = read(true);
    expect(config?.jails[0]?.source.kind).toBe('journal');
    expect(ids).toEqual(['jail.logpath-unused']);
    expect(asked).toEqual(Array(2).fill('/var/log/own.log _SYSTEMD_UNIT=x.service'));
    for (const other of ['backend = polling', 'source = remote'])
      expect(
        jail(`${line}\n${other}`, {}, { logsToJournal: probe(true) }).config?.jails[0]?.source.kind,
      ).toBe('text');
  });

  test.each([
    ['source = local', { kind: 'local' }],
    ['source = namespace mail', { kind: 'local', namespace: 'mail' }],
    ['source = directory /srv/journal', { kind: 'directory', path: '/srv/journal' }],
    ['source = remote', { kind: 'remote', path: '/var/log/journal/remote' }],
    ['source = remote /srv/hosts/', { kind: 'remote', path: '/srv/hosts' }],
    [
      'source = directory /var/log/journal/remote',
      { kind: 'remote', path: '/var/log/journal/remote' },
    ],
    ['source = container mail', { kind: 'container', name: 'mail' }],
    [
      'source = files /a.journal /b.journal',
      { kind: 'files', paths: ['/a.journal', '/b.journal'] },
    ],
    ['source = export -', { kind: 'export', path: '-' }],
    ['backend = systemd', { kind: 'local' }],
    [
      'backend = systemd[journalpath=/run/log/journal/m]',
      { kind: 'directory', path: '/run/log/journal/m' },
    ],
    ['backend = systemd[journalfiles="/a, /b"]', { kind: 'files', paths: ['/a', '/b'] }],
    ['backend = systemd[namespace=mail, journalflags=1]', { kind: 'local', namespace: 'mail' }],
  ])('comes from where "%s" says', (line, spec) => {
    expect(goodJail(line).source).toEqual({ kind: 'journal', spec });
  });

  test('is the file whose logpath was stated after "backend = systemd" of the shipped files', () => {
    const files = {
      '/usr/jail.conf': '[DEFAULT]\nbackend = systemd\n[j]\nlogpath = /var/log/mail.log\n',
    };
    expect(goodJail('logpath = /var/log/own.log', files).source.kind).toBe('text');
    expect(goodJail('logpath = /var/log/mail.log', files).source.kind).toBe('journal');
    expect(goodJail('', files).source.kind).toBe('journal');
    expect(goodJail('backend = systemd\nlogpath = /var/log/own.log', files).source.kind).toBe(
      'journal',
    );
  });
});
