/** Two agents of one network namespace that share nothing else. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { Agent, type AgentOptions } from '../../src/agent/agent.js';
import { EXIT } from '../../src/core/errors.js';
import type { FirewallBackend } from '../../src/core/firewall.js';
import { wallClock } from '../../src/core/time.js';
import { openLedger } from '../../src/ledger/open.js';
import { AgentHost, canHost } from '../support/agent-host.js';
import { needs } from '../support/require.js';
import { until } from '../support/until.js';

const test = needs(...canHost);
const PROGRAM = join(process.cwd(), 'dist/src/main.js');

let first: AgentHost;
let second: AgentHost;
let others: ChildProcess[];

beforeEach(() => {
  first = new AgentHost();
  second = new AgentHost();
  for (const host of [first, second]) host.configure('[sshd]', 'enabled = true');
  others = [];
});

afterEach(async () => {
  for (const other of others) await first.end(other);
  await second.dispose();
  await first.dispose();
});

/** A command with the second one's directories in the network of the first. */
function inFirstNetwork(...words: readonly string[]): {
  readonly child: ChildProcess;
  readonly said: () => string;
} {
  const [file, ...args] = first.namespace.inside([
    process.execPath,
    PROGRAM,
    ...second.placed(words),
  ]);
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  others.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      said += chunk;
    });
  return { child, said: () => said };
}

test('the second says who the first is and ends, the first goes on alone, and killed it is followed at once', async () => {
  const agent = await first.start();
  first.fail('192.0.2.1', 3);
  await first.heard('Ban', 1);

  const refused = inFirstNetwork('run');
  expect((await once(refused.child, 'close'))[0]).toBe(EXIT.temporary);
  expect(refused.said()).toMatch(
    /another agent holds the table inet banjour: pid \d+ .*since \d{4}/,
  );
  expect(refused.said()).not.toContain('taken over');
  const flushed = inFirstNetwork('flush');
  expect((await once(flushed.child, 'close'))[0]).toBe(EXIT.temporary);
  const doctor = inFirstNetwork('doctor');
  await once(doctor.child, 'close');
  expect(doctor.said()).toMatch(/the tables are held by pid \d+/);
  expect(first.ruleset()).toContain('192.0.2.1');
  expect(first.said).not.toContain('changed by somebody else');

  await first.end(agent, 'SIGKILL');
  const next = inFirstNetwork('run');
  await until(next.said, () => next.said().includes('is ready'));
  expect(first.ruleset()).toContain('192.0.2.1');
});

test('an agent that cannot have its ledger leaves nothing running', async () => {
  const path = first.path('state/ledger.sqlite3');
  const { ledger } = openLedger(path, wallClock.now());
  const calls: string[] = [];
  const firewall = {
    prepare: () => calls.push('prepare'),
    close: async () => calls.push('close'),
  } as unknown as FirewallBackend;
  const starting = Agent.start({
    ledgerPath: path,
    firewall,
    log: () => undefined,
  } as unknown as AgentOptions);
  await expect(starting).rejects.toThrow('another agent is using the ledger');
  expect(calls).toEqual(['prepare', 'close']);
  ledger.close();
});
