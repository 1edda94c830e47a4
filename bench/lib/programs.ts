/** Whole programs, by the clock and with their memory. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface ProgramRun {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Highest resident memory, MiB. */
  readonly peakMib: number;
  readonly stdout: string;
}

/**
 * Runs a program to its end through a shell that reports what it used: `getrusage(2)` of the child,
 * by Python.
 */
const WRAPPER = `
import os, resource, sys
pid = os.spawnvp(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
sys.stderr.write("\\nUSED %d %f\\n" % (usage.ru_maxrss, usage.ru_utime + usage.ru_stime))
sys.exit(os.waitstatus_to_exitcode(status))
`;

export async function programRun(command: readonly string[]): Promise<ProgramRun> {
  const started = performance.now();
  const child = spawn('/usr/bin/python3', ['-c', WRAPPER, ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout = (stdout + chunk.toString()).slice(-100_000);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-100_000);
  });
  const [status] = await once(child, 'close');
  const seconds = (performance.now() - started) / 1000;
  const used = /USED (\d+) ([\d.]+)/.exec(stderr);
  if (status !== 0 || used === null)
    throw new Error(`${command.join(' ')}: status ${status}\n${stderr}`);
  return { seconds, cpuSeconds: Number(used[2]), peakMib: Number(used[1]) / 1024, stdout };
}
