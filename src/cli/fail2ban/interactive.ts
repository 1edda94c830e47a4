import { createInterface } from 'node:readline';
import { shellWords } from '../../core/text.js';
import { carryOut } from './commands.js';
import { type Fail2banSession, report } from './session.js';

/** `fail2ban-client -i`: one command per line until `exit`, `quit` or the end of the input. */
export async function interact(session: Fail2banSession): Promise<number> {
  const { terminal } = session;
  const prompt = () => terminal.out('fail2ban> ');
  const lines = createInterface({ input: process.stdin });
  prompt();
  for await (const line of lines) {
    const words = shellWords(line) ?? [];
    if (words[0] === 'exit' || words[0] === 'quit') break;
    if (words.length > 0) await carryOut(words, session).catch((error: unknown) => report(error, terminal));
    prompt();
  }
  lines.close();
  return 0;
}
