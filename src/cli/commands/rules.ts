/** `banjour rules`: the ruleset in nft's syntax, as it is in the kernel or as it would be. */
import { EXIT, type ExitCode } from '../../core/errors.js';
import type { ConfigurationRoots } from '../../setup/load.js';
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
  const text = args.flag('plan')
    ? await describePlan({ shippedRoot: paths.shipped, adminRoot: paths.config })
    : await describeKernel();
  terminal.out(args.flag('json') ? `${JSON.stringify({ rules: text })}\n` : text);
  return EXIT.ok;
}

/** What nft says of our tables, elements included. */
async function describeKernel(): Promise<string> {
  const { NftBackend } = await import('../../firewall/nft.js');
  const backend = new NftBackend({ resident: false });
  try {
    return await backend.ruleset();
  } finally {
    await backend.close();
  }
}

/** What a start with this configuration would make, without elements. */
async function describePlan(roots: ConfigurationRoots): Promise<string> {
  const { Allowlist } = await import('../../allow/allowlist.js');
  const { RecordingBackend } = await import('../../firewall/recording.js');
  const { loadSetup } = await import('../../setup/load.js');
  const { setup } = loadSetup(roots);
  const allow = new Allowlist(setup.allow).snapshot.prefixes();
  return new RecordingBackend().describe({
    ...setup.firewall,
    rules: setup.jails.map(({ rule }) => rule),
    allow,
  });
}
