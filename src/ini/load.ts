/** Reads files with everything their `[INCLUDES]` name, in fail2ban's order, into one document. */
import type { Place } from '../core/finding.js';
import { INI_DEPTH_MAX, INI_FILES_MAX } from '../core/limits.js';
import { IniDocument } from './document.js';
import { interpolate } from './interpolate.js';
import { type IniSection, parseIni } from './parse.js';
import type { Report } from './report.js';
import type { FileRef, Roots } from './roots.js';
import { linesOf } from './value.js';

const INCLUDES = 'INCLUDES';

/** A file that is not on disk and is merged before all others: presets. */
export interface BuiltIn {
  readonly file: string;
  readonly text: string;
}

/** Reads and merges `files` with their includes: `before`, the file itself, `after`; what comes later wins. */
export function loadFiles(roots: Roots, files: readonly FileRef[], report: Report, builtIn?: BuiltIn): IniDocument {
  const document = new IniDocument();
  if (builtIn !== undefined) document.merge(builtIn.file, parseIni(builtIn.text, builtIn.file, report));
  new Loader(roots, report).load(files, document);
  return document;
}

class Loader {
  readonly #roots: Roots;
  readonly #report: Report;
  readonly #parsed = new Map<string, Map<string, IniSection> | undefined>();
  readonly #order: string[] = [];

  constructor(roots: Roots, report: Report) {
    this.#roots = roots;
    this.#report = report;
  }

  load(files: readonly FileRef[], document: IniDocument): void {
    for (const file of files) this.#visit(file, []);
    for (const path of this.#order) {
      const sections = this.#parsed.get(path);
      if (sections !== undefined) document.merge(path, sections);
    }
  }

  /** `parents` are the files that led here; a file among them is a loop and is left out, as fail2ban does. */
  #visit(file: FileRef, parents: readonly string[]): void {
    if (this.#order.length > INI_FILES_MAX) return;
    const sections = this.#parse(file);
    if (sections === undefined) return;
    const chain = [...parents, file.path];
    this.#includes(file, sections, 'before', chain);
    this.#order.push(file.path);
    if (this.#order.length === INI_FILES_MAX + 1)
      this.#report.add({
        level: 'error',
        id: 'ini.too-many-files',
        message: `more than ${INI_FILES_MAX} files are drawn in`,
        place: { file: file.path, line: 1 },
        fix: 'files that include one another in many ways multiply: include each once',
      });
    this.#includes(file, sections, 'after', chain);
  }

  #includes(file: FileRef, sections: Map<string, IniSection>, which: 'before' | 'after', chain: readonly string[]) {
    const option = sections.get(INCLUDES)?.options.get(which);
    if (option === undefined) return;
    const alone = new IniDocument();
    alone.merge(file.path, sections);
    const value = interpolate(alone, INCLUDES, which, this.#report);
    if (value === undefined) return;
    for (const { text, place } of linesOf(value)) {
      const target = text.trim();
      if (target !== '') this.#include(file, target, which, place, chain);
    }
  }

  #include(file: FileRef, target: string, which: 'before' | 'after', place: Place, chain: readonly string[]): void {
    const { files, found } = this.#roots.include(file, target);
    const about = { place, section: INCLUDES, key: which, value: target };
    if (!found && files.length === 0 && which === 'before')
      this.#report.add({
        level: 'error',
        id: 'ini.missing-include',
        message: 'the file to read before this one does not exist',
        ...about,
        fix: 'create it, correct its name, or remove the line; a file that may be absent belongs to "after"',
      });
    if (chain.length >= INI_DEPTH_MAX) {
      this.#report.add({
        level: 'error',
        id: 'ini.include-depth',
        message: `includes are nested deeper than ${INI_DEPTH_MAX} files`,
        ...about,
        fix: 'include the innermost files directly',
      });
      return;
    }
    for (const next of files) if (!chain.includes(next.path)) this.#visit(next, chain);
  }

  #parse(file: FileRef): Map<string, IniSection> | undefined {
    if (this.#parsed.has(file.path)) return this.#parsed.get(file.path);
    const content = this.#roots.read(file.path);
    let sections: Map<string, IniSection> | undefined;
    if (content !== undefined && 'problem' in content)
      this.#report.add({
        level: 'error',
        id: 'ini.unreadable',
        message: `the file ${content.problem}`,
        place: { file: file.path, line: 1 },
        fix: content.fix,
      });
    else if (content !== undefined) sections = parseIni(content.text, file.path, this.#report);
    this.#parsed.set(file.path, sections);
    return sections;
  }
}
