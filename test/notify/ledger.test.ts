/** notify at the real history: a ledger on disk, the control sockets, the typed client. */
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ControlClient } from '../../src/control/client.js';
import { parsePrefix } from '../../src/core/address.js';
import type { BanDecision } from '../../src/core/decision.js';
import { OperatorError } from '../../src/core/errors.js';
import { silentLog } from '../../src/core/log.js';
import { cursor, mustJailName } from '../../src/core/names.js';
import { plus, wallClock } from '../../src/core/time.js';
import { Notifier } from '../../src/notify/notifier.js';
import { routesOf } from '../../src/notify/targets.js';
import { Host } from '../control/host.js';
import { until } from '../support/until.js';

const MANY = 25_000;
const routes = routesOf([
  {
    jail: 'sshd',
    name: 'sshd',
    target: { kind: 'webhook', url: { text: 'http://hook.test/' }, secretFile: null },
  },
]);

let host: Host;
beforeEach(async () => {
  host = await new Host().start();
});
afterEach(() => host.end());

/** Runs notify until `done`; resolves with the ids that were told, and its metrics. */
async function told(
  done: (ids: readonly number[]) => boolean,
): Promise<{ ids: number[]; metrics: string }> {
  const ids: number[] = [];
  const notifier = new Notifier({
    routes,
    sender: { send: async (_, bans) => void ids.push(...bans.map(({ id }) => id)) },
    feed: new ControlClient(host.socket('status')),
    positionsPath: join(host.folder, 'positions.json'),
    log: silentLog,
    digestMs: 0,
  });
  const running = notifier.run();
  await until('the agent is met', () => notifier.view()[0]?.done !== null);
  await until('all are told', () => done(ids), 60_000);
  notifier.stop();
  await running;
  return { ids, metrics: await notifier.metrics.text('prometheus') };
}

/** Bans of an hour, in force at once. */
function banned(count: number): void {
  const ledger = host.agent?.stages.ledger;
  const now = wallClock.now();
  const decisions = Array.from({ length: count }, (_, i): BanDecision => {
    const target = parsePrefix(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    if (target === undefined) throw new Error('no address');
    return {
      kind: 'ban',
      jail: mustJailName('sshd'),
      target,
      time: now,
      until: plus(now, 3600),
      failures: 5,
      evidence: [cursor(`s=1;i=${i}`)],
      origin: 'journal',
      previousBans: 0,
    };
  });
  const bans = ledger?.commit({ decisions }).bans ?? [];
  ledger?.settle(
    bans.map(({ id }) => id),
    'in-force',
    now,
  );
}

test('25,000 bans that came while it was away are told after the next start, in order, each once', async () => {
  await told(() => true);
  banned(MANY);
  const { ids, metrics } = await told((list) => list.length >= MANY);
  expect(ids).toEqual(Array.from({ length: MANY }, (_, i) => i + 1));
  expect(metrics).toContain('banjour_notify_gaps_total 0');
  expect((await told(() => true)).ids).toEqual([]);
}, 90_000);

test('the history is given page by page, oldest first, and says its newest id', async () => {
  banned(5);
  const client = new ControlClient(host.socket('status'));
  const page = async (after: number) =>
    (await client.history({ order: 'oldest', after, limit: 3 })).map(({ id }) => id);
  expect([await page(0), await page(3), await page(5)]).toEqual([[1, 2, 3], [4, 5], []]);
  expect((await client.history({ limit: 2 })).map(({ id }) => id)).toEqual([5, 4]);
  expect(await client.newestBan()).toEqual({ id: 5 });
  await expect(client.history({ order: 'sideways' as 'oldest' })).rejects.toThrow(
    new OperatorError('order must be newest or oldest, not "sideways"'),
  );
});
