/** `node scripts/commands.mjs`: puts the commands that scripts run all day into one file. */
import { buildCommands } from './lib/commands.mjs';

await buildCommands();
