/** fail2ban as it is set up on six real kinds of host; every filter here is our own. */
import type { Machine } from './machine.js';
import { until } from './shell.js';
import { cutOff, type Station } from './station.js';

export interface Fail2banHost {
  readonly name: string;
  /**
   * Below /etc/fail2ban, laid over Debian's own; a name that begins with a slash is somewhere else.
   * Mode 0644 if not said.
   */
  readonly files: Readonly<
    Record<string, string | { readonly text: string; readonly mode: number }>
  >;
  /** Commands before fail2ban starts. */
  readonly commands?: readonly (readonly string[])[];
  /** Commands that undo them. */
  readonly afterwards?: readonly (readonly string[])[];
  /** Bans by hand: jail, address, a port that the jail closes. */
  readonly bans: readonly (readonly [jail: string, from: string, port: number])[];
  /** Each jail that works afterwards: an attack from the address ends in a ban. */
  readonly attacks: Readonly<Record<string, Attack>>;
  /** Whose mailbox gets a mail about the attack on the first jail. */
  readonly mail?: string;
}

type Attack = (
  at: { readonly machine: Machine; readonly station: Station },
  from: string,
) => Promise<void>;

const PACE = { intervalMs: 100, readMs: 4_000 };

/** Wrong passwords until nobody answers any more. */
const guess =
  (service: 'ssh' | 'imap' | 'smtp', attempts: number): Attack =>
  async ({ station }, from) => {
    const result = await station.attack(service, from, attempts, PACE);
    if (!cutOff(result))
      throw new Error(`${service} is not cut off: ${result.map((one) => one.result).join(' ')}`);
  };

/**
 * Lines that the attacked program writes into its own log file; FROM and NOW stand for the address
 * and the time.
 */
const lines =
  (path: string, line: string, count: number): Attack =>
  async ({ machine }, from) => {
    const script = `for i in $(seq ${count}); do echo "$(date '+%Y-%m-%d %H:%M:%S') ${line.replace('FROM', from)}" >> ${path}; done`;
    await machine.exec(['sh', '-euc', script]);
    await until(
      `${from} is banned for ${path}`,
      async () => (await machine.try(['banjour', 'banned', from])).status === 0,
      { timeoutMs: 60_000 },
    );
  };

/**
 * Wrong passwords over IMAP until the agent has banned: it may take its time to find out where
 * Dovecot logs.
 */
const persist: Attack = async ({ machine, station }, from) => {
  await until(
    `${from} is banned for Dovecot's own log file`,
    async () => {
      await station.attack('imap', from, 8, { ...PACE, connectMs: 500 });
      return (await machine.try(['banjour', 'banned', from])).status === 0;
    },
    { timeoutMs: 120_000 },
  );
};

/** A ban by hand. */
const byHand =
  (jail: string): Attack =>
  async ({ machine }, from) => {
    await machine.exec(['banjour', 'ban', jail, from]);
  };

const TIDY: Fail2banHost = {
  name: 'an old hand: logtarget, ten defaults, formula, mails, own actions and filters, recidive, tokens',
  files: {
    'fail2ban.local':
      '[Definition]\nlogtarget = /var/log/fail2ban.log\nloglevel = NOTICE\ndbpurgeage = 8d\n',
    'jail.local': {
      mode: 0o600,
      text: `# What holds for every jail.
[DEFAULT]
ignoreip = 127.0.0.1/8 ::1
bantime = 2h
findtime = 20m
maxretry = 3
bantime.increment = true
bantime.factor = 1
bantime.formula = ban.Time * (1<<(ban.Count if ban.Count<20 else 20)) * banFactor
bantime.maxtime = 5w
destemail = anna
sender = banjour
backend = systemd
banaction = nftables
token = s3cr3t-t0k3n
action = %(action_mwl)s

[sshd]
enabled = true

[dovecot]
enabled = true
bantime = 4h

[shop]
enabled = true
filter = shop
backend = polling
port = http,https
logpath = /var/log/shop.log
maxretry = 4
action = %(action_)s
         report[token="%(token)s"]

[recidive]
enabled = true
bantime = 1w
findtime = 1d
`,
    },
    'filter.d/shop.conf':
      '[Definition]\nfailregex = ^ login refused for <HOST>$\ndatepattern = ^%%Y-%%m-%%d %%H:%%M:%%S\n',
    'action.d/report.conf': {
      mode: 0o600,
      text: '[Definition]\nactionban = echo <ip> <token> >> /var/log/reported\nactionunban =\n[Init]\ntoken =\n',
    },
    '/var/log/shop.log': '',
    // Banjour's own: no registry can be asked here, and nobody waits for a minute's news.
    '/etc/banjour/notify.conf': '[Definition]\nwhois = no\ndigest = 1\n',
  },
  bans: [
    ['sshd', '203.0.113.11', 22],
    ['sshd', '2001:db8:bad:11::1', 22],
    ['dovecot', '203.0.113.12', 143],
    ['recidive', '203.0.113.13', 25],
  ],
  attacks: {
    sshd: guess('ssh', 6),
    dovecot: guess('imap', 6),
    shop: lines('/var/log/shop.log', 'login refused for FROM', 5),
  },
  mail: 'anna',
};

const BY_HAND: Fail2banHost = {
  name: 'a web server behind ufw: a jail for bans by hand, ipset, polling, no database',
  files: {
    'fail2ban.local': '[Definition]\ndbfile = None\n',
    'jail.local': `[DEFAULT]
backend = systemd
bantime = 1h

[sshd]
enabled = true
maxretry = 4
banaction = iptables-ipset

[manual]
enabled = true
filter =
bantime = -1
port = 0:65535
banaction = ufw

[wiki]
enabled = true
backend = polling
port = http,https
filter = wiki
logpath = /var/log/wiki/*.log
findtime = 5m
maxretry = 3
`,
    'filter.d/wiki.conf':
      '[Definition]\nfailregex = ^ <HOST> "POST /login" 403$\ndatepattern = ^%%Y-%%m-%%d %%H:%%M:%%S\n',
    '/var/log/wiki/access.log': '',
  },
  commands: [
    ['ufw', 'allow', 'proto', 'tcp', 'to', 'any', 'port', '22,25,80,143,443'],
    ['ufw', '--force', 'enable'],
  ],
  afterwards: [['ufw', '--force', 'reset']],
  bans: [
    ['sshd', '203.0.113.21', 22],
    ['manual', '203.0.113.22', 25],
    ['manual', '2001:db8:bad:22::1', 143],
  ],
  attacks: {
    sshd: guess('ssh', 7),
    manual: byHand('manual'),
    wiki: lines('/var/log/wiki/access.log', `FROM \\"POST /login\\" 403`, 4),
  },
};

const DOCKER_MAILSERVER: Fail2banHost = {
  name: "docker-mailserver's",
  files: {
    'jail.local': `[DEFAULT]
bantime = 1w
findtime = 1w
maxretry = 3
ignoreip = 127.0.0.1/8
banaction = nftables-allports

[dovecot]
enabled = true
backend = systemd

[postfix]
enabled = true
mode = extra
backend = systemd

[sshd]
enabled = false

# for bans by hand
[custom]
enabled = true
backend = systemd
bantime = 180d
port = smtp,pop3,pop3s,imap,imaps,submission,submissions,sieve
`,
    'fail2ban.d/fixes.local': '[Definition]\nallowipv6 = auto;\n',
    'filter.d/custom.conf': '[Definition]\n',
  },
  bans: [
    ['dovecot', '203.0.113.31', 143],
    ['postfix', '203.0.113.32', 25],
    ['custom', '203.0.113.33', 25],
  ],
  attacks: { dovecot: guess('imap', 6), postfix: guess('smtp', 6), custom: byHand('custom') },
};

const MAIL_IN_A_BOX: Fail2banHost = {
  name: "Mail-in-a-Box's: Dovecot writes its own log file",
  files: {
    'jail.d/mailinabox.conf': `[DEFAULT]
ignoreip = 127.0.0.1/8 ::1
bantime = 20m

[dovecot]
enabled = true
filter = dovecotimap
logpath = /var/log/mail.log
findtime = 30
maxretry = 6

[box-daemon]
enabled = true
filter = box-daemon
port = http,https
logpath = /var/log/box.log
backend = polling
maxretry = 5
findtime = 30

[recidive]
enabled = true
maxretry = 10
action = iptables-allports[name=recidive]

[sshd]
enabled = true
backend = systemd
maxretry = 5
`,
    'filter.d/dovecotimap.conf':
      '[Definition]\nfailregex = imap-login: .*auth failed.*rip=<HOST>,\ndatepattern = ^{DATE}\n',
    'filter.d/box-daemon.conf':
      '[Definition]\nfailregex = ^ daemon: bad password from <HOST>$\ndatepattern = ^%%Y-%%m-%%d %%H:%%M:%%S\n',
    '/var/log/mail.log': '',
    '/var/log/box.log': '',
    '/etc/dovecot/conf.d/99-box.conf': 'log_path = /var/log/mail.log\n',
  },
  commands: [['systemctl', 'restart', 'dovecot']],
  bans: [
    ['sshd', '203.0.113.41', 22],
    ['dovecot', '203.0.113.42', 143],
    ['box-daemon', '203.0.113.43', 80],
  ],
  attacks: {
    sshd: guess('ssh', 8),
    dovecot: persist,
    'box-daemon': lines('/var/log/box.log', 'daemon: bad password from FROM', 6),
  },
};

const IREDMAIL: Fail2banHost = {
  name: "iRedMail's: an action per jail, and one that writes into a database",
  files: {
    'jail.local': `[DEFAULT]
bantime = 3600
findtime = 600
maxretry = 5
ignoreip = 127.0.0.1
`,
    'jail.d/sshd.local': `[sshd]
enabled = true
backend = systemd
filter = sshd
action = nftables-multiport[name=sshd, port="22", protocol=tcp]
         note-ban[name=sshd, port="22", protocol=tcp]
`,
    'jail.d/webmail.local': `[webmail]
backend = polling
enabled = true
filter = webmail.site
logpath = /var/log/webmail.log
action = nftables-multiport[name=webmail, port="80,443,25,587,465,110,995,143,993,4190", protocol=tcp]
         note-ban[name=webmail, port="80,443", protocol=tcp]
`,
    'filter.d/webmail.site.conf':
      '[Definition]\nfailregex = ^ failed login of \\S+ from <HOST>$\ndatepattern = ^%%Y-%%m-%%d %%H:%%M:%%S\n',
    'action.d/note-ban.conf':
      '[Definition]\nactionban = echo <name> <ip> >> /var/log/noted\nactionunban =\n[Init]\nname = x\n',
    '/var/log/webmail.log': '',
  },
  bans: [
    ['sshd', '203.0.113.51', 22],
    ['webmail', '203.0.113.52', 143],
    ['webmail', '2001:db8:bad:52::1', 25],
  ],
  attacks: {
    sshd: guess('ssh', 8),
    webmail: lines('/var/log/webmail.log', 'failed login of anna from FROM', 6),
  },
};

const FIREWALLD: Fail2banHost = {
  name: 'a host with firewalld: sets, rich rules and chains of its own',
  files: {
    'jail.local': `[DEFAULT]
backend = systemd
banaction = firewallcmd-ipset
banaction_allports = firewallcmd-allports

[sshd]
enabled = true
maxretry = 4

[dovecot]
enabled = true
banaction = firewallcmd-rich-rules

[recidive]
enabled = true
banaction = %(banaction_allports)s
`,
  },
  commands: [
    ['systemctl', 'start', 'firewalld'],
    ['firewall-cmd', '--add-port=25/tcp', '--add-port=143/tcp'],
  ],
  afterwards: [['systemctl', 'stop', 'firewalld']],
  bans: [
    ['sshd', '203.0.113.61', 22],
    ['sshd', '2001:db8:bad:61::1', 22],
    ['dovecot', '203.0.113.62', 143],
    ['recidive', '203.0.113.63', 25],
  ],
  attacks: { sshd: guess('ssh', 7), dovecot: guess('imap', 8) },
};

export const FAIL2BAN_HOSTS: readonly Fail2banHost[] = [
  TIDY,
  BY_HAND,
  DOCKER_MAILSERVER,
  MAIL_IN_A_BOX,
  IREDMAIL,
  FIREWALLD,
];
