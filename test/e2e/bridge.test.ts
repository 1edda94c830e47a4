/**
 * A bridging firewall: the mail server's journal is shipped to the bridge, the ban falls there, and
 * the attacker's next packet ends on the bridge. Configured by the files of examples/bridge.
 */
import { appendFile, cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Agent } from './lib/agent.js';
import { Machine } from './lib/machine.js';
import { BRIDGE, connectBridge } from './lib/network.js';
import type { Suite } from './lib/rootfs.js';
import { until } from './lib/shell.js';
import { cutOff, judged, Station } from './lib/station.js';

/**
 * Long enough for journald's notice, the upload and the ban: the third failure is the last that is
 * answered.
 */
const PACE = { intervalMs: 2_500, connectMs: 1_500, readMs: 20_000 };

describe.each<[Suite]>([['trixie'], ['bookworm']])(
  'a bridge before a mail server on %s',
  (suite) => {
    let mail: Machine;
    let bridge: Machine;
    let agent: Agent;
    let station: Station;

    beforeAll(async () => {
      [mail, bridge] = await Promise.all([Machine.boot(suite), Machine.boot(suite)]);
      await connectBridge(mail, bridge);
      agent = await Agent.install(bridge);
      await bridge.exec(['hostname', 'bridge']);
      await cp('examples/bridge/bridge/etc', join(bridge.root, 'etc'), { recursive: true });
      await cp('examples/bridge/mail/etc', join(mail.root, 'etc'), { recursive: true });
      await appendFile(join(mail.root, 'etc/hosts'), `${BRIDGE[4]} bridge.example\n`);
      await bridge.exec(['systemctl', 'daemon-reload']);
      await bridge.exec(['systemctl', 'start', 'systemd-journal-remote.socket']);
      await agent.start();
      await mail.exec(['systemctl', 'start', 'systemd-journal-upload']);
      station = new Station(mail);
      await until(
        "the mail server's journal arrives",
        async () => (await status()).includes('"host":"mail"'),
        {
          timeoutMs: 30_000,
          everyMs: 500,
        },
      );
    });
    afterAll(async () => {
      await station?.close();
      await Promise.all([mail?.destroy(), bridge?.destroy()]);
    });

    const status = async () => (await agent.command('status', '--json')).stdout;
    const bridged = (yes: boolean) =>
      bridge.exec([
        'sysctl',
        '-qw',
        ...['iptables', 'ip6tables'].map(
          (one) => `net.bridge.bridge-nf-call-${one}=${yes ? 1 : 0}`,
        ),
      ]);

    async function cutsOff(from: string): Promise<void> {
      const attempts = await station.attack('smtp', from, 6, PACE);
      expect([judged(attempts), cutOff(attempts)]).toEqual([3, true]);
      expect((await station.login('imap', '198.51.100.9')).result).toBe('ok');
    }

    test.each([
      [true, ['203.0.113.5', '2001:db8:bad:5::1']],
      [false, ['203.0.113.6', '2001:db8:bad:6::1']],
    ])(
      'cuts off attackers of both families after three failures; br_netfilter: %s',
      async (yes, attackers) => {
        await bridged(yes);
        await Promise.all(attackers.map(cutsOff));
      },
    );

    test('the mail server itself has no ban; the packets end on the bridge', async () => {
      expect((await mail.try(['nft', 'list', 'ruleset'])).stdout).not.toContain('banjour');
      const before = await dropped();
      await station.attack('smtp-connect', '203.0.113.5', 1, { connectMs: 500 });
      expect(await dropped()).toBeGreaterThan(before);
    });

    async function dropped(): Promise<number> {
      const ruleset = await bridge.exec(['nft', 'list', 'table', 'bridge', 'banjour']);
      return [...ruleset.matchAll(/packets (\d+)/g)].reduce(
        (sum, [, count]) => sum + Number(count),
        0,
      );
    }

    test('a ban says which host reported it, in history, explain and log', async () => {
      for (const words of [
        ['history', '--json'],
        ['explain', '203.0.113.5', '--json'],
      ])
        expect((await agent.command(...words)).stdout).toContain('mail (198.18.0.1)');
      expect(await agent.log()).toContain('Ban 203.0.113.5, reported by mail');
    });

    test('goes on where it was after a restart of the agent and of the mail server', async () => {
      await bridge.exec(['systemctl', 'restart', 'banjour']);
      expect(
        (await station.attack('smtp-connect', '203.0.113.6', 1, { connectMs: 500 })).at(-1)?.result,
      ).toBe('blocked');
      await cutsOff('203.0.113.7');
    });
  },
);
