import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config/load.js';
import { forgeableGroups, formatMatch } from '../../src/core/match.js';
import { CONFIG, FILTERS } from './samples.js';

/**
 * The shipped configuration with this `jail.local` of an administrator; anything there is to say is
 * an error here.
 */
function configWith(jailLocal: string) {
  const adminRoot = mkdtempSync(join(tmpdir(), 'banjour-'));
  try {
    writeFileSync(join(adminRoot, 'jail.local'), jailLocal);
    const { config, diagnostics } = loadConfig({ shippedRoot: CONFIG, adminRoot });
    expect(diagnostics).toEqual([]);
    if (config === undefined) throw new Error('no configuration');
    return config;
  } finally {
    rmSync(adminRoot, { recursive: true });
  }
}

const MAIL = [25, 110, 143, 465, 587, 993, 995, 4190];

describe('the shipped jails', () => {
  const config = configWith('');
  /** All but the one that weighs what the others find. */
  const counting = config.jails.filter(({ name }) => name !== 'login');

  test('of mail and SSH logins run without a line of configuration: three failures in an hour, out for an hour', () => {
    expect(config.jails.map(({ name }) => name).sort()).toEqual([
      'dovecot',
      'login',
      'postfix-sasl',
      'sshd',
    ]);
    for (const { policy } of counting)
      expect(policy).toMatchObject({
        maxretry: 3,
        findtime: 3600,
        bantime: 3600,
        forgetOnSuccess: false,
      });
  });

  test('close all mail ports to those who guess mail passwords, and drop their packets', () => {
    for (const { name, rule } of counting) {
      const ports =
        rule.ports === 'all'
          ? 'all'
          : rule.ports.flatMap(({ first, last }) => (first === last ? [first] : []));
      expect({ name, ports: ports === 'all' ? ports : ports.sort((a, b) => a - b) }).toEqual({
        name,
        ports: name === 'sshd' ? [22] : MAIL,
      });
      expect(rule).toMatchObject({ protocols: ['tcp'], verdict: 'drop' });
    }
  });

  test('select entries of Debian 12 and 13 alike, also those of sshd that lost their unit', () => {
    const matches = Object.fromEntries(
      counting.map(({ name, intake }) => [name, formatMatch(intake.match)]),
    );
    expect(matches).toEqual({
      'postfix-sasl':
        '_SYSTEMD_UNIT=postfix.service _SYSTEMD_UNIT=postfix@-.service _SYSTEMD_UNIT=dovecot.service',
      dovecot:
        '_SYSTEMD_UNIT=dovecot.service _SYSTEMD_UNIT=postfix.service _SYSTEMD_UNIT=postfix@-.service',
      sshd:
        '_SYSTEMD_UNIT=ssh.service _SYSTEMD_UNIT=sshd.service + ' +
        'SYSLOG_IDENTIFIER=sshd SYSLOG_IDENTIFIER=sshd-session _UID=0',
    });
  });

  test('have one for every shipped filter, and each of them can be switched on without a complaint', () => {
    const names = [...config.disabled, ...config.jails.map(({ name }) => name)];
    const all = configWith(names.map((name) => `[${name}]\nenabled = true\n`).join('\n'));
    expect(all.jails).toHaveLength(names.length);
    // Those that count bans, weigh evidence or take bans of other hosts read no lines.
    const reading = all.jails.filter(
      ({ source, policy }) =>
        source.kind !== 'ledger' && source.kind !== 'group' && policy.share === undefined,
    );
    const used = new Set(reading.map(({ intake }) => String(intake.filter.name)));
    expect([...used].sort()).toEqual(FILTERS);
    for (const { name, intake, source } of all.jails)
      if (source.kind === 'journal')
        expect({ name, forgeable: forgeableGroups(intake.match) }).toEqual({ name, forgeable: [] });
  });

  test('follow what the administrator writes into [DEFAULT]', () => {
    const own = configWith(
      '[DEFAULT]\nmaxretry = 7\nbantime = 1d\nbanaction = nftables[type=allports, blocktype=reject]\n',
    );
    for (const { name, policy, rule } of own.jails) {
      if (name === 'login') continue;
      expect(policy).toMatchObject({ maxretry: 7, bantime: 86_400 });
      expect(rule).toMatchObject({ ports: 'all', verdict: 'reject' });
    }
  });

  test('take a mode from the jail, as fail2ban does', () => {
    const count = (mode: string) =>
      configWith(`[dovecot]\nmode = ${mode}\n`).jails.find(({ name }) => name === 'dovecot')?.intake
        .filter.failregex.length;
    expect(count('aggressive')).toBeGreaterThan(count('normal') ?? 0);
  });
});
