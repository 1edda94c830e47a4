import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { NftDoorbell } from '../../native/netlink-doorbell.js';
import { dumpTable } from '../../native/netlink-dump.js';
import { hosts } from '../firewall/support.js';
import { makeNetworkNamespace, type NetworkNamespace } from '../support/netns.js';
import { kernelTest, nftWords } from './kernel.js';

async function listening(
  run: (
    doorbell: NftDoorbell,
    nft: (...args: string[]) => void,
    namespace: NetworkNamespace,
  ) => Promise<void> | void,
): Promise<void> {
  const namespace = makeNetworkNamespace();
  const doorbell = new NftDoorbell('banjour', `/run/netns/${namespace.name}`);
  try {
    await run(doorbell, (...args) => void namespace.run([...nftWords(), ...args]), namespace);
  } finally {
    doorbell.close();
    namespace.remove();
  }
}

const NOTHING = { structure: false, elements: false, overrun: false };

describe('the netlink doorbell', () => {
  kernelTest('rings for a change of our tables and says what it was', async () => {
    await listening((doorbell, nft) => {
      expect(doorbell.look()).toBeUndefined();
      nft('add', 'table', 'inet', 'banjour');
      expect(doorbell.look()).toEqual({ ...NOTHING, structure: true, what: 'table changed' });
      expect(doorbell.look()).toBeUndefined();
      nft('add', 'set', 'inet', 'banjour', 's', '{ type ipv4_addr; }');
      expect(doorbell.look()).toEqual({ ...NOTHING, structure: true, what: 'set changed' });
      nft('add', 'element', 'inet', 'banjour', 's', '{ 192.0.2.1 }');
      expect(doorbell.look()).toEqual({ ...NOTHING, elements: true, what: 'element added' });
      nft('delete', 'element', 'inet', 'banjour', 's', '{ 192.0.2.1 }');
      expect(doorbell.look()).toEqual({ ...NOTHING, elements: true, what: 'element deleted' });
      nft('delete', 'table', 'inet', 'banjour');
      expect(doorbell.look()?.structure).toBe(true);
      nft('add', 'table', 'bridge', 'banjour');
      expect(doorbell.look()?.structure).toBe(true);
    });
  });

  kernelTest(
    'is silent about tables of others, in other families too, and about other namespaces',
    async () => {
      await listening(async (doorbell, nft) => {
        nft('add', 'table', 'inet', 'banjour2');
        nft('add', 'table', 'ip', 'banjour');
        nft('delete', 'table', 'inet', 'banjour2');
        await listening((other, otherNft) => {
          otherNft('add', 'table', 'inet', 'banjour');
          expect(other.look()).toBeDefined();
        });
        expect(doorbell.look()).toBeUndefined();
      });
    },
  );

  kernelTest('says when announcements were lost, and rings again afterwards', async () => {
    await listening((doorbell, nft, namespace) => {
      const folder = mkdtempSync(join(tmpdir(), 'banjour-test-'));
      const file = join(folder, 'many.nft');
      writeFileSync(
        file,
        `table inet other { set s { type ipv4_addr; elements = { ${hosts(200_000).join(', ')} }; }\n}\n`,
      );
      namespace.run(['sh', '-c', `${nftWords().join(' ')} -f - < ${file}`]);
      rmSync(folder, { recursive: true });
      let overrun = false;
      for (let ring = doorbell.look(); ring !== undefined; ring = doorbell.look())
        overrun ||= ring.overrun;
      expect(overrun).toBe(true);
      nft('add', 'table', 'inet', 'banjour');
      expect(doorbell.look()).toEqual({ ...NOTHING, structure: true, what: 'table changed' });
    });
  });

  kernelTest('may be closed twice; after that it cannot be used', async () => {
    await listening((doorbell) => {
      doorbell.close();
      doorbell.close();
      expect(() => doorbell.look()).toThrow(expect.objectContaining({ code: 'ERR_NETLINK' }));
    });
  });

  kernelTest('cannot be made in a namespace that does not exist', () => {
    expect(() => new NftDoorbell('banjour', '/run/netns/no-such-namespace')).toThrow('ENOENT');
  });
});

describe('a netlink dump', () => {
  kernelTest('of a table that is not there is nothing', async () => {
    await listening(async (_, __, namespace) => {
      expect(
        await dumpTable('inet', 'banjour', { netns: `/run/netns/${namespace.name}` }),
      ).toBeUndefined();
    });
  });
});
