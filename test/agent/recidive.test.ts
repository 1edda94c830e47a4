import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { AgentHost, canHost } from '../support/agent-host.js';
import { needs } from '../support/require.js';

const test = needs(...canHost);

const RECIDIVE = ['[recidive]', 'enabled = true', 'maxretry = 3', 'bantime = 1w'];
let host: AgentHost;
beforeEach(() => {
  host = new AgentHost();
});
afterEach(() => host.dispose());

/** Bans and lifts the ban for `times` rounds. */
async function rounds(address: string, times: number): Promise<void> {
  const before = host.announced('Ban').length;
  for (let i = 1; i <= times; i++) {
    host.fail(address, 3);
    await host.heard('Ban', before + i);
    if (i < times) await expired();
  }
}

/**
 * Long enough that the kernel has the ban before it is over: what is over by then is never a ban.
 */
const SHORT = 'bantime = 4';

/** The short ban is over. */
async function expired(): Promise<void> {
  await host.heard('Unban', host.announced('Unban').length + 1);
}

describe('the recidive jail of a running agent', () => {
  test('shuts out everywhere, for a week, who was banned three times, also over a restart', async () => {
    host.configure(SHORT, ...RECIDIVE);
    const first = await host.start();
    await rounds('198.51.100.1', 2);
    await expired();
    await host.end(first, 'SIGKILL');
    await host.start();
    host.fail('198.51.100.1', 3);
    await host.heard('Ban', 4);
    expect(host.announced('Ban')).toEqual([
      'sshd 198.51.100.1',
      'sshd 198.51.100.1',
      'sshd 198.51.100.1',
      'recidive 198.51.100.1',
    ]);
    const { jail, banned } = await host.status.jail({ jail: 'recidive' });
    expect(jail).toMatchObject({ source: 'ledger', currentlyBanned: 1, bantimeSeconds: 604_800 });
    expect(banned[0]).toMatchObject({ target: '198.51.100.1', failures: 3, state: 'in-force' });
    expect(host.ruleset()).toMatch(/meta l4proto tcp ip saddr @ban4\.recidive/);
  });

  test('that a reload brings knows the bans of before', async () => {
    host.configure(SHORT);
    await host.start();
    await rounds('198.51.100.1', 2);
    await expired();
    host.configure(SHORT, ...RECIDIVE);
    expect((await host.control.reload()).changes).toContain('jail recidive: new');
    host.fail('198.51.100.1', 3);
    await host.heard('Ban', 4);
    expect(host.announced('Ban').at(-1)).toBe('recidive 198.51.100.1');
  });
});
