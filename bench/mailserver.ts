/**
 * What a mail server on the internet logs, made up and the same every time: deliveries, logins, and
 * the attempts of strangers among them (about one line in ten). All text is our own, after the
 * message formats of the services.
 */
export interface MailEntry {
  readonly service: 'postfix' | 'dovecot' | 'sshd';
  readonly ident: string;
  readonly pid: number;
  readonly message: string;
}

/** mulberry32: small, fast, and the same on every machine. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Make = (pick: Pick) => string;

class Pick {
  readonly #random: () => number;
  constructor(seed: number) {
    this.#random = random(seed);
  }
  upTo(n: number): number {
    return Math.floor(this.#random() * n);
  }
  of<T>(list: readonly T[]): T {
    return list[this.upTo(list.length)] as T;
  }
  /** By weight. */
  from<T>(list: readonly (readonly [number, T])[]): T {
    let at = this.upTo(list.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, value] of list) {
      at -= weight;
      if (at < 0) return value;
    }
    throw new RangeError('no weights');
  }
  stranger(): string {
    return `198.${51 + this.upTo(50)}.${this.upTo(256)}.${1 + this.upTo(254)}`;
  }
  customer(): string {
    return `203.0.113.${1 + this.upTo(254)}`;
  }
  user(): string {
    return `${this.of(['anna', 'office', 'info', 'b.meier', 'sales', 'c.rossi', 'billing'])}@${this.domain()}`;
  }
  domain(): string {
    return this.of(['example.com', 'example.net', 'example.org', 'mail.example', 'shop.example']);
  }
  id(): string {
    return Array.from({ length: 11 }, () =>
      this.of([...'BCDFGHJKLMNPQRSTVWXYZbcdfghjkl0123456789']),
    ).join('');
  }
  session(): string {
    return Array.from({ length: 16 }, () => this.of([...'ABCDEFGHabcdefgh0123456789+/'])).join('');
  }
}

const SMTPD: readonly (readonly [number, Make])[] = [
  [20, (p) => `connect from mail-${p.upTo(90)}.${p.domain()}[${p.customer()}]`],
  [8, (p) => `connect from unknown[${p.stranger()}]`],
  [
    20,
    (p) =>
      `disconnect from mail-${p.upTo(90)}.${p.domain()}[${p.customer()}] ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7`,
  ],
  [6, (p) => `disconnect from unknown[${p.stranger()}] ehlo=1 auth=0/1 rset=1 quit=1 commands=3/4`],
  [16, (p) => `${p.id()}: client=mail-${p.upTo(90)}.${p.domain()}[${p.customer()}]`],
  [
    8,
    (p) =>
      `Anonymous TLS connection established from mail-${p.upTo(90)}.${p.domain()}[${p.customer()}]: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)`,
  ],
  [6, (p) => `lost connection after AUTH from unknown[${p.stranger()}]`],
  [4, (p) => `warning: unknown[${p.stranger()}]: SASL LOGIN authentication failed: UGFzc3dvcmQ6`],
  [
    3,
    (p) =>
      `NOQUEUE: reject: RCPT from unknown[${p.stranger()}]: 554 5.7.1 <${p.user()}>: Relay access denied; from=<${p.user()}> to=<${p.user()}> proto=ESMTP helo=<win-${p.upTo(999)}>`,
  ],
  [
    2,
    (p) =>
      `NOQUEUE: reject: RCPT from unknown[${p.stranger()}]: 450 4.7.25 Client host rejected: cannot find your hostname, [${p.stranger()}]; from=<${p.user()}> to=<${p.user()}> proto=ESMTP helo=<${p.domain()}>`,
  ],
];
const POSTFIX: readonly (readonly [number, readonly [string, Make]])[] = [
  [
    12,
    [
      'postfix/cleanup',
      (p) => `${p.id()}: message-id=<${p.session()}.${p.upTo(1e6)}@${p.domain()}>`,
    ],
  ],
  [
    12,
    [
      'postfix/qmgr',
      (p) => `${p.id()}: from=<${p.user()}>, size=${p.upTo(90_000)}, nrcpt=1 (queue active)`,
    ],
  ],
  [10, ['postfix/qmgr', (p) => `${p.id()}: removed`]],
  [
    8,
    [
      'postfix/lmtp',
      (p) =>
        `${p.id()}: to=<${p.user()}>, relay=${p.domain()}[private/dovecot-lmtp], delay=0.${p.upTo(90)}, delays=0.1/0/0/0.2, dsn=2.0.0, status=sent (250 2.0.0 <${p.user()}> ${p.session()} Saved)`,
    ],
  ],
  [
    6,
    [
      'postfix/smtp',
      (p) =>
        `${p.id()}: to=<${p.user()}>, relay=mx.${p.domain()}[${p.customer()}]:25, delay=1.${p.upTo(90)}, delays=0.1/0/0.4/0.9, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as ${p.id()})`,
    ],
  ],
];
const DOVECOT: readonly (readonly [number, Make])[] = [
  [
    40,
    (p) =>
      `imap-login: Login: user=<${p.user()}>, method=PLAIN, rip=${p.customer()}, lip=192.0.2.1, mpid=${p.upTo(99_999)}, TLS, session=<${p.session()}>`,
  ],
  [
    34,
    (p) =>
      `imap(${p.user()})<${p.upTo(99_999)}><${p.session()}>: Disconnected: Logged out in=${p.upTo(9_999)} out=${p.upTo(99_999)} deleted=0 expunged=0 trashed=0 hdr_count=${p.upTo(20)} hdr_bytes=${p.upTo(9_999)} body_count=0 body_bytes=0`,
  ],
  [
    12,
    (p) =>
      `lmtp(${p.user()})<${p.upTo(99_999)}><${p.session()}>: msgid=<${p.session()}@${p.domain()}>: saved mail to INBOX`,
  ],
  [
    8,
    (p) =>
      `imap-login: Disconnected: Connection closed (auth failed, ${1 + p.upTo(4)} attempts in ${p.upTo(30)} secs): user=<${p.user()}>, method=PLAIN, rip=${p.stranger()}, lip=192.0.2.1, TLS, session=<${p.session()}>`,
  ],
  [
    6,
    (p) =>
      `imap-login: Disconnected: Connection closed (no auth attempts in ${p.upTo(5)} secs): user=<>, rip=${p.stranger()}, lip=192.0.2.1, TLS handshaking, session=<${p.session()}>`,
  ],
];
/** What sshd logs of one connection. */
const SSHD: readonly (readonly [number, (p: Pick) => string[]])[] = [
  [30, (p) => guess(p, `invalid user ${p.of(['admin', 'test', 'oracle', 'git', 'ubuntu'])}`)],
  [25, (p) => guess(p, 'root')],
  [20, (p) => [`Connection closed by ${p.stranger()} port ${1024 + p.upTo(60_000)} [preauth]`]],
  [
    25,
    (p) => [
      `Accepted publickey for deploy from ${p.customer()} port ${1024 + p.upTo(60_000)} ssh2: ED25519 SHA256:${p.session()}${p.session()}`,
      'pam_unix(sshd:session): session opened for user deploy(uid=1000) by (uid=0)',
      `Disconnected from user deploy ${p.customer()} port ${1024 + p.upTo(60_000)}`,
      'pam_unix(sshd:session): session closed for user deploy',
    ],
  ],
];

function guess(p: Pick, user: string): string[] {
  const from = `${p.stranger()} port ${1024 + p.upTo(60_000)}`;
  return [
    ...(user === 'root' ? [] : [`${user.replace('i', 'I')} from ${from}`]),
    `pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=${from.split(' ')[0]}`,
    `Failed password for ${user} from ${from} ssh2`,
    `Received disconnect from ${from}:11: Bye Bye [preauth]`,
    `Disconnected from ${user === 'root' ? 'authenticating user root' : user} ${from} [preauth]`,
  ];
}

/** So many entries: 60 % postfix, 28 % dovecot, 12 % sshd. */
export function* mailServer(entries: number, seed = 20_261_121): Generator<MailEntry> {
  const pick = new Pick(seed);
  let dialogue: string[] = [];
  let sshd = 0;
  for (let n = 0; n < entries; n++) {
    // Never the same twice within a run: no line belongs to the connection of another.
    const pid = 1000 + (n % 4_000_000);
    const share = pick.upTo(100);
    if (share < 60) {
      const [ident, make] =
        pick.upTo(100) < 55 ? (['postfix/smtpd', pick.from(SMTPD)] as const) : pick.from(POSTFIX);
      yield { service: 'postfix', ident, pid, message: make(pick) };
    } else if (share < 88)
      yield { service: 'dovecot', ident: 'dovecot', pid, message: pick.from(DOVECOT)(pick) };
    else {
      if (dialogue.length === 0) {
        dialogue = pick.from(SSHD)(pick);
        sshd = pid;
      }
      yield { service: 'sshd', ident: 'sshd', pid: sshd, message: dialogue.shift() ?? '' };
    }
  }
}
