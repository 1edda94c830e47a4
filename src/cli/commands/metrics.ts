/** `banjour metrics`: numbers for Prometheus, printed once or served on a port of the loopback. */
import { EXIT, type ExitCode, OperatorError } from '../../core/errors.js';
import type { MetricsFormat } from '../../metrics/format.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const metrics: CommandDefinition = {
  name: 'metrics',
  summary: 'Numbers for Prometheus: printed once, or on a port of the loopback',
  details: [
    'Metrics of the running agent, and of the companion when it runs. Prometheus that can read a Unix socket (through a proxy) needs none of this: GET /v1/metrics on status.sock.',
    'docs/metrics.md names every metric; a dashboard and alerts are in examples/.',
  ],
  options: {
    listen: {
      type: 'string',
      describe: 'Serve http://ADDRESS/metrics until told to stop: 127.0.0.1:9811',
    },
    format: {
      type: 'string',
      describe: 'The format of the numbers',
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
    ['banjour metrics --listen 127.0.0.1:9811', 'Where banjour-companion.service does not run'],
  ],
  exits: [[EXIT.unavailable, 'no agent is running']],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const { readFigures } = await import('../../companion/metrics.js');
  const read = (format: MetricsFormat) => readFigures(paths, format);
  const listen = args.text('listen');
  if (listen === undefined) {
    terminal.out(await read(args.text('format') === 'openmetrics' ? 'openmetrics' : 'prometheus'));
    return EXIT.ok;
  }
  const { serveMetrics } = await import('../../companion/metrics-server.js');
  const { parseLoopbackPort } = await import('../../setup/companion-config.js');
  const parsed = parseLoopbackPort(listen);
  if (!('value' in parsed))
    throw new OperatorError(`--listen ${JSON.stringify(listen)} ${parsed.problem}`, {
      hint: parsed.fix,
    });
  const server = await serveMetrics(parsed.value, read);
  terminal.err(`metrics on http://${server.address}/metrics\n`);
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
  await server.close();
  return EXIT.ok;
}
