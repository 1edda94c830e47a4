import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { forgeableGroups } from '../../src/core/match.js';
import { epochMicros } from '../../src/core/time.js';
import type { CompiledFilter, Verdict } from '../../src/filter/filter.js';
import { countOf, identityOf, userOf } from '../../src/filter/match-groups.js';
import {
  compiledAnew,
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

/** What the comments of samples say, and what the filter says; compared once for all of them. */
class Comments {
  readonly #wanted: object[] = [];
  readonly #said: object[] = [];

  add({ place, expected }: Sample, verdict: Verdict): void {
    const { time: _, ...rest } = expected;
    this.#wanted.push({ place, ...rest });
    this.#said.push({ place, ...told(verdict) });
  }

  expect(): void {
    expect(this.#said).toEqual(this.#wanted);
  }
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
    const comments = new Comments();
    for (const [set, list] of samples) {
      const { filter } = shipped(name, JSON.parse(set));
      for (const { sample, text } of inJournal(list)) comments.add(sample, judge(filter, text));
    }
    comments.expect();
  });

  test('says of every sample what its comment says, as line of a text file with its date', () => {
    const comments = new Comments();
    const wrongTimes: object[] = [];
    for (const [set, list] of samples) {
      const { filter } = shipped(name, JSON.parse(set), 'file');
      for (const sample of list) {
        const { text, time } = fileLine(sample);
        comments.add(sample, judge(filter, text));
        const { place, expected } = sample;
        const found = (time ?? 0) / 1000;
        if (expected.time !== undefined && found !== Date.parse(expected.time))
          wrongTimes.push({ place, found, expected: expected.time });
      }
    }
    comments.expect();
    expect(wrongTimes).toEqual([]);
  });

  test('says the same with the linear matcher', () => {
    const comments = new Comments();
    for (const [set, list] of samples) {
      const { filter } = compiledAnew(name, JSON.parse(set));
      for (const { regex } of filter.slots) regex.demote();
      for (const { sample, text } of inJournal(list)) comments.add(sample, judge(filter, text));
    }
    comments.expect();
  });

  test('never matches a line with two of its regexes, and lets every counted line through its gate', () => {
    const twice: object[] = [];
    const stopped: string[] = [];
    for (const [set, list] of samples) {
      const { filter } = shipped(name, JSON.parse(set));
      for (const { sample, text } of inJournal(list)) {
        const hits = hitsOf(filter, text);
        if (hits.length > 1)
          twice.push({ place: sample.place, hits: hits.map(({ index }) => index) });
        const passes = filter.literals?.some((literal) => text.includes(literal)) === true;
        if (!passes && (hits.length > 0 || sample.expected.success)) stopped.push(sample.place);
      }
    }
    expect(twice).toEqual([]);
    expect(stopped).toEqual([]);
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
    const named: object[] = [];
    for (const [set, list] of samples) {
      const { filter } = shipped(name, JSON.parse(set));
      for (const { sample, text } of inJournal(list)) {
        const { facts } = judge(filter, text);
        if (BYSTANDER.test(facts.ip4 ?? '')) named.push({ place: sample.place, host: facts.ip4 });
      }
    }
    expect(named).toEqual([]);
  });
});

describe.each(FILTERS.flatMap((name) => optionSets(name).map((options) => ({ name, options }))))(
  'blanks at the end of a line for $name with $options',
  ({ name, options }) => {
    let plain: unknown;
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
      plain ??= verdicts('');
      expect(verdicts(tail)).toEqual(plain);
    });
  },
);
