/**
 * A directory that apt can install from: the Debian packages of packages/, their index, and a
 * Release file, signed when a key is given; without one apt has to be told `[trusted=yes]`. The
 * same packages give the same bytes, in whatever order the folder lists them.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, quietly, ROOT, say, tail } from '../run.mjs';
import { sortedIndex } from './apt-index.mjs';
import { buildRoot, inRoot, WORK } from './buildroot.mjs';
import { emptied, gzipped, sourceDate } from './product.mjs';
import { KEY, sign } from './sums.mjs';

/** Relative to the project. */
const FOLDER = 'packages/apt';

/** What is written beside the packages; a signature comes to it. */
export const INDEX_FILES = ['Packages', 'Packages.gz', 'Release'].map(
  (name) => `${FOLDER}/${name}`,
);

/** Names of the Debian packages that stand in packages/. */
export const debianPackages = () =>
  readdirSync(join(ROOT, 'packages')).filter((name) => name.endsWith('.deb'));

/** Builds the directory from every .deb in packages/; returns its path. */
export function buildRepository() {
  const folder = emptied(join(ROOT, FOLDER));
  const debs = debianPackages();
  if (debs.length === 0) fail('there is no Debian package in packages/: npm run package -- deb');
  for (const name of debs) copyFileSync(join(ROOT, 'packages', name), join(folder, name));
  say('index for apt');
  const scanned = inRoot(
    buildRoot(),
    folder,
    `dpkg-scanpackages --multiversion . 2> /dev/null > ${WORK}/Packages`,
  );
  if (!scanned.ok) fail(`dpkg-scanpackages\n${tail(scanned.output)}`);
  const index = sortedIndex(readFileSync(join(folder, 'Packages'), 'utf8'));
  writeFileSync(join(folder, 'Packages'), index);
  writeFileSync(join(folder, 'Packages.gz'), gzipped(index));
  writeFileSync(join(folder, 'Release'), release(folder, index));
  if (KEY !== '') signAll(folder);
  return FOLDER;
}

function release(folder, index) {
  const architectures = [
    ...new Set([...index.matchAll(/^Architecture: (\S+)$/gm)].map((match) => match[1])),
  ].sort();
  const sums = ['Packages', 'Packages.gz'].map((name) => {
    const bytes = readFileSync(join(folder, name));
    return ` ${createHash('sha256').update(bytes).digest('hex')} ${bytes.length} ${name}`;
  });
  const date = new Date(sourceDate() * 1000).toUTCString().replace('GMT', 'UTC');
  const head = [
    'Origin: Banjour',
    'Label: Banjour',
    'Suite: stable',
    `Architectures: ${architectures.join(' ')}`,
  ];
  return `${[...head, `Date: ${date}`, 'SHA256:', ...sums].join('\n')}\n`;
}

function signAll(folder) {
  sign(folder, '--clearsign', '-o', 'InRelease', 'Release');
  sign(folder, '--armor', '--detach-sign', '-o', 'Release.gpg', 'Release');
  const words = ['--batch', '--yes', '--armor', '--export', '-o', 'banjour.asc', KEY];
  const exported = quietly('gpg', words, { cwd: folder });
  if (!exported.ok) fail(`gpg --export\n${tail(exported.output)}`);
}
