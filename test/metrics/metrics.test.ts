import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { METRICS_LABEL_VALUES_MAX } from '../../src/core/service-limits.js';
import type { EpochMicros } from '../../src/core/time.js';
import { formatFor, joinMetrics } from '../../src/metrics/format.js';
import { AgentMetrics } from '../../src/metrics/metrics.js';
import type { AgentSnapshot } from '../../src/metrics/snapshot.js';
import { NotifyMetrics } from '../../src/notify/metrics.js';
import { PolicyMetrics } from '../../src/policy/metrics.js';
import { ShareMetrics } from '../../src/share/metrics.js';
import { hasCommand, needs } from '../support/require.js';

const withPromtool = needs(
  hasCommand('promtool'),
  'promtool (Debian package prometheus) is not installed',
);

const SNAPSHOT: AgentSnapshot = {
  version: '1.2.3',
  startedAt: 1_795_287_036_000_000 as EpochMicros,
  sources: [
    {
      source: 'local',
      live: true,
      entriesRead: 1_729,
      entriesCut: 1,
      entriesUnreadable: 2,
      gaps: 0,
      lagSeconds: 0.5,
      lastEntry: 1_795_287_037_000_000 as EpochMicros,
    },
  ],
  jails: [
    {
      jail: 'sshd',
      matched: 179,
      prefilterHits: 100,
      successes: 3,
      notAnAddress: 4,
      givenUp: 0,
      demoted: 1,
      tracked: 15,
      evicted: 0,
    },
    {
      jail: 'login',
      matched: 0,
      prefilterHits: 0,
      successes: 0,
      notAnAddress: 0,
      givenUp: 0,
      demoted: 0,
      tracked: 0,
      evicted: 0,
      evidence: { addresses: 9, users: 4, credits: 5, underAttack: 2, takeovers: 1, bytes: 1 },
    },
  ],
  activeBans: [
    { jail: 'sshd', family: 4, count: 7 },
    { jail: 'sshd', family: 6, count: 2 },
  ],
  stopped: new Map([['sshd', { packets: 12, bytes: 720 }]]),
  batchesUnderWay: 0,
  drifts: 1,
  healed: 1,
  ledgerBytes: 4096,
  residentBytes: 1e8,
  cpuSeconds: 1.5,
};

const agent = () => new AgentMetrics(async () => SNAPSHOT);
const policy = () => new PolicyMetrics();
const share = () =>
  new ShareMetrics(() => ({ isConnected: true, waiting: 0, published: 0, held: 0 }));
const notify = () => new NotifyMetrics(() => new Map([['mail', 3]]));

function busy(): AgentMetrics {
  const metrics = agent();
  metrics.happened({ event: 'found', jail: 'sshd', address: '192.0.2.1', count: 3 });
  metrics.happened({ event: 'ban', jail: 'sshd', address: '192.0.2.1' });
  metrics.happened({ event: 'ban', jail: 'sshd', address: '2001:db8::/64' });
  metrics.happened({ event: 'unban', jail: 'sshd', address: '192.0.2.1', reason: 'expired' });
  metrics.happened({ event: 'refused', jail: 'sshd', address: '192.0.2.3' });
  metrics.happened({ event: 'ignored', jail: 'sshd', address: '192.0.2.2' });
  metrics.happened({ event: 'takeover', jail: 'login', address: '192.0.2.2' });
  metrics.batch('resident', 0.004);
  metrics.inForce(0.02);
  return metrics;
}

describe('the metrics', () => {
  test('say what happened and what is', async () => {
    const text = await busy().text('prometheus');
    for (const line of [
      'banjour_failures_total{jail="sshd"} 3',
      'banjour_bans_total{jail="sshd",family="ipv4"} 1',
      'banjour_bans_total{jail="sshd",family="ipv6"} 1',
      'banjour_unbans_total{jail="sshd",reason="expired"} 1',
      'banjour_refused_bans_total{jail="sshd"} 1',
      'banjour_ignored_total{jail="sshd"} 1',
      'banjour_alarms_total{jail="login",kind="takeover"} 1',
      'banjour_evidence{jail="login",of="under-attack"} 2',
      'banjour_evidence{jail="login",of="credits"} 5',
      'banjour_active_bans{jail="sshd",family="ipv4"} 7',
      'banjour_stopped_packets_total{jail="sshd"} 12',
      'banjour_demoted_regexes{jail="sshd"} 1',
      'banjour_entries_read_total{source="local"} 1729',
      'banjour_ban_latency_seconds_bucket{le="0.025"} 1',
      'banjour_ban_latency_seconds_count 1',
      'banjour_nft_batch_seconds_count{via="resident"} 1',
      'banjour_kernel_readable 1',
    ])
      expect(text.split('\n')).toContain(line);
  });

  test('are the same at a second scrape', async () => {
    const metrics = busy();
    expect(await metrics.text('prometheus')).toBe(await metrics.text('prometheus'));
  });

  test('show a jail before its first ban, so that the first one is seen as an increase', async () => {
    expect(await agent().text('prometheus')).toContain(
      'banjour_bans_total{jail="sshd",family="ipv4"} 0',
    );
  });

  test('say so when the kernel does not answer', async () => {
    const { stopped: _, ...rest } = SNAPSHOT;
    const text = await new AgentMetrics(async () => rest).text('prometheus');
    expect(text).toContain('banjour_kernel_readable 0');
    expect(text).not.toMatch(/^banjour_stopped_packets_total\{/m);
  });

  test.each([
    [METRICS_LABEL_VALUES_MAX - 1, 0],
    [METRICS_LABEL_VALUES_MAX, 1],
    [METRICS_LABEL_VALUES_MAX + 1, 2],
  ])('%i more jails than one: %i bans are counted for "other"', async (jails, others) => {
    const metrics = new AgentMetrics(async () => ({
      ...SNAPSHOT,
      sources: [],
      jails: [],
      activeBans: [],
      stopped: new Map(),
    }));
    metrics.happened({ event: 'refused', jail: 'first', address: '192.0.2.1' });
    for (let i = 0; i < jails; i++)
      metrics.happened({ event: 'refused', jail: `jail${i}`, address: '192.0.2.1' });
    const text = await metrics.text('prometheus');
    expect(/banjour_refused_bans_total\{jail="other"\} (\d+)/.exec(text)?.[1] ?? '0').toBe(
      String(others),
    );
  });

  test('have no label that strangers fill', () => {
    const labels = new Set(
      [agent(), notify(), policy(), share()].flatMap(({ names }) => [...names.values()].flat()),
    );
    expect([...labels].sort()).toEqual([
      'channel',
      'family',
      'jail',
      'kind',
      'of',
      'reason',
      'source',
      'verdict',
      'version',
      'via',
      'why',
    ]);
  });

  test('come as OpenMetrics to those who accept it', () => {
    const prometheus =
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,*/*';
    expect([formatFor(prometheus), formatFor('text/plain'), formatFor(undefined)]).toEqual([
      'openmetrics',
      'prometheus',
      'prometheus',
    ]);
  });
});

describe('promtool', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'banjour-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function promtool(args: readonly string[], input?: string) {
    const { status, stdout, stderr } = spawnSync('promtool', args, {
      encoding: 'utf8',
      input,
      cwd: folder,
    });
    return { status, said: `${stdout}${stderr}` };
  }

  withPromtool('accepts the metrics without a remark', async () => {
    const text = joinMetrics(
      [
        await busy().text('prometheus'),
        await notify().text('prometheus'),
        await policy().text('prometheus'),
      ],
      'prometheus',
    );
    expect(promtool(['check', 'metrics'], text)).toEqual({ status: 0, said: '' });
  });

  withPromtool('reads the OpenMetrics of agent and notify together', async () => {
    const text = joinMetrics(
      [
        await busy().text('openmetrics'),
        await notify().text('openmetrics'),
        await policy().text('openmetrics'),
      ],
      'openmetrics',
    );
    // Its strict parser of OpenMetrics is that of backfilling, which wants a time on every sample.
    const timed = text.replace(/^(banjour\S* (?:\S+))$/gm, '$1 1795287036');
    const file = join(folder, 'metrics.om');
    writeFileSync(file, timed);
    const { status, said } = promtool([
      'tsdb',
      'create-blocks-from',
      'openmetrics',
      file,
      join(folder, 'blocks'),
    ]);
    expect([status, said]).toEqual([0, expect.stringContaining('BLOCK')]);
  });

  withPromtool('accepts the alert rules, and they fire when they should', () => {
    const alerts = join(process.cwd(), 'examples/alerts');
    expect(promtool(['check', 'rules', join(alerts, 'banjour.rules.yml')])).toMatchObject({
      status: 0,
    });
    expect(promtool(['test', 'rules', join(alerts, 'banjour.test.yml')])).toMatchObject({
      status: 0,
    });
  });
});

describe('what is made of the metrics', () => {
  const known = new Map([...agent().names, ...notify().names, ...policy().names, ...share().names]);
  const exported = (name: string) =>
    known.has(name) || known.has(name.replace(/_(?:bucket|sum|count)$/, ''));

  test.each([
    'examples/dashboards/banjour.json',
    'examples/alerts/banjour.rules.yml',
    'examples/alerts/banjour.test.yml',
  ])('%s names metrics that there are', (file) => {
    // A `- alert:` or `uid` is no metric; metrics have an underscore.
    const names = [...new Set(readFileSync(file, 'utf8').match(/\bbanjour_\w+/g))];
    expect(names.length).toBeGreaterThan(3);
    expect(names.filter((name) => !exported(name))).toEqual([]);
  });

  test('the dashboard groups by labels that its metrics have', () => {
    const { panels } = JSON.parse(readFileSync('examples/dashboards/banjour.json', 'utf8')) as {
      panels: { title: string; targets: { expr: string }[] }[];
    };
    const wrong = panels.flatMap(({ title, targets }) =>
      targets.flatMap(({ expr }) => {
        const by = /\bby \((\w+)(?:, \w+)?\)/.exec(expr)?.[1];
        const metric = /\bbanjour_\w+/.exec(expr)?.[0] ?? '';
        if (by === undefined || by === 'le') return [];
        const labels =
          known.get(metric) ?? known.get(metric.replace(/_(?:bucket|sum|count)$/, '')) ?? [];
        return labels.includes(by) ? [] : [`${title}: ${metric} has no ${by}`];
      }),
    );
    expect(panels.length).toBeGreaterThan(10);
    expect(wrong).toEqual([]);
  });

  test('docs/metrics.md has an entry for each metric, and for nothing else', () => {
    const text = readFileSync('docs/metrics.md', 'utf8');
    const documented = [...text.matchAll(/^\| `(banjour_\w+)`/gm)].map(
      (match) => match[1] as string,
    );
    expect(documented.toSorted()).toEqual([...known.keys()].toSorted());
  });
});
