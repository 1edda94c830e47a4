/**
 * Configurations of fail2ban as hosts have them: what an administrator lays over the files of the
 * package.
 */

export interface Fail2banConfiguration {
  readonly name: string;
  /** By their name below /etc/fail2ban. */
  readonly files: Readonly<Record<string, string>>;
  /** Changes what the package brought, by the file's name. */
  readonly edits?: Readonly<Record<string, (text: string) => string>>;
}

/**
 * A host that grew over the years: most of what [DEFAULT] can hold, own filters and actions, layers
 * in jail.d.
 */
const GROWN: Fail2banConfiguration = {
  name: 'grown',
  files: {
    'jail.local': `# Mail host. Ask the postmaster before you change anything.

[DEFAULT]
# the office and the monitoring
office = 198.51.100.0/24 2001:db8:77::/48
ignoreip = 127.0.0.1/8 ::1 %(office)s
bantime  = 2h
findtime = 20m
maxretry = 4
bantime.increment = true
bantime.factor = 2
bantime.formula = ban.Time * (1<<(ban.Count if ban.Count<20 else 20)) * banFactor
bantime.maxtime = 4w
bantime.rndtime = 10m
destemail = postmaster@example.org
sender = fail2ban@mail.example.org
mta = sendmail
# Tell us, with the lines
action = %(action_mwl)s
mailports = smtp,465,submission,imap,imaps,pop3,pop3s,sieve

[sshd]
enabled = true
port = %(known/port)s,2222 ; the second one is for backups
mode = aggressive
maxretry = 3

[postfix-sasl]
enabled = true
port = %(mailports)s

[dovecot]
enabled = true
port = %(mailports)s
# nobody forgets a password for a day
findtime = 1d
bantime.increment = false

[recidive]
enabled = true
bantime = 2w

# What colleagues ban by hand
[manual]
enabled = true
filter =
bantime = 26w
port = smtp,%(default/port)s
action = %(action_)s

[shop]
enabled = true
backend = polling
port = http,https
filter = shop
logpath = /var/log/shop/access.log
maxretry = 15
action = %(action_)s

[nginx-http-auth]
enabled = false
port = http,https
`,
    'jail.d/10-night.conf': `[DEFAULT]
# overruled by jail.local
maxretry = 9

[dovecot]
maxretry = 7
`,
    'jail.d/zz-port.local': `[sshd]
port = 22,2200-2202
`,
    'filter.d/shop.conf': `[INCLUDES]
before = shop-common.conf

[Definition]
failregex = ^%(client)s \\S+ \\[[^]]+\\] "POST /login
datepattern = %%d/%%b/%%Y:%%H:%%M:%%S %%z
`,
    'filter.d/shop-common.conf': `[DEFAULT]
client = <HOST> -
`,
    'fail2ban.local': `[Definition]
# quieter
loglevel = NOTICE
logtarget = /var/log/fail2ban.log
dbpurgeage = 20d
dbfile = /var/lib/fail2ban/fail2ban.sqlite3
`,
  },
};

/**
 * A mail server in a container: thresholds for all, bans by hand in a jail whose filter is empty.
 */
const CONTAINER: Fail2banConfiguration = {
  name: 'container',
  files: {
    'jail.local': `[DEFAULT]

# one week
bantime = 1w
findtime = 1w
maxretry = 6

ignoreip = 127.0.0.1/8

# names in the log are not looked up
usedns = no

banaction = nftables-multiport
banaction_allports = nftables-allports

[dovecot]
enabled = true

[postfix]
enabled = true
mode = extra

[postfix-sasl]
enabled = true

# holds what is banned from the outside
[custom]
enabled = true
bantime = 180d
port = smtp,pop3,pop3s,imap,imaps,submission,submissions,sieve
`,
    'filter.d/custom.conf': '[Definition]\n',
    'fail2ban.d/fixes.local': '[Definition]\nallowipv6 = auto\n',
  },
};

/** A mail server in a box: one file in jail.d, filters of its own, every number chosen by hand. */
const BOX: Fail2banConfiguration = {
  name: 'box',
  files: {
    'jail.d/box.conf': `# Written by the setup; your own settings belong into jail.local.
[DEFAULT]
# us
ignoreip = 127.0.0.1/8 ::1/128 203.0.113.80

[dovecot]
enabled = true
filter = box-imap
logpath = /var/log/mail.log
findtime = 30
maxretry = 20

[box-panel]
enabled = true
filter = box-panel
port = http,https
logpath = /var/log/box.log
maxretry = 20
findtime = 30

[box-webmail]
enabled = true
port = http,https
filter = box-webmail
logpath = /var/log/box-webmail/errors.log
maxretry = 20
findtime = 30

[recidive]
enabled = true
maxretry = 10
action = iptables-allports[name=recidive]

[postfix-sasl]
enabled = true

[sshd]
enabled = true
maxretry = 7
bantime = 3600
`,
    'filter.d/box-imap.conf': `[INCLUDES]
before = common.conf

[Definition]
_daemon = (?:imap|pop3)-login
failregex = ^%(__prefix_line)sInfo: Aborted login \\(auth failed, \\d+ attempts\\): user=<[^>]*>, rip=<HOST>,
ignoreregex =
`,
    'filter.d/box-panel.conf': `[Definition]
failregex = box: failed login from <HOST> timestamp
`,
    'filter.d/box-webmail.conf': `[Definition]
failregex = Login failed for .* from <HOST>\\.
`,
  },
};

/** A mail server with a file per jail, and an action of its own beside the ban. */
const PER_JAIL: Fail2banConfiguration = {
  name: 'file per jail',
  files: {
    'jail.local': `[DEFAULT]
findtime    = 600
bantime     = 86400
maxretry    = 5
ignoreip    = 127.0.0.1 127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16
banaction   = nftables-multiport
`,
    'jail.d/sshd.local': `[sshd]
enabled     = true
filter      = sshd
action      = %(banaction)s[name=sshd, port="ssh", protocol=tcp]
`,
    'jail.d/postfix.local': `[postfix-rejects]
enabled     = true
backend     = polling
journalmatch=
filter      = postfix.rejects
logpath     = /var/log/maillog
action      = %(banaction)s[name=postfix, port="25,465,587", protocol=tcp]
              bans-to-sql[name=postfix, port="25,465,587", protocol=tcp]
`,
    'jail.d/dovecot.local': `[dovecot-logins]
enabled     = true
backend     = polling
journalmatch=
filter      = dovecot.logins
logpath     = /var/log/dovecot/dovecot.log
action      = %(banaction)s[name=dovecot, port="80,443,25,587,465,110,995,143,993,4190", protocol=tcp]
              bans-to-sql[name=dovecot, port="80,443,25,587,465,110,995,143,993,4190", protocol=tcp]
`,
    'jail.d/nginx-http-auth.local': `[nginx-http-auth]
enabled     = true
backend     = polling
filter      = nginx-http-auth
logpath     = /var/log/nginx/error.log
action      = %(banaction)s[name=nginx, port="80,443,25,587,465,110,995,143,993,4190", protocol=tcp]
`,
    'filter.d/postfix.rejects.conf': `[Definition]
failregex = \\[<HOST>\\]: SASL (?:PLAIN|LOGIN) authentication failed
            reject: RCPT from \\S+\\[<HOST>\\]: 554 5\\.7\\.1
`,
    'filter.d/dovecot.logins.conf': `[Definition]
failregex = \\(auth failed, \\d+ attempts in \\d+ secs\\):.* rip=<HOST>,
`,
    'action.d/bans-to-sql.conf': `[Definition]
actionban = /usr/local/bin/bans-to-sql ban <ip> <name>
actionunban = /usr/local/bin/bans-to-sql unban <ip> <name>
`,
  },
};

/**
 * A web host: many stock jails, some of which Banjour has no counterpart for, and another
 * firewall's action.
 */
const WEB: Fail2banConfiguration = {
  name: 'web',
  files: {
    'jail.local': `[DEFAULT]
bantime = 1d 12h
findtime = 15m
backend = auto
banaction = ufw
banaction_allports = ufw
blocktype = drop
protocol = tcp

[sshd]
enabled = yes
bantime = -1

[apache-auth]
enabled = 1
maxretry = 6

[apache-badbots]
enabled = on

[nginx-limit-req]
enabled = true
findtime = 1m
logpath = /var/log/nginx/*.error.log

[vsftpd]
enabled = true
logpath = %(vsftpd_log)s
bantime = %(default/findtime)s

[haproxy-http-auth]
enabled = true
logpath = /var/log/haproxy.log
`,
    'paths-overrides.local': '[DEFAULT]\napache_error_log = /srv/www/*/logs/error.log\n',
  },
};

/** What many guides say: copy jail.conf to jail.local, then change a few lines in it. */
export function copied(jailConf: string): Fail2banConfiguration {
  const enabled = ['sshd', 'postfix', 'dovecot', 'recidive'];
  let text = jailConf
    .replace(/^bantime\s*=.*$/m, 'bantime  = 3h')
    .replace(/^#ignoreip = .*$/m, 'ignoreip = 192.0.2.7');
  for (const jail of enabled) text = text.replace(`\n[${jail}]\n`, `\n[${jail}]\nenabled = true\n`);
  return { name: 'copied', files: { 'jail.local': text } };
}

/**
 * What the comments at the top of jail.conf ask nobody to do: it is changed itself, and so is a
 * filter.
 */
const IN_PLACE: Fail2banConfiguration = {
  name: 'in place',
  files: {},
  edits: {
    'jail.conf': (text) =>
      text
        .replace(/^maxretry = .*$/m, 'maxretry = 8')
        .replace(/^findtime\s*=.*$/m, 'findtime = 1h')
        .replace('\n[dovecot]\n', '\n[dovecot]\nenabled = true\nbantime = 5h\n'),
    'jail.d/defaults-debian.conf': (text) =>
      `${text}port = ssh,22022\n\n[postfix-sasl]\nenabled = true\nmaxretry = 6\n`,
    'filter.d/sshd.conf': (text) => text.replace(/^ignoreregex =.*$/m, 'ignoreregex = backup'),
  },
};

export const FAIL2BAN_CONFIGURATIONS: readonly Fail2banConfiguration[] = [
  GROWN,
  CONTAINER,
  BOX,
  PER_JAIL,
  WEB,
  IN_PLACE,
];
