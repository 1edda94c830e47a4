/** `banjour test`: finds the filter, runs the input through it, prints the report. */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import { guard } from '../../agent/intake/v8-time-limit.js';
import { matchesSystem } from '../../core/entry.js';
import { EXIT, type ExitCode, messageOf, OperatorError } from '../../core/errors.js';
import { formatDiagnostic } from '../../core/finding.js';
import { BATCH_ENTRIES_MAX } from '../../core/limits.js';
import {
  fieldsOf,
  formatMatch,
  type MatchExpression,
  parseMatch,
  WHOLE_JOURNAL,
} from '../../core/match.js';
import { sourceId } from '../../core/names.js';
import { counted, escapeUntrusted } from '../../core/text.js';
import { wallClock } from '../../core/time.js';
import { compileFilter } from '../../filter/compile.js';
import { DateFinder } from '../../filter/dates.js';
import { LINE_FIELDS } from '../../filter/line.js';
import { createSource } from '../../journal/source.js';
import { sinceOf } from '../arguments.js';
import type { Terminal } from '../terminal.js';
import { findFilter, type WantedFilter } from './filter.js';
import { FilterReport, type LineResult } from './report.js';
import { reportHead, reportJson, reportRow, reportText } from './report-text.js';

export interface FilterTest extends WantedFilter {
  /** Line, file, `-`, or `journal[MATCHES]`. */
  readonly input: string;
  readonly json: boolean;
  readonly verbose: boolean;
  readonly printAllMatched: boolean;
  readonly printAllMissed: boolean;
  readonly printAllIgnored: boolean;
  readonly printNoMissed: boolean;
  readonly printNoIgnored: boolean;
  readonly out?: string;
  readonly datepattern?: string;
  readonly encoding: string;
  readonly journalmatch?: string;
  readonly since?: string;
  readonly terminal: Terminal;
}

/** Progress is shown this often, lines. */
const PROGRESS_LINES = 20_000;

export async function testFilter(options: FilterTest): Promise<ExitCode> {
  const { terminal } = options;
  const input = inputOf(options.input);
  const found = findFilter(options, input.kind === 'journal' ? 'journal' : 'file');
  const { filter, diagnostics } = compileFilter(found.definition);
  const problems = [...found.diagnostics, ...diagnostics];
  if (filter === undefined)
    throw new OperatorError(
      problems
        .filter(({ level }) => level === 'error')
        .map(formatDiagnostic)
        .join('\n'),
      {
        hint: 'correct the regex; columns count from 1',
        exitCode: EXIT.config,
      },
    );
  const dates = new DateFinder(options.datepattern ?? found.definition.datepattern?.text);
  const wrong = dates.diagnostics[0];
  if (wrong !== undefined)
    throw new OperatorError(formatDiagnostic(wrong), { exitCode: EXIT.config });
  const started = performance.now();
  const rowsOnly = options.out !== undefined;
  if (!rowsOnly && !options.json) {
    terminal.out(reportHead({ use: [...found.use, ...input.use] }));
    for (const problem of problems)
      terminal.err(`${escapeUntrusted(formatDiagnostic(problem), 4096)}\n`);
  }
  const progress = progressOf(terminal, rowsOnly || options.json);
  const onResult = (result: LineResult) => {
    progress(report.tested);
    const row = options.out === undefined ? undefined : reportRow(result, options.out);
    if (row !== undefined) terminal.out(`${row}\n`);
  };
  const report: FilterReport = new FilterReport(filter, guard, {
    allMatched: options.printAllMatched,
    allMissed: options.printAllMissed,
    allIgnored: options.printAllIgnored,
    onResult,
    ...(input.kind === 'journal' ? {} : { dates }),
  });
  if (input.kind === 'journal') {
    const match = input.match ?? matchOf(options) ?? found.definition.journalmatch;
    readJournal(options, match, (entry) => {
      // What the agent would not hear is not counted here either.
      if (
        found.definition.loggedby !== 'system' ||
        matchesSystem(match ?? WHOLE_JOURNAL, (name) => entry.fields.get(name))
      )
        report.addEntry(entry);
    });
  } else if (input.kind === 'line') report.addText(options.input, wallClock.now());
  else await readText(options, (line) => report.addText(line, wallClock.now()));
  report.finish();
  progress(undefined);
  if (rowsOnly) return EXIT.ok;
  if (options.json)
    terminal.out(`${JSON.stringify({ ...reportJson(report), findings: problems })}\n`);
  else
    terminal.out(reportText(report, { ...options, seconds: (performance.now() - started) / 1000 }));
  return EXIT.ok;
}

type Input =
  | { readonly kind: 'line' | 'text'; readonly use: readonly { what: string; value: string }[] }
  | {
      readonly kind: 'journal';
      readonly match: MatchExpression | undefined;
      readonly use: readonly { what: string; value: string }[];
    };

function inputOf(text: string): Input {
  const journal = /^(?:systemd-)?journal(?:\[(.*)\])?$/s.exec(text);
  if (journal !== null) {
    const match = journal[1] === undefined ? undefined : parsed(journal[1]);
    return {
      kind: 'journal',
      match,
      use: [
        {
          what: 'systemd journal',
          value: match === undefined ? "the filter's matches" : formatMatch(match),
        },
      ],
    };
  }
  if (text === '-') return { kind: 'text', use: [{ what: 'log file', value: 'standard input' }] };
  if (existsSync(text) && !statSync(text).isDirectory())
    return { kind: 'text', use: [{ what: 'log file', value: text }] };
  return { kind: 'line', use: [{ what: 'single line', value: text }] };
}

function matchOf(options: FilterTest): MatchExpression | undefined {
  return options.journalmatch === undefined ? undefined : parsed(options.journalmatch);
}

function parsed(text: string): MatchExpression | undefined {
  const { expression, problem } = parseMatch(text);
  if (problem !== undefined)
    throw new OperatorError(
      `the match cannot be read at ${JSON.stringify(problem.term)}: ${problem.message}`,
    );
  return expression;
}

async function readText(
  { input, encoding }: FilterTest,
  take: (line: string) => void,
): Promise<void> {
  let decoder: TextDecoderStream;
  try {
    decoder = new TextDecoderStream(encoding);
  } catch (error) {
    throw new OperatorError(`unknown encoding ${encoding}: ${messageOf(error)}`, {
      hint: 'e.g. utf-8, iso-8859-1',
    });
  }
  const bytes = input === '-' ? process.stdin : createReadStream(input);
  const text: unknown = Readable.toWeb(bytes).pipeThrough(decoder as never);
  for await (const line of linesOf(text as AsyncIterable<string>)) take(line);
}

/**
 * The lines of a text as the agent reads a log: a newline alone ends one, and what a client writes
 * may hold every other end of line.
 */
async function* linesOf(text: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  let begun: string[] = [];
  for await (const piece of text) {
    const [first = '', ...others] = piece.split('\n');
    begun.push(first);
    for (const other of others) {
      yield begun.join('').replace(/\r+$/, '');
      begun = [other];
    }
  }
  const last = begun.join('');
  if (last !== '') yield last.replace(/\r+$/, '');
}

function readJournal(
  options: FilterTest,
  match: MatchExpression | undefined,
  take: (entry: Parameters<FilterReport['addEntry']>[0]) => void,
): void {
  const source = createSource({ kind: 'local' }, sourceId('test'));
  try {
    source.open(
      match ?? WHOLE_JOURNAL,
      {
        literals: undefined,
        fields: [...LINE_FIELDS, '_BOOT_ID', '_UID', ...fieldsOf(match ?? WHOLE_JOURNAL)],
      },
      options.since === undefined ? { at: 'head' } : { at: 'time', time: sinceOf(options.since) },
    );
    for (;;) {
      const batch = source.next(BATCH_ENTRIES_MAX);
      for (const entry of batch.entries) take(entry);
      if (batch.read === 0 || batch.ended) return;
    }
  } finally {
    source.close();
  }
}

/** Shows how many lines were read, on a terminal only; `undefined` takes it away. */
function progressOf(terminal: Terminal, silent: boolean): (lines: number | undefined) => void {
  let shown = false;
  if (silent || terminal.stderr.isTTY !== true) return () => undefined;
  return (lines) => {
    if (lines === undefined) {
      if (shown) terminal.err('\r\x1b[K');
    } else if (lines % PROGRESS_LINES === 0 && lines > 0) {
      shown = true;
      terminal.err(`\r${counted(lines, 'line')}`);
    }
  };
}
