import { expect, test } from '@jest/globals';
import { parsePrefix } from '../../src/core/address.js';
import type { EngineNews, SharedDecision } from '../../src/share/engine.js';
import { Inbox } from '../../src/share/inbox.js';
import { ShareMetrics } from '../../src/share/metrics.js';
import { FakeAgent } from './support.js';

const NOW = Date.UTC(2026, 10, 21, 12);

function decision(n: number, origin: SharedDecision['origin'] = 'banjour'): SharedDecision {
  return { key: `mx2 ${n}`, target: `192.0.2.${n}`, until: NOW + 3_600_000, origin, host: 'mx2' };
}

function inboxOf(heldMax: number, spared: readonly string[] = []) {
  const agent = new FakeAgent();
  const gauges = () => ({ connected: true, held: 0, queued: 0, lag: 0 }) as never;
  const inbox = new Inbox({
    engine: 'memory',
    agent,
    log: () => undefined,
    metrics: new ShareMetrics(gauges),
    signal: new AbortController().signal,
    now: () => NOW,
    spared: spared.flatMap((text) => parsePrefix(text) ?? []),
    heldMax,
  });
  const list = (put: readonly SharedDecision[], listing: EngineNews['listing'] = 'end') =>
    inbox.take({ listing, put, gone: [], own: new Map(), passedOver: 0 } as EngineNews);
  return { agent, inbox, list };
}

test('only the first request of a listing begins it, only the last one ends it', async () => {
  const { agent, list } = inboxOf(10);
  await list([decision(1)]);
  agent.requests.length = 0;
  await list([decision(1), decision(2, 'lists')], 'part');
  await list([decision(3)]);
  expect(agent.requests.map(({ begins, ends }) => [begins, ends])).toEqual([
    [true, undefined],
    [undefined, true],
  ]);
  expect(new Set(agent.requests.map(({ snapshot }) => snapshot)).size).toBe(1);
});

test('a listing that has no room here takes nothing away', async () => {
  const { agent, list } = inboxOf(2);
  await list([decision(1), decision(2)]);
  agent.requests.length = 0;
  await list([decision(3), decision(4), decision(1)]);
  expect(agent.requests.map(({ snapshot, ends }) => [snapshot, ends])).toEqual([
    [undefined, undefined],
  ]);
  expect([...agent.shared.keys()].sort()).toEqual([
    '192.0.2.1',
    '192.0.2.2',
    '192.0.2.3',
    '192.0.2.4',
  ]);
});

test('what holds the address of the engine is not told to the agent, and nobody is let in for it', async () => {
  const { agent, inbox, list } = inboxOf(10, ['198.51.100.7', '2001:db8::7']);
  const put = ['198.51.100.7', '198.51.100.6', '198.51.100.0/24', '2001:db8::/48'].map(
    (target, n) => ({ ...decision(n), target }),
  );
  await list(put);
  await inbox.take({ put, gone: [], own: new Map(), passedOver: 0 });
  await list(put.map((one) => ({ ...one, origin: 'lists' as const })));
  expect(agent.requests.flatMap(({ decisions }) => decisions.map(({ target }) => target))).toEqual([
    '198.51.100.6',
    '198.51.100.6',
  ]);
});
