import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config/load.js';
import type { Config, JailConfig } from '../../src/config/types.js';
import { formatPrefix } from '../../src/core/address.js';
import { formatMatch } from '../../src/core/match.js';
import { ids } from './support.js';

const EXAMPLES = join(process.cwd(), 'examples/seeds');
/** What the package ships, and the least that the examples need: they must work with both. */
const SHIPPED = ['config', 'test/config/fixtures/shipped']
  .map((folder) => join(process.cwd(), folder))
  .filter((folder) => existsSync(join(folder, 'filter.d/common.conf')));

function example(shippedRoot: string, name: string): { config: Config; warnings: string[] } {
  const { config, diagnostics } = loadConfig({ shippedRoot, adminRoot: join(EXAMPLES, name) });
  if (config === undefined) throw new Error(JSON.stringify(diagnostics, null, 1));
  return { config, warnings: ids(diagnostics.filter((one) => one.level === 'warning')) };
}

/** The example's own jails; the package enables some of its own beside them. */
function named(config: Config, ...names: string[]): JailConfig[] {
  return names.map((name) => {
    const found = config.jails.find((jail) => jail.name === name);
    if (found === undefined) throw new Error(`no jail ${name}`);
    return found;
  });
}

const port = (first: number, last = first) => ({ first, last });

describe.each(SHIPPED)('the configurations of the articles, over %s', (shipped) => {
  test('are all loaded without an error', () => {
    const names = readdirSync(EXAMPLES).sort();
    expect(names).toEqual([
      'bridge',
      'dovecot-ignoreip',
      'postfix-auth',
      'qmail',
      'sasl',
      'sasl-permanent',
      'sasl-puppet',
    ]);
    for (const name of names) expect(example(shipped, name).config.jails.length).toBeGreaterThan(0);
  });

  test('postfix-auth bans after three lost connections, on nine ports', () => {
    const { config, warnings } = example(shipped, 'postfix-auth');
    const [jail] = named(config, 'postfix-auth');
    expect(jail?.policy.maxretry).toBe(3);
    expect(jail?.rule.ports).toEqual(
      [80, 443, 25, 587, 110, 995, 143, 993, 4190].map((one) => port(one)),
    );
    expect(jail?.intake.filter.failregex.map((one) => one.text)).toEqual([
      'lost connection after AUTH from (.*)\\[<HOST>\\]',
    ]);
    expect(jail?.source.kind).toBe('journal');
    expect(warnings).toEqual(['jail.match-from-logpath']);
  });

  test('postfix-sasl bans for half an hour after 50 failures in ten minutes, in the unit that the article shows', () => {
    const { config, warnings } = example(shipped, 'sasl');
    const [jail] = named(config, 'postfix-sasl');
    expect(jail?.policy).toMatchObject({ maxretry: 50, findtime: 600, bantime: 1_800 });
    expect(formatMatch(jail?.intake.match ?? { groups: [] })).toContain(
      '_SYSTEMD_UNIT=postfix.service',
    );
    expect(jail?.intake.filter.failregex[0]?.text).toContain(
      'warning: [-._\\w]+\\[<HOST>\\]: SASL ((?i)LOGIN|PLAIN|',
    );
    expect(jail?.intake.filter.failregex[0]?.place.file).toContain(
      'examples/seeds/sasl/filter.d/postfix-sasl.conf',
    );
    expect(jail?.intake.filter.ignoreregex).toHaveLength(1);
    expect(warnings).toEqual([]);
  });

  test('with bantime = -1 it bans for good', () => {
    const [jail] = named(example(shipped, 'sasl-permanent').config, 'postfix-sasl');
    expect(jail?.policy.bantime).toBeNull();
  });

  test('the Puppet class gives the same jail, and the log level and ignoreip it sets', () => {
    const { config } = example(shipped, 'sasl-puppet');
    expect(named(config, 'postfix-sasl')[0]?.policy).toMatchObject({
      maxretry: 50,
      findtime: 600,
      bantime: 1_800,
    });
    expect(config.settings.loglevel).toBe('notice');
    expect(config.allow.terms).toEqual([
      { kind: 'prefix', prefix: { family: 4, base: '127.0.0.1', length: 32 } },
    ]);
  });

  test('the parameters of the third article mean what it says', () => {
    const { config, warnings } = example(shipped, 'dovecot-ignoreip');
    expect(
      config.allow.terms.map((term) => (term.kind === 'prefix' ? formatPrefix(term.prefix) : term)),
    ).toEqual(['127.0.0.1', '192.168.254.0/24']);
    const jails = named(config, 'dovecot', 'postfix-sasl');
    expect(jails.map((jail) => [jail.name, jail.policy.maxretry, jail.policy.bantime])).toEqual([
      ['dovecot', 3, 600],
      ['postfix-sasl', 3, 600],
    ]);
    expect(warnings).toEqual([]);
  });

  test('the seven jails of the qmail host read what the article names and ban as it says', () => {
    const { config } = example(shipped, 'qmail');
    const names = [
      'qmail-smtp',
      'qmail-submission',
      'vpopmail',
      'qmailadmin',
      'roundcube-auth',
      'dovecot-pop3',
      'dovecot-imap',
    ];
    const jails = named(config, ...names);
    const rows = jails.map((jail) => [
      jail.name,
      jail.source.kind === 'text' ? jail.source.paths[0]?.path : formatMatch(jail.intake.match),
      jail.policy.maxretry,
      jail.policy.bantime,
      jail.rule.ports === 'all' ? 'all' : jail.rule.ports.map((range) => range.first).join(),
      jail.intake.filter.failregex.length,
    ]);
    expect(rows).toEqual([
      ['qmail-smtp', '/var/log/qmail/smtpd/current', 5, 86_400, '25,465,587', 4],
      ['qmail-submission', '/var/log/qmail/submission/current', 5, 86_400, '25,465,587', 4],
      ['vpopmail', 'SYSLOG_FACILITY=2', 5, 86_400, '25,465,587', 2],
      ['qmailadmin', '/var/log/qma-auth.log', 4, 86_400, '80,443', 1],
      ['roundcube-auth', '/var/www/roundcube/logs/userlogins.log', 4, 86_400, '80,443', 2],
      ['dovecot-pop3', '/var/log/dovecot/dovecot.log', 6, 3_600, '993,995', 1],
      ['dovecot-imap', '/var/log/dovecot/dovecot.log', 6, 3_600, '993,995', 1],
    ]);
    for (const jail of jails) {
      expect(jail.policy.findtime).toBe(3_600);
      expect(jail.rule.protocols).toEqual(['tcp', 'udp', 'udplite', 'sctp']);
      expect(jail.notify).toMatchObject([
        { style: 'whois-lines', dest: 'postmaster@mydomain.tld', sender: 'fail2ban@mydomain.tld' },
      ]);
      expect(jail.intake.filter.prefregex).toBeUndefined();
    }
    expect(config.settings.allowipv6).toBe('auto');
  });

  test('the bridge judges forwarded packets, by the journal that other hosts send', () => {
    const { config } = example(shipped, 'bridge');
    expect(config.firewall.hook).toBe('forward');
    expect(named(config, 'dovecot')[0]?.source).toEqual({
      kind: 'journal',
      spec: { kind: 'remote', path: '/var/log/journal/remote' },
    });
  });
});
