/**
 * A fresh session with a seed that nobody has seen: recorded without an agent on a real mail
 * server, replayed, and scored by what the clients themselves were told. $BANJOUR_E2E_SEED repeats
 * one.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Cast, makeCast } from './lib/cast.js';
import { Machine } from './lib/machine.js';
import type { Suite } from './lib/rootfs.js';
import { exportJournal, mustBan, mustNotBan, playCast, type Truth } from './lib/session.js';
import { Station } from './lib/station.js';

const SEED = Number(process.env['BANJOUR_E2E_SEED'] ?? Math.floor(Math.random() * 1e9));
const WAVES = 2;

interface Line {
  readonly event: string;
  readonly address?: string;
}

describe.each<[Suite]>([['trixie'], ['bookworm']])(`a session on %s, seed ${SEED}`, (suite) => {
  const folder = mkdtempSync(join(tmpdir(), 'banjour-e2e-session-'));
  const journal = join(folder, 'session.export');
  const cast: Cast = makeCast(SEED, WAVES);
  let truth: Truth;

  beforeAll(async () => {
    const machine = await Machine.boot(suite);
    const station = new Station(machine);
    try {
      truth = await playCast(station, cast);
      await exportJournal(machine, journal);
    } finally {
      await station.close();
      await machine.destroy();
    }
  }, 900_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('went as it was cast: attackers failed, ordinary users were served', () => {
    const deeds = [...truth.values()];
    expect(
      deeds.filter(
        (one) => one.role === 'ordinary user' && (one.successes === 0 || one.failures.size > 0),
      ),
    ).toEqual([]);
    expect(mustBan(truth, 3).length).toBeGreaterThan(20);
    expect(mustNotBan(truth, cast, 3).length).toBeGreaterThan(20);
  });

  /** Whom a replay with these options bans. */
  const replayed = (...options: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['dist/src/main.js', 'replay', journal, '--json', ...options],
      { encoding: 'utf8', maxBuffer: 1 << 28 },
    );
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    const lines = stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line);
    return new Set(lines.filter((line) => line.event === 'ban').map((line) => line.address));
  };

  test.each([3, 5])(
    'replayed with maxretry %d: everyone who must be banned is, nobody else',
    (maxretry) => {
      // Counting alone: the jail that weighs also bans attackers who fail less often.
      const counting = join(folder, 'counting.conf');
      writeFileSync(counting, '[login]\nenabled = false\n');
      const options = ['--ipv6prefix', '128', '--maxretry', String(maxretry), '--with', counting];
      const banned = replayed(...options);
      expect(mustBan(truth, maxretry).filter((address) => !banned.has(address))).toEqual([]);
      expect(mustNotBan(truth, cast, maxretry).filter((address) => banned.has(address))).toEqual(
        [],
      );
    },
  );

  test('replayed as it is installed: attackers are banned, no user and no third party', () => {
    const banned = replayed();
    const users = [...truth].filter(([, { role }]) => role === 'ordinary user');
    const innocent = [...users.map(([address]) => address), ...cast.victims];
    expect(innocent.filter((address) => banned.has(address))).toEqual([]);
    expect(mustBan(truth, 3).filter((address) => banned.has(address)).length).toBeGreaterThan(20);
  });
});
