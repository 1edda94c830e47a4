/** What processes cost, from /proc (proc(5)). */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export interface Cost {
  /** Resident memory, MiB. */
  readonly rssMib: number;
  /** What it has written to and no other process shares, MiB (Private_Dirty). */
  readonly dirtyMib: number;
  /** Its part of all memory: a page that n processes have counts an n-th (Pss). */
  readonly pssMib: number;
  /** Highest resident memory so far, MiB. */
  readonly peakMib: number;
  /** Processor time of all its threads, seconds. */
  readonly cpuSeconds: number;
}

/** Undefined when there is no such process (any more). */
export function costOf(pid: number): Cost | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kib = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
    const rollup = sumsOf(pid);
    return {
      rssMib: kib('VmRSS') / 1024,
      dirtyMib: rollup('Private_Dirty') / 1024,
      pssMib: rollup('Pss') / 1024,
      peakMib: kib('VmHWM') / 1024,
      cpuSeconds: cpuOf(pid),
    };
  } catch {
    return undefined;
  }
}

/** Sums over all mappings, KiB; only root may ask of other users' processes. */
function sumsOf(pid: number): (name: 'Private_Dirty' | 'Pss') => number {
  const sums = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(sums)?.[1] ?? 0);
}

/** Nanoseconds on a processor, summed over the threads: finer than the clock ticks of `stat`. */
function cpuOf(pid: number): number {
  let nanoseconds = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const path = `/proc/${pid}/task/${task}/schedstat`;
    if (existsSync(path)) nanoseconds += Number(readFileSync(path, 'utf8').split(' ')[0]);
  }
  return nanoseconds / 1e9;
}

/** The process and all below it, with their names. */
export function familyOf(pid: number): { readonly pid: number; readonly name: string }[] {
  try {
    const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
        .split(' ')
        .filter(Boolean)
        .map(Number),
    );
    return [{ pid, name }, ...children.flatMap(familyOf)];
  } catch {
    return [];
  }
}
