/**
 * SSH password attempts through the ssh program, which asks an askpass helper of ours for the
 * password.
 */
import { spawn } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { SERVER } from '../mailhost.js';
import { Blocked, Cut } from './dialogue.js';
import { type Attempt, attempt, type Job } from './job.js';
import { bytesOf } from './sasl.js';

/** Puts a program into the folder that answers with $E2E_PASSWORD. */
export function makeAskpass(folder: string): void {
  const path = join(folder, 'askpass');
  writeFileSync(path, '#!/bin/sh\nprintf \'%s\\n\' "$E2E_PASSWORD"\n');
  chmodSync(path, 0o700);
}

let configurations = 0;

/** Attempts of one connection, with the askpass program of the folder. */
export async function ssh(job: Job, attempts: number, folder: string): Promise<Attempt[]> {
  // On its command line ssh takes few names; in a file it takes any.
  const configuration = join(folder, `config${configurations++}`);
  const quoted = `"${job.user.replace(/[\\"]/g, '\\$&')}"`;
  writeFileSync(
    configuration,
    Buffer.concat([Buffer.from('User '), bytesOf(quoted), Buffer.from('\n')]),
  );
  try {
    return await connect(job, attempts, configuration, join(folder, 'askpass'));
  } finally {
    rmSync(configuration);
  }
}

async function connect(
  job: Job,
  attempts: number,
  configuration: string,
  askpass: string,
): Promise<Attempt[]> {
  const settings = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'];
  settings.push(
    'PreferredAuthentications=password',
    'PubkeyAuthentication=no',
    `BindAddress=${job.from}`,
  );
  settings.push(
    `NumberOfPasswordPrompts=${attempts}`,
    `ConnectTimeout=${Math.max(1, Math.round((job.connectMs ?? 1500) / 1000))}`,
  );
  const args = ['-F', configuration, ...settings.flatMap((setting) => ['-o', setting])];
  args.push(SERVER[isIPv6(job.from) ? 6 : 4], 'true');
  const env = {
    PATH: process.env['PATH'],
    HOME: '/nonexistent',
    SSH_ASKPASS: askpass,
    SSH_ASKPASS_REQUIRE: 'force',
  };
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
  if (said.includes('Permission denied'))
    return Array.from({ length: attempts }, () => attempt('failed'));
  // MaxStartups and PerSourcePenalties: sshd hangs up before its banner.
  if (said.includes('kex_exchange_identification') || said.includes('Not allowed at this time'))
    return [attempt('dropped')];
  if (/timed out|refused|unreachable|prohibited/.test(said)) throw new Blocked(said.trim());
  return [attempt('error', said.trim())];
}
