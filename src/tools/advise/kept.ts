/**
 * What the filters found in a journal, kept to be judged many times, and who its clients are: users
 * of this host or not. Bounded: beyond it the oldest go.
 */
import { type Address, formatPrefix, type Prefix, prefixOf } from '../../core/address.js';
import type { FilterEvent } from '../../core/decision.js';
import { cursor } from '../../core/names.js';
import { ADVISE_EVENTS_MAX, WHAT_IF_USERS_MAX } from '../../core/service-limits.js';
import type { EpochMicros } from '../../core/time.js';

/** A host of IPv4 or a /64 of IPv6, with what the whole journal says of it. */
export interface Client {
  readonly target: Prefix;
  /** Logins, with some of their users; strangers' text. */
  logins: number;
  readonly users: string[];
  /** Failures with names that never logged in from there. */
  foreign: number;
}

export interface KeptEvent extends FilterEvent {
  readonly client: Client;
}

/** Keeps `max` events, and a quarter fewer when one more would not fit. */
const KEPT_SHARE = 0.75;
const CLIENT_LENGTH = { 4: 32, 6: 64 } as const;
/** Cursors are not needed: nobody asks for the entries. */
const NO_CURSOR = cursor('-');

/**
 * True when the client is taken for one of a user: it logs in more often than it fails with names
 * that are not its own. Somebody who guesses, and finds a password at last, does not.
 */
export function isUsers({ logins, foreign }: Client): boolean {
  return logins > foreign;
}

export class AttemptStore {
  readonly #max: number;
  #events: FilterEvent[] = [];
  /** Texts and addresses are kept once. */
  #addresses = new Map<string, Address>();
  #names = new Map<string, string>();
  #left = 0;

  constructor(max = ADVISE_EVENTS_MAX) {
    this.#max = max;
  }

  /** Events that were left out, since they did not fit: the oldest. */
  get left(): number {
    return this.#left;
  }

  add(event: FilterEvent): void {
    if (this.#events.length >= this.#max) this.#compact();
    this.#events.push(this.#shared(event));
  }

  /** The events in order of reading, each with its client. Looks at all. */
  all(): readonly KeptEvent[] {
    const clients = new Map<string, Client & { readonly names: Set<string | undefined> }>();
    const kept = this.#events.map((event) => {
      const target = prefixOf(event.address, CLIENT_LENGTH[event.address.family]);
      const key = formatPrefix(target);
      let client = clients.get(key);
      if (client === undefined) {
        client = { target, logins: 0, users: [], foreign: 0, names: new Set() };
        clients.set(key, client);
      }
      if (event.kind === 'success') {
        client.logins += event.count;
        if (event.user !== undefined && !client.names.has(event.user)) {
          client.names.add(event.user);
          if (client.users.length < WHAT_IF_USERS_MAX) client.users.push(event.user);
        }
      }
      return { event, client };
    });
    for (const { event, client } of kept)
      if (event.kind === 'failure' && !client.names.has(event.user)) client.foreign += event.count;
    return kept.map(({ event, client }) => keptOf(event, client));
  }

  /** First and last time of all; undefined when nothing was kept. */
  span(): { readonly from: EpochMicros; readonly to: EpochMicros } | undefined {
    const first = this.#events[0];
    if (first === undefined) return undefined;
    let [from, to] = [first.time, first.time];
    for (const { time } of this.#events) {
      if (time < from) from = time;
      if (time > to) to = time;
    }
    return { from, to };
  }

  #shared(event: FilterEvent): FilterEvent {
    const { user, kind, jail, count, time, regex } = event;
    const address = shared(this.#addresses, event.address.text, event.address);
    const name = user === undefined ? undefined : shared(this.#names, user, user);
    return {
      kind,
      jail,
      address,
      ...(name === undefined ? {} : { user: name }),
      count,
      time,
      cursor: NO_CURSOR,
      regex,
    };
  }

  #compact(): void {
    const rest = this.#events.slice(this.#events.length - Math.floor(this.#max * KEPT_SHARE));
    this.#left += this.#events.length - rest.length;
    this.#addresses = new Map();
    this.#names = new Map();
    this.#events = rest.map((event) => this.#shared(event));
  }
}

function shared<T>(known: Map<string, T>, key: string, value: T): T {
  const before = known.get(key);
  if (before !== undefined) return before;
  known.set(key, value);
  return value;
}

/** Of one shape, with a user or without: every setting reads all of them, over and over. */
function keptOf(event: FilterEvent, client: Client): KeptEvent {
  const { kind, jail, address, user, count, time, cursor: at, regex } = event;
  return { kind, jail, address, user, count, time, cursor: at, regex, client } as KeptEvent;
}
