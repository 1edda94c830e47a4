/**
 * A match of a regex: the text of each capture, and where the named groups are among them. Nearly
 * every entry that is judged makes several, and of each only a few groups are looked at, so no
 * object with a property for each group is made until somebody asks for one.
 */

/** Groups that mean something to a filter, by number; what else a regex names is found by name. */
export const GROUP = {
  fid: 0,
  ip4: 1,
  ip6: 2,
  dns: 3,
  user: 4,
  count: 5,
  mlfid: 6,
  nofail: 7,
  mlfgained: 8,
  mlfforget: 9,
  mlfwait: 10,
  content: 11,
  session: 12,
  process: 13,
  witness: 14,
  sum: 15,
  seconds: 16,
  unsure: 17,
  trouble: 18,
  opened: 19,
  closed: 20,
  elsewhere: 21,
  kind: 22,
  digest: 23,
  kind_unknown: 24,
  kind_password: 25,
  chain: 26,
  unchecked: 27,
} as const;

/** Number of a group of `GROUP`. */
export type GroupNumber = (typeof GROUP)[keyof typeof GROUP];

/** Groups of a match by name; a group that took no part is undefined, and nothing is inherited. */
export type Groups = Readonly<Record<string, string | undefined>>;

const NUMBERS: ReadonlyMap<string, number> = new Map(Object.entries(GROUP));

/** A bit for each of these groups. */
export function bitsOf(...groups: readonly GroupNumber[]): number {
  return groups.reduce<number>((bits, group) => bits | (1 << group), 0);
}

/** Where the named groups of a regex are among the texts of a match. */
export class Places {
  /** The groups of `GROUP` that there are, as `bitsOf` says them. */
  readonly bits: number;
  /** Of each group of `GROUP` its place; 0, where the whole match stands, when there is none. */
  readonly known: Uint16Array;
  readonly byName: ReadonlyMap<string, number>;

  /** Places from 1 on. */
  constructor(byName: ReadonlyMap<string, number>) {
    this.byName = byName;
    this.known = new Uint16Array(NUMBERS.size);
    let bits = 0;
    for (const [name, place] of byName) {
      const number = NUMBERS.get(name);
      if (number === undefined) continue;
      this.known[number] = place;
      bits |= 1 << number;
    }
    this.bits = bits;
  }
}

/** A constructor, because a class cannot do without Object's names. */
const NewGroups = function NewGroups() {
  // Groups are set as they are named.
} as unknown as { new (): Record<string, string | undefined>; prototype: object };
NewGroups.prototype = Object.create(null);

/** What a regex found in a text. */
export class Found {
  readonly index: number;
  readonly end: number;
  /** At their places; what stands at 0 is of no matter. */
  readonly texts: readonly (string | undefined)[];
  readonly places: Places;

  constructor(index: number, end: number, texts: readonly (string | undefined)[], places: Places) {
    this.index = index;
    this.end = end;
    this.texts = texts;
    this.places = places;
  }

  /** A match of these groups. */
  static of(groups: Groups, index = 0, end = 0): Found {
    const names = Object.keys(groups);
    const places = new Places(new Map(names.map((name, i) => [name, i + 1])));
    return new Found(index, end, [undefined, ...names.map((name) => groups[name])], places);
  }

  /** The text of a group of `GROUP`; undefined where it took no part. */
  text(group: GroupNumber): string | undefined {
    const place = this.places.known[group] as number;
    return place === 0 ? undefined : this.texts[place];
  }

  /** The text of any group. */
  named(name: string): string | undefined {
    const place = this.places.byName.get(name);
    return place === undefined ? undefined : this.texts[place];
  }

  /** A new object with all named groups. */
  groups(): Record<string, string | undefined> {
    const groups = new NewGroups();
    for (const [name, place] of this.places.byName) groups[name] = this.texts[place];
    return groups;
  }

  /** The same match with other texts of some groups. */
  with(changes: Groups): Found {
    return Found.of({ ...this.groups(), ...changes }, this.index, this.end);
  }
}
