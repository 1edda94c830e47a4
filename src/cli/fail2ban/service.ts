/**
 * What fail2ban-client does without asking the agent: `start`, `stop`, `restart` (systemd does
 * them), `-t` and `-d`.
 */

import { spawnSync } from 'node:child_process';
import { showConfig } from '../../config/show.js';
import { messageOf } from '../../core/errors.js';
import { formatDiagnostic } from '../../core/finding.js';
import { escapeUntrusted } from '../../core/text.js';
import { examineConfiguration } from '../../setup/check.js';
import { loadSetup } from '../../setup/load.js';
import { clientOf, type Fail2banSession, NotOk } from './session.js';
import { errorLine } from './shapes.js';

/** `fail2ban-client -t`: is the configuration free of errors? Returns the exit code. */
export function testConfiguration({ paths, terminal }: Fail2banSession): number {
  const diagnostics = examineConfiguration({ shippedRoot: paths.shipped, adminRoot: paths.config });
  const errors = diagnostics.filter(({ level }) => level === 'error');
  for (const error of errors)
    terminal.err(errorLine(escapeUntrusted(formatDiagnostic(error), 4096)));
  terminal.out(
    errors.length === 0
      ? 'OK: configuration test is successful\n'
      : 'ERROR: test configuration failed\n',
  );
  return errors.length === 0 ? 0 : 255;
}

/**
 * `fail2ban-client -d` in Banjour's own form, with the origin of each value: the commands that
 * fail2ban's server is fed have no meaning here.
 */
export function dumpConfiguration({ paths, terminal }: Fail2banSession): number {
  const { config } = loadSetup({ shippedRoot: paths.shipped, adminRoot: paths.config });
  terminal.out(`${showConfig(config).trimEnd()}\n`);
  return 0;
}

const UNIT = 'banjour.service';

/**
 * `restart JAIL` is a reload of that jail; `start JAIL` and `stop JAIL` are not: a jail is enabled
 * by its file.
 */
export async function controlService(
  command: 'start' | 'stop' | 'restart',
  rest: readonly string[],
  session: Fail2banSession,
  reload: () => Promise<string>,
): Promise<string> {
  const jail = rest.find((word) => !word.startsWith('--'));
  if (jail !== undefined && command === 'restart') return reload();
  if (jail !== undefined)
    throw new NotOk(
      `NOK: a jail is started and stopped by "enabled = true" or "false" under [${jail}], then: reload ${jail}`,
      'Invalid command',
    );
  const running = await clientOf(session)
    .ping()
    .then(() => true)
    .catch(() => false);
  if (command === 'start' && running) throw new NotOk('Server already running');
  if (command === 'stop') {
    const { pid } = await clientOf(session).status();
    if (isUnit(pid)) systemctl('stop');
    else await end(pid);
    return 'Shutdown successful';
  }
  systemctl(command);
  return command === 'start' ? 'Server ready' : 'Shutdown successful\nServer ready';
}

/** True when systemd runs this process as the agent's unit. */
function isUnit(pid: number): boolean {
  const { stdout } = spawnSync('systemctl', ['show', '-P', 'MainPID', UNIT], { encoding: 'utf8' });
  return stdout !== null && stdout.trim() === String(pid);
}

function systemctl(verb: string): void {
  const { status, stderr, error } = spawnSync('systemctl', [verb, UNIT], { encoding: 'utf8' });
  if (error !== undefined) throw new NotOk(`systemctl cannot be run: ${messageOf(error)}`);
  if (status !== 0)
    throw new NotOk(`systemctl ${verb} ${UNIT} failed: ${stderr.trim().split('\n')[0] ?? ''}`);
}

/** An agent in the foreground is ended as Ctrl-C ends it. */
async function end(pid: number): Promise<void> {
  process.kill(pid, 'SIGTERM');
  for (let turn = 0; turn < 200; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
  }
  throw new NotOk(`the agent (process ${pid}) does not end`);
}
