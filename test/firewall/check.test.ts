import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { NFT_LIST_BYTES_MAX } from '../../src/core/limits.js';
import type { FirewallPlan } from '../../src/core/specs.js';
import { checkFirewall } from '../../src/firewall/check.js';
import type { Command } from '../../src/firewall/spawn.js';
import { plan, rule } from './support.js';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

interface Host {
  readonly capabilities?: string;
  readonly own?: string;
  readonly bridge?: boolean;
  readonly brNetfilter?: string;
  /** What nft prints: for -V, for list flowtables, for list chains. */
  readonly version?: string;
  readonly flowtables?: object[];
  readonly chains?: object[];
}

const VERSION = 'nftables v1.0.6 (Lester Gooch #5)\n  cli: editline\n  json: yes';

/** Files as of a host, and an nft that prints what the host has. */
function host(of: Host): { proc: string; sys: string; command: Command } {
  const root = mkdtempSync(join(tmpdir(), 'banjour-test-'));
  folders.push(root);
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  write('proc/self/status', `Name:\tx\nCapEff:\t${of.capabilities ?? '0000000000001000'}\n`);
  for (const [process, target] of [
    ['self', of.own ?? 'net:[1]'],
    ['1', 'net:[1]'],
  ] as const) {
    mkdirSync(join(root, 'proc', process, 'ns'), { recursive: true });
    symlinkSync(target, join(root, 'proc', process, 'ns/net'));
  }
  mkdirSync(join(root, 'sys/class/net/eth0'), { recursive: true });
  if (of.bridge) mkdirSync(join(root, 'sys/class/net/br0/bridge'), { recursive: true });
  if (of.brNetfilter !== undefined) {
    write('proc/sys/net/bridge/bridge-nf-call-iptables', of.brNetfilter);
    write('proc/sys/net/bridge/bridge-nf-call-ip6tables', of.brNetfilter);
  }
  write('version', of.version ?? VERSION);
  write('flowtables', JSON.stringify({ nftables: of.flowtables ?? [] }));
  write('chains', JSON.stringify({ nftables: of.chains ?? [] }));
  const script = `cd ${root}; case "$*" in -V) cat version;; *flowtables) cat flowtables;; *) cat chains;; esac`;
  return {
    proc: join(root, 'proc'),
    sys: join(root, 'sys'),
    command: ['/bin/sh', '-c', script, 'nft'],
  };
}

async function told(of: Host, of_: FirewallPlan | undefined = plan(['sshd'])): Promise<string[]> {
  return (await checkFirewall(of_, host(of))).map(({ level, id }) => `${level} ${id}`);
}

const FINE = ['ok firewall.nft', 'ok firewall.privilege', 'ok firewall.namespace'];
const FORWARD = plan(['sshd'], { hook: 'both' });

describe('what doctor is told about the firewall', () => {
  test('all is well', async () => {
    expect(await told({})).toEqual(FINE);
    expect(await told({}, undefined)).toEqual(FINE);
  });

  test('nft is too bare, or not there', async () => {
    expect(await told({ version: 'nftables v1.0.6\n  cli: no\n  json: no' })).toEqual([
      'ok firewall.nft',
      'error firewall.nft-json',
      'note firewall.nft-interactive',
      ...FINE.slice(1),
    ]);
    expect((await told({ version: 'something' }))[0]).toBe('error firewall.nft');
    const missing = await checkFirewall(undefined, { ...host({}), command: ['/no/such/nft'] });
    expect(missing[0]).toMatchObject({ level: 'error', id: 'firewall.nft' });
  });

  test('without CAP_NET_ADMIN nothing can be banned', async () => {
    expect(await told({ capabilities: '0000000000000fff' })).toContain('error firewall.privilege');
  });

  test('in a network namespace of its own, bans hold only there', async () => {
    expect(await told({ own: 'net:[2]' })).toContain('warning firewall.namespace');
  });

  test('a bridge without br_netfilter is not protected by the forward hook, and it says what to set', async () => {
    const findings = await checkFirewall(FORWARD, host({ bridge: true, brNetfilter: '0\n' }));
    const finding = findings.find(({ id }) => id === 'firewall.br-netfilter');
    expect(finding).toMatchObject({ level: 'warning', message: expect.stringContaining('br0') });
    expect(finding?.fix).toContain(
      'sysctl -w net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1',
    );
    expect(await told({ bridge: true }, FORWARD)).toContain('warning firewall.br-netfilter');
    expect(await told({ bridge: true, brNetfilter: '1\n' }, FORWARD)).toContain(
      'ok firewall.br-netfilter',
    );
    expect(await told({ bridge: true }, { ...FORWARD, bridge: true })).toEqual(FINE);
    expect(await told({ bridge: true })).toEqual(FINE);
    expect(await told({}, FORWARD)).toEqual(FINE);
  });

  test('a jail that rejects only drops in the bridge table', async () => {
    const rejecting = plan([rule('sshd', { verdict: 'reject' })], { bridge: true });
    expect(await told({}, rejecting)).toContain('note firewall.bridge-reject');
  });

  test('flowtables take forwarded connections past the bans', async () => {
    const flowtables = [{ flowtable: { family: 'inet', table: 'router', name: 'fast' } }];
    const findings = await checkFirewall(FORWARD, host({ flowtables }));
    expect(findings.at(-1)).toMatchObject({ level: 'warning', id: 'firewall.flowtable' });
    expect(findings.at(-1)?.message).toContain('inet router fast');
    expect(await told({ flowtables })).toEqual(FINE);
  });

  test('chains of others that come earlier at our hooks are named', async () => {
    const chain = (table: string, hook: string, prio: number, family = 'inet') => ({
      chain: { family, table, name: 'c', hook, prio },
    });
    const chains = [
      chain('early', 'input', -150),
      chain('late', 'input', 0),
      chain('other', 'output', -150),
      chain('bridged', 'input', -200, 'bridge'),
      chain('banjour', 'input', -150),
      { chain: { family: 'inet', table: 'plain', name: 'c' } },
    ];
    const findings = await checkFirewall(plan(['sshd']), host({ chains }));
    expect(findings.at(-1)).toMatchObject({ level: 'note', id: 'firewall.earlier' });
    expect(findings.at(-1)?.message).toContain('inet early c (-150);');
  });

  test('whether the kernel takes the tables is tried', async () => {
    const outcome = (refusal: string | undefined) => async () => ({
      refusal,
      via: 'fresh' as const,
    });
    const level = async (refusal: string | undefined) =>
      (await checkFirewall(plan(['sshd']), { ...host({}), trial: outcome(refusal) })).find(
        ({ id }) => id === 'firewall.kernel',
      )?.level;
    expect(await level(undefined)).toBe('ok');
    expect(await level('Operation not supported')).toBe('error');
  });
});

test.each([
  [NFT_LIST_BYTES_MAX, 'JSON'],
  [NFT_LIST_BYTES_MAX + 1, `printed more than ${NFT_LIST_BYTES_MAX} bytes`],
])('a listing of %i bytes: %s', async (bytes, said) => {
  const { proc, sys } = host({});
  const script = `case "$*" in *-V*) echo '${VERSION}';; *) head -c ${bytes} /dev/zero;; esac`;
  const command: Command = ['/bin/sh', '-c', script, 'nft'];
  const findings = await checkFirewall(undefined, { proc, sys, command });
  expect(findings.find(({ id }) => id === 'firewall.competitors')?.message).toContain(said);
});
