/** Structured entries written to the journal (sd_journal_sendv(3)). */
import koffi from 'koffi';
import { OperatingError } from '../src/core/errors.js';
import { JOURNAL_SEND_BYTES_MAX } from '../src/core/limits.js';
import { errnoName } from './errors.js';
import { libsystemd } from './libsystemd.js';

/**
 * Names that journald takes from a client: others it drops silently (systemd.journal-fields(7)).
 */
const NAME = /^[A-Z][A-Z0-9_]{0,63}$/;

/** Bytes of one `struct iovec` on 64-bit Linux: `void *iov_base; size_t iov_len`. */
const IOVEC_BYTES = 16;

/** Value of a field; bytes may be anything, also newlines and NUL. */
export type SendValue = string | number | Uint8Array;

/**
 * Writes one entry. The fields go as they are, in the binary-safe protocol, so no value can smuggle
 * in another field.
 *
 * @throws RangeError on a name that journald would drop, and on an entry over
 * `JOURNAL_SEND_BYTES_MAX`: bugs of ours.
 * @throws OperatingError `ERR_JOURNAL_SEND` when journald does not take it.
 */
export function journalSend(fields: Readonly<Record<string, SendValue>>): void {
  const parts: Buffer[] = [];
  let total = 0;
  for (const [name, value] of Object.entries(fields)) {
    if (!NAME.test(name))
      throw new RangeError(`not a field name that journald takes: ${JSON.stringify(name)}`);
    const bytes = Buffer.concat([
      Buffer.from(`${name}=`),
      value instanceof Uint8Array ? value : Buffer.from(String(value), 'utf8'),
    ]);
    total += bytes.length;
    parts.push(bytes);
  }
  if (parts.length === 0) throw new RangeError('an entry needs a field');
  if (total > JOURNAL_SEND_BYTES_MAX) throw new RangeError(`an entry of ${total} bytes`);

  const block = koffi.alloc('uint8_t', IOVEC_BYTES * parts.length + total) as bigint;
  try {
    const memory = Buffer.from(koffi.view(block, IOVEC_BYTES * parts.length + total));
    let at = IOVEC_BYTES * parts.length;
    parts.forEach((part, index) => {
      memory.writeBigUInt64LE(block + BigInt(at), IOVEC_BYTES * index);
      memory.writeBigUInt64LE(BigInt(part.length), IOVEC_BYTES * index + 8);
      at += part.copy(memory, at);
    });
    const result = libsystemd().sd_journal_sendv(block, parts.length);
    if (result < 0)
      throw new OperatingError(
        'ERR_JOURNAL_SEND',
        `sd_journal_sendv failed: ${errnoName(-result)}`,
      );
  } finally {
    koffi.free(block);
  }
}
