/** The bounds of what other hosts may fill, and in which pieces it is written. */
import { expect, test } from '@jest/globals';
import { SharedDecisions } from '../../src/agent/share-decisions.js';
import { SharedLists } from '../../src/agent/share-lists.js';
import { AllowSnapshot } from '../../src/allow/snapshot.js';
import type { RequestFor } from '../../src/control/endpoints.js';
import { formatPrefix } from '../../src/core/address.js';
import type { Decision } from '../../src/core/decision.js';
import type { Element, ElementChange } from '../../src/core/firewall.js';
import {
  SHARE_BANS_MAX,
  SHARE_BANS_PER_HOUR_MAX,
  SHARE_DECISIONS_MAX,
  SHARE_LIST_SOURCES_MAX,
  SHARE_LISTS_MAX,
  SHARE_PARDONS_MAX,
  SHARE_PIECE_BANS,
  SHARE_PIECE_CHANGES,
  SHARE_SEEN_MAX,
  SHARE_STATUS_ROWS_MAX,
} from '../../src/core/service-limits.js';
import { LISTS_JAIL, SHARED_JAIL } from '../../src/core/share.js';
import { epochMicros, plus, seconds, wallClock } from '../../src/core/time.js';
import { openLedger } from '../../src/ledger/open.js';
import type { JailSetup } from '../../src/setup/setup.js';
import { prefix } from '../firewall/support.js';

type Told = RequestFor<'shareDecisions'>['decisions'][number];

const UNTIL = new Date(Date.now() + 86_400_000).toISOString();
/** The n-th of many public addresses. */
const address = (n: number) => `${20 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}.9`;
const told = (n: number, more: Partial<Told> = {}): Told => ({
  target: address(n),
  until: UNTIL,
  origin: 'banjour',
  host: 'mx2',
  ...more,
});
const many = (from: number, count: number, more: Partial<Told> = {}) =>
  Array.from({ length: count }, (_, i) => told(from + i, more));

/** Decisions over a real ledger; the kernel takes all. */
function sharedOf() {
  const { ledger } = openLedger(':memory:', wallClock.now());
  const policy = {
    jail: SHARED_JAIL,
    counts: 'nothing',
    share: {
      accept: ['banjour', 'lists'],
      bantimeMax: seconds(7 * 86_400),
      prefix: [24, 48],
      publish: { jails: 'all', operator: true },
    },
  };
  const pieces: number[] = [];
  const said: string[] = [];
  const kernel = new Set<string>();
  let follow: (standing: readonly Element[]) => void = () => undefined;
  const shared = new SharedDecisions({
    jails: { vouches: () => false },
    allow: { snapshot: new AllowSnapshot([]) },
    ledger,
    setup: () => ({ jails: [{ policy } as unknown as JailSetup], ipv6: true }),
    pipeline: {
      decide: async (decisions: readonly Decision[]) => {
        pieces.push(decisions.length);
        const { bans, ended } = ledger.commit({ decisions });
        return { bans: bans.map((record) => ({ record })), ended };
      },
    },
    firewall: {
      apply: async (changes: readonly ElementChange[]) => {
        pieces.push(changes.length);
        for (const { kind, target } of changes)
          if (kind === 'put') kernel.add(formatPrefix(target));
          else kernel.delete(formatPrefix(target));
        return { refused: [], via: 'resident', elapsedMs: 0 };
      },
      followListed: (listener) => {
        follow = listener;
      },
    },
    log: (_, text) => said.push(text),
  });
  const share = (decisions: Told[], more: object = {}) =>
    shared.decisions({ engine: 'lapi', decisions, lifted: [], ...more });
  return { shared, share, ledger, pieces, said, kernel, follow: (all: Element[]) => follow(all) };
}

test('many are taken in small pieces, between which everything else goes first', async () => {
  const { share, pieces } = sharedOf();
  let between = 0;
  const other = setInterval(() => between++, 0);
  await share([...many(0, 350), ...many(1000, 350, { origin: 'lists' })]);
  expect(Math.max(...pieces)).toBe(SHARE_PIECE_BANS);
  await share(many(2000, 350, { origin: 'lists' }));
  clearInterval(other);
  expect(Math.max(...pieces)).toBe(SHARE_PIECE_CHANGES);
  expect(pieces.reduce((sum, one) => sum + one, 0)).toBe(1_050);
  expect(between).toBeGreaterThan(0);
});

test('no peer fills the ledger: so many bans are in force, so many come in an hour', async () => {
  const { share, ledger, shared } = sharedOf();
  for (let at = 0; at < SHARE_BANS_MAX - 1; at += SHARE_DECISIONS_MAX)
    await share(many(at, Math.min(SHARE_DECISIONS_MAX, SHARE_BANS_MAX - 1 - at)));
  expect(await share(many(SHARE_BANS_MAX, 2))).toMatchObject({
    taken: 1,
    refused: [{ why: `${SHARE_BANS_MAX} are in force already` }],
  });
  // What is known is no new one.
  expect(await share(many(0, 10))).toMatchObject({ taken: 10, refusedCount: 0 });
  expect(ledger.history.openBansOf(SHARED_JAIL)).toBe(SHARE_BANS_MAX);
  expect(await shared.flush({})).toEqual({ lifted: SHARE_BANS_MAX, listed: 0 });
  const left = SHARE_BANS_PER_HOUR_MAX - SHARE_BANS_MAX;
  for (let at = 0; at < left - 1; at += SHARE_DECISIONS_MAX)
    await share(many(at, Math.min(SHARE_DECISIONS_MAX, left - 1 - at)));
  expect(await share(many(left, 2))).toMatchObject({
    taken: 1,
    refused: [{ why: `${SHARE_BANS_PER_HOUR_MAX} came in an hour` }],
  });
  expect(shared.status().refused).toEqual({ full: 1, rate: 1 });
});

test('status names the hosts with the most bans, and no more than a screen holds', async () => {
  const { share, shared } = sharedOf();
  const hosts = SHARE_STATUS_ROWS_MAX + 1;
  await share(Array.from({ length: hosts + 1 }, (_, n) => told(n, { host: `mx${n % hosts}` })));
  const { inForce } = shared.status();
  expect(inForce.length).toBe(SHARE_STATUS_ROWS_MAX);
  expect(inForce[0]).toEqual({ host: 'mx0', origin: 'banjour', bans: 2 });
});

test('an unfinished complete list takes nothing away, the next one does', async () => {
  const { share, kernel, ledger } = sharedOf();
  const list = { origin: 'lists' };
  await share([told(1), told(2), told(3, list), told(4, list)]);
  await share([told(1), told(3, list)], { snapshot: 'a', begins: true });
  expect([...kernel]).toEqual([address(3), address(4)]);
  await share([told(2), told(4, list)], { snapshot: 'b', begins: true });
  // Between the parts of a list something may be told that it does not have yet.
  await share([told(5)]);
  expect(await share([], { snapshot: 'b', ends: true })).toMatchObject({ lifted: 2 });
  expect([...kernel]).toEqual([address(4)]);
  const left = [...ledger.inForce(wallClock.now())].map(({ target }) => target.base);
  expect(left).toEqual([address(2), address(5)]);
});

test('a request that comes again, also while the first one is under way, changes nothing', async () => {
  const { share, shared, ledger, pieces, kernel } = sharedOf();
  const decisions = [...many(0, 60), ...many(100, 60, { origin: 'lists' })];
  const [first, again] = await Promise.all([share(decisions), share(decisions)]);
  expect([first?.taken, again?.taken]).toEqual([120, 120]);
  expect(pieces.reduce((sum, one) => sum + one, 0)).toBe(120);
  expect([ledger.history.openBansOf(SHARED_JAIL), kernel.size]).toEqual([60, 60]);
  // What an operator lifted in between stays lifted.
  const lifted = prefix(address(0));
  const time = wallClock.now();
  const unban = { kind: 'unban', jail: SHARED_JAIL, target: lifted, time, reason: 'operator' };
  ledger.commit({ decisions: [unban as Decision] });
  await shared.unlist(prefix(address(100)));
  expect(await share(decisions)).toMatchObject({ refusedCount: 1 });
  expect([ledger.history.openBansOf(SHARED_JAIL), kernel.size]).toEqual([59, 59]);
  // Lifts, too.
  const lifts = [{ target: address(1), origin: 'banjour' as const, host: 'mx2' }];
  const both = [share([], { lifted: lifts }), share([], { lifted: lifts })];
  expect((await Promise.all(both)).map((one) => one.lifted)).toEqual([1, 0]);
});

test('a complete list whose beginning this agent did not see takes nothing away', async () => {
  const { share, ledger } = sharedOf();
  await share([told(1), told(2)]);
  // The companion began it with the agent that ran before.
  await share([told(3)], { snapshot: 'half' });
  expect(await share([told(4)], { snapshot: 'half', ends: true })).toMatchObject({ lifted: 0 });
  expect(ledger.history.openBansOf(SHARED_JAIL)).toBe(4);
});

test('a complete list that never ends is not remembered without end, and takes nothing away', async () => {
  const { share, ledger } = sharedOf();
  await share([told(0)]);
  const snapshot = 'endless';
  for (let at = 1; at <= SHARE_SEEN_MAX + 1; at += SHARE_DECISIONS_MAX)
    await share(many(at, SHARE_DECISIONS_MAX), { snapshot, begins: at === 1 });
  expect(await share([], { snapshot, ends: true })).toMatchObject({ lifted: 0 });
  expect(ledger.history.openBansOf(SHARED_JAIL)).toBe(SHARE_BANS_MAX);
  // The next one counts again.
  await share([told(0)], { snapshot: 'next', begins: true, ends: true });
  expect(ledger.history.openBansOf(SHARED_JAIL)).toBe(1);
});

test('what the kernel lost of lists comes back, and what it has too much goes', async () => {
  const { share, kernel, follow, shared } = sharedOf();
  const element = (n: number): Element => ({
    jail: LISTS_JAIL,
    target: prefix(address(n)),
    until: plus(wallClock.now(), 3_600),
  });
  // At the start the kernel’s own are known again.
  follow([element(1), element(2)]);
  await shared.review();
  expect(shared.status().lists.inForce).toBe(2);
  await share([told(3, { origin: 'lists' })]);
  kernel.clear();
  kernel.add(address(9));
  follow([element(9)]);
  await shared.review();
  expect([...kernel].sort()).toEqual([1, 2, 3].map(address).sort());
});

test('lists are as long as they may be and no longer; names of sources likewise', () => {
  const lists = new SharedLists({
    apply: async () => ({ refused: [], via: 'none', elapsedMs: 0 }),
  });
  const until = plus(wallClock.now(), 3_600);
  const at = (n: number) => prefix(address(n));
  for (let n = 0; n < SHARE_LISTS_MAX; n++) lists.put(at(n), until, { host: `h${n}` });
  expect(lists.size).toBe(SHARE_LISTS_MAX);
  expect(lists.put(at(SHARE_LISTS_MAX), until, undefined)).toBeUndefined();
  expect(lists.put(at(0), until, { host: 'h0' })).toBe(false);
  const host = (n: number) => lists.covering(at(n), wallClock.now())[0]?.host;
  // One place stands for those that nobody named.
  expect(host(SHARE_LIST_SOURCES_MAX - 2)).toBe(`h${SHARE_LIST_SOURCES_MAX - 2}`);
  expect(host(SHARE_LIST_SOURCES_MAX - 1)).toBeUndefined();
  const [first] = lists.covering(at(1), wallClock.now());
  for (let n = 0; n <= SHARE_PARDONS_MAX; n++) {
    const target = n === 0 ? at(1) : prefix(`9.9.${n >> 8}.${n & 255}`);
    lists.pardon({ target, until }, target);
  }
  expect(first?.host).toBe('h1');
  // The oldest is forgotten for one too many.
  expect(lists.put(at(1), until, undefined)).toBe(true);
  for (const held of ['9.9.0.1', '9.9.0.0/31', '9.9.0.0/24'])
    expect([held, lists.put(prefix(held), until, undefined)]).toEqual([held, false]);
  lists.take(at(0));
  expect(lists.put(at(SHARE_LISTS_MAX), until, undefined)).toBe(true);
  expect(lists.tidy(epochMicros(until + 1e6))).toBe(0);
});

test('what holds what an operator opened before a restart is not taken', () => {
  const firewall = {
    apply: async () => ({ refused: [], via: 'none' as const, elapsedMs: 0 }),
  };
  const until = plus(wallClock.now(), 3_600);
  const lists = new SharedLists(firewall, [
    { target: prefix('9.9.9.9'), until },
    { target: prefix('9.9.7.9'), until: plus(wallClock.now(), -1) },
    { target: prefix('9.8.0.0/24'), until },
  ]);
  const isTaken = (target: string) => lists.put(prefix(target), until, undefined);
  expect(['9.9.9.9', '9.9.9.0/24', '9.8.0.0/24', '9.8.0.0/16'].map(isTaken)).toEqual(
    Array(4).fill(false),
  );
  // Beside it, over since, and within what an operator named: such elements were never lifted.
  expect(['9.9.9.8', '9.9.7.9', '9.8.0.7'].map(isTaken)).toEqual(Array(3).fill(true));
});

test('what a list does not have any more stays banned where a host says so', async () => {
  const { share, kernel, ledger } = sharedOf();
  const { target } = told(1);
  await share([told(1), told(1, { origin: 'lists' })]);
  expect([...kernel]).toEqual([target]);
  // Told twice, since two lists had it.
  for (const lifted of [1, 0])
    expect(await share([], { lifted: [{ target, origin: 'lists' }] })).toMatchObject({ lifted });
  expect([...kernel]).toEqual([]);
  expect(ledger.history.openBansOf(SHARED_JAIL)).toBe(1);
});
