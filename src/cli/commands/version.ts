/** `banjour version`: versions of this program and of the running agent. */
import { ControlClient } from '../../control/client.js';
import { API_VERSION } from '../../control/protocol.js';
import { EXIT, type ExitCode } from '../../core/errors.js';
import { packageVersion, statusSocket } from '../../setup/paths.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const version: CommandDefinition = {
  name: 'version',
  summary: 'Versions of this program and of the running agent',
  honours: ['json', 'run-dir'],
  examples: [['banjour version', 'After an upgrade: does the agent still run the old one']],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const own = packageVersion();
  const agent = await new ControlClient(statusSocket(paths)).version().then(
    (answer) => answer.version,
    () => null,
  );
  if (args.flag('json'))
    terminal.out(`${JSON.stringify({ version: own, api: API_VERSION, agent })}\n`);
  else if (agent === null) terminal.out(`${own} (no agent is running)\n`);
  else
    terminal.out(
      agent === own ? `${own}\n` : `${own} (the running agent is ${agent}: restart it)\n`,
    );
  return EXIT.ok;
}
