/**
 * What packages are made for: Debian 13 with its own Node, or any host with systemd, where the
 * package brings its Node. A target says where its parts are compiled and what it is called.
 */
import { debianRoot, recipeOf } from '../debian-root.mjs';
import { fail } from '../run.mjs';
import { buildRoot, RECIPE } from './buildroot.mjs';
import { debianVersion } from './product.mjs';
import { PINNED } from './registry.mjs';

/**
 * The oldest release that the self-contained packages run on: what is compiled there fits later.
 * Headers of Node 26 ask for a newer compiler (`<source_location>`, g++ 11), which Debian 12 has.
 */
const oldSuite = (node) => (Number.parseInt(node, 10) >= 26 ? 'bookworm' : 'bullseye');
const OLD_PACKAGES = 'ca-certificates g++ g++-aarch64-linux-gnu libsystemd-dev make python3'.split(
  ' ',
);
/** Versions of that release's libraries, beyond which no compiled part may ask for anything. */
export const OLDEST = { GLIBC: '2.31', GLIBCXX: '3.4.28', CXXABI: '1.3.12', LIBSYSTEMD: '247' };

/** Each architecture by its names, Node's being the key. */
const ARCHITECTURES = {
  x64: { debian: 'amd64', rpm: 'x86_64', compiler: 'x86_64-linux-gnu' },
  arm64: { debian: 'arm64', rpm: 'aarch64', compiler: 'aarch64-linux-gnu' },
};

/** The package for those who want the distribution's Node. */
export const SLIM = {
  name: `debian-13-${process.arch}`,
  says: 'Debian 13',
  arch: process.arch,
  ...ARCHITECTURES[process.arch],
  node: undefined,
  interpreter: '/usr/bin/node',
  version: debianVersion(),
  recipe: RECIPE,
  root: buildRoot,
};

/** Architectures that self-contained packages can be made for. */
export const SELF_CONTAINED_FOR = Object.keys(ARCHITECTURES);

/**
 * The package that brings its Node, that of packaging/node.json unless another one is named. Its
 * version names that Node: a newer Node alone makes a newer package. Parts for arm64 are compiled
 * across, so building needs an x64 machine.
 */
export function selfContained(arch, node = PINNED.packaged) {
  const names = ARCHITECTURES[arch] ?? fail(`no packages are made for ${arch}`);
  const suite = oldSuite(node);
  if (process.arch !== 'x64') fail('the self-contained packages are built on an x64 machine');
  return {
    name: `node${node}-linux-${arch}`,
    says: `Node ${node} on any systemd host, ${arch}`,
    arch,
    ...names,
    node,
    interpreter: '/usr/lib/banjour/bin/node',
    version: `${debianVersion()}+node${node}`,
    recipe: `${recipeOf(suite, OLD_PACKAGES)} ${node}`,
    root: () => debianRoot(`build-${suite}`, suite, OLD_PACKAGES),
  };
}
