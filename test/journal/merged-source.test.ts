import { describe, expect, test } from '@jest/globals';
import type { Entry } from '../../src/core/entry.js';
import { ENDED_PLACES_MAX } from '../../src/core/limits.js';
import { WHOLE_JOURNAL } from '../../src/core/match.js';
import { cursor, sourceId } from '../../src/core/names.js';
import { epochMicros } from '../../src/core/time.js';
import { MergedSource, type Stream, type StreamSet } from '../../src/journal/merged-source.js';

/** A stream of one entry, of a journal of its own. */
function streamOf(i: number): Stream {
  const time = epochMicros(1_790_000_000_000_000 + i);
  const id = i.toString(16).padStart(32, '0');
  const entry: Entry = {
    cursor: cursor(`s=${id};i=1;b=${id};m=1;t=1;x=1`),
    realtime: time,
    message: 'x',
    fields: new Map(),
  };
  let left = [entry];
  return {
    name: `stream ${i}`,
    read: () => {
      const entries = left;
      left = [];
      const position = { cursor: entry.cursor, time };
      return {
        entries,
        read: entries.length,
        cut: 0,
        unreadable: 0,
        more: false,
        ...(entries.length > 0 && { position }),
      };
    },
    close: () => undefined,
  };
}

/**
 * The places that a position holds after so many streams have come and gone, one after the other.
 */
function placesAfter(count: number): string[] {
  let stream: Stream | undefined;
  let next = 0;
  const roster: StreamSet = {
    open: () => ({ gap: false }),
    look: () => {
      const left = stream === undefined ? [] : [stream];
      stream = next < count ? streamOf(next++) : undefined;
      return { joined: stream === undefined ? [] : [stream], left, notices: [] };
    },
    close: () => undefined,
  };
  const source = new MergedSource(sourceId('x'), roster);
  source.open(WHOLE_JOURNAL, { literals: undefined, fields: [] }, { at: 'head' });
  let position = '';
  for (let i = 0; i <= count + 1; i++) position = source.next(10).position?.cursor ?? position;
  source.close();
  return position.replace(/^many:/, '').split(' ');
}

describe('a source of many streams', () => {
  test('remembers where so many ended streams ended, and forgets the oldest past that', () => {
    // The last one's own place is in the position when it was made.
    expect(placesAfter(ENDED_PLACES_MAX)).toHaveLength(ENDED_PLACES_MAX);
    const past = placesAfter(ENDED_PLACES_MAX + 3);
    expect(past.length).toBeLessThanOrEqual(ENDED_PLACES_MAX + 1);
    expect(past.at(-1)).toContain((ENDED_PLACES_MAX + 2).toString(16).padStart(32, '0'));
  });
});
