/**
 * The bans in force as the page sees them: read from the agent once, kept up by its events,
 * searched here, so that no key that somebody presses asks the agent for 100,000 bans.
 */
import type { BanView, StreamEvent } from '../control/protocol.js';
import { isHost, overlap, type Prefix, parsePrefix } from '../core/address.js';
import { WEB_BANS_MAX } from '../core/service-limits.js';
import { type BanItem, type BanOrder, type BanPage, countryName } from './api.js';

/** What is asked of the list. */
export interface BanSearch {
  /** Words, all of which must be found. */
  readonly q: string;
  readonly jail?: string | undefined;
  readonly order: BanOrder;
  readonly offset: number;
  readonly limit: number;
}

/** Answers of searches that are kept for the next page of the same. */
const SEARCHES_KEPT = 8;

/** How far a reading may go beyond the bound before the oldest are left out. */
const SLACK = 1.125;

type CountryOf = (target: string) => string | undefined;

export class BanList {
  readonly #max: number;
  readonly #countryOf: CountryOf;
  /** By jail and target, in the order in which they were made. */
  #bans = new Map<string, BanItem>();
  /**
   * While the list is read: which bans are in force, which of them events told of since, and how
   * many had no room.
   */
  #reading: { readonly seen: Set<BanItem>; readonly told: Set<string>; left: number } | undefined;
  #left = 0;
  #searches = new Map<string, readonly BanItem[]>();

  /** `countryOf`: the two letters of an address's country. `max`: a smaller bound, for tests. */
  constructor(countryOf: CountryOf = () => undefined, max = WEB_BANS_MAX) {
    this.#countryOf = countryOf;
    this.#max = max;
  }

  /** Begins a new reading; what is there goes on until it is done. */
  begin(): void {
    this.#reading = { seen: new Set(), told: new Set(), left: 0 };
  }

  /** Bans of the reading that goes on. What an event told since wins. */
  add(bans: readonly BanView[]): void {
    const reading = this.#reading;
    if (reading === undefined) return;
    this.#searches.clear();
    for (const ban of bans) {
      const key = keyOf(ban);
      if (reading.told.has(key)) continue;
      const known = this.#bans.get(key);
      const item = this.#located(itemOf(ban));
      // What is as it was is kept: there is no room for all of them twice.
      const kept = known !== undefined && isSame(known, item) ? known : item;
      if (kept !== known) this.#bans.set(key, kept);
      reading.seen.add(kept);
    }
    if (this.#bans.size > this.#max * SLACK) this.#settle(reading);
  }

  /** The reading is done: what it did not have is over. */
  done(): void {
    const reading = this.#reading;
    if (reading === undefined) return;
    for (const [key, item] of this.#bans) if (!reading.seen.has(item)) this.#bans.delete(key);
    this.#settle(reading);
    this.#left = reading.left;
    this.#reading = undefined;
    this.#searches.clear();
  }

  clear(): void {
    this.#bans = new Map();
    this.#reading = undefined;
    this.#left = 0;
    this.#searches.clear();
  }

  /** A ban that was made, or made longer. */
  put(event: StreamEvent): BanItem {
    const item = this.#located(itemOfEvent(event));
    const key = keyOf(item);
    this.#searches.clear();
    // A ban made longer is as new as it can be.
    this.#bans.delete(key);
    this.#bans.set(key, item);
    this.#reading?.told.add(key);
    this.#reading?.seen.add(item);
    const [oldest] = this.#bans.keys();
    if (this.#reading === undefined && this.#bans.size > this.#max && oldest !== undefined) {
      this.#bans.delete(oldest);
      this.#left++;
    }
    return item;
  }

  /** A ban that is over. */
  remove({ jail, address: target }: StreamEvent): void {
    const key = keyOf({ jail, target });
    this.#searches.clear();
    this.#reading?.told.add(key);
    // It can only be one of those that had no room.
    if (!this.#bans.delete(key) && this.#left > 0) this.#left--;
  }

  #located(item: BanItem): BanItem {
    const country = this.#countryOf(item.target);
    return country === undefined ? item : { ...item, country };
  }

  /** Puts them in their order and leaves out the oldest that have no room. */
  #settle(reading: { readonly seen: Set<BanItem>; left: number }): void {
    let before = '';
    let isOrdered = true;
    for (const { time } of this.#bans.values()) {
      isOrdered &&= before <= time;
      before = time;
    }
    if (!isOrdered)
      this.#bans = new Map([...this.#bans].sort(([, a], [, b]) => compare(a.time, b.time)));
    for (const [key, item] of this.#bans) {
      if (this.#bans.size <= this.#max) return;
      this.#bans.delete(key);
      if (reading.seen.delete(item)) reading.left++;
    }
  }

  page({ offset, limit, ...query }: BanSearch): Omit<BanPage, 'isCurrent'> {
    const key = JSON.stringify(query);
    const found = this.#searches.get(key) ?? this.#search(query);
    if (this.#searches.size >= SEARCHES_KEPT) this.#searches.clear();
    this.#searches.set(key, found);
    return {
      total: this.#bans.size + this.#left,
      found: found.length,
      left: this.#left,
      offset,
      rows: found.slice(offset, offset + limit),
    };
  }

  #search({ q, jail, order }: Omit<BanSearch, 'offset' | 'limit'>): readonly BanItem[] {
    const tests = q
      .split(/\s+/)
      .filter((word) => word !== '')
      .map(testOf);
    const all = [...this.#bans.values()];
    const found =
      tests.length === 0 && jail === undefined
        ? all
        : all.filter(
            (ban) =>
              (jail === undefined || ban.jail === jail) && tests.every((isFound) => isFound(ban)),
          );
    switch (order) {
      case 'newest':
        return found.reverse();
      case 'oldest':
        return found;
      case 'ending':
        return found.sort((a, b) => compare(a.until ?? '~', b.until ?? '~'));
      case 'failures':
        return found.sort((a, b) => b.failures - a.failures);
    }
  }
}

/** Whether a word is found in a ban. */
function testOf(word: string): (ban: BanItem) => boolean {
  const prefix = parsePrefix(word);
  // Of a name such as `1` or `10` somebody may be looking for the user.
  if (prefix !== undefined && /[.:].*[.:]/.test(word)) return sharing(prefix);
  const wanted = word.toLowerCase();
  const [, place] = /^country:(.+)$/.exec(wanted) ?? [];
  if (place !== undefined) return inCountry(place);
  const isThere = wanted.length < COUNTRY_CHARS ? () => false : inCountry(wanted);
  return (ban) => hasText(ban, wanted) || isThere(ban);
}

function hasText(
  { target, jail, user = '', host = '', rule = '', by = '' }: BanItem,
  wanted: string,
): boolean {
  return (
    target.includes(wanted) ||
    jail.toLowerCase().includes(wanted) ||
    user.toLowerCase().includes(wanted) ||
    host.toLowerCase().includes(wanted) ||
    rule.includes(wanted) ||
    by.toLowerCase().includes(wanted)
  );
}

/** Fewer characters are no country: every other name would have them. */
const COUNTRY_CHARS = 2;

/** Whether a ban is in the country of these two letters, or of a name that begins with a word. */
function inCountry(wanted: string): (ban: BanItem) => boolean {
  const found = new Map<string, boolean>();
  return ({ country }) => {
    if (country === undefined) return false;
    let is = found.get(country);
    if (is === undefined) {
      const names = countryName(country)
        .toLowerCase()
        .split(/[\s-]+/);
      is = country.toLowerCase() === wanted;
      if (wanted.length > 2) is ||= names.some((name) => name.startsWith(wanted));
      found.set(country, is);
    }
    return is;
  };
}

/** Whether a ban shares an address with a prefix. Parsing costs most: text is looked at first. */
function sharing(wanted: Prefix): (ban: BanItem) => boolean {
  const isOfFamily6 = wanted.family === 6;
  // What every address of an IPv4 prefix begins with.
  const octets = isOfFamily6 ? 0 : Math.floor(wanted.length / 8);
  const begin = wanted.base.split('.').slice(0, octets).join('.');
  return ({ target }) => {
    if (target.includes(':') !== isOfFamily6) return false;
    if (!target.includes('/')) {
      if (isHost(wanted)) return target === wanted.base;
      if (!target.startsWith(begin)) return false;
    }
    const prefix = parsePrefix(target);
    return prefix !== undefined && overlap(prefix, wanted);
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function keyOf({ jail, target }: { readonly jail: string; readonly target: string }): string {
  return `${jail}\n${target}`;
}

function isSame(a: BanItem, b: BanItem): boolean {
  return (
    a.time === b.time &&
    a.until === b.until &&
    a.failures === b.failures &&
    a.user === b.user &&
    a.host === b.host &&
    a.by === b.by &&
    a.rule === b.rule &&
    a.country === b.country
  );
}

function itemOf(ban: BanItem): BanItem {
  const { jail, target, time, until, failures, user, host, by, rule } = ban;
  return {
    ...{ jail, target, time, until, failures },
    ...(user === undefined ? {} : { user }),
    ...(host === undefined ? {} : { host }),
    ...(by === undefined ? {} : { by }),
    ...(rule === undefined ? {} : { rule }),
  };
}

export function itemOfEvent(event: StreamEvent): BanItem {
  const { address: target, until = null, count: failures = 0 } = event;
  return itemOf({ ...event, target, until, failures });
}
