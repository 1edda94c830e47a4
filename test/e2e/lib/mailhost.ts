/**
 * What makes a Debian root file system a mail server for the end-to-end suite: packages, daemons'
 * settings, users. Debian 11 has Postfix 3.5, Dovecot 2.3, OpenSSH 8.4; Debian 12 Postfix 3.7,
 * Dovecot 2.3, OpenSSH 9.2; Debian 13 Postfix 3.10, Dovecot 2.4 (renamed settings), OpenSSH 10.
 */
export const SUITES = ['bullseye', 'bookworm', 'trixie'] as const;
export type Suite = (typeof SUITES)[number];

/**
 * The addresses of the mail server; everything else in the world belongs to the attackers'
 * namespace.
 */
export const SERVER = { 4: '198.18.0.1', 6: '2001:db8:feed::1' } as const;
export const GATEWAY = { 4: '198.18.0.2', 6: '2001:db8:feed::2' } as const;
export const LINK = { 4: '198.18.0.0/24', 6: '2001:db8:feed::/64' } as const;

/** Ordinary users, with mailboxes and shells. */
export const USERS = ['anna', 'bert', 'postmaster2'] as const;
export const PASSWORD = 'correct-horse-1';

/**
 * Addresses that have a (verified) reverse name; the last two look like another address on purpose.
 */
export const REVERSE_NAMES: ReadonlyMap<string, string> = new Map([
  ['203.0.113.241', 'scanner1.attack.test'],
  ['203.0.113.242', 'dyn-192-0-2-200.attack.test'],
  ['203.0.113.243', '192.0.2.201.attack.test'],
]);

export const BASE_PACKAGES = [
  ...[
    'systemd',
    'systemd-sysv',
    'dbus',
    'libpam-systemd',
    'nftables',
    'iproute2',
    'procps',
    'ca-certificates',
  ],
];

/** fail2ban is there for the tests of life beside it; it is disabled. */
export function packagesOf(suite: Suite): string[] {
  const common = [
    'postfix',
    'dovecot-imapd',
    'dovecot-pop3d',
    'openssh-server',
    'ssl-cert',
    'libsasl2-modules',
  ];
  common.push('dovecot-managesieved');
  const more = ['systemd-journal-remote', 'sqlite3', 'fail2ban', 'python3-systemd'];
  return [...common, ...more, ...(suite === 'trixie' ? ['nodejs'] : [])];
}

/** Units that may not start by themselves. */
export const DISABLED_UNITS = [
  'fail2ban.service',
  'nftables.service',
  'systemd-journal-remote.socket',
];
export const MASKED_UNITS = [
  ...['apt-daily.timer', 'apt-daily-upgrade.timer', 'systemd-networkd-wait-online.service'],
  ...['getty@tty1.service', 'console-getty.service'],
];

const DOVECOT_23 = 'mail_location = maildir:~/Maildir\ndisable_plaintext_auth = no\n';
const DOVECOT_MAIL: Readonly<Record<Suite, string>> = {
  bullseye: DOVECOT_23,
  bookworm: DOVECOT_23,
  trixie:
    'mail_driver = maildir\nmail_path = ~/Maildir\nmail_inbox_path =\nauth_allow_cleartext = yes\n',
};

/** Files of the image: path to text. */
export function filesOf(suite: Suite): Map<string, string> {
  const hosts = ['127.0.0.1 localhost', '::1 localhost', `${SERVER[4]} mail.e2e.test mail`];
  hosts.push(`${SERVER[6]} mail.e2e.test mail`);
  for (const [address, name] of REVERSE_NAMES) hosts.push(`${address} ${name}`);
  return new Map([
    ['etc/hostname', 'mail\n'],
    // No name server: look-ups must fail at once instead of leaving the namespace.
    ['etc/resolv.conf', ''],
    ['etc/hosts', `${hosts.join('\n')}\n`],
    ['etc/systemd/journald.conf.d/e2e.conf', '[Journal]\nStorage=persistent\n'],
    [
      'etc/ssh/sshd_config.d/e2e.conf',
      'PasswordAuthentication yes\nPermitRootLogin prohibit-password\n',
    ],
    [
      'etc/dovecot/local.conf',
      `${DOVECOT_MAIL[suite]}protocols = imap pop3 sieve
auth_mechanisms = plain login
ssl = yes
log_path = syslog
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
}
`,
    ],
  ]);
}

const RELAY = 'permit_mynetworks,permit_sasl_authenticated,reject_unauth_destination';
const AUTHENTICATED = 'smtpd_client_restrictions=permit_sasl_authenticated,reject';

/**
 * Commands run inside the image, in order: AUTH on 25, submission on 587, submissions on 465,
 * passwords by Dovecot.
 */
export function commandsOf(suite: Suite): string[][] {
  const main = [
    'myhostname=mail.e2e.test',
    'mydestination=mail.e2e.test,e2e.test,localhost',
    'inet_protocols=all',
  ];
  // Before 3.6 a level is one number.
  const level = suite === 'bullseye' ? '2' : '3.6';
  main.push('mynetworks=127.0.0.0/8 [::1]/128', 'home_mailbox=Maildir/');
  main.push(`compatibility_level=${level}`);
  main.push(
    'smtpd_sasl_auth_enable=yes',
    'smtpd_sasl_type=dovecot',
    'smtpd_sasl_path=private/auth',
  );
  main.push('smtpd_tls_auth_only=no', `smtpd_relay_restrictions=${RELAY}`);
  const services = [
    'submission/inet=submission inet n - y - - smtpd',
    'submissions/inet=submissions inet n - y - - smtpd',
  ];
  const parameters = [
    'submission/inet/syslog_name=postfix/submission',
    `submission/inet/${AUTHENTICATED}`,
  ];
  parameters.push(
    'submissions/inet/syslog_name=postfix/submissions',
    'submissions/inet/smtpd_tls_wrappermode=yes',
  );
  parameters.push(`submissions/inet/${AUTHENTICATED}`);
  return [
    ...USERS.map((user) => ['useradd', '-m', '-s', '/bin/bash', user]),
    [
      'sh',
      '-c',
      `printf '%s\\n' ${USERS.map((user) => `${user}:${PASSWORD}`).join(' ')} root:nobody-guesses-this | chpasswd`,
    ],
    ['make-ssl-cert', 'generate-default-snakeoil', '--force-overwrite'],
    ['ssh-keygen', '-A'],
    ['systemd-machine-id-setup'],
    ['postconf', '-e', ...main],
    ['postconf', '-M', ...services],
    ['postconf', '-P', ...parameters],
    // Makes the queue directories: Dovecot needs Postfix' private/ before Postfix has ever run.
    ['sh', '-c', 'postfix check || true'],
    ['systemctl', 'enable', 'postfix', 'dovecot', 'ssh'],
  ];
}
