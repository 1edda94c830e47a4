/**
 * Entry file of the thread that reads logins of the past. It rests longer than it works: nobody
 * waits for it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { assert, packError } from '../../core/errors.js';
import { createSource } from '../../journal/source.js';
import { guard } from '../intake/v8-time-limit.js';
import type { FromPast } from './learner.js';
import { type PastPlan, pastLogins } from './past-logins.js';

/** So many times as long as it worked it rests, ms; not longer where others keep it waiting. */
const REST = 3;
const REST_MS = { least: 1, most: 200 } as const;

assert(parentPort !== null, 'logins of the past are read in a worker thread');
const port = parentPort;
const stop = new AbortController();
port.once('message', () => stop.abort());
const post = (message: FromPast) => port.postMessage(message);

try {
  let began = performance.now();
  for (const step of pastLogins(workerData as PastPlan, make, guard)) {
    post({ type: 'step', ...step });
    const worked = performance.now() - began;
    const rest = Math.min(REST_MS.most, Math.max(REST_MS.least, REST * worked));
    await sleep(rest, undefined, { signal: stop.signal }).catch(() => undefined);
    if (stop.signal.aborted) break;
    began = performance.now();
  }
} catch (error) {
  post({ type: 'failed', error: packError(error) });
} finally {
  // The port keeps the thread alive; all is said.
  port.close();
}

function make({ id, source }: PastPlan['sources'][number]) {
  return createSource(source, id);
}
