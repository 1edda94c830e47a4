/**
 * The same pipeline over stored entries: in journal time, with a ledger that keeps nothing and, unless asked for, no
 * kernel. What depends on the host of today (own addresses, gateways, sessions) is off.
 */
import { inBackground } from '../../core/background.js';
import type { SourceSpec } from '../../core/entry.js';
import { unpackError } from '../../core/errors.js';
import type { FilterEvent } from '../../core/event.js';
import type { FirewallBackend } from '../../core/firewall.js';
import type { Log } from '../../core/log.js';
import type { EpochMicros, SetClock } from '../../core/time.js';
import { Jails } from '../../jail/jails.js';
import type { AllowContext } from '../../jail/verdict.js';
import { openLedger } from '../../ledger/open.js';
import type { Announcer } from '../announce.js';
import { type AgentSetup, idOf, intakesOf } from '../configuration/setup.js';
import type { FromIntake, IntakeStart, IntakeStats } from '../intake/protocol.js';
import { IntakeThread } from '../intake/thread.js';
import { Pipeline } from '../pipeline.js';

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

/** Runs to the end of the source. The firewall is left open: what it holds is part of the answer. */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const { setup, source, announcer, allow, log, clock, firewall } = options;
  const { ledger } = openLedger(':memory:', clock.now());
  const jails = new Jails(setup.jails.map(({ policy }) => policy));
  await firewall.open({ ...setup.firewall, rules: setup.jails.map(({ rule }) => rule), allow: [] }, []);
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
  const id = idOf(source);
  let stats: IntakeStats | undefined;
  const start: IntakeStart = options.since === undefined ? { kind: 'whole' } : { kind: 'since', time: options.since };
  try {
    await new Promise<void>((resolve, reject) => {
      let queue: Promise<void> = Promise.resolve();
      const handle = async (message: FromIntake) => {
        switch (message.type) {
          case 'batch':
            await pipeline.take(id, message);
            thread.credit();
            return;
          case 'stats':
            stats = message.stats;
            options.progress?.(message.stats);
            return;
          case 'notice':
            return log(message.level, message.message);
          case 'failed':
            throw unpackError(message.error);
          case 'ended':
            // Without waiting for the thread, which does not always go when it is done.
            inBackground(thread.stop(STOP_MS).then(() => resolve()));
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
            else queue.then(resolve, reject);
          },
        },
      );
    });
    await pipeline.idle();
    if (failure !== undefined) throw failure;
    return { stats };
  } finally {
    ledger.close();
  }
}
