/**
 * The Debian root file systems of the end-to-end suite, built once and cached. A cached one is
 * never changed: machines run on an overlay above it. Its name ends in a digest of everything it
 * was made from.
 */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DAEMONS_BESIDE, DAEMONS_PACKAGES, daemonCommands, daemonFiles } from './daemons.js';
import * as mailhost from './mailhost.js';
import { persistently, run } from './shell.js';

export type { Suite } from './mailhost.js';

/** Where root file systems and fetched packages live between runs. */
export const CACHE = process.env['BANJOUR_E2E_CACHE'] ?? '/var/cache/banjour-e2e';
const MIRROR = process.env['BANJOUR_E2E_MIRROR'] ?? 'http://deb.debian.org/debian';
/** Out of support: their security archive is listed, but no longer whole. */
const WITHOUT_SECURITY: readonly mailhost.Suite[] = ['bullseye'];

function recipe(suite: mailhost.Suite): string {
  const parts = [
    suite,
    mailhost.BASE_PACKAGES,
    mailhost.packagesOf(suite),
    [...mailhost.filesOf(suite)],
  ];
  parts.push(mailhost.commandsOf(suite).flat(), mailhost.DISABLED_UNITS, mailhost.MASKED_UNITS);
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12);
}

/** Releases that $BANJOUR_E2E_SUITES names, for tests that run on any; Debian 12 by default. */
export function namedSuites(): mailhost.Suite[] {
  const names = (process.env['BANJOUR_E2E_SUITES'] ?? 'bookworm').split(',');
  const unknown = names.find((name) => !mailhost.SUITES.includes(name as mailhost.Suite));
  if (unknown !== undefined)
    throw new Error(`BANJOUR_E2E_SUITES: ${unknown} is none of ${mailhost.SUITES.join(', ')}`);
  return names as mailhost.Suite[];
}

/** The path of the suite's root file system, which `build` makes. */
export function pathOf(suite: mailhost.Suite): string {
  return join(CACHE, `${suite}-${recipe(suite)}`);
}

/** Packages and settings that lie above the mail server's root file system, for some tests only. */
interface LayerRecipe {
  /** The release, where it is another one than most layers are made for. */
  readonly suite?: mailhost.Suite;
  /** Lie there before the packages come, which look for them. */
  readonly early?: ReadonlyMap<string, string>;
  readonly packages: readonly string[];
  /** Packages that conflict with these. */
  readonly beside: readonly string[];
  readonly files: ReadonlyMap<string, string>;
  /** Run inside the layer, in order. */
  readonly commands: readonly (readonly string[])[];
}

/** The release that most layers are made for. */
export const LAYERS_SUITE: mailhost.Suite = 'trixie';
export const LAYERS = ['daemons', 'firewalls', 'browser', 'engines', 'redis', 'rpmhost'] as const;
/** The last one is the benchmarks'. */
export type Layer = (typeof LAYERS)[number] | 'rivals';

/** CrowdSec's package would register with its makers' central service. */
const NO_CENTRE: ReadonlyMap<string, string> = new Map([
  ['etc/crowdsec/online_api_credentials.yaml', '# none\n'],
]);

const LAYER_RECIPES: Readonly<Record<Layer, LayerRecipe>> = {
  daemons: {
    packages: DAEMONS_PACKAGES,
    beside: DAEMONS_BESIDE,
    files: daemonFiles(),
    commands: daemonCommands(),
  },
  // What fail2ban's actions drive beside nftables. A test switches on what its host has.
  firewalls: {
    packages: ['firewalld', 'ufw', 'ipset', 'iptables'],
    beside: [],
    files: new Map(),
    commands: [['systemctl', 'disable', 'firewalld', 'ufw']],
  },
  // What looks at the web page, with letters to draw it with, what stands before it, and setfacl,
  // by which an administrator lets the page change something. A test switches nginx on.
  browser: {
    packages: ['chromium', 'fonts-inter', 'fonts-dejavu-mono', 'nginx', 'acl'],
    beside: [],
    files: new Map(),
    commands: [
      ['systemctl', 'disable', 'nginx'],
      ['rm', '/etc/nginx/sites-enabled/default'],
    ],
  },
  // Where hosts share bans.
  engines: {
    early: NO_CENTRE,
    packages: ['valkey-server', 'crowdsec'],
    beside: [],
    files: new Map(),
    commands: [['systemctl', 'disable', 'valkey-server', 'crowdsec']],
  },
  // Where hosts share bans on Debian 12.
  redis: {
    suite: 'bookworm',
    packages: ['redis-server'],
    beside: [],
    files: new Map(),
    commands: [['systemctl', 'disable', 'redis-server']],
  },
  // Where the RPM is installed and booted: none of its own distributions is to be had here.
  rpmhost: { packages: ['rpm'], beside: [], files: new Map(), commands: [] },
  // What the benchmarks put beside Banjour, each as its package comes.
  rivals: {
    early: NO_CENTRE,
    packages: ['sshguard', 'crowdsec', 'crowdsec-firewall-bouncer'],
    beside: [],
    files: new Map(),
    commands: [['systemctl', 'disable', 'sshguard', 'crowdsec', 'crowdsec-firewall-bouncer']],
  },
};

/** The release that a layer is made for. */
export function suiteOf(layer: Layer): mailhost.Suite {
  return LAYER_RECIPES[layer].suite ?? LAYERS_SUITE;
}

/** The path of a layer, which `buildLayer` makes; it lies above the path of its release. */
export function layerPath(layer: Layer): string {
  const { early, packages, beside, files, commands } = LAYER_RECIPES[layer];
  const parts = [recipe(suiteOf(layer)), packages, beside, [...files], commands.flat()];
  if (early !== undefined) parts.push([...early]);
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return join(CACHE, `${layer}-${digest.slice(0, 12)}`);
}

/** What the scripts know of kept roots (`scripts/lib/kept-roots.mjs`). */
interface KeptRoots {
  takeKept(root: string): boolean;
  workplaceOf(root: string): string;
  keepRoot(work: string, root: string): void;
}
const { takeKept, workplaceOf, keepRoot } = (await import(
  resolve('scripts/lib/kept-roots.mjs')
)) as KeptRoots;

/**
 * Builds the root file system unless a usable one is there; needs root, debootstrap and, to build,
 * the mirror.
 */
export async function build(suite: mailhost.Suite, say: (line: string) => void): Promise<string> {
  const root = pathOf(suite);
  if (takeKept(root)) {
    say(`${suite}: root file system is cached`);
    return root;
  }
  const work = workplaceOf(root);
  // Of its own: debootstrap does not share one with another that runs beside it.
  const debs = join(CACHE, 'debs-e2e');
  await mkdir(debs, { recursive: true });
  try {
    say(`${suite}: debootstrap`);
    const include = `--include=${mailhost.BASE_PACKAGES.join(',')}`;
    const bootstrap = [
      'debootstrap',
      '--variant=minbase',
      `--cache-dir=${debs}`,
      include,
      suite,
      work,
      MIRROR,
    ];
    // A half-made root is no beginning: what was fetched is kept in `debs`.
    await persistently('debootstrap', say, async () => {
      await rm(work, { recursive: true, force: true });
      await run(bootstrap, { timeoutMs: 900_000 });
    });
    say(`${suite}: mail server packages`);
    await installPackages(work, suite, say);
    say(`${suite}: configuration`);
    await configure(work, suite);
    await writeFile(join(work, '.built'), `${Date.now()}\n`);
    keepRoot(work, root);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  say(`${suite}: ready`);
  return root;
}

/** Builds a layer unless a usable one is there. */
export async function buildLayer(kind: Layer, say: (line: string) => void): Promise<string> {
  const layer = layerPath(kind);
  if (takeKept(layer)) {
    say(`${kind}: the layer is cached`);
    return layer;
  }
  const { early, packages, beside, files, commands } = LAYER_RECIPES[kind];
  const base = await build(suiteOf(kind), say);
  const work = workplaceOf(layer);
  const [upper, root] = [join(work, 'upper'), join(work, 'root')];
  for (const folder of [upper, root, join(work, 'work')]) await mkdir(folder, { recursive: true });
  const mount = `lowerdir=${base},upperdir=${upper},workdir=${join(work, 'work')}`;
  try {
    await run(['mount', '-t', 'overlay', 'overlay', '-o', mount, root]);
    try {
      if (early !== undefined) await placeFiles(root, early);
      say(`${kind}: packages`);
      await install(root, packages, say, beside);
      say(`${kind}: configuration`);
      await placeFiles(root, files);
      for (const command of commands) await inRoot(root, command);
    } finally {
      await run(['umount', root]);
    }
    await writeFile(join(upper, '.built'), `${Date.now()}\n`);
    keepRoot(upper, layer);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  say(`${kind}: ready`);
  return layer;
}

function inRoot(root: string, command: readonly string[]): Promise<string> {
  const clean = [
    'env',
    '-i',
    'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
    'DEBIAN_FRONTEND=noninteractive',
    'LANG=C.UTF-8',
  ];
  return run(['chroot', root, ...clean, ...command], { timeoutMs: 900_000 });
}

async function installPackages(
  root: string,
  suite: mailhost.Suite,
  say: (line: string) => void,
): Promise<void> {
  const sources = [`deb ${MIRROR} ${suite} main`, `deb ${MIRROR} ${suite}-updates main`];
  if (!WITHOUT_SECURITY.includes(suite))
    sources.push(`deb ${MIRROR}-security ${suite}-security main`);
  await writeFile(join(root, 'etc/apt/sources.list'), `${sources.join('\n')}\n`);
  const answers = [
    'postfix postfix/main_mailer_type select Internet Site',
    'postfix postfix/mailname string mail.e2e.test',
  ];
  await inRoot(root, [
    'sh',
    '-c',
    `printf '%s\\n' ${answers.map((line) => `'${line}'`).join(' ')} | debconf-set-selections`,
  ]);
  await install(root, mailhost.packagesOf(suite), say);
}

/**
 * Installs packages, and `beside` them some that conflict with them. Nothing may start while they
 * unpack, and names must resolve only while they are fetched.
 */
async function install(
  root: string,
  packages: readonly string[],
  say: (line: string) => void,
  beside: readonly string[] = [],
): Promise<void> {
  const policy = join(root, 'usr/sbin/policy-rc.d');
  const proxy = join(root, 'etc/apt/apt.conf.d/99e2e-proxy');
  const names = ['etc/resolv.conf', 'etc/hosts', 'etc/nsswitch.conf'];
  const kept = await Promise.all(
    names.map((name) => readFile(join(root, name), 'utf8').catch(() => '')),
  );
  await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  await copyFile('/etc/resolv.conf', join(root, 'etc/resolv.conf'));
  await copyFile('/etc/hosts', join(root, 'etc/hosts'));
  await writeFile(join(root, 'etc/nsswitch.conf'), hostsBy(kept[2] ?? '', 'files dns'));
  const lines = ['http_proxy', 'https_proxy'].flatMap((name) => {
    const url = process.env[name];
    return url === undefined || url === ''
      ? []
      : [`Acquire::${name.replace('_proxy', '')}::Proxy "${url}";\n`];
  });
  await writeFile(proxy, lines.join(''));
  const retries = ['-o', 'Acquire::Retries=3'];
  await persistently('apt-get update', say, () =>
    inRoot(root, ['apt-get', '-q', ...retries, '-o', 'APT::Update::Error-Mode=any', 'update']),
  );
  const options = ['-y', '-q', '--no-install-recommends', '-o', 'Dpkg::Use-Pty=0', ...retries];
  await persistently('apt-get install', say, () =>
    inRoot(root, ['apt-get', ...options, 'install', ...packages]),
  );
  if (beside.length > 0) {
    const script =
      'cd /srv && apt-get -q download "$@" && dpkg -i --force-conflicts --force-breaks ./*.deb && rm ./*.deb';
    await persistently('dpkg', say, () => inRoot(root, ['sh', '-euc', script, 'sh', ...beside]));
  }
  await inRoot(root, ['apt-get', 'clean']);
  await rm(policy);
  await rm(proxy);
  for (const [i, name] of names.entries()) await writeFile(join(root, name), kept[i] ?? '');
}

/** The text of nsswitch.conf with the sources of host names replaced. */
function hostsBy(nsswitch: string, sources: string): string {
  return nsswitch.replace(/^hosts:.*$/m, `hosts: ${sources}`);
}

async function placeFiles(root: string, files: ReadonlyMap<string, string>): Promise<void> {
  for (const [path, text] of files) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

async function configure(root: string, suite: mailhost.Suite): Promise<void> {
  await placeFiles(root, mailhost.filesOf(suite));
  const nsswitch = join(root, 'etc/nsswitch.conf');
  await writeFile(nsswitch, hostsBy(await readFile(nsswitch, 'utf8'), 'files'));
  await mkdir(join(root, 'var/log/journal'), { recursive: true });
  for (const command of mailhost.commandsOf(suite)) await inRoot(root, command);
  for (const unit of mailhost.DISABLED_UNITS)
    for (const target of [
      'multi-user.target.wants',
      'sockets.target.wants',
      'sysinit.target.wants',
    ])
      await rm(join(root, 'etc/systemd/system', target, unit), { force: true });
  for (const unit of mailhost.MASKED_UNITS) {
    await rm(join(root, 'etc/systemd/system', unit), { force: true });
    await symlink('/dev/null', join(root, 'etc/systemd/system', unit));
  }
}
