/** The ruleset as text: the kernel's own words, or the plan's. */
import { AllowKeeper } from '../allow/keeper.js';
import { EXIT, OperatorError } from '../core/errors.js';
import { NFT_ERROR_BYTES_MAX, NFT_FRESH_DEADLINE_MS, NFT_LIST_BYTES_MAX } from '../core/limits.js';
import { RecordingBackend } from '../firewall/recording.js';
import { nftCommand } from '../firewall/runner.js';
import { run } from '../firewall/spawn.js';
import { type ConfigurationRoots, loadSetup } from './load.js';

/** What nft says of our tables, elements included. Throws `OperatorError` when there is none to be seen. */
export async function describeKernel(): Promise<string> {
  const texts: string[] = [];
  let refusal = '';
  for (const family of ['inet', 'bridge']) {
    const { status, stdout, stderr } = await run(nftCommand({}), ['list', 'table', family, 'banjour'], {
      deadlineMs: NFT_FRESH_DEADLINE_MS,
      outputBytesMax: NFT_LIST_BYTES_MAX,
      errorBytesMax: NFT_ERROR_BYTES_MAX,
    });
    if (status === 0) texts.push(stdout);
    else refusal ||= stderr.trim().split('\n')[0] ?? '';
  }
  if (texts.length > 0) return texts.join('\n');
  throw new OperatorError(`the kernel shows no table of Banjour: ${refusal}`, {
    hint: 'as root; and the agent must have run: systemctl start banjour',
    exitCode: EXIT.unavailable,
  });
}

/** What a start with this configuration would make, without elements. */
export function describePlan(roots: ConfigurationRoots): string {
  const { setup } = loadSetup(roots);
  const allow = new AllowKeeper(setup.allow).snapshot.prefixes();
  return new RecordingBackend().describe({ ...setup.firewall, rules: setup.jails.map(({ rule }) => rule), allow });
}
