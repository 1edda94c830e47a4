/** What happens to a mail server in its life, with bans in force: each time the door stays shut and the agent goes on. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Agent } from './lib/agent.js';
import { Machine } from './lib/machine.js';
import type { Suite } from './lib/rootfs.js';
import { sleep, until } from './lib/shell.js';
import { cutOff, judged, Station, tally } from './lib/station.js';

const PACE = { intervalMs: 1_000, readMs: 20_000 };
const BANNED = ['203.0.113.5', '2001:db8:bad:5::1'] as const;

describe.each<[Suite]>([['trixie'], ['bookworm']])('a protected mail server on %s', (suite) => {
  let machine: Machine;
  let station: Station;
  let agent: Agent;
  let newcomers = 100;

  beforeAll(async () => {
    machine = await Machine.boot(suite);
    station = new Station(machine);
    agent = await Agent.install(machine);
    await agent.start();
    for (const attempts of await Promise.all(BANNED.map((from) => station.attack('smtp', from, 8, PACE))))
      expect([judged(attempts), cutOff(attempts)]).toEqual([3, true]);
  });
  afterAll(async () => {
    await station?.close();
    await machine?.destroy();
  });

  /** What visitors from the banned addresses meet at port 25. */
  const visits = (attempts: number, intervalMs: number) =>
    Promise.all(
      BANNED.map((from) =>
        station.attack('smtp-connect', from, attempts, { connectMs: 300, intervalMs, keepGoing: true }),
      ),
    );
  async function outside(): Promise<boolean> {
    return (await visits(1, 0)).every(([attempt]) => attempt?.result === 'blocked');
  }
  /** A new attacker is banned after three failures, as ever. */
  async function stillBans(): Promise<void> {
    const attempts = await station.attack('ssh', `203.0.113.${newcomers++}`, 6, PACE);
    expect([judged(attempts), cutOff(attempts)]).toEqual([3, true]);
  }

  test('nft flush ruleset: the bans are back within seconds', async () => {
    await machine.exec(['nft', 'flush', 'ruleset']);
    await until('the bans are back', outside, { timeoutMs: 20_000 });
    await stillBans();
  });

  test('systemctl reload nftables, whose rules begin with a flush: the bans are back within seconds', async () => {
    await machine.exec(['systemctl', 'start', 'nftables']);
    await machine.exec(['systemctl', 'reload', 'nftables']);
    await until('the bans are back', outside, { timeoutMs: 20_000 });
    expect(await agent.isActive()).toBe(true);
  });

  test('journalctl --rotate --vacuum-time: reading goes on', async () => {
    await machine.exec(['journalctl', '--rotate', '--vacuum-time=1s']);
    await stillBans();
    expect(await outside()).toBe(true);
  });

  test('a restart of journald: reading goes on', async () => {
    await machine.exec(['systemctl', 'restart', 'systemd-journald']);
    await stillBans();
  });

  test('a restart of the agent does not open the door for a moment', async () => {
    const watched = visits(40, 20);
    await sleep(500);
    await machine.exec(['systemctl', 'restart', 'banjour']);
    for (const attempts of await watched) expect(tally(attempts, 'blocked')).toBe(40);
    await stillBans();
  });

  test('a reboot: the door is shut before mail and ssh services start', async () => {
    await machine.reboot();
    expect(await outside()).toBe(true);
    const stamp = async (unit: string, property: string) =>
      Number(await machine.exec(['systemctl', 'show', '-P', property, unit]));
    const ready = await stamp('banjour.service', 'ActiveEnterTimestampMonotonic');
    expect(ready).toBeGreaterThan(0);
    for (const unit of ['dovecot.service', 'ssh.service'])
      expect([unit, ready < (await stamp(unit, 'ExecMainStartTimestampMonotonic'))]).toEqual([unit, true]);
    await stillBans();
    expect((await station.login('imap', '198.51.100.9')).result).toBe('ok');
  });
});
