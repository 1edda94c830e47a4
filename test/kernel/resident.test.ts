import { existsSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import { NFT_RESIDENT_BYTES_MAX } from '../../src/core/limits.js';
import { NftSession } from '../../src/firewall/nft-session.js';
import { nftCommand, reasonOf } from '../../src/firewall/runner.js';
import { hosts, inForce, plan, put } from '../firewall/support.js';
import { type Bench, kernelTest, makeBench, testCommand, until } from './kernel.js';

async function opened(
  run: (bench: Bench, problems: string[]) => Promise<void>,
  options: Parameters<typeof makeBench>[0] = {},
): Promise<void> {
  const problems: string[] = [];
  const bench = makeBench({ ...options, onProblem: (message) => void problems.push(message) });
  try {
    await bench.backend.open(plan(['sshd']), []);
    await run(bench, problems);
  } finally {
    await bench.dispose();
  }
}

function pidOf({ backend }: Bench): number {
  if (backend.residentPid === undefined) throw new Error('no resident nft');
  return backend.residentPid;
}

describe('the resident nft', () => {
  kernelTest('takes small batches, a fresh one large ones', async () => {
    await opened(async ({ backend }) => {
      expect((await backend.apply([put('sshd', '192.0.2.1')])).via).toBe('resident');
      expect((await backend.apply(hosts(200).map((host) => put('sshd', host)))).via).toBe('fresh');
    });
  });

  kernelTest('is replaced when it was killed, and no ban is lost meanwhile', async () => {
    await opened(async (bench, problems) => {
      const first = pidOf(bench);
      process.kill(first, 'SIGKILL');
      expect((await bench.backend.apply([put('sshd', '192.0.2.1')])).refused).toEqual([]);
      expect(await inForce(bench.backend)).toEqual(['sshd 192.0.2.1/32 10 min']);
      expect(problems.join()).toContain('the resident nft');
      await until(
        async () => (await bench.backend.apply([put('sshd', '192.0.2.2')])).via === 'resident',
      );
      expect(pidOf(bench)).not.toBe(first);
    });
  });

  kernelTest(
    'is given up when it stalls in the middle, and the batch goes another way',
    async () => {
      await opened(
        async (bench, problems) => {
          const first = pidOf(bench);
          process.kill(first, 'SIGSTOP');
          const report = await bench.backend.apply([put('sshd', '192.0.2.1')]);
          expect(report).toMatchObject({ refused: [], via: 'fresh' });
          expect(await inForce(bench.backend)).toEqual(['sshd 192.0.2.1/32 10 min']);
          expect(problems).toEqual([
            'the resident nft gave no answer within 1500 ms; its work goes to fresh ones meanwhile',
          ]);
          await until(() => !existsSync(`/proc/${first}`));
        },
        { residentDeadlineMs: 1_500 },
      );
    },
  );

  kernelTest('says of each batch of its own whether the kernel took it', async () => {
    await opened(async ({ namespace, nft }) => {
      const resident = new NftSession({
        command: nftCommand({ ...testCommand(), netns: `/run/netns/${namespace.name}` }),
      });
      const element = (verb: string, set: string, elem: string[]) =>
        JSON.stringify({
          nftables: [
            { [verb]: { element: { family: 'inet', table: 'banjour', name: set, elem } } },
          ],
        });
      expect(await resident.send(element('add', 'ban4.sshd', ['192.0.2.9']))).toBe('');
      expect(reasonOf(await resident.send(element('delete', 'ban4.sshd', ['192.0.2.8'])))).toBe(
        'No such file or directory',
      );
      expect(reasonOf(await resident.send(element('add', 'ban4.sshd', ['2001:db8::1'])))).toContain(
        'Address family',
      );
      expect(reasonOf(await resident.send('{"nftables": [ack'))).toBeDefined();
      expect(await resident.send(element('delete', 'ban4.sshd', ['192.0.2.9']))).toBe('');
      await resident.close();
      expect(nft('list', 'set', 'inet', 'banjour', 'ban4.sshd')).not.toContain('elements');
    });
  });

  kernelTest(
    'is replaced before it has read too much, since its prompt remembers every line',
    async () => {
      await opened(async ({ namespace }) => {
        expect(NFT_RESIDENT_BYTES_MAX).toBe(8 * 1024 * 1024);
        const resident = new NftSession({
          command: nftCommand({ ...testCommand(), netns: `/run/netns/${namespace.name}` }),
          bytesMax: 2_040,
        });
        const line = '{"nftables":[]}'.padEnd(1_000);
        await resident.send(line);
        const first = resident.pid;
        // 1,000 and the acknowledgement before: within the bound, and one line more is not.
        await resident.send(line);
        expect(resident.pid).toBe(first);
        await resident.send(line);
        expect(resident.pid).not.toBe(first);
        await resident.send(`${line} `);
        await resident.send(line);
        await resident.close();
      });
    },
  );
});
