/** `banjour metrics`: numbers for Prometheus, printed once or served on a port of the loopback. */
import { existsSync } from 'node:fs';
import { ControlClient } from '../../control/client.js';
import { EXIT, type ExitCode } from '../../core/errors.js';
import { joinMetrics, type MetricsFormat } from '../../metrics/format.js';
import { notifySocket, type Paths, statusSocket } from '../../setup/paths.js';
import type { CommandContext, CommandDefinition } from '../command.js';
import { listenAddress, serveMetrics } from '../metrics-server.js';

export const metrics: CommandDefinition = {
  name: 'metrics',
  summary: 'Numbers for Prometheus: printed once, or on a port of the loopback',
  details: [
    'Metrics of the running agent, and of banjour-notify when it runs. Prometheus that can read a Unix socket (through a proxy) needs none of this: GET /v1/metrics on status.sock.',
    'docs/metrics.md names every metric; a dashboard and alerts are in examples/.',
  ],
  options: {
    listen: {
      type: 'string',
      describe: 'Serve http://ADDRESS/metrics until told to stop: 127.0.0.1:9811',
    },
    format: {
      type: 'string',
      describe: 'What is printed',
      choices: ['prometheus', 'openmetrics'],
      default: 'prometheus',
    },
  },
  honours: ['run-dir'],
  examples: [
    ['banjour metrics', 'All of them, once'],
    [
      'banjour metrics > /var/lib/prometheus/node-exporter/banjour.prom',
      "For node_exporter's textfile collector",
    ],
    ['banjour metrics --listen 127.0.0.1:9811', 'What banjour-metrics.service does'],
  ],
  exits: [[EXIT.unavailable, 'no agent is running']],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const read = (format: MetricsFormat) => readMetrics(paths, format);
  const listen = args.text('listen');
  if (listen === undefined) {
    terminal.out(await read(args.text('format') === 'openmetrics' ? 'openmetrics' : 'prometheus'));
    return EXIT.ok;
  }
  const server = await serveMetrics(listenAddress(listen), read);
  terminal.err(`metrics on http://${server.address}/metrics\n`);
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
  await server.close();
  return EXIT.ok;
}

/** The agent's, and banjour-notify's when it answers. */
async function readMetrics(paths: Paths, format: MetricsFormat): Promise<string> {
  const agent = await new ControlClient(statusSocket(paths)).metrics(format);
  const socket = notifySocket(paths);
  if (!existsSync(socket)) return agent;
  try {
    return joinMetrics([agent, await new ControlClient(socket).metrics(format)], format);
  } catch {
    return agent;
  }
}
