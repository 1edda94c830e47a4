/**
 * `npm run bare [-- test|start|package...]`: the README's commands on machines that have next to
 * nothing: `npm test` on a bare Debian 13 (git, nodejs and npm as Debian has them), `npm start` and
 * `npm run package` on a bare Debian 12 (git, and this Node copied in). Each runs on a fresh copy
 * of a root file system that is built once; what the host has installed is not there. Steps on
 * different roots run beside one another. Needs root. What is not committed is not part of it.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemPackages } from './lib/debian.mjs';
import { CACHE, copyNetworkSettings, debianRoot } from './lib/debian-root.mjs';
import { fail, isRoot, openly, quietly, ROOT, say, sideBySide, since, warn } from './lib/run.mjs';

/** Where the project lies in a bare root. */
const HOME = '/home/banjour';

/** The steps: on what root, and which of the README's commands. */
const STEPS = {
  test: { root: debian13, command: 'npm test' },
  start: { root: debian12, command: 'npm start' },
  package: { root: debian12, command: 'npm run package' },
};

function debian13() {
  return {
    base: debianRoot('bare-trixie', 'trixie', ['git', 'nodejs', 'npm']),
    prepare: () => undefined,
  };
}

/**
 * Debian 12's own Node is too old, so this one comes along, as an administrator would unpack it
 * below /usr/local.
 */
function debian12() {
  const base = debianRoot('bare-bookworm', 'bookworm', ['git', 'ca-certificates']);
  const prefix = dirname(dirname(process.execPath));
  const parts = ['bin/node', 'lib/node_modules/npm', 'include/node'];
  const missing = parts.filter((part) => !existsSync(join(prefix, part)));
  if (missing.length > 0)
    fail(`this Node cannot be copied: ${missing.join(', ')} is not below ${prefix}`);
  const prepare = (root) => {
    for (const part of parts) {
      mkdirSync(dirname(join(root, 'usr/local', part)), { recursive: true });
      cpSync(join(prefix, part), join(root, 'usr/local', part), { recursive: true });
    }
    for (const name of ['npm', 'npx'])
      quietly('ln', [
        '-s',
        `../lib/node_modules/npm/bin/${name}-cli.js`,
        join(root, 'usr/local/bin', name),
      ]);
  };
  return { base, prepare };
}

/**
 * Makes the mounts of a machine around `$1` and runs the rest of the words in it as the first
 * process of a process namespace of its own. Its root is the mount namespace's own: in a chroot the
 * kernel makes no user namespace, and tests need one. The cache of root file systems is shared: it
 * holds nothing but what the project's scripts made.
 */
const ENTER = `
root=$1; shared=$2; shift 2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for name in null zero full random urandom tty; do touch "$root/dev/$name"; mount --bind "/dev/$name" "$root/dev/$name"; done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"; ln -s fd/0 "$root/dev/stdin"; ln -s fd/1 "$root/dev/stdout"; ln -s fd/2 "$root/dev/stderr"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mkdir -p "$root$shared"; mount --bind "$shared" "$root$shared"
cd "$root"; pivot_root . .; umount -l .
exec "$@"
`;

/**
 * Certificates that this host trusts: behind a proxy with an authority of its own nothing can be
 * fetched without them.
 */
const TRUSTED = '/etc/ssl/certs/ca-certificates.crt';
/** Where a bare machine has them, if this host has any. */
const TRUSTED_INSIDE = '/etc/ssl/trusted-by-host.crt';

/** The only variables that a bare machine is given. */
function environment() {
  const own = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    LANG: 'C.UTF-8',
    TERM: process.env.TERM ?? 'dumb',
    BANJOUR_E2E_CACHE: CACHE,
  };
  const passed = [
    'CI',
    'BANJOUR_REQUIRE_ALL',
    'BANJOUR_E2E_MIRROR',
    'http_proxy',
    'https_proxy',
    'no_proxy',
  ];
  for (const name of passed) if (process.env[name] !== undefined) own[name] = process.env[name];
  if (existsSync(TRUSTED)) own.NODE_EXTRA_CA_CERTS = TRUSTED_INSIDE;
  return Object.entries(own).map(([name, value]) => `${name}=${value}`);
}

/** Copies of runs that were killed. */
function removeLeftovers() {
  for (const name of readdirSync(CACHE)) {
    const pid = /^bare-run-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`))
      rmSync(join(CACHE, name), { recursive: true, force: true });
  }
}

/**
 * Runs commands one after the other in a fresh copy of their root; returns the first exit status
 * that is not 0.
 */
function runIn({ base, prepare }, commands) {
  removeLeftovers();
  const root = mkdtempSync(join(CACHE, `bare-run-${process.pid}-`));
  try {
    if (!quietly('cp', ['-a', '--reflink=auto', `${base}/.`, root]).ok)
      fail(`no room to copy ${base}`);
    prepare(root);
    copyNetworkSettings(root);
    mkdirSync(join(root, dirname(TRUSTED_INSIDE)), { recursive: true });
    if (existsSync(TRUSTED)) cpSync(TRUSTED, join(root, TRUSTED_INSIDE));
    const cloned = quietly('git', ['clone', '--quiet', '--no-hardlinks', ROOT, join(root, HOME)]);
    if (!cloned.ok) fail(`git clone\n${cloned.output}`);
    for (const command of commands) {
      say(`${command}, on a bare machine`);
      const start = performance.now();
      const isolated = [
        '--mount',
        '--pid',
        '--fork',
        '--kill-child',
        '--uts',
        '--ipc',
        '--propagation',
        'private',
      ];
      const inside = [
        'env',
        '-i',
        ...environment(),
        'sh',
        '-c',
        `cd ${HOME} && ${command} < /dev/null`,
      ];
      const status = openly('unshare', [
        ...isolated,
        'sh',
        '-euc',
        ENTER,
        'enter',
        root,
        CACHE,
        ...inside,
      ]);
      if (status !== 0) {
        warn(`${command} ended with ${status} after ${since(start)}`);
        return status;
      }
      say(`${command} succeeded in ${since(start)}`);
    }
    return 0;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !Object.hasOwn(STEPS, name));
if (unknown !== undefined)
  fail(`unknown step "${unknown}"; say ${Object.keys(STEPS).join(', ')}, or nothing for all`);
if (!isRoot) fail('root file systems need root: sudo npm run bare');
systemPackages('package');
const names = wanted.length > 0 ? wanted : Object.keys(STEPS);
const roots = [...new Set(names.map((name) => STEPS[name].root))];
// One after the other: they share what debootstrap has fetched.
const machines = roots.map((root) => root());
const on = (root) => names.filter((name) => STEPS[name].root === root);
if (roots.length > 1) {
  // Each compiles for minutes on one processor: together they use two.
  const commands = roots.map((root) => [
    on(root).join(', '),
    [process.execPath, 'scripts/bare.mjs', ...on(root)],
  ]);
  const statuses = await sideBySide(Object.fromEntries(commands));
  process.exitCode = statuses.find((status) => status !== 0) ?? 0;
} else {
  if (quietly('git', ['status', '--porcelain']).output.trim() !== '')
    warn('what is not committed is not part of this');
  const [machine, commands] = [machines[0], names.map((name) => STEPS[name].command)];
  process.exitCode = machine === undefined ? 1 : runIn(machine, commands);
}
