/**
 * Everything there is to say about a configuration, filters compiled, and about a start with it:
 * `config check`.
 */
import { loadConfig } from '../config/load.js';
import type { ConfigResult } from '../config/types.js';
import type { Diagnostic } from '../core/finding.js';
import { compileFilter } from '../filter/compile.js';
import {
  type CompanionConfig,
  examineCompanionConfig,
  loadCompanionConfig,
} from './companion-config.js';
import { examinePolicy } from './dovecot-policy.js';
import { type StartSurroundings, surroundingsOf } from './file-access.js';
import { type ConfigurationRoots, logsToJournal } from './load.js';
import { allNeeds, type Need, nameNeeds } from './needs.js';
import { examineNotifyConfig } from './notify-config.js';
import { defaultPaths, ledgerFile, type Paths } from './paths.js';

interface Examination {
  readonly roots: ConfigurationRoots;
  readonly surroundings: StartSurroundings;
}

/**
 * Never throws for what files contain. The same problem of a filter that several jails use is told
 * once.
 */
export function examineConfiguration(roots: ConfigurationRoots): readonly Diagnostic[] {
  return examined(roots).diagnostics;
}

/** The same, and what a start needs beyond it; asks name servers, which may take seconds. */
async function examineStart({ roots, surroundings }: Examination): Promise<readonly Need[]> {
  const { config, diagnostics } = examined(roots);
  if (config === undefined) return diagnostics;
  return [...diagnostics, ...allNeeds(config, surroundings), ...(await nameNeeds(config))];
}

function examined(roots: ConfigurationRoots): ConfigResult {
  const { config, filters, diagnostics } = loadConfig({ ...roots, logsToJournal });
  const told = new Set(diagnostics.filter(({ level }) => level === 'error').map(lineOf));
  // What is wrong with a line as a text (no <HOST>, a tag that nothing defines) is not told again
  // as a regex.
  const compiled = filters
    .filter(({ failregex, successregex }) => failregex.length + successregex.length > 0)
    .flatMap((filter) => compileFilter(filter).diagnostics)
    .filter((one) => one.place === undefined || !told.has(lineOf(one)));
  const unique = new Map([...diagnostics, ...compiled].map((one) => [JSON.stringify(one), one]));
  return {
    filters,
    diagnostics: [...unique.values()],
    ...(config === undefined ? {} : { config }),
  };
}

function lineOf({ place }: Diagnostic): string {
  return place === undefined ? '' : `${place.file}:${place.line}`;
}

// Can Banjour start with its files as they are? `config check` asks, and the move from fail2ban
// before it begins.

/** Whose rights a start has: those of the services of this host, unless the files are elsewhere. */
export function startSurroundings(paths: Paths): StartSurroundings {
  const { config, state } = defaultPaths();
  return surroundingsOf(ledgerFile(paths), paths.config === config && paths.state === state);
}

/** Everything that there is to say, companion.conf and notify.conf included. */
export async function checkStart(paths: Paths): Promise<readonly Need[]> {
  const roots = { shippedRoot: paths.shipped, adminRoot: paths.config };
  const surroundings = startSurroundings(paths);
  const diagnostics = await examineStart({ roots, surroundings });
  const tells = loadConfig(roots).config?.jails.some(({ notify }) => notify.length > 0) === true;
  // Where no jail tells anybody, nothing needs notify.conf yet.
  const ofNotify = examineNotifyConfig(paths, surroundings.notify).map((one) =>
    tells || one.level !== 'error' ? one : { ...one, level: 'warning' as const },
  );
  return [...diagnostics, ...ofNotify, ...(await companionNeeds(paths))];
}

/** What is wrong with companion.conf and its file of countries, and where Dovecot disagrees. */
async function companionNeeds(paths: Paths): Promise<readonly Diagnostic[]> {
  const diagnostics = examineCompanionConfig(paths);
  if (diagnostics.some(({ level }) => level === 'error')) return diagnostics;
  const { policy, web } = loadCompanionConfig(paths);
  return [...diagnostics, ...examinePolicy(policy), ...(await countryNeeds(web))];
}

/** What is wrong with the file by which the page knows countries, where one is wanted. */
async function countryNeeds({
  enabled,
  countries,
}: CompanionConfig['web']): Promise<readonly Diagnostic[]> {
  if (!enabled || countries === null) return [];
  const { countryDiagnostic, problemOfCountries } = await import('../web/countries.js');
  const problem = problemOfCountries(countries.file);
  return problem === undefined ? [] : [countryDiagnostic(countries, problem)];
}
