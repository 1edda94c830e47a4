/**
 * Mobile carriers, of which hundreds of phones share each address: infected ones guess there for a
 * while, and afterwards people come who never were in that network. Whoever asks before passwords
 * are looked at has to tell the two apart.
 */
import type { Host } from './host.js';
import { type Chance, DAY, HOUR, MINUTE, type Play, type Stage } from './stage.js';

/** Carriers, as people's phones have them: 100.64.0, 100.64.8 and 100.64.16. */
const CARRIERS = 3;
/** Addresses of a carrier. */
const ADDRESSES = 90;
/** Infected phones of a month. */
const INFECTED = 30;
/** So long after the last guess newcomers come to its address. */
export const NEWCOMER_HOURS = [0.2, 1.2, 3, 8, 24, 60, 120] as const;
/** A mail program tries again after so many seconds, each time with the same password. */
const RETRIES = [MINUTE, 10 * MINUTE, HOUR, 3 * HOUR, 8 * HOUR, 20 * HOUR, 40 * HOUR] as const;

/** Hours after which somebody who was never served gives up. */
export const GIVES_UP_HOURS = RETRIES.reduce((sum, pause) => sum + pause, 0) / HOUR;

/** True for the names that infected phones make up. */
export function isMadeUp(user: string): boolean {
  return user.startsWith('made');
}

/** Somebody's first login ever from a carrier's network. */
export interface Newcomer {
  /** Hours after the last guess at that address. */
  readonly after: number;
  /** True: nobody ever logged in with the name. */
  readonly isNewName: boolean;
  /** The first attempt was refused. */
  isRefused: boolean;
  /** Hours from the first attempt to the one that was served; undefined: none was. */
  waited: number | undefined;
}

export class Carriers {
  readonly newcomers: Newcomer[] = [];
  readonly #stage: Stage;
  readonly #host: Host;
  readonly #names: readonly string[];
  readonly #newNames: readonly string[];
  readonly #days: number;
  /** The next person that was never at a carrier, of each. */
  readonly #next = new Map<number, number>();

  /** `newNames`: of mailboxes that nobody uses before. */
  constructor(
    stage: Stage,
    host: Host,
    names: readonly string[],
    newNames: readonly string[],
    days: number,
  ) {
    this.#stage = stage;
    this.#host = host;
    this.#names = names;
    this.#newNames = newNames;
    this.#days = days;
  }

  /** Phones and newcomers come on stage, once most people have logged in. */
  enter(): void {
    for (let n = 0; n < INFECTED; n++)
      this.#stage.enter(this.#infected(n, this.#stage.chance(`infected phone ${n}`)));
  }

  *#infected(n: number, chance: Chance): Play {
    const carrier = n % CARRIERS;
    const address = `100.64.${carrier * 8}.${2 + ((n * 17) % ADDRESSES)}`;
    yield chance.between(0.25, 0.8) * this.#days * DAY;
    const count = [3, 6, 15][Math.floor(n / CARRIERS) % 3] as number;
    const [from, to] = n % 2 === 0 ? [5, 40] : [1, 4];
    for (let k = 0; k < count; k++) {
      const user = chance.is(0.4) ? chance.of(this.#names) : `made${chance.upTo(60)}`;
      const password = chance.text(8);
      const guess = this.#stage.truth.plan(
        'infected phone',
        user,
        password,
        this.#names.includes(user),
      );
      const tries = [{ user, password, ok: false, guess }];
      const service = chance.of(['smtp', 'imap'] as const);
      yield* this.#host.visit({ address, service, tries, isGood: false });
      yield this.#stage.now + chance.between(from, to) * MINUTE;
    }
    for (const [i, after] of NEWCOMER_HOURS.entries()) {
      const newName = i % 3 === 2 ? this.#newNames[n * 3 + Math.floor(i / 3)] : undefined;
      const user = newName ?? this.#stranger(carrier);
      if (user === undefined) continue;
      const time = this.#stage.now + after * HOUR;
      this.#stage.enter(this.#newcomer(user, newName !== undefined, after, address), time);
    }
  }

  /** One login, and again until it is served. */
  *#newcomer(user: string, isNewName: boolean, after: number, address: string): Play {
    const newcomer: Newcomer = { after, isNewName, isRefused: false, waited: undefined };
    this.newcomers.push(newcomer);
    const began = this.#stage.now;
    const tries = [{ user, password: 'right', ok: true }];
    for (const [n, pause] of [0, ...RETRIES].entries()) {
      yield this.#stage.now + pause;
      const { length } = this.#stage.truth.logins;
      const time = this.#stage.now;
      yield* this.#host.visit({ address, service: 'imap', tries, isGood: true, stay: 5 });
      const login = this.#stage.truth.logins
        .slice(length)
        .find((one) => one.user === user && one.address === address);
      if (login?.blocked === false) {
        newcomer.waited = (time - began) / HOUR;
        return;
      }
      if (n === 0) newcomer.isRefused = true;
    }
  }

  /** Somebody whose phone has another carrier, each once. */
  #stranger(carrier: number): string | undefined {
    for (let n = this.#next.get(carrier) ?? 0; n < this.#names.length; n++) {
      if (n % CARRIERS === carrier) continue;
      this.#next.set(carrier, n + 1);
      return this.#names[n];
    }
    return undefined;
  }
}
