import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parsePrefix } from '../../../src/core/address.js';
import type { BanDecision } from '../../../src/core/decision.js';
import { cursor, mustJailName } from '../../../src/core/names.js';
import { WHAT_IF_ADDRESSES_MAX, WHAT_IF_USERS_MAX } from '../../../src/core/service-limits.js';
import { type EpochMicros, epochMicros } from '../../../src/core/time.js';
import { openLedger } from '../../../src/ledger/open.js';
import { Timeline, WhatIf } from '../../../src/tools/replay/what-if.js';
import { cli, type Ran } from '../../support/cli.js';

const SESSION = 'examples/journal/lab-session.export.gz';

interface Truth {
  readonly must_ban: {
    readonly maxretry3: {
      readonly per_service: readonly string[];
      readonly all_services_together: readonly string[];
    };
  };
  readonly addresses: Readonly<
    Record<
      string,
      { readonly auth_failures: Record<string, number>; readonly successes: Record<string, number> }
    >
  >;
}
const truth = JSON.parse(readFileSync('examples/journal/lab-session.json', 'utf8')) as Truth;
const mustBan = truth.must_ban.maxretry3.per_service.toSorted();

interface Summary {
  readonly banned: readonly {
    readonly target: string;
    readonly jail: string;
    readonly first: string;
  }[];
  readonly jails: readonly {
    readonly jail: string;
    readonly failures: number;
    readonly bans: number;
  }[];
  readonly mistakes: readonly {
    readonly target: string;
    readonly successes: number;
    readonly shutOut: number;
  }[];
  readonly timeline: {
    readonly bins: readonly { readonly bans: number; readonly failures: number }[];
  };
  readonly difference: {
    readonly both: number;
    readonly onlyReplay: readonly { readonly target: string }[];
    readonly onlyThen: readonly { readonly target: string; readonly jail: string }[];
  } | null;
}

let configuration: string;
/** Only the jails that count, for what is about one jail. */
let counting: string;
beforeAll(() => {
  configuration = mkdtempSync(join(tmpdir(), 'banjour-'));
  counting = join(configuration, 'counting.conf');
  writeFileSync(counting, '[login]\nenabled = false\n');
});
afterAll(() => rmSync(configuration, { recursive: true }));

const answers = new Map<string, Promise<Ran>>();
/** A replay of the session. It says the same each time, so each is made once for all tests. */
function replayed(...options: string[]): Promise<Ran> {
  const key = options.join(' ');
  const answer = answers.get(key) ?? cli(['replay', SESSION, ...options]);
  answers.set(key, answer);
  return answer;
}

async function summaryOf(
  ...more: string[]
): Promise<{ summary: Summary; events: readonly string[] }> {
  return summed('--ipv6prefix', '128', '--with', counting, ...more);
}

async function summed(...more: string[]): Promise<{ summary: Summary; events: readonly string[] }> {
  const { code, out, err } = await replayed('--json', '--summary', ...more);
  if (code !== 0) throw new Error(err);
  const lines = out.trimEnd().split('\n');
  const { summary } = JSON.parse(lines.at(-1) ?? '') as { summary: Summary };
  return { summary, events: lines.slice(0, -1) };
}

describe('the what-if of a recorded attack', () => {
  test('names exactly the addresses that the clients know must be banned', async () => {
    const { summary, events } = await summaryOf();
    expect(summary.banned.map(({ target }) => target).toSorted()).toEqual(mustBan);
    expect(summary.timeline.bins.reduce((sum, { bans }) => sum + bans, 0)).toBe(mustBan.length);
    expect(events.filter((line) => line.includes('"event":"ban"'))).toHaveLength(mustBan.length);
  });

  test('with the jail that weighs, those that spread over services are banned too, and nobody else', async () => {
    const { summary } = await summed('--ipv6prefix', '128');
    const { all_services_together } = truth.must_ban.maxretry3;
    expect([...new Set(summary.banned.map(({ target }) => target))].toSorted()).toEqual(
      all_services_together.toSorted(),
    );
  });

  test('counts every failed attempt of the session once', async () => {
    const { summary } = await summaryOf();
    const refused = Object.values(truth.addresses)
      .flatMap(({ auth_failures }) => Object.values(auth_failures))
      .reduce((sum, one) => sum + one, 0);
    // And one that Postfix answered with 454, since Dovecot let the address wait: its client took
    // that for an error.
    const attempts = refused + 1;
    expect(summary.jails.reduce((sum, { failures }) => sum + failures, 0)).toBe(attempts);
    expect(summary.timeline.bins.reduce((sum, { failures }) => sum + failures, 0)).toBe(attempts);
  });

  test('lists banned addresses that also logged in, with how often', async () => {
    const { summary } = await summaryOf();
    const logins = mustBan.flatMap((address) => {
      const count = Object.values(truth.addresses[address]?.successes ?? {}).reduce(
        (sum, one) => sum + one,
        0,
      );
      return count > 0 ? [[address, count]] : [];
    });
    expect(logins.length).toBeGreaterThan(0);
    expect(summary.mistakes.map(({ target, successes }) => [target, successes]).toSorted()).toEqual(
      logins,
    );
  });

  test('ends without a summary when none was asked for', async () => {
    const { out } = await cli(['replay', SESSION, '--json']);
    for (const line of out.trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('event');
  });

  test('tells people the same, with a chart', async () => {
    const { out } = await replayed('--quiet', '--ipv6prefix', '128');
    expect(out).toMatch(/█/);
    expect(out).toMatch(/1,729 entries/);
    expect(out).toMatch(/10\.77\.20\.18 .*alice/);
    expect(out).not.toContain('\x1b');
  });

  test('shows a true share of the way on a terminal', async () => {
    const { err } = await cli(['replay', SESSION, '--quiet'], { tty: true });
    expect(err).toMatch(/\[#+·*\] 1?\d\d? % [\d,]+ entries/);
  });
});

describe('with changes to try out', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'banjour-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('--with takes a configuration that is not in place yet', async () => {
    const file = join(folder, 'new.conf');
    writeFileSync(file, '[dovecot]\nmaxretry = 1000\n');
    const { summary } = await summaryOf('--with', file);
    expect(summary.jails.map(({ jail, bans }) => [jail, bans > 0])).toContainEqual([
      'dovecot',
      false,
    ]);
    expect(summary.jails.find(({ jail }) => jail === 'sshd')?.bans).toBeGreaterThan(0);
  });

  test('--with names a file that is not there', async () => {
    const { code, err } = await cli(['replay', SESSION, '--with', join(folder, 'none.conf')]);
    expect([code, err]).toEqual([78, expect.stringContaining('there is no such file')]);
  });

  test('the difference from what happened is told by jail and address', async () => {
    const path = join(folder, 'ledger.sqlite3');
    const { summary } = await summaryOf();
    const { ledger } = openLedger(path, epochMicros(0));
    const decisions = [
      ...summary.banned.slice(2).map((ban) => decision(ban.jail, ban.target, ban.first)),
      decision('sshd', '198.51.100.9', summary.banned[5]?.first ?? ''),
      {
        ...decision('sshd', '198.51.100.10', summary.banned[5]?.first ?? ''),
        origin: 'operator' as const,
      },
    ];
    ledger.commit({ decisions });
    ledger.close();
    const before = readFileSync(path);
    const { difference } = (await summaryOf('--ledger', path)).summary;
    expect(difference?.both).toBe(mustBan.length - 2);
    expect(difference?.onlyReplay.map(({ target }) => target)).toEqual(
      summary.banned.slice(0, 2).map(({ target }) => target),
    );
    expect(difference?.onlyThen).toMatchObject([{ jail: 'sshd', target: '198.51.100.9' }]);
    expect(readFileSync(path)).toEqual(before);
  });

  test('a ledger that was asked for must be there', async () => {
    const { code, err } = await cli([
      'replay',
      SESSION,
      '--quiet',
      '--ledger',
      join(folder, 'none'),
    ]);
    expect([code, err]).toEqual([66, expect.stringContaining('there is no ledger')]);
  });
});

function decision(jail: string, target: string, time: string): BanDecision {
  const prefix = parsePrefix(target);
  if (prefix === undefined) throw new Error(target);
  return {
    kind: 'ban',
    jail: mustJailName(jail),
    target: prefix,
    time: epochMicros(Date.parse(time) * 1000),
    until: null,
    failures: 3,
    evidence: [],
    origin: 'journal',
    previousBans: 0,
  };
}

describe('the timeline', () => {
  test('keeps every count and never more bins than it may, whatever times come', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 80 }),
        fc.integer({ min: -50_000, max: 50_000 }),
        fc.array(fc.integer({ min: 0, max: 4_000_000_000 }), { minLength: 1, maxLength: 60 }),
        (binsMax, shift, seconds) => {
          const timeline = new Timeline(binsMax, shift);
          for (const second of seconds) timeline.add(epochMicros(second * 1_000_000), { bans: 1 });
          const view = timeline.view();
          if (view === undefined) throw new Error('no view');
          expect(view.bins.length).toBeLessThanOrEqual(Math.max(binsMax, 16));
          expect(view.bins.reduce((sum, { bans }) => sum + bans, 0)).toBe(seconds.length);
          expect(view.from).toBeLessThanOrEqual(Math.min(...seconds));
          expect(view.from + view.bins.length * view.width).toBeGreaterThan(Math.max(...seconds));
        },
      ),
    );
  });
});

describe('the bound of addresses', () => {
  const jail = mustJailName('sshd');
  const login = (address: string) => ({
    kind: 'success' as const,
    jail,
    address: { family: 4 as const, text: address },
    count: 1,
    time: 0 as EpochMicros,
    cursor: cursor('c'),
    regex: 0,
  });

  test.each([
    [3, 0],
    [4, 1],
  ])('%i addresses where 3 fit: %i are not compared', (count, left) => {
    const whatIf = new WhatIf({
      policies: [{ jail, ipv6prefix: 64 }],
      binsMax: 10,
      shiftSeconds: 0,
      addressesMax: 3,
    });
    for (let i = 1; i <= count; i++) whatIf.success(login(`192.0.2.${i}`));
    expect(whatIf.result().notCompared).toBe(left);
  });

  test('as many addresses are compared as the bound says, and those beyond are counted', () => {
    const whatIf = new WhatIf({
      policies: [{ jail, ipv6prefix: 64 }],
      binsMax: 10,
      shiftSeconds: 0,
    });
    for (let i = 0; i < WHAT_IF_ADDRESSES_MAX; i++)
      whatIf.success(login(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`));
    expect(whatIf.result().notCompared).toBe(0);
    whatIf.success(login('192.0.2.1'));
    expect(whatIf.result().notCompared).toBe(1);
  });

  test.each([
    [WHAT_IF_USERS_MAX, WHAT_IF_USERS_MAX],
    [WHAT_IF_USERS_MAX + 1, WHAT_IF_USERS_MAX],
  ])('of %i users of an address %i are kept', (count, kept) => {
    const whatIf = new WhatIf({
      policies: [{ jail, ipv6prefix: 64 }],
      binsMax: 10,
      shiftSeconds: 0,
    });
    for (let i = 0; i < count; i++) whatIf.success({ ...login('192.0.2.1'), user: `u${i}` });
    const time = '2026-11-21T00:00:00.000Z';
    whatIf.announced({ event: 'ban', time, jail, address: '192.0.2.1', until: null, count: 3 });
    expect(whatIf.result().mistakes).toMatchObject([
      { successes: count, users: Array.from({ length: kept }, (_, i) => `u${i}`) },
    ]);
  });

  test('a login from a banned /64 counts for its prefix', () => {
    const whatIf = new WhatIf({
      policies: [{ jail, ipv6prefix: 64 }],
      binsMax: 10,
      shiftSeconds: 0,
    });
    const time = '2026-11-21T00:00:00.000Z';
    whatIf.announced({ event: 'ban', time, jail, address: '2001:db8::/64', until: null, count: 3 });
    whatIf.success({ ...login(''), address: { family: 6, text: '2001:db8::7' }, user: 'anna' });
    expect(whatIf.result().mistakes).toMatchObject([
      { target: '2001:db8::/64', shutOut: 1, users: ['anna'] },
    ]);
  });
});

describe('a jail that weighs', () => {
  const jail = mustJailName('login');
  const time = '2026-11-21T00:00:00.000Z';
  const make = () =>
    new WhatIf({
      policies: [{ jail, ipv6prefix: 64, counts: 'evidence' }],
      binsMax: 10,
      shiftSeconds: 0,
    });

  test('has its bans counted by rule, extensions not', () => {
    const whatIf = make();
    for (const [address, rule] of [
      ['192.0.2.1', 'slow'],
      ['192.0.2.1', 'slow'],
      ['192.0.2.2', 'slow'],
      ['198.51.100.0/24', 'subnet'],
    ] as const)
      whatIf.announced({ event: 'ban', time, jail, address, until: null, count: 3, rule });
    expect(whatIf.result().jails).toMatchObject([
      { bans: 3, wouldBan: 0, rules: { slow: 2, subnet: 1 } },
    ]);
  });

  test('and those that it would have made while it watches', () => {
    const whatIf = make();
    const address = '192.0.2.1';
    whatIf.announced({ event: 'would-ban', time, jail, address, until: null, rule: 'fast' });
    expect(whatIf.result().jails).toMatchObject([{ bans: 0, wouldBan: 1, rules: { fast: 1 } }]);
  });

  test.each([
    ['198.51.100.0/24', { family: 4 as const, text: '198.51.100.7' }],
    ['2001:db8::/48', { family: 6 as const, text: '2001:db8::7' }],
    ['2001:db8::/56', { family: 6 as const, text: '2001:db8::7' }],
  ])('bans the network %s: a login from it is a likely mistake', (target, address) => {
    const whatIf = make();
    whatIf.announced({ event: 'ban', time, jail, address: target, until: null, rule: 'subnet' });
    whatIf.success({
      kind: 'success',
      jail,
      address,
      user: 'anna',
      count: 1,
      time: 0 as EpochMicros,
      cursor: cursor('c'),
      regex: 0,
    });
    expect(whatIf.result().mistakes).toMatchObject([{ target, shutOut: 1, users: ['anna'] }]);
  });
});

test('replay tells the bans by rule', async () => {
  const { out } = await replayed('--quiet', '--ipv6prefix', '128');
  expect(out).toMatch(/^login made \d+ bans?, by rule: slow \d+, fast \d+$/m);
});
