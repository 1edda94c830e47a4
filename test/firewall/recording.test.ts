import { describe, expect, test } from '@jest/globals';
import { NFT_RECORDED_BATCHES_MAX } from '../../src/core/limits.js';
import { RecordingBackend } from '../../src/firewall/recording.js';
import { contract } from './contract.js';
import { plan, put } from './support.js';

contract('recording', async () => {
  const backend = new RecordingBackend();
  return { backend, dispose: () => backend.close().catch(() => undefined) };
});

describe('a dry run', () => {
  test('shows the batches that nft would get', async () => {
    const backend = new RecordingBackend();
    await backend.open(plan(['sshd']), []);
    await backend.apply([put('sshd', '192.0.2.1', 600)]);
    const place = { family: 'inet', table: 'banjour', name: 'ban4.sshd' };
    expect(JSON.parse(backend.batches.at(-1) ?? '')).toEqual({
      nftables: [
        { add: { element: { ...place, elem: ['192.0.2.1'] } } },
        { delete: { element: { ...place, elem: ['192.0.2.1'] } } },
        { add: { element: { ...place, elem: [{ elem: { val: '192.0.2.1', timeout: 600 } }] } } },
      ],
    });
  });

  test('remembers a bounded number of batches, the newest', async () => {
    const backend = new RecordingBackend();
    await backend.open(plan(['sshd']), []);
    for (let i = 0; i < NFT_RECORDED_BATCHES_MAX; i++)
      await backend.apply([put('sshd', '192.0.2.1', 600 + i)]);
    expect(backend.batches).toHaveLength(NFT_RECORDED_BATCHES_MAX);
    expect(backend.batches[0]).not.toContain('"chain"');
    expect(backend.batches.at(-1)).toContain(`"timeout":${599 + NFT_RECORDED_BATCHES_MAX}`);
  });
});
