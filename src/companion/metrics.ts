/** The part that serves the metrics, and the figures of everything as one text. */
import { existsSync } from 'node:fs';
import { ControlClient } from '../control/client.js';
import { joinMetrics, type MetricsFormat } from '../metrics/format.js';
import { type CompanionConfig, describePort } from '../setup/companion-config.js';
import { companionSocket, type Paths, statusSocket } from '../setup/paths.js';
import type { CompanionPart, PartHost, PartPlan } from './part.js';

export async function planMetrics(
  { metrics }: CompanionConfig,
  host: PartHost,
): Promise<PartPlan | undefined> {
  if (!metrics.enabled) return undefined;
  const { listen } = metrics;
  return {
    name: 'metrics',
    configuration: JSON.stringify(metrics),
    lines: [`metrics on http://${describePort(listen)}/metrics`],
    start: async (): Promise<CompanionPart> => {
      const { serveMetrics } = await import('./metrics-server.js');
      const server = await serveMetrics(listen, host.figures);
      return {
        summary: `metrics on ${server.address}`,
        status: () => ({ address: server.address }),
        stop: () => server.close(),
      };
    },
  };
}

/**
 * The agent's figures and those of the companion's parts: by `parts` within the companion, by
 * companion.sock elsewhere, where there is one. Throws when no agent answers.
 */
export async function readFigures(
  paths: Paths,
  format: MetricsFormat,
  parts = () => askedFigures(paths, format),
): Promise<string> {
  const agent = await new ControlClient(statusSocket(paths)).metrics(format);
  return joinMetrics([agent, ...(await parts())], format);
}

async function askedFigures(paths: Paths, format: MetricsFormat): Promise<readonly string[]> {
  const socket = companionSocket(paths);
  if (!existsSync(socket)) return [];
  return new ControlClient(socket).metrics(format).then(
    (text) => [text],
    () => [],
  );
}
