import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { forgeableGroups } from '../../src/core/match.js';
import { epochMicros } from '../../src/core/time.js';
import type { CompiledFilter, Verdict } from '../../src/filter/filter.js';
import { countOf, identityOf, userOf } from '../../src/filter/match-groups.js';
import {
  contentOf,
  FILTERS,
  fileLine,
  hitsOf,
  inJournal,
  optionSets,
  type Sample,
  samplesOf,
  shipped,
} from './samples.js';

const BYSTANDER = /198\.51\.100\.\d+/;
/** Text of any length in front of the address: where a name could put an address of its choice. */
const CATCH_ALL = /(?<!\\)\.\)?[*+{]/;
const ADDRESS = /<(?:ADDR|HOST|IP4)>/;

function judge(filter: CompiledFilter, text: string): Verdict {
  return filter.judge({ text }, { time: epochMicros(0), boot: '' });
}

/** A verdict in the words of a sample's comment. */
function told(verdict: Verdict): Record<string, unknown> {
  const { result, facts } = verdict;
  if (result === 'pending' || result === 'nofail') return { match: false, [result]: true };
  if (result !== 'failure' && result !== 'success') return { match: false };
  const identity = identityOf(facts);
  const user = userOf(facts);
  const count = countOf(facts);
  return {
    match: result === 'failure',
    ...(result === 'success' && { success: true }),
    host: identity.kind === 'address' ? identity.address.text : identity,
    ...(user !== undefined && { user }),
    ...(count !== 1 && { count }),
    ...(facts.cause !== undefined && { cause: facts.cause }),
    ...(facts.digest !== undefined && { digest: facts.digest }),
  };
}

function expectTold({ place, expected }: Sample, verdict: Verdict): void {
  const { time: _, ...rest } = expected;
  expect({ place, ...told(verdict) }).toEqual({ place, ...rest });
}

test('every shipped filter has samples', () => {
  const files = readdirSync(join(import.meta.dirname, '../../../test/fixtures/filters'));
  expect(files.filter((file) => file !== 'README.md').sort()).toEqual(FILTERS);
});

describe.each(FILTERS)('the filter %s', (name) => {
  const samples = samplesOf(name);
  const sets = [
    ...new Set([...optionSets(name).map((set) => JSON.stringify(set)), ...samples.keys()]),
  ];

  test('loads without a word in each of its modes, and can be skipped by its literals', () => {
    for (const set of sets) expect(shipped(name, JSON.parse(set)).filter.literals).toBeDefined();
  });

  test('selects its entries by fields that only journald sets', () => {
    const { journalmatch } = shipped(name).definition;
    expect(journalmatch).toBeDefined();
    expect(journalmatch && forgeableGroups(journalmatch)).toEqual([]);
  });

  test("does not hear what users' commands write in its unit", () => {
    expect(shipped(name).definition.loggedby).toBe('system');
  });

  test('says of every sample what its comment says, as journal entry', () => {
    for (const [set, list] of samples) {
      const { filter } = shipped(name, JSON.parse(set));
      for (const { sample, text } of inJournal(list)) expectTold(sample, judge(filter, text));
    }
  });

  test('says of every sample what its comment says, as line of a text file with its date', () => {
    for (const [set, list] of samples) {
      const { filter } = shipped(name, JSON.parse(set), 'file');
      for (const sample of list) {
        const { text, time } = fileLine(sample);
        expectTold(sample, judge(filter, text));
        const { place, expected } = sample;
        if (expected.time !== undefined)
          expect({ place, time: (time ?? 0) / 1000 }).toEqual({
            place,
            time: Date.parse(expected.time),
          });
      }
    }
  });

  test('says the same with the linear matcher', () => {
    for (const [set, list] of samples) {
      const { filter } = shipped(name, JSON.parse(set));
      for (const { regex } of filter.slots) regex.demote();
      for (const { sample, text } of inJournal(list)) expectTold(sample, judge(filter, text));
    }
  });

  test('never matches a line with two of its regexes, and lets every counted line through its gate', () => {
    for (const [set, list] of samples) {
      const { filter } = shipped(name, JSON.parse(set));
      for (const { sample, text } of inJournal(list)) {
        const hits = hitsOf(filter, text);
        expect({
          place: sample.place,
          hits: hits.length <= 1 ? [] : hits.map(({ index }) => index),
        }).toEqual({
          place: sample.place,
          hits: [],
        });
        const passes = filter.literals?.some((literal) => text.includes(literal));
        if (hits.length > 0 || sample.expected.success)
          expect({ place: sample.place, passes }).toEqual({ place: sample.place, passes: true });
      }
    }
  });

  test('has no regex without a sample, in any mode', () => {
    const seen = new Set<string>();
    const all = new Map<string, string>();
    for (const set of sets) {
      const { filter, definition } = shipped(name, JSON.parse(set));
      for (const { text, place } of [...definition.failregex, ...definition.successregex])
        all.set(text, `${place.file}:${place.line} ${text}`);
      for (const { text } of inJournal(samples.get(set) ?? [])) {
        const content = contentOf(filter, text);
        for (const { kind, index, regex } of filter.slots) {
          if (kind !== 'failregex' && kind !== 'successregex') continue;
          const source = definition[kind][index]?.text;
          if (content !== undefined && source !== undefined && regex.exec(content))
            seen.add(source);
        }
      }
    }
    expect([...all].filter(([text]) => !seen.has(text)).map(([, where]) => where)).toEqual([]);
  });

  test('has no regex in which text of any length could bring an address, unless a sample tries it', () => {
    const tried = new Set<string>();
    const open = new Map<string, string>();
    for (const set of sets) {
      const { filter, definition } = shipped(name, JSON.parse(set));
      for (const { text } of definition.successregex) expect(text.startsWith('^')).toBe(true);
      for (const { text, place } of definition.failregex) {
        expect(text.startsWith('^')).toBe(true);
        const before = ADDRESS.exec(text);
        if (before && CATCH_ALL.test(text.slice(0, before.index)))
          open.set(text, `${place.file}:${place.line} ${text}`);
      }
      for (const { text } of inJournal(samples.get(set) ?? [])) {
        if (!BYSTANDER.test(text)) continue;
        for (const { index } of hitsOf(filter, text))
          tried.add(definition.failregex[index]?.text ?? '');
      }
    }
    const untried = [...open].filter(([text]) => !tried.has(text)).map(([, where]) => where);
    expect(untried).toEqual([]);
  });

  test('never names a bystander whose address an attacker wrote', () => {
    for (const [set, list] of samples) {
      const { filter } = shipped(name, JSON.parse(set));
      for (const { sample, text } of inJournal(list)) {
        const { facts } = judge(filter, text);
        expect({ place: sample.place, host: BYSTANDER.test(facts.ip4 ?? '') }).toEqual({
          place: sample.place,
          host: false,
        });
      }
    }
  });
});

describe.each(FILTERS.flatMap((name) => optionSets(name).map((options) => ({ name, options }))))(
  'blanks at the end of a line for $name with $options',
  ({ name, options }) => {
    test.each([' ', '\r', ' \r'])('change nothing: %j', (tail) => {
      const verdicts = (end: string) => {
        const { filter } = shipped(name, options);
        return inJournal(samplesOf(name).get(JSON.stringify(options)) ?? []).map(
          ({ sample, text }) => {
            const time = epochMicros(
              Date.parse(sample.expected.time ?? '2026-11-21T20:00:00') * 1000,
            );
            const { result, facts } = filter.judge({ text: text + end }, { time, boot: '' });
            return [sample.place, result, identityOf(facts)];
          },
        );
      };
      expect(verdicts(tail)).toEqual(verdicts(''));
    });
  },
);
