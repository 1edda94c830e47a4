import { beforeEach, describe, expect, test } from '@jest/globals';
import { type Announcement, Announcer } from '../../src/agent/announce.js';
import { type IntakeBatch, Pipeline, type PipelineDeps } from '../../src/agent/pipeline.js';
import { formatPrefix, type Prefix, parseAddress, parsePrefix } from '../../src/core/address.js';
import type { FilterEvent } from '../../src/core/decision.js';
import type { ApplyReport, ElementChange } from '../../src/core/firewall.js';
import { silentLog } from '../../src/core/log.js';
import { cursor, mustJailName, sourceId } from '../../src/core/names.js';
import type { JailPolicy } from '../../src/core/specs.js';
import {
  type EpochMicros,
  epochMicros,
  isoTime,
  plus,
  SetClock,
  seconds,
} from '../../src/core/time.js';
import { HOURLY_SECONDS } from '../../src/core/timeouts.js';
import { NoFirewall } from '../../src/firewall/recording.js';
import { Jails } from '../../src/jail/jails.js';
import { hourOf, timeOfHour } from '../../src/ledger/hourly.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';

const jail = mustJailName('sshd');
const source = sourceId('local');
const start = epochMicros(1_795_000_000_000_000);
const at = (second: number) => plus(start, second);

const policy: JailPolicy = {
  ...{
    jail,
    maxretry: 3,
    findtime: seconds(600),
    bantime: seconds(60),
    ipv6prefix: 64,
    forgetOnSuccess: false,
  },
};

/** A kernel that writes down what it is told, and refuses what it is told to refuse. */
class Kernel extends NoFirewall {
  readonly told: string[] = [];
  batches = 0;
  refuse: string | undefined;
  broken = false;
  override async apply(changes: readonly ElementChange[] = []): Promise<ApplyReport> {
    // A real kernel answers later.
    await new Promise(setImmediate);
    this.batches++;
    if (this.broken) throw new Error('nft is gone');
    this.told.push(...changes.map(({ kind, target }) => `${kind} ${formatPrefix(target)}`));
    const refused = changes
      .filter(({ target }) => formatPrefix(target) === this.refuse)
      .map((change) => ({ change, reason: 'set is full' }));
    return { refused, via: 'resident', elapsedMs: 0 };
  }
}

let kernel: Kernel;
let ledger: Ledger;
let jails: Jails;
let said: Announcement[];
let wall: SetClock;
let pipeline: Pipeline;
let errors: unknown[];
let broken: unknown[];
let sequence = 0;

beforeEach(() => {
  kernel = new Kernel();
  ledger = openLedger(':memory:', start).ledger;
  jails = new Jails([policy]);
  said = [];
  errors = [];
  broken = [];
  wall = new SetClock(start);
  pipeline = make({});
});

function make(parts: Partial<PipelineDeps>): Pipeline {
  const announcer = new Announcer(silentLog);
  announcer.subscribe((announcement) => said.push(announcement));
  return new Pipeline({
    jails,
    ledger,
    firewall: kernel,
    announcer,
    allow: {
      allowed: (_, address) =>
        address.text === '198.51.100.7' ? 'ignoreip 198.51.100.7' : undefined,
      coversAllowed: () => false,
    },
    wall,
    stored: new SetClock(),
    random: () => 0,
    failed: (error) => errors.push(error),
    broken: (error) => broken.push(error),
    ...parts,
  });
}

/** As a replay has it: no clock but that of the entries. */
function makeReplay(): Pipeline {
  const clock = new SetClock();
  return make({ wall: clock, stored: clock, inOrder: true });
}

function failure(text: string, second: number, count = 1): FilterEvent {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(text);
  return {
    kind: 'failure',
    jail,
    address,
    count,
    time: at(second),
    cursor: cursor(`c${++sequence}`),
    regex: 0,
    user: 'root\u001b[31m',
  };
}

function batch(
  phase: IntakeBatch['phase'],
  events: readonly FilterEvent[],
  warm: readonly FilterEvent[] = [],
): IntakeBatch {
  const last = [...warm, ...events].at(-1);
  return {
    type: 'batch',
    phase,
    events,
    warm,
    ...(last === undefined ? {} : { position: { cursor: last.cursor, time: last.time } }),
  };
}

const told = () => said.map(({ event, address }) => `${event} ${address}`);
const prefix = (text: string) => parsePrefix(text) as Prefix;

describe('the pipeline', () => {
  test('counts what it found by the hour, once, and writes it with the position', async () => {
    const counted = () => {
      const { totals, jails: rows } = ledger.database.figures(at(0), at(7200));
      return { totals, rows };
    };
    wall.set(at(100));
    const login = { ...failure('192.0.2.9', 3), kind: 'success' as const };
    const events = [
      failure('192.0.2.1', 1, 2),
      failure('198.51.100.7', 2),
      login,
      failure('192.0.2.1', 4),
      failure('192.0.2.1', 5),
    ];
    const { position: _, ...half } = batch('live', events.slice(0, 2));
    await pipeline.take(source, half);
    // Without a position nothing is written: it will be read again.
    expect(counted().totals).toMatchObject({ attempts: 0, ignored: 0 });
    await pipeline.take(source, batch('live', events.slice(2)));
    await pipeline.idle();
    expect(counted().totals).toMatchObject({ attempts: 4, ignored: 1, logins: 1, bans: 1 });
    const found = said.filter(({ event }) => event === 'found');
    expect(found.reduce((sum, { count = 0 }) => sum + count, 0)).toBe(4);
    // The warm-up of a restart counts nothing again.
    pipeline = make({});
    await pipeline.take(source, batch('catch-up', [], events));
    expect(counted().totals.attempts).toBe(4);
  });

  test("a reader that takes another's place before a position was told counts nothing anew", async () => {
    wall.set(at(100));
    const { position: _, ...held } = batch('live', [
      failure('192.0.2.1', 1),
      failure('192.0.2.1', 2),
    ]);
    await pipeline.take(source, held);
    // As the supervisor does.
    jails.reset(jail);
    await pipeline.take(source, batch('catch-up', held.events));
    expect(ledger.database.figures(at(0), at(7200)).totals).toMatchObject({ attempts: 2, bans: 0 });
    expect(told().filter((one) => one.startsWith('found'))).toHaveLength(2);
    await pipeline.take(source, batch('live', [failure('192.0.2.1', 3)]));
    await pipeline.idle();
    expect(ledger.database.figures(at(0), at(7200)).totals).toMatchObject({ attempts: 3, bans: 1 });
  });

  test('counts an entry from the future as one of now, and passes over what is too old', async () => {
    wall.set(at(10));
    const events = [failure('192.0.2.1', 9_000_000), failure('192.0.2.2', -HOURLY_SECONDS + 9)];
    await pipeline.take(
      source,
      batch('live', [...events, failure('192.0.2.3', -HOURLY_SECONDS + 10)]),
    );
    const figures = ledger.database.figures(at(-HOURLY_SECONDS - 7200), at(9_100_000));
    expect(figures.hours.filter(({ attempts }) => attempts > 0)).toMatchObject([
      { attempts: 1 },
      { time: isoTime(timeOfHour(hourOf(at(10)))), attempts: 1 },
    ]);
  });

  test('says which host reported the failures, and the ledger remembers it', async () => {
    wall.set(at(3));
    const events = [1, 2, 3].map((second) => ({
      ...failure('192.0.2.1', second),
      host: 'mail\u001b[2J (198.18.0.1)',
    }));
    await pipeline.take(source, batch('live', events));
    await pipeline.idle();
    expect(said.at(-1)).toMatchObject({ event: 'ban', host: 'mail\\x1b[2J (198.18.0.1)' });
    expect([...ledger.inForce(at(4))][0]?.host).toBe('mail\u001b[2J (198.18.0.1)');
  });

  test('tells what breaks behind a live batch apart from what the kernel refuses', async () => {
    const bug = new Error('a bug');
    const applied = () => {
      throw bug;
    };
    wall.set(at(3));
    const events = [1, 2, 3].map((second) => failure('192.0.2.1', second));
    const own = make({ applied });
    await own.take(source, batch('live', events));
    await own.idle();
    expect([broken, errors]).toEqual([[bug], []]);
  });

  test('bans in the kernel first, then says so, and the ledger knows it is in force', async () => {
    wall.set(at(3));
    await pipeline.take(
      source,
      batch('live', [failure('192.0.2.1', 1), failure('192.0.2.1', 2), failure('192.0.2.1', 3)]),
    );
    expect(told()).not.toContain('ban 192.0.2.1');
    await pipeline.idle();
    expect(kernel.told).toEqual(['put 192.0.2.1']);
    expect(told()).toEqual([
      'found 192.0.2.1',
      'found 192.0.2.1',
      'found 192.0.2.1',
      'ban 192.0.2.1',
    ]);
    expect([...ledger.inForce(at(4))].map(({ state, until }) => [state, until])).toEqual([
      ['in-force', at(63)],
    ]);
    expect(said.at(-1)?.user).toBe('root\\x1b[31m');
  });

  test('keeps the position together with the decisions', async () => {
    const events = [failure('192.0.2.1', 1), failure('192.0.2.1', 2), failure('192.0.2.1', 3)];
    await pipeline.take(source, batch('catch-up', events));
    expect(ledger.position(source)).toEqual({ cursor: events[2]?.cursor, time: at(3) });
    await pipeline.take(source, {
      type: 'batch',
      phase: 'catch-up',
      events: [],
      warm: [],
      position: { cursor: cursor('later'), time: at(9) },
    });
    expect(ledger.position(source)?.cursor).toBe('later');
  });

  test('bans at the live edge while stored entries are read, says it once and stores no position', async () => {
    wall.set(at(100));
    const [first, second, third] = [91, 92, 93].map((second) => failure('192.0.2.1', second));
    const events = [first, second, third] as FilterEvent[];
    pipeline.takeEdge(source, { warm: events.slice(0, 1), events: events.slice(1) });
    await pipeline.idle();
    expect(told()).toEqual(['ban 192.0.2.1']);
    expect(kernel.told).toEqual(['put 192.0.2.1']);
    expect(ledger.position(source)).toBeUndefined();
    expect([...ledger.inForce(at(100))][0]).toMatchObject({ time: at(93), until: at(153) });
    await pipeline.take(
      source,
      batch('warm-up', [], [failure('192.0.2.1', 10), ...events.slice(0, 1)]),
    );
    await pipeline.take(source, batch('catch-up', [failure('192.0.2.2', 50), ...events.slice(1)]));
    await pipeline.take(source, batch('live', []));
    // One more fills no window: what was answered is settled.
    await pipeline.take(source, batch('live', [failure('192.0.2.1', 100)]));
    await pipeline.idle();
    expect(told().filter((one) => one !== 'found 192.0.2.1')).toEqual([
      'ban 192.0.2.1',
      'found 192.0.2.2',
    ]);
    expect(told().filter((one) => one === 'found 192.0.2.1')).toHaveLength(3);
    expect(kernel.told).toEqual(['put 192.0.2.1']);
    expect(broken).toEqual([]);
  });

  test('an agent killed amid its warm-up leaves what was banned at the edge, and reads on from the old position', async () => {
    const mark = batch('live', [failure('192.0.2.9', 5)]);
    await pipeline.take(source, mark);
    wall.set(at(100));
    const events = [91, 92, 93].map((second) => failure('192.0.2.1', second));
    pipeline.takeEdge(source, { warm: [], events });
    await pipeline.idle();
    expect(ledger.position(source)).toEqual(mark.position);
    jails = new Jails([policy]);
    jails.remember(ledger.floors(at(0)));
    pipeline = make({});
    pipeline.takeEdge(source, { warm: [], events });
    await pipeline.take(source, batch('catch-up', events));
    await pipeline.take(source, batch('live', [failure('192.0.2.1', 99)]));
    await pipeline.idle();
    expect(kernel.told).toEqual(['put 192.0.2.1']);
  });

  test('an unban while stored entries are read holds for those that are read after it', async () => {
    wall.set(at(100));
    await pipeline.take(source, batch('catch-up', [failure('192.0.2.2', 20)]));
    const time = at(100);
    await pipeline.decide([
      { kind: 'unban', jail, target: prefix('192.0.2.1'), time, reason: 'operator' },
    ]);
    await pipeline.take(
      source,
      batch(
        'catch-up',
        [30, 31, 32].map((second) => failure('192.0.2.1', second)),
      ),
    );
    await pipeline.idle();
    expect(kernel.told).toEqual([]);
  });

  test('counts warm-up entries and decides nothing on them', async () => {
    await pipeline.take(source, {
      ...batch('warm-up', [], [failure('192.0.2.1', 1), failure('192.0.2.1', 2)]),
    });
    expect(said).toEqual([]);
    await pipeline.take(source, batch('catch-up', [failure('192.0.2.1', 3)]));
    expect(told()).toEqual(['found 192.0.2.1', 'ban 192.0.2.1']);
  });

  test('ends and begins bans of stored entries in their own time and order, however they fall into batches', async () => {
    pipeline = makeReplay();
    const attack = [1, 2, 3, 70, 71, 72, 200].map((second) => failure('192.0.2.1', second));
    const expected = [
      'found',
      'found',
      'found',
      'ban',
      'unban',
      'found',
      'found',
      'found',
      'ban',
      'unban',
      'found',
    ];
    await pipeline.take(source, batch('catch-up', attack.slice(0, 2)));
    await pipeline.take(source, batch('catch-up', attack.slice(2)));
    expect(said.map(({ event }) => event)).toEqual(expected);
    expect(said.filter(({ event }) => event === 'unban').map(({ time }) => time)).toEqual([
      new Date(at(63) / 1000).toISOString(),
      new Date(at(132) / 1000).toISOString(),
    ]);
  });

  test('decides the same in runs as entry by entry, with fewer writes and one word to the kernel', async () => {
    wall.set(at(10));
    const burst = Array.from({ length: 30 }, (_, i) => failure(`192.0.2.${i % 10}`, 1 + i / 10));
    await pipeline.take(source, batch('catch-up', burst));
    expect(kernel.told).toHaveLength(10);
    expect(kernel.batches).toBe(1);
    expect(
      [...ledger.inForce(at(5))].map(({ target, until }) => [formatPrefix(target), until]),
    ).toEqual(
      Array.from({ length: 10 }, (_, i) => [`192.0.2.${i}`, plus(at(1 + (20 + i) / 10), 60)]),
    );
  });

  test('a ban that an ignorecommand forbids counts in no jail that counts bans', async () => {
    const again = mustJailName('again');
    jails = new Jails([
      { ...policy, maxretry: 1 },
      { ...policy, jail: again, counts: 'bans', maxretry: 2 },
    ]);
    let answer = true;
    const ignore = { asks: () => true, ask: async () => answer, stop: () => undefined };
    const asking = make({ ignore });
    const ban = async (second: number) => {
      wall.set(at(second));
      await asking.take(source, batch('live', [failure('192.0.2.1', second)]));
      await new Promise(setImmediate);
      await asking.idle();
      await asking.expireByWall();
    };
    await ban(0);
    expect([...ledger.inForce(at(1))]).toEqual([]);
    answer = false;
    await ban(2);
    expect([...ledger.inForce(at(2))].map((one) => one.jail)).toEqual([jail]);
    await ban(100);
    expect([...ledger.inForce(at(100))].map((one) => one.jail)).toEqual([jail, again]);
  });

  test('says who is ignored and why, and never bans them', async () => {
    await pipeline.take(
      source,
      batch(
        'live',
        [1, 2, 3, 4].map((second) => failure('198.51.100.7', second)),
      ),
    );
    await pipeline.idle();
    expect(kernel.told).toEqual([]);
    expect(said[0]).toMatchObject({ event: 'ignored', reason: 'ignoreip 198.51.100.7' });
  });

  test('reports what the kernel refuses, and bans the others', async () => {
    kernel.refuse = '192.0.2.1';
    wall.set(at(3));
    await pipeline.take(
      source,
      batch(
        'live',
        ['192.0.2.1', '192.0.2.2'].flatMap((text) => [failure(text, 1, 3)]),
      ),
    );
    await pipeline.idle();
    expect(told()).toEqual([
      'found 192.0.2.1',
      'found 192.0.2.2',
      'refused 192.0.2.1',
      'ban 192.0.2.2',
    ]);
    expect([...ledger.inForce(at(4))].map(({ target }) => formatPrefix(target))).toEqual([
      '192.0.2.2',
    ]);
  });

  test('keeps what is wanted when nft is gone, and says nothing of a ban', async () => {
    kernel.broken = true;
    wall.set(at(3));
    await pipeline.take(source, batch('live', [failure('192.0.2.1', 1, 3)]));
    await pipeline.idle();
    expect(errors).toHaveLength(1);
    expect(told()).toEqual(['found 192.0.2.1']);
    expect(ledger.unsettled().map(({ target }) => formatPrefix(target))).toEqual(['192.0.2.1']);
  });

  test("an operator's unban lifts the ban and forgets the failures up to then", async () => {
    wall.set(at(3));
    await pipeline.take(
      source,
      batch('live', [failure('192.0.2.1', 1, 3), failure('192.0.2.2', 2, 2)]),
    );
    const time = at(4);
    const { ended } = await pipeline.decide(
      ['192.0.2.1', '192.0.2.2'].map((text) => ({
        kind: 'unban' as const,
        target: prefix(text),
        time,
        reason: 'operator' as const,
      })),
    );
    expect(ended.map(({ target }) => formatPrefix(target))).toEqual(['192.0.2.1']);
    expect(kernel.told).toEqual(['put 192.0.2.1', 'remove 192.0.2.1']);
    wall.set(at(5));
    await pipeline.take(source, batch('live', [failure('192.0.2.2', 5)]));
    await pipeline.idle();
    expect(told().filter((line) => line.startsWith('ban'))).toEqual(['ban 192.0.2.1']);
  });

  test('ends bans when their time is up and takes them out of the kernel', async () => {
    wall.set(at(3));
    await pipeline.take(source, batch('live', [failure('192.0.2.1', 1, 3)]));
    await pipeline.idle();
    await pipeline.expire(at(62) as EpochMicros);
    expect(told()).not.toContain('unban 192.0.2.1');
    await pipeline.expire(at(63));
    expect(told()).toContain('unban 192.0.2.1');
    expect(kernel.told).toEqual(['put 192.0.2.1', 'remove 192.0.2.1']);
  });

  test('a clock that is put forward ends bans and lets old failures count no more', async () => {
    wall.set(at(3));
    await pipeline.take(
      source,
      batch('live', [failure('192.0.2.1', 1, 3), failure('192.0.2.2', 2, 2)]),
    );
    await pipeline.idle();
    wall.set(at(86_400));
    await pipeline.expireByWall();
    await pipeline.take(source, batch('live', [failure('192.0.2.2', 86_400)]));
    await pipeline.idle();
    expect(told().filter((line) => !line.startsWith('found'))).toEqual([
      'ban 192.0.2.1',
      'unban 192.0.2.1',
    ]);
  });

  test('a clock that is put back keeps bans, and new failures count at once', async () => {
    wall.set(at(10_000));
    await pipeline.take(source, batch('live', [failure('192.0.2.1', 10_000, 3)]));
    await pipeline.idle();
    wall.set(at(100));
    await pipeline.expireByWall();
    await pipeline.take(source, batch('live', [failure('192.0.2.2', 100, 3)]));
    await pipeline.idle();
    expect(told().filter((line) => !line.startsWith('found'))).toEqual([
      'ban 192.0.2.1',
      'ban 192.0.2.2',
    ]);
    expect([...ledger.inForce(at(101))]).toHaveLength(2);
    // Who was banned by the old clock is banned for an hour too long at most; unbanned by hand he
    // fails anew.
    await pipeline.decide([
      { kind: 'unban', target: prefix('192.0.2.1'), time: at(102), reason: 'operator' },
    ]);
    wall.set(at(103));
    await pipeline.take(source, batch('live', [failure('192.0.2.1', 103, 3)]));
    await pipeline.idle();
    expect(told().at(-1)).toBe('ban 192.0.2.1');
  });

  test('a jail that only watches says what it would ban, and neither ledger nor kernel know of it', async () => {
    jails = new Jails([{ ...policy, watch: true }]);
    pipeline = make({});
    await pipeline.take(source, batch('live', [failure('192.0.2.1', 1, 3)]));
    await pipeline.idle();
    expect(told()).toEqual(['found 192.0.2.1', 'would-ban 192.0.2.1']);
    expect(said.at(-1)).toMatchObject({
      count: 3,
      until: '2026-11-18T11:07:40.000Z',
      user: 'root\\x1b[31m',
    });
    expect([kernel.told, ledger.history.find()]).toEqual([[], []]);
  });

  test('stored entries of two sources end bans by the one that is further back', async () => {
    const other = sourceId('other');
    wall.set(at(100_000));
    await pipeline.take(source, batch('catch-up', [failure('192.0.2.1', 1, 3)]));
    await pipeline.take(other, batch('catch-up', [failure('192.0.2.9', 2)]));
    await pipeline.take(source, batch('catch-up', [failure('192.0.2.9', 50_000)]));
    // The wall must not end what stored entries of the other source may still belong to.
    await pipeline.expireByWall();
    await pipeline.take(other, batch('catch-up', [failure('192.0.2.1', 5, 3)]));
    expect(ledger.history.find().map(({ target, ended }) => [target.base, ended])).toEqual([
      ['192.0.2.1', undefined],
    ]);
    for (const id of [source, other]) await pipeline.take(id, batch('live', []));
    await pipeline.expireByWall();
    expect(ledger.history.find()[0]?.ended?.reason).toBe('lapsed');
    expect(told().filter((line) => !line.startsWith('found'))).toEqual([]);
  });
});

describe('clocks that are or were wrong', () => {
  const hour = 3_600;
  const three = (address: string, second: number) =>
    [0, 1, 2].map((i) => failure(address, second + i));

  test('an entry ahead of the wall ends no ban and hides nobody behind it', async () => {
    wall.set(at(10));
    await pipeline.take(source, batch('live', three('192.0.2.1', 7)));
    await pipeline.idle();
    const behind = three('192.0.2.2', 12);
    wall.set(at(20));
    await pipeline.take(source, batch('catch-up', [failure('192.0.2.9', 2 * hour), ...behind]));
    expect(told().slice(4)).toEqual([
      'found 192.0.2.9',
      'found 192.0.2.2',
      'found 192.0.2.2',
      'found 192.0.2.2',
      'ban 192.0.2.2',
    ]);
    expect(
      [...ledger.inForce(at(20))].map(({ target, until }) => [formatPrefix(target), until]),
    ).toEqual([
      ['192.0.2.1', at(70)],
      ['192.0.2.2', at(80)],
    ]);
  });

  test.each([1, 40])(
    '%i entries ahead of their neighbours, behind the wall, hide nobody',
    async (count) => {
      wall.set(at(9 * hour));
      const ahead = Array.from({ length: count }, (_, i) =>
        failure(`198.51.100.${10 + i}`, 4 * hour + i),
      );
      await pipeline.take(
        source,
        batch('catch-up', [...three('192.0.2.1', 0).slice(0, 2), ...ahead]),
      );
      await pipeline.take(
        source,
        batch('catch-up', [failure('192.0.2.1', 300), ...three('192.0.2.2', 301)]),
      );
      expect(
        [...ledger.history.newBans(start)].map(({ target, time }) => [formatPrefix(target), time]),
      ).toEqual([
        ['192.0.2.1', at(300)],
        ['192.0.2.2', at(303)],
      ]);
    },
  );

  test('late entries are judged in their own time, and one attack is answered once', async () => {
    wall.set(at(9 * hour));
    const late = [0, 1, 2, 3, 4].map((second) => failure('192.0.2.1', second));
    await pipeline.take(source, batch('catch-up', [failure('192.0.2.9', 8 * hour), ...late]));
    expect([...ledger.history.newBans(start)].map(({ time }) => time)).toEqual([at(2)]);
  });

  test('in a replay one entry ahead ends no ban and makes no ban lapse', async () => {
    pipeline = makeReplay();
    const entries = [
      ...three('192.0.2.1', 0),
      failure('192.0.2.9', 2 * hour),
      ...three('192.0.2.2', 4),
    ];
    for (const entry of entries) await pipeline.take(source, batch('catch-up', [entry]));
    expect(told().filter((line) => !line.startsWith('found'))).toEqual([
      'ban 192.0.2.1',
      'ban 192.0.2.2',
    ]);
    await pipeline.take(source, batch('catch-up', [failure('192.0.2.3', 100)]));
    expect(told().filter((line) => line.startsWith('unban'))).toEqual([
      'unban 192.0.2.1',
      'unban 192.0.2.2',
    ]);
  });

  test('a replay says the same one by one and all at once, each ban at its own time', async () => {
    const entries = [0, 1, 2, 3].flatMap((i) => three(`192.0.2.${i}`, 2 * hour * i));
    const answers: unknown[] = [];
    for (const size of [1, 2, entries.length]) {
      ledger = openLedger(':memory:', start).ledger;
      jails = new Jails([policy]);
      said = [];
      pipeline = makeReplay();
      for (let from = 0; from < entries.length; from += size)
        await pipeline.take(source, batch('catch-up', entries.slice(from, from + size)));
      answers.push(said.filter(({ event }) => event === 'ban').map(({ time }) => time));
    }
    const times = [0, 1, 2, 3].map((i) => new Date(at(2 * hour * i + 2) / 1000).toISOString());
    expect(answers).toEqual([times, times, times]);
  });
});
