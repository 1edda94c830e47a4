/** The index of Debian packages that apt reads, in one order. */
import { fail } from '../run.mjs';

/**
 * The index with its entries in the order of their files' names. dpkg-scanpackages sorts names of
 * packages alone: versions of one package come as the folder lists them, which is not the same on
 * each file system.
 */
export function sortedIndex(index) {
  const entries = index.split(/\n{2,}/).filter((entry) => entry.trim() !== '');
  const named = entries.map((entry) => {
    const name = /^Filename: (.+)$/m.exec(entry)?.[1] ?? fail(`no file in the entry\n${entry}`);
    return { name, entry: entry.trimEnd() };
  });
  // By code units, whatever the language.
  named.sort((one, other) => (one.name < other.name ? -1 : Number(one.name > other.name)));
  return named.map(({ entry }) => `${entry}\n\n`).join('');
}
