/**
 * Filter files: `filter.d/NAME.conf` with everything it draws in, down to the regexes of one jail.
 *
 * The rules are fail2ban's (1.0.2 and 1.1.0, `FilterReader`): parameters of `filter = name[...]`
 * beat `[Init]`, which beats `[Definition]` and `[DEFAULT]`, for `%(..)s` as for `<..>`. Options of
 * the jail are names too, where the filter has none of that name; only the jail's own `failregex`
 * and kin replace the filter's. Tags that no option defines are the regex language's and stay.
 */
import type { Diagnostic, FilePosition } from '../core/finding.js';
import { LINELIMIT_MIN, MAXLINES_MAX } from '../core/limits.js';
import { type MatchExpression, parseMatch } from '../core/match.js';
import { filterName } from '../core/names.js';
import type { FilterDefinition, SourceText } from '../core/specs.js';
import { nearest } from '../core/text.js';
import { expandTags, interpolate, interpolateOption, type Vars } from './interpolate.js';
import { type FileRef, loadFiles, Roots } from './load.js';
import type { IniDocument } from './parse.js';
import { Report } from './report.js';
import { diskTree, type FileTree } from './tree.js';
import { BUILT_IN, linesOf, literal, placeOf, textOf, type Value } from './value.js';

/*
 * From a filter's options to its definition: which regexes, in which order, with what around them.
 */

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
 * (`failregex.py`); the server's own trouble has no host.
 */
const NAMES_HOST =
  /<(?:HOST|ADDR|IP[46]|DNS|SUBNET)>|<F-(?:ID|IP[46]|DNS|ADDR|SUBNET)\/>|<F-(?:ID|IP[46]|DNS|MLFID|TROUBLE)>|\(\?P<(?:fid|ip4|ip6|dns|mlfid)>/;

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
    report.add({
      level: 'error',
      id: 'filter.no-choice',
      message: `the filter "${request.name}" has no such ${chosen.key}`,
      place: chosen.place,
      key: chosen.key,
      value: name.slice(stem.length),
      fix: `choose ${known.sort().join(', ')}`,
    });
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
): { key: string; place: FilePosition } | undefined {
  for (const options of [request.options, request.jailOptions])
    for (const [key, value] of options ?? []) {
      const place = placeOf(value);
      if (textOf(value).trim() === text && place !== undefined) return { key, place };
    }
  return undefined;
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
    message: `maxlines is a number from 1 to ${MAXLINES_MAX}: every line searches the whole window again`,
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
    message: `linelimit is the number of bytes at which the daemon cuts a line, from ${LINELIMIT_MIN} to 999999`,
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

export interface FilterRequest {
  /** The name in `filter.d`, or a path (with a `/`) to a filter file. */
  readonly name: string;
  /** Parameters of `filter = name[...]`; names in lower case. */
  readonly options?: ReadonlyMap<string, Value>;
  /** The jail's own options, interpolated; names in lower case. */
  readonly jailOptions?: ReadonlyMap<string, Value>;
  /**
   * What the lines are; `journal` unless text files are read (`file`). The filter's own setting
   * goes before it.
   */
  readonly logtype?: string;
}

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

/**
 * Finds and reads a filter's files; undefined when there are none, which is reported at `place`,
 * where it was named.
 */
export function openFilter(
  roots: Roots,
  request: FilterRequest,
  report: Report,
  place?: FilePosition,
): FilterFile | undefined {
  const files = filesOf(roots, request.name);
  if (files.length === 0) {
    const similar = nearest(request.name, roots.names('filter.d', '.conf'));
    const places = roots.folders.map((folder) => `${folder}/filter.d`).join(', ');
    report.add({
      level: 'error',
      id: 'filter.missing',
      message: request.name.includes('/')
        ? 'there is no such filter file'
        : `there is no such filter in ${places}`,
      ...(place === undefined ? {} : { place }),
      key: 'filter',
      value: request.name,
      fix: `${similar === undefined ? '' : `did you mean ${similar}? Else `}create filter.d/${request.name.includes('/') ? 'NAME' : request.name}.conf, or correct the name`,
    });
    return undefined;
  }
  const document = loadFiles(roots, files, report);
  return new FilterFile(document, request, report);
}

/** `sub/name` is a file of a folder in `filter.d`, as in fail2ban, else a path. */
function filesOf(roots: Roots, name: string): readonly FileRef[] {
  const inFolder = name.startsWith('/') ? [] : roots.family(`filter.d/${name}`);
  if (inFolder.length > 0 || !name.includes('/')) return inFolder;
  const local = name.replace(/\.[^./]*$/, '.local');
  return [...new Set([name, local])]
    .filter((path) => roots.read(path) !== undefined)
    .map((path) => ({ path, home: 'filter.d' }));
}

/** A filter with its parameters, before it is known what of it is used. */
export class FilterFile {
  readonly #report: Report;
  /** Parameters and `[Init]`: what tags find first. */
  readonly #params = new Map<string, Value>();
  /**
   * Parameters, `[Init]`, and of the jail's options those that the filter has not: what `%(..)s`
   * finds first.
   */
  readonly #vars: Vars;

  constructor(
    readonly document: IniDocument,
    request: FilterRequest,
    report: Report,
  ) {
    this.#report = report;
    for (const [key, value] of request.options ?? []) this.#params.set(key, value);
    if (!this.#params.has('logtype') && document.own('Definition', 'logtype') === undefined)
      this.#params.set(
        'logtype',
        literal(request.logtype ?? 'journal', { file: BUILT_IN, line: 0 }),
      );
    for (const key of document.sections.get('Init')?.options.keys() ?? []) {
      const value = interpolate(document, 'Init', key, report);
      if (value === undefined) continue;
      this.#params.set(`known/${key}`, value);
      if (!this.#params.has(key)) this.#params.set(key, value);
    }
    const ofJail = [...(request.jailOptions ?? [])].filter(
      ([key]) => document.option('Definition', key) === undefined,
    );
    this.#vars = new Map([...ofJail, ...this.#params]);
  }

  /**
   * The value of an option with names and tags put in; undefined when there is none or it is
   * broken.
   */
  option(key: string): Value | undefined {
    const value = this.#params.get(key) ?? this.#definition(key);
    return value === undefined
      ? undefined
      : expandTags(key, value, (name) => this.#tag(name), this.#report);
  }

  /** Every option of the filter itself, as a jail finds them under `%(known/NAME)s`. */
  all(): Map<string, Value> {
    const keys = [
      ...(this.document.sections.get('Definition')?.options.keys() ?? []),
      ...this.#params.keys(),
    ];
    const found = new Map<string, Value>();
    for (const key of new Set(keys)) {
      const value = this.option(key);
      if (value !== undefined) found.set(key, value);
    }
    return found;
  }

  #definition(key: string): Value | undefined {
    return interpolate(this.document, 'Definition', key, this.#report, this.#vars);
  }

  /**
   * Tags look up parameters, then `section/name`, then `[Definition]` in any case: an option `host`
   * hides `<HOST>`.
   */
  #tag(name: string): Value | undefined {
    const given = this.#params.get(name);
    if (given !== undefined) return given;
    const split = /^([\w-]+)\/(\S+)$/.exec(name);
    if (split !== null) {
      const section = split[1] as string;
      const key = (split[2] as string).toLowerCase();
      const kind = section.toLowerCase();
      if (kind === 'known') return this.#known(key) ?? this.#definition(key);
      const from = kind === 'default' ? 'DEFAULT' : section;
      if (from === 'DEFAULT' || this.document.sections.has(section)) {
        const value = interpolate(this.document, from, key, this.#report);
        if (value !== undefined) return value;
      }
    }
    return this.#definition(name);
  }

  #known(key: string): Value | undefined {
    const previous = this.document.own('Definition', key)?.previous;
    return previous && interpolateOption(this.document, 'Definition', previous, this.#report);
  }
}
