/** Agents that are killed while they read back the past: nothing is forgotten, nothing is doubled. */
import { afterEach, beforeEach, expect } from '@jest/globals';
import { openLedgerForReading } from '../../src/ledger/open.js';
import { AgentHost, canHost } from '../support/agent-host.js';
import { needs } from '../support/require.js';
import { until } from '../support/until.js';

const test = needs(...canHost);

/** Hosts that are banned when the killing begins, and those that have failed too seldom for it. */
const BANNED = 240;
const SELDOM = 20;
const PROGRAM = ['dist/src/main.js', 'run'];

let host: AgentHost;
beforeEach(() => {
  host = new AgentHost();
  host.configure();
});
afterEach(() => host.dispose());

const banned = (n: number) => `198.51.100.${n}`;
const seldom = (n: number) => `203.0.113.${n}`;
const inKernel = () =>
  new Set(host.ruleset().match(/\b(?:198\.51|203\.0|192\.0)\.\d+\.\d+/g) ?? []);

/** Starts an agent and kills it as soon as it has said this; it has not read all by then. */
async function killedAt(word: string): Promise<void> {
  const before = host.said.length;
  const agent = host.launch(PROGRAM);
  await until(
    () => `${word} in:\n${host.said.slice(before)}`,
    () => host.said.includes(word, before),
  );
  await host.end(agent);
}

test('an agent that is killed again and again while it reads back bans each once, and all', async () => {
  const first = await host.start();
  for (let n = 0; n < SELDOM; n++) host.fail(seldom(n), 2);
  for (let n = 0; n < BANNED; n++) host.fail(banned(n), 3);
  await until('the kernel has those', () => inKernel().size >= BANNED);
  await host.end(first);

  for (const [round, word] of [
    'starts with the jails',
    'resuming at',
    'resuming at',
    '192.0.2.3',
    'is ready',
  ].entries()) {
    // Entries that no agent has seen before it begins to read back.
    host.fail(`192.0.2.${round}`, 3);
    await killedAt(word);
  }
  for (let n = 0; n < SELDOM / 2; n++) host.fail(seldom(n), 1);
  await host.start();

  const later = [
    ...Array.from({ length: 5 }, (_, n) => `192.0.2.${n}`),
    ...Array.from({ length: SELDOM / 2 }, (_, n) => seldom(n)),
  ];
  const all = [...Array.from({ length: BANNED }, (_, n) => banned(n)), ...later].sort();
  await until('the kernel has all', () => inKernel().size >= all.length);
  expect([...inKernel()].sort()).toEqual(all);
  const ledger = openLedgerForReading(host.path('state/ledger.sqlite3'));
  const history = ledger.history.find({ limit: 1_000 });
  ledger.close();
  expect(history.map(({ target }) => target.base).sort()).toEqual(all);
  expect(history.every(({ state, failures }) => state === 'in-force' && failures === 3)).toBe(true);
  // Whoever dies between the kernel and the ledger says it again; nobody is left unsaid. (Of the
  // first ones a log that is flooded says but some.)
  const unsaid = () => {
    const said = new Set(host.announced('Ban'));
    return later.filter((address) => !said.has(`sshd ${address}`));
  };
  // The ledger is read without a turn in which the agent's log could come.
  await until(
    () => `Ban of ${unsaid()}`,
    () => unsaid().length === 0,
  );
});
