/**
 * Compares Banjour's verdicts with recorded verdicts of fail2ban: records as JSON lines, in `all/`
 * (the text that fail2ban searched) and `journal/` (journal entries). `live` is what fail2ban's
 * engine said as the daemon runs it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAddress } from '../../src/core/address.js';
import type { Entry } from '../../src/core/entry.js';
import { type Diagnostic, formatDiagnostic } from '../../src/core/finding.js';
import { cursor } from '../../src/core/names.js';
import { type EpochMicros, epochMicros } from '../../src/core/time.js';
import { compileFilter } from '../../src/filter/compile.js';
import type { CompiledFilter, LineContext, Verdict } from '../../src/filter/filter.js';
import { type Line, lineOf } from '../../src/filter/line.js';
import { rawId } from '../../src/filter/match-groups.js';
import { RegexGuard } from '../../src/filter/regex-guard.js';
import { loadFilter } from '../../src/ini/definition.js';
import { literal } from '../../src/ini/value.js';
import { vmGuard } from './guard.js';

interface CorpusRecord {
  readonly filter: string;
  readonly key: string;
  readonly from_key?: string;
  readonly options: Readonly<Record<string, string>>;
  readonly seq: number;
  readonly src: string;
  readonly feed?: 'file' | 'journal';
  readonly line?: string;
  readonly text?: string;
  readonly date?: { readonly text: string; readonly ts: number };
  readonly entry?: Readonly<Record<string, string>>;
  readonly f2b_line?: string;
  readonly live: {
    readonly result: string;
    readonly regex?: number;
    readonly fid?: string;
    readonly groups?: Readonly<Record<string, unknown>>;
    readonly attempts?: number;
  };
}

interface Difference {
  readonly layout: string;
  readonly record: CorpusRecord;
  /** E.g. `verdict: fail2ban says "fail", Banjour "none"`. */
  readonly what: string;
}

export interface Conformance {
  readonly compared: ReadonlyMap<string, number>;
  readonly differences: readonly Difference[];
  /** Filters that could not be used, with the reason. */
  readonly refused: readonly string[];
}

/**
 * A filter of a fail2ban configuration folder, as fail2ban's own daemon would use it without DNS.
 */
export function stockFilter(
  root: string,
  name: string,
  options: Readonly<Record<string, string>> = {},
): {
  readonly filter?: CompiledFilter;
  readonly datepattern?: string;
  readonly problems: readonly string[];
} {
  const given = Object.entries(options).filter(([key]) => !key.startsWith('test.'));
  const place = { file: '(test)', line: 1 };
  const loaded = loadFilter({
    name,
    options: new Map(given.map(([key, value]) => [key.toLowerCase(), literal(value, place)])),
    logtype: 'file',
    dirs: [root],
  });
  const wrong = (diagnostics: readonly Diagnostic[]) =>
    diagnostics.filter(({ level }) => level === 'error').map(formatDiagnostic);
  if (loaded.definition === undefined) return { problems: wrong(loaded.diagnostics) };
  const { filter, diagnostics } = compileFilter({ ...loaded.definition, usedns: 'raw' });
  return {
    problems: wrong(diagnostics),
    ...(filter && { filter }),
    ...(loaded.definition.datepattern && { datepattern: loaded.definition.datepattern.text }),
  };
}

/** A journal entry of the fields of an exported one. */
function entryOf(fields: Readonly<Record<string, string>>): Entry {
  const { MESSAGE = '', __REALTIME_TIMESTAMP = '0', __CURSOR = '', ...others } = fields;
  return {
    cursor: cursor(__CURSOR),
    realtime: epochMicros(Number(__REALTIME_TIMESTAMP)),
    message: MESSAGE,
    fields: new Map(Object.entries(others)),
  };
}

/**
 * Compares everything below `directory` that has the layout. `root` is a fail2ban configuration
 * folder.
 */
export function compareCorpus(directory: string, root: string): Conformance {
  const compared = new Map<string, number>();
  const differences: Difference[] = [];
  const refused = new Set<string>();
  for (const layout of ['all', 'journal']) {
    const folder = join(directory, layout);
    if (!existsSync(folder)) continue;
    for (const file of readdirSync(folder)
      .filter((name) => name.endsWith('.jsonl'))
      .sort()) {
      const records = readFileSync(join(folder, file), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      for (const group of sessionsOf(records, file.replace('.jsonl', ''))) {
        const [first] = group;
        if (first === undefined) continue;
        const { filter, problems } = stockFilter(root, first.filter, first.options);
        if (filter === undefined) {
          refused.add(`${first.key}: ${problems.join('; ')}`);
          continue;
        }
        compared.set(layout, (compared.get(layout) ?? 0) + group.length);
        const lines = group.map(({ entry, text }) =>
          entry === undefined ? { text: text ?? '' } : lineOf(entryOf(entry)),
        );
        judgeAll(filter, lines, { time: AT_ONCE, boot: '' }).forEach((verdict, i) => {
          const record = group[i] as CorpusRecord;
          const what = compareLine(lines[i]?.text, record) ?? compareVerdict(verdict, record.live);
          if (what !== undefined) differences.push({ layout, record, what });
        });
      }
    }
  }
  return { compared, differences, refused: [...refused] };
}

/** Records that belong to one run of one filter, in order. */
function sessionsOf(records: readonly Partial<CorpusRecord>[], filter: string): CorpusRecord[][] {
  const groups = new Map<string, CorpusRecord[]>();
  for (const partial of records) {
    const record = { filter, ...partial } as CorpusRecord;
    const key = `${record.key}\n${record.from_key ?? ''}`;
    groups.set(key, [...(groups.get(key) ?? []), record]);
  }
  return [...groups.values()].map((group) => group.sort((a, b) => a.seq - b.seq));
}

/** fail2ban's connections live by the wall clock: in a test all lines come at once. */
const AT_ONCE: EpochMicros = epochMicros(1_124_013_600_000_000);

function compareLine(line: string | undefined, { f2b_line }: CorpusRecord): string | undefined {
  if (f2b_line === undefined || f2b_line === line) return undefined;
  return `line: fail2ban judges ${JSON.stringify(f2b_line)}, Banjour ${JSON.stringify(line)}`;
}

/** Judges under the regex guard: fail2ban's samples hold lines that older filters never finish. */
export function judgeAll(
  filter: CompiledFilter,
  lines: readonly Line[],
  circumstances: LineContext,
): Verdict[] {
  const runner = new RegexGuard(vmGuard);
  const step = filter.maxlines > 1 ? 1 : lines.length;
  const verdicts: Verdict[] = [];
  for (let at = 0; at < lines.length; at += step) {
    const count = Math.min(step, lines.length - at);
    const run = runner.run(count, (n, progress) => filter.match(lines[at + n] as Line, progress));
    for (const match of run.matches) {
      if (match === undefined) throw new Error(`filter ${filter.name}: a line was given up`);
      verdicts.push(filter.settle(match, circumstances));
    }
  }
  return verdicts;
}

/** Undefined when both say the same. */
function compareVerdict(verdict: Verdict, live: CorpusRecord['live']): string | undefined {
  const result = verdict.result === 'failure' ? 'fail' : verdict.result;
  const say = (what: string, theirs: unknown, ours: unknown) =>
    `${what}: fail2ban says ${JSON.stringify(theirs)}, Banjour ${JSON.stringify(ours)}`;
  if (result !== live.result) return say('verdict', live.result, result);
  if (!['fail', 'nofail', 'pending'].includes(result)) return undefined;
  if (live.regex !== verdict.regex) return say('regex', live.regex, verdict.regex);
  const user = live.groups?.['user'] ?? undefined;
  if (user !== verdict.facts.user) return say('user', user, verdict.facts.user);
  if (result !== 'fail') return undefined;
  if (!sameId(live.fid, rawId(verdict.facts)))
    return say('address', live.fid, rawId(verdict.facts));
  return live.attempts === verdict.lines ? undefined : say('lines', live.attempts, verdict.lines);
}

/** fail2ban prints addresses in normal form. */
export function sameId(theirs: string | undefined, ours: string | undefined): boolean {
  if (theirs === ours || theirs === undefined || ours === undefined) return theirs === ours;
  const address = parseAddress(theirs)?.text;
  return address !== undefined && address === parseAddress(ours)?.text;
}
