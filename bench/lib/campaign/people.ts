/**
 * The honest people of a made-up month, and what of them looks like an attack: typing errors, a
 * forgotten password, phones and a scanner that go on with an old one, whole offices and trains
 * behind one address, leases that change, travellers, a webmail host, lists with old addresses.
 */
import type { Host } from './host.js';
import { type Chance, DAY, HOUR, MINUTE, type Play, type Service, type Stage } from './stage.js';

const GIVEN =
  'alma bruno clara dario edda falk gesa hugo ilse jan kira leo mona nils olga pia quirin rosa sven thea'.split(
    ' ',
  );
const FAMILY = 'arndt brandt claus dorn ernst falk gross hahn'.split(' ');
/** Mailboxes that are not of one person. */
const SHARED = 'info office sales billing orders support'.split(' ');
const OFFICES = [26, 14] as const;
const WEBMAIL = '198.19.0.80';
const MONITOR = '198.19.0.9';

interface Person {
  readonly name: string;
  /** Number of the office; undefined: works at home. */
  readonly office: number | undefined;
  /** Of those with IPv6 at home: the first 56 bits, two digits short of 64. */
  readonly home6: string | undefined;
  /** The first 24 bits of the provider's pool. */
  readonly pool: string;
  readonly lease: number;
  readonly carrier: number;
  readonly hasPhone: boolean;
  readonly usesWebmail: boolean;
  readonly polls: boolean;
  readonly trip: { readonly from: number; readonly to: number } | undefined;
}

/** Everybody with a mailbox. */
export class People {
  readonly names: readonly string[];
  readonly #people: readonly Person[];
  readonly #stage: Stage;
  readonly #days: number;
  /** How often each changed the password. */
  readonly #changes = new Map<string, number>();

  constructor(stage: Stage, count: number, days: number) {
    this.#stage = stage;
    this.#days = days;
    this.#people = Array.from({ length: count }, (_, i) => personOf(i, count, days, stage));
    this.names = this.#people.map(({ name }) => name);
  }

  /** Everybody comes on stage; few people make few mistakes. */
  enter(host: Host): void {
    const stage = this.#stage;
    for (const person of this.#people) {
      stage.enter(this.#desk(person, host));
      if (person.hasPhone) stage.enter(this.#phone(person, host));
      if (person.usesWebmail) stage.enter(this.#webmail(person, host));
      if (person.polls) stage.enter(this.#poller(person, host));
    }
    const few = (count: number) => Math.max(1, Math.round((count * this.#people.length) / 150));
    for (let i = 0; i < few(24); i++) stage.enter(this.#forgets(i, host));
    for (let i = 0; i < few(6); i++) stage.enter(this.#oldPhone(i, host));
    stage.enter(this.#scanner(host));
    stage.enter(this.#lists(host));
    stage.enter(this.#monitor(host));
    for (const [i, person] of this.#people.slice(0, 3).entries())
      stage.enter(this.#administrator(person, i, host));
  }

  *#desk(person: Person, host: Host): Play {
    const chance = this.#stage.chance(`desk ${person.name}`);
    for (const time of times(chance, this.#days, (work) => (work ? 4 : 1))) {
      yield time;
      const address = this.#where(person, 'desk');
      if (chance.is(0.006))
        for (let n = 1 + chance.upTo(2); n > 0; n--) {
          yield* good(host, chance, address, 'imap', person.name, `slip${chance.upTo(90)}`, false);
          yield this.#stage.now + chance.between(4, 25);
        }
      yield* good(host, chance, address, 'imap', person.name, this.#right(person), true);
      if (chance.is(0.25)) {
        yield this.#stage.now + chance.between(30, 600);
        yield* good(
          host,
          chance,
          address,
          chance.is(0.5) ? 'submission' : 'submissions',
          person.name,
          this.#right(person),
          true,
        );
      }
    }
  }

  *#phone(person: Person, host: Host): Play {
    const chance = this.#stage.chance(`phone ${person.name}`);
    for (const time of times(chance, this.#days, () => 4)) {
      yield time;
      yield* good(
        host,
        chance,
        this.#where(person, 'phone'),
        'imap',
        person.name,
        this.#right(person),
        true,
      );
    }
  }

  *#webmail(person: Person, host: Host): Play {
    const chance = this.#stage.chance(`webmail ${person.name}`);
    for (const time of times(chance, this.#days, () => (chance.is(0.6) ? 1 : 0))) {
      yield time;
      if (chance.is(0.06))
        for (let n = 1 + chance.upTo(3); n > 0; n--) {
          yield* good(host, chance, WEBMAIL, 'imap', person.name, `slip${chance.upTo(90)}`, false);
          yield this.#stage.now + chance.between(4, 20);
        }
      for (let n = 3 + chance.upTo(5); n > 0; n--) {
        yield* good(host, chance, WEBMAIL, 'imap', person.name, this.#right(person), true, 1);
        yield this.#stage.now + chance.between(10, 90);
      }
    }
  }

  *#poller(person: Person, host: Host): Play {
    const chance = this.#stage.chance(`poller ${person.name}`);
    for (let day = 0; day < this.#days; day++)
      for (let n = 0; n < 20 && isWork(day); n++) {
        yield day * DAY + 8 * HOUR + n * 27 * MINUTE + chance.between(0, 60);
        yield* good(
          host,
          chance,
          this.#where(person, 'desk'),
          'pop3',
          person.name,
          this.#right(person),
          true,
          1,
        );
      }
  }

  /** Tries what the password may have been, then has it reset or remembers it. */
  *#forgets(n: number, host: Host): Play {
    const chance = this.#stage.chance(`forgets ${n}`);
    const person = chance.of(this.#people);
    yield waking(chance, chance.upTo(Math.max(1, this.#days - 1)));
    const device = chance.is(0.5) ? 'desk' : 'phone';
    const address = this.#where(person, device);
    for (let k = 4 + chance.upTo(6); k > 0; k--) {
      const service = chance.is(0.75) ? 'imap' : 'submission';
      yield* good(host, chance, address, service, person.name, `was${k % 4}`, false);
      yield this.#stage.now + chance.between(8, 160);
    }
    const remembers = chance.is(0.6);
    yield this.#stage.now + (remembers ? chance.between(20, 400) : chance.between(1, 12) * HOUR);
    if (!remembers) this.#changesPassword(person);
    for (let k = 0; k < 3; k++) {
      yield* good(
        host,
        chance,
        this.#where(person, device),
        'imap',
        person.name,
        this.#right(person),
        true,
      );
      yield this.#stage.now + chance.between(60, 1_200);
    }
  }

  /** The password was changed; a phone asks with the old one every few minutes, for days. */
  *#oldPhone(n: number, host: Host): Play {
    const chance = this.#stage.chance(`old phone ${n}`);
    const owners = this.#people.filter(({ hasPhone }) => hasPhone);
    const person = owners[(n * 7 + 3) % owners.length];
    if (person === undefined) return;
    const from = chance.between(0.1, 0.7) * this.#days * DAY;
    const to = Math.min(this.#days * DAY, from + chance.between(2, 5) * DAY);
    yield from;
    this.#changesPassword(person);
    for (let at = from; at < to; at = this.#stage.now + chance.between(5, 15) * MINUTE) {
      yield at;
      const address = this.#where(person, 'phone');
      yield* good(host, chance, address, 'imap', person.name, 'before', false);
    }
  }

  /** A machine in the first office that sends with an old password on five working days. */
  *#scanner(host: Host): Play {
    const chance = this.#stage.chance('scanner');
    for (let day = 8; day < Math.min(15, this.#days); day++)
      for (let n = 0; n < 40 && isWork(day); n++) {
        yield day * DAY + 8 * HOUR + n * 12 * MINUTE + chance.between(0, 90);
        yield* good(host, chance, officeOf(0), 'submission', SHARED[1] as string, 'before', false);
      }
  }

  /** Mailing lists and other servers: much mail, some of it for people who have left. */
  *#lists(host: Host): Play {
    const chance = this.#stage.chance('lists');
    const perDay = Math.max(4, Math.round(this.names.length * 2));
    for (let at = 0; at < this.#days * DAY; at += chance.between(0.4, 1.6) * (DAY / perDay)) {
      yield at;
      const n = chance.upTo(60);
      const rejected = n < 6 && chance.is(0.25) ? 1 + chance.upTo(6) : 0;
      yield* host.deliver(
        `198.19.50.${2 + n}`,
        `lists${n}.example.net`,
        chance.of(this.names),
        rejected,
      );
    }
  }

  *#monitor(host: Host): Play {
    for (let at = 90; at < this.#days * DAY; at += 15 * MINUTE) {
      yield at;
      yield* host.probe(MONITOR);
    }
  }

  *#administrator(person: Person, n: number, host: Host): Play {
    const chance = this.#stage.chance(`administrator ${person.name}`);
    for (const time of times(chance, this.#days, () => chance.upTo(4))) {
      yield time;
      const address = this.#where(person, 'desk');
      if (chance.is(0.05)) {
        yield* good(host, chance, address, 'ssh', ADMINISTRATORS[n] as string, 'slip', false);
        yield this.#stage.now + 5;
      }
      yield* good(host, chance, address, 'ssh', ADMINISTRATORS[n] as string, 'right', true);
    }
  }

  /** The password of the person now. */
  #right({ name }: Person): string {
    return `right${this.#changes.get(name) ?? 0}`;
  }

  #changesPassword({ name }: Person): void {
    this.#changes.set(name, 1 + (this.#changes.get(name) ?? 0));
  }

  /** The address of a device of the person now. */
  #where(person: Person, device: 'desk' | 'phone'): string {
    const { now } = this.#stage;
    const [day, hour] = [Math.floor(now / DAY), (now % DAY) / HOUR];
    const drawn = (what: string, n: number) => this.#stage.chance(`${person.name} ${what}`).upTo(n);
    if (person.trip !== undefined && person.trip.from <= now && now < person.trip.to) {
      const half = `hotel ${Math.floor(now / (12 * HOUR))}`;
      return `198.19.${100 + drawn(`town ${day}`, 100)}.${2 + drawn(half, 250)}`;
    }
    const isAtWork = isWork(day) && hour >= 8 && hour < 17;
    if (device === 'phone' && hour >= 7 && hour < 20 && !(isAtWork && drawn(`wifi ${day}`, 3) > 0))
      return `100.64.${person.carrier * 8}.${2 + drawn(`cell ${Math.floor(now / (4 * HOUR))}`, 90)}`;
    if (person.office !== undefined && isAtWork) return officeOf(person.office);
    if (person.home6 !== undefined) {
      const privacy = this.#stage.chance(`${person.name} ${device} ${day}`);
      const part = () => (1 + privacy.upTo(65_535)).toString(16);
      return `${person.home6}:${part()}:${part()}:${part()}:${part()}`;
    }
    return `${person.pool}.${2 + drawn(`lease ${Math.floor(now / person.lease)}`, 250)}`;
  }
}

/** Shell accounts of the first people. */
export const ADMINISTRATORS = ['deploy', 'wheel', 'root'] as const;

/** The address of an office, which its people share. */
export function officeOf(n: number): string {
  return `198.19.${1 + n}.7`;
}

function personOf(i: number, count: number, days: number, stage: Stage): Person {
  const own = `${GIVEN[i % GIVEN.length]}.${FAMILY[Math.floor(i / GIVEN.length) % FAMILY.length]}`;
  const name = SHARED[i] ?? own;
  const chance = stage.chance(`person ${name}`);
  const share = i / count;
  const [first, second] = [OFFICES[0] / 150, (OFFICES[0] + OFFICES[1]) / 150];
  const from = chance.between(0.05, 0.7) * days * DAY;
  return {
    name,
    office: share < first ? 0 : share < second ? 1 : undefined,
    home6:
      i % 4 === 1
        ? `2001:db8:${(0x1000 + (i >> 5)).toString(16)}:${((i & 31) << 8).toString(16)}`
        : undefined,
    pool: `198.18.${i >> 2}`,
    lease: chance.between(3, 40) * DAY,
    carrier: i % 3,
    hasPhone: chance.is(0.7),
    usesWebmail: chance.is(0.18),
    polls: chance.is(0.08),
    trip: chance.is(0.07) ? { from, to: from + chance.between(3, 9) * DAY } : undefined,
  };
}

function good(
  host: Host,
  chance: Chance,
  address: string,
  service: Service,
  user: string,
  password: string,
  ok: boolean,
  stay = chance.between(5, 1_800),
) {
  return host.visit({
    address,
    service,
    isGood: true,
    stay,
    tries: [{ user, password, ok }],
  });
}

function isWork(day: number): boolean {
  return day % 7 < 5;
}

/** A time of the day when people are awake, mostly around noon. */
function waking(chance: Chance, day: number): number {
  return day * DAY + (7 + (chance.between(0, 8) + chance.between(0, 8))) * HOUR;
}

/** Times of all days in order, about so many on each. */
function* times(
  chance: Chance,
  days: number,
  perDay: (work: boolean) => number,
): Generator<number> {
  for (let day = 0; day < days; day++) {
    const count = Math.max(0, Math.round(perDay(isWork(day)) * chance.between(0.6, 1.4)));
    const all = Array.from({ length: count }, () => waking(chance, day));
    yield* all.sort((a, b) => a - b);
  }
}
