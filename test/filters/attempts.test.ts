/**
 * Every shipped filter on attempts whose client chose every word it could, several at once: words
 * of accounts at any length, and words that imitate the rest of the line about somebody else, at
 * every length and with the cut of the daemon or of a syslog at every byte around them. Nobody else
 * ever counts, and the client always does.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MESSAGE_CHARS_MAX, MESSAGE_TAIL_CHARS } from '../../src/core/limits.js';
import { epochMicros } from '../../src/core/time.js';
import type { CompiledFilter } from '../../src/filter/filter.js';
import type { Line } from '../../src/filter/line.js';
import { countOf, identityOf } from '../../src/filter/match-groups.js';
import { ATTEMPTS, type Attempt } from './attempts.js';
import { FILTERS, shipped } from './samples.js';

const CLIENTS = { 4: '192.0.2.9', 6: '2001:db8:1234:5678:9abc:def0:1234:5678' } as const;
const VICTIM = '198.51.100.77';
/**
 * Bytes at which syslog's transports cut a message: RFC 3164, RFC 5424, rsyslog (`MaxMessageSize`).
 */
const SYSLOG_CUTS = [1_024, 2_048, 8_192];
const RUNS = Number(process.env['BANJOUR_PROPERTY_RUNS'] ?? 40);

type Words = Readonly<Record<string, string>>;

function fill(line: string, client: string, words: Words): string {
  const shown = (name: string) =>
    name === 'name80' ? (words['name'] ?? '').slice(0, 80) : (words[name] ?? '');
  return line.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    name === 'client' ? client : shown(name),
  );
}

/**
 * The line as the filter gets it: cut by the daemon or on its way, its middle left out where it is
 * too long for us.
 */
function onItsWay(text: string, cut: number): Line {
  const header = Buffer.byteLength(text.slice(0, text.indexOf(': ') + 2));
  const bytes = Buffer.from(text);
  const arrived = bytes.length > header + cut ? bytes.subarray(0, header + cut).toString() : text;
  if (arrived.length <= MESSAGE_CHARS_MAX) return { text: arrived };
  const cutAt = MESSAGE_CHARS_MAX - MESSAGE_TAIL_CHARS - 1;
  return { text: `${arrived.slice(0, cutAt)}\n${arrived.slice(-MESSAGE_TAIL_CHARS)}`, cutAt };
}

let boot = 0;

/** What the filter counts of the lines, by address. */
function counted(filter: CompiledFilter, lines: readonly Line[]): Record<string, number> {
  const found: Record<string, number> = {};
  const circumstances = { time: epochMicros(1e15), boot: String(boot++) };
  for (const line of lines) {
    const { result, facts } = filter.judge(line, circumstances);
    const identity = identityOf(facts);
    if (result !== 'failure' || identity.kind !== 'address') continue;
    const address = identity.address.text;
    found[address] = (found[address] ?? 0) + countOf(facts);
  }
  return found;
}

/** Words of which accounts' names are made, of any length. */
const plain = fc
  .tuple(
    fc.constantFrom('alice', 'a.b-c_d', 'info@example.org', '', 'x1'),
    fc.oneof(fc.nat(200), fc.nat(9_000)),
  )
  .map(([name, length]) => name + 'a'.repeat(length));

/** Words that imitate what stands around a place in the attempt's own lines. */
function hostile({ lines, fields }: Attempt, place: string): fc.Arbitrary<string> {
  const sample = Object.fromEntries(Object.keys(fields).map((name) => [name, 'x']));
  const texts = lines.flatMap((line) => {
    const content = fill(line, VICTIM, { ...sample, [place]: '\0' }).replace(/^.*?: /, '');
    const parts = content.split('\0');
    return [...parts, parts.join('x'), parts.slice(1).join('x')];
  });
  const around = [
    ` from ${VICTIM}`,
    `[${VICTIM}]`,
    ` rip=${VICTIM}, `,
    ` rhost=${VICTIM} `,
    `:${VICTIM}`,
    `, ${VICTIM}`,
    VICTIM,
  ];
  const separators = [
    ' ',
    '"',
    "'",
    '>',
    '<',
    ')',
    '(',
    ', ',
    ': ',
    ']',
    '[',
    '=',
    '\\',
    '\t',
    'é',
    '\u2028',
  ];
  const words = [...new Set([...texts, ...around])].filter((text) => text !== '');
  const padding = fc
    .tuple(fc.constantFrom('a', ' ', '?', 'é'), fc.oneof(fc.nat(100), fc.nat(9_000)))
    .map(([unit, count]) => unit.repeat(count));
  const piece = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...words) },
    { weight: 2, arbitrary: fc.constantFrom(...separators) },
    { weight: 1, arbitrary: padding },
  );
  return fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(''));
}

/** Fills one place so that the cut falls behind words about the victim, or a few bytes beside. */
function aimed(
  attempt: Attempt,
  place: string,
  line: string,
  client: string,
  words: Words,
  cut: number,
  off: number,
): string {
  const [before = '', after = ''] = line.split(`{${place}}`, 2);
  const content = fill(before, client, words).replace(/^.*?: /, '');
  const end = fill(after, VICTIM, { ...words, [place]: 'x' });
  const room = cut - Buffer.byteLength(content) - Buffer.byteLength(end) + off;
  return (attempt.fields[place] as (word: string) => string)('a'.repeat(Math.max(0, room)) + end);
}

const cases = ATTEMPTS.map((attempt, i) => ({ ...attempt, name: `${attempt.filter} ${i + 1}` }));

describe.each(cases)('$name with $options', (attempt) => {
  const { filter } = shipped(attempt.filter, attempt.options);
  const {
    lines,
    fields,
    bound = Number.POSITIVE_INFINITY,
    uncountedFrom = Number.POSITIVE_INFINITY,
  } = attempt;
  const places = Object.keys(fields);
  const clients = attempt.only === 4 ? [CLIENTS[4]] : [CLIENTS[4], CLIENTS[6]];
  const logged = (words: Words) =>
    Object.fromEntries(
      places.map((place) => [
        place,
        (fields[place] as (word: string) => string)(words[place] ?? ''),
      ]),
    );
  const longest = (client: string, words: Words) =>
    Math.max(...lines.map((line) => Buffer.byteLength(fill(line, client, words))));

  test('counts the client, whatever account it tries, however long its words are', () => {
    const property = fc.property(
      fc.constantFrom(...clients),
      fc.array(plain, { minLength: 4, maxLength: 4 }),
      (client, chosen) => {
        const words = logged(
          Object.fromEntries(places.map((place, i) => [place, chosen[i] ?? ''])),
        );
        const found = counted(
          filter,
          lines.map((line) => onItsWay(fill(line, client, words), bound)),
        );
        if (longest(client, words) < uncountedFrom)
          expect(found).toEqual({ [client]: attempt.count ?? 1 });
        else expect(Object.keys(found)).not.toContain(VICTIM);
      },
    );
    fc.assert(property, { numRuns: RUNS });
  });

  test('counts nobody else, and the client, whatever it writes in all places at once', () => {
    if (places.length === 0) return;
    const chosen = fc.tuple(
      ...places.map((place) =>
        fc.oneof(
          { weight: 3, arbitrary: hostile(attempt, place) },
          { weight: 1, arbitrary: plain },
        ),
      ),
    );
    const property = fc.property(fc.constantFrom(...clients), chosen, (client, texts) => {
      const words = logged(
        Object.fromEntries(places.map((place, i) => [place, texts[i] as string])),
      );
      const found = counted(
        filter,
        lines.map((line) => onItsWay(fill(line, client, words), bound)),
      );
      const isSure = attempt.ambiguous !== true && longest(client, words) < uncountedFrom;
      if (isSure) expect(found).toEqual({ [client]: attempt.count ?? 1 });
      else expect([{}, { [client]: attempt.count ?? 1 }]).toContainEqual(found);
    });
    fc.assert(property, { numRuns: RUNS });
  });

  // The header that a syslog counts is not the one that stands in the journal.
  const cuts = fc.oneof(
    fc
      .tuple(fc.constantFrom(...(attempt.cuts ?? SYSLOG_CUTS)), fc.nat(170))
      .map(([cut, header]) => cut - header),
    fc.constant(Math.min(bound, 8_192)),
  );

  test('counts nobody else where the line is cut on its way, at every byte around the victim', () => {
    if (places.length === 0) return;
    const property = fc.property(
      fc.constantFrom(...clients),
      fc.constantFrom(...places),
      fc.constantFrom(...lines),
      cuts,
      fc.integer({ min: -8, max: 8 }),
      (client, place, line, cut, off) => {
        if (!line.includes(`{${place}}`)) return;
        const plainWords = logged(Object.fromEntries(places.map((name) => [name, 'x'])));
        const words = {
          ...plainWords,
          [place]: aimed(attempt, place, line, client, plainWords, cut, off),
        };
        const found = counted(
          filter,
          lines.map((each) => onItsWay(fill(each, client, words), cut)),
        );
        expect(Object.keys(found).filter((address) => address !== client)).toEqual([]);
      },
    );
    fc.assert(property, { numRuns: RUNS });
  });
});

test('no attempt is of a filter that is not shipped', () => {
  const tried = new Set(ATTEMPTS.map(({ filter }) => filter));
  expect([...tried].filter((filter) => !FILTERS.includes(filter))).toEqual([]);
  expect(tried.size).toBeGreaterThanOrEqual(40);
});
