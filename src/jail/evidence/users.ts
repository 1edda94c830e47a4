/**
 * What the evidence model keeps of user names: who failed for each, and from which networks it logs
 * in.
 */
import {
  EVIDENCE_OFFENDERS_MAX,
  EVIDENCE_WAVE_ADDRESSES,
  NEW_PLACES_MAX,
} from '../../core/limits.js';
import { NEW_PLACE_SECONDS } from '../../core/timeouts.js';
import { type Key, NONE, RecentSet, Table } from './table.js';

/**
 * Columns of a name: its last login, when either alarm was given, when a server last looked at it,
 * when one last said that it exists, and who failed for it. One that logs in needs neither of the
 * two: in the place of the first stands up to when its new places are used up.
 */
const NAME = { lastLogin: 0, alarmed: 1, taken: 2, checked: 3, exists: 4, offenders: 5 } as const;
const PLACES_UP_TO = NAME.checked;
const DAY = 86_400;
const ALARM_PAUSE = DAY;
const AHEAD = 3600;
/** So far ahead of now the new places of a user are used up at most. */
const MOST_AHEAD = NEW_PLACES_MAX * NEW_PLACE_SECONDS;

/** Behind its offenders a prefix has the name that they tried, or that there were several. */
const TRIED = RecentSet.wordsOf(EVIDENCE_OFFENDERS_MAX);
const SEVERAL = 0xffffffff;

/** The offenders of prefixes. */
export class Offenders {
  readonly #table: Table;
  readonly #set: RecentSet;

  constructor(max: number) {
    this.#table = new Table(TRIED + 1, max, (slot) => this.#set.count(slot, 1));
    this.#set = new RecentSet(this.#table, 0, EVIDENCE_OFFENDERS_MAX);
  }

  get bytes(): number {
    return this.#table.bytes;
  }

  /**
   * Notes an offender and the name that it tried; how many the prefix had since `from`, and whether
   * they tried several names.
   */
  add(prefix: Key, { offender, name, time }: Offence, from: number) {
    const slot = this.#table.obtain(prefix);
    this.#set.add(slot, offender, time);
    const tried = this.#table.get(slot, TRIED);
    if (tried === 0) this.#table.set(slot, TRIED, name);
    else if (name !== 0 && tried !== name) this.#table.set(slot, TRIED, SEVERAL);
    return {
      offenders: this.#set.count(slot, from),
      isSeveral: this.#table.get(slot, TRIED) === SEVERAL,
    };
  }

  forget(prefix: Key): void {
    this.#table.remove(prefix);
  }
}

/** One failure, as it concerns the network that it came from. */
interface Offence {
  readonly offender: number;
  /** Of the user; 0 when the line names none. */
  readonly name: number;
  readonly time: number;
}

/** Whether strangers try one name after the other that nobody logs in with. */
export class NameWave {
  /** The newest addresses, and when each last failed. */
  readonly #addresses = new Map<number, number>();

  note(address: number, time: number): void {
    this.#addresses.delete(address);
    this.#addresses.set(address, time);
    const [oldest] = this.#addresses.keys();
    if (this.#addresses.size > EVIDENCE_WAVE_ADDRESSES && oldest !== undefined)
      this.#addresses.delete(oldest);
  }

  /** True when many did within the last day. */
  isOn(time: number): boolean {
    const times = [...this.#addresses.values()].filter((seen) => seen >= time - DAY);
    return times.length >= EVIDENCE_WAVE_ADDRESSES;
  }
}

/** What is known of names: their logins, and who failed for them. */
export class WatchedUsers {
  readonly #table: Table;
  readonly #offenders: RecentSet;
  readonly #networks: RecentSet;

  readonly #max: number;
  /** A name with which somebody had logged in made room for another. */
  #hasForgotten = false;

  constructor(max: number) {
    this.#max = max;
    const networks = NAME.offenders + RecentSet.wordsOf(EVIDENCE_OFFENDERS_MAX);
    this.#table = new Table(
      networks + RecentSet.wordsOf(EVIDENCE_OFFENDERS_MAX),
      max,
      (slot) => Math.max(this.#table.get(slot, NAME.lastLogin), this.#offenders.newest(slot)),
      (slot) => {
        this.#hasForgotten ||= this.#table.get(slot, NAME.lastLogin) > 0;
      },
    );
    this.#offenders = new RecentSet(this.#table, NAME.offenders, EVIDENCE_OFFENDERS_MAX);
    this.#networks = new RecentSet(this.#table, networks, EVIDENCE_OFFENDERS_MAX);
  }

  get size(): number {
    return this.#table.size;
  }

  get bytes(): number {
    return this.#table.bytes;
  }

  /**
   * A user was forgotten, or the next name may make it so: of a name that is not there nobody can
   * say that it is no user's. Rows fill unevenly, so that this comes before the table is full.
   */
  get isFull(): boolean {
    return this.#hasForgotten || this.#table.size >= this.#max;
  }

  hasLogin(name: Key): boolean {
    const slot = this.#table.find(name);
    return slot !== NONE && this.#table.get(slot, NAME.lastLogin) > 0;
  }

  /**
   * Notes a login; returns from how many networks there were some within the day before it. Logins
   * of sources that are a little ahead count too; those long after one of the past do not.
   */
  login(name: Key, network: number, time: number): number {
    const slot = this.#table.obtain(name);
    if (time > this.#table.get(slot, NAME.lastLogin)) this.#table.set(slot, NAME.lastLogin, time);
    this.#networks.add(slot, network, time);
    return this.#networks.count(slot, time - DAY, undefined, time + AHEAD);
  }

  /**
   * Takes one off the new places that a user may vouch for; false when none is left, so that one
   * mailbox cannot push out what is known of all others. Logins of the past take none.
   */
  mayVouch(name: Key, time: number): boolean {
    const slot = this.#table.obtain(name);
    const ahead = this.#table.get(slot, PLACES_UP_TO) - time;
    if (ahead > MOST_AHEAD) return true;
    const next = Math.max(0, ahead) + NEW_PLACE_SECONDS;
    if (next > MOST_AHEAD) return false;
    this.#table.set(slot, PLACES_UP_TO, time + next);
    return true;
  }

  /** Notes an address that failed for the name; returns how many did since `from`. */
  offend(name: Key, address: number, time: number, from: number): number {
    const slot = this.#table.obtain(name);
    this.#offenders.add(slot, address, time);
    return this.#offenders.count(slot, from);
  }

  /** How many addresses, without `but`, failed for the name since `from`. Changes nothing. */
  offenders(name: Key, from: number, but?: number): number {
    const slot = this.#table.find(name);
    return slot === NONE ? 0 : this.#offenders.count(slot, Math.max(1, from), but);
  }

  /** From how many networks there were logins since `from`. Changes nothing. */
  networks(name: Key, from: number): number {
    const slot = this.#table.find(name);
    return slot === NONE ? 0 : this.#networks.count(slot, Math.max(1, from));
  }

  /** A server looked for the name, and perhaps said that it exists. */
  noteChecked(name: Key, time: number, exists: boolean): void {
    const slot = this.#table.obtain(name);
    for (const column of exists ? [NAME.checked, NAME.exists] : [NAME.checked])
      if (time > this.#table.get(slot, column)) this.#table.set(slot, column, time);
  }

  /** When a server last looked for the name, and when one last said that it exists; 0 is never. */
  checked(name: Key): { readonly last: number; readonly exists: number } {
    const slot = this.#table.find(name);
    if (slot === NONE) return { last: 0, exists: 0 };
    return {
      last: this.#table.get(slot, NAME.checked),
      exists: this.#table.get(slot, NAME.exists),
    };
  }

  /** True once a day for each kind of alarm. */
  mayAlarm(name: Key, kind: 'alarmed' | 'taken', time: number): boolean {
    const slot = this.#table.obtain(name);
    if (time - this.#table.get(slot, NAME[kind]) < ALARM_PAUSE) return false;
    this.#table.set(slot, NAME[kind], time);
    return true;
  }

  /** Names of which an alarm of the kind was given from this time on. */
  alarmed(kind: 'alarmed' | 'taken', from: number): number {
    return this.#table.count((slot) => this.#table.get(slot, NAME[kind]) >= Math.max(1, from));
  }

  remove(name: Key): void {
    this.#table.remove(name);
  }
}
