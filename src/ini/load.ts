/**
 * Reads files with everything their `[INCLUDES]` name, in fail2ban's order, from several folders
 * (`Roots`) into one document.
 */
import { dirname, isAbsolute, join, normalize } from 'node:path/posix';
import type { FilePosition } from '../core/finding.js';
import { INI_DEPTH_MAX, INI_FILES_MAX } from '../core/limits.js';
import { nearest } from '../core/text.js';
import { interpolate } from './interpolate.js';
import { IniDocument, type IniSection, parseIni } from './parse.js';
import type { Report } from './report.js';
import type { FileText, FileTree } from './tree.js';
import { linesOf } from './value.js';

// Several configuration folders seen as one. The last root is the administrator's: a `.conf` of his
// replaces the shipped one of the same name, a `.local` of any root is merged, in the order of the
// roots.

/** A file: where it is, and its name relative to the roots if it lies in one. */
export interface FileRef {
  readonly path: string;
  readonly name?: string;
  /**
   * For a file outside of the roots: the folder of the roots in which its includes are looked for
   * as well.
   */
  readonly home?: string;
}

export class Roots {
  readonly #tree: FileTree;
  /** Lowest first. */
  readonly folders: readonly string[];
  readonly #texts = new Map<string, FileText | undefined>();

  constructor(tree: FileTree, folders: readonly string[]) {
    this.#tree = tree;
    this.folders = folders.map((folder) => normalize(folder).replace(/(?<=.)\/$/, ''));
  }

  /** The text of a file, read once. */
  read(path: string): FileText | undefined {
    if (!this.#texts.has(path)) this.#texts.set(path, this.#tree.read(path));
    return this.#texts.get(path);
  }

  /** The files that a name relative to the roots stands for; none when no root has it. */
  find(name: string): FileRef[] {
    const found = this.folders
      .map((folder) => ({ path: join(folder, name), name }))
      .filter((file) => this.read(file.path) !== undefined);
    return name.endsWith('.local') ? found : found.slice(-1);
  }

  /**
   * `x.conf`, `x.d/*.conf`, `x.local`, `x.d/*.local` for the name `x`, those that exist, in reading
   * order.
   */
  family(base: string): FileRef[] {
    const dropIns = (extension: string) =>
      [...new Set(this.folders.flatMap((folder) => this.#tree.list(join(folder, `${base}.d`))))]
        .filter((name) => name.endsWith(extension) && !name.startsWith('.'))
        .sort()
        .flatMap((name) => this.find(`${base}.d/${name}`));
    return [
      ...this.find(`${base}.conf`),
      ...dropIns('.conf'),
      ...this.find(`${base}.local`),
      ...dropIns('.local'),
    ];
  }

  /** Names of the files of a folder in any root, without their extension. */
  names(folder: string, extension: string): string[] {
    const files = this.folders.flatMap((root) => this.#tree.list(join(root, folder)));
    return files
      .filter((file) => file.endsWith(extension))
      .map((file) => file.slice(0, -extension.length));
  }

  /**
   * What an include names: the file, and its `.local`. `found` is false when the file itself is
   * missing.
   */
  include(
    from: FileRef,
    target: string,
  ): { readonly files: readonly FileRef[]; readonly found: boolean } {
    const main = this.#resolve(from, target);
    const local = target.replace(/\.[^./]*$/, '.local');
    const overlay = local === target || !local.endsWith('.local') ? [] : this.#resolve(from, local);
    return { files: [...main, ...overlay], found: main.length > 0 };
  }

  #resolve(from: FileRef, target: string): FileRef[] {
    if (!isAbsolute(target) && from.name !== undefined) {
      const name = normalize(join(dirname(from.name), target));
      if (!name.startsWith('../')) {
        const found = this.find(name);
        if (found.length > 0) return found;
      }
    }
    const path = isAbsolute(target) ? normalize(target) : join(dirname(from.path), target);
    if (this.read(path) === undefined)
      return from.home === undefined || isAbsolute(target)
        ? []
        : this.find(normalize(join(from.home, target)));
    const root = this.folders.find((folder) => path.startsWith(`${folder}/`));
    return [root === undefined ? { path } : { path, name: path.slice(root.length + 1) }];
  }
}

export const INCLUDES = 'INCLUDES';

/** A file that is not on disk and is merged before all others: presets. */
export interface BuiltIn {
  readonly file: string;
  readonly text: string;
}

/**
 * Reads and merges `files` with their includes: `before`, the file itself, `after`; what comes
 * later wins.
 */
export function loadFiles(
  roots: Roots,
  files: readonly FileRef[],
  report: Report,
  builtIn?: BuiltIn,
): IniDocument {
  const document = new IniDocument();
  if (builtIn !== undefined)
    document.merge(builtIn.file, parseIni(builtIn.text, builtIn.file, report));
  new Loader(roots, report).load(files, document);
  return document;
}

/**
 * Warns of sections that nothing reads and whose name is like one that is read: whatever stands in
 * them does not count. `isRead` tells of those that mean something all the same.
 */
export function reportSections(
  document: IniDocument,
  known: readonly string[],
  message: string,
  report: Report,
  isRead: (section: string) => boolean = () => false,
): void {
  for (const { name, place } of document.sections.values()) {
    if (known.includes(name) || name === INCLUDES || isRead(name)) continue;
    const meant =
      known.find((one) => one.toLowerCase() === name.toLowerCase()) ??
      nearest(name, known, name.length < LONG_NAME ? 1 : 2);
    if (meant === undefined) continue;
    const fix = `did you mean [${meant}]?`;
    report.add({
      level: 'warning',
      id: 'config.unknown-section',
      message,
      place,
      section: name,
      fix,
    });
  }
}

/** Names of so many characters may differ in two of them and still be meant. */
const LONG_NAME = 8;

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

  /**
   * `parents` are the files that led here; a file among them is a loop and is left out, as fail2ban
   * does.
   */
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

  #includes(
    file: FileRef,
    sections: Map<string, IniSection>,
    which: 'before' | 'after',
    chain: readonly string[],
  ) {
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

  #include(
    file: FileRef,
    target: string,
    which: 'before' | 'after',
    place: FilePosition,
    chain: readonly string[],
  ): void {
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
