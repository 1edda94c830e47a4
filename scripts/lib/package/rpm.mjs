/**
 * The self-contained RPM, made with Debian's rpmbuild: the files of the Debian package, at the
 * places where hosts with rpm look for them, and scriptlets of its own.
 */
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { debianRoot } from '../debian-root.mjs';
import { filesBelow } from '../digest.mjs';
import { fail, quietly, ROOT, say, tail } from '../run.mjs';
import { inRoot, WORK } from './buildroot.mjs';
import { compiledIn, compileNative, newestAsked } from './compile.mjs';
import { dated, emptied, PACKAGE, runtimeModules, sourceDate } from './product.mjs';
import { DEBIAN, HOME, placeAll, read, write } from './tree.mjs';

const RPM = 'packaging/rpm';
const FOLDER = '.cache/package/rpm';

/** Where RPMs are made, and where their tests install them. */
export const rpmRoot = () => debianRoot('rpm', 'trixie', ['rpm', 'systemd', 'nftables']);

/** zsh looks here on these hosts; overrides of lintian mean nothing there. */
function rearrange(tree) {
  const zsh = join(tree, 'usr/share/zsh');
  mkdirSync(join(zsh, 'site-functions'));
  renameSync(join(zsh, 'vendor-completions/_banjour'), join(zsh, 'site-functions/_banjour'));
  rmSync(join(zsh, 'vendor-completions'), { recursive: true });
  rmSync(join(tree, 'usr/share/lintian'), { recursive: true });
}

/** The list of files: the administrator's own are never overwritten. */
function fileList(theirs) {
  const folders = ['/usr/lib/banjour', '/usr/share/doc/banjour'];
  const below = (path) => folders.some((folder) => path.startsWith(`${folder}/`));
  const files = filesBelow([`${FOLDER}/tree`])
    .map((path) => path.slice(`${FOLDER}/tree`.length))
    .filter((path) => !below(path) && !theirs.includes(path));
  const own = ['', '/banjour.d', '/jail.d', '/filter.d', '/action.d'];
  return [
    '%defattr(0644,root,root,0755)',
    ...folders,
    `%ghost /${HOME}/config/jail.d/services.conf`,
    ...[`${HOME}/dist/src/main.js`, `${HOME}/bin/node`].map((path) => `%attr(0755,-,-) /${path}`),
    '/usr/bin/banjour',
    ...own.map((folder) => `%dir /etc/banjour${folder}`),
    ...theirs.map((path) => `%config(noreplace) ${path}`),
    ...files.filter((path) => path !== '/usr/bin/banjour'),
  ].join('\n');
}

/** Builds the target's package into packages/; returns its path. */
export function buildRpm(target) {
  const compiled = compileNative(target);
  say(`packing the RPM, ${target.arch}`);
  const work = emptied(join(ROOT, FOLDER));
  const tree = join(work, 'tree');
  const theirs = placeAll(tree, target, runtimeModules(), compiled);
  rearrange(tree);
  const parts = [...compiledIn(target), 'bin/node'].map((path) => `${HOME}/${path}`);
  const asked = newestAsked(target, parts, tree);
  const values = {
    VERSION: PACKAGE.version.replace('-', '~'),
    NODE: target.node,
    GLIBC: asked.GLIBC,
    LIBSYSTEMD: asked.LIBSYSTEMD,
    TREE: `${WORK}/tree`,
    COMMON: `${read(`${DEBIAN}/common.sh`)}\n${read(`${RPM}/common.sh`)}`,
    SELINUX: read(`${RPM}/selinux.sh`),
    FILES: fileList(theirs),
  };
  const fill = (text) => text.replace(/@([A-Z]+)@/g, (_, name) => values[name]);
  write(work, 'banjour.spec', fill(read(`${RPM}/banjour.spec.in`)));
  const script = `${dated()}
rpmbuild -bb --target ${target.rpm}-linux --define '_topdir ${WORK}/top' banjour.spec`;
  const env = { SOURCE_DATE_EPOCH: String(sourceDate()) };
  const built = inRoot(rpmRoot(), work, script, env);
  if (!built.ok) fail(`rpmbuild\n${tail(built.output)}`);
  const folder = `${FOLDER}/top/RPMS/${target.rpm}`;
  const [name = ''] = readdirSync(join(ROOT, folder));
  const path = `packages/${name}`;
  mkdirSync(join(ROOT, dirname(path)), { recursive: true });
  const moved = quietly('mv', [join(ROOT, folder, name), join(ROOT, path)]);
  return moved.ok ? path : fail(moved.output);
}
