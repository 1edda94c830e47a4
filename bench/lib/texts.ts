/**
 * Many log lines outside of V8's heap, as a journal's files are: a million objects would be marked
 * by the collector again and again while somebody else's work is timed.
 */
import type { MailEntry } from '../mailserver.js';

/** Bytes per line to begin with. */
const LINE = 160;

export class Texts {
  #bytes: Buffer;
  #end = 0;
  #length = 0;
  readonly #ends: Float64Array;
  readonly #pids: Uint32Array;
  readonly #kinds: Uint8Array;
  /** Lines that are not all ASCII. */
  readonly #foreign = new Set<number>();
  /** Services and identifiers, by kind; there are a handful. */
  readonly #names: Pick<MailEntry, 'service' | 'ident'>[] = [];

  constructor(entries: Iterable<MailEntry>, most: number) {
    this.#bytes = Buffer.alloc(most * LINE);
    this.#ends = new Float64Array(most);
    this.#pids = new Uint32Array(most);
    this.#kinds = new Uint8Array(most);
    for (const entry of entries) this.#add(entry);
  }

  get length(): number {
    return this.#length;
  }

  /** The n-th message byte by byte, as a gate looks at it. */
  latin1(n: number): string {
    return this.#bytes.toString('latin1', this.#ends[n - 1] ?? 0, this.#ends[n]);
  }

  /** The n-th line, made anew as by a reader; `text` is what `latin1` gave. */
  at(n: number, text: string): MailEntry {
    const { service, ident } = this.#names[this.#kinds[n] ?? 0] as Pick<
      MailEntry,
      'service' | 'ident'
    >;
    const [from, end] = [this.#ends[n - 1] ?? 0, this.#ends[n]];
    const message = this.#foreign.has(n) ? this.#bytes.toString('utf8', from, end) : text;
    return { service, ident, pid: this.#pids[n] ?? 0, message };
  }

  #add({ service, ident, pid, message }: MailEntry): void {
    const size = Buffer.byteLength(message);
    if (this.#end + size > this.#bytes.length)
      this.#bytes = Buffer.concat([this.#bytes], this.#bytes.length * 2);
    this.#end += this.#bytes.write(message, this.#end);
    let kind = this.#names.findIndex((one) => one.service === service && one.ident === ident);
    if (kind < 0) kind = this.#names.push({ service, ident }) - 1;
    const n = this.#length++;
    if (size > message.length) this.#foreign.add(n);
    this.#ends[n] = this.#end;
    this.#pids[n] = pid;
    this.#kinds[n] = kind;
  }
}
