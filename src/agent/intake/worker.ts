/**
 * Entry file of the intake thread. Its only work is to connect the loop with the port to the main
 * thread, which says what to read when it knows: all that this file imports is loaded by then.
 */
import { isDeepStrictEqual } from 'node:util';
import { parentPort } from 'node:worker_threads';
import { inBackground } from '../../core/background.js';
import { assert, packError } from '../../core/errors.js';
import type { JailIntake } from '../../core/specs.js';
import { FilterBank } from '../../filter/bank.js';
import { createSource } from '../../journal/source.js';
import { textTools } from '../../setup/text-dates.js';
import { setCollectorFlags } from '../memory.js';
import { Edge, hasEdge } from './edge.js';
import { Intake } from './intake.js';
import { packMessage } from './packed-events.js';
import { Credits, type FromIntake, type IntakeWork, type ToIntake } from './protocol.js';
import { guard } from './v8-time-limit.js';

setCollectorFlags();
assert(parentPort !== null, 'the intake worker runs as a worker thread');
const port = parentPort;
const post = (message: FromIntake) => port.postMessage(packMessage(message));
let intake: Intake | undefined;
/** Compiled before the plan was known, for these jails. */
let ahead: { readonly jails: readonly JailIntake[]; readonly bank: FilterBank } | undefined;

port.on('message', (message: ToIntake) => {
  switch (message.type) {
    case 'filters':
      return compileAhead(message.jails);
    case 'plan':
      return inBackground(read(message.work));
    case 'credit':
      return intake?.credited();
    case 'ping':
      return post({ type: 'pong', id: message.id });
    case 'stop':
      // Without a plan there is nothing to read, and the port alone keeps the thread.
      return intake === undefined ? port.close() : intake.stop();
  }
});

/** What is wrong with a filter is said when the plan asks for it. */
function compileAhead(jails: readonly JailIntake[]): void {
  try {
    ahead = { jails, bank: new FilterBank(jails, guard) };
  } catch {
    ahead = undefined;
  }
}

/** The filters of these jails. Throws OperatorError when one cannot be compiled. */
function bankOf(jails: readonly JailIntake[]): FilterBank {
  if (ahead !== undefined && isDeepStrictEqual(ahead.jails, jails)) return ahead.bank;
  return new FilterBank(jails, guard);
}

/** Reads until it is told to stop or the source ends; says what went wrong. */
async function read({ plan, orders, credits }: IntakeWork): Promise<void> {
  try {
    const bank = bankOf(plan.jails);
    ahead = undefined;
    intake = new Intake(
      plan,
      createSource(plan.source, plan.id, textTools),
      bank,
      post,
      orders,
      hasEdge(plan) ? () => new Edge(createSource(plan.source, plan.id), bank.twin()) : undefined,
      new Credits(credits),
    );
    await intake.run();
  } catch (error) {
    post({ type: 'failed', error: packError(error) });
  } finally {
    // The port keeps the thread alive; all is said.
    port.close();
  }
}
