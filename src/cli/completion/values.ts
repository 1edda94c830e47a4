/**
 * Values that only the running agent knows, for completion. Reads `status.sock` and nothing else,
 * answers in time or not at all, and is silent about whatever goes wrong: a shell prints it into
 * the line that is being typed.
 */
import { join } from 'node:path';
import { ControlClient } from '../../control/client.js';
import { COMPLETION_VALUES_MAX } from '../../core/service-limits.js';
import { COMPLETION_MS_MAX } from '../../core/timeouts.js';
import { defaultPaths } from '../../setup/paths.js';

/** What needs no quoting in any shell; names of jails and addresses are such. */
const PLAIN = /^[\w.:/@%+-]+$/;

/** The values of the kind, or none. `words` follow the name of the hidden command. */
export async function completionValues(words: readonly string[]): Promise<readonly string[]> {
  const [kind, option, folder] = words;
  const run = option === '--run-dir' && folder !== undefined ? folder : defaultPaths().run;
  // Ends the request as well, so that nothing keeps the process.
  const client = new ControlClient(
    join(run, 'status.sock'),
    AbortSignal.timeout(COMPLETION_MS_MAX),
  );
  try {
    const values = await valuesOf(kind, client);
    return [...new Set(values)]
      .filter((value) => PLAIN.test(value))
      .slice(0, COMPLETION_VALUES_MAX);
  } catch {
    return [];
  }
}

async function valuesOf(
  kind: string | undefined,
  client: ControlClient,
): Promise<readonly string[]> {
  switch (kind) {
    case 'jails':
      return (await client.status()).jails.map(({ jail }) => jail);
    case 'banned':
      return banned(client);
    case 'jails-and-banned': {
      const { jails } = await client.status();
      return [...jails.map(({ jail }) => jail), ...(await banned(client))];
    }
    default:
      return [];
  }
}

/** A list that nobody would read is not asked for: the agent would put it together for each TAB. */
async function banned(client: ControlClient): Promise<readonly string[]> {
  const { jails } = await client.status();
  const count = jails.reduce((sum, { currentlyBanned }) => sum + currentlyBanned, 0);
  return count > COMPLETION_VALUES_MAX ? [] : (await client.bans()).map(({ target }) => target);
}
