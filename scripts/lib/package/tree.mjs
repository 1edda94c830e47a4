/**
 * The files of an installed Banjour at their places below /, as the Debian and RPM packages bring
 * them; and its program folder alone, as the archive has it.
 */
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { filesBelow } from '../digest.mjs';
import { pageModules } from '../page.mjs';
import { fail, ROOT } from '../run.mjs';
import { compiledIn, runtimeOf } from './compile.mjs';
import { copyDocuments } from './documents.mjs';
import { wrongPrograms } from './elf.mjs';
import {
  BUILT,
  copyInto,
  DATA,
  gzipped,
  licenceOf,
  manifestOf,
  manualPages,
  PACKAGE,
} from './product.mjs';

/** Where the program lies, relative to /. */
export const HOME = 'usr/lib/banjour';
const DOC = 'usr/share/doc/banjour';
/** Relative to the project. */
export const DEBIAN = 'packaging/debian';

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
export function write(target, path, text, mode = 0o644) {
  mkdirSync(dirname(join(target, path)), { recursive: true });
  writeFileSync(join(target, path), text);
  chmodSync(join(target, path), mode);
}

export const read = (path) => readFileSync(join(ROOT, path), 'utf8');
/** The program with its modules, its compiled parts and, where the target has one, its Node. */
export function placeHome(home, target, modules, compiled) {
  copyInto(home, [...BUILT, ...DATA], (path) => !/\.(?:d\.ts|map)$/.test(path));
  copyInto(home, modules, runs);
  for (const path of compiledIn(target)) {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    cpSync(join(compiled, path), join(home, path));
  }
  const { name, version, license, type, engines } = PACKAGE;
  write(
    home,
    'package.json',
    `${JSON.stringify({ name, version, license, type, engines, private: true }, undefined, 2)}\n`,
  );
  const programs = compiledIn(target);
  if (target.node !== undefined) {
    mkdirSync(join(home, 'bin'), { recursive: true });
    cpSync(join(runtimeOf(target), 'bin/node'), join(home, 'bin/node'));
    programs.push('bin/node');
  }
  const wrong = wrongPrograms(home, target.arch, programs);
  if (wrong.length > 0) fail(`programs in the package, ${target.says}:\n${wrong.join('\n')}`);
}

/** All of it below the root `tree`; returns the absolute paths of the administrator's files. */
export function placeAll(tree, target, modules, compiled) {
  const home = join(tree, HOME);
  placeHome(home, target, modules, compiled);
  const main = join(home, 'dist/src/main.js');
  // The package's own Node or the distribution's, whatever the PATH of the one who calls.
  writeFileSync(main, readFileSync(main, 'utf8').replace(/^#!.*/, `#!${target.interpreter}`));
  chmodSync(main, 0o755);
  mkdirSync(join(tree, 'usr/bin'), { recursive: true });
  symlinkSync('../lib/banjour/dist/src/main.js', join(tree, 'usr/bin/banjour'));
  const theirs = placeSystem(tree);
  placeDocuments(tree, target, modules);
  return theirs;
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

/** The licence of Banjour, of each module, of what stands in the page's script and, where the target has one, of Node. */
export function licences(target, modules) {
  const texts = [...modules, ...pageModules()].map((module) => {
    const { version } = manifestOf(module);
    let text = licenceOf(module).trimEnd();
    if (/Apache License\s+Version 2\.0/.test(text) && text.length > 5_000)
      text =
        'License: Apache-2.0\nOn Debian systems its text is in /usr/share/common-licenses/Apache-2.0.';
    return `${'-'.repeat(72)}\n${module.replace(/^.*node_modules\//, '')} ${version}\n\n${text}\n`;
  });
  const own = read(`${DEBIAN}/copyright`).replace('@LICENSE@', read('LICENSE').trim());
  if (target.node === undefined) return [own, ...texts].join('\n');
  const node = readFileSync(join(runtimeOf(target), 'LICENSE'), 'utf8').trim();
  return [own, ...texts, `${'-'.repeat(72)}\nNode.js ${target.node}\n\n${node}\n`].join('\n');
}

function placeDocuments(tree, target, modules) {
  write(tree, `${DOC}/copyright`, licences(target, modules));
  write(tree, `${DOC}/changelog.gz`, gzipped(read(`${DEBIAN}/changelog`)));
  const doc = join(tree, DOC);
  // The licence stands in `copyright`, where Debian wants it once.
  copyDocuments(doc, (path) => path === 'LICENSE');
  symlinkSync('copyright', join(doc, 'LICENSE'));
  for (const path of filesBelow(['systemd/examples']))
    write(doc, path.replace(/^systemd\/examples\//, 'examples/systemd/'), read(path));
  placeManual(tree);
  for (const [name, place] of [
    ['banjour', 'bash-completion/completions'],
    ['_banjour', 'zsh/vendor-completions'],
    ['banjour.fish', 'fish/vendor_completions.d'],
  ])
    write(tree, `usr/share/${place}/${name}`, read(`.cache/package/man/completions/${name}`));
  const bundled =
    target.node === undefined ? '' : read(`${DEBIAN}/lintian-overrides.self-contained`);
  const overrides = `${read(`${DEBIAN}/lintian-overrides`)}${bundled}`;
  write(tree, 'usr/share/lintian/overrides/banjour', overrides);
}

function placeManual(tree) {
  for (const path of manualPages())
    write(tree, `usr/share/man/man${path.at(-1)}/${basename(path)}.gz`, gzipped(read(path)));
}
