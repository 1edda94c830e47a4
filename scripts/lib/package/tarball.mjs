/**
 * The npm package, for Debian 12 and others: built code, native sources (compiled at installation where a compiler is),
 * and a shrinkwrap, so that every host gets exactly the modules that were tested. `npm install -g FILE`, then
 * `banjour service install`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, quietly, ROOT, say, tail } from '../run.mjs';
import { BUILT, copyInto, DATA, emptied, PACKAGE } from './product.mjs';

const FILES = ['native', 'systemd', 'docs', 'LICENSE', 'README.md', 'CHANGELOG.md', 'packaging/debian/etc/logrotate.d'];

/** The lock file without what only development needs. */
function shrinkwrap(lock) {
  const packages = Object.fromEntries(
    Object.entries(lock.packages)
      .filter(([, entry]) => entry.dev !== true)
      .map(([path, entry]) => {
        const { devDependencies: _, ...rest } = entry;
        return [path, rest];
      }),
  );
  return { ...lock, packages };
}

/** Packs into dist/packages; returns the tarball's path. */
export async function buildTarball() {
  say('packing for npm');
  const { default: lock } = await import(join(ROOT, 'package-lock.json'), { with: { type: 'json' } });
  const tree = emptied(join(ROOT, 'dist/packages/npm'));
  copyInto(
    tree,
    [...BUILT, ...DATA, ...FILES],
    (path) => !/\.(?:d\.ts|map|ts)$/.test(path) && !path.startsWith('docs/adr/'),
  );
  const { devDependencies: _, scripts: __, allowScripts: ___, ...rest } = PACKAGE;
  const manifest = { ...rest, scripts: { install: 'node native/build.mjs' } };
  writeFileSync(join(tree, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  const locked = shrinkwrap(lock);
  locked.packages[''].hasInstallScript = true;
  writeFileSync(join(tree, 'npm-shrinkwrap.json'), `${JSON.stringify(locked, undefined, 2)}\n`);
  const { ok, output } = quietly('npm', ['pack', tree, '--pack-destination', 'dist/packages']);
  if (!ok) fail(`npm pack\n${tail(output)}`);
  return `dist/packages/${PACKAGE.name}-${PACKAGE.version}.tgz`;
}
