/**
 * The npm package, for Debian 12 and others: built code, native sources, and the modules that were
 * tested, bundled, since npm takes no notice of a lock file in a tarball. What is compiled is
 * compiled (or fetched ready-made) at installation. `npm install -g FILE`, then `banjour service
 * install`.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { fail, quietly, ROOT, say, tail } from '../run.mjs';
import { copyDocuments } from './documents.mjs';
import { BUILT, copyInto, DATA, emptied, gzipped, manualPages, PACKAGE } from './product.mjs';

const FILES = ['native', 'systemd', 'packaging/debian/etc'];

/** Folders of every module that is not for development, those of installation included. */
function productionModules(lock) {
  return Object.entries(lock.packages)
    .filter(([path, entry]) => path !== '' && entry.dev !== true && existsSync(join(ROOT, path)))
    .map(([path]) => path);
}

/** Packs into packages/; returns the tarball's path. */
export async function buildTarball() {
  say('packing for npm');
  const { default: lock } = await import(join(ROOT, 'package-lock.json'), {
    with: { type: 'json' },
  });
  const tree = emptied(join(ROOT, '.cache/package/npm'));
  // Without the sources, and without the page that leads through them.
  const isSource = (path) => /\.(?:d\.ts|map|ts)$|(?:^|\/)native\/README\.md$/.test(path);
  copyInto(tree, [...BUILT, ...DATA, ...FILES], (path) => !isSource(path));
  copyDocuments(tree);
  // Compiled for this host, which need not be like the one that installs.
  copyInto(
    tree,
    productionModules(lock),
    (path) => !/^node_modules\/[^/]+\/build\/(?:Release|Debug)\//.test(path),
  );
  const manual = manualPages().map((page) => {
    copyFileSync(join(ROOT, page), join(tree, basename(page)));
    return `./${basename(page)}`;
  });
  const { devDependencies: _, scripts: __, allowScripts: ___, files: ____, ...rest } = PACKAGE;
  const manifest = {
    ...rest,
    man: manual,
    scripts: { install: 'node native/build.mjs' },
    bundleDependencies: Object.keys(PACKAGE.dependencies),
  };
  writeFileSync(join(tree, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  // npm packs the modes that it finds, which are those of whoever builds.
  const modes = 'chmod -R u=rwX,go=rX .; chmod 755 dist/src/main.js';
  const readable = quietly('sh', ['-euc', modes], { cwd: tree });
  if (!readable.ok) fail(readable.output);
  mkdirSync(join(ROOT, 'packages'), { recursive: true });
  const { ok, output } = quietly('npm', ['pack', tree, '--pack-destination', 'packages']);
  if (!ok) fail(`npm pack\n${tail(output)}`);
  const path = `packages/${PACKAGE.name}-${PACKAGE.version}.tgz`;
  writeFileSync(join(ROOT, path), gzipped(gunzipSync(readFileSync(join(ROOT, path)))));
  return path;
}
