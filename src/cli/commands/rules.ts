/** `banjour rules`: the ruleset in nft's syntax, as it is in the kernel or as it would be. */
import { EXIT, type ExitCode } from '../../core/errors.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const rules: CommandDefinition = {
  name: 'rules',
  summary: "Banjour's ruleset in nft syntax: what is in the kernel, or what would be",
  options: {
    plan: {
      type: 'boolean',
      describe: 'The rules that the configuration asks for, without elements',
    },
  },
  honours: ['json', 'pager', 'config-dir', 'shipped-dir'],
  examples: [
    ['banjour rules', 'What the kernel has (as root)'],
    ['banjour rules --plan', 'What a start with this configuration would make'],
  ],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const { describeKernel, describePlan } = await import('../../tools/rules.js');
  const text = args.flag('plan')
    ? describePlan({ shippedRoot: paths.shipped, adminRoot: paths.config })
    : await describeKernel();
  terminal.out(args.flag('json') ? `${JSON.stringify({ rules: text })}\n` : text);
  return EXIT.ok;
}
