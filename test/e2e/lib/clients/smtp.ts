/** SMTP clients: AUTH LOGIN and PLAIN (RFC 4954), a refused relay attempt. */
import { Cut, Dialogue } from './dialogue.js';
import { type Attempt, attempt, type Job } from './job.js';
import { bytesOf, plain } from './sasl.js';

const PORT = { smtp: 25, submission: 587, submissions: 465 } as const;

/** The last line of a reply (RFC 5321, 4.2.1) as its code. */
async function reply(dialogue: Dialogue): Promise<number> {
  for (;;) {
    const line = await dialogue.line();
    if (!/^\d{3}-/.test(line)) return Number(line.slice(0, 3));
  }
}

async function say(dialogue: Dialogue, line: string): Promise<number> {
  dialogue.send(line);
  return reply(dialogue);
}

async function greet(job: Job, port: number): Promise<Dialogue> {
  const dialogue = await Dialogue.open(job, port, port === 465);
  await reply(dialogue);
  await say(dialogue, `EHLO ${job.helo ?? 'client.test'}`);
  return dialogue;
}

const base64 = (text: string) => bytesOf(text).toString('base64');

async function login(dialogue: Dialogue, job: Job): Promise<number> {
  if (job.mechanism === 'plain') return say(dialogue, `AUTH PLAIN ${plain(job)}`);
  let code = await say(dialogue, 'AUTH LOGIN');
  if (code === 334) code = await say(dialogue, base64(job.user));
  if (code === 334) code = await say(dialogue, base64(job.password));
  return code;
}

/** Attempts of one connection to port 25, 587, 465 or one of the job's. */
export async function smtp(job: Job, attempts: number): Promise<Attempt[]> {
  const dialogue = await greet(job, job.port ?? PORT[job.service as keyof typeof PORT]);
  const results: Attempt[] = [];
  try {
    const pipelined = job.pipelined === true;
    if (pipelined) for (let i = 0; i < attempts; i++) dialogue.send(`AUTH PLAIN ${plain(job)}`);
    while (results.length < attempts) {
      const code = pipelined ? await reply(dialogue) : await login(dialogue, job);
      results.push(
        code === 235
          ? attempt('ok')
          : code === 535
            ? attempt('failed')
            : attempt('error', `reply ${code}`),
      );
      if (code === 235) break;
    }
    if (job.deliver === true && results.at(-1)?.result === 'ok') await deliver(dialogue, job.user);
  } catch (error) {
    if (results.length === 0) throw error;
    results.push(attempt(error instanceof Cut ? 'cut' : 'error', String(error)));
  } finally {
    await dialogue.close('QUIT');
  }
  return results;
}

async function deliver(dialogue: Dialogue, user: string): Promise<void> {
  await say(dialogue, `MAIL FROM:<${user}@e2e.test>`);
  await say(dialogue, `RCPT TO:<${user}@e2e.test>`);
  await say(dialogue, 'DATA');
  const code = await say(dialogue, `Subject: hello\r\n\r\nordinary mail\r\n.`);
  if (code !== 250) throw new Error(`mail refused: ${code}`);
}

/** Asks port 25 to relay for a stranger. */
export async function relay(job: Job): Promise<Attempt[]> {
  const dialogue = await greet(job, 25);
  await say(dialogue, 'MAIL FROM:<spam@example.test>');
  const code = await say(dialogue, 'RCPT TO:<victim@elsewhere.test>');
  await dialogue.close('QUIT');
  return [attempt(code >= 500 || code === 454 ? 'failed' : 'ok')];
}

/** Takes the greeting and leaves. */
export async function visit(job: Job, port: number, parting?: string): Promise<Attempt[]> {
  const dialogue = await Dialogue.open(job, port);
  await dialogue.line();
  if (parting !== undefined) dialogue.send(parting);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await dialogue.close();
  return [attempt('failed')];
}
