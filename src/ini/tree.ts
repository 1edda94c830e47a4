/** The files a configuration is read from: the disk, or a tree in memory. */

import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { messageOf } from '../core/errors.js';
import { INI_FILE_BYTES_MAX } from '../core/limits.js';

/** A file that is there: its text, or why it cannot be used. */
export type FileText =
  | { readonly text: string }
  | { readonly problem: string; readonly fix: string };

export interface FileTree {
  /** Undefined when there is no such file. */
  read(path: string): FileText | undefined;
  /** Names of the entries of a folder, sorted; empty when there is no such folder. */
  list(folder: string): readonly string[];
  /** Whether there is such a folder; absent where folders are only names. */
  hasFolder?(path: string): boolean;
}

/** A tree of `path -> text`, for tests and for files that were never on disk. */
export function memoryTree(files: Readonly<Record<string, string>>): FileTree {
  const paths = Object.keys(files);
  return {
    read: (path) => {
      const text = files[path];
      return text === undefined ? undefined : { text };
    },
    list: (folder) =>
      paths
        .filter(
          (path) => path.startsWith(`${folder}/`) && !path.slice(folder.length + 1).includes('/'),
        )
        .map((path) => path.slice(folder.length + 1))
        .sort(),
  };
}

// The disk. Nothing else in this folder reads it.

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

function read(path: string): FileText | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    return {
      problem: `cannot be opened: ${messageOf(error)}`,
      fix:
        code === 'EACCES'
          ? `give the agent the right to read it: chmod o+r ${path}`
          : 'see the message',
    };
  }
  try {
    const status = fstatSync(fd);
    if (!status.isFile())
      return { problem: 'is not a regular file', fix: 'put a text file in its place' };
    const buffer = Buffer.alloc(INI_FILE_BYTES_MAX + 1);
    let length = 0;
    for (let got = -1; got !== 0 && length < buffer.length; length += got)
      got = readSync(fd, buffer, length, buffer.length - length, null);
    if (length > INI_FILE_BYTES_MAX)
      return {
        problem: `is larger than ${INI_FILE_BYTES_MAX} bytes`,
        fix: 'is this really a configuration file?',
      };
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length)) };
  } catch (error) {
    if (codeOf(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      return { problem: 'is not UTF-8', fix: `convert it: iconv -f latin1 -t utf-8 ${path}` };
    return { problem: `cannot be read: ${messageOf(error)}`, fix: 'see the message' };
  } finally {
    closeSync(fd);
  }
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    // A folder that is missing or closed to the agent has no drop-ins; its files would say so
    // themselves.
    return [];
  }
}

function hasFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** The machine's files. */
export const diskTree: FileTree = { read, list, hasFolder };

/** The tree as it would be with the files below `folder`, and with nothing else there. */
export function overlaid(
  tree: FileTree,
  folder: string,
  files: ReadonlyMap<string, { readonly text: string }>,
): FileTree {
  const inside = (path: string) => path === folder || path.startsWith(`${folder}/`);
  return {
    read: (path) => {
      if (!inside(path)) return tree.read(path);
      const file = files.get(path.slice(folder.length + 1));
      return file === undefined ? undefined : { text: file.text };
    },
    list: (path) =>
      inside(path)
        ? [...files.keys()]
            .filter((name) => dirname(join(folder, name)) === path)
            .map((name) => basename(name))
            .sort()
        : tree.list(path),
  };
}

/** The tree with one file more. */
export function withFile(tree: FileTree, name: string, text: string): FileTree {
  return { ...tree, read: (path) => (path === name ? { text } : tree.read(path)) };
}
