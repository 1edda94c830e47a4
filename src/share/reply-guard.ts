/**
 * Stands before the library's decoder of RESP 2, which bounds nothing: eleven bytes that announce
 * 33 million values take 256 MiB of it. Only whole answers are passed on, so that the decoder never
 * waits with half of one; what is larger than an answer may be ends the connection before that.
 */
import {
  SHARE_REPLY_BYTES_MAX,
  SHARE_REPLY_DEPTH_MAX,
  SHARE_REPLY_VALUES_MAX,
} from '../core/service-limits.js';
import { TLS_ALERT, TLS_ANSWER } from './engine.js';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** A value of RESP 2 begins with one of these. */
const KINDS = new Set(Buffer.from('+-:$*'));
const NOTHING = Buffer.alloc(0);

export class ReplyGuard {
  /** What is not yet passed on, in the first bytes of a buffer that grows. */
  #kept = NOTHING;
  #length = 0;
  /** Where the next header begins, or the end of a text that is under way. */
  #at = 0;
  #isText = false;
  /** Up to here no end of line was found. */
  #searched = 0;
  /** Values that the answer under way has announced, in all its arrays. */
  #values = 0;
  #answers = 0;
  /** Values that are still to come of each array that has begun. */
  readonly #open: number[] = [];

  /** Answers that were whole so far. */
  get answers(): number {
    return this.#answers;
  }

  /** Returns the answers that are whole by now, as they came. Throws for what may not be. */
  take(chunk: Buffer): Buffer {
    this.#keep(chunk);
    let whole = 0;
    while (this.#step()) {
      this.#bound(this.#at - whole);
      if (!this.#isText && this.#open.length === 0) {
        whole = this.#at;
        this.#values = 0;
        this.#answers++;
      }
    }
    this.#bound(this.#length - whole);
    return this.#takeOut(whole);
  }

  #keep(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (length > this.#kept.length) {
      const larger = Buffer.alloc(Math.max(length, 2 * this.#kept.length));
      this.#kept.copy(larger, 0, 0, this.#length);
      this.#kept = larger;
    }
    chunk.copy(this.#kept, this.#length);
    this.#length = length;
  }

  /** Goes on by a line or a text; false while it is not there. */
  #step(): boolean {
    if (this.#isText) {
      if (this.#length < this.#at) return false;
      if (!this.#endsLine(this.#at)) throw noResp();
      this.#isText = false;
      this.#valueEnds();
      return true;
    }
    if (this.#length <= this.#at) return false;
    const there = this.#kept.subarray(0, this.#length);
    const kind = there[this.#at] ?? 0;
    if (kind === TLS_ALERT) throw new Error(TLS_ANSWER);
    if (!KINDS.has(kind)) throw noResp();
    const feed = there.indexOf(LINE_FEED, Math.max(this.#at, this.#searched));
    this.#searched = this.#length;
    if (feed === -1) return false;
    const line = there.toString('latin1', this.#at, feed - 1);
    // The decoder ends a line at any CR: what follows one would be a header of its own there.
    if (!this.#endsLine(feed + 1) || line.includes('\r')) throw noResp();
    this.#at = feed + 1;
    this.#searched = this.#at;
    this.#readHeader(line[0], line.slice(1));
    return true;
  }

  #readHeader(kind: string | undefined, rest: string): void {
    const isNone = rest === '-1' && (kind === '$' || kind === '*');
    if (isNone || kind === '+' || kind === '-') this.#valueEnds();
    else if (kind === ':' && /^-?\d{1,20}$/.test(rest)) this.#valueEnds();
    else if ((kind !== '$' && kind !== '*') || !/^\d{1,20}$/.test(rest)) throw noResp();
    else if (kind === '$') {
      this.#isText = true;
      this.#at += Number(rest) + '\r\n'.length;
    } else this.#begin(Number(rest));
  }

  #begin(values: number): void {
    this.#values += values;
    if (this.#values > SHARE_REPLY_VALUES_MAX)
      throw new TooLargeError(`its answer has more than ${SHARE_REPLY_VALUES_MAX} values`);
    if (values === 0) this.#valueEnds();
    else if (this.#open.length === SHARE_REPLY_DEPTH_MAX)
      throw new TooLargeError(`its answer is nested deeper than ${SHARE_REPLY_DEPTH_MAX} arrays`);
    else this.#open.push(values);
  }

  /** A value ends, and with it every array whose last value it is. */
  #valueEnds(): void {
    for (let top = this.#open.length - 1; top >= 0; top--) {
      const left = (this.#open[top] ?? 0) - 1;
      this.#open[top] = left;
      if (left > 0) return;
      this.#open.pop();
    }
  }

  #bound(bytes: number): void {
    if (bytes > SHARE_REPLY_BYTES_MAX)
      throw new TooLargeError(`its answer is larger than ${SHARE_REPLY_BYTES_MAX} bytes`);
  }

  #endsLine(end: number): boolean {
    return this.#kept[end - 2] === CARRIAGE_RETURN && this.#kept[end - 1] === LINE_FEED;
  }

  #takeOut(bytes: number): Buffer {
    if (bytes === 0) return NOTHING;
    // The decoder may keep pieces of it.
    const whole = Buffer.from(this.#kept.subarray(0, bytes));
    this.#kept.copy(this.#kept, 0, bytes, this.#length);
    this.#length -= bytes;
    this.#at -= bytes;
    this.#searched = Math.max(0, this.#searched - bytes);
    return whole;
  }
}

function noResp(): Error {
  return new Error('its answer is no RESP');
}

/** Says that an answer is too large, which nobody but a person can mend. */
export class TooLargeError extends Error {}
