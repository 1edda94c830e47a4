import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../../src/config/load.js';
import type { Diagnostic } from '../../../src/core/finding.js';
import { diskTree, type FileTree, memoryTree } from '../../../src/ini/tree.js';
import { importConfig } from '../../../src/tools/import/config.js';
import type { ConfigImport } from '../../../src/tools/import/folder.js';
import { ids } from '../../config/support.js';
import { FAIL2BAN_VERSIONS, fail2banPackage } from '../../support/fail2ban.js';
import { needs } from '../../support/require.js';

const SHIPPED = {
  '/usr/filter.d/sshd.conf': '[Definition]\nfailregex = ^ours <HOST>\n',
  '/usr/filter.d/nextcloud.conf': '[Definition]\nfailregex = ^ours <HOST>\n',
  '/usr/filter.d/common.conf': '[DEFAULT]\np = ours\n',
  '/usr/jail.conf':
    '[DEFAULT]\nmaxretry = 3\nfindtime = 1h\nbantime = 1h\n[sshd]\nport = ssh\nmatch = -u ssh\n[postfix]\nmaxretry = 10\nmatch = -u x\n[eager]\nenabled = true\nmatch = -u x\n',
};

function run(files: Readonly<Record<string, string>>, more: Partial<ConfigImport> = {}) {
  const placed = Object.entries(files).map(([name, text]) => [`/f/${name}`, text]);
  const tree = memoryTree({ ...SHIPPED, ...Object.fromEntries(placed) });
  const imported = importConfig({ from: '/f', shippedRoot: '/usr', tree, ...more });
  return { ...imported, text: (name: string) => imported.files.get(name)?.text ?? '' };
}

const levels = (
  level: Diagnostic['level'],
  { diagnostics }: { readonly diagnostics: readonly Diagnostic[] },
) => diagnostics.filter((one) => one.level === level);

describe('an import from fail2ban', () => {
  const STOCK = {
    'jail.conf':
      '[DEFAULT]\nmaxretry = 5\nbantime = 10m\nfindtime = 10m\nbanaction = iptables-multiport\naction_ = %(banaction)s[port="%(port)s"]\naction = %(action_)s\nweb_log = /var/log/web.log\nown_dir = /srv\n[sshd]\nport = ssh\nlogpath = /var/log/auth.log\n[apache]\nport = http\nlogpath = %(web_log)s\n',
    'filter.d/sshd.conf': '[Definition]\nfailregex = ^theirs <HOST>\n',
    'filter.d/apache.conf': '[Definition]\nfailregex = ^web <HOST>\n',
    'filter.d/common.conf': '[DEFAULT]\np = theirs\n',
  };

  test("an administrator's file stays what it is, comments and own names too", () => {
    const local = `# who is who
[DEFAULT]
office = 198.51.100.0/24   ; moved in May
ignoreip = %(office)s

[sshd]
enabled = true
# twice, not more
maxretry = 2
`;
    const result = run({ ...STOCK, 'jail.local': local });
    expect(result.text('jail.local')).toBe(local);
    expect(levels('error', result).concat(levels('warning', result))).toEqual([]);
    expect(result.files.get('jail.local')).toMatchObject({
      origin: '/f/jail.local',
      sources: ['/f/jail.local'],
    });
  });

  test("below it lies what fail2ban's own files say and the shipped ones do not", () => {
    const result = run({ ...STOCK, 'jail.local': '[sshd]\nenabled = true\nmaxretry = 7\n' });
    expect(result.text('jail.conf')).toContain(
      '[DEFAULT]\n# /f/jail.conf:2\nmaxretry = 5\n# /f/jail.conf:4\nfindtime = 10m\n',
    );
    expect(result.text('jail.conf')).toContain('# /f/jail.conf:3\nbantime = 10m\n');
    for (const word of ['logpath', 'apache', 'action', '[sshd]'])
      expect(result.text('jail.conf')).not.toContain(word);
  });

  test('[DEFAULT] goes on ruling jails that have a number of their own here', () => {
    const usual = {
      ...STOCK,
      'jail.local': '[DEFAULT]\nmaxretry = 9\n[postfix]\nenabled = true\nfilter = sshd\n',
    };
    expect(run(usual).text('jail.conf')).toContain(
      '[postfix]\n# /f/jail.local:2\nmaxretry = %(default/maxretry)s\n',
    );
  });

  test('a jail that is not shipped brings what the stock file says of it, and the names in it', () => {
    const result = run({
      ...STOCK,
      'jail.local': '[apache]\nenabled = true\nignorecommand = %(own_dir)s/ask <ip>\n',
    });
    expect(result.text('jail.conf')).toContain('own_dir = /srv\n');
    expect(result.text('jail.conf')).toMatch(
      /^\[apache\]\n# \/f\/jail.conf:15\nlogpath = \/var\/log\/web.log\n# \/f\/jail.conf:14\nport = http$/m,
    );
  });

  test('an action list of fail2ban itself that uses other names is written out', () => {
    const conf = `${STOCK['jail.conf']}[own]\nenabled = true\nfilter = sshd\nmatch = -u x\nclosed = 25\naction = %(banaction)s[port=%(closed)s]\n`;
    expect(run({ ...STOCK, 'jail.conf': conf }).text('jail.conf')).toContain(
      'action = iptables-multiport[port=25]\n',
    );
  });

  test('a value that builds on the stock one finds it', () => {
    const result = run({
      ...STOCK,
      'jail.local': '[apache]\nenabled = true\nport = %(known/port)s,8080\n',
    });
    expect(result.text('jail.conf')).toContain('port = http\n');
    expect(result.text('jail.local')).toContain('port = %(known/port)s,8080\n');
  });

  test('shipped jails that fail2ban did not run stay off', () => {
    const { text } = run({ ...STOCK, 'jail.local': '[apache]\nenabled = true\n' });
    expect(text('jail.conf')).toContain('# Not enabled in fail2ban\n[eager]\nenabled = false\n');
    expect(
      run({ ...STOCK, 'jail.local': '[eager]\nenabled = true\nfilter = sshd\n' }).text('jail.conf'),
    ).not.toContain('[eager]\nenabled');
  });

  test('of "enabled = true" for all, each jail is enabled by its name', () => {
    const result = run({ ...STOCK, 'jail.local': '[DEFAULT]\nenabled = true\n' });
    expect(result.jails).toEqual(['sshd', 'apache']);
    expect(result.text('jail.local')).toContain('#- enabled = true\n');
    expect(result.text('jail.conf').match(/^enabled = .*$/gm)).toEqual([
      'enabled = true',
      'enabled = true',
      'enabled = false',
    ]);
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
      'jail.conf',
      'jail.local',
    ]);
  });

  test('a stock filter that was changed there goes before the shipped one, and is named', () => {
    const files = { ...STOCK, 'jail.local': '[sshd]\nenabled = true\n' };
    expect(run(files, { changed: () => false }).files.has('filter.d/sshd.conf')).toBe(false);
    const result = run(files, { changed: (name) => name === 'filter.d/sshd.conf' });
    expect(result.text('filter.d/sshd.conf')).toBe(STOCK['filter.d/sshd.conf']);
    expect(ids(result.diagnostics)).toContain('import.own-filter');
    expect(result.text('jail.conf')).toContain('logpath = /var/log/auth.log');
  });

  test('takes a filter along that only its administrator can have written, though one of that name is shipped', () => {
    const files = {
      ...STOCK,
      'jail.local': '[nextcloud]\nenabled = true\nlogpath = /srv/nextcloud.log\n',
    };
    const own = '[Definition]\nfailregex = ^own <HOST>\n';
    expect(run({ ...files, 'filter.d/nextcloud.conf': own }).text('filter.d/nextcloud.conf')).toBe(
      own,
    );
    expect([...run(files).files.keys()]).toEqual(['jail.local', 'jail.conf']);
  });

  test('takes changed settings and the overlays of actions along', () => {
    const { text } = run({
      ...STOCK,
      'jail.local': '[sshd]\nenabled = true\n',
      'fail2ban.conf': '[DEFAULT]\nloglevel = INFO\ndbpurgeage = 1d\n',
      'fail2ban.local': '[DEFAULT]\n# hush\nloglevel = NOTICE\nsocket = /x\n',
      'fail2ban.d/a.local': '[Definition]\nsocket = /x\n',
      'action.d/sendmail-common.local': '[Init]\ndest = a@b\n',
    });
    expect(text('banjour.local')).toContain('[DEFAULT]\n# hush\nloglevel = NOTICE\n');
    expect(text('banjour.local')).toMatch(/^#- socket = \/x$/m);
    // Nothing is left of it.
    expect(text('banjour.d/a.local')).toBe('');
    expect(text('action.d/sendmail-common.local')).toBe('[Init]\ndest = a@b\n');
  });

  test("fail2ban's own settings count when they were changed in place", () => {
    const files = {
      ...STOCK,
      'jail.local': '[sshd]\nenabled = true\n',
      'fail2ban.conf': '[DEFAULT]\nloglevel = DEBUG\ndbpurgeage = 1d\nlogtarget = /srv/log\n',
    };
    expect(run(files, { changed: () => false }).text('banjour.conf')).toBe('');
    const { text } = run(files, { changed: (name) => name === 'fail2ban.conf' });
    expect(text('banjour.conf')).toContain('# /f/fail2ban.conf:2\nloglevel = DEBUG\n');
    expect(text('banjour.conf')).toMatch(/^#- logtarget = \/srv\/log$/m);
  });

  test('a log file that the service may not write, and a setting that is none, stay behind with a note', () => {
    const result = run({
      ...STOCK,
      'jail.local': '[sshd]\nenabled = true\n',
      'fail2ban.local':
        '[Definition]\nlogtarget = /var/log/fail2ban.log\nallowipv6 = auto;\nloglevel = NOTICE\n',
    });
    const text = result.text('banjour.local');
    expect(text).toMatch(/^#- logtarget = \/var\/log\/fail2ban.log$/m);
    expect(text).toMatch(/^#- allowipv6 = auto;$/m);
    expect(text).toMatch(/^loglevel = NOTICE$/m);
    const noted = result.diagnostics.filter(({ id }) => id === 'import.setting');
    expect(noted.map(({ place }) => place)).toEqual([
      { file: '/f/fail2ban.local', line: 2 },
      { file: '/f/fail2ban.local', line: 3 },
    ]);
    expect(levels('error', result)).toEqual([]);
    const kept = run({
      ...STOCK,
      'jail.local': '[sshd]\nenabled = true\n',
      'fail2ban.local': '[Definition]\nlogtarget = /var/log/banjour/banjour.log\n',
    });
    expect(kept.text('banjour.local')).toMatch(/^logtarget = /m);
  });

  test('a jail for bans by hand comes along, and nothing is said of it', () => {
    const result = run({
      ...STOCK,
      'jail.local': '[manual]\nenabled = true\nfilter =\n[apache]\nenabled = false\n',
    });
    expect([result.jails, [...result.left.keys()], result.diagnostics]).toEqual([
      ['manual'],
      [],
      [],
    ]);
  });

  test('a jail that cannot come along is commented out with the reason, at its source', () => {
    const local =
      '[sshd]\nenabled = true\n\n# ours\n[bad]\nenabled = true\nfilter = sshd\nmatch = -u x\nfindtime =\n  soon\n';
    const result = run({ ...STOCK, 'jail.local': local });
    expect([result.jails, [...result.left.keys()]]).toEqual([['sshd'], ['bad']]);
    expect(result.left.get('bad')?.[0]?.place).toMatchObject({ file: '/f/jail.local' });
    expect(result.text('jail.local')).toMatch(
      /^# ours\n# The jail bad was not taken over:\n# {3}\/f\/jail.local:10.*(?:\n# {3}.*)*\n#- \[bad\]\n#- enabled = true\n#- filter = sshd\n#- match = -u x\n#- findtime =\n#- {3}soon$/m,
    );
    expect(levels('error', result)).toEqual([]);
  });

  test('what is wrong for all jails is commented out alone, and the stock value holds', () => {
    const local =
      '[DEFAULT]\nbantime = forever\nignoreip = 192.0.2.1 192.168.\n  192.0.2.3\n[sshd]\nenabled = true\nbantime.increment = yes\nbantime.formula = [banFactor]\n';
    const result = run({ ...STOCK, 'jail.local': local });
    expect(result.jails).toEqual(['sshd']);
    expect(result.text('jail.local')).toMatch(
      /^#- bantime = forever\n(?:# .*\n)+#- ignoreip = .*\n#- {3}192.0.2.3\nignoreip = 192.0.2.1 192.0.2.3$/m,
    );
    expect(result.text('jail.local')).toMatch(/^#- bantime.formula = /m);
    expect(result.text('jail.conf')).toContain('bantime = 10m\n');
    expect(levels('error', result)).toEqual([]);
    expect(levels('warning', result).map(({ key, place }) => [key, place?.line])).toEqual([
      ['bantime', 2],
      ['bantime.formula', 8],
      ['ignoreip', 3],
    ]);
  });

  test('a formula of their own becomes the list of what it gives', () => {
    const local =
      '[DEFAULT]\nbantime.increment = true\nbantime.factor = 2\nbantime.formula = ban.Time * banFactor * min(ban.Count + 1, 3)\n[sshd]\nenabled = true\n';
    const result = run({ ...STOCK, 'jail.local': local });
    expect(result.text('jail.local')).toMatch(
      /^# Python is not run.*\n#- bantime.formula = .*\nbantime.multipliers = 1 2 3$/m,
    );
    expect(result.diagnostics).toMatchObject([
      { level: 'note', id: 'import.formula', place: { line: 4 } },
    ]);
  });

  test("the match of Debian's own file for sshd gives way to the shipped one, an administrator's does not", () => {
    const match = 'journalmatch = _SYSTEMD_UNIT=ssh.service + _COMM=sshd\n';
    const stock = { ...STOCK, 'jail.d/defaults-debian.conf': `[sshd]\nenabled = true\n${match}` };
    expect(run(stock).text('jail.conf')).not.toContain('journalmatch');
    const own = run({
      ...stock,
      'jail.local': '[sshd]\njournalmatch = _SYSTEMD_UNIT=my.service\n',
    });
    expect(own.text('jail.local')).toContain('\njournalmatch = _SYSTEMD_UNIT=my.service');
    expect(run({ ...stock, 'jail.local': `[sshd]\n${match}` }).text('jail.local')).toContain(
      `#- ${match}`,
    );
  });

  test('a copy of jail.conf says no more of where to read from than the original', () => {
    const { text } = run({
      ...STOCK,
      'jail.local': STOCK['jail.conf'].replace('[sshd]', '[sshd]\nenabled = true'),
    });
    expect(text('jail.local')).toContain('#- logpath = /var/log/auth.log\n');
    expect(text('jail.local')).toContain('\nlogpath = %(web_log)s\n');
  });

  test('a jail of the whole journal reads it here too, and the warning says what that means', () => {
    const jail = '[mine]\nenabled = true\nbackend = systemd\nfilter = apache\n';
    const result = run({ ...STOCK, 'jail.local': jail });
    expect(result.text('jail.local')).toMatch(/^\[mine\]\n# .*\nmatch = all\nenabled = true$/m);
    expect(ids(levels('warning', result))).toEqual(['jail.forgeable-match']);
    const stock = { ...STOCK, 'jail.conf': `${STOCK['jail.conf']}${jail}` };
    expect(run(stock).text('jail.conf')).toMatch(/^\[mine\]\n(?:.*\n)*match = all$/m);
    expect([
      ...run({ ...STOCK, 'jail.local': jail.replace('systemd', 'auto') }).left.keys(),
    ]).toEqual(['mine']);
  });

  const LOGS = [
    { service: 'dovecot', path: '/var/log/mail.log', command: 'doveconf -h log_path' },
    { service: 'postfix', path: '/var/log/postfix.log', command: 'postconf -xh maillog_file' },
  ] as const;

  test('where a service writes its log itself, its jails read that file', () => {
    const files = {
      ...STOCK,
      'filter.d/imap.conf':
        '[Definition]\nfailregex = ^i <HOST>\njournalmatch = _SYSTEMD_UNIT=dovecot.service\n',
      'filter.d/postfix-x.conf':
        '[Definition]\nfailregex = ^p <HOST>\njournalmatch = _SYSTEMD_UNIT=postfix.service\n',
      'jail.local':
        '[dovecot]\nenabled = true\nfilter = imap\nlogpath = /var/log/mail.log\nmaxretry = 3\n[sshd]\nenabled = true\n[p]\nenabled = true\nfilter = postfix-x\nbackend = systemd\n',
    };
    const result = run(files, { logs: LOGS });
    expect(result.text('jail.local')).toMatch(
      /^\[dovecot\]\n# doveconf.*\nlogpath = \/var\/log\/mail.log\nbackend = polling\nenabled = true\n/m,
    );
    expect(result.text('jail.local')).toMatch(/^#- logpath = \/var\/log\/mail.log\nmaxretry = 3$/m);
    expect(result.text('jail.local')).toMatch(
      /^\[p\]\n# postconf.*\nlogpath = \/var\/log\/postfix.log\nbackend = polling\n/m,
    );
    expect(ids(levels('note', result))).toEqual(['import.service-log', 'import.service-log']);
    expect(run(files).text('jail.local')).not.toContain('polling');
  });

  test('a jail of no own file reads it too', () => {
    const files = {
      ...STOCK,
      'jail.conf': `${STOCK['jail.conf']}[dovecot]\nenabled = true\nfilter = imap\n`,
      'filter.d/imap.conf':
        '[Definition]\nfailregex = ^i <HOST>\njournalmatch = _SYSTEMD_UNIT=dovecot.service\n',
    };
    expect(run(files, { logs: LOGS }).text('jail.conf')).toMatch(
      /^\[dovecot\]\n(?:.*\n)*# doveconf.*\nlogpath = \/var\/log\/mail.log\nbackend = polling$/m,
    );
  });

  test('files that the service does not see are told with the line that shows them', () => {
    const result = run({
      ...STOCK,
      'jail.local':
        '[apache]\nenabled = true\nlogpath = /home/cloud/cloud.log\nbackend = polling\n',
    });
    expect(levels('warning', result)).toMatchObject([
      { id: 'import.hidden', place: { file: '/f/jail.local', line: 3 } },
    ]);
    expect(levels('warning', result)[0]?.fix).toContain('ProtectHome=read-only');
  });

  test('says what it could not carry over, and names own actions', () => {
    const files = {
      ...STOCK,
      'jail.local': '[sshd]\nenabled = true\naction = %(action_)s\n  cloudflare\n  shout[to=all]\n',
      'action.d/shout.conf': '[Definition]\nactionban = shout <ip>\n',
    };
    const told = levels('warning', run(files));
    expect(told.map(({ id, place }) => [id, place?.line])).toEqual([
      ['jail.action-unmapped', 4],
      ['jail.action-unmapped', 5],
    ]);
    expect(told[1]?.message).toBe('the commands of action.d/shout are not run');
  });

  test("an administrator's own way to close the firewall gives way to the table, and is told", () => {
    const local =
      '[DEFAULT]\nbanaction = wall-script[zone=mail]\n[sshd]\nenabled = true\n[apache]\nenabled = true\n';
    const result = run({
      ...STOCK,
      'jail.local': local,
      'action.d/wall-script.conf': '[Definition]\n',
    });
    expect(result.jails).toEqual(['sshd', 'apache']);
    expect(result.text('jail.local')).toMatch(/^#- banaction = wall-script\[zone=mail\]$/m);
    expect(levels('warning', result).map(({ id, place }) => [id, place?.line])).toEqual([
      ['jail.no-banaction', 2],
    ]);
    const inJail = local.replace('[DEFAULT]\n', '[sshd]\n').replace('[sshd]\nenabled', 'enabled');
    expect(run({ ...STOCK, 'jail.local': inJail }).jails).toEqual(['sshd', 'apache']);
    // A jail that was not to close anything does not come along.
    const alone = '[sshd]\nenabled = true\naction = wall-script\n';
    expect([...run({ ...STOCK, 'jail.local': alone }).left.keys()]).toEqual(['sshd']);
  });

  test('commands of a stock action that were changed are told', () => {
    const files = {
      ...STOCK,
      'jail.local': '[sshd]\nenabled = true\n',
      'action.d/iptables-multiport.conf': '[Init]\n',
    };
    expect(ids(run(files, { changed: () => true }).diagnostics)).toContain('import.changed-action');
    expect(ids(run(files, { changed: () => false }).diagnostics)).not.toContain(
      'import.changed-action',
    );
  });

  test('stock shortcuts of actions are warnings', () => {
    for (const name of [
      'action_abuseipdb',
      'action_blocklist_de',
      'action_cf_mwl',
      'action_xarf',
    ]) {
      const result = run({
        ...STOCK,
        'jail.local': `[sshd]\nenabled = true\naction = %(action_)s\n  %(${name})s[key="%(fail2ban_agent)s"]\n`,
      });
      expect([result.jails, levels('warning', result).length > 0]).toEqual([['sshd'], true]);
    }
  });

  test('what becomes of banned packets stays', () => {
    const files = {
      ...STOCK,
      'jail.local': '[sshd]\nenabled = true\n',
      'action.d/nftables.conf': '[Init]\nblocktype = reject\n',
    };
    const dropping = { '/usr/action.d/nftables-common.conf': '[Init]\nblocktype = drop\n' };
    const tree = memoryTree({
      ...SHIPPED,
      ...dropping,
      ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`/f/${name}`, text])),
    });
    expect(run(files, { tree }).text('action.d/nftables-common.conf')).toContain(
      '[Init]\nblocktype = reject\n',
    );
  });

  test('notes that ignoreip of a jail adds to that of all', () => {
    const jail = '[sshd]\nenabled = true\nignoreip = 192.0.2.2\n';
    expect(
      ids(run({ ...STOCK, 'jail.local': `[DEFAULT]\nignoreip = 192.0.2.1\n${jail}` }).diagnostics),
    ).toEqual(['import.ignoreip']);
    expect(run({ ...STOCK, 'jail.local': jail }).diagnostics).toEqual([]);
  });
});

describe.each(FAIL2BAN_VERSIONS)("an import of Debian's fail2ban %s", (version) => {
  const unpacked = fail2banPackage(version);
  needs('root' in unpacked, 'reason' in unpacked ? unpacked.reason : '')(
    'bans as that one does',
    () => {
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
      const placed = Object.fromEntries(
        [...imported.files].map(([name, { text }]) => [`/b/${name}`, text]),
      );
      const memory = memoryTree(placed);
      const both: FileTree = {
        read: (path) => memory.read(path) ?? diskTree.read(path),
        list: (folder) => (folder.startsWith('/b') ? memory.list(folder) : diskTree.list(folder)),
      };
      const after = loadConfig({ shippedRoot, adminRoot: '/b', tree: both }).config;
      const rows = (config: typeof before) =>
        config?.jails
          .map(({ policy, rule, notify, hook }) => ({
            policy,
            rule,
            notify: notify.map((one) => one.kind),
            hook,
          }))
          .sort((a, b) => a.policy.jail.localeCompare(b.policy.jail));
      expect(rows(after)).toEqual(rows(before));
      expect(after?.jails.map((jail) => jail.name)).toContain('postfix-sasl');
      expect(after?.allow.terms).toEqual(before?.allow.terms);
    },
  );
});
