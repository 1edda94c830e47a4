/** IMAP (RFC 9051), POP3 (RFC 1939) and ManageSieve (RFC 5804) clients. */
import { Cut, Dialogue } from './dialogue.js';
import { type Attempt, attempt, type Job } from './job.js';
import { plain } from './sasl.js';

/** How Dovecot, Courier, Cyrus and nginx say that a login failed. */
const REFUSED =
  /AUTHENTICATIONFAILED|\[AUTH\]|^NO Login failed|^NO Invalid user|(?:-ERR|^NO) (?:Login failed|Invalid login)/;

/**
 * LOGIN or AUTHENTICATE attempts of one connection to port 143; a name goes as a quoted string,
 * whatever it holds.
 */
export async function imap(job: Job, attempts: number): Promise<Attempt[]> {
  const dialogue = await Dialogue.open(job, job.port ?? 143);
  const quoted = (text: string) => `"${text.replace(/[\\"]/g, '\\$&')}"`;
  const login =
    job.mechanism === 'plain'
      ? `AUTHENTICATE PLAIN ${plain(job)}`
      : `LOGIN ${quoted(job.user)} ${quoted(job.password)}`;
  const reply = async (tag: string) => {
    for (;;) {
      const line = await dialogue.line();
      if (line.startsWith(`${tag} `)) return line.slice(tag.length + 1);
    }
  };
  return several(dialogue, attempts, 'z LOGOUT', job.pipelined === true, {
    greeting: () => dialogue.line(),
    ask: (i) => dialogue.send(`a${i} ${login}`),
    hear: async (i) => {
      const answer = await reply(`a${i}`);
      if (answer.startsWith('OK')) {
        dialogue.send(`b${i} SELECT INBOX`);
        await reply(`b${i}`);
        return attempt('ok');
      }
      return REFUSED.test(answer) ? attempt('failed') : attempt('error', answer);
    },
  });
}

/** USER/PASS or AUTH attempts of one connection to port 110. */
export async function pop3(job: Job, attempts: number): Promise<Attempt[]> {
  const dialogue = await Dialogue.open(job, job.port ?? 110);
  const isPlain = job.mechanism === 'plain';
  return several(dialogue, attempts, 'QUIT', job.pipelined === true, {
    greeting: () => dialogue.line(),
    ask: () => dialogue.send(isPlain ? `AUTH PLAIN ${plain(job)}` : `USER ${job.user}`),
    hear: async () => {
      let answer = await dialogue.line();
      if (!isPlain && answer.startsWith('+OK')) {
        dialogue.send(`PASS ${job.password}`);
        answer = await dialogue.line();
      }
      if (answer.startsWith('+OK')) return attempt('ok');
      return REFUSED.test(answer) ? attempt('failed') : attempt('error', answer);
    },
  });
}

/** AUTHENTICATE attempts of one connection to port 4190. */
export async function sieve(job: Job, attempts: number): Promise<Attempt[]> {
  const dialogue = await Dialogue.open(job, 4190);
  const response = plain(job);
  return several(dialogue, attempts, 'LOGOUT', job.pipelined === true, {
    greeting: async () => {
      while (!(await dialogue.line()).startsWith('OK'));
    },
    ask: () => dialogue.send(`AUTHENTICATE "PLAIN" {${response.length}+}\r\n${response}`),
    hear: async () => {
      const answer = await dialogue.line();
      if (answer.startsWith('OK')) return attempt('ok');
      return answer.startsWith('NO "Authentication failed')
        ? attempt('failed')
        : attempt('error', answer);
    },
  });
}

/** How one protocol tries to log in. */
interface Protocol {
  greeting(): Promise<unknown>;
  ask(i: number): void;
  hear(i: number): Promise<Attempt>;
}

/**
 * After the greeting, tries until one attempt is not simply refused; what was answered before a cut
 * stays answered.
 */
async function several(
  dialogue: Dialogue,
  attempts: number,
  goodbye: string,
  pipelined: boolean,
  { greeting, ask, hear }: Protocol,
): Promise<Attempt[]> {
  const results: Attempt[] = [];
  try {
    await greeting();
    if (pipelined) for (let i = 0; i < attempts; i++) ask(i);
    while (results.length < attempts) {
      if (!pipelined) ask(results.length);
      const result = await hear(results.length);
      results.push(result);
      if (result.result !== 'failed') break;
    }
  } catch (error) {
    if (results.length === 0) throw error;
    results.push(attempt(error instanceof Cut ? 'cut' : 'error', String(error)));
  } finally {
    await dialogue.close(goodbye);
  }
  return results;
}
