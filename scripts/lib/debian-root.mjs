/**
 * Root file systems of Debian that the scripts build once and keep: the one in which packages are
 * compiled, and the bare ones on which the README's commands are proven. A kept root is never
 * changed.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digest } from './digest.mjs';
import { keepRoot, takeKept, workplaceOf } from './kept-roots.mjs';
import { fail, failed, isRoot, persistently, quietly, say, since, which } from './run.mjs';

/** Where root file systems are kept, those of the end-to-end suite among them. */
export const CACHE = process.env.BANJOUR_E2E_CACHE ?? '/var/cache/banjour-e2e';
const MIRROR = process.env.BANJOUR_E2E_MIRROR ?? 'http://deb.debian.org/debian';
/** Out of support: their security archive is listed, but no longer whole. */
const WITHOUT_SECURITY = ['bullseye'];
/** What a build prints, kept for whoever wants to read more than the lines that are shown. */
const LOG = join(CACHE, 'debian-root.log');

const CLEAN = [
  'env',
  '-i',
  'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
  'LANG=C.UTF-8',
  'DEBIAN_FRONTEND=noninteractive',
];

/** Identifies a root that is made of these packages of this suite. */
export function recipeOf(suite, packages) {
  return digest([], suite, ...packages).slice(0, 12);
}

/** Gives a root what it takes to reach the mirror from here: name servers, hosts, proxies. */
export function copyNetworkSettings(root) {
  for (const file of ['/etc/resolv.conf', '/etc/hosts']) {
    rmSync(join(root, file), { force: true });
    copyFileSync(file, join(root, file));
  }
  const proxies = ['http', 'https'].flatMap((scheme) => {
    const url = process.env[`${scheme}_proxy`] ?? '';
    return url === '' ? [] : [`Acquire::${scheme}::Proxy "${url}";\n`];
  });
  writeFileSync(join(root, 'etc/apt/apt.conf.d/99proxy'), proxies.join(''));
}

/**
 * Debootstrap knows nothing of virtual packages, so it makes only the base; apt inside the root
 * installs the rest.
 */
function make(suite, packages, root) {
  const debs = join(CACHE, 'debs');
  mkdirSync(debs, { recursive: true });
  rmSync(root, { recursive: true, force: true });
  const base = quietly('debootstrap', [
    '--variant=minbase',
    `--cache-dir=${debs}`,
    suite,
    root,
    MIRROR,
  ]);
  if (!base.ok) {
    const log = join(root, 'debootstrap/debootstrap.log');
    return {
      ok: false,
      output: existsSync(log) ? `${base.output}\n${readFileSync(log, 'utf8')}` : base.output,
    };
  }
  const sources = [`deb ${MIRROR} ${suite} main`, `deb ${MIRROR} ${suite}-updates main`];
  if (!WITHOUT_SECURITY.includes(suite))
    sources.push(`deb ${MIRROR}-security ${suite}-security main`);
  writeFileSync(join(root, 'etc/apt/sources.list'), `${sources.join('\n')}\n`);
  // Nothing starts while packages unpack.
  const policy = join(root, 'usr/sbin/policy-rc.d');
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  copyNetworkSettings(root);
  const apt = 'apt-get -q -o Acquire::Retries=3 -o Dpkg::Use-Pty=0';
  const foreign = packages.flatMap((name) => name.split(':').slice(1));
  const script = [
    ...new Set(foreign.map((architecture) => `dpkg --add-architecture ${architecture}`)),
    `${apt} -o APT::Update::Error-Mode=any update`,
    `${apt} -y --no-install-recommends install ${packages.join(' ')}`,
    'apt-get clean',
  ];
  const installed = quietly('chroot', [root, ...CLEAN, 'sh', '-euc', script.join('\n')]);
  rmSync(policy);
  return installed;
}

/**
 * Sees to a root of Debian's `suite` with `packages` (`name:arm64` for those of another
 * architecture) and what they need; returns its path. Ends the script when it cannot be built: that
 * needs root, debootstrap and a mirror.
 */
export function debianRoot(name, suite, packages) {
  if (!isRoot)
    fail(
      `a root file system of Debian (${suite}) is needed for this, and building it needs root: use sudo`,
    );
  const root = join(CACHE, `${name}-${recipeOf(suite, packages)}`);
  if (takeKept(root)) return root;
  if (which('debootstrap') === undefined)
    fail('debootstrap is missing: sudo apt-get install -y debootstrap');
  say(`building a root file system: ${suite} with ${packages.join(' ')} (some minutes, once)`);
  const start = performance.now();
  const work = workplaceOf(root);
  const made = persistently('the root file system', () => make(suite, packages, work));
  if (!made.ok) {
    writeFileSync(LOG, made.output);
    rmSync(work, { recursive: true, force: true });
    fail(`the root file system (${suite}); the whole output is in ${LOG}\n${failed(made.output)}`);
  }
  writeFileSync(join(work, '.built'), `${Date.now()}\n`);
  keepRoot(work, root);
  say(`root file system built in ${since(start)}`);
  return root;
}
