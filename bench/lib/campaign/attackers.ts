/**
 * The attackers of a made-up month, after what is known of them in public: dictionaries at full
 * speed, connections held open, one guess an hour for weeks, whole networks in turn, IPv6 hosts
 * that never come twice, botnets of which each host guesses once, one password for everybody, one
 * mailbox guessed by many, leaked passwords, and logins with what was found.
 *
 * All of their guesses are planned before the month begins. A guess that a ban stops is lost, or
 * comes later from another address, as the manner of the attacker is.
 */
import type { Host, Try } from './host.js';
import { officeOf } from './people.js';
import {
  type Chance,
  DAY,
  type Guess,
  HOUR,
  MINUTE,
  type Play,
  type Service,
  type Stage,
} from './stage.js';

/** Names that hosts are guessed at and that nobody has here. */
const NOBODY =
  'admin test scan user backup guest webmaster postmaster1 noreply contact marketing hr helpdesk printer fax copier oracle ftp mysql student temp demo manager service sysadmin root1 invoice newsletter team web data press shop abuse1 spam service1 reception accounts payroll careers'.split(
    ' ',
  );
const SHELLS = 'root admin ubuntu pi git postgres oracle test user ftpuser debian ec2-user'.split(
  ' ',
);
const MAIL: readonly Service[] = ['smtp', 'submission', 'submissions', 'imap', 'pop3'];

/** What happens to the guess that a ban stops. */
type Manner =
  /** It is lost; the next comes when it is due. */
  | 'goes on'
  /** The same; after three in a row the attacker gives up. */
  | 'quits'
  /** After two in a row the attacker comes back from another address, with the same guess. */
  | 'moves';

interface Bot {
  readonly name: string;
  readonly guesses: readonly Guess[];
  /** Seconds between two guesses. */
  readonly pause: readonly [number, number];
  readonly from: number;
  readonly service: (n: number, chance: Chance) => Service;
  /** Where the n-th guess comes from; `moved`: how often the attacker has moved. */
  readonly address: (n: number, moved: number) => string;
  readonly manner: Manner;
  /** A right password between its guesses: one that the attacker has. */
  readonly cover?: string;
  /** Guesses on one connection. */
  readonly held?: number;
}

const MOVES_MAX = 3;
/** How many /64 lie in an IPv6 network of that length: those that its host takes in turn. */
const BELOW = { 64: 1, 56: 255, 48: 65_000 } as const;

export class Attackers {
  readonly #stage: Stage;
  readonly #host: Host;
  readonly #names: readonly string[];
  readonly #days: number;
  /** Every count is taken times this. */
  readonly #share: number;
  readonly #taken = new Set<string>();
  readonly #chance: Chance;

  constructor(stage: Stage, host: Host, names: readonly string[], days: number, share: number) {
    this.#stage = stage;
    this.#host = host;
    this.#names = names;
    this.#days = days;
    this.#share = share;
    this.#chance = stage.chance('attackers');
  }

  /** All of them come on stage. */
  enter(): void {
    this.#loud();
    this.#patient();
    this.#networks();
    this.#botnets();
    this.#takeovers();
  }

  #loud(): void {
    const chance = this.#chance;
    this.#each(36, (n) => {
      const service = chance.of([...MAIL, 'ssh', 'ssh'] as const);
      this.#bot({
        name: `fast ${n}`,
        guesses: this.#guesses('fast', 60 + chance.upTo(90), service === 'ssh' ? 'shell' : 'mixed'),
        pause: [1, 20],
        service: () => service,
        address: this.#hosts(),
        manner: n % 3 === 0 ? 'moves' : 'quits',
      });
    });
    this.#each(14, (n) =>
      this.#bot({
        name: `held ${n}`,
        guesses: this.#guesses('held', 24 + chance.upTo(24), 'mixed'),
        pause: [2, 9],
        service: () => (n % 2 === 0 ? 'imap' : 'submission'),
        address: this.#hosts(),
        manner: 'quits',
        held: 12,
      }),
    );
    this.#each(6, (n) =>
      this.#bot({
        name: `cover ${n}`,
        guesses: this.#guesses('cover', 160, 'mixed'),
        pause: [15 * MINUTE, 2 * HOUR],
        service: () => 'imap',
        address: this.#hosts(),
        manner: 'goes on',
        cover: this.#name(chance.upTo(this.#names.length)),
      }),
    );
    this.#each(2, (n) =>
      this.#bot({
        name: `infected ${n}`,
        guesses: this.#guesses('infected', 90, 'mixed'),
        pause: [20 * MINUTE, 90 * MINUTE],
        service: () => 'smtp',
        address: () => officeOf(n % 2),
        manner: 'goes on',
      }),
    );
  }

  #patient(): void {
    const chance = this.#chance;
    this.#each(48, (n) =>
      this.#bot({
        name: `slow ${n}`,
        guesses: this.#guesses('slow', 110, n % 4 === 0 ? 'nobody' : 'mixed'),
        pause: [2 * HOUR, 8 * HOUR],
        service: () => MAIL[n % MAIL.length] as Service,
        address: this.#hosts(),
        manner: n % 2 === 0 ? 'goes on' : 'moves',
      }),
    );
    this.#each(12, (n) =>
      this.#bot({
        name: `rotation ${n}`,
        guesses: this.#guesses('service rotation', 120, 'known'),
        pause: [12 * MINUTE, 40 * MINUTE],
        service: (k) => (['submission', 'imap', 'pop3'] as const)[k % 3] as Service,
        address: this.#hosts(),
        manner: 'goes on',
      }),
    );
    this.#each(5, (n) => {
      const password = `Season${n}!`;
      this.#bot({
        name: `one password ${n}`,
        guesses: this.#names.map((name) =>
          this.#stage.truth.plan('one password', name, password, true),
        ),
        pause: [HOUR, 5 * HOUR],
        service: () => 'imap',
        address: this.#hosts(),
        manner: 'moves',
      });
    });
    this.#each(6, (n) => {
      const victim = this.#name(chance.upTo(this.#names.length));
      const hosts = Array.from({ length: 70 }, () => this.#stranger());
      const guesses = Array.from({ length: 280 }, (_, k) =>
        this.#stage.truth.plan('spread', victim, `word${n}.${k}`, true),
      );
      this.#bot({
        name: `spread ${n}`,
        guesses,
        pause: [4 * MINUTE, 90 * MINUTE],
        service: () => 'imap',
        address: (k) => hosts[k % hosts.length] as string,
        manner: 'goes on',
      });
    });
  }

  #networks(): void {
    const chance = this.#chance;
    this.#each(3, (n) => {
      const network = this.#network();
      this.#bot({
        name: `subnet24 ${n}`,
        guesses: this.#guesses('subnet24', this.#count(1_300), 'mixed'),
        pause: [8 * MINUTE, 45 * MINUTE],
        service: () => 'smtp',
        address: (k) => `${network}.${10 + ((k * 7) % 40)}`,
        manner: 'goes on',
      });
    });
    this.#each(12, (n) => {
      const network = this.#network();
      for (let k = 0; k < 3; k++)
        this.#bot({
          name: `neighbour ${n}.${k}`,
          guesses: this.#guesses('neighbour', 60, 'mixed'),
          pause: [4 * HOUR, 16 * HOUR],
          service: () => chance.of(MAIL),
          address: () => `${network}.${20 + k * 3}`,
          manner: 'goes on',
        });
    });
    for (const [of, length] of [
      ['v6-64', 64],
      ['v6-56', 56],
      ['v6-48', 48],
    ] as const) {
      const hosts = this.#stage.chance(of);
      const part = (below: number) => (1 + hosts.upTo(below)).toString(16);
      this.#bot({
        name: of,
        guesses: this.#guesses(of, this.#count(520), 'mixed'),
        pause: [10 * MINUTE, 70 * MINUTE],
        service: () => 'imap',
        address: () =>
          `2001:db8:f0${length}:${part(BELOW[length])}:${part(65_000)}:${part(9_999)}:${part(9_999)}:${part(9_000)}`,
        manner: 'goes on',
      });
    }
  }

  /** Each host guesses once: a made-up name, a mailbox, or a leaked password. */
  #botnets(): void {
    for (const [of, count, kind] of [
      ['once, dead name', 3_000, 'nobody'],
      ['once, mailbox', 1_600, 'known'],
      ['stuffing', 600, 'known'],
    ] as const)
      this.#guesses(of, this.#count(count), kind).forEach((guess, n) => {
        const address = this.#stranger();
        this.#bot({
          name: `${of} ${n}`,
          guesses: [guess],
          pause: [0, 1],
          service: (_, chance) => chance.of(MAIL),
          address: () => address,
          manner: 'goes on',
        });
      });
  }

  /** Strangers log in with a password that they have, from many networks. */
  #takeovers(): void {
    for (let n = 0; n < Math.max(1, Math.round(5 * this.#share)); n++) {
      const user = this.#name(40 + n * 11);
      const hosts = Array.from({ length: 45 }, () => this.#stranger());
      this.#stage.enter(this.#takeover(user, hosts, this.#stage.chance(`takeover ${n}`)));
    }
  }

  *#takeover(user: string, hosts: readonly string[], chance: Chance): Play {
    const { truth } = this.#stage;
    yield chance.between(0.3, 0.8) * this.#days * DAY;
    for (const address of hosts) {
      if (!this.#stage.isShut(address, 'imap') && !truth.takeovers.has(user))
        truth.takeovers.set(user, this.#stage.now);
      const tries: Try[] = [{ user, password: 'right', ok: true }];
      const service: Service = chance.is(0.5) ? 'imap' : 'submission';
      yield* this.#host.visit({ address, service, tries, isGood: false, stay: 20 });
      yield this.#stage.now + chance.between(5, 90) * MINUTE;
    }
  }

  #bot(bot: Omit<Bot, 'from'>): void {
    const chance = this.#stage.chance(bot.name);
    const length = (bot.guesses.length * (bot.pause[0] + bot.pause[1])) / 2;
    const room = Math.max(0, this.#days * DAY - length);
    this.#stage.enter(this.#play({ ...bot, from: chance.between(0, room) }, chance));
  }

  *#play(
    { guesses, pause, from, service, address, manner, cover, held = 1 }: Bot,
    chance: Chance,
  ): Play {
    yield from;
    let [stopped, moved] = [0, 0];
    for (let n = 0; n < guesses.length; ) {
      const batch = guesses.slice(n, n + held);
      const where = {
        address: address(n, moved),
        service: service(n, chance),
        isGood: false,
      };
      const tries = batch.map(
        (guess, k): Try => ({
          user: guess.user,
          password: guess.password,
          ok: false,
          guess,
          ...(k > 0 && { pause: chance.between(...pause) }),
        }),
      );
      const seen = yield* this.#host.visit({ ...where, tries });
      stopped = seen === batch.length ? 0 : stopped + 1;
      if (manner === 'quits' && stopped === 3) return;
      const comesBack = manner === 'moves' && stopped >= 2 && moved < MOVES_MAX;
      if (comesBack) {
        moved++;
        stopped = 0;
        n += seen;
        yield this.#stage.now + chance.between(0.2, 3) * HOUR;
      } else n += batch.length;
      yield this.#stage.now + chance.between(...pause);
      if (cover !== undefined && n % 3 === 2) {
        const own: Try[] = [{ user: cover, password: 'right', ok: true }];
        yield* this.#host.visit({ ...where, tries: own, stay: 5 });
      }
    }
  }

  /** So many times, at the scale of the month. */
  #each(count: number, make: (n: number) => void): void {
    for (let n = 0; n < Math.max(1, Math.round(count * this.#share)); n++) make(n);
  }

  #count(count: number): number {
    return Math.max(1, Math.round(count * this.#share));
  }

  #guesses(of: string, count: number, kind: 'nobody' | 'known' | 'mixed' | 'shell'): Guess[] {
    const chance = this.#chance;
    return Array.from({ length: count }, () => {
      const isKnown = kind === 'known' || (kind === 'mixed' && chance.is(0.4));
      const user = isKnown
        ? this.#name(chance.upTo(this.#names.length))
        : kind === 'shell'
          ? chance.of(SHELLS)
          : chance.is(0.7)
            ? chance.of(NOBODY)
            : `${chance.text(3)}${chance.upTo(99)}`;
      return this.#stage.truth.plan(of, user, chance.text(8), isKnown || user === 'root');
    });
  }

  #name(n: number): string {
    return this.#names[n % this.#names.length] as string;
  }

  /** Addresses of one attacker: another one each time that he moves. */
  #hosts(): Bot['address'] {
    const own = Array.from({ length: MOVES_MAX + 1 }, () => this.#stranger());
    return (_, moved) => own[moved] as string;
  }

  /** An address that nobody else has, of the reserved 240.0.0.0/4. */
  #stranger(): string {
    for (;;) {
      const address = `${this.#network()}.${1 + this.#chance.upTo(254)}`;
      if (this.#taken.has(address)) continue;
      this.#taken.add(address);
      return address;
    }
  }

  #network(): string {
    const chance = this.#chance;
    return `${240 + chance.upTo(15)}.${chance.upTo(256)}.${chance.upTo(256)}`;
  }
}
