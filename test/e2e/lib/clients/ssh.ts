/** SSH password attempts through the ssh program, which asks an askpass helper of ours for the password. */
import { spawn } from 'node:child_process';
import { isIPv6 } from 'node:net';
import { SERVER } from '../mailhost.js';
import { Blocked, Cut } from './dialogue.js';
import { type Attempt, attempt, type Job } from './job.js';

/** Attempts of one connection; `askpass` prints $E2E_PASSWORD. */
export async function ssh(job: Job, attempts: number, askpass: string): Promise<Attempt[]> {
  const settings = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'];
  settings.push('PreferredAuthentications=password', 'PubkeyAuthentication=no', `BindAddress=${job.from}`);
  settings.push(
    `NumberOfPasswordPrompts=${attempts}`,
    `ConnectTimeout=${Math.max(1, Math.round((job.connectMs ?? 1500) / 1000))}`,
  );
  const args = ['-F', '/dev/null', ...settings.flatMap((setting) => ['-o', setting])];
  args.push('-l', job.user, SERVER[isIPv6(job.from) ? 6 : 4], 'true');
  const env = { PATH: process.env['PATH'], HOME: '/nonexistent', SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force' };
  const child = spawn('ssh', args, {
    env: { ...env, E2E_PASSWORD: job.password },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk).slice(-2000);
  });
  let stalled = false;
  const timer = setTimeout(() => {
    stalled = true;
    child.kill('SIGKILL');
  }, job.readMs ?? 30_000);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  clearTimeout(timer);
  if (stalled) throw new Cut('stalled');
  if (status === 0) return [attempt('ok')];
  if (said.includes('Permission denied')) return Array.from({ length: attempts }, () => attempt('failed'));
  // MaxStartups and PerSourcePenalties: sshd hangs up before its banner.
  if (said.includes('kex_exchange_identification') || said.includes('Not allowed at this time'))
    return [attempt('dropped')];
  if (/timed out|refused|unreachable|prohibited/.test(said)) throw new Blocked(said.trim());
  return [attempt('error', said.trim())];
}
