/**
 * Reads a whole configuration: the shipped root, then the administrator's, each as `jail.conf`,
 * `jail.d/*.conf`, `jail.local`, `jail.d/*.local` (fail2ban's order), and `banjour.*` likewise
 * (`fail2ban.*` of the administrator too).
 */
import { basename } from 'node:path/posix';
import type { Diagnostic } from '../core/finding.js';
import type { JailName } from '../core/names.js';
import type { AllowSpec, AllowTerm } from '../core/specs.js';
import { loadFiles, Roots, reportSections } from '../ini/load.js';
import type { IniDocument } from '../ini/parse.js';
import { DEFAULT_SECTION } from '../ini/parse.js';
import { Report } from '../ini/report.js';
import type { FileTree } from '../ini/tree.js';
import { diskTree } from '../ini/tree.js';
import { BUILT_IN } from '../ini/value.js';
import { joinHooks } from './actions.js';
import { parseTranslators, readAllow } from './allow.js';
import { readJail } from './jail.js';
import {
  builtInText,
  JAIL_KEYS,
  JAIL_VARIABLES,
  referencedNames,
  reportKeys,
  SETTING_KEYS,
} from './schema.js';
import { ActionFiles, Section } from './section.js';
import { readSettings } from './settings.js';
import type { LogsToJournal } from './source.js';
import { warnForgotten } from './special.js';
import type { Config, ConfigResult, JailConfig } from './types.js';
import { parseBoolean, parseEnabled } from './values.js';

export interface ConfigRequest {
  /** What the package installs, e.g. /usr/lib/banjour. */
  readonly shippedRoot: string;
  /** The administrator's, e.g. /etc/banjour. */
  readonly adminRoot: string;
  /** Read after everything else, in the same dialect, e.g. of `banjour replay --with FILE`. */
  readonly extraFiles?: readonly string[];
  /** The files; the machine's unless told otherwise. */
  readonly tree?: FileTree;
  /** Asked where `backend = auto` and a `logpath` meet a filter for the journal. */
  readonly logsToJournal?: LogsToJournal;
}

/**
 * Loads and checks everything. Never throws for what files contain: all problems are in
 * `diagnostics`.
 */
export function loadConfig(request: ConfigRequest): ConfigResult {
  const report = new Report();
  const { roots, settings, jails: document } = readFiles(request, report);
  const agent = readSettings(settings, report);
  const settingNames = referencedNames(settings);
  for (const section of ['Definition', 'Thread', DEFAULT_SECTION])
    reportKeys(settings, section, SETTING_KEYS, settingNames, report);

  reportSections(
    settings,
    ['Definition', 'Thread', DEFAULT_SECTION],
    'nothing reads this section',
    report,
  );
  const { enabled, disabled } = sortSections(document, report);
  reportSections(
    document,
    knownJails(document, request.shippedRoot, enabled),
    IDLE,
    report,
    (name) => document.own(name, 'enabled') !== undefined,
  );
  const names = referencedNames(document);
  for (const section of [DEFAULT_SECTION, ...enabled])
    reportKeys(document, section, JAIL_KEYS, names, report);
  const around = {
    document,
    roots,
    overlays: new ActionFiles(roots, report),
    report,
    hook: agent.hook,
    logsToJournal: request.logsToJournal,
  };
  const read = enabled
    .map((section) => readJail(section, around))
    .filter((jail) => jail !== undefined);
  const hook = joinHooks(read.length === 0 ? [agent.hook] : read.map((jail) => jail.hook));
  const jails = read.map((jail) =>
    jail.hook === hook ? jail : { ...jail, rule: { ...jail.rule, hook: jail.hook } },
  );
  for (const jail of jails)
    warnForgotten(jail, new Section(document, jail.name, report), agent.settings.dbpurgeage);
  const global = readGlobalAllow(new Section(document, DEFAULT_SECTION, report));
  if (enabled.length === 0) report.add(noJails(request.adminRoot));
  const filters = read.flatMap(({ policy, intake }) =>
    (policy.counts ?? 'failures') === 'failures' ? [intake.filter] : [],
  );
  if (report.failed) return { filters, diagnostics: report.diagnostics };

  const config: Config = {
    settings: agent.settings,
    jails,
    disabled,
    firewall: {
      hook,
      bridge: agent.bridge,
      rules: jails.map((jail) => jail.rule),
      allow: [],
      countersPerElement: agent.countersPerElement,
    },
    allow: { ...global, perJail: allowPerJail(jails), lockoutGuard: agent.lockoutGuard },
    origins: agent.origins,
    files: [...new Set([...settings.files, ...document.files])].filter((file) => file !== BUILT_IN),
  };
  return { config, filters, diagnostics: report.diagnostics };
}

/** The files of settings and of jails, each kind merged into one document. */
function readFiles(
  request: ConfigRequest,
  report: Report,
): { roots: Roots; settings: IniDocument; jails: IniDocument } {
  const tree = request.tree ?? diskTree;
  const folders = [...new Set([request.shippedRoot, request.adminRoot])];
  const roots = new Roots(tree, folders);
  const families = (bases: readonly string[]) =>
    folders.flatMap((folder) => bases.flatMap((base) => new Roots(tree, [folder]).family(base)));
  const extra = (request.extraFiles ?? []).map((path) => ({ path, home: '' }));
  for (const { path } of extra) if (roots.read(path) === undefined) report.add(missing(path));
  if (request.adminRoot !== ADMIN_ROOT && tree.hasFolder?.(request.adminRoot) === false)
    report.add(missing(request.adminRoot, 'folder'));
  const settings = loadFiles(roots, families(['fail2ban', 'banjour']), report, {
    file: BUILT_IN,
    text: builtInText(SETTING_KEYS),
  });
  reportUnread(tree, request.adminRoot, report);
  const jails = loadFiles(roots, [...families(['jail']), ...extra], report, {
    file: BUILT_IN,
    text: `${builtInText(JAIL_KEYS, JAIL_VARIABLES)}fail2ban_confpath = ${request.adminRoot}\n`,
  });
  return { roots, settings, jails };
}

/** Files that are read by name. */
const BASES = ['jail', 'banjour', 'fail2ban', 'notify', 'companion'];
/** Names that editors and packages give to what is kept aside. */
const ASIDE =
  /^[.#]|~$|\.(?:bak|orig|old|save|sw[op]|rej|disabled|off|example|sample|txt|md|(?:dpkg|ucf|rpm)[-\w]*)$/i;

/** Notes files that look like configuration and are not read, because of their name. */
function reportUnread(tree: FileTree, root: string, report: Report): void {
  const isWrong = (name: string) => !/\.(?:conf|local)$/.test(name);
  for (const base of BASES) {
    const beside = tree
      .list(root)
      .filter((name) => name.startsWith(`${base}.`) && name !== `${base}.d`)
      .filter((name) => isWrong(name) || name.split('.').length > 2);
    const within = tree.list(`${root}/${base}.d`).filter(isWrong);
    for (const name of [...beside, ...within.map((one) => `${base}.d/${one}`)])
      if (!ASIDE.test(basename(name)))
        report.add({
          level: 'note',
          id: 'config.unread',
          message: 'nothing reads this file because of its name',
          place: { file: `${root}/${name}`, line: 1 },
          fix: `rename it: ${base}.local, or ${base}.d/NAME.conf or ${base}.d/NAME.local`,
        });
  }
}

/** Who is never banned in any jail, from `[DEFAULT]`. */
function readGlobalAllow(defaults: Section): Pick<AllowSpec, 'terms' | 'self' | 'nat64'> {
  const terms = readAllow(defaults);
  const nat64 = defaults.parse('nat64', parseTranslators, []);
  const self = defaults.parse('ignoreself', parseBoolean, true);
  return { terms, self, ...(nat64.length === 0 ? {} : { nat64 }) };
}

/** All there is to say about a configuration, for `config check`. */
export function checkConfig(request: ConfigRequest): readonly Diagnostic[] {
  return loadConfig(request).diagnostics;
}

/**
 * Jails that state `ignoreip` themselves; fail2ban lets that replace the global list, here it adds
 * to it.
 */
function allowPerJail(jails: readonly JailConfig[]): ReadonlyMap<JailName, readonly AllowTerm[]> {
  return new Map(
    jails.filter((jail) => jail.allow.length > 0).map((jail) => [jail.name, jail.allow]),
  );
}

function sortSections(
  document: IniDocument,
  report: Report,
): { enabled: string[]; disabled: string[] } {
  const enabled: string[] = [];
  const disabled: string[] = [];
  for (const section of document.sections.keys()) {
    if (section === 'INCLUDES') continue;
    const reader = new Section(document, section, report);
    const on = reader.parse('enabled', parseEnabled, false) !== false;
    (on ? enabled : disabled).push(section);
    if (on && reader.own('ignoreself') && !reader.parse('ignoreself', parseBoolean, true))
      reader.warn('jail.ignoreself', 'ignoreself', 'is one for all jails', 'write it in [DEFAULT]');
  }
  return { enabled, disabled };
}

const IDLE = 'no jail of this name is enabled, so nothing here counts';

/** The jails that are on or that the package ships, and the section that holds for all. */
function knownJails(document: IniDocument, shippedRoot: string, enabled: readonly string[]) {
  const shipped = [...document.sections.values()].filter(({ place }) =>
    place.file.startsWith(`${shippedRoot}/`),
  );
  return [DEFAULT_SECTION, ...enabled, ...shipped.map(({ name }) => name)];
}

/** The administrator's root that a package brings; before it is there, nothing is configured. */
const ADMIN_ROOT = '/etc/banjour';

function missing(file: string, what: 'file' | 'folder' = 'file'): Diagnostic {
  return {
    level: 'error',
    id: 'config.missing',
    message: `there is no such ${what}`,
    place: { file, line: 1 },
    fix: 'correct its name',
  };
}

function noJails(adminRoot: string): Diagnostic {
  return {
    level: 'warning',
    id: 'config.no-jails',
    message: 'no jail is enabled, so nothing will ever be banned',
    fix: `write [postfix-sasl] and enabled = true into ${adminRoot}/jail.local`,
  };
}
