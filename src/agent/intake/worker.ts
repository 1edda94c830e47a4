/**
 * Entry file of the intake thread. Its only work is to connect the loop with the port to the main
 * thread.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert, packError } from '../../core/errors.js';
import { FilterBank } from '../../filter/bank.js';
import { createSource } from '../../journal/source.js';
import { textTools } from '../../setup/text-dates.js';
import { disablePretenuring } from '../memory.js';
import { Edge, hasEdge } from './edge.js';
import { Intake } from './intake.js';
import { Credits, type FromIntake, type IntakeWork, type ToIntake } from './protocol.js';
import { guard } from './v8-time-limit.js';

disablePretenuring();
assert(parentPort !== null, 'the intake worker runs as a worker thread');
const port = parentPort;
const { plan, orders, credits } = workerData as IntakeWork;
const post = (message: FromIntake) => port.postMessage(message);

try {
  const bank = new FilterBank(plan.jails, guard);
  const intake = new Intake(
    plan,
    createSource(plan.source, plan.id, textTools),
    bank,
    post,
    orders,
    hasEdge(plan) ? () => new Edge(createSource(plan.source, plan.id), bank.twin()) : undefined,
    new Credits(credits),
  );
  port.on('message', (message: ToIntake) => {
    switch (message.type) {
      case 'credit':
        return intake.credited();
      case 'ping':
        return post({ type: 'pong', id: message.id });
      case 'stop':
        return intake.stop();
    }
  });
  await intake.run();
} catch (error) {
  post({ type: 'failed', error: packError(error) });
} finally {
  // The port keeps the thread alive; all is said.
  port.close();
}
