/**
 * Files of the npm registry that a package is made of: each is fetched by name and version, checked
 * against the digest that stands in the project's own files, and kept beside the root file systems.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE } from '../debian-root.mjs';
import { keepFile, takeFile } from '../kept-files.mjs';
import { fail, persistently, quietly, ROOT, tail } from '../run.mjs';
import { emptied } from './product.mjs';

/** Files that are kept: all that packaging/node.json pins, and half of it from before. */
const KEPT_MAX = 16;

/** Digests of the Node runtimes, by version and architecture, and which one is packed. */
export const PINNED = JSON.parse(readFileSync(join(ROOT, 'packaging/node.json'), 'utf8'));

function digestOf(path, algorithm) {
  return `${algorithm}-${createHash(algorithm).update(readFileSync(path)).digest('base64')}`;
}

/** What is wrong with a file that shall have this digest; undefined when nothing is. */
function mismatch(path, integrity) {
  const algorithm = /^(sha512|sha384|sha256)-/.exec(integrity ?? '')?.[1];
  if (algorithm === undefined) return `the pinned digest ${JSON.stringify(integrity)} is none`;
  const found = digestOf(path, algorithm);
  return found === integrity ? undefined : `the file has ${found}, pinned is ${integrity}`;
}

/**
 * The tarball of a package of the registry; fetched unless it was. Ends the script when its digest
 * is not `integrity`: a file that was changed on its way is never unpacked.
 */
export function fetched(name, version, integrity) {
  const folder = join(CACHE, 'registry');
  const path = join(folder, `${name.replace(/^@/, '').replace('/', '-')}-${version}.tgz`);
  if (takeFile(path) && mismatch(path, integrity) === undefined) return path;
  mkdirSync(folder, { recursive: true });
  const work = emptied(`${path}.${process.pid}`);
  const words = ['pack', `${name}@${version}`, '--silent', '--pack-destination', work];
  const got = persistently(`${name}@${version}`, () => quietly('npm', words));
  if (!got.ok) fail(`npm pack ${name}@${version}\n${tail(got.output)}`);
  const file = join(work, got.output.trim().split('\n').at(-1) ?? '');
  const wrong = mismatch(file, integrity);
  if (wrong !== undefined) rmSync(work, { recursive: true, force: true });
  if (wrong !== undefined) fail(`${name}@${version} is not what was pinned: ${wrong}`);
  keepFile(file, path, KEPT_MAX);
  rmSync(work, { recursive: true, force: true });
  return path;
}

/** Unpacks such a tarball, without its outermost folder, into an emptied `target`. */
export function unpacked(tarball, target, ...members) {
  emptied(target);
  const words = ['-xzf', tarball, '-C', target, '--strip-components=1', '--no-same-owner'];
  const done = quietly('tar', [...words, ...members.map((member) => `package/${member}`)]);
  if (!done.ok) fail(`unpacking ${tarball}\n${tail(done.output)}`);
  return target;
}

/** Version and digest of a module by package-lock.json, of whatever architecture. */
export function locked(name) {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  return lock[`node_modules/${name}`] ?? fail(`package-lock.json does not have ${name}`);
}

/** A Node of the registry, whole: program, headers, licence. */
export function nodeFrom(version, arch, target) {
  const integrity = PINNED.versions[version]?.[arch];
  if (integrity === undefined)
    fail(`packaging/node.json has no digest of Node ${version}, ${arch}`);
  return unpacked(fetched(`node-linux-${arch}`, version, integrity), target);
}
