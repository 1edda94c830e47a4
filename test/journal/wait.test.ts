import { expect } from '@jest/globals';
import { batchReader } from '../../native/batch.js';
import { WHOLE_JOURNAL } from '../../src/core/match.js';
import { sourceId } from '../../src/core/names.js';
import { createSource } from '../../src/journal/journal.js';
import { canWrite, LiveJournal, numbered, Scratch, until } from '../support/journal-files.js';
import { needs } from '../support/require.js';
import { ALL, drain, HEAD, messages } from './contract.js';

const id = sourceId('test');
const texts = (count: number) => numbered(count).map((entry) => entry.message as string);

needs(canWrite[0] && batchReader().functions !== undefined, `waiting is done in C: ${batchReader().why}`)(
  'waiting ends with the first new entry, which is then read once, and after its time without one',
  async () => {
    using scratch = new Scratch();
    const live = new LiveJournal(scratch.file('system.journal'));
    const source = createSource({ kind: 'directory', path: scratch.path }, id);
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
      await live.close();
    }
  },
);
