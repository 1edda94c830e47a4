/**
 * The whole agent as a process of its own: real journal files, real nftables in a network
 * namespace, real sockets. What systemd and real daemons add is tested end to end.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { ControlClient } from '../../src/control/client.js';
import { canWrite, LiveJournal } from '../support/journal-files.js';
import { makeNetworkNamespace, type NetworkNamespace } from '../support/netns.js';
import { hasCommand, isRoot, needs } from '../support/require.js';
import { until } from '../support/until.js';

const test = needs(
  isRoot && hasCommand('nft') && canWrite[0],
  'needs root, nft and systemd-journal-remote',
);

/**
 * Journal time of test entries is the past of T0; the agent must take them as new, so they are
 * stamped with now.
 */
const T0 = 1_795_219_200_000_000;

let scratch: string;
let namespace: NetworkNamespace;
let journal: LiveJournal;
let agents: ChildProcess[];
let said: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'banjour-agent-'));
  for (const name of ['journal', 'etc', 'run', 'state']) mkdirSync(join(scratch, name));
  configure('maxretry = 3');
  namespace = makeNetworkNamespace();
  journal = new LiveJournal(join(scratch, 'journal/host.journal'));
  agents = [];
  said = '';
});

afterEach(async () => {
  for (const agent of agents) await ended(agent, 'SIGKILL');
  await journal.close();
  namespace.remove();
  rmSync(scratch, { recursive: true });
});

function configure(...lines: readonly string[]): void {
  writeFileSync(
    join(scratch, 'etc/jail.local'),
    [
      '[DEFAULT]',
      `source = directory ${join(scratch, 'journal')}`,
      'bantime = 1h',
      'findtime = 1h',
      ...lines,
      '',
    ].join('\n'),
  );
}

const directories = () =>
  ['--config-dir', 'etc', '--run-dir', 'run', '--state-dir', 'state'].map((word) =>
    word.startsWith('--') ? word : join(scratch, word),
  );

/**
 * Starts an agent; resolves when it has read all that was logged before. What it meets earlier is
 * the past to it: judged by the entries' own time, and nobody waited for those bans.
 */
async function start(): Promise<ChildProcess> {
  // The journal is written by a process of its own.
  await journal.settled();
  const [program, ...args] = namespace.inside([
    process.execPath,
    join(process.cwd(), 'dist/src/main.js'),
    'run',
    ...directories(),
  ]);
  // Its own words apart: another agent of the same test may be talking too.
  let own = '';
  const agent = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  agents.push(agent);
  agent.stderr?.on('data', (chunk) => {
    own += chunk;
    said += chunk;
  });
  let closed = false;
  // Not at its exit: its last words may still be on their way.
  agent.once('close', () => {
    closed = true;
  });
  await until(
    () => `the agent watches:\n${own}`,
    () => closed || ['is ready', 'reached the end'].every((words) => own.includes(words)),
  );
  if (closed) throw new Error(own);
  return agent;
}

async function ended(agent: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (agent.exitCode !== null || agent.signalCode !== null) return;
  const gone = new Promise((resolve) => agent.once('close', resolve));
  agent.kill(signal);
  await gone;
}

let entries = 0;
function fail(address: string, count = 1): void {
  for (let i = 0; i < count; i++) {
    journal.append([
      {
        at: Date.now() * 1000 - T0 + (entries++ % 1000),
        message: `Failed password for root from ${address} port 22 ssh2`,
        fields: { _SYSTEMD_UNIT: 'ssh.service', SYSLOG_IDENTIFIER: 'sshd', _UID: '0', _PID: '7' },
      },
    ]);
  }
}

const status = () => new ControlClient(join(scratch, 'run/status.sock'));
const control = () => new ControlClient(join(scratch, 'run/control.sock'));
/**
 * Every ban is noted in the ledger as being in force: what is said before a death is not said
 * again.
 */
async function noted(): Promise<void> {
  const isInForce = ({ state }: { state: string }) => state === 'in-force';
  await until('the bans are in force', async () =>
    (await status().jail({ jail: 'sshd' })).banned.every(isInForce),
  );
}
const ruleset = () => namespace.run(['nft', 'list', 'ruleset']);
const found = () => said.match(/\[sshd\] Found/g)?.length ?? 0;
const bans = () => [...said.matchAll(/\[sshd\] Ban (\S+)/g)].map((match) => match[1]);

describe('the agent', () => {
  test('killed in the middle of an attack forgets no attempt, counts none twice, and the banned stay out', async () => {
    const first = await start();
    fail('198.51.100.1', 3);
    fail('198.51.100.2', 2);
    await until('three and two attempts were seen', () => found() === 5 && bans().length === 1);
    await noted();
    await ended(first, 'SIGKILL');
    expect(ruleset()).toContain('198.51.100.1');
    // While nobody listens: the last attempt of one attacker, the first two of another.
    fail('198.51.100.2');
    fail('198.51.100.3', 2);
    await start();
    expect(ruleset()).toContain('198.51.100.1');
    await until('the second attacker is banned', () => bans().includes('198.51.100.2'));
    await until('all attempts were seen', () => found() >= 8);
    expect(bans()).toEqual(['198.51.100.1', '198.51.100.2']);
    fail('198.51.100.3');
    await until('the third attacker is banned', () => bans().includes('198.51.100.3'));
    const { jail, banned } = await status().jail({ jail: 'sshd' });
    expect(banned.map(({ target, state, failures }) => [target, state, failures])).toEqual(
      ['198.51.100.1', '198.51.100.2', '198.51.100.3'].map((address) => [address, 'in-force', 3]),
    );
    expect(jail.currentlyFailed).toBe(0);
  });

  test('stopped and started again leaves its table in the kernel and announces nothing twice', async () => {
    const first = await start();
    fail('198.51.100.1', 3);
    await until('the attacker is banned', () => bans().length === 1);
    await ended(first, 'SIGTERM');
    expect(first.exitCode).toBe(0);
    expect(ruleset()).toContain('198.51.100.1');
    said = '';
    await start();
    expect(said).toContain('1 ban is in force');
    expect(bans()).toEqual([]);
  });

  test("an operator's unban stays lifted over a restart, and earlier attempts are forgotten", async () => {
    const first = await start();
    fail('198.51.100.1', 3);
    await until('the attacker is banned', () => bans().length === 1);
    expect((await control().unban({ targets: ['198.51.100.1'] })).changed).toBe(1);
    expect(ruleset()).not.toContain('198.51.100.1');
    await ended(first, 'SIGKILL');
    said = '';
    await start();
    fail('198.51.100.1', 2);
    await until('two new attempts were seen', () => found() === 2);
    expect(bans()).toEqual([]);
    expect(ruleset()).not.toContain('198.51.100.1');
  });

  test('reloads: a stricter jail bans at once who has failed so often already, and a broken file changes nothing', async () => {
    await start();
    fail('198.51.100.1', 2);
    await until('two attempts were seen', () => found() === 2);
    configure('maxretry = three');
    await expect(control().reload()).rejects.toThrow(/jail\.local:5:12: .*maxretry/);
    configure('maxretry = 2', '[sshd]', 'port = 22,2222');
    expect((await control().reload({ dryRun: true })).changes.join(' ')).toContain(
      'jail sshd: maxretry 3 -> 2',
    );
    expect((await control().reload()).changes.length).toBeGreaterThan(0);
    fail('198.51.100.2', 2);
    await until('the stricter jail bans', () => bans().includes('198.51.100.2'));
    expect(ruleset()).toContain('2222');
    expect((await control().reload()).changes).toEqual([]);
  });

  test('puts its bans back when somebody flushes the ruleset', async () => {
    await start();
    fail('198.51.100.1', 3);
    await until('the attacker is banned', () => bans().length === 1);
    namespace.run(['nft', 'flush', 'ruleset']);
    await until('the table is whole again', () => ruleset().includes('198.51.100.1'));
    await until('it is said', () => said.includes('whole again'));
  });

  test('measures how long a ban took, and what the kernel stopped', async () => {
    await start();
    fail('198.51.100.1', 3);
    await until('the attacker is banned', () => bans().includes('198.51.100.1'));
    namespace.run(['ip', 'link', 'set', 'lo', 'up']);
    namespace.run(['ip', 'addr', 'add', '198.51.100.1/32', 'dev', 'lo']);
    namespace.run(['bash', '-c', 'timeout 1 bash -c "exec 3<>/dev/tcp/198.51.100.1/22" || true']);
    let text = '';
    const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    // A ban is said before it is noted; what counts it comes a moment later.
    await until('all bans are counted', async () => {
      text = await status().metrics('prometheus');
      return value('banjour_ban_latency_seconds_count') === bans().length;
    });
    expect(value('banjour_ban_latency_seconds_count')).toBe(bans().length);
    expect(value('banjour_ban_latency_seconds_sum')).toBeLessThan(60);
    expect(value('banjour_active_bans\\{jail="sshd",family="ipv4"\\}')).toBe(bans().length);
    expect(value('banjour_kernel_readable')).toBe(1);
    expect(value('banjour_stopped_packets_total\\{jail="sshd"\\}')).toBeGreaterThan(0);
  });

  test('refuses to run beside another one of the same state', async () => {
    await start();
    const before = said.length;
    await expect(start()).rejects.toThrow();
    expect(said.slice(before)).toMatch(/another agent/);
  });
});
