/**
 * Entry file of the process that plays the clients; it is started inside the attackers' namespace
 * and stays there. Requests come on standard input, answers go to standard output, as soon as each
 * attempt's result is known.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { sleep } from '../shell.js';
import { Blocked, Cut } from './dialogue.js';
import { type Answer, type Attempt, attempt, type Request, type Result } from './job.js';
import { imap, pop3, sieve } from './mailbox.js';
import { relay, smtp, visit } from './smtp.js';
import { makeAskpass, ssh } from './ssh.js';

const folder = mkdtempSync(join(tmpdir(), 'banjour-e2e-'));
makeAskpass(folder);

function answer(line: Answer): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function connection(job: Request, attempts: number): Promise<Attempt[]> {
  switch (job.service) {
    case 'imap':
      return imap(job, attempts);
    case 'pop3':
      return pop3(job, attempts);
    case 'sieve':
      return sieve(job, attempts);
    case 'ssh':
      return ssh(job, attempts, folder);
    case 'smtp-relay':
      return relay(job);
    case 'smtp-connect':
      return visit(job, 25);
    case 'imap-connect':
      return visit(job, 143);
    case 'ssh-preauth':
      return visit(job, 22, 'SSH-2.0-probe');
    default:
      return smtp(job, attempts);
  }
}

function resultOf(error: unknown): Result {
  return error instanceof Blocked ? 'blocked' : error instanceof Cut ? 'cut' : 'error';
}

async function play(job: Request): Promise<void> {
  let done = 0;
  while (done < job.attempts) {
    if (done > 0 && job.intervalMs !== undefined) await sleep(job.intervalMs);
    let results: Attempt[];
    try {
      results = await connection(job, Math.min(job.perConnection ?? 1, job.attempts - done));
    } catch (error) {
      results = [attempt(resultOf(error), String(error))];
    }
    for (const result of results) answer({ id: job.id, ...result });
    done += results.length;
    if (results.at(-1)?.result === 'blocked' && job.keepGoing !== true) break;
  }
  answer({ id: job.id, done: true });
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => void play(JSON.parse(line) as Request));
lines.on('close', () => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
});
