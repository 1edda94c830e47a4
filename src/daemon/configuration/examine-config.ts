/** Everything there is to say about a configuration, filters compiled, and about a start with it: `config check`. */
import { loadConfig } from '../../config/load.js';
import type { ConfigResult } from '../../config/types.js';
import type { Diagnostic } from '../../core/finding.js';
import { compileFilter } from '../../filter/compile.js';
import { allNeeds, type Need, nameNeeds, type Surroundings } from '../needs/needs.js';
import type { ConfigurationRoots } from './load.js';
import { logsToJournal } from './logs-to-journal.js';

export interface Examination {
  readonly roots: ConfigurationRoots;
  readonly surroundings: Surroundings;
  /** Also asks name servers, which may take seconds. */
  readonly names: boolean;
}

/** Never throws for what files contain. The same problem of a filter that several jails use is told once. */
export function examineConfiguration(roots: ConfigurationRoots): readonly Diagnostic[] {
  return examined(roots).diagnostics;
}

/** The same, and what a start needs beyond it. */
export async function examineStart({ roots, surroundings, names }: Examination): Promise<readonly Need[]> {
  const { config, diagnostics } = examined(roots);
  if (config === undefined) return diagnostics;
  return [...diagnostics, ...allNeeds(config, surroundings), ...(names ? await nameNeeds(config) : [])];
}

function examined(roots: ConfigurationRoots): ConfigResult {
  const { config, diagnostics } = loadConfig({ ...roots, logsToJournal });
  const reading = (config?.jails ?? []).filter(({ policy }) => (policy.counts ?? 'failures') === 'failures');
  const all = [...diagnostics, ...reading.flatMap(({ intake }) => compileFilter(intake.filter).diagnostics)];
  const unique = [...new Map(all.map((diagnostic) => [JSON.stringify(diagnostic), diagnostic])).values()];
  return { diagnostics: unique, ...(config === undefined ? {} : { config }) };
}
