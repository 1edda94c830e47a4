/**
 * The agent as a service: log, signals, words to systemd, watchdog. The only file that handles
 * signals.
 */

import { dirname } from 'node:path';
import { sdNotify, watchdogMicros } from '../../native/sd-notify.js';
import type { ControlSockets } from '../control/server.js';
import { inBackground } from '../core/background.js';
import { EXIT, type ExitCode, messageOf, OperatingError, OperatorError } from '../core/errors.js';
import { formatDiagnostic } from '../core/finding.js';
import type { LogLevel } from '../core/log.js';
import { counted } from '../core/text.js';
import { wallClock } from '../core/time.js';
import { START_EXTENSION_MICROS, START_EXTENSION_MS, START_MS_MAX } from '../core/timeouts.js';
import { NftBackend } from '../firewall/nft.js';
import { RecordingBackend } from '../firewall/recording.js';
import { type AgentLog, openLog } from '../log/target.js';
import { describeDifference } from '../setup/difference.js';
import { surroundingsOf } from '../setup/file-access.js';
import { LastGood, loadForStart } from '../setup/last-good.js';
import type { ConfigurationRoots } from '../setup/load.js';
import { needsError, startNeeds } from '../setup/needs.js';
import { bySource, ledgerPathOf } from '../setup/setup.js';
import { Agent } from './agent.js';
import { dismissThread, prepareFilters } from './intake/thread.js';
import { trimNowAndThen } from './memory.js';

/** The status line that `systemctl status` shows is renewed this often, ms. */
const STATUS_MS = 10_000;
/**
 * Counting a hundred thousand bans takes 60 ms: the next time comes after so many times what this
 * one took.
 */
const STATUS_COST = 1_000;

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
  /** Called when the configuration is read, and bans, of which there may be many, are not yet. */
  readonly configured: () => void;
}

/** Runs until a signal or a failure; returns the exit code. */
export async function runService(options: ServiceOptions): Promise<ExitCode> {
  const lastGood = new LastGood(options.ledgerPath);
  const { live, loaded } = await loadForStart(options.configuration, lastGood);
  const { setup, settings, warnings, notes } = loaded;
  const needs = startNeeds(loaded.config, surroundingsOf(options.ledgerPath, false));
  const refusal = needsError(needs);
  if (refusal !== undefined && !options.dryRun) throw refusal;
  const [first] = bySource(setup.jails).values();
  if (first !== undefined) prepareFilters(first.jails);
  const logging = openLog({
    level: options.logLevel ?? settings.loglevel,
    target: settings.logtarget,
    stderr: options.stderr,
    out: options.out,
    env: options.env,
  });
  const { log } = logging;
  if (live.refused !== undefined)
    log('error', `${live.refused}\nthe configuration that was in force last is in force`, {
      action: 'reload-refused',
    });
  for (const warning of warnings) log('warning', warning);
  for (const need of needs) log(need.level === 'note' ? 'info' : 'warning', formatDiagnostic(need));
  for (const note of notes) log('info', note);
  if (setup.jails.length === 0)
    throw new OperatorError('no jail is enabled: nothing would be protected', {
      hint: `write [sshd] and enabled = true into ${options.configuration.adminRoot}/jail.local`,
      exitCode: EXIT.config,
    });
  const signal = firstSignal(['SIGTERM', 'SIGINT']);
  const bug = firstBug();
  log(
    'info',
    `Banjour ${options.version} starts with the jails ${setup.jails.map(({ policy }) => policy.jail).join(', ')}`,
  );
  const started = extendStart(sdNotify);
  options.configured();
  const agent = await Agent.start({
    setup,
    ledgerPath: ledgerPathOf(settings, options.ledgerPath),
    sockets: options.sockets,
    firewall: options.dryRun
      ? new RecordingBackend({ show: (batch) => options.out(`${batch.trimEnd()}\n`) })
      : new NftBackend({
          clock: wallClock,
          directory: dirname(options.sockets.control),
          onProblem: (line) => log('warning', line),
        }),
    log,
    version: options.version,
    live,
    loglevel: { get: logging.getLevel, set: logging.setLevel },
  }).finally(() => {
    started();
    dismissThread();
  });
  if (!options.dryRun)
    live.keptBy((files) =>
      inBackground(lastGood.keep(files), (error) =>
        log(
          'warning',
          `the configuration in force cannot be kept, so a start that finds errors in the files is refused: ${messageOf(error)}`,
        ),
      ),
    );
  return serve(agent, { logging, signal, bug, version: options.version });
}

/**
 * Tells systemd again and again, for a bounded time, that the agent still starts; see
 * `EXTEND_TIMEOUT_USEC=` in sd_notify(3). A main thread that hangs does not tell it.
 *
 * @returns what ends it
 */
export function extendStart(send: (state: string) => unknown): () => void {
  const state = `EXTEND_TIMEOUT_USEC=${START_EXTENSION_MICROS}`;
  let left = Math.floor(START_MS_MAX / START_EXTENSION_MS);
  const timer = setInterval(() => {
    try {
      send(state);
    } catch {
      // A start that systemd does not hear of is no worse for it.
    }
    if (--left === 0) clearInterval(timer);
  }, START_EXTENSION_MS);
  return () => clearInterval(timer);
}

interface ServeOptions {
  readonly logging: AgentLog;
  readonly signal: ReturnType<typeof firstSignal>;
  readonly bug: ReturnType<typeof firstBug>;
  readonly version: string;
}

/** Runs an agent that has started until it is told to stop or fails, and stops it. */
async function serve(
  agent: Agent,
  { logging, signal, bug, version }: ServeOptions,
): Promise<ExitCode> {
  const { log } = logging;
  log('notice', `Banjour ${version} is ready: ${stateOf(agent)}`, { action: 'started' });
  sdNotify(`READY=1\nSTATUS=${stateOf(agent)}`);
  const status = new StatusLine(agent);
  const watchdog = startWatchdog(agent);
  const endTrims = trimNowAndThen();
  const reload = () => inBackground(reloadOnSignal(agent));
  const reopen = () => reopenOnSignal(logging);
  process.on('SIGHUP', reload);
  process.on('SIGUSR1', reopen);
  try {
    const name = await Promise.race([signal.received, agent.failure, bug.thrown]);
    log('notice', `${name}: stopping; the bans stay in the kernel`, { action: 'stopped' });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    log('critical', `the agent cannot go on: ${messageOf(error)}${placeOf(error)}`, {
      action: 'failed',
    });
    return EXIT.software;
  } finally {
    sdNotify('STOPPING=1\nSTATUS=stopping');
    clearInterval(watchdog);
    endTrims();
    status.stop();
    signal.ignore();
    bug.ignore();
    process.off('SIGHUP', reload);
    process.off('SIGUSR1', reopen);
    await agent.stop();
    logging.flush();
    logging.close();
  }
}

/** Renews the line that `systemctl status` shows. */
class StatusLine {
  readonly #agent: Agent;
  #timer: NodeJS.Timeout;

  constructor(agent: Agent) {
    this.#agent = agent;
    this.#timer = setTimeout(() => this.#renew(), STATUS_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #renew(): void {
    const start = performance.now();
    sdNotify(`STATUS=${stateOf(this.#agent)}`);
    const pause = Math.max(STATUS_MS, STATUS_COST * (performance.now() - start));
    this.#timer = setTimeout(() => this.#renew(), pause);
  }
}

/** One line for `systemctl status`. */
function stateOf(agent: Agent): string {
  const jails = agent.stages.setup.jails.length;
  return `watching ${counted(jails, 'jail')}, ${counted(agent.stages.firewallSync.inForce(), 'ban')} in force`;
}

/**
 * SIGUSR1, as logrotate sends it and as fail2ban has it. Without a handler Node would open its
 * debugger at it.
 */
function reopenOnSignal(logging: AgentLog): void {
  try {
    logging.reopen();
    logging.log('info', 'the log file was opened anew');
  } catch (error) {
    logging.log('error', messageOf(error));
  }
}

/** SIGHUP: nobody waits for an answer, so the log has it. */
async function reloadOnSignal(agent: Agent): Promise<void> {
  try {
    const changes = describeDifference(await agent.reload(false));
    agent.stages.log(
      'notice',
      changes.length === 0 ? 'reload: nothing changed' : `reload: ${changes.join('; ')}`,
      {
        action: 'reloaded',
      },
    );
  } catch (error) {
    agent.stages.log(
      'error',
      `reload refused, the old configuration stays in force: ${messageOf(error)}`,
      {
        action: 'reload-refused',
      },
    );
  }
}

/**
 * Tells systemd's watchdog that every stage answers, at half its interval (sd_watchdog_enabled(3)).
 */
function startWatchdog(agent: Agent): NodeJS.Timeout | undefined {
  const micros = watchdogMicros();
  if (micros === undefined) return undefined;
  return setInterval(async () => {
    if (await agent.alive()) sdNotify('WATCHDOG=1');
  }, micros / 2_000);
}

function firstSignal(names: readonly NodeJS.Signals[]): {
  readonly received: Promise<NodeJS.Signals>;
  ignore(): void;
} {
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

/** Where a bug of ours was thrown, for the report. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error) || error instanceof OperatingError) return '';
  const place = /^\s+at (.+)$/m.exec(error.stack ?? '')?.[1];
  return place === undefined ? '' : ` (${place})`;
}

/**
 * What nobody caught: an error thrown in a callback, a promise that failed without anybody waiting
 * for it. Node would end the process by itself; the agent says what it was and stops as with any
 * other failure.
 */
function firstBug(): { readonly thrown: Promise<never>; ignore(): void } {
  let take: (error: unknown) => void = () => undefined;
  const thrown = new Promise<never>((_, reject) => {
    take = reject;
  });
  // Nobody waits for it during a start, which ends by itself.
  thrown.catch(() => undefined);
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  for (const event of events) process.on(event, take);
  return {
    thrown,
    ignore: () => {
      for (const event of events) process.off(event, take);
    },
  };
}
