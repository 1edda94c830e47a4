/**
 * `banjour import --switch` and `--enable` on this host: signals, what is said, and the host
 * itself.
 */
import { type ExitCode, OperatorError } from '../../core/errors.js';
import { escapeUntrusted } from '../../core/text.js';
import type { Paths } from '../../setup/paths.js';
import type { ImportOptions } from '../import/import.js';
import { switchBack } from './back.js';
import { COMPANION } from './host.js';
import { switchOver } from './switch.js';
import { SystemHost } from './system.js';

/**
 * What ends the move, which is then taken back: a key, another program, a terminal that is gone.
 */
const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

/** The whole move from fail2ban to Banjour on this host, or back. */
export async function switchHere(
  paths: Paths,
  options: ImportOptions,
  direction: 'over' | 'back',
): Promise<ExitCode> {
  if (direction === 'over' && !options.bans)
    throw new OperatorError('--switch takes the bans over: banned hosts would get in otherwise', {
      hint: 'leave --no-bans out',
    });
  const { terminal } = options;
  const interrupted = new AbortController();
  const interrupt = (name: NodeJS.Signals) => {
    if (!interrupted.signal.aborted) say(`${name}: what was begun is taken back; please wait`);
    interrupted.abort();
  };
  // What services said may hold what strangers wrote.
  const safe = (text: string) =>
    text
      .split('\n')
      .map((line) => escapeUntrusted(line, 4096))
      .join('\n');
  const say = (text: string) => (options.json ? terminal.err : terminal.out)(`${safe(text)}\n`);
  // A terminal that is gone must not end the program halfway.
  const streams = [terminal.stdout, terminal.stderr].map((stream) => ({
    stream,
    heard: stream.listeners('error'),
  }));
  const deaf = () => undefined;
  for (const { stream } of streams) stream.removeAllListeners('error').on('error', deaf);
  for (const name of SIGNALS) process.on(name, interrupt);
  try {
    const how = { say, interrupted: interrupted.signal, dryRun: options.dryRun };
    const host = new SystemHost(paths, options);
    return await (direction === 'back'
      ? switchBack(host, { ...how, force: options.force })
      : switchOver(host, how));
  } finally {
    for (const name of SIGNALS) process.off(name, interrupt);
    for (const { stream, heard } of streams) {
      stream.off('error', deaf);
      for (const listener of heard) stream.on('error', listener as (error: Error) => void);
    }
  }
}

/** Starts what sends mails and other messages, where a jail wants them, now and at every boot. */
export async function enableCompanion(paths: Paths, options: ImportOptions): Promise<void> {
  const host = new SystemHost(paths, options);
  const { terminal } = options;
  if (!host.notifies()) {
    terminal.err(
      'no jail tells anybody of its bans, or companion.conf switches notify off: banjour-companion is not needed\n',
    );
    return;
  }
  const obstacle = host.obstacle();
  if (obstacle !== undefined)
    throw new OperatorError(`banjour-companion cannot be enabled: ${obstacle.why}`, {
      hint: 'systemctl enable --now banjour-companion',
      exitCode: obstacle.exitCode,
    });
  await host.order('enable', COMPANION);
  await host.order('restart', COMPANION);
  terminal.err('banjour-companion runs, now and at every boot\n');
}
