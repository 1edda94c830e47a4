/**
 * The compiled parts of a package: better-sqlite3, koffi and the batch reader, made in the build
 * root, from source.
 */
import { cpSync, existsSync, mkdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { digest, filesBelow, isStamped, stampWith } from '../digest.mjs';
import { fail, ROOT, say, since, tail, which } from '../run.mjs';
import { inRoot, RECIPE, WORK } from './buildroot.mjs';
import { copyInto, emptied } from './product.mjs';

/** Kept between runs, each part by itself: compiling SQLite takes minutes. */
const FOLDER = '.cache/package/compiled';

/**
 * What is made of which sources, how, and where it lies in the package: below node_modules or at
 * its top.
 */
const PARTS = [
  {
    name: 'better-sqlite3',
    sources: ['node_modules/better-sqlite3'],
    made: 'node_modules/better-sqlite3/build/Release/better_sqlite3.node',
    script: `cd node_modules/better-sqlite3 && node ${WORK}/npm/node_modules/node-gyp/bin/node-gyp.js rebuild --release --nodedir=/usr -j 2`,
  },
  {
    name: 'koffi',
    sources: ['node_modules/koffi'],
    made: `node_modules/koffi/build/koffi/linux_${process.arch}/koffi.node`,
    script: 'cd node_modules/koffi && node ./cnoke.cjs -P . -D src/koffi --release',
  },
  {
    name: 'batch reader',
    sources: ['native/batch', 'native/build.mjs'],
    made: 'build/banjour-batch.so',
    script: 'CC=cc node native/build.mjs',
  },
];

/** Paths of the compiled files in the package. */
export const COMPILED = PARTS.map(({ made }) => made);

/** node-gyp comes with npm; its folder is copied into the build, where Debian's Node runs it. */
function npmModules() {
  const npm = which('npm') ?? fail('npm is missing');
  const folder = join(dirname(dirname(realpathSync(npm))), 'node_modules');
  return existsSync(join(folder, 'node-gyp')) ? folder : fail(`there is no node-gyp in ${folder}`);
}

function compilePart(root, { name, sources, made, script }) {
  const files = filesBelow(sources).filter((path) => !/^node_modules\/[^/]+\/build\//.test(path));
  const stamp = `${FOLDER}/${name.replace(' ', '-')}.stamp`;
  const value = digest(files, RECIPE, script);
  const target = join(ROOT, FOLDER, made);
  if (isStamped(stamp, value) && existsSync(target)) return;
  say(`compiling ${name} for Debian 13`);
  const start = performance.now();
  const work = emptied(join(ROOT, '.cache/package/compiling'));
  copyInto(work, files);
  cpSync(npmModules(), join(work, 'npm/node_modules'), { recursive: true });
  mkdirSync(join(work, 'build'), { recursive: true });
  const { ok, output } = inRoot(root, work, `(${script}); strip --strip-unneeded ${made}`);
  if (!ok || !existsSync(join(work, made))) fail(`compiling ${name}\n${tail(output, 60)}`);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(work, made), target);
  stampWith(stamp, value);
  emptied(work);
  say(`compiled in ${since(start)}`);
}

/** Sees to the compiled parts; returns the folder that holds them at their paths. */
export function compileNative(root) {
  for (const part of PARTS) compilePart(root, part);
  return join(ROOT, FOLDER);
}
