/** What the agent says of bans whose end came while nft did not answer. */
import { describe, expect, test } from '@jest/globals';
import { type Announcement, Announcer } from '../../src/agent/announce.js';
import { FirewallSync } from '../../src/agent/firewall-sync.js';
import type { Allowlist } from '../../src/allow/allowlist.js';
import { hostPrefix, parseAddress } from '../../src/core/address.js';
import type { FirewallBackend } from '../../src/core/firewall.js';
import { mustJailName } from '../../src/core/names.js';
import { plus, wallClock } from '../../src/core/time.js';
import { openLedger } from '../../src/ledger/open.js';

const jail = mustJailName('sshd');

/**
 * Two bans wait for nft, one of `seconds` and one of an hour; what is said once it has answered
 * after `waitMs`.
 */
async function saidAfter(seconds: number, waitMs: number): Promise<string[]> {
  const now = wallClock.now();
  const { ledger } = openLedger(':memory:', now);
  const decision = (text: string, length: number) => {
    const address = parseAddress(text);
    if (address === undefined) throw new Error(text);
    const shared = {
      kind: 'ban',
      jail,
      time: now,
      failures: 3,
      evidence: [],
      origin: 'journal',
      previousBans: 0,
    } as const;
    return { ...shared, target: hostPrefix(address), until: plus(now, length) };
  };
  ledger.commit({ decisions: [decision('192.0.2.1', seconds), decision('192.0.2.2', 3_600)] });
  const firewall = {
    provideWanted: () => undefined,
    onDrift: () => undefined,
    replan: async () => {
      const end = performance.now() + waitMs;
      while (performance.now() < end) await new Promise((resolve) => setImmediate(resolve));
      return { refused: [], elapsedMs: 1 };
    },
  } as unknown as FirewallBackend;
  const said: Announcement[] = [];
  const announcer = new Announcer(() => undefined);
  announcer.subscribe((announcement) => said.push(announcement));
  const policy = { jail } as never;
  const setup = {
    jails: [{ policy, rule: { jail } as never, intake: {} as never }],
    firewall: {} as never,
  } as never;
  const allow = { snapshot: { prefixes: () => [] } } as unknown as Allowlist;
  const kernel = new FirewallSync({
    firewall,
    ledger,
    allow,
    announcer,
    log: () => undefined,
    setup: () => setup,
    isHeld: () => false,
  });
  await kernel.catchUp();
  ledger.close();
  return said.map(({ event, address }) => `${event} ${address}`);
}

describe('bans that waited for nft', () => {
  test('are announced when it has answered', async () => {
    expect(await saidAfter(60, 0)).toEqual(['ban 192.0.2.1', 'ban 192.0.2.2']);
  });

  test('are not announced when they were over by then: nobody was banned', async () => {
    expect(await saidAfter(0.05, 100)).toEqual(['ban 192.0.2.2']);
  });
});
