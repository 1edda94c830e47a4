/** System packages: what is missing, installed through apt when we are root, named with the command otherwise. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fail, isRoot, persistently, quietly, say, since, tail, warn, which } from './run.mjs';

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
 * The folder whose include/node holds the headers of this very Node: beside it (nodesource, tarballs, nvm), or from
 * Debian's libnode-dev when this Node is Debian's. Undefined: node-gyp has to fetch them itself.
 */
export function nodeHeaders() {
  const prefix = dirname(dirname(process.execPath));
  return [prefix, '/usr'].find((folder) => existsSync(join(folder, 'include/node/node.h')));
}

/** Python of Debian 13 and later (3.12 on) has lost modules that fail2ban 1.1 wants; they are packaged apart. */
function pythonHas(name) {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const isOlder = !/^ID=debian$/m.test(release) || Number(/^VERSION_ID="?(\d+)/m.exec(release)?.[1] ?? 0) < 13;
  return isOlder || quietly('/usr/bin/python3', ['-W', 'ignore', '-c', `import ${name}`]).ok;
}

/** True when the running Node is the one of Debian's own package, whose headers are packaged apart. */
function isDebianNode() {
  if (which('dpkg-query') === undefined) return false;
  return quietly('dpkg-query', ['-S', process.execPath]).output.startsWith('nodejs:') && !nodeHeaders();
}

/**
 * Everything that npm does not bring. `for`: the first of run, build, test, e2e, bench that needs it; each includes those before it.
 */
const REQUIREMENTS = [
  { for: 'run', package: 'libsystemd0', why: 'reads the journal', there: () => hasLibrary('libsystemd.so.0') },
  { for: 'run', package: 'nftables', why: 'bans', there: () => which('nft') },
  { for: 'run', package: 'util-linux', why: 'makes private network namespaces', there: () => which('unshare') },
  { for: 'build', package: 'g++', why: 'compiles better-sqlite3', there: () => which('g++') },
  { for: 'build', package: 'gcc', why: 'compiles the batch reader of the journal', there: () => which('cc') },
  { for: 'build', package: 'make', why: 'compiles better-sqlite3', there: () => which('make') },
  { for: 'build', package: 'python3', why: 'node-gyp is written in it', there: () => which('python3') },
  {
    for: 'build',
    package: 'libsystemd-dev',
    why: 'headers for the batch reader of the journal',
    there: () => existsSync('/usr/include/systemd/sd-journal.h'),
  },
  { for: 'build', package: 'libnode-dev', why: "headers of Debian's Node", there: () => !isDebianNode() },
  {
    for: 'test',
    package: 'systemd-journal-remote',
    why: 'makes journal files for the tests',
    there: () => ['/usr/lib/systemd', '/lib/systemd'].some((folder) => existsSync(`${folder}/systemd-journal-remote`)),
  },
  { for: 'test', package: 'systemd', why: 'journalctl and systemd-analyze', there: () => which('systemd-analyze') },
  { for: 'test', package: 'curl', why: "fetches fail2ban's packages, to compare with", there: () => which('curl') },
  { for: 'test', package: 'procps', why: 'sets up network namespaces (sysctl)', there: () => which('sysctl') },
  { for: 'test', package: 'man-db', why: 'judges man pages', there: () => which('man') },
  { for: 'test', package: 'zsh', why: 'completes command lines', there: () => which('zsh') },
  { for: 'test', package: 'fish', why: 'completes command lines', there: () => which('fish') },
  { for: 'test', package: 'python3-pyasyncore', why: 'runs fail2ban 1.1', there: () => pythonHas('asyncore') },
  { for: 'test', package: 'python3-pyasynchat', why: 'runs fail2ban 1.1', there: () => pythonHas('asynchat') },
  { for: 'test', package: 'iproute2', why: 'makes network namespaces', there: () => which('ip') },
  { for: 'test', package: 'libcap2-bin', why: 'shows what a process may do', there: () => which('capsh') },
  {
    for: 'test',
    package: 'prometheus',
    why: 'promtool judges metrics and alert rules',
    there: () => which('promtool'),
  },
  { for: 'e2e', package: 'debootstrap', why: 'makes root file systems', there: () => which('debootstrap') },
  { for: 'e2e', package: 'systemd-container', why: 'boots them', there: () => which('systemd-nspawn') },
  { for: 'e2e', package: 'openssh-client', why: 'plays SSH attackers', there: () => which('ssh') },
  {
    for: 'bench',
    package: 'python3-systemd',
    why: 'lets fail2ban read the journal beside us',
    there: () => quietly('/usr/bin/python3', ['-c', 'import systemd.journal']).ok,
  },
];
const STAGES = ['run', 'build', 'test', 'e2e', 'bench'];

/** What of the stage's needs is not there. */
export function missingPackages(stage) {
  const wanted = STAGES.slice(0, STAGES.indexOf(stage) + 1);
  return REQUIREMENTS.filter((requirement) => wanted.includes(requirement.for) && !requirement.there());
}

/** Sees to the stage's system packages. Without root, or without apt, it says what is missing and goes on. */
export function systemPackages(stage) {
  const missing = missingPackages(stage);
  if (missing.length === 0) return;
  const names = missing.map((requirement) => requirement.package);
  if (!isRoot || which('apt-get') === undefined) {
    warn('these system packages are missing; what needs them will be skipped or fail:');
    for (const { package: name, why } of missing) process.stdout.write(`      ${name.padEnd(24)} ${why}\n`);
    process.stdout.write(`    to install them:  sudo apt-get update && sudo apt-get install -y ${names.join(' ')}\n`);
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
  const install = persistently('apt-get install', () => {
    // A foreign repository that does not answer is no reason to stop: the install that follows tells.
    const update = quietly('apt-get', ['-q', '-o', 'Acquire::Retries=3', 'update'], { env });
    const { ok, output } = quietly('apt-get', [...options, 'install', ...names], { env });
    return { ok, output: update.ok || ok ? output : `${tail(update.output, 15)}\n${output}` };
  });
  if (!install.ok) fail(`apt-get install ${names.join(' ')}\n${tail(install.output)}`);
  say(`packages installed in ${since(start)}`);
}
