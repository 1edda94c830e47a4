/**
 * A model of Dovecot asking one or two stores of PAM, whose lines name no connection: workers that
 * ask for one attempt at a time, PAM's wait, Dovecot's own, sums at the end. However the clients
 * time their guesses, none is ever lost; and two stores are one attempt from the first failure on.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { epochMicros } from '../../src/core/time.js';
import { Tally, type TallyLine } from '../../src/filter/tally.js';

interface Client {
  /** When it connects, seconds. */
  readonly at: number;
  readonly address: string;
  readonly guesses: number;
  /** Before each guess but the first, and before it hangs up, seconds. */
  readonly pause: number;
}

/** The lines that a server with so many stores writes of the clients, in order. */
function logged(stores: number, clients: readonly Client[], waits: () => number): TallyLine[] {
  const lines: TallyLine[] = [];
  const due: { readonly at: number; readonly then: () => void }[] = [];
  const busyUntil: number[] = [];
  const later = (at: number, then: () => void) => due.push({ at, then });
  const say = (at: number, address: string, count: number, told: Partial<TallyLine['told']>) =>
    lines.push({
      ...{
        address,
        boot: 'b',
        user: 'alice',
        count,
        time: epochMicros(Math.round(1e12 + at * 1e6)),
      },
      told: {
        ...{ part: 'witness', session: undefined, process: undefined },
        ...{ witness: '', seconds: undefined, ...told },
      },
    });
  const ask = (at: number, store: number, address: string, refused: (at: number) => void) => {
    const free = busyUntil.findIndex((until) => until <= at);
    const worker = free < 0 ? busyUntil.length : free;
    const end = at + waits();
    busyUntil[worker] = end;
    say(at, address, 1, { witness: 'pam_unix', process: String(worker) });
    const next = store + 1 < stores ? () => ask(end, store + 1, address, refused) : undefined;
    later(end, next ?? (() => refused(end)));
  };
  for (const [i, { at: start, address, guesses, pause }] of clients.entries()) {
    const guess = (at: number, left: number): void =>
      ask(at, 0, address, (end) => {
        const then = end + 2 + pause;
        const sum = { part: 'sum', session: `s${i}`, seconds: Math.floor(then - start) } as const;
        later(then, () => (left > 1 ? guess(then, left - 1) : say(then, address, guesses, sum)));
      });
    later(start, () => guess(start, guesses));
  }
  while (due.length > 0) {
    const first = due.reduce((one, other) => (other.at < one.at ? other : one));
    due.splice(due.indexOf(first), 1);
    first.then();
  }
  return lines.sort((one, other) => one.time - other.time);
}

function counted(lines: readonly TallyLine[]): number {
  const tally = new Tally();
  return lines.reduce((sum, line) => sum + tally.failure(line), 0);
}

const attempts = (clients: readonly Client[]) =>
  clients.reduce((sum, { guesses }) => sum + guesses, 0);
/** PAM's waits: two seconds, half up or down; or none where it was told so. */
const waiting = fc.oneof(
  fc.infiniteStream(fc.integer({ min: 1_000, max: 3_000 }).map((ms) => ms / 1_000)),
  fc.infiniteStream(fc.constant(0.01)),
);
const client = (within: number) =>
  fc.record({
    at: fc.integer({ min: 0, max: within * 1_000 }).map((ms) => ms / 1_000),
    address: fc.constantFrom('192.0.2.1', '192.0.2.2'),
    guesses: fc.integer({ min: 1, max: 4 }),
    pause: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 90 })),
  });

describe('a server with stores of PAM', () => {
  test('one store: no guess is lost, however close and by how many connections', () => {
    const property = fc.property(
      fc.oneof(...[1, 8, 60].map((within) => fc.array(client(within), { maxLength: 20 }))),
      waiting,
      (clients, waits) => {
        const lines = logged(1, clients, () => waits.next().value);
        expect(counted(lines)).toBeGreaterThanOrEqual(attempts(clients));
      },
    );
    fc.assert(property);
  });

  test('one store: clients that wait for their answers count exactly', () => {
    const property = fc.property(
      fc.array(client(0), { minLength: 1, maxLength: 6 }),
      waiting,
      (clients, waits) => {
        const apart = clients.map((each, i) => ({ ...each, at: 500 * i }));
        const lines = logged(1, apart, () => waits.next().value);
        expect(counted(lines)).toBe(attempts(clients));
      },
    );
    fc.assert(property);
  });

  test('two stores: each attempt counts once from the first failure on', () => {
    const property = fc.property(
      fc.array(client(0), { minLength: 1, maxLength: 6 }),
      waiting,
      (clients, waits) => {
        const apart = clients.map((each, i) => ({ ...each, at: 900 * i }));
        const lines = logged(2, apart, () => waits.next().value);
        expect(counted(lines)).toBe(attempts(clients));
      },
    );
    fc.assert(property);
  });
});
