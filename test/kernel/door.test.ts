import { describe, expect } from '@jest/globals';
import type { Element } from '../../src/core/firewall.js';
import { NftBackend } from '../../src/firewall/nft.js';
import { ban, hosts, plan, rule } from '../firewall/support.js';
import { still } from '../support/until.js';
import { kernelTest, testCommand, until } from './kernel.js';
import { BANNED, BYSTANDER, makeTopology } from './topology.js';

const RULE = rule('mail', { ports: [{ first: 2525, last: 2525 }], protocols: ['tcp', 'udp'] });

describe('the door, with 1,000 bans in force and a banned host sending 100 packets per second', () => {
  kernelTest(
    'stays shut through stop, start, a crash, a reload and new tables, while another host gets through all the time',
    async () => {
      const { backend, namespace, nft, flood, dispose } = await makeTopology('host');
      const wanted: Element[] = [
        ...hosts(999, 11).map((host) => ban('mail', host)),
        ban('mail', BANNED[4]),
      ];
      const again = () =>
        new NftBackend({ ...testCommand(), netns: `/run/netns/${namespace.name}` });
      const open: NftBackend[] = [];
      try {
        await backend.open(plan([RULE]), wanted);
        const arrived = await flood([BANNED[4], BYSTANDER[4]]);
        let friends = 0;
        const stillShut = async () => {
          await until(async () => ((await arrived())[BYSTANDER[4]] ?? 0) > friends + 10);
          const now = await arrived();
          expect(now[BANNED[4]] ?? 0).toBe(0);
          friends = now[BYSTANDER[4]] ?? 0;
        };
        await stillShut();
        await backend.close();
        await stillShut();
        const second = again();
        open.push(second);
        await second.open(plan([RULE]), wanted);
        await stillShut();
        // A crash: nobody closes anything, its nft is killed, and the next one finds the tables as
        // they are.
        if (second.residentPid !== undefined) process.kill(second.residentPid, 'SIGKILL');
        const third = again();
        open.push(third);
        await third.open(plan([RULE]), wanted);
        await stillShut();
        await third.replan(plan([RULE, rule('web')], { hook: 'both' }), wanted);
        await stillShut();
        // What an upgrade with another schema does: the tables are removed and made anew in one
        // transaction.
        await third.replan(plan([RULE], { countersPerElement: true }), wanted);
        await stillShut();
        expect((await third.read()).elements).toHaveLength(1000);
        third.provideWanted(() => wanted);
        await second.close();
        const before = (await arrived())[BANNED[4]] ?? 0;
        nft('flush', 'ruleset');
        await until(async () => (await third.read()).elements.length === 1000);
        // What is on its way to the listener's counter comes first; then it stands still, for good.
        const after = await still(
          'packets that arrive',
          async () => (await arrived())[BANNED[4]] ?? 0,
          300,
        );
        // 250 ms are 25 packets; ten times that, because this machine may be busy.
        expect(after - before).toBeLessThan(250);
      } finally {
        for (const one of open) await one.close().catch(() => undefined);
        await dispose();
      }
    },
    60_000,
  );
});
