/** Every command, in the order of the help. */
import type { CommandDefinition } from './command.js';
import { advise } from './commands/advise.js';
import { attempt } from './commands/attempt.js';
import { ban } from './commands/ban.js';
import { banned } from './commands/banned.js';
import { companion } from './commands/companion.js';
import { completion } from './commands/completion.js';
import { config } from './commands/config.js';
import { doctor } from './commands/doctor.js';
import { events } from './commands/events.js';
import { explain } from './commands/explain.js';
import { flush } from './commands/flush.js';
import { get } from './commands/get.js';
import { history } from './commands/history.js';
import { importCommand } from './commands/import.js';
import { metrics } from './commands/metrics.js';
import { ping } from './commands/ping.js';
import { reload } from './commands/reload.js';
import { replay } from './commands/replay.js';
import { report } from './commands/report.js';
import { rules } from './commands/rules.js';
import { run } from './commands/run.js';
import { service } from './commands/service.js';
import { set } from './commands/set.js';
import { stats } from './commands/stats.js';
import { status } from './commands/status.js';
import { test } from './commands/test.js';
import { top } from './commands/top.js';
import { unban } from './commands/unban.js';
import { version } from './commands/version.js';
import { web } from './commands/web.js';

export const COMMANDS: readonly CommandDefinition[] = [
  run,
  status,
  stats,
  top,
  events,
  banned,
  ban,
  unban,
  attempt,
  history,
  explain,
  report,
  reload,
  get,
  set,
  config,
  test,
  replay,
  advise,
  importCommand,
  metrics,
  companion,
  web,
  rules,
  flush,
  doctor,
  service,
  completion,
  ping,
  version,
];
