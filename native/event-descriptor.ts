/**
 * A number in the kernel that one thread raises and another polls (eventfd(2)): it reaches a thread that is in a call of
 * C, where no message of JavaScript does.
 */
import { closeSync, writeSync } from 'node:fs';
import koffi from 'koffi';
import { OperatingError } from '../src/core/errors.js';

const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;

/** What is added to the number: 1, in the byte order of the machine. */
const ONE = new Uint8Array(BigUint64Array.of(1n).buffer);

let make: ((value: number, flags: number) => number) | undefined;

export class EventDescriptor {
  #fd: number;

  /** Throws OperatingError `ERR_EVENTFD` when there are no descriptors left. */
  constructor() {
    make ??= koffi.load('libc.so.6').func('int eventfd(uint value, int flags)');
    this.#fd = make(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (this.#fd < 0) throw new OperatingError('ERR_EVENTFD', `eventfd failed with errno ${koffi.errno()}`);
  }

  /** The descriptor, for whoever polls it; -1 when it is closed. */
  get number(): number {
    return this.#fd;
  }

  /** Makes it readable, until somebody reads it. Never blocks and never throws; nothing once it is closed. */
  signal(): void {
    if (this.#fd < 0) return;
    try {
      writeSync(this.#fd, ONE);
    } catch {
      // EAGAIN: nobody has read for 2^64 times, so it is readable.
    }
  }

  /** To be called when nobody polls it any more: the number may then become another file's. */
  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}
