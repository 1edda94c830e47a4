/**
 * The configuration read key by key: one section (`Section`), and the settings of action files
 * (`ActionFiles`).
 */

import type { FilePosition } from '../core/finding.js';
import { interpolate, type Vars } from '../ini/interpolate.js';
import { loadFiles, type Roots } from '../ini/load.js';
import { DEFAULT_SECTION, type IniDocument } from '../ini/parse.js';
import type { Report } from '../ini/report.js';
import { BUILT_IN, linesOf, placeOf, textOf, type Value } from '../ini/value.js';
import type { Setting } from './types.js';
import type { Parsed } from './values.js';

/**
 * `action.d/*.conf` and `.local` as settings: users of fail2ban put `chain_hook`, `protocol`,
 * `blocktype` there for all firewall actions, and `dest`, `sender` for all mails. Their commands
 * are never run.
 */
export class ActionFiles {
  readonly #documents = new Map<string, IniDocument>();
  constructor(
    readonly roots: Roots,
    readonly report: Report,
  ) {}

  /**
   * The value of `key` in [Init] (or [Definition]) of the first of the action files that states it.
   */
  find(names: readonly string[], key: string): Setting | undefined {
    for (const name of names) {
      const document = this.#load(name);
      for (const section of ['Init', 'Definition', 'DEFAULT']) {
        if (document.own(section, key) === undefined) continue;
        const value = interpolate(document, section, key, this.report) ?? [];
        const place = placeOf(value) ?? document.own(section, key)?.place;
        const text = textOf(value).trim();
        if (place !== undefined && text !== '') return { text, place };
      }
    }
    return undefined;
  }

  /** True when there is such an action file in a root. */
  has(name: string): boolean {
    return this.#load(name).files.length > 0;
  }

  #load(name: string): IniDocument {
    let document = this.#documents.get(name);
    if (document === undefined) {
      document = loadFiles(this.roots, this.roots.family(`action.d/${name}`), this.report);
      this.#documents.set(name, document);
    }
    return document;
  }
}

/**
 * One section of the configuration, read key by key: interpolated, parsed, with the origin of every
 * value.
 */
export class Section {
  readonly #values = new Map<string, Value | undefined>();

  constructor(
    readonly document: IniDocument,
    readonly section: string,
    readonly report: Report,
    readonly vars: Vars = new Map(),
  ) {}

  /** The interpolated value; undefined when the key is not stated, or broken (reported). */
  value(key: string): Value | undefined {
    if (!this.#values.has(key))
      this.#values.set(key, interpolate(this.document, this.section, key, this.report, this.vars));
    return this.#values.get(key);
  }

  /** The text without white space at its ends; empty when not stated. */
  text(key: string): string {
    return textOf(this.value(key) ?? []).trim();
  }

  /** The non-empty lines with their places. */
  lines(key: string): { text: string; place: FilePosition }[] {
    return linesOf(this.value(key) ?? []).map(({ text, place }) => ({ text: text.trim(), place }));
  }

  /** True when a file of the administrator or of the package states the key. */
  stated(key: string): boolean {
    const option = this.document.option(this.section, key);
    return option !== undefined && option.place.file !== BUILT_IN;
  }

  /** True when the section itself states it, not only [DEFAULT]. */
  own(key: string): boolean {
    return this.document.own(this.section, key) !== undefined;
  }

  /** How late the key's file was read; below all others when it is built in or not stated. */
  rank(key: string): number {
    const file = this.document.option(this.section, key)?.place.file;
    return file === undefined || file === BUILT_IN ? -1 : this.document.files.lastIndexOf(file);
  }

  /** The key that this section or [DEFAULT] states in that line, if there is one. */
  keyAt({ file, line }: FilePosition): string | undefined {
    const own = this.document.sections.get(this.section)?.options ?? new Map();
    return [...own.values(), ...this.document.defaults.values()].find(
      ({ place }) => place.file === file && place.line === line,
    )?.key;
  }

  /** Where the key was written. */
  place(key: string): FilePosition | undefined {
    return placeOf(this.value(key) ?? []) ?? this.document.option(this.section, key)?.place;
  }

  /**
   * Parses a key; an empty or missing one is `fallback`, a wrong one is reported and is `fallback`
   * too.
   */
  parse<T>(key: string, parser: (text: string) => Parsed<T>, fallback: T): T {
    const text = this.text(key);
    const parsed = parser(text);
    if (text === '') {
      // Told where the key takes no empty text: whoever left it empty wanted something by it.
      if (this.stated(key) && this.value(key) !== undefined && !('value' in parsed))
        this.warn('config.empty', key, 'has no value, so the default counts', parsed.fix);
      return fallback;
    }
    if ('value' in parsed) return parsed.value;
    const fix = /\s#/.test(text) ? `${parsed.fix}; # begins no comment here, ; does` : parsed.fix;
    this.error('config.value', key, parsed.problem, fix, text);
    return fallback;
  }

  error(id: string, key: string, message: string, fix: string, value?: string): void {
    this.#add('error', id, key, message, fix, value);
  }

  warn(id: string, key: string, message: string, fix: string, value?: string): void {
    this.#add('warning', id, key, message, fix, value);
  }

  note(id: string, key: string, message: string, fix: string, value?: string): void {
    this.#add('note', id, key, message, fix, value);
  }

  /**
   * The same for a value that came through another key (`%(port)s` in an action): the place is
   * where it was written.
   */
  errorAt(
    at: FilePosition | undefined,
    id: string,
    key: string,
    message: string,
    fix: string,
    value: string,
  ): void {
    this.#add('error', id, key, message, fix, value, at);
  }

  warnAt(
    at: FilePosition | undefined,
    id: string,
    key: string,
    message: string,
    fix: string,
  ): void {
    this.#add('warning', id, key, message, fix, undefined, at);
  }

  #add(
    level: 'error' | 'warning' | 'note',
    id: string,
    key: string,
    message: string,
    fix: string,
    value?: string,
    at?: FilePosition,
  ) {
    const place = at ?? this.place(key) ?? this.document.sections.get(this.section)?.place;
    const written = at === undefined ? key : (this.keyAt(at) ?? key);
    const section = this.#sectionOf(id, key, place);
    const about = { level, id, message, section, key: written, fix };
    this.report.add({
      ...about,
      ...(place === undefined ? {} : { place }),
      ...(value === undefined ? {} : { value }),
    });
  }

  /**
   * A wrong value of [DEFAULT] is told once, as that section's, and not for every jail that has it
   * from there.
   */
  #sectionOf(id: string, key: string, place: FilePosition | undefined): string {
    const written = this.document.option(this.section, key)?.place;
    const isOfAll =
      id === 'config.value' &&
      !this.own(key) &&
      written?.file === place?.file &&
      written?.line === place?.line;
    return isOfAll ? DEFAULT_SECTION : this.section;
  }

  /** What is in force for the keys, and where each was written. */
  origins(keys: readonly string[]): Map<string, Setting> {
    const found = new Map<string, Setting>();
    for (const key of keys) {
      const place = this.document.option(this.section, key)?.place;
      if (place !== undefined) found.set(key, { text: this.text(key), place });
    }
    return found;
  }
}
