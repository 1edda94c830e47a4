import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import type { HostReport } from '../../src/tools/report/report.js';
import { AgentHost, canHost, SSHD } from '../support/agent-host.js';
import { needs } from '../support/require.js';
import { until } from '../support/until.js';

const onHost = needs(...canHost);

describe('the report of a real agent', () => {
  let host: AgentHost;
  beforeAll(() => {
    if (canHost[0]) host = new AgentHost();
  });
  afterAll(() => host?.dispose());

  const report = (...args: string[]) => {
    const words = ['dist/src/main.js', ...host.placed(['report', '--json', ...args])];
    const { stdout } = spawnSync(process.execPath, words, { encoding: 'utf8' });
    return JSON.parse(stdout) as HostReport;
  };

  onHost('counts the entries that were fed in, with the agent and without it', async () => {
    host.write('etc/jail.d/sshd.conf', '[sshd]\nenabled = true\n');
    host.configure();
    const agent = await host.start();
    const fail = (address: string, user: string) =>
      host.append(`Failed password for ${user} from ${address} port 40022 ssh2`, SSHD);
    for (const user of ['root', '<b>x</b>', 'a\u001b[2Jb']) fail('198.51.100.7', user);
    for (const user of ['root', 'root']) fail('203.0.113.9', user);
    await host.heard('Ban', 1);
    await until(
      () => `five failures: ${JSON.stringify(report().totals)}`,
      () => report().totals.attempts === 5,
    );
    const running = report();
    expect(running.totals).toMatchObject({ attempts: 5, bans: 1, targets: 1, refused: 0 });
    expect(running.now).toMatchObject({ bansInForce: 1 });
    expect(running.health.hoursAwake).toBeGreaterThan(0);
    const { since, until: end } = running;
    const told = await host.status.figures({ since, until: end });
    expect(told.totals).toEqual(running.totals);
    expect(told.hours).toEqual(running.hours);
    await host.end(agent);
    const alone = report('--since', since, '--until', end);
    expect(alone.now).toBeNull();
    expect(alone.totals).toEqual(running.totals);
    expect(alone.missing.at(-1)).toContain('no agent answers');
  });
});
