/**
 * From a filter's options to its definition: which regexes, in which order, with what around them.
 * Of the jail's options only its own `failregex` and kin (`FILTER_KEYS`) replace the filter's.
 */
import type { Diagnostic, FilePosition } from '../core/finding.js';
import { LINELIMIT_MIN, MAXLINES_MAX } from '../core/limits.js';
import { type MatchExpression, parseMatch } from '../core/match.js';
import { filterName } from '../core/names.js';
import type { FilterDefinition, SourceText } from '../core/specs.js';
import { nearest } from '../core/text.js';
import { type FilterFile, type FilterRequest, openFilter } from './filterfile.js';
import { Roots } from './load.js';
import { Report } from './report.js';
import { diskTree, type FileTree } from './tree.js';
import { linesOf, placeOf, textOf, type Value } from './value.js';

export interface FilterResult {
  /** Absent when there are errors. */
  readonly definition?: FilterDefinition;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Loads a filter for a jail from configuration roots, lowest first. Never throws for what files
 * contain; everything wrong is in `diagnostics`.
 */
export function loadFilter(
  request: FilterRequest & { readonly dirs: readonly string[]; readonly tree?: FileTree },
): FilterResult {
  const report = new Report();
  const filter = openFilter(new Roots(request.tree ?? diskTree, request.dirs), request, report);
  const definition = filter === undefined ? undefined : defineFilter(filter, request, report);
  const { diagnostics } = report;
  return definition === undefined || report.failed ? { diagnostics } : { definition, diagnostics };
}

/** The options of a filter that a jail may state as well, and then replaces. */
export const FILTER_KEYS = [
  'usedns',
  'prefregex',
  'failregex',
  'ignoreregex',
  'successregex',
  'maxlines',
  'linelimit',
  'datepattern',
  'journalmatch',
] as const;
type FilterKey = (typeof FILTER_KEYS)[number];

/**
 * What names a host in a regex: fail2ban refuses a failregex that has none of these groups
 * (`failregex.py`); the trouble of a server, or of the directory that it asks, has no host.
 */
const NAMES_HOST =
  /<(?:HOST|ADDR|IP[46]|DNS|SUBNET)>|<F-(?:ID|IP[46]|DNS|ADDR|SUBNET)\/>|<F-(?:ID|IP[46]|DNS|MLFID|TROUBLE|UNCHECKED)>|\(\?P<(?:fid|ip4|ip6|dns|mlfid)>/;

/**
 * A regex that is a tag and nothing else, which no option defines: `<mdre-agressive>` of a mode
 * that does not exist.
 */
const LEFT_OVER = /^<(?!F-|\/|(?:HOST|ADDR|IP[46]|DNS|SUBNET|SKIPLINES)>)[^<> ]+>$/;

/**
 * The definition of a filter for one jail. Errors go to `report`; what is returned then is not to
 * be used.
 */
export function defineFilter(
  filter: FilterFile,
  request: FilterRequest,
  report: Report,
): FilterDefinition {
  const own = request.jailOptions ?? new Map<string, Value>();
  const take = (key: FilterKey): Value | undefined => own.get(key) ?? filter.option(key);
  const lines = (key: FilterKey): SourceText[] => linesOf(take(key) ?? []);
  const failregex = lines('failregex');
  const successregex = lines('successregex');
  const prefregex = single(take('prefregex'));
  if (failregex.length === 0 && successregex.length === 0) {
    const place = placeOf(take('failregex') ?? []) ?? firstPlace(filter);
    report.add({
      level: 'error',
      id: 'filter.no-failregex',
      message: `the filter "${request.name}" has no failregex, so nothing can ever match`,
      ...(place === undefined ? {} : { place }),
      key: 'failregex',
      fix: 'write failregex = REGEX with <HOST> where the address stands, in [Definition]',
    });
  }
  const prefixNames = prefregex !== undefined && NAMES_HOST.test(prefregex.text);
  for (const [key, regexes] of [
    ['failregex', failregex],
    ['successregex', successregex],
  ] as const)
    for (const { text, place } of regexes)
      if (LEFT_OVER.test(text)) reportLeftOver(filter, request, key, { text, place }, report);
      else if (!prefixNames && !NAMES_HOST.test(text))
        report.add({
          level: 'error',
          id: 'filter.no-host',
          message: 'the regex does not say where the address stands',
          place,
          key,
          value: text,
          fix: 'put <HOST> (or <ADDR>) where the log line has the address',
        });
  const datepattern = single(take('datepattern'));
  const journalmatch = matchOf(take('journalmatch'), report);
  const linelimit = linelimitOf(take('linelimit'), report);
  const loggedby = loggedbyOf(filter.option('loggedby'), report);
  // A tag that nothing defines is told; as a regex it says nothing more.
  const whole = (regexes: SourceText[]) => regexes.filter(({ text }) => !LEFT_OVER.test(text));
  return {
    name: filterName(request.name),
    failregex: whole(failregex),
    ignoreregex: lines('ignoreregex'),
    successregex: whole(successregex),
    ...(prefregex === undefined ? {} : { prefregex }),
    maxlines: maxlinesOf(take('maxlines'), report),
    ...(linelimit === undefined ? {} : { linelimit }),
    usedns:
      textOf(take('usedns') ?? [])
        .trim()
        .toLowerCase() === 'raw'
        ? 'raw'
        : 'no',
    ...(textOf(filter.option('logtype') ?? []).trim() === 'container' && {
      logtype: 'container' as const,
    }),
    ...(loggedby === undefined ? {} : { loggedby }),
    ...(datepattern === undefined ? {} : { datepattern }),
    ...(journalmatch === undefined ? {} : { journalmatch }),
  };
}

function reportLeftOver(
  filter: FilterFile,
  request: FilterRequest,
  key: string,
  { text, place }: SourceText,
  report: Report,
): void {
  const name = text.slice(1, -1);
  const stem = name.slice(0, name.indexOf('-') + 1);
  const keys = [...(filter.document.sections.get('Definition')?.options.keys() ?? [])];
  const known =
    stem === ''
      ? []
      : keys.filter((one) => one.startsWith(stem)).map((one) => one.slice(stem.length));
  const chosen = stem === '' ? undefined : optionWith(request, name.slice(stem.length));
  if (chosen !== undefined && known.length > 0) {
    report.add(
      {
        level: 'error',
        id: 'filter.no-choice',
        message: `the filter "${request.name}" has no such ${chosen.key}`,
        place: chosen.place,
        key: chosen.key,
        value: name.slice(stem.length),
        fix: `choose ${known.sort().join(', ')}`,
      },
      chosen.shownAs,
    );
    return;
  }
  report.add({
    level: 'error',
    id: 'filter.left-over-tag',
    message: `nothing defines the tag ${text}`,
    place,
    key,
    value: text,
    fix:
      known.length === 0
        ? `define ${name} in [Definition], or take the tag out`
        : `"${name.slice(stem.length)}" is not known to this filter: choose ${known.sort().join(', ')}`,
  });
}

/**
 * The option of the jail that brought a text into the filter, as `mode` does into `<mdre-<mode>>`.
 */
function optionWith(
  request: FilterRequest,
  text: string,
): { key: string; place: FilePosition; shownAs: string } | undefined {
  for (const options of [request.options, request.jailOptions])
    for (const [key, value] of options ?? []) {
      const place = placeOf(value);
      if (textOf(value).trim() !== text || place === undefined) continue;
      return { key, place, shownAs: options === request.options ? shownAs(key, value) : key };
    }
  return undefined;
}

/**
 * Under which key the value of a filter's option is shown. What stands in the brackets of `filter`
 * itself is no secret, were its name `publickey`; what another key brought there may be one.
 */
function shownAs(key: string, value: Value): string {
  return value.every(({ depth }) => depth === 0) ? 'filter' : key;
}

/**
 * Warns of options in `filter = name[option=value]` that the filter does not have and that no text
 * of it or of the jail names: a misspelt one has no effect, and nothing else would say so.
 * `isNoFault`: what stands at that place speaks to other filters too, those that have the option.
 */
export function reportOptions(
  filter: FilterFile,
  request: FilterRequest,
  about: { readonly section: string; readonly place: FilePosition },
  isNoFault: (place: FilePosition) => boolean,
  report: Report,
): void {
  const read = [...FILTER_KEYS, 'logtype', 'loggedby'];
  const known = new Set([...read, ...filter.names(request.jailOptions)]);
  for (const [key, value] of request.options ?? []) {
    const place = placeOf(value) ?? about.place;
    const text = textOf(value).trim();
    // Every filter is in its normal mode, also one that has no other.
    const isNormal = key === 'mode' && /^(?:normal)?$/i.test(text);
    if (known.has(key) || isNormal || isNoFault(place) || isNoFault(about.place)) continue;
    const meant = nearest(key, known, Math.max(1, Math.floor(key.length / 3)));
    report.add(
      {
        level: 'warning',
        id: 'filter.unknown-option',
        message: `the filter "${request.name}" has no such option, so it has no effect`,
        place,
        section: about.section,
        key,
        value: text,
        fix: meant === undefined ? 'remove it, or correct its name' : `did you mean ${meant}?`,
      },
      shownAs(key, value),
    );
  }
}

function firstPlace(filter: FilterFile): FilePosition | undefined {
  const section = filter.document.sections.get('Definition');
  const file = filter.document.files.at(-1);
  return section?.place ?? (file === undefined ? undefined : { file, line: 1 });
}

/** A value that is one text even when it has several lines; undefined when empty. */
function single(value: Value | undefined): SourceText | undefined {
  if (value === undefined) return undefined;
  const text = textOf(value);
  const place = linesOf(value)[0]?.place;
  return text === '' || place === undefined ? undefined : { text, place };
}

function maxlinesOf(value: Value | undefined, report: Report): number {
  const text = textOf(value ?? []).trim();
  if (text === '') return 1;
  const lines = /^\d+$/.test(text) ? Number(text) : 0;
  if (lines >= 1 && lines <= MAXLINES_MAX) return lines;
  const place = placeOf(value ?? []);
  report.add({
    level: 'error',
    id: 'filter.maxlines',
    message: `is not a whole number from 1 to ${MAXLINES_MAX}: every line searches the whole window again`,
    ...(place === undefined ? {} : { place }),
    key: 'maxlines',
    value: text,
    fix: `write maxlines = ${lines > MAXLINES_MAX ? MAXLINES_MAX : 1}`,
  });
  return 1;
}

function linelimitOf(value: Value | undefined, report: Report): number | undefined {
  const text = textOf(value ?? []).trim();
  if (text === '') return undefined;
  if (/^\d{1,6}$/.test(text) && Number(text) >= LINELIMIT_MIN) return Number(text);
  const place = placeOf(value ?? []);
  report.add({
    level: 'error',
    id: 'filter.linelimit',
    message: `is not the number of bytes at which the daemon cuts a line, from ${LINELIMIT_MIN} to 999999`,
    ...(place === undefined ? {} : { place }),
    key: 'linelimit',
    value: text,
    fix: 'write e.g. linelimit = 490',
  });
  return undefined;
}

function loggedbyOf(value: Value | undefined, report: Report): 'system' | undefined {
  const text = textOf(value ?? []).trim();
  if (text === 'system') return text;
  if (text === '' || text === 'anyone') return undefined;
  const place = placeOf(value ?? []);
  report.add({
    level: 'error',
    id: 'filter.loggedby',
    message: 'loggedby says whose processes write the lines: system (no ordinary user) or anyone',
    ...(place === undefined ? {} : { place }),
    key: 'loggedby',
    value: text,
    fix: 'write loggedby = system',
  });
  return undefined;
}

function matchOf(value: Value | undefined, report: Report): MatchExpression | undefined {
  if (value === undefined) return undefined;
  const { expression, problem } = parseMatch(textOf(value));
  const place = placeOf(value);
  if (problem !== undefined)
    report.add({
      level: 'error',
      id: 'filter.journalmatch',
      message: problem.message,
      ...(place === undefined ? {} : { place }),
      key: 'journalmatch',
      value: problem.term,
      fix: 'write e.g. journalmatch = _SYSTEMD_UNIT=postfix.service + _SYSTEMD_UNIT=postfix@-.service',
    });
  return expression;
}
