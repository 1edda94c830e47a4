import { describe, expect } from '@jest/globals';
import { ban, hosts, inForce, plan, put, remove } from '../firewall/support.js';
import { type Bench, kernelTest, makeBench } from './kernel.js';

async function opened(run: (bench: Bench) => Promise<void>, setSize: number): Promise<void> {
  const bench = makeBench({ setSize });
  try {
    await bench.backend.open(plan(['sshd', 'mail']), []);
    await run(bench);
  } finally {
    await bench.dispose();
  }
}

describe('when the kernel refuses a batch', () => {
  kernelTest(
    'because a set is full, what fits is in force and each other ban is reported with the reason',
    async () => {
      await opened(async ({ backend }) => {
        const changes = [
          ...hosts(6).map((host) => put('sshd', host)),
          put('mail', '192.0.2.1'),
          put('sshd', '2001:db8::1'),
        ];
        const { refused } = await backend.apply(changes);
        expect(refused).toHaveLength(2);
        for (const { change, reason } of refused) {
          expect(change.jail).toBe('sshd');
          expect(reason).toContain('Too many open files in system');
        }
        const there = await inForce(backend);
        expect(there).toHaveLength(6);
        expect(there).toContain('mail 192.0.2.1/32 10 min');
        expect(there).toContain('sshd 2001:db8::1/128 10 min');
      }, 4);
    },
  );

  kernelTest('a large batch over the size of a set fills the set exactly', async () => {
    await opened(async ({ backend }) => {
      const { refused } = await backend.apply(hosts(160).map((host) => put('sshd', host)));
      expect(refused).toHaveLength(10);
      expect(await inForce(backend)).toHaveLength(150);
    }, 150);
  });

  kernelTest('in a full set a ban can still be extended and lifted', async () => {
    await opened(async ({ backend }) => {
      await backend.apply([put('sshd', '192.0.2.1'), put('sshd', '192.0.2.2')]);
      expect((await backend.apply([put('sshd', '192.0.2.1', 60)])).refused).toEqual([]);
      expect((await backend.apply([remove('sshd', '192.0.2.2')])).refused).toEqual([]);
      expect((await backend.apply([put('sshd', '192.0.2.3')])).refused).toEqual([]);
      expect(await inForce(backend)).toEqual([
        'sshd 192.0.2.1/32 1 min',
        'sshd 192.0.2.3/32 10 min',
      ]);
    }, 2);
  });

  kernelTest('in a full set the removal of what is not there is still no error', async () => {
    await opened(async ({ backend }) => {
      await backend.apply([put('sshd', '192.0.2.1'), put('sshd', '192.0.2.2')]);
      expect(
        (await backend.apply([remove('sshd', '192.0.2.3'), remove('sshd', '192.0.2.1')])).refused,
      ).toEqual([]);
      expect(await inForce(backend)).toEqual(['sshd 192.0.2.2/32 10 min']);
    }, 2);
  });

  kernelTest('at the start, open puts in force what fits and reports the rest', async () => {
    const bench = makeBench({ setSize: 3 });
    try {
      const { refused } = await bench.backend.open(
        plan(['sshd']),
        hosts(5).map((host) => ban('sshd', host)),
      );
      expect(refused).toHaveLength(2);
      expect(await inForce(bench.backend)).toHaveLength(3);
    } finally {
      await bench.dispose();
    }
  });

  kernelTest(
    'because a set was deleted behind our back, the set comes back and nothing is refused',
    async () => {
      await opened(async ({ backend, nft }) => {
        nft('flush', 'chain', 'inet', 'banjour', 'bans4');
        nft('delete', 'set', 'inet', 'banjour', 'ban4.sshd');
        const { refused } = await backend.apply([
          put('sshd', '192.0.2.1'),
          put('mail', '192.0.2.1'),
        ]);
        expect(refused).toEqual([]);
        expect(await inForce(backend)).toEqual([
          'mail 192.0.2.1/32 10 min',
          'sshd 192.0.2.1/32 10 min',
        ]);
        expect(nft('list', 'chain', 'inet', 'banjour', 'bans4')).toContain('@ban4.sshd');
      }, 10);
    },
  );
});
