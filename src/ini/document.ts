/** Several files merged into one: later options replace earlier ones and remember them. */
import { DEFAULT_SECTION, type IniOption, type IniSection } from './parse.js';

export class IniDocument {
  readonly sections = new Map<string, IniSection>();
  readonly defaults: Map<string, IniOption> = new Map();
  /** The files that were merged, in order. */
  readonly files: string[] = [];

  /**
   * Adds the sections of one more file. `[Name?condition]` (fail2ban's `[Init?family=inet6]`) becomes options
   * `key?condition` of `[Name]`.
   */
  merge(file: string, sections: ReadonlyMap<string, IniSection>): void {
    this.files.push(file);
    for (const [header, section] of sections) {
      const conditional = /^(\w+)(\?.+)$/s.exec(header);
      const name = conditional?.[1] ?? header;
      const target = name === DEFAULT_SECTION ? this.defaults : this.#section(name, section).options;
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
    return section === DEFAULT_SECTION ? this.defaults.get(key) : this.sections.get(section)?.options.get(key);
  }

  /** An option of the section, else of `[DEFAULT]`. */
  option(section: string, key: string): IniOption | undefined {
    return this.own(section, key) ?? this.defaults.get(key);
  }
}
