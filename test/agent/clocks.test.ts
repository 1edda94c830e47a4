/** Clocks that are or were wrong, with real journals: each costs its own entry and nothing else. */
import { mkdirSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { AgentHost, canHost, SSHD } from '../support/agent-host.js';
import { LiveJournal, T0 } from '../support/journal-files.js';
import { needs } from '../support/require.js';
import { until } from '../support/until.js';

const test = needs(...canHost);
const HOUR = 3_600;

let host: AgentHost;
beforeEach(() => {
  host = new AgentHost();
  host.configure();
});
afterEach(() => host.dispose());

const inKernel = () =>
  [...new Set(host.ruleset().match(/(?:192\.0\.2|198\.51\.100)\.\d+/g) ?? [])].sort();
const isInKernel = (address: string) =>
  until(
    () => `${address} is banned:\n${host.said}`,
    () => inKernel().includes(address),
  );

describe('entries dated ahead', () => {
  test.each([1, 5])('%i read at a start lift no ban and hide nobody behind them', async (count) => {
    host.fail('192.0.2.1', 3);
    const agent = await host.start();
    await isInKernel('192.0.2.1');
    await host.end(agent, 'SIGTERM');
    for (let i = 0; i < count; i++) host.fail(`192.0.2.${20 + i}`, 1, -2 * HOUR);
    host.fail('198.51.100.1', 3);
    await host.start();
    await isInKernel('198.51.100.1');
    expect(inKernel()).toEqual(['192.0.2.1', '198.51.100.1']);
    expect(host.announced('Unban')).toEqual([]);
    expect(host.said.match(/is dated ahead/g)).toHaveLength(1);
  });

  test('hide nobody behind them at a first start', async () => {
    host.fail('192.0.2.20', 1, -2 * HOUR);
    host.fail('198.51.100.1', 3);
    await host.start();
    await isInKernel('198.51.100.1');
  });

  test('behind the wall but ahead of their neighbours hide nobody, after hours without an agent', async () => {
    host.configure('bantime = 1d');
    host.fail('192.0.2.1', 3, 6 * HOUR);
    const agent = await host.start();
    await host.end(agent, 'SIGTERM');
    host.fail('192.0.2.20', 3, 1 * HOUR);
    host.fail('198.51.100.1', 3, 5 * HOUR);
    await host.start();
    await isInKernel('198.51.100.1');
    // The wrong clock was put back in between, so the order of the places holds, not that of the
    // times.
    expect(inKernel()).toContain('192.0.2.20');
  });
});

describe('a stored position in the future', () => {
  test.each(['is there', 'is gone'])('whose journal %s leaves nobody unseen', async (where) => {
    const first = await host.start();
    host.fail('192.0.2.20', 1, -48 * HOUR);
    await host.heard('Found', 1);
    await host.end(first, 'SIGTERM');
    if (where === 'is gone') rmSync(await host.rotate());
    host.fail('198.51.100.1', 3);
    await host.start();
    expect(host.said).toContain('the stored position is dated ahead');
    await isInKernel('198.51.100.1');
    host.fail('198.51.100.2', 3);
    await isInKernel('198.51.100.2');
  });

  test('is no end to a running agent whose journal is rotated and removed', async () => {
    await host.start();
    host.fail('192.0.2.20', 1, -48 * HOUR);
    await host.heard('Found', 1);
    rmSync(await host.rotate());
    host.fail('198.51.100.1', 3);
    await isInKernel('198.51.100.1');
  });
});

describe('a clock that was put back', () => {
  test('while nobody watched costs nothing that came after it', async () => {
    host.fail('192.0.2.1', 3);
    const agent = await host.start();
    await isInKernel('192.0.2.1');
    await host.end(agent, 'SIGTERM');
    // As a machine without a battery has it at a boot, before it hears of the time.
    host.fail('192.0.2.20', 4, 50_000 * HOUR);
    host.fail('198.51.100.1', 3);
    await host.start();
    await isInKernel('198.51.100.1');
    expect(inKernel()).toContain('192.0.2.1');
    expect(host.announced('Unban')).toEqual([]);
  });
});

describe('one host of many whose clock is wrong', () => {
  test.each([
    ['ahead', 2 * HOUR],
    ['behind', -2 * HOUR],
  ])('%s takes nothing from the others, live and at a start', async (_, offset) => {
    const folder = host.path('remote');
    mkdirSync(folder);
    host.configure(`source = remote ${folder}`);
    const [wrong, right] = ['wrong', 'right'].map(
      (name) => new LiveJournal(`${folder}/remote-${name}.journal`),
    );
    const fail = (
      journal: LiveJournal | undefined,
      address: string,
      seconds: number,
      count: number,
    ) =>
      journal?.append(
        Array.from({ length: count }, (_, i) => ({
          at: (Date.now() + seconds * 1000) * 1000 - T0 + i,
          message: `Failed password for root from ${address} port 22 ssh2`,
          fields: SSHD,
        })),
      );
    try {
      const agent = await host.start();
      fail(right, '192.0.2.1', 0, 3);
      fail(wrong, '192.0.2.20', offset, 1);
      await isInKernel('192.0.2.1');
      // What is older than a first start looks back may be passed over: nobody is banned for it.
      if (offset > 0) await host.heard('Found', 4);
      fail(right, '192.0.2.2', 0, 3);
      await isInKernel('192.0.2.2');
      await host.end(agent, 'SIGTERM');
      fail(wrong, '192.0.2.21', offset, 2);
      fail(right, '198.51.100.1', 0, 3);
      await Promise.all([wrong?.settled(), right?.settled()]);
      await host.start();
      await isInKernel('198.51.100.1');
      expect(inKernel()).toEqual(['192.0.2.1', '192.0.2.2', '198.51.100.1']);
      expect(host.announced('Unban')).toEqual([]);
    } finally {
      await Promise.all([wrong?.close(), right?.close()]);
    }
  });
});
