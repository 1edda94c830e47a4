/**
 * Gives memory back after the start, and tells V8 how to collect what the intake leaves behind.
 * Reading the configuration, restoring a hundred thousand bans and reading back an hour of journal
 * leave tens of MiB of garbage that V8 would keep until the next attack makes it look.
 */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { threadClock, trimHeap } from '../../native/libc.js';
import { inBackground } from '../core/background.js';

/**
 * Has V8 collect as an agent wants it. For the whole process; to be called early.
 *
 * Everything new in the young space. By default V8 notes where much was alive when it collected,
 * which for entries is the chance of a batch being under way, and puts what is made there into the
 * old space at once; dead, it keeps alive what it points to until the old space is collected.
 * Without, collecting takes half the time and filtering a fifth less (a million entries of a mail
 * server: 0.8 s instead of 1.0 s).
 *
 * The young space by the thread that owns it, alone. It is small, so there is little to share, and
 * where others want the processors a helper that began and does not get on holds its thread up: 5
 * ms became 60.
 */
export function setCollectorFlags(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
  setFlagsFromString('--no-parallel-scavenge');
}

/** Bytes of byte code that a function runs before V8 optimises it: during a start, and after. */
const BUDGET_OF_START = 2_000_000;
/** V8's own default in Node 20. */
const BUDGET = 135_168;

/**
 * Has V8 leave functions as they are that run for some milliseconds only, as those do that compile
 * filters: to optimise them was a third of what a start without bans took. Returns what ends it:
 * what is done for each of 100,000 bans takes a tenth longer with it. For the whole process.
 */
export function optimiseLess(): () => void {
  setFlagsFromString(`--interrupt-budget=${BUDGET_OF_START}`);
  return () => setFlagsFromString(`--interrupt-budget=${BUDGET}`);
}

/**
 * The start's garbage is collected so long after it, ms: a host under attack has the first bans
 * behind it by then. The second time V8 also gives back the room for new objects, which it only
 * does where few are made.
 */
const SETTLED_MS = [2_000, 6_000, 15_000];
/**
 * What an attack left behind is given back this often, ms; the thread stands still for some 20 ms.
 */
const COLLECT_MS = 600_000;

/** A thread that had more of a processor than this since it was last asked is busy. */
const BUSY_SHARE = 0.05;

/** What a thread trims with. */
interface Trims {
  /** Processor time that the thread has had, ms. */
  readonly clock: () => number;
  readonly ordinary: () => void;
  readonly thorough: () => Promise<void>;
}

/**
 * Gives this thread's memory back once its start is over, and now and then from then on; thoroughly
 * while the start is young and the thread is not busy, or once later. The timers keep nothing
 * alive. Returns what ends them.
 */
export function trimNowAndThen(
  { clock, ordinary, thorough }: Trims = {
    clock: threadClock(),
    ordinary: trimMemory,
    thorough: trimThoroughly,
  },
): () => void {
  let [asked, had] = [performance.now(), clock()];
  let isThorough = false;
  const trim = () => {
    const [now, has] = [performance.now(), clock()];
    const isBusy = has - had > BUSY_SHARE * (now - asked);
    [asked, had] = [now, has];
    if (isBusy || (isThorough && now - started >= COLLECT_MS)) return ordinary();
    isThorough = true;
    inBackground(thorough());
  };
  const started = asked;
  const timers = [
    ...SETTLED_MS.map((milliseconds) => setTimeout(trim, milliseconds)),
    setInterval(trim, COLLECT_MS),
  ];
  for (const timer of timers) timer.unref();
  return () => {
    for (const timer of timers) clearTimeout(timer);
  };
}

interface Collection {
  readonly type: 'major';
  readonly execution: 'sync' | 'async';
  readonly flavor: 'last-resort';
}
type Collect = (options: Collection) => unknown;

let known: Collect | undefined;

function collector(): Collect {
  if (known === undefined) {
    // The function exists only behind this flag of V8, which may be set at any time, and only in
    // contexts made after it.
    setFlagsFromString('--expose-gc');
    known = runInNewContext('gc') as Collect;
  }
  return known;
}

/**
 * What V8 is told for a thorough collection, and back (it knows no more of what was set before): to
 * forget the byte code of functions that did not run since the last one, most of which belong to
 * the start, and to leave no gaps. A function that is called after all is compiled again; by itself
 * V8 forgets after 5 or 6 collections.
 */
const THOROUGH = ['--bytecode-old-age=1', '--compact-on-every-full-gc'];
const ORDINARY = ['--bytecode-old-age=6', '--no-compact-on-every-full-gc'];

/**
 * Collects as `trimMemory` does once the start is over, and what only the start needed, too. It
 * waits until nothing of this thread's is running: below a running function V8 neither moves nor
 * forgets much.
 */
export async function trimThoroughly(): Promise<void> {
  for (const flag of THOROUGH) setFlagsFromString(flag);
  await collector()({ type: 'major', execution: 'async', flavor: 'last-resort' });
  for (const flag of ORDINARY) setFlagsFromString(flag);
  trimHeap();
}

/**
 * Collects the garbage of this thread and returns what is free to the system; takes some tens of
 * milliseconds.
 */
export function trimMemory(): void {
  collector()({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  trimHeap();
}

/**
 * The most memory that this process has had, bytes (VmHWM, proc_pid_status(5)). The `maxRSS` of
 * getrusage(2) would tell that of the parent, when that was larger at the time of the fork.
 */
export function peakResidentBytes(): number {
  const kib = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kib ?? Number.NaN) * 1024;
}
