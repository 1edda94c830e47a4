/**
 * `banjour flush`: removes Banjour's tables from the kernel when no agent runs; or lifts what other
 * hosts decided.
 */
import { ControlClient } from '../../control/client.js';
import { EXIT, type ExitCode, OperatorError } from '../../core/errors.js';
import { counted } from '../../core/text.js';
import { controlSocket, type Paths } from '../../setup/paths.js';
import type { CommandContext, CommandDefinition } from '../command.js';
import { whoTypes } from '../who.js';

export const flush: CommandDefinition = {
  name: 'flush',
  summary: "Remove Banjour's tables from the kernel",
  details: [
    'For uninstalling, and after the agent has stopped: its bans stay in the kernel until their time is up. The ledger keeps them, and the next start puts them back. A running agent must be stopped first.',
  ],
  options: {
    shared: {
      type: 'boolean',
      describe: 'Lift all bans that other hosts decided, and empty their lists',
    },
  },
  honours: ['json', 'run-dir'],
  examples: [
    ['banjour flush --shared', 'Be rid of what other hosts told, while the agent runs'],
    ['systemctl stop banjour && banjour flush', 'Open the doors again'],
  ],
  run,
};

async function run({ args, paths, terminal }: CommandContext): Promise<ExitCode> {
  if (args.flag('shared')) return liftShared(paths, terminal, args.flag('json'));
  const running = await new ControlClient(controlSocket(paths)).ping().then(
    () => true,
    () => false,
  );
  if (running)
    throw new OperatorError('the agent is running and would put its table back', {
      hint: 'systemctl stop banjour; to lift bans: banjour unban --all',
      exitCode: EXIT.temporary,
    });
  const { NftBackend } = await import('../../firewall/nft.js');
  const backend = new NftBackend({ resident: false });
  try {
    await backend.flush();
  } finally {
    await backend.close();
  }
  if (args.flag('json')) terminal.out(`${JSON.stringify({ flushed: true })}\n`);
  return EXIT.ok;
}

/** Lifts what other hosts decided; the agent does it. */
async function liftShared(
  paths: Paths,
  terminal: CommandContext['terminal'],
  isJson: boolean,
): Promise<ExitCode> {
  const answer = await new ControlClient(controlSocket(paths)).flushShared({
    by: whoTypes(terminal.env),
  });
  const { lifted, listed } = answer;
  terminal.out(
    isJson
      ? `${JSON.stringify(answer)}\n`
      : `${counted(lifted, 'shared ban')} lifted, ${counted(listed, 'element')} of lists taken out\n`,
  );
  return EXIT.ok;
}
