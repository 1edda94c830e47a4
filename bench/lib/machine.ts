/** What the figures were measured on. */
import { spawnSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';

/** First line of a program's version, without its name; `-` when it is not there. */
function versionOf(command: string, ...args: readonly string[]): string {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? (/\d[\w.+~-]*/.exec(stdout)?.[0] ?? '-') : '-';
}

export function machine(): Readonly<Record<string, string>> {
  return {
    processor: `${cpus().length} x ${cpus()[0]?.model ?? '?'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: release(),
    node: process.versions.node,
    systemd: versionOf('systemctl', '--version'),
    nft: versionOf('nft', '--version'),
    python: versionOf('/usr/bin/python3', '--version'),
    load: load(),
  };
}

/** Mean number of tasks that wanted a processor in the last minute: what else ran here. */
export function load(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}
