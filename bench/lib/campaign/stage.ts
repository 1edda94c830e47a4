/**
 * The stage of a made-up month: a clock, actors who take turns on it, and a judge who hears every
 * line and whose bans hold at once. The loop is closed: what a ban stops writes nothing, and each
 * actor sees that he was stopped. Each actor has chance of his own, so that nobody's month depends
 * on what happens to the others.
 */
import { random } from '../../mailserver.js';

export const MINUTE = 60;
export const HOUR = 3_600;
export const DAY = 86_400;

export type Service = 'smtp' | 'submission' | 'submissions' | 'imap' | 'pop3' | 'ssh';

/** What of the services a line is of: its identifier, unit and user. */
export type Writer =
  | 'postfix/smtpd'
  | 'postfix/submission/smtpd'
  | 'postfix/submissions/smtpd'
  | 'postfix/cleanup'
  | 'postfix/qmgr'
  | 'postfix/lmtp'
  | 'dovecot'
  | 'auth'
  | 'unix_chkpwd'
  | 'sshd-session';

/** What a line says of an address, for judges that have no filters of their own. */
export interface Hint {
  readonly address: string;
  readonly what: 'sasl' | 'pam' | 'ssh-name' | 'ssh-password';
}

export interface LogLine {
  /** Seconds since the beginning. */
  readonly time: number;
  readonly writer: Writer;
  readonly pid: number;
  readonly message: string;
  readonly hint?: Hint;
}

export interface JudgeAlarm {
  readonly time: number;
  readonly user: string;
}

/** A password that is about to be looked at, or was. */
export interface Asked {
  readonly address: string;
  readonly user: string;
  readonly password: string;
  readonly service: Service;
  /** The connection; empty where the service does not name it. */
  readonly session: string;
}

/** Hears the lines in order of time and bans. */
export interface Judge {
  /** A promise where the line needs time; the bans that it brings hold when it has resolved. */
  take(line: LogLine): Promise<void> | undefined;
  /** Whether the address is shut out of the service at that time. */
  holds(address: string, service: Service, time: number): boolean;
  /** Whether the mail server is told to look at a password; absent: it asks nobody. */
  allows?(asked: Asked, time: number): boolean;
  /** A mail server reports at once what became of a password that it looked at. */
  reported?(asked: Asked, isRight: boolean, time: number): void;
  /** Whether a ban held for the address at any time between the two. */
  held(address: string, from: number, to: number): boolean;
  readonly bans: number;
  /** Takeovers. */
  readonly alarms: readonly JudgeAlarm[];
  close(): void;
}

/** One guess of an attacker's plan; the plan is the same whoever judges. */
export interface Guess {
  readonly of: string;
  readonly user: string;
  readonly password: string;
  readonly exists: boolean;
  /** When and from where the server looked at it; undefined: never. */
  through?: { readonly time: number; readonly address: string };
}

/** A right password of somebody good. */
export interface GoodLogin {
  readonly time: number;
  readonly address: string;
  readonly user: string;
  readonly blocked: boolean;
  /** The mail server was told to refuse it, where no ban blocked it. */
  readonly refused: boolean;
}

/** What really happened. */
export class Truth {
  readonly guesses: Guess[] = [];
  readonly logins: GoodLogin[] = [];
  /** First and last use of each address by somebody good. */
  readonly goodAddresses = new Map<string, { from: number; to: number }>();
  /** First login of a stranger, by user. */
  readonly takeovers = new Map<string, number>();
  /** Wrong passwords of good people that the server looked at. */
  goodFailures = 0;

  plan(of: string, user: string, password: string, exists: boolean): Guess {
    const guess: Guess = { of, user, password, exists };
    this.guesses.push(guess);
    return guess;
  }

  good(address: string, time: number): void {
    const span = this.goodAddresses.get(address);
    if (span === undefined) this.goodAddresses.set(address, { from: time, to: time });
    else span.to = time;
  }
}

/** Chance of one actor. */
export class Chance {
  readonly #random: () => number;

  constructor(seed: number, name: string) {
    let hash = seed >>> 0;
    for (const letter of name) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x0100_0193) >>> 0;
    this.#random = random(hash ^ (hash >>> 15));
    this.#random();
  }

  /** True with this probability. */
  is(probability: number): boolean {
    return this.#random() < probability;
  }
  /** A number from `from` up to `to`, that not among them. */
  between(from: number, to: number): number {
    return from + this.#random() * (to - from);
  }
  /** A whole number below `n`. */
  upTo(n: number): number {
    return Math.floor(this.#random() * n);
  }
  of<T>(list: readonly T[]): T {
    return list[this.upTo(list.length)] as T;
  }
  /** Letters and digits. */
  text(length: number): string {
    const letters = 'abcdefghijkmnopqrstuvwxyz23456789';
    return Array.from({ length }, () => letters[this.upTo(letters.length)]).join('');
  }
}

/** An actor: each time that it yields is when it wants its next turn. */
export type Play = Generator<number, void, void>;

interface Turn {
  readonly time: number;
  /** Among equal times the first who asked comes first. */
  readonly order: number;
  readonly play: Play;
}

export class Stage {
  readonly truth = new Truth();
  readonly seed: number;
  /** Seconds since the beginning. */
  now = 0;
  lines = 0;
  readonly #judge: Judge;
  readonly #turns: Turn[] = [];
  #order = 0;
  #said: LogLine[] = [];

  constructor(seed: number, judge: Judge) {
    this.seed = seed;
    this.#judge = judge;
  }

  /** Chance for the actor of this name. */
  chance(name: string): Chance {
    return new Chance(this.seed, name);
  }

  enter(play: Play, time = 0): void {
    this.#push({ time, order: this.#order++, play });
  }

  /** Whether a ban shuts the address out of the service now. */
  isShut(address: string, service: Service): boolean {
    return this.#judge.holds(address, service, this.now);
  }

  /** Whether the mail server looks at a password, which no ban keeps away. */
  allows(asked: Asked): boolean {
    return this.#judge.allows?.(asked, this.now) !== false;
  }

  /** A mail server's report of a password that it looked at. */
  report(asked: Asked, isRight: boolean): void {
    this.#judge.reported?.(asked, isRight, this.now);
  }

  log(writer: Writer, pid: number, message: string, hint?: Hint): void {
    this.#said.push({ time: this.now, writer, pid, message, ...(hint && { hint }) });
  }

  /** Plays until nobody wants another turn. */
  async run(): Promise<void> {
    for (let turn = this.#pop(); turn !== undefined; turn = this.#pop()) {
      this.now = Math.max(this.now, turn.time);
      const { done, value } = turn.play.next();
      if (done !== true) this.enter(turn.play, value);
      if (this.#said.length === 0) continue;
      const said = this.#said;
      this.#said = [];
      for (const line of said) {
        this.lines++;
        const judged = this.#judge.take(line);
        if (judged !== undefined) await judged;
      }
    }
  }

  #push(turn: Turn): void {
    const turns = this.#turns;
    let at = turns.push(turn) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(turn, turns[above] as Turn)) break;
      turns[at] = turns[above] as Turn;
      at = above;
    }
    turns[at] = turn;
  }

  #pop(): Turn | undefined {
    const turns = this.#turns;
    const first = turns[0];
    const last = turns.pop();
    if (first === undefined || last === undefined || turns.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= turns.length) break;
      if (below + 1 < turns.length && isBefore(turns[below + 1] as Turn, turns[below] as Turn))
        below++;
      if (!isBefore(turns[below] as Turn, last)) break;
      turns[at] = turns[below] as Turn;
      at = below;
    }
    turns[at] = last;
    return first;
  }
}

function isBefore(a: Turn, b: Turn): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}
