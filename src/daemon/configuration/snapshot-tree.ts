import type { FileText, FileTree } from '../../ini/tree.js';

/** Files as they were when they were first looked at; what happens to them later does not show. */
export function snapshotTree(tree: FileTree): FileTree {
  const texts = new Map<string, FileText | undefined>();
  const folders = new Map<string, readonly string[]>();
  return {
    read: (path) => {
      if (!texts.has(path)) texts.set(path, tree.read(path));
      return texts.get(path);
    },
    list: (folder) => {
      const known = folders.get(folder);
      if (known !== undefined) return known;
      const names = tree.list(folder);
      folders.set(folder, names);
      return names;
    },
  };
}
