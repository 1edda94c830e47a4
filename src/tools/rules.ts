/** The ruleset as text: the kernel's own words, or the plan's. */
import { Allowlist } from '../allow/allowlist.js';
import { NftBackend } from '../firewall/nft.js';
import { RecordingBackend } from '../firewall/recording.js';
import { type ConfigurationRoots, loadSetup } from '../setup/load.js';

/** What nft says of our tables, elements included. */
export async function describeKernel(): Promise<string> {
  const backend = new NftBackend({ resident: false });
  try {
    return await backend.ruleset();
  } finally {
    await backend.close();
  }
}

/** What a start with this configuration would make, without elements. */
export function describePlan(roots: ConfigurationRoots): string {
  const { setup } = loadSetup(roots);
  const allow = new Allowlist(setup.allow).snapshot.prefixes();
  return new RecordingBackend().describe({
    ...setup.firewall,
    rules: setup.jails.map(({ rule }) => rule),
    allow,
  });
}
