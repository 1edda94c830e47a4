/**
 * What Debian has beside Banjour, in a lab: their settings, how fast they go through stored
 * entries, and CrowdSec before a month that is over.
 */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { until } from '../../test/e2e/lib/shell.js';
import { momentOf } from './campaign/judges.js';
import type { LateBan } from './campaign/rivals.js';
import { UNITS } from './journal.js';
import type { Lab } from './lab.js';

export const SSHGUARD_PARSER = '/usr/libexec/sshguard/sshg-parser';
const CROWDSEC = '/etc/crowdsec/config.yaml';
const CROWDSEC_DATA = '/var/lib/crowdsec/data/crowdsec.db';
/** Where the stored entries lie in the lab. */
const JOURNAL = '/srv/journal';
/** The three services, for journalctl. */
const SELECTED = Object.values(UNITS)
  .map((unit) => `_SYSTEMD_UNIT=${unit}`)
  .join(' ');
/** What a program may take for all stored entries, ms. */
const PATIENCE = 1_800_000;

/** What CrowdSec's package has for mail servers and does not switch on by itself. */
const FOR_MAIL = [
  ['parsers/s01-parse', 'postfix-logs'],
  ['parsers/s01-parse', 'dovecot-logs'],
  ['scenarios', 'postfix-spam'],
  ['scenarios', 'dovecot-spam'],
] as const;

/**
 * Gives them the same three services to watch. What they know of them, how often an address may
 * fail and for how long it is banned is as their packages have it; the parsers and scenarios of
 * CrowdSec are those that its package brings.
 */
export async function configureRivals(lab: Lab): Promise<void> {
  const sh = (script: string) => lab.exec(['sh', '-euc', script], { timeoutMs: 120_000 });
  // Its package selects facilities, without the mail server's and with its own lines, which it
  // counts as attacks.
  const reader = `LANG=C journalctl -afb -p info -n1 -o cat ${SELECTED}`;
  await sh(`sed -i 's|^LOGREADER=.*|LOGREADER="${reader}"|' /etc/sshguard/sshguard.conf`);
  const filters = Object.values(UNITS).map((unit) => `  - _SYSTEMD_UNIT=${unit}`);
  const acquisition = ['source: journalctl', 'journalctl_filter:', ...filters];
  acquisition.push('labels:', '  type: syslog', '');
  await writeFile(lab.path('etc/crowdsec/acquis.yaml'), acquisition.join('\n'));
  for (const [folder, name] of FOR_MAIL)
    await sh(
      `ln -sf /var/lib/crowdsec/hub/${folder}/crowdsecurity/${name}.yaml /etc/crowdsec/${folder}/`,
    );
  // A month has more alerts than it keeps.
  await sh(`sed -i 's/max_items: .*/max_items: 10000000/' ${CROWDSEC}`);
  const key = (await lab.exec(['cscli', 'bouncers', 'add', 'bench', '-o', 'raw'])).trim();
  const bouncer = 'etc/crowdsec/bouncers/crowdsec-firewall-bouncer.yaml.local';
  await writeFile(lab.path(bouncer), `mode: nftables\napi_key: ${key}\n`);
}

/** Puts a folder of journal files into the lab. */
export async function storeEntries(lab: Lab, folder: string): Promise<void> {
  await mkdir(lab.path(JOURNAL), { recursive: true });
  await cp(folder, lab.path(JOURNAL), { recursive: true });
}

/**
 * The programs over the stored entries of the three units, one after the other: seconds by the
 * clock from start to exit.
 */
export const THROUGHPUTS = {
  banjour: (lab: Lab) =>
    timed(lab, ['banjour', 'replay', JOURNAL, '--quiet', '--config-dir', '/etc/banjour']),
  fail2ban: async (lab: Lab) => {
    const filters = [
      ['postfix[mode=auth]', UNITS.postfix],
      ['dovecot', UNITS.dovecot],
      ['sshd', UNITS.sshd],
    ] as const;
    const quiet = ['--usedns', 'no', '--no-check-all', '--print-no-missed', '--print-no-ignored'];
    let seconds = 0;
    for (const [filter, unit] of filters) {
      const match = ['-m', `_SYSTEMD_UNIT=${unit}`];
      const log = `systemd-journal[journalpath=${JOURNAL}]`;
      seconds += await timed(lab, ['fail2ban-regex', ...quiet, ...match, log, filter]);
    }
    return seconds;
  },
  sshguard: (lab: Lab) => {
    const reader = `journalctl -q -D ${JOURNAL} -o cat --no-pager ${SELECTED}`;
    return timed(lab, ['sh', '-c', `${reader} | ${SSHGUARD_PARSER} > /dev/null`]);
  },
  crowdsec: async (lab: Lab) => {
    // It knows files, and the journal of its host alone.
    const reader = `journalctl -q -D ${JOURNAL} -o short-iso --no-pager ${SELECTED}`;
    await startLapi(lab);
    return timed(lab, [
      'sh',
      '-c',
      `${reader} > /srv/stored.log && ${crowdsecOver('/srv/stored.log')}`,
    ]);
  },
} as const;

async function timed(lab: Lab, command: readonly string[]): Promise<number> {
  const started = performance.now();
  await lab.exec(command, { timeoutMs: PATIENCE });
  return (performance.now() - started) / 1_000;
}

/**
 * CrowdSec over a file, by the times of its lines, to its end. It gives its decisions to the LAPI
 * that runs as a service.
 */
function crowdsecOver(file: string): string {
  return `crowdsec -no-api -c ${CROWDSEC} -dsn file://${file} -type syslog > /dev/null 2>&1`;
}

async function startLapi(lab: Lab): Promise<void> {
  await lab.exec(['systemctl', 'start', 'crowdsec.service']);
  await until('the LAPI answers', async () => {
    await lab.exec(['cscli', 'lapi', 'status']);
    return true;
  });
}

/** The bans that CrowdSec decides on a month that is over. */
export async function crowdsecBans(lab: Lab, lines: readonly string[]): Promise<LateBan[]> {
  await startLapi(lab);
  const sql = (words: string) => lab.exec(['sqlite3', CROWDSEC_DATA, words]);
  await sql('DELETE FROM decisions; DELETE FROM events; DELETE FROM alerts;');
  await writeFile(lab.path('srv/month.log'), `${lines.join('\n')}\n`);
  await lab.exec(['sh', '-c', crowdsecOver('/srv/month.log')], { timeoutMs: PATIENCE });
  const rows = await sql(
    "SELECT d.value, strftime('%s', a.stopped_at), strftime('%s', d.until) FROM decisions d JOIN alerts a ON a.id = d.alert_decisions",
  );
  const begin = momentOf(0) / 1_000_000;
  return rows
    .split('\n')
    .filter((row) => row !== '')
    .map((row) => {
      const [address = '', from, until] = row.split('|');
      return { address, from: Number(from) - begin, until: Number(until) - begin };
    });
}
