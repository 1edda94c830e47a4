/**
 * A probe's thread that answers and ends, that answers and then sleeps in C, where nobody can end
 * it, or that never answers.
 */
import { parentPort, workerData } from 'node:worker_threads';
import koffi from 'koffi';
import type { ProbeAnswer } from '../../../src/agent/probe/thread.js';

const answer: ProbeAnswer = { report: [], isVolatile: true };
const { manner } = workerData as { readonly manner: 'good' | 'mute' | 'stubborn' };
if (manner === 'mute') parentPort?.on('message', () => undefined);
else parentPort?.postMessage(answer);
if (manner === 'stubborn')
  koffi.load('libc.so.6').func('int usleep(unsigned int micros)')(3_000_000);
