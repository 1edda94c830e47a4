/**
 * The Debian packages that the project's scripts install: each is used by a file that is named
 * here, so that one taken off the list, or one that nobody needs, is seen at once and not by a run
 * on a bare machine. There, BANJOUR_REQUIRE_ALL=1 makes a test that cannot run fail.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';

/**
 * Package, the stage that brings it, a file that needs it in this stage, and the words by which it
 * does.
 */
const USES: readonly (readonly [name: string, stage: string, file: string, words: RegExp])[] = [
  ['libsystemd0', 'run', 'native/libsystemd.ts', /'libsystemd\.so\.0'/],
  ['nftables', 'run', 'src/firewall/runner.ts', /findProgram\('nft'\)/],
  ['util-linux', 'run', 'src/firewall/runner.ts', /findProgram\('nsenter'\)/],
  ['g++', 'build', 'package.json', /"better-sqlite3"/],
  ['make', 'build', 'package.json', /"better-sqlite3"/],
  ['python3', 'build', 'package.json', /"better-sqlite3"/],
  ['libnode-dev', 'build', 'package.json', /"better-sqlite3"/],
  ['gcc', 'build', 'native/build.mjs', /process\.env\.CC \|\| 'cc'/],
  ['libsystemd-dev', 'build', 'native/batch/guard.h', /#include <systemd\/sd-journal\.h>/],
  ['systemd-journal-remote', 'test', 'test/support/journal-files.ts', /systemd-journal-remote/],
  ['systemd', 'test', 'test/package/units.test.ts', /systemd-analyze/],
  ['curl', 'test', 'test/support/debian-package.ts', /'curl'/],
  ['procps', 'test', 'test/kernel/topology.ts', /'sysctl'/],
  ['man-db', 'test', 'test/cli/man.test.ts', /hasCommand\('man'\)/],
  ['zsh', 'test', 'test/cli/completion.test.ts', /zsh/],
  ['fish', 'test', 'test/cli/completion.test.ts', /fish/],
  ['iproute2', 'test', 'test/agent/agent.test.ts', /run\(\['ip', /],
  ['python3-systemd', 'test', 'bench/lib/fail2ban.ts', /import systemd\.journal/],
  ['prometheus', 'test', 'test/metrics/metrics.test.ts', /hasCommand\('promtool'\)/],
  ['debootstrap', 'package', 'scripts/lib/debian-root.mjs', /'debootstrap'/],
  ['systemd-container', 'e2e', 'test/e2e/lib/machine.ts', /'systemd-nspawn'/],
  ['openssh-client', 'e2e', 'test/e2e/lib/clients/ssh.ts', /'ssh'/],
];

/** Programs of Debian's essential packages, and of those that Node itself comes in. */
const ALWAYS_THERE = ['awk', 'mkfifo', 'perl', 'node', 'banjour-no-such-program'];
/** The packages of the other programs that tests ask for. */
const PACKAGE_OF: Readonly<Record<string, string>> = {
  cc: 'gcc',
  ip: 'iproute2',
  journalctl: 'systemd',
  'systemd-analyze': 'systemd',
  man: 'man-db',
  nft: 'nftables',
  nsenter: 'util-linux',
  unshare: 'util-linux',
  script: 'util-linux',
  promtool: 'prometheus',
  python3: 'python3',
};

const LISTED = [
  ...readFileSync('scripts/lib/debian.mjs', 'utf8').matchAll(/for: '(\w+)',\s+package: '([^']+)'/g),
].map(([, stage, name]) => `${name} (${stage})`);

describe('the packages that scripts install', () => {
  test('are those that something uses, each in its stage', () => {
    expect([...LISTED].sort()).toEqual(USES.map(([name, stage]) => `${name} (${stage})`).sort());
  });

  test.each(USES)('%s (%s): %s uses it', (_name, _stage, file, words) => {
    expect(readFileSync(file, 'utf8')).toMatch(words);
  });

  test('bring every program that a test asks for', () => {
    const asked = new Set<string>();
    for (const file of readdirSync('test', { recursive: true, encoding: 'utf8' }))
      if (file.endsWith('.ts'))
        for (const [, name = ''] of readFileSync(`test/${file}`, 'utf8').matchAll(
          /hasCommand\('([^']+)'\)/g,
        ))
          asked.add(name);
    const packages = new Set(USES.map(([name]) => name));
    const without = [...asked].filter(
      (name) => !ALWAYS_THERE.includes(name) && !packages.has(PACKAGE_OF[name] ?? ''),
    );
    expect(asked.size).toBeGreaterThan(ALWAYS_THERE.length);
    expect(without).toEqual([]);
  });
});

test('the scripts of installation change the owner of no file that a link leads to', () => {
  const scripts = ['systemd', 'packaging/debian', 'packaging/rpm'].flatMap((folder) =>
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => `${folder}/${name}`),
  );
  const owners = scripts.flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/\bchown .*/g)].map(([line]) => `${path}: ${line}`),
  );
  expect(owners.length).toBeGreaterThan(0);
  expect(owners.filter((line) => !line.includes(': chown -h '))).toEqual([]);
});
