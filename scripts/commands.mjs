/** `node scripts/commands.mjs`: puts what is started often, and the agent, into one file each. */
import { buildCommands } from './lib/commands.mjs';

await buildCommands();
