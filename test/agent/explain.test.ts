import { afterAll, beforeAll, expect } from '@jest/globals';
import { EXPLAIN_BANS_MAX } from '../../src/core/service-limits.js';
import { Host } from '../control/host.js';
import { canWrite } from '../support/journal-files.js';
import { needs } from '../support/require.js';

let host: Host;
beforeAll(async () => {
  if (canWrite[0]) host = await new Host().start();
});
afterAll(async () => {
  if (canWrite[0]) await host.end();
});

needs(...canWrite)('explain shows so many bans of an address, the newest', async () => {
  const client = host.client();
  const address = '192.0.2.1';
  const shown = async (times: number) => {
    for (let time = 0; time < times; time++) {
      await client.ban({ jail: 'sshd', targets: [address] });
      await client.unban({ targets: [address] });
    }
    return (await client.explain({ address })).bans.map(({ id }) => id);
  };
  const all = await shown(EXPLAIN_BANS_MAX);
  expect(all).toHaveLength(EXPLAIN_BANS_MAX);
  const [newest = 0] = all;
  expect(await shown(1)).toEqual([newest + 1, ...all.slice(0, -1)]);
});
