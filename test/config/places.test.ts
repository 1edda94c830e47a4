/** What is wrong is told where the administrator wrote it, all of it in one go. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { checkConfig } from '../../src/config/load.js';
import { goodJail, ids, jail, load } from './support.js';

/** As our own jail.conf: values reach the actions through names of a shipped file. */
const SHIPPED = {
  '/usr/jail.conf':
    '[DEFAULT]\nbanaction = nftables\nchain = <known/chain>\naction_ = %(banaction)s[port="%(port)s", chain="%(chain)s"]\naction = %(action_)s\n[dovecto]\nfilter = %(__name__)s[mode=normal]\n[j]\nport = 143\n',
};

describe('the place of a problem', () => {
  test.each([
    ['port = imaps,foo', 'jail.action'],
    ['chain = INPUT,FORWARD', 'jail.action'],
    ['blocktype = RETURN', 'jail.action'],
    ['protocol = tpc', 'jail.action'],
    ['action = %(action_)s\n  cloudflare[cftoken=y]', 'jail.action-unmapped', 5],
    ['banaction = cloudflare', 'jail.action-unmapped'],
    ['action = nftables[chain=NOWHERE]', 'jail.action'],
  ])('is the line of its value: %s', (text, id, line = 4) => {
    const { diagnostics } = jail(text, SHIPPED);
    expect(diagnostics.find((one) => one.id === id)?.place).toMatchObject({
      file: '/etc/jail.local',
      line,
    });
  });

  test('of a filter named after its section is the section', () => {
    const { diagnostics } = load({
      ...SHIPPED,
      'jail.local': '\n[j]\n[dovecto]\nenabled = true\n',
    });
    expect(diagnostics.find(({ id }) => id === 'filter.missing')?.place).toMatchObject({ line: 6 });
    const own = load({ 'jail.local': '\n[dovecto]\nenabled = true\n' });
    expect(own.diagnostics.find(({ id }) => id === 'filter.missing')?.place).toMatchObject({
      file: '/etc/jail.local',
      line: 2,
    });
  });
});

describe('one error', () => {
  test('hides no other of the jail', () => {
    const { ids: found } = jail(
      'filter = nosuch\nport = foo\nbantime = long\nipv6prefix = 200\nignoreip = ?',
      SHIPPED,
    );
    expect(found).toEqual(
      expect.arrayContaining([
        'filter.missing',
        'jail.action',
        'config.value',
        'config.value',
        'jail.ignoreip',
      ]),
    );
  });

  test('of an action brings no second one about the firewall', () => {
    expect(jail('action = %(nosuch)s').ids).toEqual(['ini.unknown-name']);
  });
});

describe('what a newcomer writes', () => {
  test('a folder of the configuration that there is not is an error', () => {
    const folder = mkdtempSync(join(tmpdir(), 'banjour-config-'));
    const check = (adminRoot: string) => ids(checkConfig({ shippedRoot: folder, adminRoot }));
    try {
      expect(check(join(folder, 'none'))).toContain('config.missing');
      expect(check(folder)).not.toContain('config.missing');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('a misspelt filter: the nearest is offered', () => {
    const files = { '/usr/filter.d/dovecot.conf': '[Definition]\nfailregex = ^<HOST>\n' };
    const { diagnostics } = jail('filter = dovecto', files);
    expect(diagnostics.find(({ id }) => id === 'filter.missing')?.fix).toMatch(
      /^did you mean dovecot\?/,
    );
  });

  test('bantime = 0 keeps nobody out', () => {
    expect(jail('bantime = 0').ids).toContain('jail.bantime');
    expect(jail('bantime = 1').ids).not.toContain('jail.bantime');
  });

  test('usedns = yes, in the jail or once in [DEFAULT]', () => {
    expect(jail('usedns = yes').ids).toContain('jail.usedns');
    const two = '[DEFAULT]\nusedns = yes\nfilter = x\nenabled = true\n[a]\n[b]\n';
    expect(
      ids(load({ 'jail.local': two }).diagnostics).filter((id) => id === 'jail.usedns'),
    ).toHaveLength(1);
  });

  test('an option of the systemd backend that there is not', () => {
    expect(jail('backend = systemd[foo=1]').ids).toContain('jail.backend-option');
    expect(jail('backend = systemd[namespace=x, journalflags=1]').ids).not.toContain(
      'jail.backend-option',
    );
  });

  test.each(['abuseipdb', 'blocklist_de', 'cf_mwl', 'xarf'])(
    'the stock shortcut action_%s is a warning',
    (name) => {
      const own = name === 'abuseipdb' ? '%(action_)s\n  ' : '';
      const found = jail(
        `action = ${own}%(action_${name})s[key="%(fail2ban_agent)s", category="18,22"]`,
      );
      expect(found.diagnostics.filter(({ level }) => level === 'error')).toEqual([]);
      const warning = found.diagnostics.find(({ id }) => id === 'jail.action-unmapped');
      expect(warning?.place).toMatchObject({ file: '/etc/jail.local', line: own === '' ? 4 : 5 });
      expect(found.jail?.rule.ports).toBeDefined();
    },
  );
});

describe("fail2ban's shapes of a jail", () => {
  test('a filter in a folder of filter.d', () => {
    const files = { 'filter.d/mail/popd.conf': '[Definition]\nfailregex = ^p <HOST>\n' };
    const made = goodJail('filter = mail/popd\nmatch = -u popd', files);
    expect(made.intake.filter.failregex.map(({ text }) => text)).toEqual(['^p <HOST>']);
  });

  test('no filter but a failregex of its own', () => {
    const made = goodJail('filter =\nfailregex = ^own <HOST>$\nmatch = -u popd');
    expect(made.intake.filter).toMatchObject({ name: 'j', failregex: [{ text: '^own <HOST>$' }] });
    expect(goodJail('filter =').policy.counts).toBe('nothing');
  });

  test('netmasks of IPv6 in ignoreip', () => {
    const made = goodJail('ignoreip = 2001:db8::/ffff:ffff:: 2001:db8:1::/ffff:ffff:ffff:8000::');
    expect(made.allow).toMatchObject([{ prefix: { length: 32 } }, { prefix: { length: 49 } }]);
    expect(jail('ignoreip = 2001:db8::/ffff:0:ffff::').ids).toContain('jail.ignoreip');
  });
});
