/** Entry file of the probe's thread: one look, one report, and it is gone. */
import { parentPort, workerData } from 'node:worker_threads';
import type { SourceSpec } from '../../core/entry.js';
import { assert } from '../../core/errors.js';
import type { SourceId } from '../../core/names.js';
import { check, createSource } from '../../journal/source.js';
import { textTools } from '../../setup/text-dates.js';
import { guard } from '../intake/v8-time-limit.js';
import { probeCopy } from './copies.js';
import { type ProbePlan, probe } from './probe.js';
import type { ProbeAnswer } from './thread.js';

assert(parentPort !== null, 'the probe runs as a worker thread');
const plan = workerData as ProbePlan;
const make = (spec: SourceSpec, id: SourceId) => createSource(spec, id, textTools);
const report = probe(plan, make, guard);
const usesLocal = plan.sources.some(
  ({ source }) => source.kind === 'local' && source.namespace === undefined,
);
const isVolatile =
  usesLocal && check().some(({ id, level }) => id === 'journal.storage' && level !== 'ok');
const copies = (plan.copies ?? []).map((one) => probeCopy(one, make, guard));
const answer: ProbeAnswer = { report, isVolatile, copies };
parentPort.postMessage(answer);
