/** Entry file of the probe's thread: one look, one report, and it is gone. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../../core/errors.js';
import { check, createSource } from '../../journal/journal.js';
import { guard } from '../intake/guard.js';
import { type ProbePlan, probe } from './probe.js';
import type { ProbeAnswer } from './probe-thread.js';

assert(parentPort !== null, 'the probe runs as a worker thread');
const plan = workerData as ProbePlan;
const report = probe(plan, createSource, guard);
const usesLocal = plan.sources.some(({ source }) => source.kind === 'local' && source.namespace === undefined);
const isVolatile = usesLocal && check().some(({ id, level }) => id === 'journal.storage' && level !== 'ok');
const answer: ProbeAnswer = { report, isVolatile };
parentPort.postMessage(answer);
