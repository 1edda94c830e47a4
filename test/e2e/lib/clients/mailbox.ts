/** IMAP (RFC 9051) and POP3 (RFC 1939) clients. */
import { Cut, Dialogue } from './dialogue.js';
import { type Attempt, attempt, type Job } from './job.js';

/** LOGIN attempts of one connection to port 143; a name goes as a quoted string, whatever it holds. */
export async function imap(job: Job, attempts: number): Promise<Attempt[]> {
  const dialogue = await Dialogue.open(job, 143);
  const quoted = (text: string) => `"${text.replace(/[\\"]/g, '\\$&')}"`;
  const tagged = async (tag: string, command: string) => {
    dialogue.send(`${tag} ${command}`);
    for (;;) {
      const line = await dialogue.line();
      if (line.startsWith(`${tag} `)) return line.slice(tag.length + 1);
    }
  };
  return several(dialogue, attempts, 'z LOGOUT', async (i) => {
    const answer = await tagged(`a${i}`, `LOGIN ${quoted(job.user)} ${quoted(job.password)}`);
    if (answer.startsWith('OK')) {
      await tagged(`b${i}`, 'SELECT INBOX');
      return attempt('ok');
    }
    return answer.includes('AUTHENTICATIONFAILED') ? attempt('failed') : attempt('error', answer);
  });
}

/** USER/PASS attempts of one connection to port 110. */
export async function pop3(job: Job, attempts: number): Promise<Attempt[]> {
  const dialogue = await Dialogue.open(job, 110);
  const say = (line: string) => {
    dialogue.send(line);
    return dialogue.line();
  };
  return several(dialogue, attempts, 'QUIT', async () => {
    const user = await say(`USER ${job.user}`);
    const answer = user.startsWith('+OK') ? await say(`PASS ${job.password}`) : user;
    if (answer.startsWith('+OK')) return attempt('ok');
    return answer.includes('[AUTH]') ? attempt('failed') : attempt('error', answer);
  });
}

/** After the greeting, tries until one attempt is not simply refused; what was answered before a cut stays answered. */
async function several(
  dialogue: Dialogue,
  attempts: number,
  goodbye: string,
  once: (i: number) => Promise<Attempt>,
): Promise<Attempt[]> {
  const results: Attempt[] = [];
  try {
    await dialogue.line();
    while (results.length < attempts) {
      const result = await once(results.length);
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
