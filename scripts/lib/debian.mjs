/**
 * System packages: what is missing, installed through apt when we are root, named with the command
 * otherwise.
 */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  fail,
  isRoot,
  patiently,
  persistently,
  quietly,
  say,
  since,
  tail,
  warn,
  which,
} from './run.mjs';

/** True when the dynamic linker's folders hold a library of this name. */
function hasLibrary(name) {
  const folders = ['/lib', '/usr/lib', '/lib64', '/usr/lib64'];
  for (const folder of ['/lib', '/usr/lib'])
    if (existsSync(folder))
      folders.push(
        ...readdirSync(folder)
          .filter((entry) => entry.endsWith('-linux-gnu'))
          .map((entry) => join(folder, entry)),
      );
  return folders.some((folder) => existsSync(join(folder, name)));
}

/**
 * The folder whose include/node holds the headers of this very Node: beside it (nodesource,
 * tarballs, nvm), or from Debian's libnode-dev when this Node is Debian's. Undefined: node-gyp has
 * to fetch them itself.
 */
export function nodeHeaders() {
  const prefix = dirname(dirname(process.execPath));
  return [prefix, '/usr'].find((folder) => existsSync(join(folder, 'include/node/node.h')));
}

/**
 * True when the running Node is the one of Debian's own package, whose headers are packaged apart.
 */
function isDebianNode() {
  if (which('dpkg-query') === undefined) return false;
  return (
    quietly('dpkg-query', ['-S', process.execPath]).output.startsWith('nodejs:') && !nodeHeaders()
  );
}

/**
 * Everything that npm does not bring. `for`: the first of run, build, test, e2e that needs it; each
 * includes those before it. `package` includes run and build, and e2e includes it.
 */
const REQUIREMENTS = [
  {
    for: 'run',
    package: 'libsystemd0',
    why: 'reads the journal',
    there: () => hasLibrary('libsystemd.so.0'),
  },
  { for: 'run', package: 'nftables', why: 'bans', there: () => which('nft') },
  {
    for: 'run',
    package: 'util-linux',
    why: 'makes private network namespaces',
    there: () => which('unshare'),
  },
  { for: 'build', package: 'g++', why: 'compiles better-sqlite3', there: () => which('g++') },
  {
    for: 'build',
    package: 'gcc',
    why: 'compiles the batch reader of the journal',
    there: () => which('cc'),
  },
  { for: 'build', package: 'make', why: 'compiles better-sqlite3', there: () => which('make') },
  {
    for: 'build',
    package: 'python3',
    why: 'node-gyp is written in it',
    there: () => which('python3'),
  },
  {
    for: 'build',
    package: 'libsystemd-dev',
    why: 'headers for the batch reader of the journal',
    there: () => existsSync('/usr/include/systemd/sd-journal.h'),
  },
  {
    for: 'build',
    package: 'libnode-dev',
    why: "headers of Debian's Node",
    there: () => !isDebianNode(),
  },
  {
    for: 'test',
    package: 'systemd-journal-remote',
    why: 'makes journal files for the tests',
    there: () =>
      ['/usr/lib/systemd', '/lib/systemd'].some((folder) =>
        existsSync(`${folder}/systemd-journal-remote`),
      ),
  },
  {
    for: 'test',
    package: 'systemd',
    why: 'journalctl and systemd-analyze',
    there: () => which('systemd-analyze'),
  },
  {
    for: 'test',
    package: 'curl',
    why: "fetches fail2ban's packages, to compare with",
    there: () => which('curl'),
  },
  {
    for: 'test',
    package: 'procps',
    why: 'sets up network namespaces (sysctl)',
    there: () => which('sysctl'),
  },
  { for: 'test', package: 'man-db', why: 'judges man pages', there: () => which('man') },
  { for: 'test', package: 'zsh', why: 'completes command lines', there: () => which('zsh') },
  { for: 'test', package: 'fish', why: 'completes command lines', there: () => which('fish') },
  { for: 'test', package: 'iproute2', why: 'makes network namespaces', there: () => which('ip') },
  {
    for: 'test',
    package: 'python3-systemd',
    why: 'lets fail2ban read the journal beside us',
    // Without -P Python would find the project's own folder of that name.
    there: () => quietly('/usr/bin/python3', ['-P', '-c', 'import systemd.journal']).ok,
  },
  {
    for: 'test',
    package: 'prometheus',
    why: 'promtool judges metrics and alert rules',
    there: () => which('promtool'),
  },
  {
    for: 'package',
    package: 'debootstrap',
    why: 'makes root file systems',
    there: () => which('debootstrap'),
  },
  {
    for: 'e2e',
    package: 'systemd-container',
    why: 'boots them',
    there: () => which('systemd-nspawn'),
  },
  { for: 'e2e', package: 'openssh-client', why: 'plays SSH attackers', there: () => which('ssh') },
];
const STAGES = {
  run: ['run'],
  build: ['run', 'build'],
  package: ['run', 'build', 'package'],
  test: ['run', 'build', 'test'],
  e2e: ['run', 'build', 'package', 'test', 'e2e'],
};

/** What of the stage's needs is not there. */
function missingPackages(stage) {
  return REQUIREMENTS.filter(
    (requirement) => STAGES[stage].includes(requirement.for) && !requirement.there(),
  );
}

/** Names that apt says it does not know. */
function unknownNames(output) {
  const patterns = [
    /Unable to locate package (\S+)/g,
    /Package '?([^'\s]+)'? has no installation candidate/g,
  ];
  return patterns.flatMap((pattern) => [...output.matchAll(pattern)].map((match) => match[1]));
}

/** Installs what this release has. A name that it does not know is told and stops no other. */
function installAll(names, install) {
  const first = install(names);
  const unknown = first.ok ? [] : unknownNames(first.output);
  const known = names.filter((name) => !unknown.includes(name));
  if (unknown.length === 0 || known.length === names.length) return first;
  warn(
    `this release has no package named ${unknown.join(' or ')}; what needs it will be skipped or fail`,
  );
  return known.length === 0 ? { ok: true, output: '' } : install(known);
}

/**
 * Sees to the stage's system packages. Without root, or without apt, it says what is missing and
 * goes on.
 */
export function systemPackages(stage) {
  const missing = missingPackages(stage);
  if (missing.length === 0) return;
  const names = missing.map((requirement) => requirement.package);
  if (!isRoot || which('apt-get') === undefined) {
    warn('these system packages are missing; what needs them will be skipped or fail:');
    for (const { package: name, why } of missing)
      process.stdout.write(`      ${name.padEnd(24)} ${why}\n`);
    process.stdout.write(
      `    to install them:  sudo apt-get update && sudo apt-get install -y ${names.join(' ')}\n`,
    );
    return;
  }
  say(`installing Debian packages: ${names.join(' ')}`);
  const start = performance.now();
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = [
    '-y',
    '-q',
    '--no-install-recommends',
    '-o',
    'Dpkg::Use-Pty=0',
    '-o',
    'DPkg::Lock::Timeout=300',
    '-o',
    'Acquire::Retries=3',
  ];
  // A foreign repository that does not answer is no reason to stop: the install that follows tells.
  const refresh = () => quietly('apt-get', ['-q', '-o', 'Acquire::Retries=3', 'update'], { env });
  const attempt = () => {
    const update = refresh();
    const { ok, output } = installAll(names, (wanted) =>
      quietly('apt-get', [...options, 'install', ...wanted], { env }),
    );
    return { ok, output: update.ok || ok ? output : `${tail(update.output, 15)}\n${output}` };
  };
  const install = patiently('apt-get install', 'less than a minute', () =>
    persistently('apt-get install', attempt),
  );
  if (!install.ok) fail(`apt-get install ${names.join(' ')}\n${tail(install.output)}`);
  say(`packages installed in ${since(start)}`);
}
