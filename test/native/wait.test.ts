import { closeSync, openSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { describe, expect } from '@jest/globals';
import { batchReader } from '../../native/batch-library.js';
import { BatchReader } from '../../native/batch-reader.js';
import { JournalHandle } from '../../native/journal.js';
import { EventDescriptor } from '../../native/libc.js';
import {
  canWrite,
  LiveJournal,
  numbered,
  Scratch,
  writeJournal,
} from '../support/journal-files.js';
import { needs } from '../support/require.js';
import { until } from '../support/until.js';

const { functions, why } = batchReader();
const test = needs(canWrite[0] && functions !== undefined, `waiting is done in C: ${why}`);

/** So long that a wait which nothing ends fails the test. */
const LONG_MS = 30_000;
/** So short that a wait which nothing is to end does not hold the tests up. */
const SHORT_MS = 40;

interface Waiting {
  /** Waits; how it ended, and after how long, ms. */
  wait(most: number, orders?: number): readonly [string, number];
  /** Writes one more entry; resolves when it is in the file. */
  append(): Promise<void>;
  /** Writes another file. */
  addFile(): void;
}

/** A reader at the end of a journal that grows. */
async function waiting(use: (waiting: Waiting) => Promise<void> | void): Promise<void> {
  if (functions === undefined) throw new Error('no batch reader');
  using scratch = new Scratch();
  const live = new LiveJournal(scratch.file('system.journal'));
  try {
    live.append(numbered(1));
    await live.settled();
    const handle = JournalHandle.openDirectory(scratch.path);
    const reader = new BatchReader(functions, {
      literals: undefined,
      passes: () => true,
      routes: [],
      fits: () => true,
      fields: new Set(),
    });
    try {
      handle.watch();
      handle.seekHead();
      await until('the first entry', () => reader.read(handle, 10, false).read === 1);
      // What happened to the file before the watch began is told once.
      reader.wait(handle, 1, SHORT_MS);
      let written = 1;
      await use({
        wait: (most, orders) => {
          const started = performance.now();
          return [reader.wait(handle, 5, most, orders), performance.now() - started];
        },
        append: async () => {
          live.append(numbered(1, written++));
          await live.settled();
        },
        addFile: () => writeJournal(scratch.file('other.journal'), numbered(1, 100)),
      });
    } finally {
      handle.close();
      reader.close();
    }
  } finally {
    await live.close();
  }
}

/** Runs JavaScript in another thread, which `descriptor` is given to. */
function elsewhere(descriptor: number, code: string): Worker {
  return new Worker(`const descriptor = ${descriptor}; const fs = require('node:fs'); ${code}`, {
    eval: true,
  });
}

const SIGNAL = `fs.writeSync(descriptor, new Uint8Array(BigUint64Array.of(1n).buffer));`;

describe('waiting for an entry', () => {
  test('is ended by an order of another thread', () =>
    waiting(async ({ wait }) => {
      const orders = new EventDescriptor();
      const other = elsewhere(orders.number, `setTimeout(() => { ${SIGNAL} }, 50);`);
      try {
        const [how, elapsed] = wait(LONG_MS, orders.number);
        expect(how).toBe('nothing');
        expect(elapsed).toBeLessThan(LONG_MS);
      } finally {
        await other.terminate();
        orders.close();
      }
    }));

  test('is ended by an order that came before it, and once only', () =>
    waiting(({ wait }) => {
      const orders = new EventDescriptor();
      try {
        orders.signal();
        orders.signal();
        expect(wait(LONG_MS, orders.number)[1]).toBeLessThan(LONG_MS);
        expect(wait(SHORT_MS, orders.number)[1]).toBeGreaterThanOrEqual(SHORT_MS - 1);
      } finally {
        orders.close();
      }
    }));

  test('is ended by an entry, whether orders may come or not', () =>
    waiting(async ({ wait, append }) => {
      const orders = new EventDescriptor();
      try {
        for (const descriptor of [orders.number, undefined]) {
          await append();
          expect(wait(LONG_MS, descriptor)[0]).toBe('entry');
        }
      } finally {
        orders.close();
      }
    }));

  test('is ended by a file that appears, with the word to verify the place', () =>
    waiting(({ wait, addFile }) => {
      addFile();
      expect(wait(LONG_MS)[0]).toBe('invalidate');
    }));

  test('goes on as without orders when their descriptor is closed, was never open, or cannot be read', () =>
    waiting(async ({ wait, append }) => {
      const orders = new EventDescriptor();
      const { number: closed } = orders;
      orders.close();
      const full = openSync('/dev/full', 'w');
      try {
        for (const descriptor of [closed, 1_000_000, -7, full]) {
          const [how, elapsed] = wait(SHORT_MS, descriptor);
          expect(how).toBe('nothing');
          expect(elapsed).toBeGreaterThanOrEqual(SHORT_MS - 1);
          await append();
          expect(wait(LONG_MS, descriptor)[0]).toBe('entry');
        }
      } finally {
        closeSync(full);
      }
    }));

  test('sleeps between its looks when orders cannot be read, too', () =>
    waiting(({ wait }) => {
      const before = process.cpuUsage();
      const [, elapsed] = wait(500, 1_000_000);
      const { user, system } = process.cpuUsage(before);
      expect((user + system) / 1000).toBeLessThan(elapsed / 2);
    }));
});
