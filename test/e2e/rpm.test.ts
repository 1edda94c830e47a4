/**
 * The RPM, installed with rpm into a root file system that is not booted: files, users, unit and
 * scriptlets; and in short on a Debian 13 that is, whose systemd runs. None of its own distributions
 * is tried.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { deadLinks, documentsBelow } from '../support/links.js';
import { describeShortLife } from './lib/life.js';
import { Machine } from './lib/machine.js';
import { built, RpmPackage } from './lib/packages.js';
import { CACHE } from './lib/rootfs.js';
import { outcomeOf, run } from './lib/shell.js';

/** A package with the unit of a service that Banjour protects. */
const SSHD = `Name: sshd
Version: 1
Release: 1
Summary: a unit
License: MIT
BuildArch: noarch
%description
%install
mkdir -p %{buildroot}/usr/lib/systemd/system
echo '[Service]' > %{buildroot}/usr/lib/systemd/system/sshd.service
%files
/usr/lib/systemd/system/sshd.service
`;

/**
 * In place of SELinux' programs, which need its policy: writes down what it is told, and refuses to
 * add what is there, as `semanage fcontext` does.
 */
const SELINUX = `#!/bin/sh
line="\${0##*/} $*"
[ "\${line#semanage fcontext -a}" = "$line" ] || ! grep -qxF "$line" /srv/selinux 2> /dev/null || exit 1
echo "$line" >> /srv/selinux
`;

/** Mounts of a machine that is off, then the command in it, without network. */
const ENTER =
  'mount -t proc proc "$0/proc"; mount --bind /dev "$0/dev"; root=$0; exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "$@"';

describe('the RPM', () => {
  let state = '';
  let root = '';
  const inside = (...command: readonly string[]) => [
    ...['unshare', '--mount', '--net', 'sh', '-euc', ENTER, root, ...command],
  ];
  const exec = (...command: readonly string[]) => run(inside(...command), { timeoutMs: 120_000 });
  const sh = (script: string) => exec('sh', '-euc', script);
  const there = async (path: string) => (await outcomeOf(inside('test', '-e', path))).status === 0;

  beforeAll(async () => {
    const base = readdirSync(CACHE).find((name) => /^rpm-[0-9a-f]{12}$/.test(name));
    if (base === undefined) throw new Error('no root with rpm: npm run package -- self-contained');
    state = await mkdtemp('/var/tmp/banjour-rpm-');
    root = join(state, 'root');
    for (const name of ['upper', 'work', 'root']) await mkdir(join(state, name));
    const layers = `lowerdir=${join(CACHE, base)},upperdir=${state}/upper,workdir=${state}/work`;
    await run(['mount', '-t', 'overlay', 'overlay', '-o', layers, root]);
    await copyFile(built(/^banjour-.+\.x86_64\.rpm$/), join(root, 'srv/banjour.rpm'));
    writeFileSync(join(root, 'srv/sshd.spec'), SSHD);
    for (const name of ['semanage', 'restorecon'])
      writeFileSync(join(root, 'usr/sbin', name), SELINUX, { mode: 0o755 });
  });
  afterAll(async () => {
    await run(['umount', root]);
    await rm(state, { recursive: true });
  });

  test('asks for nftables, systemd and libsystemd, and for no Node', async () => {
    const needs = await exec('rpm', '-qpR', '/srv/banjour.rpm');
    for (const name of ['nftables', 'systemd >= 247', 'libsystemd.so.0(LIBSYSTEMD_246)(64bit)'])
      expect(needs.split('\n')).toContain(name);
    expect(needs).not.toMatch(/node/i);
  });

  test('is installed: files as packed, users made, unit enabled, the program runs by its own Node', async () => {
    // Debian's packages stand in no database of rpm's.
    await exec('rpm', '-i', '--nodeps', '/srv/banjour.rpm');
    expect(await exec('rpm', '-V', '--nodeps', 'banjour')).toBe('');
    for (const user of ['banjour', 'banjour-companion'])
      expect(await exec('getent', 'passwd', user)).toContain('nologin');
    expect(await exec('systemctl', 'is-enabled', 'banjour')).toBe('enabled\n');
    expect((await exec('banjour', '--version')).trim()).toMatch(/^\d+\.\d+\.\d+/);
    expect((await outcomeOf(inside('sh', '-c', 'command -v node'))).status).not.toBe(0);
    const unit = '/usr/lib/systemd/system/banjour.service';
    // man is not installed there.
    await exec('systemd-analyze', '--man=no', 'verify', unit);
  });

  test('every link between its documents leads somewhere', () => {
    const folder = join(root, 'usr/share/doc/banjour');
    expect(documentsBelow(folder)).toContain('docs/README.md');
    expect(deadLinks(folder)).toEqual([]);
  });

  /** What SELinux was told, the oldest first; from then on only what comes. */
  const labels = async () => {
    const said = await exec('cat', '/srv/selinux');
    await exec('truncate', '-s', '0', '/srv/selinux');
    return said.trim().split('\n');
  };
  const entry = '/usr/lib/banjour/dist/src/main.js';

  test('the entry of the service is labelled as a program, and both programs by the policy', async () => {
    expect(await labels()).toEqual([
      `semanage fcontext -a -t bin_t ${entry}`,
      `restorecon ${entry} /usr/lib/banjour/bin/node`,
    ]);
    await sh(`echo 'semanage fcontext -a -t bin_t ${entry}' > /srv/selinux`);
  });

  test('the jails whose service is missing are noted, and again when one is installed', async () => {
    const noted = '/usr/lib/banjour/config/jail.d/services.conf';
    expect(await exec('cat', noted)).toContain('[sshd]\nenabled = false');
    await sh('cd /srv && rpmbuild -bb --define "_topdir /srv/top" sshd.spec');
    await sh('rpm -i --nodeps /srv/top/RPMS/noarch/sshd-*.rpm');
    expect(await exec('cat', noted)).not.toContain('[sshd]');
    await exec('rpm', '-e', 'sshd');
    expect(await exec('cat', noted)).toContain('[sshd]\nenabled = false');
  });

  test('an upgrade keeps what the administrator wrote and disabled', async () => {
    await sh('echo "# mine" >> /etc/banjour/jail.d/host.conf; systemctl disable banjour');
    await exec('rpm', '-U', '--nodeps', '--force', '/srv/banjour.rpm');
    expect(await exec('tail', '-1', '/etc/banjour/jail.d/host.conf')).toBe('# mine\n');
    expect((await outcomeOf(inside('systemctl', 'is-enabled', 'banjour'))).stdout).toBe(
      'disabled\n',
    );
    // The label is there already: it is stated again, and not taken away with the former version.
    expect((await labels()).slice(1)).toEqual([
      `semanage fcontext -m -t bin_t ${entry}`,
      `restorecon ${entry} /usr/lib/banjour/bin/node`,
    ]);
  });

  test('removal leaves what rpm leaves: changed configuration and users', async () => {
    await exec('systemctl', 'enable', 'banjour');
    await exec('rpm', '-e', 'banjour');
    const gone = [
      '/usr/bin/banjour',
      '/usr/lib/banjour',
      '/usr/lib/systemd/system/banjour.service',
      '/etc/systemd/system/multi-user.target.wants/banjour.service',
    ];
    for (const path of gone) expect([path, await there(path)]).toEqual([path, false]);
    expect(await there('/etc/banjour/jail.d/host.conf.rpmsave')).toBe(true);
    expect(await labels()).toEqual([`semanage fcontext -d ${entry}`]);
    expect(await exec('getent', 'passwd', 'banjour')).toContain('banjour');
  });
});

describeShortLife(
  'RPM on trixie',
  () => Machine.bootLayer('rpmhost'),
  (machine) => new RpmPackage(machine),
);
