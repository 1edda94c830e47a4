/** The shipped filters and the sample lines that specify them (test/fixtures/filters/README.md). */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatDiagnostic } from '../../src/core/finding.js';
import type { FilterDefinition } from '../../src/core/specs.js';
import { type EpochMicros, epochMicros } from '../../src/core/time.js';
import { compileFilter } from '../../src/filter/compile.js';
import { DateFinder } from '../../src/filter/dates.js';
import type { CompiledFilter } from '../../src/filter/filter.js';
import type { RegexSlot } from '../../src/filter/search.js';
import { loadFilter } from '../../src/ini/definition.js';
import { literal } from '../../src/ini/value.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const CONFIG = join(ROOT, 'config');
const SAMPLES = join(ROOT, 'test/fixtures/filters');

export type Options = Readonly<Record<string, string>>;

/** What a sample's comment says of it. */
interface Expected {
  readonly time?: string;
  readonly match: boolean;
  readonly success?: boolean;
  readonly pending?: boolean;
  readonly nofail?: boolean;
  readonly host?: string;
  readonly user?: string;
  readonly count?: number;
  readonly cause?: string;
  readonly digest?: string;
}

export interface Sample {
  readonly line: string;
  readonly expected: Expected;
  /** `file:line` of it. */
  readonly place: string;
}

export interface Shipped {
  readonly definition: FilterDefinition;
  readonly filter: CompiledFilter;
}

/** Names of all shipped filters. */
export const FILTERS: readonly string[] = readdirSync(join(CONFIG, 'filter.d'))
  .map((file) => file.replace(/\.conf$/, ''))
  .filter((name) => name !== 'common' && name !== 'apache-error-log')
  .sort();

const compiledBefore = new Map<string, Shipped>();

/**
 * A shipped filter with a memory of its own. To compile it is most of what a test does, so its
 * regexes are compiled once for a test file.
 */
export function shipped(name: string, options: Options = {}, logtype = 'journal'): Shipped {
  const key = JSON.stringify([name, options, logtype]);
  const one = compiledBefore.get(key) ?? compiledAnew(name, options, logtype);
  compiledBefore.set(key, one);
  return { definition: one.definition, filter: one.filter.twin() };
}

/**
 * Loads and compiles a shipped filter, for a test that changes its regexes; anything wrong with it,
 * a warning too, is an error here.
 */
export function compiledAnew(name: string, options: Options, logtype = 'journal'): Shipped {
  const definition = definitionOf(name, options, logtype);
  const { filter, diagnostics } = compileFilter(definition);
  if (filter === undefined || diagnostics.length > 0)
    throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  return { definition, filter };
}

function definitionOf(name: string, options: Options, logtype: string): FilterDefinition {
  const place = { file: '(test)', line: 1 };
  const given = new Map(
    Object.entries(options).map(([key, value]) => [key, literal(value, place)]),
  );
  const loaded = loadFilter({ name, options: given, logtype, dirs: [CONFIG] });
  if (loaded.definition === undefined || loaded.diagnostics.length > 0)
    throw new Error(loaded.diagnostics.map(formatDiagnostic).join('\n'));
  return loaded.definition;
}

/**
 * Every set of options that a filter's file offers: each `mode`, `publickey`, `logging` alone, and
 * the defaults.
 */
export function optionSets(name: string): Options[] {
  const text = readFileSync(join(CONFIG, 'filter.d', `${name}.conf`), 'utf8');
  const sets: Options[] = [{}];
  for (const [prefix, option] of [
    ['mdre', 'mode'],
    ['pubkey', 'publickey'],
    ['failregex', 'logging'],
  ] as const)
    for (const found of text.matchAll(new RegExp(`^${prefix}-(\\w+) *=`, 'gm')))
      sets.push({ [option]: found[1] as string });
  return sets;
}

/** The samples of a filter, by the options they are for, in the order of the file. */
export function samplesOf(name: string): Map<string, Sample[]> {
  const found = new Map<string, Sample[]>();
  let sets: Options[] = [{}];
  let expected: Expected | undefined;
  const lines = readFileSync(join(SAMPLES, name), 'utf8').split('\n');
  for (const [index, line] of lines.entries()) {
    const place = `${name}:${index + 1}`;
    const comment = /^# (failJSON|filterOptions): (.*)$/.exec(line);
    if (comment?.[1] === 'filterOptions')
      sets = [JSON.parse(comment[2] as string)].flat() as Options[];
    else if (comment) expected = JSON.parse(comment[2] as string) as Expected;
    else if (line !== '' && !line.startsWith('#')) {
      if (expected === undefined) throw new Error(`${place}: a sample without failJSON`);
      for (const set of sets) {
        const key = JSON.stringify(set);
        found.set(key, [...(found.get(key) ?? []), { line, expected, place }]);
      }
      expected = undefined;
    }
  }
  return found;
}

/** A sample and the line that a journal entry of it makes: without its date. */
export interface JournalLine {
  readonly sample: Sample;
  readonly text: string;
}

/**
 * The samples as journal lines. Lines of a daemon's own log file, without a date of syslog, are
 * left out.
 */
export function inJournal(samples: readonly Sample[]): JournalLine[] {
  return samples.flatMap((sample) => {
    const text = /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (.*)$/.exec(sample.line)?.[1];
    return text === undefined ? [] : [{ sample, text }];
  });
}

const dates = new DateFinder();

/**
 * The sample as a text file's line: after its date was cut out, and the time that the date says.
 */
export function fileLine(sample: Sample): {
  readonly text: string;
  readonly time: EpochMicros | undefined;
} {
  const { text, time } = dates.cut(sample.line, epochMicros(Date.UTC(2026, 10, 23) * 1000));
  return { text, time };
}

/**
 * What the failregexes of a filter search in a line; undefined when its prefregex does not want the
 * line.
 */
export function contentOf(filter: CompiledFilter, text: string): string | undefined {
  const prefregex = filter.slots.find(({ kind }) => kind === 'prefregex');
  if (prefregex === undefined) return text;
  return prefregex.regex.exec(text)?.groups['content'];
}

/** The failregexes that match a line, in any order. */
export function hitsOf(filter: CompiledFilter, text: string): RegexSlot[] {
  const content = contentOf(filter, text);
  if (content === undefined) return [];
  return filter.slots.filter(
    ({ kind, regex }) => kind === 'failregex' && regex.exec(content) !== null,
  );
}
