/** Every command, in the order of the help. */
import type { CommandDefinition } from './command.js';
import { ban } from './commands/ban.js';
import { doctor } from './commands/doctor.js';
import { reload } from './commands/reload.js';
import { replay } from './commands/replay.js';
import { run } from './commands/run.js';
import { status } from './commands/status.js';
import { test } from './commands/test.js';
import { unban } from './commands/unban.js';

export const COMMANDS: readonly CommandDefinition[] = [run, replay, status, ban, unban, reload, test, doctor];
