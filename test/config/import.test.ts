import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type ImportResult, importConfig } from '../../src/config/import.js';
import { loadConfig } from '../../src/config/load.js';
import { diskTree } from '../../src/ini/disk.js';
import { type FileTree, memoryTree } from '../../src/ini/tree.js';
import { FAIL2BAN_VERSIONS, fail2banPackage } from '../support/fail2ban.js';
import { needs } from '../support/require.js';
import { ids } from './support.js';

const SHIPPED = {
  '/usr/filter.d/sshd.conf': '[Definition]\nfailregex = ^ours <HOST>\n',
  '/usr/filter.d/common.conf': '[DEFAULT]\np = ours\n',
  '/usr/jail.conf': '[DEFAULT]\nmaxretry = 3\nfindtime = 1h\nbantime = 1h\n[sshd]\nport = ssh\nmatch = -u ssh\n',
};

function run(files: Readonly<Record<string, string>>): ImportResult {
  const placed = Object.entries(files).map(([name, text]) => [`/f/${name}`, text]);
  return importConfig({
    from: '/f',
    shippedRoot: '/usr',
    tree: memoryTree({ ...SHIPPED, ...Object.fromEntries(placed) }),
  });
}

describe('an import from fail2ban', () => {
  const STOCK = {
    'jail.conf':
      '[DEFAULT]\nmaxretry = 5\nbantime = 10m\nfindtime = 10m\nbanaction = iptables-multiport\naction_ = %(banaction)s[port="%(port)s"]\naction = %(action_)s\n[sshd]\nport = ssh\nlogpath = /var/log/auth.log\n[apache]\nport = http\n',
    'filter.d/sshd.conf': '[Definition]\nfailregex = ^theirs <HOST>\n',
    'filter.d/common.conf': '[DEFAULT]\np = theirs\n',
  };

  test('keeps the numbers that fail2ban used, not those of the shipped jails', () => {
    const { files, diagnostics } = run({ ...STOCK, 'jail.local': '[sshd]\nenabled = true\nmaxretry = 7\n' });
    const text = files.get('jail.local') ?? '';
    expect(text).toContain('# /f/jail.local:3\nmaxretry = 7\n');
    expect(text).toContain('# /f/jail.conf:3\nbantime = 10m\n');
    expect(text).toContain('action = %(action_)s');
    expect(text).not.toContain('logpath');
    expect(text).not.toContain('apache');
    expect(diagnostics.filter((one) => one.level !== 'note')).toEqual([]);
  });

  test('takes own filters along with what they include, and overlays of shipped ones', () => {
    const { files } = run({
      ...STOCK,
      'jail.local': '[sshd]\nenabled = true\n[mine]\nenabled = true\nlogpath = /srv/mine.log\n',
      'filter.d/sshd.local': '[Definition]\nignoreregex = x\n',
      'filter.d/mine.conf':
        '[INCLUDES]\nbefore = common.conf\n  mine-common.conf\n[Definition]\nfailregex = %(p)s <HOST>\n',
      'filter.d/mine-common.conf': '[DEFAULT]\nq = 1\n',
      'filter.d/other.conf': '[Definition]\nfailregex = <HOST>\n',
    });
    expect([...files.keys()].sort()).toEqual([
      'filter.d/mine-common.conf',
      'filter.d/mine.conf',
      'filter.d/sshd.local',
      'jail.local',
    ]);
  });

  test('takes a filter along that only its administrator can have written, though one of that name is shipped', () => {
    const own = '[Definition]\nfailregex = ^own <HOST>\n';
    const run = (files: Readonly<Record<string, string>>) =>
      importConfig({
        from: '/f',
        shippedRoot: '/usr',
        tree: memoryTree({
          ...SHIPPED,
          '/usr/filter.d/nextcloud.conf': '[Definition]\nfailregex = ^ours <HOST>\n',
          '/f/jail.conf': STOCK['jail.conf'],
          '/f/jail.local': '[nextcloud]\nenabled = true\nlogpath = /srv/nextcloud.log\n',
          ...files,
        }),
      }).files;
    expect(run({ '/f/filter.d/nextcloud.conf': own }).get('filter.d/nextcloud.conf')).toBe(own);
    expect([...run({}).keys()]).toEqual(['jail.local']);
  });

  test('takes changed settings and the overlays of actions along', () => {
    const { files } = run({
      ...STOCK,
      'jail.local': '[sshd]\nenabled = true\n',
      'fail2ban.conf': '[DEFAULT]\nloglevel = INFO\ndbpurgeage = 1d\n',
      'fail2ban.local': '[DEFAULT]\nloglevel = NOTICE\nsocket = /x\n',
      'action.d/sendmail-common.local': '[Init]\ndest = a@b\n',
    });
    expect(files.get('banjour.local')).toContain('# /f/fail2ban.local:2\nloglevel = NOTICE\n');
    expect(files.get('banjour.local')).not.toMatch(/socket|dbpurgeage/);
    expect(files.get('action.d/sendmail-common.local')).toBe('[Init]\ndest = a@b\n');
  });

  test('a log file that the service may not write, and a setting that is none, stay behind with a note', () => {
    const { files, diagnostics } = run({
      ...STOCK,
      'jail.local': '[sshd]\nenabled = true\n',
      'fail2ban.local': '[Definition]\nlogtarget = /var/log/fail2ban.log\nallowipv6 = auto;\nloglevel = NOTICE\n',
    });
    const text = files.get('banjour.local') ?? '';
    expect(text).toMatch(/^# logtarget = \/var\/log\/fail2ban.log$/m);
    expect(text).toMatch(/^# allowipv6 = auto;$/m);
    expect(text).toMatch(/^loglevel = NOTICE$/m);
    expect(diagnostics.filter(({ id }) => id === 'import.setting').map(({ place }) => place?.line)).toEqual([2, 3]);
    expect(diagnostics.filter(({ level }) => level === 'error')).toEqual([]);
    const kept = run({
      ...STOCK,
      'jail.local': '[sshd]\nenabled = true\n',
      'fail2ban.local': '[Definition]\nlogtarget = /var/log/banjour/banjour.log\n',
    });
    expect(kept.files.get('banjour.local')).toMatch(/^logtarget = /m);
  });

  test('a jail without a filter is set aside and named at its source; shipped jails that were off stay off', () => {
    const { files, diagnostics, jails, left } = run({
      ...STOCK,
      'jail.local': '[manual]\nenabled = true\nfilter =\n[apache]\nenabled = false\n',
    });
    expect([jails, [...left.keys()]]).toEqual([[], ['manual']]);
    expect(left.get('manual')?.[0]?.place?.file).toBe('/f/jail.local');
    expect(files.get('jail.local')).toMatch(/^# \[manual\]$/m);
    expect(diagnostics.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test("the match of Debian's own file for sshd gives way to the shipped one, an administrator's does not", () => {
    const stock = {
      ...STOCK,
      'jail.d/defaults-debian.conf': '[sshd]\nenabled = true\njournalmatch = _SYSTEMD_UNIT=ssh.service + _COMM=sshd\n',
    };
    expect(run(stock).files.get('jail.local')).not.toContain('journalmatch');
    const own = run({ ...stock, 'jail.local': '[sshd]\njournalmatch = _SYSTEMD_UNIT=my.service\n' });
    expect(own.files.get('jail.local')).toContain('journalmatch = _SYSTEMD_UNIT=my.service');
  });

  test('says what it could not carry over', () => {
    const { diagnostics } = run({
      ...STOCK,
      'jail.local': '[sshd]\nenabled = true\naction = %(action_)s\n  cloudflare\n',
    });
    expect(ids(diagnostics)).toContain('jail.action-unmapped');
  });
});

describe.each(FAIL2BAN_VERSIONS)("an import of Debian's fail2ban %s", (version) => {
  const unpacked = fail2banPackage(version);
  needs('root' in unpacked, 'reason' in unpacked ? unpacked.reason : '')('bans as that one does', () => {
    if (!('root' in unpacked)) return;
    const from = join(unpacked.root, 'etc/fail2ban');
    const local =
      '[DEFAULT]\nignoreip = 192.0.2.1\nbantime = 2h\n[dovecot]\nenabled = true\n[postfix-sasl]\nenabled = true\naction = %(action_mwl)s\n';
    const tree: FileTree = {
      read: (path) => (path === `${from}/jail.local` ? { text: local } : diskTree.read(path)),
      list: (folder) => diskTree.list(folder),
    };
    const shippedRoot = join(process.cwd(), 'test/config/fixtures/shipped');
    const before = loadConfig({ shippedRoot: from, adminRoot: '/nonexistent', tree }).config;
    const imported = importConfig({ from, shippedRoot, tree });
    const errors = imported.diagnostics.filter((one) => one.level === 'error');
    expect(errors).toEqual([]);
    const placed = Object.fromEntries([...imported.files].map(([name, text]) => [`/b/${name}`, text]));
    const memory = memoryTree(placed);
    const both: FileTree = {
      read: (path) => memory.read(path) ?? diskTree.read(path),
      list: (folder) => (folder.startsWith('/b') ? memory.list(folder) : diskTree.list(folder)),
    };
    const after = loadConfig({ shippedRoot, adminRoot: '/b', tree: both }).config;
    const rows = (config: typeof before) =>
      config?.jails
        .map(({ policy, rule, notify, hook }) => ({ policy, rule, notify: notify.map((one) => one.kind), hook }))
        .sort((a, b) => a.policy.jail.localeCompare(b.policy.jail));
    expect(rows(after)).toEqual(rows(before));
    expect(after?.jails.map((jail) => jail.name)).toContain('postfix-sasl');
    expect(after?.allow.terms).toEqual(before?.allow.terms);
  });
});
