import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { packMessage, unpackMessage } from '../../../src/agent/intake/packed-events.js';
import type { IntakeBatch } from '../../../src/agent/pipeline.js';
import type { FilterEvent } from '../../../src/core/decision.js';

const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const events = fc.array(
  fc.record(
    {
      kind: fc.constantFrom('failure', 'success'),
      jail: text,
      address: fc.oneof(
        fc.record({ family: fc.constant(4), text: fc.ipV4() }),
        fc.record({ family: fc.constant(6), text: fc.ipV6() }),
      ),
      count: fc.integer({ min: 1 }),
      time: fc.nat(2 ** 31),
      cursor: text,
      regex: fc.nat(40),
      user: text,
      cause: fc.constantFrom('unknown-user', 'wrong-password'),
      digest: text,
      host: text,
      session: text,
      isRefused: fc.constant(true),
    },
    { requiredKeys: ['kind', 'jail', 'address', 'count', 'time', 'cursor', 'regex'] },
  ),
  { maxLength: 5 },
) as unknown as fc.Arbitrary<FilterEvent[]>;

test('events come out of the other thread as they went in', () => {
  fc.assert(
    fc.property(events, events, (warm, news) => {
      const message: IntakeBatch = { type: 'batch', phase: 'live', warm, events: news };
      const posted = structuredClone(packMessage(message));
      // Also which properties are there at all: an absent user is not one that is undefined.
      expect(unpackMessage(posted)).toStrictEqual(structuredClone(message));
    }),
  );
});

test('other messages go as they are', () => {
  const message = { type: 'opened', gap: true } as const;
  expect(unpackMessage(packMessage(message))).toBe(message);
});
