import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { defaultGateways, ownAddresses, resolvers } from '../../src/allow/host.js';
import type { Exemption } from '../../src/allow/snapshot.js';
import { formatPrefix, parsePrefix } from '../../src/core/address.js';
import { ALLOW_HOST_FILE_CHARS_MAX } from '../../src/core/limits.js';

const shown = (list: readonly Exemption[]) => list.map(({ prefix }) => formatPrefix(prefix));

describe('own addresses', () => {
  test('of this machine are exempted, and loopback with them', () => {
    const own = shown(ownAddresses());
    expect(own.slice(0, 2)).toEqual(['127.0.0.0/8', '::1']);
    for (const { address } of Object.values(networkInterfaces()).flatMap((list) => list ?? []))
      expect(own).toContain(
        formatPrefix(parsePrefix(address) ?? { family: 4, base: 'none', length: 32 }),
      );
  });

  test('link-local ones lose their zone', () => {
    const face = {
      address: 'fe80::1%eth0',
      netmask: '',
      family: 'IPv6',
      mac: '',
      internal: false,
      cidr: null,
      scopeid: 2,
    } as const;
    expect(shown(ownAddresses(() => ({ eth0: [face] })))).toContain('fe80::1');
  });
});

describe('default gateways', () => {
  const ROUTE = [
    'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
    'eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0',
    'eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
    'tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0',
    'eth1\t000A0A0A\t02000A0A\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0',
  ].join('\n');
  const zero = '0'.repeat(32);
  const ROUTE6 = [
    `fd000000000000000000000000000000 40 ${zero} 00 ${zero} 00000100 00000001 00000000 00000001 eth0`,
    `${zero} 00 ${zero} 00 fd000000000000000000000000000001 00000400 00000002 00000000 00000003 eth0`,
    `${zero} 00 ${zero} 00 ${zero} ffffffff 00000001 00000000 00200200 lo`,
  ].join('\n');
  const read = (path: string) => (path === 'four' ? ROUTE : path === 'six' ? ROUTE6 : '');

  test('are the next hops of default routes, of no others', () => {
    // /proc/net/route is written in the machine's own byte order; these lines are of a
    // little-endian one.
    const [four, six] = shown(defaultGateways('four', 'six', read));
    expect(new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? four : '192.0.2.1').toBe(
      '192.0.2.1',
    );
    expect(six).toBe('fd00::1');
    expect(defaultGateways('four', 'six', read)).toHaveLength(2);
  });

  test('none where there is no such file', () => {
    expect(defaultGateways('/nonexistent', '/nonexistent')).toEqual([]);
  });
});

describe('resolvers', () => {
  test('are those of resolv.conf', () => {
    const text =
      '# nameserver 192.0.2.1\nsearch example.org\nnameserver 192.0.2.53\n nameserver\tfe80::1%eth0\nnameserver bad\n';
    expect(shown(resolvers('x', () => text))).toEqual(['192.0.2.53', 'fe80::1']);
  });
});

test('a file about the host is read up to its bound, and a larger one not at all', () => {
  const folder = mkdtempSync(join(tmpdir(), 'banjour-host-'));
  const found = (chars: number) => {
    const line = 'nameserver 192.0.2.53\n';
    writeFileSync(join(folder, 'resolv.conf'), `${line}${'#'.repeat(chars - line.length)}`);
    return shown(resolvers(join(folder, 'resolv.conf')));
  };
  expect(found(ALLOW_HOST_FILE_CHARS_MAX)).toEqual(['192.0.2.53']);
  expect(found(ALLOW_HOST_FILE_CHARS_MAX + 1)).toEqual([]);
  rmSync(folder, { recursive: true });
});
