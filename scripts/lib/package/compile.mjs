/** The compiled parts of a package: better-sqlite3, koffi and the batch reader, made in the build root, from source. */
import { cpSync, existsSync, mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { digest, filesBelow, isStamped, stampWith } from '../digest.mjs';
import { fail, ROOT, say, since, tail, which } from '../run.mjs';
import { inRoot, RECIPE, WORK } from './buildroot.mjs';
import { copyInto, emptied } from './product.mjs';

/** Kept between runs: compiling SQLite takes minutes. */
const FOLDER = '.cache/package/compiled';

/** What is compiled where, and what of it runs: paths in the package, below node_modules or at its top. */
export const COMPILED = [
  'node_modules/better-sqlite3/build/Release/better_sqlite3.node',
  `node_modules/koffi/build/koffi/linux_${process.arch}/koffi.node`,
  'build/banjour-batch.so',
];

/** node-gyp comes with npm; its folder is copied into the build, where Debian's Node runs it. */
function npmModules() {
  const npm = which('npm') ?? fail('npm is missing');
  const folder = join(dirname(dirname(realpathSync(npm))), 'node_modules');
  return existsSync(join(folder, 'node-gyp')) ? folder : fail(`there is no node-gyp in ${folder}`);
}

const SCRIPT = `
mkdir -p build
(cd node_modules/better-sqlite3 && node ${WORK}/npm/node_modules/node-gyp/bin/node-gyp.js rebuild --release --nodedir=/usr -j 2)
(cd node_modules/koffi && node ./cnoke.cjs -P . -D src/koffi --release)
CC=cc node native/build.mjs
strip --strip-unneeded ${COMPILED.join(' ')}
`;

/** Sees to the compiled parts; returns the folder that holds them at their paths. */
export function compileNative(root) {
  const sources = ['node_modules/better-sqlite3', 'node_modules/koffi', 'native/batch', 'native/build.mjs'];
  const files = filesBelow(sources).filter((path) => !/^node_modules\/[^/]+\/build\//.test(path));
  const value = digest(files, RECIPE, SCRIPT);
  const folder = join(ROOT, FOLDER);
  if (isStamped(`${FOLDER}/.stamp`, value) && COMPILED.every((path) => existsSync(join(folder, path)))) return folder;
  say('compiling better-sqlite3, koffi and the batch reader for Debian 13');
  const start = performance.now();
  const work = emptied(join(ROOT, '.cache/package/compiling'));
  copyInto(work, files);
  cpSync(npmModules(), join(work, 'npm/node_modules'), { recursive: true });
  const { ok, output } = inRoot(root, work, SCRIPT, { npm_config_devdir: `${WORK}/devdir` });
  const missing = COMPILED.filter((path) => !existsSync(join(work, path)));
  if (!ok || missing.length > 0) fail(`compiling (missing: ${missing.join(', ') || 'nothing'})\n${tail(output, 60)}`);
  emptied(folder);
  for (const path of COMPILED) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(work, path), join(folder, path));
  }
  stampWith(`${FOLDER}/.stamp`, value);
  emptied(work);
  say(`compiled in ${since(start)}: ${readdirSync(folder).join(' ')}`);
  return folder;
}
