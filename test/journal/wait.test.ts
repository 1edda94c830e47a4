import { expect } from '@jest/globals';
import { batchReader } from '../../native/batch-library.js';
import { EventDescriptor } from '../../native/libc.js';
import { WHOLE_JOURNAL } from '../../src/core/match.js';
import { sourceId } from '../../src/core/names.js';
import { createSource } from '../../src/journal/source.js';
import { plainReader } from '../../src/journal/systemd/readers.js';
import { LibsystemdSource } from '../../src/journal/systemd/source.js';
import {
  canWrite,
  LiveJournal,
  numbered,
  Scratch,
  writeJournal,
} from '../support/journal-files.js';
import { needs } from '../support/require.js';
import { until } from '../support/until.js';
import { ALL, drain, HEAD, messages } from './contract.js';

const id = sourceId('test');
const texts = (count: number) => numbered(count).map((entry) => entry.message as string);

needs(
  canWrite[0] && batchReader().functions !== undefined,
  `waiting is done in C: ${batchReader().why}`,
)(
  'waiting ends with the first new entry, which is then read once, with an order, and after its time without either',
  async () => {
    using scratch = new Scratch();
    const live = new LiveJournal(scratch.file('system.journal'));
    const source = createSource({ kind: 'directory', path: scratch.path }, id);
    const orders = new EventDescriptor();
    try {
      live.append(numbered(1));
      // A file that appears later would end the wait, too.
      await live.settled();
      source.open(WHOLE_JOURNAL, ALL, HEAD);
      const seen: string[] = [];
      const read = () => seen.push(...messages(drain(source).entries));
      await until('the first entry', () => read() === 1);
      const started = performance.now();
      expect(source.wait?.(5, 50)).toBe(true);
      expect(performance.now() - started).toBeGreaterThanOrEqual(49);
      orders.signal();
      expect(source.wait?.(5, 30_000, orders.number)).toBe(true);
      expect(performance.now() - started).toBeLessThan(30_000);
      live.append(numbered(2, 1));
      await until('the others', () => {
        source.wait?.(2, 100);
        source.poll();
        read();
        return seen.length >= 3;
      });
      expect(seen).toEqual(texts(3));
    } finally {
      source.close();
      orders.close();
      await live.close();
    }
  },
);

needs(...canWrite)(
  'a reader without C cannot wait, and says so at once: its caller sleeps, and hears orders there',
  () => {
    using scratch = new Scratch();
    writeJournal(scratch.file('system.journal'), numbered(1));
    const source = new LibsystemdSource(id, { kind: 'directory', path: scratch.path }, plainReader);
    const orders = new EventDescriptor();
    try {
      source.open(WHOLE_JOURNAL, ALL, HEAD);
      expect(messages(drain(source).entries)).toEqual(texts(1));
      expect(source.wait(5, 30_000, orders.number)).toBe(false);
    } finally {
      source.close();
      orders.close();
    }
  },
);
