import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { AgentHost, canHost } from '../support/agent-host.js';
import { needs } from '../support/require.js';
import { until } from '../support/until.js';

const test = needs(...canHost);

let host: AgentHost;
beforeEach(() => {
  host = new AgentHost();
});
afterEach(() => host.dispose());

const script = (...lines: readonly string[]) =>
  host.write('ask', ['#!/bin/sh', ...lines, ''].join('\n'), 0o755);

describe('a jail with an ignorecommand', () => {
  test('spares whom the command knows, bans the others, and delays nobody while it hangs', async () => {
    const ask = script('case "$1" in 198.51.100.1) exit 0;; 198.51.100.2) sleep 60;; esac; exit 1');
    host.configure('[sshd]', `ignorecommand = ${ask} <ip>`);
    await host.start();
    host.fail('198.51.100.2', 3);
    host.fail('198.51.100.1', 3);
    host.fail('198.51.100.3', 3);
    await host.heard('Ban', 1);
    await until('it is said that one is ignored', () =>
      /Ignore 198\.51\.100\.1 by ignorecommand/.test(host.said),
    );
    expect(host.announced('Ban')).toEqual(['sshd 198.51.100.3']);
    expect(host.ruleset()).not.toMatch(/198\.51\.100\.[12]/);
    // The deadline: nobody who attacks gains by an answer that never comes.
    await host.heard('Ban', 2);
    expect(host.announced('Ban')).toEqual(['sshd 198.51.100.3', 'sshd 198.51.100.2']);
    expect(host.said).toMatch(/ignorecommand .* no answer/);
    const past = await host.status.history({ limit: 10 });
    expect(past.map(({ target, state, ended }) => [target, state, ended?.reason]).sort()).toEqual([
      ['198.51.100.1', 'ended', 'ignored'],
      ['198.51.100.2', 'in-force', undefined],
      ['198.51.100.3', 'in-force', undefined],
    ]);
  });

  test('asks again after a crash in the middle of a question; meanwhile the kernel does not have the ban', async () => {
    host.configure('[sshd]', `ignorecommand = ${script('sleep 60')} <ip>`);
    const first = await host.start();
    host.fail('198.51.100.1', 3);
    await host.heard('Found', 3);
    await host.end(first);
    script('exit 0');
    await host.start();
    await until('it is said that it is ignored', () =>
      /Ignore 198\.51\.100\.1 by ignorecommand/.test(host.said),
    );
    expect(host.announced('Ban')).toEqual([]);
    expect(host.ruleset()).not.toContain('198.51.100.1');
  });

  test('does not ask about bans of operators', async () => {
    host.configure('[sshd]', `ignorecommand = ${script('exit 0')} <ip>`);
    await host.start();
    const { changed } = await host.control.ban({ jail: 'sshd', targets: ['198.51.100.1'] });
    expect(changed).toBe(1);
    expect(host.ruleset()).toContain('198.51.100.1');
  });
});
