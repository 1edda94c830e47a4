/** `banjour flush`: removes Banjour's tables from the kernel when no agent runs. */
import { ControlClient } from '../../control/client.js';
import { EXIT, type ExitCode, OperatorError } from '../../core/errors.js';
import { controlSocket } from '../../setup/paths.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const flush: CommandDefinition = {
  name: 'flush',
  summary: "Remove Banjour's tables from the kernel",
  details: [
    'For uninstalling, and after the agent has stopped: its bans stay in the kernel until their time is up. The ledger keeps them, and the next start puts them back. A running agent must be stopped first.',
  ],
  honours: ['run-dir'],
  examples: [['systemctl stop banjour && banjour flush', 'Open the doors again']],
  run,
};

async function run({ paths }: CommandContext): Promise<ExitCode> {
  const running = await new ControlClient(controlSocket(paths)).ping().then(
    () => true,
    () => false,
  );
  if (running)
    throw new OperatorError('the agent is running and would put its table back', {
      hint: 'systemctl stop banjour; to lift bans: banjour unban --all',
    });
  const { NftBackend } = await import('../../firewall/nft.js');
  const backend = new NftBackend({ resident: false });
  try {
    await backend.flush();
  } finally {
    await backend.close();
  }
  return EXIT.ok;
}
