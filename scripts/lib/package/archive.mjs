/**
 * The self-contained archive, for hosts that have neither apt nor rpm: a folder that runs wherever
 * it is unpacked, with its Node. `bin/banjour service install` makes a service of it. Packed by
 * gzip, since such hosts need not have xz.
 */
import { chmodSync, cpSync, mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { filesBelow } from '../digest.mjs';
import { fail, quietly, ROOT, say, tail } from '../run.mjs';
import { buildRoot, inRoot, WORK } from './buildroot.mjs';
import { compiledIn, compileNative, newestAsked } from './compile.mjs';
import { copyDocuments } from './documents.mjs';
import { emptied, manualPages, PACKAGE, runtimeModules, sourceDate } from './product.mjs';
import { licences, placeHome, read, write } from './tree.mjs';

/** What `service install` places. */
const SERVICE = ['systemd', 'packaging/debian/etc'];

/** Starts the Node beside it, by whatever link it was called. */
const LAUNCHER = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here/node" "$here/../dist/src/main.js" "$@"
`;

/** Builds the target's archive into packages/; returns its path. */
export function buildArchive(target) {
  const compiled = compileNative(target);
  say(`packing the archive, ${target.arch}`);
  const name = `banjour-${PACKAGE.version}-node${target.node}-linux-${target.arch}`;
  const tree = emptied(join(ROOT, '.cache/package/archive'));
  const home = join(tree, name);
  const modules = runtimeModules();
  placeHome(home, target, modules, compiled);
  copyDocuments(home);
  for (const path of filesBelow(SERVICE)) {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    cpSync(join(ROOT, path), join(home, path));
  }
  for (const page of manualPages())
    write(home, `share/man/man${page.at(-1)}/${basename(page)}`, read(page));
  write(home, 'LICENSES', licences(target, modules));
  newestAsked(target, [...compiledIn(target), 'bin/node'], home);
  const trial = target.arch === process.arch ? `${name}/bin/banjour --version` : ':';
  const script = `find . -type d -exec chmod 755 {} +; find . -type f -exec chmod 644 {} +
chmod 755 ${name}/bin/*
${trial}
tar --sort=name --mtime=@${sourceDate()} --owner=0 --group=0 --numeric-owner --format=gnu -cf /tmp/${name}.tar ${name}
gzip -9n /tmp/${name}.tar; mv /tmp/${name}.tar.gz ${WORK}/`;
  write(home, 'bin/banjour', LAUNCHER, 0o755);
  chmodSync(join(home, 'bin/node'), 0o755);
  const built = inRoot(buildRoot(), tree, script);
  if (!built.ok) fail(`tar\n${tail(built.output)}`);
  const path = `packages/${name}.tar.gz`;
  mkdirSync(join(ROOT, 'packages'), { recursive: true });
  const moved = quietly('mv', [join(tree, `${name}.tar.gz`), join(ROOT, path)]);
  return moved.ok ? path : fail(moved.output);
}
