/**
 * Paths that documents, messages and comments for administrators name: those of the project are in
 * the project, and those of an installation are in the package.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { documentsBelow } from '../support/links.js';

/** Folders of the project whose files are named; others hold what is built. */
const FOLDERS =
  'bench|config|docs|examples|native|packaging|scripts|src|systemd|test|\\.ci|\\.github'.split('|');

/** Where the Debian and RPM packages put what, the longest places first. */
const INSTALLED: readonly (readonly [place: string, source: string])[] = [
  ['/usr/share/doc/banjour/examples/systemd/', 'systemd/examples/'],
  ['/usr/share/doc/banjour/', ''],
  ['/usr/lib/banjour/config/jail.d/services.conf', 'config/jail.d'],
  ['/usr/lib/banjour/config/', 'config/'],
  ['/usr/lib/banjour/dist/src/main.js', 'src/main.ts'],
  ['/usr/lib/banjour/bin/node', 'packaging/node.json'],
  ['/usr/lib/banjour/', ''],
  ['/usr/lib/systemd/system/', 'systemd/'],
  ['/usr/lib/sysusers.d/', 'systemd/sysusers.d/'],
];

const filesBelow = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));

/** What people read: documents, and what is said to administrators elsewhere. */
const texts = [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  ...FOLDERS.filter((folder) => existsSync(folder)).flatMap((folder) =>
    documentsBelow(folder).map((name) => join(folder, name)),
  ),
  ...['config', 'packaging', 'systemd', 'examples', 'src'].flatMap(filesBelow),
]
  .filter((path) => /\.(?:md|conf|in|service|catalog|local|sh|tsx?|yml|ext)$|\/[a-z]+$/.test(path))
  // Units of other packages, whose coming and going dpkg tells of.
  .filter((path) => path !== 'packaging/debian/triggers');

/** A word in capitals and a star stand for any name. */
function isThere(path: string): boolean {
  if (!/[*]|\b[A-Z]{3,}\b/.test(path) || existsSync(path)) return existsSync(path);
  const name = path.slice(path.lastIndexOf('/') + 1);
  const any = name.replace(/[.+]/g, '\\$&').replace(/\*|\b[A-Z]{3,}\b/g, '.+');
  const pattern = new RegExp(`^${any}$`);
  const folder = dirname(path);
  return existsSync(folder) && readdirSync(folder).some((entry) => pattern.test(entry));
}

/** The paths in a text that begin so, without the mark that ends their sentence. */
const pathsIn = (text: string, beginning: string) =>
  [...text.matchAll(new RegExp(`(?<![\\w./@{}$-])(?:${beginning})/[\\w./@*+-]+`, 'g'))].map(
    ([path]) => path.replace(/[./]+$/, ''),
  );

test.each([...new Set(texts)])('%s names paths of the project that are there', (file) => {
  const ofProject = /\.md$/.test(file) ? FOLDERS : ['docs', 'examples'];
  const named = pathsIn(readFileSync(file, 'utf8'), ofProject.join('|'));
  expect(named.filter((path) => !isThere(path))).toEqual([]);
});

test('every path of the installation that is named is in the package', () => {
  const named = texts.flatMap((file) =>
    pathsIn(
      readFileSync(file, 'utf8'),
      '/usr/share/doc/banjour|/usr/lib/banjour|/usr/lib/systemd/system|/usr/lib/sysusers\\.d',
    ).map((path) => ({ file, path })),
  );
  const missing = named.filter(({ path }) => {
    const [place, source] = INSTALLED.find(([one]) => path.startsWith(one)) ?? [path, path];
    return !isThere(`${source}${path.slice(place.length)}`);
  });
  expect(named.length).toBeGreaterThan(5);
  expect(missing.map(({ file, path }) => `${file}: ${path}`)).toEqual([]);
});
