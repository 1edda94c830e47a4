import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import Database from 'better-sqlite3';
import { AgentHost, canHost } from '../support/agent-host.js';
import { needs } from '../support/require.js';
import { until } from '../support/until.js';

const test = needs(...canHost);
const DAY = 86_400;

let host: AgentHost;
beforeEach(() => {
  host = new AgentHost();
  host.configure();
});
afterEach(() => host.dispose());

const inKernel = () => [...new Set(host.ruleset().match(/198\.51\.100\.\d+/g) ?? [])].sort();
const ledger = () => host.path('state/ledger.sqlite3');

/** An agent that has banned these, and is gone. */
const banned = (...addresses: readonly string[]) => bannedUntil('SIGTERM', addresses);

/** An agent that has banned one host, and was killed; its ledger is changed then. */
async function killedWith(sql: string): Promise<void> {
  await bannedUntil('SIGKILL', ['198.51.100.1']);
  const db = new Database(ledger());
  db.exec(sql);
  db.close();
}

async function bannedUntil(signal: NodeJS.Signals, addresses: readonly string[]): Promise<void> {
  const agent = await host.start();
  for (const address of addresses) host.fail(address, 3);
  await host.heard('Ban', addresses.length);
  await until('the kernel has them', () =>
    addresses.every((address) => inKernel().includes(address)),
  );
  await host.end(agent, signal);
  host.said = '';
}

describe('what comes first at a start', () => {
  const FORCE = '2 bans are in force';
  const placesOf = (...words: readonly string[]) => words.map((one) => host.said.indexOf(one));

  test('the bans of the ledger where the tables are gone, since reading is work', async () => {
    await banned('198.51.100.1', '198.51.100.2');
    host.namespace.run(['nft', 'flush', 'ruleset']);
    await host.start();
    const [bans = -1, reading = -1] = placesOf(FORCE, 'resuming at');
    expect([bans > 0, reading > bans]).toEqual([true, true]);
    expect(inKernel()).toEqual(['198.51.100.1', '198.51.100.2']);
  });

  test('the reading where they stand, since whoever is banned is', async () => {
    await banned('198.51.100.1', '198.51.100.2');
    await host.start();
    const [reading = -1, bans = -1] = placesOf('resuming at', FORCE);
    expect([reading > 0, bans > reading]).toEqual([true, true]);
  });
});

describe('a start with a ledger that cannot be used', () => {
  const broken: readonly (readonly [string, () => void, RegExp])[] = [
    [
      'damaged',
      () => writeFileSync(ledger(), Buffer.alloc(40_960, 'x')),
      /is damaged.*kept as .*corrupt-/,
    ],
    [
      'of another program',
      () => {
        rmSync(ledger());
        const db = new Database(ledger());
        db.exec('CREATE TABLE bips (ip TEXT)');
        db.close();
      },
      /another program.*kept as .*foreign-/,
    ],
    [
      'written by a newer version',
      () => {
        const db = new Database(ledger());
        db.pragma('user_version = 99');
        db.close();
      },
      /newer Banjour \(schema 99.*kept as .*newer-/,
    ],
  ];

  test.each(broken)('%s keeps a copy and goes on from the kernel', async (_, spoil, said) => {
    await banned('198.51.100.1');
    for (const suffix of ['-wal', '-shm']) rmSync(ledger() + suffix, { force: true });
    spoil();
    await host.start();
    expect(host.said.replaceAll('\n', ' ')).toMatch(said);
    expect(host.said).toContain('1 ban that the kernel holds is taken over');
    expect(inKernel()).toEqual(['198.51.100.1']);
    expect(host.announced('Ban')).toEqual([]);
    expect(
      readdirSync(host.path('state')).filter((name) => /\.(corrupt|foreign|newer)-\w+$/.test(name)),
    ).toHaveLength(1);
    // The adopted ban is a ban like any other: known, and lifted by hand for good.
    const bans = await host.status.bans({});
    expect(bans.map(({ target, state, origin }) => [target, state, origin])).toEqual([
      ['198.51.100.1', 'in-force', 'import'],
    ]);
    expect((await host.control.unban({ targets: ['198.51.100.1'] })).changed).toBe(1);
    expect(inKernel()).toEqual([]);
    // What is new goes into the new ledger.
    host.fail('198.51.100.2', 3);
    await until('the next one is banned', () =>
      host.announced('Ban').includes('sshd 198.51.100.2'),
    );
    expect(existsSync(ledger())).toBe(true);
  });

  test('that is gone goes on from the kernel too, and old failures ban nobody twice', async () => {
    await banned('198.51.100.1');
    for (const suffix of ['', '-wal', '-shm']) rmSync(ledger() + suffix, { force: true });
    await host.start();
    await until('it watches', () => host.said.includes('reached the end'));
    expect(inKernel()).toEqual(['198.51.100.1']);
    const { banned: bans } = await host.status.jail({ jail: 'sshd' });
    expect(bans.map(({ target }) => target)).toEqual(['198.51.100.1']);
  });
});

describe('a ban that the kernel holds and the ledger does not know', () => {
  test('because its write-ahead log is garbage: it stays, and can be lifted', async () => {
    const agent = await host.start();
    await host.control.ban({ jail: 'sshd', targets: ['198.51.100.9'] });
    host.fail('198.51.100.1', 3);
    await host.heard('Ban', 2);
    await host.end(agent, 'SIGKILL');
    rmSync(`${ledger()}-shm`, { force: true });
    writeFileSync(`${ledger()}-wal`, 'garbage '.repeat(5_000));
    host.said = '';
    await host.start();
    expect(host.said).toMatch(/bans? that the kernel holds/);
    expect(inKernel()).toEqual(['198.51.100.1', '198.51.100.9']);
    expect(host.announced('Unban')).toEqual([]);
    expect((await host.control.unban({ targets: ['198.51.100.9'] })).changed).toBe(1);
    expect(inKernel()).toEqual(['198.51.100.1']);
  });

  test('to be in force, since the wall has leapt over its end: it goes, and that is said', async () => {
    await killedWith("UPDATE ban SET until = time + 1000, state = 'in-force'");
    await host.start();
    expect(host.announced('Unban')).toEqual(['sshd 198.51.100.1']);
    expect(host.said).not.toMatch(/that the kernel holds/);
    expect(inKernel()).toEqual([]);
  });

  test('but was lifted when the agent died: it goes', async () => {
    await killedWith(
      "UPDATE ban SET state = 'ended', ended_time = time, ended_reason = 'operator'",
    );
    await host.start();
    expect(host.said).not.toMatch(/that the kernel holds/);
    expect(inKernel()).toEqual([]);
  });
});

describe('a start after a long time', () => {
  test('of a week: what would be over is not put in force and not said, who still attacks is banned', async () => {
    await host.end(await host.start(), 'SIGTERM');
    const db = new Database(ledger());
    db.prepare('INSERT OR REPLACE INTO position VALUES (?, ?, ?)').run(
      `directory:${host.path('journal')}`,
      `s=${'9'.repeat(32)};i=1;b=${'9'.repeat(32)};m=1;t=1;x=1`,
      (Date.now() - 7 * DAY * 1000) * 1000,
    );
    db.close();
    host.said = '';
    // While the agent is down: two attacks days ago, one that has just begun, one that is complete.
    host.fail('198.51.100.1', 3, 5 * DAY);
    host.fail('198.51.100.1', 3, 3 * DAY);
    host.fail('198.51.100.2', 3, 2 * DAY);
    host.fail('198.51.100.3', 2, 60);
    host.fail('198.51.100.4', 3, 30);
    await host.start();
    await host.heard('Ban', 1);
    await until('it watches', () => host.said.includes('reached the end'));
    expect(host.announced('Ban')).toEqual(['sshd 198.51.100.4']);
    await host.heard('Found', 14);
    expect(inKernel()).toEqual(['198.51.100.4']);
    host.fail('198.51.100.3');
    await host.heard('Ban', 2);
    await until(
      'what is over is told',
      () => host.said.match(/should have been banned/g)?.length === 3,
    );
    expect(host.announced('Unban')).toEqual([]);
    // They are history all the same: who comes back is no stranger.
    const past = await host.status.history({ address: '198.51.100.1', limit: 10 });
    expect(past.map(({ state, ended }) => [state, ended?.reason])).toEqual([
      ['ended', 'lapsed'],
      ['ended', 'lapsed'],
    ]);
  });

  test('lets those go whose ban ended meanwhile, and says so once', async () => {
    // Long enough to be banned, seen in the kernel and outlived by the agent on a slow machine.
    host.configure('bantime = 8');
    await banned('198.51.100.1');
    const over = Date.now() + 8_000;
    await until('the kernel has let it go', () => inKernel().length === 0);
    await until('the ban is over', () => Date.now() > over);
    await host.start();
    expect(host.announced('Unban')).toEqual(['sshd 198.51.100.1']);
    expect(inKernel()).toEqual([]);
  });
});

describe('a start after the journal', () => {
  test('was rotated reads both files, each entry once', async () => {
    const first = await host.start();
    host.fail('198.51.100.1', 2);
    await host.heard('Found', 2);
    await host.end(first);
    host.fail('198.51.100.1', 1);
    host.fail('198.51.100.2', 2);
    await host.rotate();
    host.fail('198.51.100.2', 1);
    host.fail('198.51.100.3', 2);
    await host.start();
    await host.heard('Ban', 2);
    await host.heard('Found', 8);
    expect(host.announced('Ban')).toEqual(['sshd 198.51.100.1', 'sshd 198.51.100.2']);
  });

  test('was vacuumed, the last entry read with it, goes on in what is left', async () => {
    const first = await host.start();
    host.fail('198.51.100.1', 3);
    host.fail('198.51.100.2', 2);
    await host.heard('Ban', 1);
    await host.heard('Found', 5);
    await host.end(first, 'SIGTERM');
    rmSync(await host.rotate());
    host.fail('198.51.100.2', 2);
    host.fail('198.51.100.3', 3);
    await host.start();
    await host.heard('Ban', 2);
    // The two failures of before are gone with the file: two are not three.
    expect(host.announced('Ban')).toEqual(['sshd 198.51.100.1', 'sshd 198.51.100.3']);
    expect(inKernel()).toEqual(['198.51.100.1', '198.51.100.3']);
    host.fail('198.51.100.2', 1);
    await host.heard('Ban', 3);
  });
});

describe('the clock', () => {
  test('put back an hour between two runs: new failures are read and counted', async () => {
    const first = await host.start();
    // The entries of before stand an hour in the future now.
    host.fail('198.51.100.1', 2, -3_600);
    await host.heard('Found', 2);
    await host.end(first);
    host.fail('198.51.100.2', 3);
    await host.start();
    await host.heard('Ban', 1);
    host.fail('198.51.100.3', 3);
    await host.heard('Ban', 2);
    expect(host.announced('Ban')).toEqual(['sshd 198.51.100.2', 'sshd 198.51.100.3']);
  });
});
