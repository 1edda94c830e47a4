/**
 * The Debian package: files at their places, control files, dpkg-deb. Needs neither debhelper nor a
 * Debian host.
 */
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { filesBelow } from '../digest.mjs';
import { fail, openly, quietly, ROOT, say, tail } from '../run.mjs';
import { buildRoot, inRoot, WORK } from './buildroot.mjs';
import { COMPILED, compileNative } from './compile.mjs';
import {
  BUILT,
  copyInto,
  DATA,
  debianVersion,
  emptied,
  manualPages,
  PACKAGE,
  runtimeModules,
  sourceDate,
} from './product.mjs';

const HOME = 'usr/lib/banjour';
const DOC = 'usr/share/doc/banjour';
const DEBIAN = 'packaging/debian';

/**
 * Of a module's files: code and what it reads. Texts for people, types, sources and tests stay out.
 */
function runs(path) {
  if (
    /\.(?:min\.js|d\.[cm]?ts|ts|map|md|markdown|flow|h|hh|c|cc|cpp|inc|gyp|gypi|S|asm)$/.test(path)
  )
    return false;
  if (
    /^node_modules\/(?:better-sqlite3\/(?:deps|src|build)|koffi\/(?:vendor|lib|doc|build))\//.test(
      path,
    )
  )
    return false;
  if (/\/(?:tests?|docs?|examples?|benchmarks?|\.github|node_modules\/\.bin)\//.test(path))
    return false;
  const name = basename(path);
  return !/^(?:license|licence|copying|readme|changelog|history|authors|\.|cmakelists|makefile|rollup\.config|karma|gulpfile|cnoke|trampolines|bun\.|yarn\.|package-lock)/i.test(
    name,
  );
}

/** A file of text in the package. */
function write(target, path, text, mode = 0o644) {
  mkdirSync(dirname(join(target, path)), { recursive: true });
  writeFileSync(join(target, path), text);
  chmodSync(join(target, path), mode);
}

const read = (path) => readFileSync(join(ROOT, path), 'utf8');
/** As `gzip -9n`: no name, no time. */
const gzipped = (text) => gzipSync(text, { level: 9 });

function placeProgram(tree, modules, compiled) {
  const home = join(tree, HOME);
  copyInto(home, [...BUILT, ...DATA], (path) => !/\.(?:d\.ts|map)$/.test(path));
  copyInto(home, modules, runs);
  for (const path of COMPILED) {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    cpSync(join(compiled, path), join(home, path));
  }
  const { name, version, license, type, engines } = PACKAGE;
  write(
    home,
    'package.json',
    `${JSON.stringify({ name, version, license, type, engines, private: true }, undefined, 2)}\n`,
  );
  const main = join(home, 'dist/src/main.js');
  // Debian's Node, whatever the PATH of the one who calls.
  writeFileSync(main, readFileSync(main, 'utf8').replace(/^#!.*/, '#!/usr/bin/node'));
  chmodSync(main, 0o755);
  mkdirSync(join(tree, 'usr/bin'), { recursive: true });
  symlinkSync('../lib/banjour/dist/src/main.js', join(tree, 'usr/bin/banjour'));
}

function placeSystem(tree) {
  for (const [folder, place] of [
    ['systemd', 'usr/lib/systemd/system'],
    ['systemd/sysusers.d', 'usr/lib/sysusers.d'],
  ])
    for (const name of readdirSync(join(ROOT, folder)).filter((file) =>
      /\.(?:service|conf)$/.test(file),
    ))
      write(tree, `${place}/${name}`, read(`${folder}/${name}`));
  write(tree, 'usr/lib/systemd/catalog/banjour.catalog', read('systemd/banjour.catalog'));
  const etc = filesBelow([`${DEBIAN}/etc`]);
  for (const path of etc) write(tree, path.slice(DEBIAN.length + 1), read(path));
  for (const folder of ['filter.d', 'action.d'])
    mkdirSync(join(tree, 'etc/banjour', folder), { recursive: true });
  return etc.map((path) => `/${path.slice(DEBIAN.length + 1)}`);
}

function placeDocuments(tree, modules) {
  const licences = modules.map((module) => {
    const name = readdirSync(join(ROOT, module)).find((file) => /^licen[cs]e/i.test(file));
    const { version, license } = JSON.parse(read(join(module, 'package.json')));
    let text = name === undefined ? `License: ${license}` : read(join(module, name)).trimEnd();
    if (/Apache License\s+Version 2\.0/.test(text) && text.length > 5_000)
      text =
        'License: Apache-2.0\nOn Debian systems its text is in /usr/share/common-licenses/Apache-2.0.';
    return `${'-'.repeat(72)}\n${module.replace(/^.*node_modules\//, '')} ${version}\n\n${text}\n`;
  });
  write(
    tree,
    `${DOC}/copyright`,
    [read(`${DEBIAN}/copyright`).replace('@LICENSE@', read('LICENSE').trim()), ...licences].join(
      '\n',
    ),
  );
  write(tree, `${DOC}/changelog.gz`, gzipped(read(`${DEBIAN}/changelog`)));
  for (const path of filesBelow(['docs', 'examples', 'systemd/examples', 'README.md'])) {
    if (path.startsWith('docs/adr/') || statSync(join(ROOT, path)).size > 1024 * 1024) continue;
    const place = path.replace(/^docs\//, '').replace(/^systemd\/examples\//, 'examples/systemd/');
    mkdirSync(dirname(join(tree, DOC, place)), { recursive: true });
    cpSync(join(ROOT, path), join(tree, DOC, place));
  }
  placeManual(tree);
  for (const [name, place] of [
    ['banjour', 'bash-completion/completions'],
    ['_banjour', 'zsh/vendor-completions'],
    ['banjour.fish', 'fish/vendor_completions.d'],
  ])
    write(tree, `usr/share/${place}/${name}`, read(`.cache/package/man/completions/${name}`));
  write(tree, 'usr/share/lintian/overrides/banjour', read(`${DEBIAN}/lintian-overrides`));
}

function placeManual(tree) {
  for (const path of manualPages())
    write(tree, `usr/share/man/man${path.at(-1)}/${basename(path)}.gz`, gzipped(read(path)));
}

/** Debian's name of this machine's architecture. */
function architecture(root) {
  const { ok, output } = inRoot(root, ROOT, 'dpkg --print-architecture');
  return ok ? output.trim() : fail(output);
}

/**
 * Depends: what the compiled parts need by dpkg-shlibdeps, Debian's Node of exactly this ABI, and
 * the programs we run.
 */
function dependencies(root, tree) {
  const script = `mkdir -p ${WORK}/shlib/debian; cd ${WORK}/shlib; printf 'Source: x\\n\\nPackage: x\\nArchitecture: any\\n' > debian/control
dpkg-shlibdeps -O --ignore-missing-info ${COMPILED.map((path) => `${WORK}/${HOME}/${path}`).join(' ')} 2>/dev/null
node -p '"libnode" + process.versions.modules'`;
  const { ok, output } = inRoot(root, tree, script);
  const libraries = /^shlibs:Depends=(.*)$/m.exec(output)?.[1];
  const abi = /^libnode\d+$/m.exec(output)?.[0];
  if (!ok || libraries === undefined || abi === undefined) fail(`dpkg-shlibdeps\n${tail(output)}`);
  quietly('rm', ['-rf', join(tree, 'shlib')]);
  const least = PACKAGE.engines.node.replace(/^>=/, '');
  const own = [
    `nodejs (>= ${least})`,
    abi,
    'libsystemd0',
    'nftables',
    'init-system-helpers (>= 1.54~)',
    'passwd',
    'systemd',
  ];
  // A library that dpkg-shlibdeps names with a version needs no second mention.
  const names = new Set(libraries.split(', ').map((one) => one.split(' ')[0]));
  return [...libraries.split(', '), ...own.filter((one) => !names.has(one))].sort().join(', ');
}

function control(tree, root, conffiles) {
  const folder = join(tree, 'DEBIAN');
  mkdirSync(folder);
  const common = read(`${DEBIAN}/common.sh`);
  for (const script of ['postinst', 'prerm', 'postrm']) {
    const former = script === 'postinst' ? read('systemd/former-units.sh') : '';
    const text = [common, former, read(`${DEBIAN}/${script}`)].join('\n');
    write(folder, script, `#!/bin/sh\nset -e\n\n${text}`, 0o755);
  }
  write(folder, 'triggers', read(`${DEBIAN}/triggers`));
  write(folder, 'conffiles', conffiles.map((path) => `${path}\n`).join(''));
  const values = {
    VERSION: debianVersion(),
    ARCHITECTURE: architecture(root),
    DEPENDS: dependencies(root, tree),
  };
  const files = filesBelow([relative(ROOT, tree)]).filter((path) => !path.includes('/DEBIAN/'));
  values.SIZE = String(
    files.reduce((sum, path) => sum + Math.ceil(statSync(join(ROOT, path)).size / 1024), 0),
  );
  const text = read(`${DEBIAN}/control.in`).replace(/@([A-Z]+)@/g, (_, name) => values[name]);
  write(folder, 'control', text);
  const sums = `find . -type f ! -path './DEBIAN/*' -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 md5sum > DEBIAN/md5sums`;
  const summed = quietly('sh', ['-euc', sums], { cwd: tree });
  if (!summed.ok) fail(summed.output);
  return values;
}

/** Builds the package into packages/; returns its path. */
export function buildDeb() {
  const root = buildRoot();
  const compiled = compileNative(root);
  say('packing for Debian');
  const tree = emptied(join(ROOT, '.cache/package/deb'));
  const modules = runtimeModules();
  placeProgram(tree, modules, compiled);
  const conffiles = placeSystem(tree);
  placeDocuments(tree, modules);
  const { VERSION, ARCHITECTURE } = control(tree, root, conffiles);
  const name = `banjour_${VERSION}_${ARCHITECTURE}.deb`;
  const script = `find . -type d -exec chmod 755 {} +; find . -type f -exec chmod 644 {} +
chmod 755 DEBIAN/postinst DEBIAN/prerm DEBIAN/postrm ${HOME}/dist/src/main.js
node ${WORK}/${HOME}/dist/src/main.js --version
(cd ${HOME} && node -e "new (require('better-sqlite3'))(':memory:').close(); require('koffi').load('libsystemd.so.0'); import('winston')")
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
