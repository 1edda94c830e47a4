/**
 * The same pipeline over stored entries: in journal time, with a ledger that keeps nothing and,
 * unless asked for, no kernel. What depends on the host of today (own addresses, gateways,
 * sessions) is off.
 */

import type { Announcer } from '../../agent/announce.js';
import type { FromIntake, IntakeStart, IntakeStats } from '../../agent/intake/protocol.js';
import { IntakeThread } from '../../agent/intake/thread.js';
import { type IntakeBatch, Pipeline } from '../../agent/pipeline.js';
import { inBackground } from '../../core/background.js';
import type { FilterEvent } from '../../core/decision.js';
import type { SourceSpec } from '../../core/entry.js';
import { unpackError } from '../../core/errors.js';
import type { FirewallBackend } from '../../core/firewall.js';
import type { Log } from '../../core/log.js';
import { counted } from '../../core/text.js';
import { type EpochMicros, localTime, localZone, type SetClock } from '../../core/time.js';
import { Jails } from '../../jail/jails.js';
import type { AllowContext } from '../../jail/judgement.js';
import { openLedger } from '../../ledger/open.js';
import { type AgentSetup, idOf, intakesOf } from '../../setup/setup.js';

/** Columns of the bar. */
const BAR = 24;
/** Redrawn at most this often, ms. */
const REDRAW_MS = 100;

/** One line on a terminal that says how far a long read is; other output goes above it. */
export class ReplayProgress {
  readonly #stream: NodeJS.WritableStream & { readonly columns?: number };
  readonly #shown: boolean;
  #line = '';
  #drawnAt = 0;
  #turn = 0;

  /** `shown` false: silent, for pipes and files. */
  constructor(stream: NodeJS.WritableStream & { readonly columns?: number }, shown: boolean) {
    this.#stream = stream;
    this.#shown = shown;
  }

  /** Draws the bar. `fraction` is absent when the end is not known: then something moves. */
  show(entries: number, time: EpochMicros | undefined, fraction?: number): void {
    if (!this.#shown || performance.now() - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = performance.now();
    const at = fraction === undefined ? this.#turn++ % BAR : Math.round(fraction * BAR);
    const bar =
      fraction === undefined
        ? `${'·'.repeat(at)}#${'·'.repeat(BAR - 1 - at)}`
        : `${'#'.repeat(at)}${'·'.repeat(BAR - at)}`;
    this.#clear();
    const part = fraction === undefined ? '' : `${Math.round(fraction * 100)} % `;
    const when = time === undefined ? '' : `, ${localTime(time / 1000)} ${localZone()}`;
    const line = `[${bar}] ${part}${counted(entries, 'entry', 'entries')}${when}`;
    // A line that is folded could not be cleared.
    this.#line = line.slice(0, (this.#stream.columns || Number.POSITIVE_INFINITY) - 1);
    this.#stream.write(this.#line);
  }

  /** Writes something else without tearing the bar. */
  around(write: () => void): void {
    this.#clear();
    write();
    if (this.#line !== '') this.#stream.write(this.#line);
  }

  end(): void {
    this.#clear();
    this.#line = '';
  }

  #clear(): void {
    if (this.#line !== '') this.#stream.write('\r\x1b[K');
  }
}

/** A thread that has read everything is waited for so long, and as long again, ms. */
const STOP_MS = 1_000;

export interface ReplayOptions {
  readonly setup: AgentSetup;
  readonly source: SourceSpec;
  /** Only entries from this time on. */
  readonly since?: EpochMicros;
  /** Follows the journal's time. */
  readonly clock: SetClock;
  readonly announcer: Announcer;
  readonly allow: AllowContext;
  readonly log: Log;
  /** Gets every decision; its clock must be `clock`. */
  readonly firewall: FirewallBackend;
  /** Called for each login, in order with the announcements. */
  readonly succeeded?: (event: FilterEvent) => void;
  readonly progress?: (stats: IntakeStats) => void;
}

export interface ReplayReport {
  readonly stats: IntakeStats | undefined;
}

/**
 * Runs to the end of the source. The firewall is left open: what it holds is part of the answer.
 */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const { setup, announcer, allow, clock, firewall } = options;
  const { ledger } = openLedger(':memory:', clock.now());
  const jails = new Jails(setup.jails.map(({ policy }) => policy));
  await firewall.open(
    { ...setup.firewall, rules: setup.jails.map(({ rule }) => rule), allow: [] },
    [],
  );
  let failure: unknown;
  const failed = (error: unknown) => {
    failure ??= error;
  };
  const pipeline = new Pipeline({
    jails,
    ledger,
    firewall,
    announcer,
    allow,
    wall: clock,
    stored: clock,
    // A replay gives the same answer every time.
    random: () => 0,
    inOrder: true,
    ...(options.succeeded === undefined ? {} : { succeeded: options.succeeded }),
    failed,
    broken: failed,
  });
  try {
    const id = idOf(options.source);
    const stats = await readToEnd((batch) => pipeline.take(id, batch), options);
    await pipeline.idle();
    if (failure !== undefined) throw failure;
    return { stats };
  } finally {
    ledger.close();
  }
}

/** Reads the source to its end and hands on batch by batch; the last counts. */
export function readToEnd(
  take: (batch: IntakeBatch) => Promise<void>,
  {
    setup,
    source,
    since,
    log,
    progress,
  }: Pick<ReplayOptions, 'setup' | 'source' | 'since' | 'log' | 'progress'>,
): Promise<IntakeStats | undefined> {
  const id = idOf(source);
  const start: IntakeStart =
    since === undefined ? { kind: 'whole' } : { kind: 'since', time: since };
  let stats: IntakeStats | undefined;
  return new Promise((resolve, reject) => {
    let queue: Promise<void> = Promise.resolve();
    const handle = async (message: FromIntake) => {
      switch (message.type) {
        case 'batch':
          await take(message);
          thread.credit();
          return;
        case 'stats':
          stats = message.stats;
          progress?.(message.stats);
          return;
        case 'notice':
          return log(message.level, message.message);
        case 'failed':
          throw unpackError(message.error);
        case 'ended':
          // Without waiting for the thread, which does not always go when it is done.
          inBackground(thread.stop(STOP_MS).then(() => resolve(stats)));
          return;
        default:
          return;
      }
    };
    const thread = new IntakeThread(
      { id, source, jails: intakesOf(setup.jails), start, follow: false },
      {
        message: (message) => {
          queue = queue.then(() => handle(message));
          queue.catch(reject);
        },
        exit: (error) => {
          if (error !== undefined) reject(error);
          else queue.then(() => resolve(stats), reject);
        },
      },
    );
  });
}
