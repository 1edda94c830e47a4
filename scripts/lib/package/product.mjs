/**
 * What a package is made of, whatever its format: version, date, own files, modules that are needed
 * at run time.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { filesBelow } from '../digest.mjs';
import { fail, quietly, ROOT, tail } from '../run.mjs';

export const PACKAGE = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** Built code, without tests and benchmarks. */
export const BUILT = ['dist/src', 'dist/native', 'dist/page'];
/** Files of the page that tests compile one by one; what runs is the script that is made of them. */
const PAGE_PARTS = 'dist/src/web/page/';
/** What an installation needs besides code. */
export const DATA = ['config'];

/**
 * Seconds since 1970 that stand for "now" in packages, so that the same sources give the same
 * bytes: $SOURCE_DATE_EPOCH, or the date of the newest entry of the Debian change log.
 */
export function sourceDate() {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given !== undefined && given !== '') return Number(given);
  const date = /^ -- .+> {2}(.+)$/m.exec(
    readFileSync(join(ROOT, 'packaging/debian/changelog'), 'utf8'),
  )?.[1];
  return Date.parse(date ?? fail('packaging/debian/changelog has no date')) / 1000;
}

/** The version in Debian's spelling: a pre-release sorts before the release. */
export function debianVersion() {
  const version = PACKAGE.version.replace('-', '~');
  const entry = /^banjour \(([^)]+)\)/.exec(
    readFileSync(join(ROOT, 'packaging/debian/changelog'), 'utf8'),
  )?.[1];
  if (entry !== version)
    fail(`packaging/debian/changelog begins with ${entry}, package.json has ${PACKAGE.version}`);
  return version;
}

/** Copies files and folders of the project into `target`, keeping their paths. */
export function copyInto(target, paths, filter = (/** @type {string} */ _path) => true) {
  for (const path of filesBelow(paths)) {
    if (path.startsWith(PAGE_PARTS) || !filter(path)) continue;
    mkdirSync(dirname(join(target, path)), { recursive: true });
    cpSync(join(ROOT, path), join(target, path), { dereference: true, preserveTimestamps: false });
  }
}

/**
 * Modules that only fetch or hold ready-made binaries (one of a kind for each system or processor):
 * the packages compile their own.
 */
const isForInstallation = (name, { os, cpu }) =>
  name === 'prebuild-install' || os !== undefined || cpu !== undefined;

/** What a module says of itself. */
export const manifestOf = (module) =>
  JSON.parse(readFileSync(join(ROOT, module, 'package.json'), 'utf8'));

/** The text of a module's licence, or its name where the module brings no text. */
export function licenceOf(module) {
  const name = readdirSync(join(ROOT, module)).find((file) => /^licen[cs]e/i.test(file));
  return name === undefined
    ? `License: ${manifestOf(module).license}`
    : readFileSync(join(ROOT, module, name), 'utf8');
}

/**
 * Paths (`node_modules/...`) of the modules that run, by the lock file, without those of
 * installation.
 */
export function runtimeModules() {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  const found = new Set();
  const visit = (from, name, optional) => {
    // As Node looks for it: beside the one who asks, then one level up, and so on.
    for (
      let folder = from;
      ;
      folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))
    ) {
      const path = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
      if (lock[path] !== undefined) {
        if (found.has(path) || (optional && !existsSync(join(ROOT, path)))) return;
        if (isForInstallation(name, lock[path])) return;
        found.add(path);
        const { dependencies = {}, optionalDependencies = {} } = lock[path];
        for (const next of Object.keys(dependencies))
          visit(path, next, next in optionalDependencies);
        for (const next of Object.keys(optionalDependencies)) visit(path, next, true);
        return;
      }
      if (folder === '') break;
    }
    if (!optional) fail(`package-lock.json does not have ${name}, which ${from} needs`);
  };
  for (const name of Object.keys(lock[''].dependencies ?? {})) visit('', name, false);
  return [...found].sort();
}

/**
 * As `gzip -9n`: no name, no time. By the program, since Node compresses with the zlib of whoever
 * built it, and Debian's makes other bytes than the registry's.
 */
export function gzipped(text) {
  const { status, stdout, error } = spawnSync('gzip', ['-9n'], {
    input: text,
    maxBuffer: 64 * 1024 * 1024,
  });
  return status === 0 ? stdout : fail(`gzip: ${error?.message ?? `ended with ${status}`}`);
}

/** Shell words that give all below the working folder the date of the package. */
export const dated = () => `find . -exec touch -h -d @${sourceDate()} {} +`;

/** An empty folder for work. */
export function emptied(path) {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
  return path;
}

/**
 * Man pages, made by `scripts/man.mjs DIRECTORY` from the commands' own definitions; paths relative
 * to the project.
 */
export function manualPages() {
  const folder = '.cache/package/man';
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(sourceDate()) };
  const { ok, output } = quietly(
    process.execPath,
    ['scripts/man.mjs', emptied(join(ROOT, folder))],
    { env },
  );
  if (!ok) fail(`scripts/man.mjs\n${tail(output)}`);
  return filesBelow([folder]).filter((name) => /\.[1-8]$/.test(name));
}
