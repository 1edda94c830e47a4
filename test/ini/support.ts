import type { Diagnostic } from '../../src/core/finding.js';
import { interpolate } from '../../src/ini/interpolate.js';
import { loadFiles, Roots } from '../../src/ini/load.js';
import type { IniDocument } from '../../src/ini/parse.js';
import { Report } from '../../src/ini/report.js';
import { memoryTree } from '../../src/ini/tree.js';
import { textOf } from '../../src/ini/value.js';

/** A document read from a tree in memory, with everything that was reported. */
export class Loaded {
  readonly report = new Report();
  readonly document: IniDocument;
  constructor(
    files: Readonly<Record<string, string>>,
    name: string,
    folders: readonly string[] = ['/e'],
  ) {
    const roots = new Roots(memoryTree(files), folders);
    this.document = loadFiles(roots, roots.family(name), this.report);
  }
  /** The interpolated text of an option; undefined when there is none or it is broken. */
  get(section: string, key: string): string | undefined {
    const value = interpolate(this.document, section, key, this.report);
    return value === undefined ? undefined : textOf(value);
  }
  get ids(): string[] {
    return this.report.diagnostics.map((diagnostic) => diagnostic.id);
  }
  get first(): Diagnostic | undefined {
    return this.report.diagnostics[0];
  }
}

/** One file `/e/x.conf`. */
export function loadText(text: string): Loaded {
  return new Loaded({ '/e/x.conf': text }, 'x');
}
