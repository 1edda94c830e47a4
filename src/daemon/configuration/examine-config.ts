/** Everything there is to say about a configuration, filters compiled: `config check`. */
import { loadConfig } from '../../config/load.js';
import type { Diagnostic } from '../../core/finding.js';
import { compileFilter } from '../../filter/compile.js';
import type { ConfigurationRoots } from './load.js';

/** Never throws for what files contain. The same problem of a filter that several jails use is told once. */
export function examineConfiguration(roots: ConfigurationRoots): readonly Diagnostic[] {
  const { config, diagnostics } = loadConfig(roots);
  const reading = (config?.jails ?? []).filter(({ policy }) => (policy.counts ?? 'failures') === 'failures');
  const ofFilters = reading.flatMap(({ intake }) => compileFilter(intake.filter).diagnostics);
  const all = [...diagnostics, ...ofFilters];
  return [...new Map(all.map((diagnostic) => [JSON.stringify(diagnostic), diagnostic])).values()];
}
