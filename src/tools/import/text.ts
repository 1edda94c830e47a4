/**
 * A file of the administrator on its way into Banjour's folder: the text stays, and single options
 * or sections are commented out or replaced. Each line of the result knows the line that it came
 * from.
 */
import type { FilePosition } from '../../core/finding.js';
import { type IniOption, type IniSection, parseIni } from '../../ini/parse.js';
import { Report } from '../../ini/report.js';

/** What stands in front of a line that is not taken over. */
const ASIDE = '#- ';

/** A text and, for each of its lines, the place in fail2ban's files that it came from. */
export interface TracedText {
  readonly text: string;
  readonly places: readonly (FilePosition | undefined)[];
}

/** Lines of a text that is written anew, each with its origin. */
export function traced(
  lines: readonly (readonly [text: string, place?: FilePosition])[],
): TracedText {
  const split = lines.flatMap(([text, place]) => text.split('\n').map((line) => ({ line, place })));
  return {
    text: `${split.map(({ line }) => line).join('\n')}\n`,
    places: split.map(({ place }) => place),
  };
}

/** Comment lines of at most 120 characters. */
export function comment(text: string, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + word.length > 115 - indent.length) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line].map((one) => `# ${indent}${one}`).join('\n');
}

export class EditedFile {
  readonly #lines: readonly string[];
  readonly #sections: ReadonlyMap<string, IniSection>;
  readonly #aside = new Set<number>();
  readonly #above = new Map<number, string[]>();
  readonly #below = new Map<number, string[]>();

  constructor(
    readonly path: string,
    text: string,
  ) {
    this.#lines = text.replace(/(?:\r\n|\r|\n)$/, '').split(/\r\n|\r|\n/);
    this.#sections = parseIni(text, path, new Report());
  }

  /** The option as this file writes it; undefined when it does not. */
  option(section: string, key: string): IniOption | undefined {
    return this.#sections.get(section)?.options.get(key);
  }

  /** The option that a line belongs to. */
  at(line: number): (IniOption & { readonly section: string }) | undefined {
    for (const [section, { options }] of this.#sections)
      for (const option of options.values())
        if (option.place.line <= line && line <= lastLine(option)) return { ...option, section };
    return undefined;
  }

  /** Options of a section in this file. */
  options(section: string): readonly IniOption[] {
    return [...(this.#sections.get(section)?.options.values() ?? [])];
  }

  has(section: string): boolean {
    return this.#sections.has(section);
  }

  /** True when the option that begins in this line is commented out. */
  isAside(line: number): boolean {
    return this.#aside.has(line);
  }

  /** True when nothing but comments would be left. */
  get isSpent(): boolean {
    const options = [...this.#sections.values()].flatMap((section) => [
      ...section.options.values(),
    ]);
    return options.every(({ place }) => this.#aside.has(place.line));
  }

  /** Sections of this file. */
  sections(): readonly string[] {
    return [...this.#sections.keys()];
  }

  /**
   * Comments an option out. `reason` is told above it, and `instead` stands below it. False when
   * there is none, or was.
   */
  setAside(section: string, key: string, reason: string, instead: readonly string[] = []): boolean {
    const option = this.option(section, key);
    if (option === undefined || this.#aside.has(option.place.line)) return false;
    this.#comment(option.place.line, lastLine(option));
    add(this.#above, option.place.line, comment(reason));
    for (const line of instead) add(this.#below, lastLine(option), line);
    return true;
  }

  /** Comments a whole section out. */
  setSectionAside(section: string, reasons: readonly string[]): void {
    const found = this.#sections.get(section);
    if (found === undefined) return;
    this.#comment(found.place.line, found.place.line);
    for (const reason of reasons) add(this.#above, found.place.line, reason);
    for (const option of found.options.values()) this.#comment(option.place.line, lastLine(option));
  }

  /** Adds lines at the beginning of a section. */
  addTo(section: string, lines: readonly string[]): void {
    const found = this.#sections.get(section);
    if (found !== undefined) for (const line of lines) add(this.#below, found.place.line, line);
  }

  /** The file as it is written. */
  result(): TracedText {
    const lines: (readonly [string, FilePosition?])[] = [];
    for (const [index, text] of this.#lines.entries()) {
      const place = { file: this.path, line: index + 1 };
      for (const above of this.#above.get(index + 1) ?? []) lines.push([above, place]);
      lines.push([
        this.#aside.has(index + 1) && !/^\s*(?:[#;]|$)/.test(text) ? `${ASIDE}${text}` : text,
        place,
      ]);
      for (const below of this.#below.get(index + 1) ?? []) lines.push([below, place]);
    }
    return traced(lines);
  }

  #comment(from: number, to: number): void {
    for (let line = from; line <= to; line++) this.#aside.add(line);
  }
}

function lastLine(option: IniOption): number {
  return Math.max(option.place.line, ...option.value.map(({ place }) => place.line));
}

function add(to: Map<number, string[]>, line: number, text: string): void {
  to.set(line, [...(to.get(line) ?? []), text]);
}
