import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkConfig, loadConfig } from '../../src/config/load.js';
import { memoryTree } from '../../src/ini/tree.js';
import { ids, load } from './support.js';

const JAIL = '[x]\nenabled = true\n';

describe('a configuration', () => {
  test('without an enabled jail is one, with a warning', () => {
    const { config, diagnostics } = load({ 'jail.local': '[x]\n' });
    expect(config?.jails).toEqual([]);
    expect(ids(diagnostics)).toEqual(['config.no-jails']);
  });

  test('has settings from banjour.conf and from fail2ban.local', () => {
    const { config } = load({
      '/usr/banjour.conf': '[Definition]\nloglevel = NOTICE\nhook = forward\n',
      'fail2ban.local':
        '[Definition]\nloglevel = 10\nallowipv6 = off\ndbpurgeage = 1w\nlogtarget = SYSLOG\n',
      'banjour.local':
        '[Definition]\nbridge = yes\ncounters = address\nlockoutguard = no\ndbfile = None\n',
      'jail.local': JAIL,
    });
    expect(config?.settings).toEqual({
      loglevel: 'debug',
      logtarget: 'journal',
      allowipv6: 'no',
      dbpurgeage: 604_800,
      dbfile: null,
    });
    expect(config?.firewall).toMatchObject({
      hook: 'forward',
      bridge: true,
      countersPerElement: true,
    });
    expect(config?.allow.lockoutGuard).toBe(false);
    expect(config?.origins.get('allowipv6')).toMatchObject({
      place: { file: '/etc/fail2ban.local', line: 3 },
    });
  });

  test.each([
    ['loglevel = LOUD', 'config.value'],
    ['logtarget = mail.log', 'config.value'],
    ['allowipv6 = perhaps', 'config.value'],
    ['hook = output', 'config.value'],
    ['counters = all', 'config.value'],
    ['dbfile = ledger.db', 'config.value'],
  ])('with the setting %s is refused', (line, id) => {
    const { config, diagnostics } = load({
      'banjour.local': `[Definition]\n${line}\n`,
      'jail.local': JAIL,
    });
    expect(config).toBeUndefined();
    expect(diagnostics[0]).toMatchObject({ id, place: { file: '/etc/banjour.local', line: 2 } });
  });

  test("leaves fail2ban's own database alone", () => {
    const files = {
      'fail2ban.conf': '[Definition]\ndbfile = /var/lib/fail2ban/fail2ban.sqlite3\n',
      'jail.local': JAIL,
    };
    const { config, diagnostics } = load(files);
    expect(config?.settings.dbfile).toBe('/var/lib/banjour/ledger.sqlite3');
    expect(ids(diagnostics)).toEqual(['config.dbfile']);
  });

  test('spares addresses of all jails and of single ones', () => {
    const { config } = load({
      'jail.local': `[DEFAULT]\nignoreip = 127.0.0.1/8 ::1, 10.0.0.0/255.0.0.0\n  friend.example.org file:/etc/friends\nignoreself = false\n${JAIL}[j]\nenabled = true\nfilter = x\nignoreip = 192.0.2.7\n`,
    });
    expect(config?.allow.terms).toEqual([
      { kind: 'prefix', prefix: { family: 4, base: '127.0.0.0', length: 8 } },
      { kind: 'prefix', prefix: { family: 6, base: '::1', length: 128 } },
      { kind: 'prefix', prefix: { family: 4, base: '10.0.0.0', length: 8 } },
      { kind: 'name', name: 'friend.example.org' },
      { kind: 'file', path: '/etc/friends' },
    ]);
    expect([...(config?.allow.perJail ?? [])]).toEqual([
      ['j', [{ kind: 'prefix', prefix: { family: 4, base: '192.0.2.7', length: 32 } }]],
    ]);
    expect(config?.allow.self).toBe(false);
  });

  test('whose global ignoreip is wrong is refused, also when no jail uses it', () => {
    const { config, diagnostics } = load({ 'jail.local': '[DEFAULT]\nignoreip = nonsense!\n' });
    expect(config).toBeUndefined();
    expect(ids(diagnostics)).toContain('jail.ignoreip');
  });

  test('has one ignoreself, and says so to a jail that wants its own', () => {
    const { diagnostics } = load({ 'jail.local': `${JAIL}ignoreself = false\n` });
    expect(ids(diagnostics)).toEqual(['jail.ignoreself']);
  });

  test('may be tried out with one more file', () => {
    const tree = memoryTree({
      '/usr/filter.d/x.conf': '[Definition]\nfailregex = <HOST>\n',
      '/tmp/new.conf': `${JAIL}match = -u x\n`,
    });
    const request = { shippedRoot: '/usr', adminRoot: '/etc', tree };
    expect(loadConfig({ ...request, extraFiles: ['/tmp/new.conf'] }).config?.jails).toHaveLength(1);
    expect(ids(checkConfig({ ...request, extraFiles: ['/tmp/gone.conf'] }))).toContain(
      'config.missing',
    );
  });

  test('can cross a thread boundary', () => {
    const { config } = load({ 'jail.local': JAIL });
    expect(structuredClone(config)).toEqual(config);
  });

  test('of any text is read without an exception', () => {
    const line = fc.oneof(
      fc.constantFrom(
        '[x]',
        'enabled = true',
        '[DEFAULT]',
        'action = %(action_)s',
        'action = a[b',
        'filter = x[',
        'match = "',
        '  more',
      ),
      fc
        .tuple(
          fc.constantFrom(
            'bantime',
            'port',
            'ignoreip',
            'logpath',
            'backend',
            'source',
            'action',
            'filter',
            'ignorecommand',
          ),
          fc.string(),
        )
        .map(([key, value]) => `${key} = ${value}`),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const { config, diagnostics } = load({ 'jail.local': `[x]\n${lines.join('\n')}\n` });
        expect(config === undefined).toBe(diagnostics.some((one) => one.level === 'error'));
      }),
    );
  });
});
