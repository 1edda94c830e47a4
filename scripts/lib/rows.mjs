/** The rows of `npm run versions`: which there are, and which of them a command line means. */

/**
 * Every pinned Node on x64, oldest first, and the packed one on arm64 too, as `VERSION-ARCH`.
 * @param {{ packaged: string, versions: object }} pinned packaging/node.json
 * @returns {string[]}
 */
export function rowsOf({ packaged, versions }) {
  return Object.keys(versions).flatMap((version) =>
    version === packaged ? [`${version}-x64`, `${version}-arm64`] : [`${version}-x64`],
  );
}

/** True when the version of the row begins with that of the word, number by number. */
const isOf = (version, begun) => begun === '' || `${version}.`.startsWith(`${begun}.`);

/**
 * The rows that the words mean, in the order of `rows` and each once; all of them when there is no
 * word. A word is a version or its beginning, an architecture, or both: `20`, `24.22`, `arm64`,
 * `24-arm64`. Throws for a word that means no row.
 * @param {readonly string[]} rows
 * @param {readonly string[]} words
 */
export function rowsMeant(rows, words) {
  const meant = (word) => {
    const [, begun = '', arch = ''] =
      /^(\d+(?:\.\d+)*)?(?:(?:^|(?<=\d)-)([a-z]\w*))?$/.exec(word) ?? [];
    if (begun === '' && arch === '') return [];
    return rows.filter((row) => {
      const [version = '', machine = ''] = row.split('-');
      return isOf(version, begun) && (arch === '' || machine === arch);
    });
  };
  const nothing = words.find((word) => meant(word).length === 0);
  if (nothing !== undefined) throw new Error(`"${nothing}" means none of ${rows.join(', ')}`);
  const wanted = new Set(words.flatMap(meant));
  return words.length === 0 ? [...rows] : rows.filter((row) => wanted.has(row));
}
