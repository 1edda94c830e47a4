/**
 * The services of a Debian 13 mail host as they log: Postfix 3.10 with Dovecot's SASL, Dovecot 2.4
 * over PAM (or, `verbose`, virtual users with `auth_verbose`), OpenSSH 10. A visit takes as long as
 * a real one: Dovecot answers a wrong password after two seconds, and an address that goes on later
 * and later; Postfix gives up on it after ten.
 */
import { createHash } from 'node:crypto';
import type { Asked, Chance, Guess, Hint, Service, Stage, Writer } from './stage.js';

/** One password of a visit. */
export interface Try {
  readonly user: string;
  readonly password: string;
  readonly ok: boolean;
  /** The guess of a plan that this is. */
  readonly guess?: Guess;
  /** Seconds before it. */
  readonly pause?: number;
}

/** A connection of a client. */
export interface Visit {
  readonly address: string;
  readonly service: Service;
  readonly tries: readonly Try[];
  readonly isGood: boolean;
  /** Reverse name. */
  readonly name?: string;
  /** Seconds that a login stays. */
  readonly stay?: number;
}

/** Seconds that Dovecot lets the n-th guess of an address wait. */
const WAITS = [0, 4, 8, 15] as const;
/** Seconds after which Dovecot forgets. */
const FORGETS = 120;
const SMTP_GIVES_UP = 10;
const SMTPD: Readonly<Record<string, Writer>> = {
  smtp: 'postfix/smtpd',
  submission: 'postfix/submission/smtpd',
  submissions: 'postfix/submissions/smtpd',
};

/** A visit: yields times, returns how many of its tries the server looked at. */
export type Visiting = Generator<number, number, void>;

export class Host {
  readonly #stage: Stage;
  readonly #users: ReadonlySet<string>;
  readonly #isVerbose: boolean;
  /** Its own: a visit that a ban stops must not change what its client does next. */
  readonly #chance: Chance;
  readonly #waits = new Map<string, { until: number; count: number; password: string }>();
  #pid = 1_000;
  #queue = 0;

  constructor(stage: Stage, users: ReadonlySet<string>, isVerbose: boolean) {
    this.#stage = stage;
    this.#users = users;
    this.#isVerbose = isVerbose;
    this.#chance = stage.chance('host');
  }

  visit(visit: Visit): Visiting {
    if (visit.service === 'ssh') return this.#ssh(visit);
    return visit.service in SMTPD ? this.#smtp(visit) : this.#mailbox(visit);
  }

  /** A message of another server comes in; `rejected` more recipients do not exist. */
  *deliver(address: string, name: string, to: string, rejected: number): Visiting {
    const stage = this.#stage;
    stage.truth.good(address, stage.now);
    if (stage.isShut(address, 'smtp')) return 0;
    const [pid, who] = [this.#next(), `${name}[${address}]`];
    stage.log('postfix/smtpd', pid, `connect from ${who}`);
    yield stage.now + 0.4;
    for (let i = 0; i < rejected; i++)
      stage.log(
        'postfix/smtpd',
        pid,
        `NOQUEUE: reject: RCPT from ${who}: 550 5.1.1 <left${this.#chance.upTo(900)}@example.org>: Recipient address rejected: User unknown in local recipient table; from=<bounce@${name}> to=<left@example.org> proto=ESMTP helo=<${name}>`,
      );
    this.#message(pid, who, to, '');
    yield stage.now + 0.6;
    stage.log(
      'postfix/smtpd',
      pid,
      `disconnect from ${who} ehlo=1 mail=1 rcpt=${rejected === 0 ? 1 : `1/${1 + rejected}`} data=1 quit=1 commands=5`,
    );
    return 1;
  }

  /** A monitor that connects and leaves. */
  *probe(address: string): Visiting {
    const stage = this.#stage;
    stage.truth.good(address, stage.now);
    if (stage.isShut(address, 'imap')) return 0;
    stage.log(
      'dovecot',
      this.#next(),
      `imap-login: Login aborted: Connection closed (no auth attempts in 0 secs) (no_auth_attempts): user=<>, rip=${address}, lip=192.0.2.25, session=<${session(this.#pid)}>`,
    );
    yield stage.now + 0.2;
    stage.log(
      'sshd-session',
      this.#next(),
      `Connection closed by ${address} port ${this.#port()} [preauth]`,
    );
    return 1;
  }

  *#mailbox({ address, service, tries, isGood, stay = 30 }: Visit): Visiting {
    const stage = this.#stage;
    const id = session(this.#next());
    const began = stage.now;
    let refused = 0;
    let last = '';
    const tail = `rip=${address}, lip=192.0.2.25, TLS, session=<${id}>`;
    let seen = 0;
    for (const one of tries) {
      if (one.pause !== undefined) yield stage.now + one.pause;
      const asked = { address, service, session: id, ...one };
      const outcome = this.#begins(asked, one, isGood);
      if (outcome === 'stopped') break;
      seen++;
      if (outcome === 'refused') {
        yield stage.now + 2;
        refused++;
        last = one.user;
        continue;
      }
      if (one.ok) {
        const pid = this.#next();
        stage.log(
          'dovecot',
          755,
          `${service}-login: Logged in: user=<${one.user}>, method=PLAIN, rip=${address}, lip=192.0.2.25, mpid=${pid}, TLS, session=<${id}>`,
        );
        yield stage.now + stay;
        stage.log(
          'dovecot',
          755,
          `${service}(${one.user})<${pid}><${id}>: Disconnected: Logged out in=${40 + this.#chance.upTo(900)} out=${500 + this.#chance.upTo(90_000)}`,
        );
        return seen;
      }
      yield* this.#wait(address, one.password);
      this.#refuse(address, one, id);
      stage.report(asked, false);
      yield stage.now + 2;
      refused++;
      last = one.user;
    }
    if (refused > 0)
      stage.log(
        'dovecot',
        755,
        `${service}-login: Login aborted: Connection closed (auth failed, ${refused} attempts in ${Math.floor(stage.now - began)} secs) (auth_failed): user=<${last}>, method=PLAIN, ${tail}`,
      );
    return seen;
  }

  *#smtp({ address, service, tries, isGood, name = 'unknown' }: Visit): Visiting {
    const stage = this.#stage;
    const [pid, who] = [this.#next(), `${name}[${address}]`];
    const writer = SMTPD[service] as Writer;
    let [seen, wrong] = [0, 0];
    for (const one of tries) {
      if (one.pause !== undefined) yield stage.now + one.pause;
      const outcome = this.#begins({ address, service, session: '', ...one }, one, isGood);
      if (outcome === 'stopped') break;
      if (seen++ === 0) stage.log(writer, pid, `connect from ${who}`);
      yield stage.now + 0.3;
      if (outcome === 'refused') {
        wrong++;
        yield stage.now + 2;
        this.#smtpRefuses(writer, pid, who, one.user);
        continue;
      }
      if (one.ok) {
        this.#message(
          pid,
          who,
          'friend@remote.example',
          `, sasl_method=PLAIN, sasl_username=${one.user}`,
          writer,
        );
        continue;
      }
      wrong++;
      const began = stage.now;
      yield* this.#wait(address, one.password);
      this.#refuse(address, one, '');
      const answered = stage.now + 2 - began;
      yield Math.max(stage.now, began + Math.min(answered, SMTP_GIVES_UP));
      stage.log(
        writer,
        pid,
        `warning: ${who}: SASL LOGIN authentication failed: ${answered > SMTP_GIVES_UP ? 'Connection lost to authentication server, sasl_username=(unavailable)' : `(reason unavailable), sasl_username=${one.user}`}`,
        answered > SMTP_GIVES_UP ? undefined : { address, what: 'sasl' },
      );
    }
    if (seen > 0)
      stage.log(
        writer,
        pid,
        `disconnect from ${who} ehlo=2 starttls=1 auth=${wrong > 0 ? `${seen - wrong}/${seen}` : seen} quit=1 commands=${4 + seen}`,
      );
    return seen;
  }

  *#ssh({ address, tries, isGood, stay = 600 }: Visit): Visiting {
    const stage = this.#stage;
    const [pid, port] = [this.#next(), this.#port()];
    let seen = 0;
    let last = '';
    for (const one of tries) {
      if (one.pause !== undefined) yield stage.now + one.pause;
      const asked = { address, service: 'ssh', session: '', ...one } as const;
      if (this.#begins(asked, one, isGood) === 'stopped') break;
      const isKnown = this.#users.has(one.user);
      const name = `${isKnown ? '' : 'invalid user '}${one.user}`;
      if (one.ok) {
        stage.log(
          'sshd-session',
          pid,
          `Accepted password for ${one.user} from ${address} port ${port} ssh2`,
        );
        yield stage.now + stay;
        stage.log(
          'sshd-session',
          pid,
          `Disconnected from user ${one.user} ${address} port ${port}`,
        );
        return seen + 1;
      }
      if (seen++ === 0) {
        if (!isKnown)
          stage.log('sshd-session', pid, `Invalid user ${one.user} from ${address} port ${port}`, {
            address,
            what: 'ssh-name',
          });
        stage.log(
          'sshd-session',
          pid,
          `pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=${address}${isKnown ? `  user=${one.user}` : ''}`,
        );
      }
      yield stage.now + this.#chance.between(1.5, 3);
      stage.log(
        'sshd-session',
        pid,
        `Failed password for ${name} from ${address} port ${port} ssh2`,
        { address, what: 'ssh-password' },
      );
      last = `${isKnown ? 'authenticating' : 'invalid'} user ${one.user}`;
    }
    if (last !== '')
      stage.log(
        'sshd-session',
        pid,
        `Connection closed by ${last} ${address} port ${port} [preauth]`,
      );
    return seen;
  }

  /** Notes the truth of one password, and asks where the service does. */
  #begins(asked: Asked, one: Try, isGood: boolean): 'stopped' | 'refused' | 'checked' {
    const { truth, now } = this.#stage;
    const { address, service } = asked;
    const blocked = this.#stage.isShut(address, service);
    const refused = !blocked && service !== 'ssh' && !this.#stage.allows(asked);
    if (isGood) {
      truth.good(address, now);
      if (one.ok)
        truth.logins.push({
          time: now,
          address,
          user: one.user,
          blocked: blocked || refused,
          refused,
        });
      else if (!blocked && !refused) truth.goodFailures++;
    } else if (!blocked && !refused && one.guess !== undefined)
      one.guess.through = { time: now, address };
    if (one.ok && !blocked && !refused && service !== 'ssh') this.#stage.report(asked, true);
    return blocked ? 'stopped' : refused ? 'refused' : 'checked';
  }

  #smtpRefuses(writer: Writer, pid: number, who: string, user: string): void {
    const words = `SASL LOGIN authentication failed: (reason unavailable), sasl_username=${user}`;
    this.#stage.log(writer, pid, `warning: ${who}: ${words}`);
  }

  /** What Dovecot's authentication writes at once about a wrong password. */
  #refuse(address: string, { user, password }: Try, id: string): void {
    const stage = this.#stage;
    const exists = this.#users.has(user);
    if (this.#isVerbose) {
      const digest = createHash('sha1').update(password).digest('hex').slice(0, 6);
      stage.log(
        'dovecot',
        755,
        `auth(${user},${address},sasl:${id === '' ? 'login' : 'plain'})${id === '' ? '' : `<${id}>`}: passwd-file: ${exists ? 'Password mismatch' : 'unknown user'} (SHA1 of given password: ${digest})`,
      );
      return;
    }
    const hint: Hint = { address, what: 'pam' };
    if (exists) stage.log('unix_chkpwd', this.#next(), `password check failed for user (${user})`);
    stage.log(
      'auth',
      760,
      `pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=${user} rhost=${address}${exists ? `  user=${user}` : ''}`,
      hint,
    );
  }

  /** Dovecot's penalty of an address (of IPv6: its /48). */
  *#wait(address: string, password: string): Generator<number, void, void> {
    const key = address.includes(':') ? address.split(':').slice(0, 3).join(':') : address;
    const { now } = this.#stage;
    const known = this.#waits.get(key);
    const before = known !== undefined && now - known.until < FORGETS ? known : undefined;
    const wait = WAITS[Math.min(before?.count ?? 0, WAITS.length - 1)] ?? 0;
    const count = (before?.count ?? 0) + (before?.password === password ? 0 : 1);
    this.#waits.set(key, { until: now + wait, count, password });
    if (wait > 0) yield now + wait;
  }

  #message(pid: number, who: string, to: string, sasl: string, writer?: Writer): void {
    const stage = this.#stage;
    const id = `4${(++this.#queue).toString(36).toUpperCase().padStart(9, '0')}`;
    stage.log(writer ?? 'postfix/smtpd', pid, `${id}: client=${who}${sasl}`);
    stage.log('postfix/cleanup', 4_711, `${id}: message-id=<${id}@mail.example.org>`);
    stage.log(
      'postfix/qmgr',
      712,
      `${id}: from=<a@example.org>, size=4711, nrcpt=1 (queue active)`,
    );
    stage.log(
      'postfix/lmtp',
      4_712,
      `${id}: to=<${to}>, relay=mail.example.org[private/dovecot-lmtp], delay=0.2, delays=0.1/0/0/0.1, dsn=2.0.0, status=sent (250 2.0.0 <${to}> Saved)`,
    );
    stage.log('postfix/qmgr', 712, `${id}: removed`);
  }

  #next(): number {
    this.#pid = this.#pid >= 4_000_000 ? 1_000 : this.#pid + 1;
    return this.#pid;
  }

  #port(): number {
    return 20_000 + (this.#pid % 40_000);
  }
}

function session(n: number): string {
  return Buffer.from(`visit${String(n).padStart(7, '0')}`).toString('base64');
}
