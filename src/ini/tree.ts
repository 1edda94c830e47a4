/** The files a configuration is read from: the disk, or a tree in memory. */

/** A file that is there: its text, or why it cannot be used. */
export type FileText = { readonly text: string } | { readonly problem: string; readonly fix: string };

export interface FileTree {
  /** Undefined when there is no such file. */
  read(path: string): FileText | undefined;
  /** Names of the entries of a folder, sorted; empty when there is no such folder. */
  list(folder: string): readonly string[];
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
        .filter((path) => path.startsWith(`${folder}/`) && !path.slice(folder.length + 1).includes('/'))
        .map((path) => path.slice(folder.length + 1))
        .sort(),
  };
}
