/**
 * Several configuration folders seen as one. The last root is the administrator's: a `.conf` of his replaces the
 * shipped one of the same name, a `.local` of any root is merged, in the order of the roots.
 */
import { dirname, isAbsolute, join, normalize } from 'node:path/posix';
import type { FileText, FileTree } from './tree.js';

/** A file: where it is, and its name relative to the roots if it lies in one. */
export interface FileRef {
  readonly path: string;
  readonly name?: string;
  /** For a file outside of the roots: the folder of the roots in which its includes are looked for as well. */
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

  /** `x.conf`, `x.d/*.conf`, `x.local`, `x.d/*.local` for the name `x`, those that exist, in reading order. */
  family(base: string): FileRef[] {
    const dropIns = (extension: string) =>
      [...new Set(this.folders.flatMap((folder) => this.#tree.list(join(folder, `${base}.d`))))]
        .filter((name) => name.endsWith(extension) && !name.startsWith('.'))
        .sort()
        .flatMap((name) => this.find(`${base}.d/${name}`));
    return [...this.find(`${base}.conf`), ...dropIns('.conf'), ...this.find(`${base}.local`), ...dropIns('.local')];
  }

  /** Names of the files of a folder in any root, without their extension. */
  names(folder: string, extension: string): string[] {
    const files = this.folders.flatMap((root) => this.#tree.list(join(root, folder)));
    return files.filter((file) => file.endsWith(extension)).map((file) => file.slice(0, -extension.length));
  }

  /** What an include names: the file, and its `.local`. `found` is false when the file itself is missing. */
  include(from: FileRef, target: string): { readonly files: readonly FileRef[]; readonly found: boolean } {
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
      return from.home === undefined || isAbsolute(target) ? [] : this.find(normalize(join(from.home, target)));
    const root = this.folders.find((folder) => path.startsWith(`${folder}/`));
    return [root === undefined ? { path } : { path, name: path.slice(root.length + 1) }];
  }
}
