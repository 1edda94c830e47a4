/**
 * Hostile sessions on real daemons, against what the clients themselves were told: every refused
 * guess counts exactly once, however it came, and nobody else is ever named.
 * $BANJOUR_HOSTILE_SESSIONS sets how many names are tried (long form: 500), $BANJOUR_E2E_SEED
 * repeats a cast, and $BANJOUR_E2E_KEEP names a folder that keeps the journals and what the clients
 * were told.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Agent } from './lib/agent.js';
import { makeHostileNames, makeManners } from './lib/hostile.js';
import { Machine } from './lib/machine.js';
import type { Suite } from './lib/rootfs.js';
import { type Deeds, exportJournal, playCast, type Truth } from './lib/session.js';
import { Station } from './lib/station.js';

const SEED = Number(process.env['BANJOUR_E2E_SEED'] ?? Math.floor(Math.random() * 1e9));
const SESSIONS = Number(process.env['BANJOUR_HOSTILE_SESSIONS'] ?? 60);
/** The long form makes more of every manner, and again while the agent bans. */
const LONG = SESSIONS > 100;

/** Each attempt is told by one jail; no ban, so that every attempt is made. */
const JAILS = `[DEFAULT]
maxretry = 100000
ipv6prefix = 128

[login]
enabled = false

[postfix-sasl]
enabled = true

[dovecot]
enabled = true

[sshd]
enabled = true
`;
/** All that the filters can count, to see whom. */
const EVERYTHING = `${JAILS}filter = sshd[mode=aggressive]

[postfix]
enabled = true
filter = postfix[mode=aggressive]

[managesieve]
enabled = true

[dovecot-all]
enabled = true
filter = dovecot[mode=aggressive]
`;

interface Found {
  readonly event: string;
  readonly address: string;
  readonly time: string;
  readonly count?: number;
}

const SUITES: readonly Suite[] = ['trixie', 'bookworm'];
const kept = process.env['BANJOUR_E2E_KEEP'];
const folder = kept ?? mkdtempSync(join(tmpdir(), 'banjour-e2e-hostile-'));
const truths = new Map<Suite, readonly Truth[]>();

const failed = ({ failures }: Deeds) =>
  [...failures.values()].reduce((sum, count) => sum + count, 0);

/** Not kept out by a ban. */
const isTried = (outcome: string) => !outcome.startsWith('blocked');

/** What the agent did to an attacker. */
interface Banned {
  readonly role: string;
  /** Guesses that the server answered or that came to nothing. */
  readonly guesses: number;
  /** Entry of the ban in the journal, microseconds. */
  readonly at: number;
}
/** Whoever is banned hears nothing any more. */
const IMPATIENT = { keepGoing: false, connectMs: 3_000, readMs: 30_000 };
const banned = new Map<Suite, ReadonlyMap<string, Banned>>();

/** Plays every manner again, while the agent bans. */
async function playAgainstAgent(machine: Machine, station: Station): Promise<Map<string, Banned>> {
  const agent = await Agent.install(machine);
  await agent.start();
  const truth = await playCast(station, makeManners('10.68.0', 8, IMPATIENT), true);
  const lines = await machine.exec(['journalctl', '-q', '-u', 'banjour.service', '-o', 'json']);
  const told = lines.split('\n').flatMap((line) => {
    const entry =
      line === '' ? {} : (JSON.parse(line) as { MESSAGE?: string; __REALTIME_TIMESTAMP?: string });
    const address = / Ban (\S+)$/.exec(entry.MESSAGE ?? '')?.[1];
    return address === undefined ? [] : [[address, Number(entry.__REALTIME_TIMESTAMP)] as const];
  });
  const times = new Map(told.reverse());
  return new Map(
    [...truth].map(([address, deeds]) => [
      address,
      {
        role: deeds.role,
        guesses: failed(deeds) + deeds.unclear.filter(isTried).length,
        at: times.get(address) ?? 0,
      },
    ]),
  );
}

/**
 * Plays the casts against a fresh machine and keeps its journal. The servers' delays are most of
 * the time.
 */
async function record(suite: Suite): Promise<void> {
  const machine = await Machine.boot(suite);
  const station = new Station(machine);
  try {
    const names = await playCast(station, makeHostileNames(SEED, SESSIONS));
    truths.set(suite, [names, await playCast(station, makeManners('10.67.0', LONG ? 6 : 4), true)]);
    if (LONG) banned.set(suite, await playAgainstAgent(machine, station));
    await exportJournal(machine, join(folder, suite));
    const told = (truths.get(suite) ?? []).flatMap((truth) =>
      [...truth].map(([address, deeds]) => ({
        address,
        ...deeds,
        failures: Object.fromEntries(deeds.failures),
      })),
    );
    writeFileSync(join(folder, `${suite}.json`), JSON.stringify(told, null, 1));
  } finally {
    await station.close();
    await machine.destroy();
  }
}

beforeAll(() => Promise.all(SUITES.map(record)), 3_600_000);
afterAll(() => {
  if (kept === undefined) rmSync(folder, { recursive: true, force: true });
});

describe.each(SUITES)(`hostile sessions on %s, seed ${SEED}`, (suite) => {
  /** What a replay finds. */
  function replayed(jails: string): Found[] {
    const etc = mkdtempSync(join(folder, 'etc-'));
    writeFileSync(join(etc, 'jail.local'), jails);
    const args = ['dist/src/main.js', 'replay', join(folder, suite), '--json', '--config-dir', etc];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    const events = stdout
      .split('\n')
      .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Found]));
    return events.filter(({ event }) => event === 'found' || event === 'ignored');
  }

  /** What was found, by address. */
  function counted(jails: string): Map<string, number> {
    const found = new Map<string, number>();
    for (const { address, count = 1 } of replayed(jails))
      found.set(address, (found.get(address) ?? 0) + count);
    return found;
  }

  test('every guess that the server refused counts once, and nothing else does', () => {
    const found = counted(JAILS);
    const clients = (truths.get(suite) ?? []).flatMap((truth) => [...truth]);
    const wrong = clients.flatMap(([address, deeds]) => {
      const count = found.get(address) ?? 0;
      const { role, unclear } = deeds;
      const isRight = count >= failed(deeds) && count <= failed(deeds) + unclear.length;
      return isRight ? [] : [{ address, role, refused: failed(deeds), unclear, count }];
    });
    const guesses = clients.reduce((sum, [, deeds]) => sum + failed(deeds), 0);
    process.stdout.write(
      `${suite}: ${clients.length} addresses, ${guesses} guesses refused, ${[...found.values()].reduce((a, b) => a + b, 0)} counted\n`,
    );
    expect(wrong).toEqual([]);
    // They got through to the passwords.
    expect(guesses).toBeGreaterThan(SESSIONS);
  });

  test('every password that Dovecot looked at counts once, also where Postfix gave up before, or the client', () => {
    const found = counted(JAILS);
    const looked = new Map<string, number>();
    const text = readFileSync(join(folder, suite), 'latin1');
    for (const [, address = ''] of text.matchAll(
      /^MESSAGE=pam_unix\(dovecot:auth\): .* rhost=(\S+)/gm,
    ))
      looked.set(address, (looked.get(address) ?? 0) + 1);
    const manners = [...(truths.get(suite)?.[1] ?? [])].filter(
      ([, { role }]) => !role.endsWith('ssh'),
    );
    const told = manners.map(([address, { role }]) => [role, looked.get(address)]);
    expect(manners.map(([address, { role }]) => [role, found.get(address)])).toEqual(told);
  });

  test('nobody is found but those who connected, whatever the modes', () => {
    const clients = new Set((truths.get(suite) ?? []).flatMap((truth) => [...truth.keys()]));
    for (const address of banned.get(suite)?.keys() ?? []) clients.add(address);
    for (const jails of [JAILS, EVERYTHING]) {
      const others = [...counted(jails).keys()].filter((address) => !clients.has(address));
      expect(others).toEqual([]);
    }
  });

  if (LONG)
    test('the agent bans everyone at the third guess', () => {
      const third = new Map<string, number>();
      const counts = new Map<string, number>();
      for (const { address, time, count = 1 } of replayed(JAILS)) {
        counts.set(address, (counts.get(address) ?? 0) + count);
        if ((counts.get(address) ?? 0) >= 3 && !third.has(address))
          third.set(address, Date.parse(time));
      }
      const rows = [...(banned.get(suite) ?? [])].map(([address, { role, guesses, at }]) => {
        return {
          role,
          guesses,
          counted: counts.get(address) ?? 0,
          ms: at / 1000 - (third.get(address) ?? 0),
        };
      });
      const late = rows.map(({ ms }) => ms).sort((a, b) => a - b);
      process.stdout.write(
        `${suite}: from the third guess's entry to the ban, ms: ${late.map(Math.round).join(' ')}\n`,
      );
      const wrong = rows.filter(({ ms }) => ms < 0 || ms > 60_000);
      expect(wrong).toEqual([]);
      expect(rows.length).toBeGreaterThan(20);
    });
});
