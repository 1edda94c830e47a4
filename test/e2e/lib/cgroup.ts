/**
 * A control group of its own for each machine. Two systemd-nspawn machines started with --keep-unit
 * from one group would both use its `payload` and their managers would fight. Where PID 1 is
 * systemd, a delegated scope does the same.
 */
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from './shell.js';

const ROOTS = ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified', '/sys/fs/cgroup'];

function roots(): string[] {
  return ROOTS.filter((root) => existsSync(join(root, 'cgroup.procs')));
}

/** The command that starts `command` in a control group called `name`. */
export async function inOwnGroup(name: string, command: readonly string[]): Promise<string[]> {
  if (readFileSync('/proc/1/comm', 'utf8').trim() === 'systemd')
    return [
      'systemd-run',
      '--quiet',
      '--scope',
      `--unit=${name}`,
      '-p',
      'Delegate=yes',
      ...command,
    ];
  const files: string[] = [];
  for (const root of roots()) {
    await mkdir(join(root, name), { recursive: true });
    files.push(join(root, name, 'cgroup.procs'));
  }
  const script = `${files.map((file) => `echo 0 > ${file}`).join('; ')}; exec "$@"`;
  return ['sh', '-c', script, 'sh', ...command];
}

/**
 * Removes what a machine left behind. A group whose processes do not leave stays; an empty one
 * costs nothing.
 */
export async function removeGroup(name: string): Promise<void> {
  for (const root of roots()) {
    const path = join(root, name);
    await until('the processes of a machine have left', () => removeTree(path), {
      timeoutMs: 5_000,
    }).catch(() => false);
  }
}

/** True when the group and those below it are gone. */
function removeTree(path: string): boolean {
  if (!existsSync(path)) return true;
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(path, entry.name));
  rmdirSync(path);
  return true;
}
