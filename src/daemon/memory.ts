/**
 * Gives memory back after the start. Reading the configuration, restoring a hundred thousand bans and reading back an
 * hour of journal leave tens of MiB of garbage that V8 would keep until the next attack makes it look.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { trimHeap } from '../../native/resident.js';

type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

let collect: Collect | undefined;

/** Collects the garbage of this thread and returns what is free to the system; takes some tens of milliseconds. */
export function giveBackMemory(): void {
  if (collect === undefined) {
    // The function exists only behind this flag of V8, which may be set at any time, and only in contexts made after it.
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as Collect;
  }
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  trimHeap();
}
