/**
 * A thread that answers pings and, when it is told to stop, does what the id of its plan says: see
 * thread.test.ts.
 */
import { parentPort } from 'node:worker_threads';
import koffi from 'koffi';
import type { ToIntake } from '../../../src/agent/intake/protocol.js';

let id = '';
/** Longer than the test waits; a call of C cannot be ended from outside. */
const STUCK_MICROS = 5_000_000;

parentPort?.on('message', (message: ToIntake) => {
  if (message.type === 'plan') id = message.work.plan.id;
  if (message.type === 'ping') return parentPort?.postMessage({ type: 'pong', id: message.id });
  if (message.type !== 'stop') return;
  if (id === 'busy') for (;;);
  if (id === 'stuck') koffi.load('libc.so.6').func('int usleep(unsigned int micros)')(STUCK_MICROS);
  parentPort?.close();
});
