/** A wall clock that is wrong, for the services of one machine: `test/e2e/chaos/clock.c`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from './machine.js';
import { run } from './shell.js';

/** Where clock.c looks for the seconds. */
export const CLOCK_FOLDER = '/var/lib/chaos';
/** What a unit of the machine gets to go by that clock. */
export const CLOCK_SETTING = `Environment=LD_PRELOAD=${CLOCK_FOLDER}/clock.so`;

/** Compiles the clock into the machine, so many seconds ahead. */
export async function placeClock(machine: Machine, seconds: bigint): Promise<void> {
  const folder = join(machine.root, CLOCK_FOLDER);
  await mkdir(folder, { recursive: true });
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(seconds);
  await writeFile(join(folder, 'clock'), bytes);
  const compiler = ['cc', '-O2', '-shared', '-fPIC', '-o', join(folder, 'clock.so')];
  await run([...compiler, 'test/e2e/chaos/clock.c']);
}
