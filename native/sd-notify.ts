/** Words to the service manager (sd_notify(3), sd_watchdog_enabled(3)). */

import { OperatingError } from '../src/core/errors.js';
import { errnoName } from './errors.js';
import { StableMemory } from './libc.js';
import { libsystemd } from './libsystemd.js';

/**
 * Sends state such as `READY=1\nSTATUS=reading` to the service manager.
 *
 * @returns false when nobody listens (`NOTIFY_SOCKET` is not set): then nothing is loaded or sent.
 * @throws OperatingError `ERR_NOTIFY` when the socket refuses.
 */
export function sdNotify(state: string): boolean {
  if (!process.env['NOTIFY_SOCKET']) return false;
  const result = libsystemd().sd_notify(0, state);
  if (result < 0) throw new OperatingError('ERR_NOTIFY', `sd_notify failed: ${errnoName(-result)}`);
  return result > 0;
}

/**
 * Microseconds within which `WATCHDOG=1` must be sent, again and again; undefined when no watchdog
 * is set.
 */
export function watchdogMicros(): number | undefined {
  if (!process.env['WATCHDOG_USEC']) return undefined;
  const out = new StableMemory(8);
  try {
    const result = libsystemd().sd_watchdog_enabled(0, out.address);
    return result > 0 ? Number(out.words()[0]) : undefined;
  } finally {
    out.free();
  }
}
