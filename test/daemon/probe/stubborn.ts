/** A probe's thread that answers and then sleeps in C, where nobody can end it, for longer than its test waits. */
import { parentPort, workerData } from 'node:worker_threads';
import koffi from 'koffi';
import type { ProbeAnswer } from '../../../src/daemon/probe/probe-thread.js';

const answer: ProbeAnswer = { report: [], isVolatile: true };
parentPort?.postMessage(answer);
if ((workerData as { stubborn: boolean }).stubborn)
  koffi.load('libc.so.6').func('int usleep(unsigned int micros)')(3_000_000);
