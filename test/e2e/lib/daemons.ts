/**
 * Daemons that the filters are tried on beside Postfix, Dovecot and OpenSSH, in a layer above the
 * mail server's root file system: Debian's packages, set up so that each speaks on ports of its own
 * and writes to the journal.
 */
import { PASSWORD } from './mailhost.js';

export const DAEMONS_PACKAGES = [
  ...['exim4-daemon-light', 'courier-imap', 'courier-pop', 'courier-authdaemon'],
  ...['cyrus-common', 'sasl2-bin', 'nginx', 'libnginx-mod-mail'],
];
/**
 * Two servers of one protocol on one host are against Debian's rules; on ports of their own they do
 * not mind.
 */
export const DAEMONS_BESIDE = ['cyrus-imapd', 'cyrus-pop3d'];

/** Where each listens. nginx hands right logins on to Courier. */
export const DAEMON_PORTS = {
  exim: { smtp: 25 },
  courier: { imap: 143, pop3: 110 },
  cyrus: { imap: 1143, pop3: 1110 },
  nginx: { imap: 2143, pop3: 2110, smtp: 2587 },
} as const;

const EXIM = `primary_hostname = mail.e2e.test
acl_smtp_rcpt = acl_rcpt
log_file_path = syslog
never_users = root
begin acl
acl_rcpt:
  deny message = relay not permitted
begin authenticators
plain_server:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{{eq{$auth2}{anna}}{eq{$auth3}{${PASSWORD}}}}}
  server_set_id = $auth2
login_server:
  driver = plaintext
  public_name = LOGIN
  server_prompts = <| Username: | Password:
  server_condition = \${if and{{eq{$auth1}{anna}}{eq{$auth2}{${PASSWORD}}}}}
  server_set_id = $auth1
`;

const CYRUS = `START {
  recover cmd="/usr/sbin/cyrus ctl_cyrusdb -r"
}
SERVICES {
  imap cmd="imapd -U 30" listen="${DAEMON_PORTS.cyrus.imap}" prefork=0
  pop3 cmd="pop3d -U 30" listen="${DAEMON_PORTS.cyrus.pop3}" prefork=0
  lmtpunix cmd="lmtpd" listen="/run/cyrus/socket/lmtp" prefork=0
}
EVENTS {
  checkpoint cmd="/usr/sbin/cyrus ctl_cyrusdb -c" period=30
}
`;

const NGINX_MAIL = `mail {
  server_name mail.e2e.test;
  auth_http 127.0.0.1:9000/auth;
  imap_auth plain login;
  pop3_auth plain;
  smtp_auth plain login;
${Object.entries(DAEMON_PORTS.nginx)
  .map(
    ([protocol, port]) => `  server { listen ${port}; listen [::]:${port}; protocol ${protocol}; }`,
  )
  .join('\n')}
}
`;

const NGINX_AUTH = `server {
  listen 127.0.0.1:9000;
  access_log off;
  location /auth {
    set $login "$http_auth_user:$http_auth_pass";
    if ($login = "anna:${PASSWORD}") {
      add_header Auth-Status OK always;
      add_header Auth-Server 127.0.0.1 always;
      add_header Auth-Port 143 always;
      return 204;
    }
    add_header Auth-Status "Invalid login or password" always;
    return 204;
  }
}
`;

/** Files of the layer: path to text. */
export function daemonFiles(): Map<string, string> {
  return new Map([
    ['etc/exim4/exim4.conf', EXIM],
    ['etc/cyrus.conf', CYRUS],
    ['etc/nginx/modules-enabled/90-mail-proxy.conf', NGINX_MAIL],
    ['etc/nginx/modules-enabled/95-journal.conf', 'error_log syslog:server=unix:/dev/log info;\n'],
    ['etc/nginx/conf.d/auth.conf', NGINX_AUTH],
  ]);
}

/** Commands run inside the layer, in order. */
export function daemonCommands(): string[][] {
  const script = [
    'systemctl disable dovecot',
    'sed -i \'s/^authmodulelist=.*/authmodulelist="authpam"/\' /etc/courier/authdaemonrc',
    "sed -i 's/^sasl_pwcheck_method:.*/sasl_pwcheck_method: auxprop/; s/^allowplaintext:.*/allowplaintext: yes/; s/^popminpoll:.*/popminpoll: 0/' /etc/imapd.conf",
    "printf 'sasl_auxprop_plugin: sasldb\\nsasl_mech_list: PLAIN LOGIN\\n' >> /etc/imapd.conf",
    `for realm in mail mail.e2e.test; do echo ${PASSWORD} | saslpasswd2 -p -c -u $realm anna; done`,
    'chown root:sasl /etc/sasldb2 && chmod 640 /etc/sasldb2 && adduser --quiet cyrus sasl',
    "su anna -c 'rm -rf ~/Maildir; maildirmake.courier ~/Maildir'",
    'systemctl enable exim4 courier-authdaemon courier-imap courier-pop cyrus-imapd nginx',
  ];
  return [['sh', '-euc', script.join('\n')]];
}
