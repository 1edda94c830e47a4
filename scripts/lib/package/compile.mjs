/**
 * The compiled parts of a package: better-sqlite3, koffi and the batch reader, made from source in
 * the root file system of a target. The self-contained packages take koffi ready-made from the
 * registry, by the digest of package-lock.json: it is built for an older C library than Debian 11's.
 */
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, realpathSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CACHE } from '../debian-root.mjs';
import { digest, filesBelow, isStamped, stampWith } from '../digest.mjs';
import { keepFile, takeFile } from '../kept-files.mjs';
import { fail, ROOT, say, since, tail, which } from '../run.mjs';
import { inRoot, WORK } from './buildroot.mjs';
import { copyInto, emptied } from './product.mjs';
import { fetched, locked, nodeFrom, unpacked } from './registry.mjs';
import { OLDEST } from './targets.mjs';

/** Where the parts of a target lie for packing. */
const FOLDER = '.cache/package/compiled';
/**
 * Compiled parts by the digest of all that they are made of, for every clone on this machine:
 * compiling SQLite takes minutes.
 */
const KEPT = process.env.BANJOUR_COMPILED ?? join(CACHE, 'compiled');
/** Files in it: the three parts of each target (there are nine), for three states of the sources. */
const KEPT_MAX = 81;

/**
 * To link for another architecture, against a library that has the same names as libsystemd of this
 * one: which of them a program asks for is all that stays in it.
 */
const FOREIGN_LIBSYSTEMD = `
nm -D --defined-only --with-symbol-versions /usr/lib/x86_64-linux-gnu/libsystemd.so.0 | awk '$2 == "T" {
  split($3, part, "@@"); print "void " part[1] "(void) {}" > "names.c"; names[part[2]] = names[part[2]] part[1] "; "
} END { for (version in names) print version " { " names[version] "};" > "names.map" }'
aarch64-linux-gnu-gcc -w -fno-builtin -shared -Wl,-soname,libsystemd.so.0 -Wl,--version-script=names.map -o libsystemd.so names.c
printf '#!/bin/sh\\nexec aarch64-linux-gnu-gcc -L${WORK} "$@"\\n' > cc; chmod 755 cc
`;

/** Settings of compilers and node-gyp for a target. */
function tools({ node, arch, compiler }) {
  if (node === undefined) return { headers: '/usr', cc: 'cc', before: '', compilers: '' };
  const foreign = arch !== process.arch;
  return {
    headers: `${WORK}/headers`,
    cc: foreign ? `${WORK}/cc` : 'cc',
    before: foreign ? FOREIGN_LIBSYSTEMD : '',
    compilers: `CC=${compiler}-gcc CXX=${compiler}-g++`,
  };
}

/**
 * What is made of which sources, how, and where it lies in the package: below node_modules or at
 * its top.
 */
function partsOf(target) {
  const { headers, cc, before, compilers } = tools(target);
  const koffi = `node_modules/koffi/build/koffi/linux_${target.arch}/koffi.node`;
  return [
    {
      name: 'better-sqlite3',
      sources: ['node_modules/better-sqlite3'],
      made: 'node_modules/better-sqlite3/build/Release/better_sqlite3.node',
      script: `cd node_modules/better-sqlite3 && ${compilers} node ${WORK}/npm/node_modules/node-gyp/bin/node-gyp.js rebuild --release --nodedir=${headers} --arch=${target.arch} -j 2`,
    },
    target.node === undefined
      ? {
          name: 'koffi',
          sources: ['node_modules/koffi'],
          made: koffi,
          script: 'cd node_modules/koffi && node ./cnoke.cjs -P . -D src/koffi --release',
        }
      : { name: 'koffi', sources: ['node_modules/koffi/package.json'], made: koffi, script: '' },
    {
      name: 'batch reader',
      sources: ['native/batch', 'native/build.mjs'],
      made: 'build/banjour-batch.so',
      script: `${before}CC=${cc} node native/build.mjs`,
    },
  ];
}

/** Paths of the compiled files in the package. */
export const compiledIn = (target) => partsOf(target).map(({ made }) => made);

/** node-gyp comes with npm; its folder is copied into the build, where the target's Node runs it. */
function npmModules() {
  const npm = which('npm') ?? fail('npm is missing');
  const folder = join(dirname(dirname(realpathSync(npm))), 'node_modules');
  return existsSync(join(folder, 'node-gyp')) ? folder : fail(`there is no node-gyp in ${folder}`);
}

/** koffi of the registry for the target, where compiling would have left it. */
function placeKoffi({ arch }, work, made) {
  const name = `@koromix/koffi-linux-${arch}`;
  const { version, integrity } = locked(name);
  const folder = unpacked(fetched(name, version, integrity), join(work, 'koffi'));
  mkdirSync(dirname(join(work, made)), { recursive: true });
  cpSync(join(folder, `linux_${arch}/koffi.node`), join(work, made));
}

/** What runs node-gyp, and the headers of the Node that the part is for. */
function placeNode({ node, arch }, work) {
  if (node === undefined) return;
  nodeFrom(node, process.arch, join(work, 'node'));
  nodeFrom(node, arch, join(work, 'headers'));
}

/** Makes the part in the target's root and keeps it at `kept`. */
function compileInto(kept, target, root, files, { name, made, script }) {
  say(`compiling ${name} for ${target.says}`);
  const start = performance.now();
  const work = emptied(join(ROOT, '.cache/package/compiling'));
  copyInto(work, files);
  cpSync(npmModules(), join(work, 'npm/node_modules'), { recursive: true });
  mkdirSync(join(work, 'build'), { recursive: true });
  placeNode(target, work);
  if (script === '') placeKoffi(target, work, made);
  const strip = `${target.node === undefined ? '' : `${target.compiler}-`}strip --strip-unneeded`;
  const programs = `export PATH=${WORK}/node/bin:$PATH`;
  const { ok, output } = inRoot(root, work, `${programs}; (${script || ':'}); ${strip} ${made}`);
  if (!ok || !existsSync(join(work, made))) fail(`compiling ${name}\n${tail(output, 60)}`);
  mkdirSync(KEPT, { recursive: true });
  const half = `${kept}.${randomBytes(6).toString('hex')}`;
  cpSync(join(work, made), half);
  keepFile(half, kept, KEPT_MAX);
  rmSync(work, { recursive: true });
  say(`compiled in ${since(start)}`);
}

function compilePart(target, root, part) {
  const { name, sources, made, script } = part;
  const files = filesBelow(sources).filter((path) => !/^node_modules\/[^/]+\/build\//.test(path));
  const value = digest(files, target.name, target.recipe, script);
  const kept = join(KEPT, `${target.name}-${name.replace(' ', '-')}-${value.slice(0, 32)}`);
  if (!takeFile(kept)) compileInto(kept, target, root, files, part);
  const place = join(ROOT, FOLDER, target.name, made);
  mkdirSync(dirname(place), { recursive: true });
  cpSync(kept, place);
}

/** Sees to the compiled parts; returns the folder that holds them at their paths. */
export function compileNative(target) {
  const root = target.root();
  for (const part of partsOf(target)) compilePart(target, root, part);
  return join(ROOT, FOLDER, target.name);
}

/**
 * The Node that the package brings, without what only debuggers read, kept like the parts; with it
 * the folder of its licence.
 */
export function runtimeOf(target) {
  const folder = join(FOLDER, target.name, 'runtime');
  const stamp = `${folder}/stamp`;
  const value = digest([], target.recipe, target.arch);
  if (isStamped(stamp, value)) return join(ROOT, folder);
  say(`Node ${target.node} of the registry, ${target.arch}`);
  const work = nodeFrom(target.node, target.arch, join(ROOT, folder));
  const stripped = inRoot(target.root(), work, `${target.compiler}-strip bin/node`);
  if (!stripped.ok) fail(`strip\n${tail(stripped.output)}`);
  for (const name of ['include', 'share', 'README.md', 'CHANGELOG.md'])
    rmSync(join(work, name), { recursive: true, force: true });
  stampWith(stamp, value);
  return work;
}

/** Compares versions such as 2.4 and 2.31. */
const order = (a, b) => a.localeCompare(b, 'en', { numeric: true });

/** Libraries that every host has, or that the package asks for. */
const LIBRARIES =
  /^(?:lib(?:c|m|dl|rt|pthread)\.so\.\d|libstdc\+\+\.so\.6|libgcc_s\.so\.1|libsystemd\.so\.0|ld-linux-[\w-]+\.so\.\d)$/;

/**
 * The newest version that the programs ask of each library, e.g. `{ GLIBC: '2.29' }`. Ends the
 * script when one is newer than the oldest release has, or a library is none of those that the
 * package asks for.
 */
export function newestAsked(target, paths, folder) {
  const script = paths.map((path) => `${target.compiler}-objdump -p -T ${path}`).join('; ');
  const { ok, output } = inRoot(target.root(), folder, script);
  if (!ok) fail(`objdump\n${tail(output)}`);
  const newest = {};
  for (const [, library = '', version = ''] of output.matchAll(/\b([A-Z]+)_(\d[\d.]*)\b/g))
    if (library in OLDEST && order(version, newest[library] ?? '0') > 0) newest[library] = version;
  for (const [library, version] of Object.entries(newest))
    if (order(version, OLDEST[library]) > 0)
      fail(`a part of the package needs ${library} ${version}; Debian 11 has ${OLDEST[library]}`);
  for (const [, name = ''] of output.matchAll(/^ *NEEDED +(\S+)/gm))
    if (!LIBRARIES.test(name)) fail(`a part of the package needs ${name}, which nothing brings`);
  return newest;
}
