/**
 * fail2ban's own sample lines (tests/files/logs): every line is preceded by what must come of it,
 * `# failJSON: {..}`. Read from the unpacked Debian package, judged by our engine, compared with
 * the annotation.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { epochMicros } from '../../src/core/time.js';
import { DateFinder } from '../../src/filter/dates.js';
import type { CompiledFilter, Verdict } from '../../src/filter/filter.js';
import { rawId } from '../../src/filter/match-groups.js';
import { judgeAll, sameId, stockFilter } from './conformance.js';

type Options = Readonly<Record<string, string>>;

interface Annotation {
  readonly match?: boolean;
  readonly host?: string;
  readonly user?: string;
  readonly constraint?: string;
}

export interface SampleResult {
  readonly filter: string;
  readonly samples: number;
  /** One text per sample that came out otherwise. */
  readonly wrong: readonly string[];
}

interface Bench {
  readonly filter: CompiledFilter;
  readonly dates: DateFinder;
  readonly options: Options;
  readonly texts: string[];
  readonly expected: (Annotation & { readonly where: string })[];
}

/** fail2ban's tests pretend it is this moment. */
const NOW = epochMicros(1_124_013_600_000_000);

/** Names of the filters of a package that have samples. */
export function sampledFilters(root: string): string[] {
  return readdirSync(join(root, 'etc/fail2ban/filter.d'))
    .filter((name) => name.endsWith('.conf') && !name.endsWith('common.conf'))
    .map((name) => name.replace(/\.conf$/, ''))
    .filter((name) => existsSync(logOf(root, name)))
    .sort();
}

function logOf(root: string, name: string): string {
  return join(root, 'usr/lib/python3/dist-packages/fail2ban/tests/files/logs', name);
}

/** Runs all samples of one filter. */
export function runSamples(root: string, name: string): SampleResult {
  const benches = new Map<string, Bench>();
  const benchOf = (options: Options): Bench => {
    const key = JSON.stringify(options);
    let bench = benches.get(key);
    if (bench === undefined) {
      const { filter, datepattern, problems } = stockFilter(
        join(root, 'etc/fail2ban'),
        name,
        options,
      );
      if (filter === undefined) throw new Error(`${name}${key}: ${problems.join('; ')}`);
      bench = { filter, dates: new DateFinder(datepattern), options, texts: [], expected: [] };
      benches.set(key, bench);
    }
    return bench;
  };
  const files = [name];
  let common: Options = {};
  let active: Bench[] = [];
  for (let f = 0; f < files.length; f++) {
    const lines = readFileSync(logOf(root, files[f] ?? name), 'utf8')
      .replace(/\r?\n$/, '')
      .split(/\r?\n/);
    let ignore = false;
    for (let i = 0; i < lines.length; i++) {
      const directive = /^#+ ?(failJSON|(?:file|filter)Options|addFILE):(.+)$/.exec(lines[i] ?? '');
      let expected: Annotation = {};
      if (directive) {
        const data = JSON.parse(directive[2] ?? 'null');
        if (directive[1] === 'fileOptions') common = data;
        else if (directive[1] === 'addFILE') files.push(data);
        else if (directive[1] === 'filterOptions') {
          const all: Options[] = (Array.isArray(data) ? data : [data]).map((options) => ({
            ...common,
            ...options,
          }));
          ignore = false;
          active = [];
          for (const options of all) {
            if (options['test.condition'])
              ignore = !holds(options['test.condition'], name, options);
            if (!ignore) active.push(benchOf(options));
          }
        }
        if (directive[1] !== 'failJSON') continue;
        expected = data;
        i++;
      } else if (ignore || lines[i]?.startsWith('#') || lines[i]?.trim() === '') continue;
      if (ignore) continue;
      if (active.length === 0) active = [benchOf({})];
      for (const bench of active) {
        if (expected.constraint && !holds(expected.constraint, name, bench.options)) continue;
        bench.texts.push(textOf(bench, lines[i] ?? ''));
        bench.expected.push({ ...expected, where: `${files[f]}:${i + 1}` });
      }
    }
  }
  let samples = 0;
  const wrong: string[] = [];
  for (const { filter, texts, expected, options } of benches.values()) {
    samples += texts.length;
    const lines = texts.map((text) => ({ text }));
    judgeAll(filter, lines, { time: NOW, boot: '' }).forEach((verdict, i) => {
      const difference = compare(verdict, expected[i] ?? {});
      if (difference)
        wrong.push(
          `${name}${JSON.stringify(options)} ${expected[i]?.where} ${difference}: ${texts[i]}`,
        );
    });
  }
  return { filter: name, samples, wrong };
}

function textOf({ dates, options }: Bench, line: string): string {
  return options['logtype'] === 'journal'
    ? (options['test.prefix-line'] ?? '') + line
    : dates.cut(line, NOW).text;
}

function compare(verdict: Verdict, { match = false, host, user }: Annotation): string | undefined {
  const matched = verdict.result === 'failure';
  if (matched !== match) return `is "${verdict.result}"`;
  if (!matched) return undefined;
  const { facts } = verdict;
  const ours = facts.ip4 ?? facts.ip6 ?? facts.dns ?? rawId(facts);
  if (host !== undefined && !sameId(host, ours) && !sameId(host, rawId(facts)))
    return `host ${host}, not ${ours}`;
  return user === undefined || user === facts.user ? undefined : `user ${user}, not ${facts.user}`;
}

/** The few Python expressions that annotations hold. */
function holds(expression: string, name: string, options: Options): boolean {
  const [, option, operator, value] =
    /^(?:name|opts\.get\('(\w+)'\)) *(==|!=) *'([^']*)'$/.exec(expression) ?? [];
  if (operator === undefined) throw new Error(`unknown expression: ${expression}`);
  const left = option === undefined ? name : options[option];
  return (left === value) === (operator === '==');
}
