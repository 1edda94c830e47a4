/** The packages that `npm run package` made, installed in a machine as an administrator does it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { copyFile, cp, mkdir, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { filesOf } from '../../support/releases.js';
import type { Machine } from './machine.js';
import { type Outcome, run } from './shell.js';

/** One way to get Banjour onto a host and off it. */
export interface Installation {
  /** Version that `upgrade` installs. */
  readonly newer: string;
  /** The unit's file, which must be gone after removal. */
  readonly unit: string;
  /** The folder of README.md and docs/. */
  readonly documents: string;
  /** Installs and starts; resolves with what was said. */
  install(): Promise<string>;
  upgrade(): Promise<string>;
  /** Tries to put the older version back; resolves with what was said. Not every way has an answer. */
  downgrade?(): Promise<Outcome>;
  /** Keeps configuration and ledger. */
  remove(): Promise<string>;
  /** Leaves nothing. */
  purge(): Promise<string>;
}

const NEWER = '99.0.0';

export function built(pattern: RegExp): string {
  const name = existsSync('packages')
    ? readdirSync('packages').find((file) => pattern.test(file))
    : undefined;
  if (name === undefined) throw new Error('there is no package: npm run package');
  return resolve('packages', name);
}

function said({ status, stdout, stderr }: Outcome): string {
  if (status !== 0) throw new Error(`exit status ${status}\n${stdout}${stderr}`);
  return `${stdout}${stderr}`;
}

/** Takes the distribution's Node off the machine. */
async function withoutNode(machine: Machine): Promise<void> {
  // With what depends on it: apt installs nothing where a dependency is missing.
  const script = 'dpkg -l nodejs > /dev/null 2>&1 && apt-get purge -y -q nodejs; ! command -v node';
  await machine.exec(['sh', '-c', script]);
}

/** The package for Debian 13, and the one that brings its Node; the latter's version names it. */
const FILES = { slim: /^banjour_[^+]+\.deb$/, 'self-contained': /^banjour_.+\+node.+_amd64\.deb$/ };

/** Where a former release lies in the machine. */
const FORMER_DEB = '/srv/former.deb';

/** A Debian package, by apt: its needs are there, or it is refused. */
export class DebPackage implements Installation {
  readonly newer = NEWER;
  readonly unit = '/usr/lib/systemd/system/banjour.service';
  readonly documents = '/usr/share/doc/banjour';
  constructor(
    private readonly machine: Machine,
    private readonly kind: keyof typeof FILES,
  ) {}

  /** The self-contained package is installed where there is no Node. */
  async install(): Promise<string> {
    if (this.kind === 'self-contained') await withoutNode(this.machine);
    await copyFile(built(FILES[this.kind]), join(this.machine.root, 'srv/banjour.deb'));
    return this.#apt('/srv/banjour.deb');
  }

  /** A former release, from its own files. It finds the Node that this package brings. */
  async installFormer(version: string): Promise<string> {
    await withoutNode(this.machine);
    const { root } = this.machine;
    await copyFile(built(FILES[this.kind]), join(root, 'srv/banjour.deb'));
    await copyFile(filesOf(version), join(root, 'srv/former.tar.gz'));
    // What was compiled stays, but for the batch reader: a program goes with its own alone.
    const script = `rm -rf /srv/x && dpkg-deb -R /srv/banjour.deb /srv/x && cd /srv/x
find DEBIAN -type f ! -name control -delete
rm -rf etc usr/bin usr/share usr/lib/systemd usr/lib/sysusers.d
cd usr/lib/banjour && rm -rf dist config build package.json && cd /srv/x
tar -xzf /srv/former.tar.gz
sed -i 's/^Version: .*/Version: ${version}/' DEBIAN/control
sed -i '1s|.*|#!/usr/lib/banjour/bin/node|' usr/lib/banjour/dist/src/main.js
mkdir usr/bin && ln -s ../lib/banjour/dist/src/main.js usr/bin/banjour
dpkg-deb -Znone --root-owner-group -b . ${FORMER_DEB}`;
    await this.machine.exec(['sh', '-euc', script]);
    return this.#apt(FORMER_DEB);
  }

  /** Asks apt for the former release over this one. */
  tryFormer(): Promise<Outcome> {
    return this.#tryApt(FORMER_DEB);
  }

  /** The same package with a later version: what a release would bring. */
  async upgrade(): Promise<string> {
    const script = `rm -rf /srv/x && dpkg-deb -R /srv/banjour.deb /srv/x && cd /srv/x
sed -i 's/^Version: .*/Version: ${NEWER}/' DEBIAN/control
sed -i 's/"version": "[^"]*"/"version": "${NEWER}"/' usr/lib/banjour/package.json
dpkg-deb -Znone -b . /srv/newer.deb`;
    await this.machine.exec(['sh', '-euc', script]);
    return this.#apt('/srv/newer.deb');
  }

  /** By dpkg, which does what it is told, while apt asks first. */
  downgrade(): Promise<Outcome> {
    return this.#dpkg('-i', '/srv/banjour.deb');
  }

  async remove(): Promise<string> {
    return said(await this.#dpkg('-r', 'banjour'));
  }

  async purge(): Promise<string> {
    return said(await this.#dpkg('-P', 'banjour'));
  }

  /** dpkg's file triggers, as the installation of a service fires them. */
  async serviceAppeared(path: string): Promise<void> {
    await this.machine.exec(['dpkg-trigger', '--by-package=dpkg', path]);
    said(await this.#dpkg('--triggers-only', '-a'));
  }

  async #apt(file: string): Promise<string> {
    return said(await this.#tryApt(file));
  }

  #tryApt(file: string): Promise<Outcome> {
    const words = ['apt-get', 'install', '-y', '-o', 'Dpkg::Use-Pty=0', file];
    const environment = ['env', 'DEBIAN_FRONTEND=noninteractive'];
    return this.machine.try([...environment, ...words], { timeoutMs: 180_000 });
  }

  #dpkg(...args: readonly string[]): Promise<Outcome> {
    return this.machine.try(['env', 'DEBIAN_FRONTEND=noninteractive', 'dpkg', ...args], {
      timeoutMs: 180_000,
    });
  }
}

/** The RPM, where Debian's packages stand in no database of rpm's. */
export class RpmPackage {
  constructor(private readonly machine: Machine) {}

  async install(): Promise<string> {
    await withoutNode(this.machine);
    const file = built(/^banjour-.+\.x86_64\.rpm$/);
    await copyFile(file, join(this.machine.root, 'srv/banjour.rpm'));
    return this.machine.exec(['rpm', '-i', '--nodeps', '/srv/banjour.rpm']);
  }

  /** Removes it, and by hand what docs/install.md says that rpm leaves. */
  async purge(): Promise<string> {
    const script = `rpm -e banjour
rm -rf /etc/banjour /var/lib/banjour /var/log/banjour
userdel banjour; userdel banjour-companion`;
    return this.machine.exec(['sh', '-euc', script]);
  }
}

/**
 * The tarball, by `npm install -g`, where Debian's own Node is too old. The machine gets the Node
 * and npm that run the tests and has no network; the compiled SQLite, which npm would fetch
 * ready-made, lies there.
 */
export class Tarball implements Installation {
  readonly newer = NEWER;
  readonly unit = '/etc/systemd/system/banjour.service';
  readonly documents = '/usr/local/lib/node_modules/banjour';
  constructor(private readonly machine: Machine) {}

  async install(): Promise<string> {
    await this.#placeNode();
    const { root } = this.machine;
    await copyFile(built(/\.tgz$/), join(root, 'srv/banjour.tgz'));
    await this.#placeSqlite();
    return (
      (await this.#npm('install', '-g', '/srv/banjour.tgz')) + said(await this.#service('install'))
    );
  }

  async upgrade(): Promise<string> {
    const script = `rm -rf /srv/x && mkdir /srv/x && tar -xzf /srv/banjour.tgz -C /srv/x && cd /srv/x
sed -i '0,/"version": "[^"]*"/s//"version": "${NEWER}"/' package/package.json
tar -czf /srv/newer.tgz package`;
    await this.machine.exec(['sh', '-euc', script]);
    return (
      (await this.#npm('install', '-g', '/srv/newer.tgz')) + said(await this.#service('install'))
    );
  }

  async remove(): Promise<string> {
    return said(await this.#service('remove'));
  }

  async purge(): Promise<string> {
    const text = said(await this.#service('remove', '--purge'));
    return text + (await this.#npm('uninstall', '-g', 'banjour'));
  }

  #service(...words: readonly string[]): Promise<Outcome> {
    return this.machine.try(['banjour', 'service', ...words]);
  }

  async #npm(...args: readonly string[]): Promise<string> {
    const env = ['npm_config_better_sqlite3_local_prebuilds=/srv/prebuilds'];
    const flags = [
      '--offline',
      '--no-audit',
      '--no-fund',
      '--no-update-notifier',
      '--prefix=/usr/local',
    ];
    return said(
      await this.machine.try(['env', ...env, 'npm', ...args, ...flags], { timeoutMs: 180_000 }),
    );
  }

  async #placeNode(): Promise<void> {
    const { root } = this.machine;
    await mkdir(join(root, 'usr/local/lib/node_modules'), { recursive: true });
    await copyFile(process.execPath, join(root, 'usr/local/bin/node'));
    await cp(npmFolder(), join(root, 'usr/local/lib/node_modules/npm'), { recursive: true });
    await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'));
  }

  /** What prebuild-install would fetch: better-sqlite3 compiled for this Node. */
  async #placeSqlite(): Promise<void> {
    const folder = join(this.machine.root, 'srv/prebuilds');
    await mkdir(folder);
    const { version } = JSON.parse(
      readFileSync('node_modules/better-sqlite3/package.json', 'utf8'),
    ) as {
      version: string;
    };
    const name = `better-sqlite3-v${version}-node-v${process.versions.modules}-linux-${process.arch}.tar.gz`;
    const file = 'build/Release/better_sqlite3.node';
    await run(['tar', '-czf', join(folder, name), '-C', 'node_modules/better-sqlite3', file]);
  }
}

function npmFolder(): string {
  const folder = [
    join(dirname(dirname(process.execPath)), 'lib/node_modules/npm'),
    '/usr/share/npm',
  ].find(existsSync);
  if (folder === undefined)
    throw new Error('npm is not installed beside the Node that runs the tests');
  return folder;
}
