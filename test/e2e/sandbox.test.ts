/**
 * What a process can do under the settings of banjour.service: the unit's own file with another
 * program in it, run by the systemd of each release.
 */
import { readFileSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Agent } from './lib/agent.js';
import { Machine } from './lib/machine.js';
import type { Suite } from './lib/rootfs.js';
import { run } from './lib/shell.js';

/** CAP_NET_ADMIN is bit 12, capability.h. */
const NET_ADMIN = '0000000000001000';
const NONE = '0000000000000000';

test.each([
  ['banjour.service', 1.3],
  ['banjour-companion.service', 1.3],
])('%s is rated %d or better by systemd-analyze security', async (unit, most) => {
  const analyze = ['systemd-analyze', 'security', '--offline=true', '--no-pager'];
  const report = await run([...analyze, `systemd/${unit}`]);
  const rating = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(report)?.[1]);
  expect(rating).toBeGreaterThan(0);
  expect(rating).toBeLessThanOrEqual(most);
});

describe.each<[Suite]>([['trixie'], ['bookworm']])('under the unit on %s', (suite) => {
  let machine: Machine;
  let seen: Readonly<Record<string, string>>;

  beforeAll(async () => {
    machine = await Machine.boot(suite);
    await Agent.install(machine);
    const unit = readFileSync('systemd/banjour.service', 'utf8')
      .replace(/^Type=.*$/m, 'Type=oneshot')
      .replace(/^ExecStart=.*$/m, 'ExecStart=/usr/bin/node /usr/lib/banjour/probe.cjs')
      .replace(/^Restart=.*$/m, '')
      .replace(/^SyslogIdentifier=.*$/m, 'SyslogIdentifier=probe');
    await writeFile(join(machine.root, 'etc/systemd/system/probe.service'), unit);
    await copyFile('test/e2e/sandbox-probe.cjs', join(machine.root, 'usr/lib/banjour/probe.cjs'));
    await machine.exec(['systemctl', 'daemon-reload']);
    const started = await machine.try(['systemctl', 'start', 'probe.service']);
    const said = await machine.exec(['journalctl', '-b', '-t', 'probe', '-o', 'cat', '--no-pager']);
    const last = said.split('\n').findLast((line) => line.startsWith('{'));
    if (last === undefined)
      throw new Error(`the probe ended with ${started.status}\n${started.stderr}\n${said}`);
    seen = JSON.parse(last) as Record<string, string>;
  }, 120_000);
  afterAll(() => machine?.destroy());

  test('the process has its own user, the journal, and CAP_NET_ADMIN alone, which a child can be started without', () => {
    expect(seen['user']).toMatch(/^uid=\d+\(banjour\) .*systemd-journal/);
    expect(seen['capabilities']).toBe(
      [NET_ADMIN, NET_ADMIN, NET_ADMIN, NET_ADMIN, NET_ADMIN].join(' '),
    );
    expect(seen['capabilities of a child without']).toBe(
      [NONE, NONE, NONE, NET_ADMIN, NONE].join(' '),
    );
    expect(seen['no new privileges']).toBe('1');
    expect(seen['read the journal']).toMatch(/^ok/);
  });

  test('it can do its work: change nftables, keep state, listen for its clients, run a thread and compiled code', () => {
    const works = [
      'write /var/lib/banjour/x',
      'write /run/banjour/x',
      'listen on a unix socket',
      'nft',
      'worker thread',
    ];
    works.push('network interfaces', 'SQLite', 'libsystemd');
    for (const work of works)
      expect([work, seen[work]]).toEqual([work, expect.stringMatching(/^ok/)]);
  });

  test('it cannot do anything else: secrets, other files, Internet sockets, namespaces, other processes', () => {
    const forbidden = [
      'read /etc/shadow',
      'write /etc/x',
      'write /usr/x',
      'write /var/log/x',
      'read /home',
      'read /root',
    ];
    forbidden.push(
      'Internet socket',
      'Internet socket, IPv6',
      'unshare',
      'set-user-ID',
      'mount',
      'write /proc/sys/kernel/hostname',
    );
    for (const deed of forbidden)
      expect([deed, seen[deed]]).toEqual([deed, expect.stringMatching(/^refused/)]);
    expect(seen['processes it sees']).toBe('1');
  });
});
