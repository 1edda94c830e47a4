/**
 * The Debian packages: files at their places, control files, dpkg-deb. Needs neither debhelper nor
 * a Debian host.
 */
import { mkdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { filesBelow } from '../digest.mjs';
import { fail, openly, quietly, ROOT, say, tail } from '../run.mjs';
import { buildRoot, inRoot, WORK } from './buildroot.mjs';
import { compiledIn, compileNative, newestAsked } from './compile.mjs';
import { dated, emptied, PACKAGE, runtimeModules, sourceDate } from './product.mjs';
import { DEBIAN, HOME, placeAll, read, write } from './tree.mjs';

/** Scripts that dpkg runs. */
const SCRIPTS = ['preinst', 'postinst', 'prerm', 'postrm'];
/** What both kinds of package need of the system. */
const NEEDED = ['init-system-helpers (>= 1.54~)', 'nftables', 'passwd'];

/**
 * Depends with Debian's Node: what the compiled parts need by dpkg-shlibdeps, Node of exactly this
 * ABI, and the programs we run.
 */
function dependenciesOnDebian(target, root, tree) {
  const parts = compiledIn(target).map((path) => `${WORK}/${HOME}/${path}`);
  const script = `mkdir -p ${WORK}/shlib/debian; cd ${WORK}/shlib; printf 'Source: x\\n\\nPackage: x\\nArchitecture: any\\n' > debian/control
dpkg-shlibdeps -O --ignore-missing-info ${parts.join(' ')} 2>/dev/null
node -p '"libnode" + process.versions.modules'`;
  const { ok, output } = inRoot(root, tree, script);
  const libraries = /^shlibs:Depends=(.*)$/m.exec(output)?.[1];
  const abi = /^libnode\d+$/m.exec(output)?.[0];
  if (!ok || libraries === undefined || abi === undefined) fail(`dpkg-shlibdeps\n${tail(output)}`);
  quietly('rm', ['-rf', join(tree, 'shlib')]);
  const least = PACKAGE.engines.node.replace(/^>=/, '');
  const own = [`nodejs (>= ${least})`, abi, 'libsystemd0', 'systemd', ...NEEDED];
  // A library that dpkg-shlibdeps names with a version needs no second mention.
  const names = new Set(libraries.split(', ').map((one) => one.split(' ')[0]));
  return [...libraries.split(', '), ...own.filter((one) => !names.has(one))];
}

/**
 * Depends on any release since Debian 11: the C library by the newest version that a part asks for,
 * libstdc++ of the compiler that made them.
 */
function dependenciesAnywhere(target, tree) {
  const parts = [...compiledIn(target), 'bin/node'].map((path) => `${HOME}/${path}`);
  const asked = newestAsked(target, parts, tree);
  return [
    `libc6 (>= ${asked.GLIBC})`,
    'libgcc-s1',
    'libstdc++6 (>= 10)',
    `libsystemd0 (>= ${asked.LIBSYSTEMD})`,
    'systemd (>= 247)',
    ...NEEDED,
  ];
}

function control(target, tree, root, conffiles) {
  const folder = join(tree, 'DEBIAN');
  mkdirSync(folder);
  const common = read(`${DEBIAN}/common.sh`);
  const own = target.version.replace(/\+node.*/, '');
  for (const script of SCRIPTS) {
    const former = script === 'postinst' ? read('systemd/former-units.sh') : '';
    // It runs before anything of this version is there, and needs nothing of the others.
    const shared = script === 'preinst' ? [] : [common, former];
    const text = [...shared, read(`${DEBIAN}/${script}`)].join('\n').replace('@OWN@', own);
    write(folder, script, `#!/bin/sh\nset -e\n\n${text}`, 0o755);
  }
  write(folder, 'triggers', read(`${DEBIAN}/triggers`));
  write(folder, 'conffiles', conffiles.map((path) => `${path}\n`).join(''));
  const depends =
    target.node === undefined
      ? dependenciesOnDebian(target, root, tree)
      : dependenciesAnywhere(target, tree);
  const files = filesBelow([relative(ROOT, tree)]).filter((path) => !path.includes('/DEBIAN/'));
  const sizes = files.map((path) => Math.ceil(statSync(join(ROOT, path)).size / 1024));
  const values = {
    VERSION: target.version,
    ARCHITECTURE: target.debian,
    DEPENDS: depends.sort().join(', '),
    SIZE: String(sizes.reduce((sum, size) => sum + size, 0)),
    NODE:
      target.node === undefined
        ? 'This package runs on the Node of Debian 13.'
        : `This package brings the Node that it runs on, version ${target.node}.`,
  };
  const text = read(`${DEBIAN}/control.in`).replace(/@([A-Z]+)@/g, (_, name) => values[name]);
  write(folder, 'control', text);
  const sums = `find . -type f ! -path './DEBIAN/*' -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 md5sum > DEBIAN/md5sums`;
  const summed = quietly('sh', ['-euc', sums], { cwd: tree });
  if (!summed.ok) fail(summed.output);
}

/** Starts the packed program, where this machine can run it. */
function trial(target) {
  if (target.arch !== process.arch) return ':';
  const node = target.node === undefined ? 'node' : `${WORK}/${HOME}/bin/node`;
  return `${node} ${WORK}/${HOME}/dist/src/main.js --version
(cd ${HOME} && ${node} -e "new (require('better-sqlite3'))(':memory:').close(); require('koffi').load('libsystemd.so.0'); import('winston')")`;
}

/** Builds the target's package into packages/; returns its path. */
export function buildDeb(target) {
  const root = buildRoot();
  const compiled = compileNative(target);
  say(`packing for ${target.says}`);
  const tree = emptied(join(ROOT, '.cache/package/deb'));
  const conffiles = placeAll(tree, target, runtimeModules(), compiled);
  control(target, tree, root, conffiles);
  const name = `banjour_${target.version}_${target.debian}.deb`;
  const programs = `${HOME}/dist/src/main.js${target.node === undefined ? '' : ` ${HOME}/bin/node`}`;
  const script = `find . -type d -exec chmod 755 {} +; find . -type f -exec chmod 644 {} +
chmod 755 ${SCRIPTS.map((name) => `DEBIAN/${name}`).join(' ')} ${programs}
${trial(target)}
${dated()}
dpkg-deb --root-owner-group -Zxz --build . /tmp/${name} > /dev/null && mv /tmp/${name} ${WORK}/`;
  const built = inRoot(root, tree, script, { SOURCE_DATE_EPOCH: String(sourceDate()) });
  if (!built.ok) fail(`dpkg-deb\n${tail(built.output)}`);
  const path = `packages/${name}`;
  mkdirSync(join(ROOT, 'packages'), { recursive: true });
  if (openly('mv', [join(tree, name), path]) !== 0) fail(path);
  lint(root, path);
  return path;
}

/** Debian's own judgement: errors and warnings that no override explains end the build. */
function lint(root, path) {
  const flags = ['--fail-on error,warning', '--no-cfg', '--allow-root'];
  const { ok, output } = inRoot(root, ROOT, `lintian ${flags.join(' ')} ${path}`);
  if (!ok) fail(`lintian\n${tail(output, 60)}`);
  say(`lintian: ${output.trim() === '' ? 'no errors, no warnings' : output.trim()}`);
}
