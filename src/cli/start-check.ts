/** `config check`, and the same before the move from fail2ban: can Banjour start with its files as they are? */
import { loadConfig } from '../config/load.js';
import { examineStart } from '../daemon/configuration/examine-config.js';
import { type Need, type Surroundings, surroundingsOf } from '../daemon/needs/needs.js';
import { examineNotifyConfig } from './notify-config.js';
import { defaultPaths, ledgerFile, type Paths } from './paths.js';

/** Whose rights a start has: those of the services of this host, unless the files are elsewhere. */
export function startSurroundings(paths: Paths): Surroundings {
  const { config, state } = defaultPaths();
  return surroundingsOf(ledgerFile(paths), paths.config === config && paths.state === state);
}

/** Everything that there is to say, notify.conf included where a jail tells somebody. */
export async function checkStart(paths: Paths): Promise<readonly Need[]> {
  const roots = { shippedRoot: paths.shipped, adminRoot: paths.config };
  const surroundings = startSurroundings(paths);
  const diagnostics = await examineStart({ roots, surroundings });
  const tells = loadConfig(roots).config?.jails.some(({ notify }) => notify.length > 0) === true;
  return tells ? [...diagnostics, ...examineNotifyConfig(paths, surroundings.notify)] : diagnostics;
}
