/**
 * The agent as a service: log, signals, words to systemd, watchdog. The only file that handles signals.
 */
import { sdNotify, watchdogMicros } from '../../native/notify.js';
import type { ControlSockets } from '../control/server.js';
import { EXIT, type ExitCode, messageOf, OperatorError } from '../core/errors.js';
import type { LogLevel } from '../core/log.js';
import { wallClock } from '../core/time.js';
import { NftBackend } from '../firewall/nft.js';
import { RecordingBackend } from '../firewall/recording.js';
import { createLog, styleFor } from '../log/log.js';
import { Agent } from './agent.js';
import { describeDifference } from './difference.js';
import { type ConfigurationRoots, loadSetup, verifyFilters } from './load.js';

export interface ServiceOptions {
  readonly configuration: ConfigurationRoots;
  readonly ledgerPath: string;
  readonly sockets: ControlSockets;
  readonly dryRun: boolean;
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly out: (text: string) => void;
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
  readonly logLevel?: LogLevel;
}

/** Runs until a signal or a failure; returns the exit code. */
export async function runService(options: ServiceOptions): Promise<ExitCode> {
  const { setup, settings, warnings, notes } = loadSetup(options.configuration);
  const { log, flush } = createLog({
    level: options.logLevel ?? settings.loglevel,
    stream: options.stderr,
    style: styleFor(options.stderr, options.env),
  });
  for (const warning of warnings) log('warning', warning);
  for (const note of notes) log('info', note);
  if (setup.jails.length === 0)
    throw new OperatorError('no jail is enabled: nothing would be protected', {
      hint: `enable one in ${options.configuration.adminRoot}/jail.local, e.g.  [sshd] / enabled = true`,
      exitCode: EXIT.config,
    });
  const signal = firstSignal(['SIGTERM', 'SIGINT']);
  log(
    'info',
    `Banjour ${options.version} starts with the jails ${setup.jails.map(({ policy }) => policy.jail).join(', ')}`,
  );
  const agent = await Agent.start({
    setup,
    ledgerPath: options.ledgerPath,
    sockets: options.sockets,
    firewall: options.dryRun
      ? new RecordingBackend({ show: (batch) => options.out(`${batch.trimEnd()}\n`) })
      : new NftBackend({ clock: wallClock }),
    log,
    version: options.version,
    load: async () => {
      const { setup: next } = loadSetup(options.configuration);
      await verifyFilters(next);
      return next;
    },
  });
  sdNotify(`READY=1\nSTATUS=watching ${setup.jails.length} jails`);
  const watchdog = startWatchdog(agent);
  const reload = () => void reloadOnSignal(agent);
  process.on('SIGHUP', reload);
  try {
    const name = await Promise.race([signal.received, agent.failure]);
    log('info', `${name}: stopping; the bans stay in the kernel`);
    return EXIT.ok;
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    log('critical', `the agent cannot go on: ${messageOf(error)}`);
    return EXIT.software;
  } finally {
    sdNotify('STOPPING=1');
    clearInterval(watchdog);
    signal.ignore();
    process.off('SIGHUP', reload);
    await agent.stop();
    flush();
  }
}

/** SIGHUP: nobody waits for an answer, so the log has it. */
async function reloadOnSignal(agent: Agent): Promise<void> {
  try {
    const changes = describeDifference(await agent.reload(false));
    agent.log('notice', changes.length === 0 ? 'reload: nothing changed' : `reload: ${changes.join('; ')}`);
  } catch (error) {
    agent.log('error', `reload refused, the old configuration stays in force: ${messageOf(error)}`);
  }
}

/** Tells systemd's watchdog that every stage answers, at half its interval (sd_watchdog_enabled(3)). */
function startWatchdog(agent: Agent): NodeJS.Timeout | undefined {
  const micros = watchdogMicros();
  if (micros === undefined) return undefined;
  return setInterval(async () => {
    if (await agent.alive()) sdNotify('WATCHDOG=1');
  }, micros / 2_000);
}

function firstSignal(names: readonly NodeJS.Signals[]): { readonly received: Promise<NodeJS.Signals>; ignore(): void } {
  let take: (name: NodeJS.Signals) => void = () => undefined;
  const received = new Promise<NodeJS.Signals>((resolve) => {
    take = resolve;
  });
  for (const name of names) process.on(name, take);
  return {
    received,
    ignore: () => {
      for (const name of names) process.off(name, take);
    },
  };
}
