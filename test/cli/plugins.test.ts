import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { Host } from '../control/host.js';
import { debianPackage } from '../support/debian-package.js';
import { fail2banPackage } from '../support/fail2ban.js';
import { canWrite } from '../support/journal-files.js';
import { hasCommand, needs } from '../support/require.js';
import { linkAs, runProgram, wrapped } from './program.js';

const fail2ban = fail2banPackage('1.1.0-8');
const munin = debianPackage('m/munin/munin-plugins-core_2.0.76-5_all.deb');
const common = debianPackage('m/munin/munin-common_2.0.76-5_all.deb');
const examples = 'root' in fail2ban ? join(fail2ban.root, 'usr/share/doc/fail2ban/examples') : '';
const reasonOf = (one: object) => ('reason' in one ? String(one.reason) : '');

describe('monitoring plugins for fail2ban, unchanged', () => {
  let host: Host;
  let link: string;
  let client: { path: string; folder: string };
  beforeAll(async () => {
    if (!canWrite[0]) return;
    host = await new Host().start();
    link = linkAs(host, 'fail2ban-client');
    client = wrapped(host, link);
    await host.client().ban({ jail: 'postfix-sasl', targets: ['192.0.2.1', '192.0.2.2'] });
    await host.client().ban({ jail: 'sshd', targets: ['192.0.2.1'] });
    await host.client().attempt({ jail: 'dovecot', target: '192.0.2.9', count: 3 });
  });
  afterAll(() => host?.end());

  const muninReady = canWrite[0] && 'root' in munin && 'root' in common;
  needs(muninReady, reasonOf(munin) || reasonOf(common) || canWrite[1])(
    "munin's fail2ban draws every jail",
    async () => {
      if (!('root' in munin) || !('root' in common)) throw new Error('bug');
      const plugin = join(munin.root, 'usr/share/munin/plugins/fail2ban');
      const env = {
        MUNIN_LIBDIR: join(common.root, 'usr/share/munin'),
        client: client.path,
        config_dir: '/etc/fail2ban',
      };
      expect(await runProgram(['bash', plugin, 'autoconf'], { env })).toEqual({
        code: 0,
        out: 'yes\n',
        err: '',
      });
      const config = await runProgram(['bash', plugin, 'config'], { env });
      expect(config.out).toContain('postfix_sasl.label postfix-sasl\n');
      const values = await runProgram(['bash', plugin], { env });
      expect([values.out, values.err]).toEqual([
        'dovecot.value 0\npostfix_sasl.value 2\nsshd.value 1\n',
        '',
      ]);
    },
  );

  needs(
    canWrite[0] && 'root' in fail2ban && hasCommand('perl'),
    reasonOf(fail2ban) || canWrite[1] || 'needs perl',
  )(
    "Nagios' check_fail2ban counts the banned",
    async () => {
      const plugin = join(examples, 'nagios/check_fail2ban');
      const at = ['-P', link, '-S', host.socket('status'), '-p'];
      const all = await runProgram(['perl', plugin, ...at, '-w', '10', '-c', '20']);
      expect([all.code, all.out]).toEqual([
        0,
        'CHECK FAIL2BAN ACTIVITY - OK - 3 detected jails with 3 current banned IP(s) | dovecot.currentBannedIP=0 postfix-sasl.currentBannedIP=2 sshd.currentBannedIP=1 ',
      ]);
      const one = await runProgram([
        'perl',
        plugin,
        ...at,
        '-j',
        'postfix-sasl',
        '-w',
        '1',
        '-c',
        '2',
      ]);
      expect([one.code, one.out]).toEqual([
        2,
        'CHECK FAIL2BAN ACTIVITY - CRITICAL - 2 current banned IP(s) for the specific jail postfix-sasl | 2 ',
      ]);
      const dead = await runProgram([
        'perl',
        plugin,
        '-P',
        link,
        '-S',
        '/nonexistent/control.sock',
      ]);
      expect([dead.code, dead.out]).toEqual([
        2,
        expect.stringContaining('CRITICAL - non-zero exit code'),
      ]);
    },
    20_000,
  );

  needs(
    canWrite[0] && 'root' in fail2ban && hasCommand('awk'),
    reasonOf(fail2ban) || canWrite[1] || 'needs awk',
  )("cacti's fail2ban_stats.sh reads failures and bans", async () => {
    const env = { PATH: `${client.folder}:${process.env['PATH']}` };
    const script = join(examples, 'cacti/fail2ban_stats.sh');
    expect((await runProgram(['bash', script, 'dovecot'], { env })).out).toBe(
      'failed:3 banned:0\n',
    );
    expect((await runProgram(['bash', script, 'postfix-sasl'], { env })).out).toBe(
      'failed:0 banned:2\n',
    );
  });
});
