import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { picture } from '../../src/cli/top.js';
import { caught, Host } from '../control/host.js';
import { canWrite } from '../support/journal-files.js';
import { hasCommand, needs } from '../support/require.js';
import { MAIN } from './program.js';
import { jailView } from './views.js';

describe('banjour top', () => {
  let host: Host;
  beforeAll(async () => {
    if (canWrite[0]) host = await new Host().start();
  });
  afterAll(() => host?.end());

  needs(canWrite[0] && hasCommand('script'), 'needs systemd-journal-remote and script(1)')(
    'on a terminal redraws until q, and leaves the screen as it was',
    async () => {
      const command = `'${process.execPath}' '${MAIN}' top --interval 0.2 --run-dir '${host.run}'`;
      const child = spawn('script', ['-qec', command, '/dev/null'], {
        env: { ...process.env, TERM: 'xterm' },
      });
      let out = '';
      child.stdout.on('data', (data) => {
        out += data;
      });
      const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
      await host.until('three pictures', () => out.split('\x1b[H').length > 3);
      child.stdin.write('q');
      expect(await ended).toBe(0);
      expect(out).toContain('\x1b[?1049h\x1b[?25l');
      expect(out).toMatch(/\x1b\[\?25h\x1b\[\?1049l\s*$/);
      expect(out).toContain('postfix-sasl');
    },
  );

  test('shows rates of the time between two pictures', async () => {
    const alarm = (more: object) => ({
      time: '2026-11-21T18:50:38.000Z',
      kind: 'under-attack' as const,
      jail: 'login',
      user: 'anna\x1b[31m',
      address: '192.0.2.9',
      count: 12,
      ...more,
    });
    const jail = (totalFailed: number) => jailView({ currentlyFailed: 1, totalFailed });
    const sample = (at: number, totalFailed: number) => ({
      at,
      view: {
        version: '1',
        pid: 1,
        since: new Date().toISOString(),
        state: 'running' as const,
        sources: [],
        firewall: {
          hook: 'input',
          inForce: 0,
          refused: 0,
          batches: 0,
          healed: 0,
          lastBatchMs: null,
        },
        jails: [
          jail(totalFailed),
          jailView({
            jail: 'login',
            evidence: {
              addresses: 9,
              users: 4,
              credits: 5,
              underAttack: 2,
              takeovers: 1,
              bytes: 1,
            },
          }),
        ],
        warnings: ['a jail is deaf\x1b[2J'],
      },
      counters: { present: true, jails: { sshd: { packets: 12_345, bytes: 1 } } },
      newest: [],
      alarms: [
        alarm({}),
        alarm({ count: 8, address: '192.0.2.1' }),
        alarm({ kind: 'takeover', user: 'ben', count: 6 }),
      ],
    });
    const { out } = await caught(async (terminal) => {
      terminal.out(picture(sample(10_000, 30), sample(0, 20), terminal));
      return 0;
    });
    const row = out.split('\n').find((line) => line.startsWith('sshd'));
    const attacked = out
      .split('\n')
      .filter((line) => /12 addresses|8 addresses|takeover\?/.test(line));
    expect(attacked.map((line) => line.replace(/\s+/g, ' ').replace(/ 2026-.* /, ' AT '))).toEqual([
      'anna\\x1b[31m under attack: 12 addresses failed within a day AT 192.0.2.9',
      'ben takeover? logins from 6 networks within a day AT 192.0.2.9',
    ]);
    expect(row?.split(/\s+/)).toEqual(['sshd', '1', '30', '60', '0', '0', '0', '12,345', 'never']);
    expect(out).toContain('login: 9 addresses weighed, 2 users under attack, 1 takeover\n');
    expect(out).toContain('! a jail is deaf\\x1b[2J');
  });
});
