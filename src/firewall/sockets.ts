/**
 * Closes this host's sockets of a banned prefix at once. Its packets are dropped anyway; this frees what the service
 * still holds for it instead of leaving that to time-outs. ss(8) of iproute2; the kernel needs INET_DIAG_DESTROY.
 */
import { formatPrefix, type Prefix } from '../core/address.js';
import { OperatingError } from '../core/errors.js';
import { NFT_ERROR_BYTES_MAX, SS_DEADLINE_MS, SS_OUTPUT_BYTES_MAX } from '../core/limits.js';
import { type Command, findProgram, run } from './spawn.js';

export interface KillOptions {
  /** ss and first arguments; without it ss is looked for in the system's folders. */
  readonly command?: Command;
  readonly deadlineMs?: number;
}

/**
 * Ends all TCP and UDP sockets whose remote address lies in the prefix and says how many there were. Throws
 * OperatingError `ERR_SS_MISSING`, `ERR_SS_FAILED`, or those of a child process.
 */
export async function killSockets(prefix: Prefix, options: KillOptions = {}): Promise<number> {
  const command = options.command ?? found(findProgram('ss'));
  const target = prefix.family === 6 ? `[${formatPrefix(prefix)}]` : formatPrefix(prefix);
  const { status, stdout, stderr } = await run(
    command,
    ['-K', '-H', '-n', '-t', '-u', 'state', 'connected', 'dst', target],
    {
      deadlineMs: options.deadlineMs ?? SS_DEADLINE_MS,
      outputBytesMax: SS_OUTPUT_BYTES_MAX,
      errorBytesMax: NFT_ERROR_BYTES_MAX,
    },
  );
  if (status !== 0) throw new OperatingError('ERR_SS_FAILED', `ss -K dst ${target}: ${stderr.trim().slice(0, 300)}`);
  return stdout.split('\n').filter((line) => line.trim() !== '').length;
}

function found(path: string | undefined): Command {
  if (path !== undefined) return [path];
  throw new OperatingError('ERR_SS_MISSING', 'ss is not installed: apt install iproute2');
}
