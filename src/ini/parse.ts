/**
 * One file in the dialect of fail2ban: Python 3.11's ConfigParser with inline comments after `;`
 * (docs.python.org/3.11/library/configparser.html, "Supported INI File Structure").
 *
 * - `key = value` or `key: value`; keys in any case, section names as written; one option once per
 *   file.
 * - A line indented deeper than its key continues the value. Lines are trimmed; blank lines at the
 *   end are dropped.
 * - A line beginning with `#` or `;` is a comment, within a value too; ` ;` begins a comment in any
 *   line, `#` never does.
 *
 * Several files become one document (`IniDocument`).
 */
import type { FilePosition } from '../core/finding.js';
import type { Report } from './report.js';
import type { Value, ValuePiece } from './value.js';

export interface IniOption {
  /** Lower case. */
  readonly key: string;
  /** As written, before any interpolation. */
  readonly value: Value;
  /** Of the key. */
  readonly place: FilePosition;
  /** The option of an earlier file that this one replaced: `%(known/...)s`. */
  readonly previous?: IniOption;
}

export interface IniSection {
  readonly name: string;
  readonly place: FilePosition;
  readonly options: Map<string, IniOption>;
}

/** The name of the section that every other section falls back to. */
export const DEFAULT_SECTION = 'DEFAULT';

/**
 * Reads the sections of one file. Problems go to `report`; what is sound is returned all the same.
 */
export function parseIni(text: string, file: string, report: Report): Map<string, IniSection> {
  const parser = new Parser(file, report);
  for (const [index, raw] of text.split(/\r\n|\r|\n/).entries()) parser.line(raw, index + 1);
  parser.close();
  return parser.sections;
}

/** Reads one file line by line. */
class Parser {
  readonly sections = new Map<string, IniSection>();
  readonly #file: string;
  readonly #report: Report;
  #section: IniSection | undefined;
  /** The option whose value may go on in the next line. */
  #open: { key: string; place: FilePosition; pieces: ValuePiece[] } | undefined;
  /** Columns before the option that is open. */
  #indent = 0;

  constructor(file: string, report: Report) {
    this.#file = file;
    this.#report = report;
  }

  line(raw: string, line: number): void {
    const commentAt = commentStart(raw);
    const kept = commentAt === undefined ? raw : raw.slice(0, commentAt);
    const body = kept.trim();
    const column = kept.length - kept.trimStart().length + 1;
    const place = { file: this.#file, line };
    if (body === '') {
      if (commentAt === undefined) this.#open?.pieces.push({ text: '\n', place, depth: 0 });
      return;
    }
    if (this.#open !== undefined && column - 1 > this.#indent) {
      this.#open.pieces.push({ text: `${body}\n`, place: { ...place, column }, depth: 0 });
      return;
    }
    this.close();
    this.#indent = column - 1;
    const header = /^\[(.+)\]/.exec(body)?.[1];
    if (header !== undefined) this.#enter(header, place);
    else if (this.#section === undefined) this.#refuseOutside(body, place);
    else this.#begin(this.#section, body, place, column);
  }

  /** Ends the value that is open. */
  close(): void {
    if (this.#open === undefined || this.#section === undefined) return;
    const { key, place, pieces } = this.#open;
    const value = trimEnd(pieces);
    const earlier = this.#section.options.get(key);
    if (earlier !== undefined)
      this.#report.add({
        level: 'error',
        id: 'ini.duplicate-option',
        message: `the option stands twice in this file, first in line ${earlier.place.line}`,
        place,
        section: this.#section.name,
        key,
        fix: 'remove one of the two',
      });
    this.#section.options.set(key, { key, value, place });
    this.#open = undefined;
  }

  #enter(header: string, place: FilePosition): void {
    const known = this.sections.get(header);
    if (known !== undefined && header !== DEFAULT_SECTION)
      this.#report.add({
        level: 'error',
        id: 'ini.duplicate-section',
        message: `the section stands twice in this file, first in line ${known.place.line}`,
        place,
        section: header,
        fix: 'join the two',
      });
    this.#section = known ?? { name: header, place, options: new Map() };
    this.sections.set(header, this.#section);
  }

  #refuseOutside(body: string, place: FilePosition): void {
    this.#report.add({
      level: 'error',
      id: 'ini.no-section',
      message: body.startsWith('[')
        ? 'a section header without its closing ]'
        : 'text before the first [section]',
      place,
      value: body,
      fix: body.startsWith('[')
        ? `write ${body.trimEnd()}]`
        : 'write a section header such as [DEFAULT] or [Definition] above it',
    });
  }

  /** Begins an option; its value may go on in the next lines. */
  #begin(section: IniSection, body: string, place: FilePosition, column: number): void {
    const option = /^(.*?)\s*[=:]\s*/s.exec(body);
    if (option === null || option[1] === '') {
      this.#report.add({
        level: 'error',
        id: 'ini.syntax',
        message:
          option === null
            ? 'neither "key = value" nor an indented continuation'
            : 'a value without a key',
        place,
        section: section.name,
        value: body,
        fix: 'indent the line if it continues the value above it, or begin it with # if it is a comment',
      });
      return;
    }
    const at = { ...place, column: column + option[0].length };
    this.#open = {
      key: (option[1] as string).toLowerCase(),
      place,
      pieces: [{ text: `${body.slice(option[0].length)}\n`, place: at, depth: 0 }],
    };
  }
}

/** Where a comment begins: the whole line, or at a `;` after white space. */
function commentStart(line: string): number | undefined {
  if (/^\s*[#;]/.test(line)) return 0;
  const at = line.search(/(?<=\s);/);
  return at < 0 ? undefined : at;
}

/**
 * An empty first line stays, as in `failregex =` with its lines below; at the end nothing blank
 * does.
 */
function trimEnd(pieces: readonly ValuePiece[]): Value {
  const value = [...pieces];
  while (value.length > 0 && (value.at(-1) as ValuePiece).text.trim() === '') value.pop();
  const last = value.pop();
  return last === undefined ? [] : [...value, { ...last, text: last.text.trimEnd() }];
}

/** Several files merged into one: later options replace earlier ones and remember them. */
export class IniDocument {
  readonly sections = new Map<string, IniSection>();
  readonly defaults: Map<string, IniOption> = new Map();
  /** The files that were merged, in order. */
  readonly files: string[] = [];

  /**
   * Adds the sections of one more file. `[Name?condition]` (fail2ban's `[Init?family=inet6]`)
   * becomes options `key?condition` of `[Name]`.
   */
  merge(file: string, sections: ReadonlyMap<string, IniSection>): void {
    this.files.push(file);
    for (const [header, section] of sections) {
      const conditional = /^(\w+)(\?.+)$/s.exec(header);
      const name = conditional?.[1] ?? header;
      const target =
        name === DEFAULT_SECTION ? this.defaults : this.#section(name, section).options;
      for (const option of section.options.values()) {
        const key = option.key + (conditional?.[2] ?? '');
        const previous = target.get(key);
        target.set(key, previous === undefined ? { ...option, key } : { ...option, key, previous });
      }
    }
  }

  #section(name: string, like: IniSection): IniSection {
    const known = this.sections.get(name);
    if (known !== undefined) return known;
    const made: IniSection = { name, place: like.place, options: new Map() };
    this.sections.set(name, made);
    return made;
  }

  /** An option of the section itself. */
  own(section: string, key: string): IniOption | undefined {
    return section === DEFAULT_SECTION
      ? this.defaults.get(key)
      : this.sections.get(section)?.options.get(key);
  }

  /** An option of the section, else of `[DEFAULT]`. */
  option(section: string, key: string): IniOption | undefined {
    return this.own(section, key) ?? this.defaults.get(key);
  }
}
