/**
 * One refused login (or refusal) per shipped filter as its daemon logs it, with a place for every
 * word that the client chooses, and what the daemon lets through in that place. Generators fill the
 * places; `name80` is `name` as Dovecot shows it.
 */
import type { Options } from './samples.js';

/** What a daemon makes of a client's word before it logs it. */
type Field = (word: string) => string;

export interface Attempt {
  readonly filter: string;
  readonly options: Options;
  /** Its lines; `{client}` is the address, every other name in braces a field. */
  readonly lines: readonly string[];
  readonly fields: Readonly<Record<string, Field>>;
  /** How often it counts; 1 by default. */
  readonly count?: number;
  /** Bytes behind the header at which the daemon itself cuts a line. */
  readonly bound?: number;
  /**
   * Words that no account's name has may make a line that can be read in two ways: it need not
   * count.
   */
  readonly ambiguous?: true;
  /** The address stands behind the client's words: a line of so many bytes need not count. */
  readonly uncountedFrom?: number;
  /** Bytes at which a syslog may cut it without harm; all that there are by default. */
  readonly cuts?: readonly number[];
  /** The filter knows no address of this family there. */
  readonly only?: 4;
}

/** No line end: a journal entry's stands as two characters. */
const free: Field = (word) => word.replace(/[\n\0]/g, '');
const without =
  (characters: RegExp): Field =>
  (word) =>
    free(word).replace(characters, '');
/** One word: SMTP gives a greeting no blank, and an account of a system has none. */
const word = without(/\s/g);
/** Postfix and Exim show `?` or an escape for what is not printable. */
const printable: Field = (text) => free(text).replace(/[^ -~]/g, '?');
const cut =
  (characters: number, dots: string, field: Field = free): Field =>
  (text) => {
    const shown = field(text);
    return shown.length > characters ? shown.slice(0, characters) + dots : shown;
  };
/** `auth_username_chars` of Dovecot, as it is by itself. */
const account = without(/[^a-zA-Z0-9.\-_@]/g);

/** SMTP gives a command 512 bytes (RFC 5321, 4.5.3.1.4). */
const greeting = cut(500, '', without(/[\s()]/g));

/** Within a string of JSON. */
const json: Field = (text) => JSON.stringify(free(text)).slice(1, -1);

const APACHE =
  'web1 apache2[48]: [Sat Nov 21 20:31:00.000000 2026] [auth_basic:error] [pid 38:tid 41] [client {client}:38416]';
const DOVECOT = 'mx1 dovecot[14]:';
const SUM = '{client}, lip=203.0.113.1, TLS, session=<abc+d4A19h0>';
const dovecot = cut(80, '...');
const postfix = {
  helo: word,
  user: cut(100, '', printable),
  reason: printable,
  from: printable,
  to: printable,
};
const reject =
  '{client}]: 554 5.7.1 <{to}>: Relay access denied; from=<{from}> to=<{to}> proto=ESMTP helo=<{helo}>';

export const ATTEMPTS: readonly Attempt[] = [
  ...['', '/submission'].map((service) => ({
    filter: 'postfix-sasl',
    options: {},
    lines: [
      `mx1 postfix${service}/smtpd[12]: warning: unknown[{client}]: SASL LOGIN authentication failed: {reason}, sasl_username={user}`,
    ],
    fields: postfix,
    bound: 2_000,
  })),
  ...['normal', 'more', 'extra', 'aggressive'].map((mode) => ({
    filter: 'postfix',
    options: { mode },
    lines: [`mx1 postfix/smtpd[12]: NOQUEUE: reject: RCPT from unknown[${reject}`],
    fields: postfix,
    bound: 2_000,
  })),
  ...['extra', 'auth', 'aggressive'].map((mode) => ({
    filter: 'postfix',
    options: { mode },
    lines: [
      'mx1 postfix/smtpd[12]: warning: unknown[{client}]: SASL PLAIN authentication failed: {reason}, sasl_username={user}',
    ],
    fields: postfix,
    bound: 2_000,
  })),
  ...['normal', 'aggressive', 'login'].flatMap((mode) => [
    {
      filter: 'dovecot',
      options: { mode },
      lines: [
        `${DOVECOT} imap-login: Disconnected: Inactivity (auth failed, 1 attempts in 2 secs): user=<{user}>, method=PLAIN, rip=${SUM}`,
      ],
      fields: { user: dovecot },
    },
    {
      filter: 'dovecot',
      options: { mode },
      lines: [
        `${DOVECOT} imap-login: Disconnected (sent invalid base64 in response): user=<{user}>, method=PLAIN, rip=${SUM}`,
      ],
      fields: { user: dovecot },
    },
    {
      filter: 'dovecot',
      options: { mode },
      lines: [
        `${DOVECOT} pop3-login: Login aborted: Logged out (auth failed, 2 attempts in 9 secs) (auth_failed): user=<{user}>, method=PLAIN, rip=${SUM}`,
      ],
      fields: { user: dovecot },
      count: 2,
    },
  ]),
  ...['normal', 'aggressive'].map((mode) => ({
    filter: 'dovecot',
    options: { mode },
    lines: [
      'mx1 auth[15]: pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser={name} rhost={client}',
      `${DOVECOT} auth({name},{client},sasl:plain)<abc+d4A19h0>: pam: pam_authenticate() failed: Authentication failure (Password mismatch?)`,
      `${DOVECOT} imap-login: Login aborted: Logged out (auth failed, 1 attempts in 2 secs) (auth_failed): user=<{name80}>, method=PLAIN, rip=${SUM}`,
    ],
    fields: { name: account },
  })),
  {
    filter: 'dovecot',
    options: { mode: 'auth' },
    lines: [`${DOVECOT} auth: passwd-file({name},{client},<abc+d4A19h0>): unknown user`],
    fields: { name: account },
    uncountedFrom: 8_000,
  },
  {
    filter: 'dovecot',
    options: { mode: 'pam' },
    lines: [
      'mx1 auth[15]: pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser={name} rhost={client}',
    ],
    fields: { name: account },
    uncountedFrom: 8_000,
  },
  {
    filter: 'managesieve',
    options: {},
    lines: [
      `${DOVECOT} managesieve-login: Login aborted: Logged out (auth failed, 1 attempts in 2 secs) (auth_failed): user=<{user}>, method=PLAIN, rip=${SUM}`,
    ],
    fields: { user: dovecot },
  },
  ...['normal', 'more', 'aggressive'].map((mode) => ({
    filter: 'exim',
    options: { mode },
    lines: [
      'mx1 exim[20]: plain_login authenticator failed for ({helo}) [{client}]: 535 Incorrect authentication data (set_id={user})',
    ],
    fields: { helo: greeting, user: printable },
    bound: 8_192,
  })),
  // In syslog a part ends at the bound. A greeting has letters, digits, dots and hyphens.
  ...['more', 'aggressive'].map((mode) => ({
    filter: 'exim',
    options: { mode },
    lines: [
      'mx1 exim[20]: SMTP protocol error in "AUTH {command}" H=({helo}) [{client}] AUTH command used when not advertised',
    ],
    fields: { command: printable, helo: cut(100, '', without(/[^\w.-]/g)) },
    bound: 870,
    uncountedFrom: 780,
  })),
  {
    filter: 'sendmail-auth',
    options: {},
    lines: [
      'mx1 sm-mta[21]: 06I02CNi016764: AUTH failure (LOGIN): authentication failure (-13) SASL(-13): authentication failure: checkpass failed, user={user}, relay=host.example.net [{client}] (may be forged)',
    ],
    fields: { user: printable },
    uncountedFrom: 800,
  },
  {
    filter: 'sendmail-reject',
    options: {},
    lines: [
      'mx1 sm-mta[22]: s1P819mk027713: ruleset=check_rcpt, arg1=<{to}>, relay=host.example.net [{client}], reject=550 5.7.1 <{to}>... Relaying denied.',
    ],
    // A bracket within a path stands in quotes.
    fields: {
      to: (text) => printable(text).replace(/^[^"(\\]*/, (bare) => bare.replace(/[<>]/g, '')),
    },
    ambiguous: true,
    uncountedFrom: 800,
  },
  {
    filter: 'opensmtpd',
    options: {},
    lines: [
      'mx1 smtpd[25]: 9a2bd95a086bc4b0 smtp connected address={client} host=<unknown>',
      'mx1 smtpd[25]: 9a2bd95a086bc4b0 smtp authentication user={user} result=permfail',
    ],
    fields: { user: free },
    uncountedFrom: 800,
  },
  {
    filter: 'courier-auth',
    options: {},
    lines: ['mx1 imapd[23]: LOGIN FAILED, user={user}, ip=[{client}]'],
    fields: { user: free },
    uncountedFrom: 500,
  },
  {
    filter: 'courier-smtp',
    options: {},
    lines: [
      'mx1 courieresmtpd[24]: error,relay={client},port=43632,msg="535 Authentication failed.",cmd: {command}',
    ],
    fields: { command: free },
  },
  {
    filter: 'cyrus-imap',
    options: {},
    lines: [
      'mx1 cyrus/imap[26]: badlogin: host.example.net [{client}] plaintext {user} SASL(-13): authentication failure: checkpass failed',
    ],
    fields: { user: free },
    uncountedFrom: 800,
  },
  {
    filter: 'sieve',
    options: {},
    lines: [
      'mx1 cyrus/timsieved[27]: badlogin: host.example.net[{client}] PLAIN authentication failure',
    ],
    fields: {},
  },
  {
    filter: 'qmail-smtp',
    options: {},
    lines: [
      "mx1 qmail-smtpd[28]: qmail-smtpd: pid 100 Reject::AUTH::plain P:ESMTPSA S:{client}:host.example.net H:{helo} ?~ '{user}'",
    ],
    fields: { helo: free, user: free },
  },
  {
    filter: 'qmail-smtp',
    options: {},
    lines: ['mx1 qmail-smtpd[28]: AUTH failed [{client}] {user} plain'],
    fields: { user: free },
  },
  {
    filter: 'qmail-smtp',
    options: {},
    lines: [
      'mx1 qmail-smtpd[28]: qlogenvelope: result=rejected code=553 reason=x detail=y helo={helo} mailfrom={from} rcptto={to} relay=no rcpthosts=yes size= authuser= authtype= encrypted= sslverified=no localip=203.0.113.1 localport=25 remoteip={client} remoteport=15630 remotehost= qp= pid=20003',
    ],
    fields: { helo: free, from: free, to: free },
    uncountedFrom: 800,
  },
  {
    filter: 'vpopmail',
    options: {},
    lines: [
      "mx1 vpopmail[30]: vchkpw-smtp: password fail (pass: '{password}') {user}@example.org:{client}",
    ],
    fields: { user: free, password: free },
    uncountedFrom: 800,
    only: 4,
  },
  {
    filter: 'qmailadmin',
    options: {},
    lines: [
      'web1 qmailadmin[31]: 2026/11/21 20:52:00 user:{user} ip:{client} auth:failed [{user}]',
    ],
    fields: { user: free },
    ambiguous: true,
    uncountedFrom: 800,
  },
  {
    filter: 'roundcube-auth',
    options: { logging: 'errors' },
    lines: [
      'web1 roundcube[26]: <crk9n97i> IMAP Error: Login failed for {user} against localhost from {client}(X-Real-IP: {real},X-Forwarded-For: {forwarded}). AUTHENTICATE PLAIN: Authentication failed. in /usr/share/roundcube/rcube_imap.php on line 211 (POST /?_task=login{query})',
    ],
    fields: { user: free, real: without(/[()]/g), forwarded: without(/[()]/g), query: word },
    ambiguous: true,
    uncountedFrom: 8_000,
    cuts: [8_192],
  },
  {
    filter: 'roundcube-auth',
    options: { logging: 'logins' },
    lines: [
      'web1 roundcube[26]: Failed login for {user} from {client}(X-Forwarded-For: {forwarded}) in session 1z506z6rvddstv6k7jz08hxo27 (error: 0)',
    ],
    fields: { user: free, forwarded: without(/[()]/g) },
    ambiguous: true,
    uncountedFrom: 800,
  },
  {
    filter: 'sogo-auth',
    options: { logging: 'access' },
    lines: [
      'web1 nginx: {client} - {user} [21/Nov/2026:20:47:11 +0000] "POST /SOGo/connect?{query} HTTP/1.1" 403 54 "{referrer}" "{agent}"',
    ],
    // The web server escapes quotes.
    fields: {
      user: without(/"/g),
      query: without(/[" ]/g),
      referrer: without(/"/g),
      agent: without(/"/g),
    },
    uncountedFrom: 800,
  },
  {
    filter: 'sogo-auth',
    options: {},
    lines: [
      "web1 sogod[27]: SOGoRootPage Login from '{forwarded}, {client}' for user '{user}' might not have worked - password policy: 65535  grace: -1  expire: -1  bound: 0",
    ],
    fields: { forwarded: free, user: free },
    ambiguous: true,
    uncountedFrom: 800,
  },
  {
    filter: 'nginx-http-auth',
    options: {},
    // The colon ends the name of HTTP's Basic authentication (RFC 7617, section 2).
    lines: [
      'web1 nginx[28]: 2026/11/21 20:48:00 [error] 2865#2865: *66647 user "{user}": password mismatch, client: {client}, server: mail.example.org, request: "GET {url} HTTP/1.1", host: "{host}", referrer: "{referrer}"',
    ],
    fields: { user: without(/:/g), url: word, host: word, referrer: free },
    ambiguous: true,
    uncountedFrom: 2_000,
  },
  {
    filter: 'haproxy-http-auth',
    options: {},
    lines: [
      'web1 haproxy[29]: {client}:33312 [21/Nov/2026:20:49:00.123] https~ webmail/<NOSRV> 0/-1/-1/-1/0 401 212 - - PR-- 1/1/0/0/0 0/0 "GET {url} HTTP/1.1"',
    ],
    fields: { url: free },
  },
  ...[
    'user {user}: authentication failure for "{url}": Password Mismatch',
    'user {user} not found: {url}',
  ].map((text) => ({
    filter: 'apache-auth',
    options: {},
    lines: [`${APACHE} AH01617: ${text}`],
    // The colon ends the name of HTTP's Basic authentication (RFC 7617, section 2).
    fields: { user: without(/:/g), url: free },
    uncountedFrom: 8_000,
  })),
  {
    filter: 'phpmyadmin',
    options: {},
    lines: [`${APACHE} user denied: {user} (mysql-denied) from {client}`],
    fields: { user: free },
  },
  {
    filter: 'postfixadmin',
    options: {},
    lines: [`${APACHE} PostfixAdmin admin login failed (username: {user}, ip_address: {client})`],
    fields: { user: free },
  },
  {
    filter: 'assp',
    options: {},
    lines: [
      'mx1 assp[42]: m1-12345-06790 {client} <{from}> to: {to} warning: SMTP authentication failed',
    ],
    fields: { from: without(/[<>]/g), to: (text) => word(text) || 'x' },
    uncountedFrom: 800,
  },
  {
    filter: 'domino-smtp',
    options: {},
    lines: [
      'mx1 domino[43]: SMTP Server: Authentication failed for user {user} ; connecting host {client}',
    ],
    fields: { user: free },
    uncountedFrom: 800,
  },
  {
    filter: 'domino-smtp',
    options: {},
    lines: [
      'mx1 domino[43]: imap: {user} [{client}] authentication failure using internet password',
    ],
    fields: { user: free },
    uncountedFrom: 800,
  },
  {
    filter: 'dropbear',
    options: {},
    lines: ["mx1 dropbear[23]: Bad password attempt for '{user}' from {client}:49596"],
    fields: { user: free },
    uncountedFrom: 800,
  },
  {
    filter: 'iredadmin',
    options: {},
    lines: [
      'mx1 uwsgi[50]: iredadmin Web login failed: client_address={client}, username={user} (/opt/www/basic.py, L73)',
    ],
    fields: { user: word },
  },
  ...["SMTP: User {user} doesn't exist.", 'IMAP: Invalid password for user {user}.'].map(
    (text) => ({
      filter: 'kerio',
      options: {},
      lines: [`mx1 kerio-connect[41]: ${text} Attempt from IP address {client}.`],
      fields: { user: free },
      uncountedFrom: 800,
    }),
  ),
  {
    filter: 'lighttpd-auth',
    options: {},
    lines: [
      "web1 lighttpd[49]: (mod_auth.c.862) password doesn't match for /{url} username: {user} IP: {client}",
    ],
    fields: { url: free, user: free },
    uncountedFrom: 7_900,
    cuts: [8_192],
  },
  {
    filter: 'maddy',
    options: {},
    lines: [
      'mx1 maddy[45]: imap/sasl: authentication failed	{"reason":"unknown credentials","src_ip":"{client}:50704","username":"{user}"}',
    ],
    fields: { user: json },
    only: 4,
  },
  {
    filter: 'mailu',
    options: {},
    lines: [
      "mx1 mailu-admin[47]: [2026-11-21 20:31:00 +0000] [21] [INFO] Login attempt for: '{user}'/imap/143 from: {client}/50704: failed: account disabled",
    ],
    fields: { user: (text) => free(text).replace(/[\\']/g, '\\$&') },
    uncountedFrom: 800,
  },
  {
    filter: 'modoboa',
    options: {},
    lines: [
      "mx1 modoboa.auth[51]: WARNING Failed connection attempt from '{client}' as user '{user}'",
    ],
    fields: { user: free },
  },
  {
    filter: 'nextcloud',
    options: {},
    lines: [
      'web1 Nextcloud[46]: {"reqId":"ZfJ2","level":2,"time":"2026-11-21T20:31:00+00:00","remoteAddr":"{client}","user":"--","app":"core","method":"POST","url":"{url}","message":"Login failed: {user} (Remote IP: {client})","userAgent":"{agent}","version":"30.0.1"}',
    ],
    fields: { url: json, user: json, agent: json },
    uncountedFrom: 2_000,
  },
  {
    filter: 'perdition',
    options: {},
    lines: [
      'mx1 perdition.imap4[13]: Auth: {client}:42116->203.0.113.1:143 client-secure=plaintext authorisation_id=NONE authentication_id="{user}" server="203.0.113.1:143" protocol=IMAP4 server-secure=plaintext status="failed: Re-Authentication Failure"',
    ],
    fields: { user: free },
    uncountedFrom: 8_000,
  },
  {
    filter: 'proxmox',
    options: {},
    lines: [
      'mx1 pmgdaemon[54]: authentication failure; rhost={client} user={user}@pam msg=auth failed: Authentication failure',
    ],
    fields: { user: word },
  },
  {
    filter: 'rspamd',
    options: {},
    lines: [
      'mx1 rspamd[32]: rspamd_controller_check_password: absent or incorrect password has been specified; source ip: {client}:58994',
    ],
    fields: {},
    only: 4,
  },
  {
    filter: 'stalwart',
    options: {},
    lines: [
      'mx1 stalwart[44]: 2026-11-21T20:31:00Z INFO Authentication failed (auth.failed) listenerId = "imaptls", localPort = 993, remoteIp = {client}, remotePort = 40000, accountName = "{user}", id = "a1", details = "x"',
    ],
    fields: { user: free },
  },
  {
    filter: 'uwimap-auth',
    options: {},
    lines: ['mx1 imapd[31]: Login failed user={user} auth={user} host=host.example.net [{client}]'],
    fields: { user: word },
    uncountedFrom: 800,
  },
  {
    filter: 'webmin-auth',
    options: {},
    lines: ['mx1 webmin[53]: Invalid login as {user} from {client}'],
    fields: { user: free },
    uncountedFrom: 800,
  },
  {
    filter: 'wordpress',
    options: {},
    lines: ['web1 wordpress(example.org)[52]: Authentication failure for {user} from {client}'],
    fields: { user: free },
    uncountedFrom: 800,
  },
  {
    filter: 'zimbra',
    options: {},
    lines: [
      'mx1 java[40]: 2026-11-21 20:31:00,123 WARN  [qtp5-12:https://mail.example.org/service/soap/AuthRequest] [oip={client};oport=51288;ua={agent};soapId=5c1;] security - cmd=Auth; account={user}; protocol=soap; error=authentication failed for [{user}], invalid password;',
    ],
    fields: { agent: free, user: without(/;/g) },
    uncountedFrom: 2_000,
  },
];
