/** Every command, in the order of the help. */
import type { CommandDefinition } from './command.js';
import { ban } from './commands/ban.js';
import { banned } from './commands/banned.js';
import { config } from './commands/config.js';
import { doctor } from './commands/doctor.js';
import { explain } from './commands/explain.js';
import { flush } from './commands/flush.js';
import { history } from './commands/history.js';
import { metrics } from './commands/metrics.js';
import { notify } from './commands/notify.js';
import { reload } from './commands/reload.js';
import { replay } from './commands/replay.js';
import { rules } from './commands/rules.js';
import { run } from './commands/run.js';
import { service } from './commands/service.js';
import { status } from './commands/status.js';
import { test } from './commands/test.js';
import { unban } from './commands/unban.js';

export const COMMANDS: readonly CommandDefinition[] = [
  run,
  status,
  banned,
  ban,
  unban,
  history,
  explain,
  reload,
  config,
  test,
  replay,
  rules,
  flush,
  metrics,
  notify,
  doctor,
  service,
];
