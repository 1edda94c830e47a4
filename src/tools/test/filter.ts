/**
 * What FILTER and IGNOREREGEX of `banjour test` name: a filter with options, a file, or a regex.
 */
import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { OWN_NETWORKS } from '../../config/allow.js';
import { loadConfig } from '../../config/load.js';
import type { Prefix } from '../../core/address.js';
import { EXIT, OperatorError } from '../../core/errors.js';
import { type Diagnostic, formatDiagnostic } from '../../core/finding.js';
import { filterName } from '../../core/names.js';
import type { FilterDefinition, SourceText } from '../../core/specs.js';
import { parseCall } from '../../ini/calls.js';
import { loadFilter } from '../../ini/definition.js';
import { Report } from '../../ini/report.js';
import { literal } from '../../ini/value.js';

export interface WantedFilter {
  readonly filter: string;
  readonly ignoreregex?: string;
  /** Configuration roots, lowest first. */
  readonly dirs: readonly string[];
  readonly usedns: 'no' | 'raw';
  readonly maxlines?: number;
}

export interface FoundFilter {
  readonly definition: FilterDefinition;
  readonly diagnostics: readonly Diagnostic[];
  /** For the head of the report. */
  readonly use: readonly { readonly what: string; readonly value: string }[];
}

export function findFilter(wanted: WantedFilter, logtype: 'journal' | 'file'): FoundFilter {
  const { definition, diagnostics, use } = mainFilter(wanted, logtype);
  const ignore =
    wanted.ignoreregex === undefined ? undefined : ignoreOf(wanted.ignoreregex, wanted, logtype);
  return {
    definition: {
      ...definition,
      usedns: wanted.usedns,
      maxlines: wanted.maxlines ?? definition.maxlines,
      ignoreregex: ignore?.regexes ?? definition.ignoreregex,
      ...(definition.failregex.some(({ text }) => text.includes('<F-CHAIN>')) && {
        proxies: proxiesOf(wanted, definition.name),
      }),
    },
    diagnostics,
    use: [...use, ...(ignore === undefined ? [] : [ignore.use])],
  };
}

/** The proxies of the jail that has this filter; where no such jail is on, one's own networks. */
function proxiesOf({ dirs }: WantedFilter, name: string): readonly Prefix[] {
  const [shippedRoot = '', adminRoot = shippedRoot] = [dirs[0], dirs.at(-1)];
  const { config } = loadConfig({ shippedRoot, adminRoot });
  const intakes = config?.jails.map(({ intake }) => intake) ?? [];
  const filters = intakes.flatMap((intake) => ('filter' in intake ? [intake.filter] : []));
  return filters.find((filter) => filter.name === name)?.proxies ?? OWN_NETWORKS;
}

function mainFilter(wanted: WantedFilter, logtype: string): FoundFilter {
  const file = fileOf(wanted.filter);
  const call =
    file === undefined && /^[\w.-]+(?:\[.*\])?$/s.test(wanted.filter)
      ? callOf(wanted.filter)
      : undefined;
  const name = file ?? call?.name;
  if (name === undefined) return regexFilter(wanted.filter);
  // A file outside the configuration brings its own folder along, for what it includes.
  const dirs = file === undefined ? wanted.dirs : [...wanted.dirs, dirname(dirname(file))];
  const { definition, diagnostics } = loadFilter({
    name,
    logtype,
    dirs,
    ...(call === undefined ? {} : { options: call.options }),
  });
  if (definition === undefined)
    throw new OperatorError(diagnostics.map(formatDiagnostic).join('\n'), {
      exitCode: EXIT.config,
      // A word alone is the name of a filter: a regex has the place of the address.
      ...(diagnostics.some(({ id }) => id === 'filter.missing') && {
        hint: 'if it was meant as a regex, it needs <HOST>',
      }),
    });
  const use =
    file === undefined
      ? [
          { what: 'filter file', value: `${name}, basedir: ${wanted.dirs.at(-1) ?? ''}` },
          ...[...(call?.options ?? [])].map(([key, value]) => ({
            what: 'filter option',
            value: `${key}=${value.map(({ text }) => text).join('')}`,
          })),
        ]
      : [{ what: 'failregex file', value: wanted.filter }];
  return { definition, diagnostics, use };
}

function regexFilter(text: string): FoundFilter {
  return {
    definition: {
      name: filterName('command line'),
      failregex: linesOf(text, 'failregex'),
      ignoreregex: [],
      successregex: [],
      maxlines: 1,
      usedns: 'no',
    },
    diagnostics: [],
    use: [{ what: 'failregex line', value: text }],
  };
}

function ignoreOf(
  text: string,
  wanted: WantedFilter,
  logtype: string,
): { readonly regexes: readonly SourceText[]; readonly use: { what: string; value: string } } {
  const file = fileOf(text);
  if (file === undefined)
    return {
      regexes: linesOf(text, 'ignoreregex'),
      use: { what: 'ignoreregex line', value: text },
    };
  const { definition, diagnostics } = loadFilter({
    name: file,
    logtype,
    dirs: [...wanted.dirs, dirname(dirname(file))],
  });
  if (definition === undefined)
    throw new OperatorError(diagnostics.map(formatDiagnostic).join('\n'), {
      exitCode: EXIT.config,
    });
  return { regexes: definition.ignoreregex, use: { what: 'ignoreregex file', value: text } };
}

function linesOf(text: string, what: string): readonly SourceText[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line, index) => ({
      text: line,
      place: { file: `(${what} of the command line)`, line: index + 1 },
    }));
}

/**
 * A path to an existing file; with a slash, so that a filter of the same name in filter.d is not
 * hidden by it.
 */
function fileOf(text: string): string | undefined {
  if (!/\.(?:conf|local)$/.test(text) && !text.includes('/')) return undefined;
  const path = resolve(text);
  return existsSync(path) && basename(path) !== '' ? path : undefined;
}

function callOf(text: string): ReturnType<typeof parseCall> {
  const report = new Report();
  return parseCall(literal(text, { file: '(command line)', line: 1 }), report, { key: 'filter' });
}
