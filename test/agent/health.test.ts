import { beforeEach, expect, test } from '@jest/globals';
import { HealthLog, type HealthNow } from '../../src/agent/health.js';
import { mustJailName } from '../../src/core/names.js';
import { plus, wallClock } from '../../src/core/time.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';

const sshd = mustJailName('sshd');
let ledger: Ledger;
let now: HealthNow;
let packets: number | undefined;
let log: HealthLog;

beforeEach(() => {
  ledger = openLedger(':memory:', wallClock.now()).ledger;
  now = { lagSeconds: 0, drifts: 0, healed: 0, gaps: 0, warnings: [], jails: ['sshd', 'dovecot'] };
  packets = 0;
  log = new HealthLog({
    ledger: ledger.database,
    now: () => now,
    firewall: {
      counters: async () => {
        if (packets === undefined) throw new Error('no answer');
        return new Map([[sshd, { packets, bytes: 0 }]]);
      },
    },
  });
});

const figures = () => {
  const time = wallClock.now();
  return ledger.database.figures(plus(time, -3600), plus(time, 60));
};

test('what rises is counted once, what is worst is kept', async () => {
  await log.look();
  now = { ...now, drifts: 2, healed: 1, gaps: 3, lagSeconds: 17.6 };
  packets = 5;
  await log.look();
  packets = 9;
  await log.look();
  expect(figures().health).toMatchObject({ drifts: 2, healed: 1, gaps: 3, lagSecondsMax: 18 });
  expect(figures().totals.packets).toBe(9);
  expect(figures().health.hoursAwake).toBeGreaterThan(0);
});

test('deafness is told of the jail that is deaf, and of the agent where it is none', async () => {
  now = { ...now, warnings: ['dovecot: x logs, and no jail reads it', 'dovecot: y', 'volatile'] };
  await log.look();
  await log.look();
  const { deaf } = figures().health;
  expect(deaf.map(({ jail }) => jail).sort()).toEqual(['', 'dovecot']);
  expect(deaf.every(({ hours }) => hours <= 2)).toBe(true);
});

test('a kernel that does not answer is asked again, and nothing is lost of its counters', async () => {
  await log.look();
  packets = undefined;
  await log.look();
  packets = 4;
  await log.look();
  expect(figures().totals.packets).toBe(4);
});
