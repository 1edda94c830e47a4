/**
 * Finds connections by boot and name: a hash table with chains. Not a `Map`: each time one is
 * tidied up, V8 leaves a table behind that points to the next, and once one of them is old, the
 * collector drags all of them and all that they hold into the old space, dead or not (a quarter of
 * the time of all filtering on a busy host).
 */

/**
 * A ring in the order in which its members were last heard: `ends.newer` is the oldest,
 * `ends.older` the newest.
 */
export interface Linked<T> {
  older: T;
  newer: T;
}

/** Takes a member out; it is then a ring of its own. */
export function unlink<T extends Linked<T>>(member: T): void {
  member.older.newer = member.newer;
  member.newer.older = member.older;
  member.older = member;
  member.newer = member;
}

/** Puts a member that is in no ring in as the newest. */
export function append<T extends Linked<T>>(ends: T, member: T): void {
  member.older = ends.older;
  member.newer = ends;
  ends.older.newer = member;
  ends.older = member;
}

const FIRST_BUCKETS = 64;

/** What stands in the index. */
export interface Indexed<T> {
  readonly key: string;
  readonly boot: string;
  /** Of the key; set by the index. */
  hash: number;
  /** The next of the same bucket; undefined for what is not in the index. */
  chain: T | undefined;
}

export class SessionIndex<T extends Indexed<T>> {
  #buckets: (T | undefined)[] = new Array(FIRST_BUCKETS).fill(undefined);
  #size = 0;
  /** Chosen by chance, so that nobody can choose names that all come into one bucket. */
  readonly #factor = (Math.floor(Math.random() * 0x4000_0000) << 1) | 1;

  get size(): number {
    return this.#size;
  }

  find(key: string, boot: string): T | undefined {
    const hash = this.#hashOf(key);
    let at = this.#buckets[hash & (this.#buckets.length - 1)];
    while (at !== undefined && !(at.hash === hash && at.key === key && at.boot === boot))
      at = at.chain;
    return at;
  }

  /** Takes one that `find` does not find. */
  add(entry: T): void {
    if (this.#size >= this.#buckets.length) this.#grow();
    entry.hash = this.#hashOf(entry.key);
    this.#put(entry);
    this.#size++;
  }

  /** Takes out one that stands in it. */
  remove(entry: T): void {
    const bucket = entry.hash & (this.#buckets.length - 1);
    let before: T | undefined;
    let at = this.#buckets[bucket];
    while (at !== undefined && at !== entry) {
      before = at;
      at = at.chain;
    }
    if (at === undefined) return;
    if (before === undefined) this.#buckets[bucket] = entry.chain;
    else before.chain = entry.chain;
    entry.chain = undefined;
    this.#size--;
  }

  #put(entry: T): void {
    const bucket = entry.hash & (this.#buckets.length - 1);
    entry.chain = this.#buckets[bucket];
    this.#buckets[bucket] = entry;
  }

  #grow(): void {
    const old = this.#buckets;
    this.#buckets = new Array(2 * old.length).fill(undefined);
    for (const head of old)
      for (let at = head; at !== undefined; ) {
        const next: T | undefined = at.chain;
        this.#put(at);
        at = next;
      }
  }

  #hashOf(key: string): number {
    let hash = key.length;
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), this.#factor);
    // The low bits decide the bucket, and multiplication moves everything up.
    return hash ^ (hash >>> 15);
  }
}
