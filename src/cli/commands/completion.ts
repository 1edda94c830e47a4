/** `banjour completion`: prints the completion script of a shell. */
import { basename } from 'node:path';
import { EXIT, type ExitCode, OperatorError } from '../../core/errors.js';
import type { CommandContext, CommandDefinition } from '../command.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

export const completion: CommandDefinition = {
  name: 'completion',
  summary: 'Print the completion script of a shell',
  details: [
    'The Debian package and banjour service install have placed the scripts already. The scripts are plain text: a TAB starts no program, except where jails or banned addresses are wanted. Then it asks the agent, which only reads, and gives up after 200 ms.',
  ],
  positionals: [
    {
      name: 'shell',
      describe: 'bash, zsh or fish (default: the one that $SHELL names)',
      required: false,
      complete: SHELLS,
    },
  ],
  honours: [],
  examples: [
    ['banjour completion bash > /etc/bash_completion.d/banjour', 'For bash'],
    ['banjour completion zsh > /usr/local/share/zsh/site-functions/_banjour', 'For zsh'],
    ['banjour completion fish > /etc/fish/completions/banjour.fish', 'For fish'],
  ],
  run,
};

async function run({ args, commands, terminal }: CommandContext): Promise<ExitCode> {
  const wanted = args.text('shell') ?? basename(terminal.env['SHELL'] ?? '');
  const shell = SHELLS.find((one) => one === wanted);
  if (shell === undefined)
    throw new OperatorError(
      wanted === ''
        ? 'name a shell: $SHELL is not set'
        : `there is no completion for the shell ${JSON.stringify(wanted)}`,
      { hint: SHELLS.map((one) => `banjour completion ${one}`).join('   or   ') },
    );
  const { completionScript } = await import('../completion/scripts.js');
  terminal.out(completionScript(shell, await commands()));
  return EXIT.ok;
}
