/**
 * Filter files: `filter.d/NAME.conf` with everything it draws in, and the value of each option.
 *
 * The rules are fail2ban's (1.0.2 and 1.1.0, `FilterReader`): parameters of `filter = name[...]`
 * beat `[Init]`, which beats `[Definition]` and `[DEFAULT]`, for `%(..)s` as for `<..>`. Options of
 * the jail are names too, where the filter has none of that name. Tags that no option defines are
 * the regex language's and stay.
 */
import type { FilePosition } from '../core/finding.js';
import { nearest } from '../core/text.js';
import { expandIniTags, interpolate, interpolateOption, type Vars } from './interpolate.js';
import { type FileRef, loadFiles, type Roots, reportSections } from './load.js';
import { DEFAULT_SECTION, type IniDocument } from './parse.js';
import type { Report } from './report.js';
import { BUILT_IN, literal, textOf, type Value } from './value.js';

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
  const message = 'nothing reads this section of a filter';
  reportSections(document, ['Definition', 'Init', DEFAULT_SECTION], message, report);
  reportKeys(document, report);
  return new FilterFile(document, request, report);
}

/** Options that a filter is read for. */
const OPTIONS = [
  'failregex',
  'ignoreregex',
  'successregex',
  'prefregex',
  'journalmatch',
  'datepattern',
  'maxlines',
  'logtype',
];

/**
 * Warns of an option that no value names and whose own name is nearly that of one that is read:
 * `failregx`. Any other may be a name of the administrator's own.
 */
function reportKeys(document: IniDocument, report: Report): void {
  const options = [...(document.sections.get('Definition')?.options.values() ?? [])];
  const texts = options.map(({ value }) => textOf(value)).join('\n');
  for (const { key, place } of options) {
    // A name of the administrator's own is named somewhere, which is quickly seen.
    const isNamed = texts.includes(`%(${key})s`) || texts.includes(`<${key}>`);
    const meant = isNamed || OPTIONS.includes(key) ? undefined : nearest(key, OPTIONS, 1);
    if (meant === undefined) continue;
    report.add({
      level: 'warning',
      id: 'filter.unknown-key',
      message: 'is not a known option of a filter, and no other value names it',
      place,
      section: 'Definition',
      key,
      fix: `did you mean ${meant}?`,
    });
  }
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
  /** Parameters that a tag found. */
  readonly #named = new Set<string>();

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
      : expandIniTags(key, value, (name) => this.#tag(name), this.#report);
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

  /**
   * Names in lower case that mean something to the filter: its options, those of `[Init]` and
   * `[DEFAULT]`, and whatever its texts, the call's and the jail's name in `%(..)s` or `<..>`, or
   * have named while they were put together, as `<mdre-<mode>>` does.
   */
  names(jailOptions: ReadonlyMap<string, Value> = new Map()): Set<string> {
    const { sections, defaults } = this.document;
    const options = [...sections.values()].flatMap((section) => [...section.options.values()]);
    const own = [...options, ...defaults.values()];
    const names = new Set([...own.map(({ key }) => key), ...this.#named]);
    const values = [...own.map(({ value }) => value), ...this.#params.values()];
    for (const value of [...values, ...jailOptions.values()])
      for (const [, name, tag] of textOf(value).matchAll(/%\(([^()]+)\)s|<([^<> ]+)>/g)) {
        const used = (name ?? tag ?? '').toLowerCase();
        names.add(used.slice(used.lastIndexOf('/') + 1));
      }
    return names;
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
    if (given !== undefined) {
      this.#named.add(name);
      return given;
    }
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
