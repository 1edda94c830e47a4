/** An agent with a bug: what nobody waits for must not fail unseen. */
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { EXIT } from '../../src/core/errors.js';
import { AgentHost, canHost } from '../support/agent-host.js';
import { needs } from '../support/require.js';
import { until } from '../support/until.js';

let host: AgentHost;
beforeEach(() => {
  host = new AgentHost();
  host.configure();
});
afterEach(() => host.dispose());

needs(...canHost).each([
  ['a promise that nobody waits for', 'Promise.reject(new Error("made up"))'],
  ['a callback', '(() => { throw new Error("made up"); })()'],
  ['work in the background', 'inBackground(Promise.reject(new Error("made up")))'],
])('%s that fails ends the agent, which says why; its bans stay', async (_, work) => {
  const core = JSON.stringify(join(process.cwd(), 'dist/src/core/background.js'));
  const bug = host.write(
    'bug.mjs',
    `import { inBackground } from ${core}; process.on('SIGUSR2', () => { ${work}; }); void inBackground;`,
  );
  const agent = host.launch(['--import', bug, join(process.cwd(), 'dist/src/main.js'), 'run']);
  await until(
    'it watches',
    () => host.said.includes('is ready') && host.said.includes('reached the end'),
  );
  host.fail('198.51.100.1', 3);
  await host.heard('Ban', 1);
  const closed = once(agent, 'close');
  agent.kill('SIGUSR2');
  expect((await closed)[0]).toBe(EXIT.software);
  expect(host.said).toMatch(/CRITICAL the agent cannot go on: made up \(.*bug\.mjs/);
  expect(host.ruleset()).toContain('198.51.100.1');
});
