/**
 * The configuration part of `banjour import /etc/fail2ban`: a commented configuration for Banjour that bans as the
 * other one does. Nothing is written here; the caller gets names and texts.
 *
 * Jails are written with their effective values, since fail2ban's stock jails and Banjour's shipped ones differ in
 * theirs. Files that only an administrator writes (`*.local`, filters that are not shipped) are taken over as they are.
 */
import { basename, dirname, join } from 'node:path/posix';
import type { Diagnostic } from '../core/finding.js';
import { diskTree } from '../ini/disk.js';
import type { IniDocument } from '../ini/document.js';
import { loadFiles } from '../ini/load.js';
import { DEFAULT_SECTION } from '../ini/parse.js';
import { Report } from '../ini/report.js';
import { Roots } from '../ini/roots.js';
import type { FileTree } from '../ini/tree.js';
import { textOf } from '../ini/value.js';
import { filtersOf } from './importfilters.js';
import { loadConfig } from './load.js';
import { Reader } from './reader.js';
import { BUILT_IN, builtInText, JAIL_KEYS, JAIL_VARIABLES, SETTING_KEYS } from './schema.js';
import { parseBoolean } from './values.js';

export interface ImportRequest {
  /** fail2ban's folder, e.g. /etc/fail2ban. */
  readonly from: string;
  readonly shippedRoot: string;
  readonly tree?: FileTree;
}

export interface ImportResult {
  /** Files for /etc/banjour, by their name below it. */
  readonly files: ReadonlyMap<string, string>;
  /** What the result says when it is checked as /etc/banjour would be, and what could not be read. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Overlays of action.d that have a meaning here. */
const ACTION_FILES = [
  'nftables-common.local',
  'nftables.local',
  'iptables-common.local',
  'iptables.local',
  'sendmail-common.local',
];
/** Written once for all jails when [DEFAULT] states them. */
const COMMON = ['ignoreip', 'ignoreself', 'destemail', 'sender', 'mta', 'banaction', 'banaction_allports'];
/** Where lines come from: fail2ban's stock files name log files where Banjour's shipped jails name units. */
const SOURCES = ['backend', 'logpath', 'logencoding', 'logtimezone'];
/** Not carried over: the value of `filter` holds the mode, and names are never resolved. */
const LEFT_OUT = ['mode', 'usedns', 'ignorecache', 'chain'];

/** Reads fail2ban's configuration and writes Banjour's. Never throws for what files contain. */
export function importConfig(request: ImportRequest): ImportResult {
  const tree = request.tree ?? diskTree;
  const report = new Report();
  const roots = new Roots(tree, [request.from]);
  const builtIn = {
    file: BUILT_IN,
    text: `${builtInText(JAIL_KEYS, JAIL_VARIABLES)}fail2ban_confpath = ${request.from}\n`,
  };
  const document = loadFiles(roots, roots.family('jail'), report, builtIn);
  const enabled = [...document.sections.keys()].filter(
    (section) => section !== 'INCLUDES' && new Reader(document, section, report).parse('enabled', parseBoolean, false),
  );
  const shipped = loadFiles(
    new Roots(tree, [request.shippedRoot]),
    new Roots(tree, [request.shippedRoot]).family('jail'),
    new Report(),
  );
  const files = new Map<string, string>();
  files.set('jail.local', writeJails(document, enabled, shipped, request.from, report));
  const settings = writeSettings(roots, request.from, report);
  if (settings !== undefined) files.set('banjour.local', settings);
  for (const name of ACTION_FILES) {
    const content = roots.read(join(request.from, 'action.d', name));
    if (content !== undefined && 'text' in content) files.set(`action.d/${name}`, content.text);
  }
  const shippedRoots = new Roots(tree, [request.shippedRoot]);
  for (const [name, text] of filtersOf(document, enabled, roots, shippedRoots, report)) files.set(name, text);
  const target = '/etc/banjour';
  const check = loadConfig({
    shippedRoot: request.shippedRoot,
    adminRoot: target,
    tree: overlaid(tree, target, files),
  });
  return { files, diagnostics: [...report.diagnostics, ...check.diagnostics] };
}

function writeJails(
  document: IniDocument,
  enabled: readonly string[],
  shipped: IniDocument,
  from: string,
  report: Report,
): string {
  const lines = [
    `# Imported from ${from}. Above each value stands the place it came from.`,
    `# "banjour config check" says what could not be carried over.`,
    '',
    '[DEFAULT]',
  ];
  const defaults = new Reader(document, DEFAULT_SECTION, report);
  for (const key of COMMON)
    if (defaults.stated(key) && defaults.text(key) !== '') lines.push(...writeOption(defaults, key));
  for (const section of enabled) {
    const reader = new Reader(document, section, report);
    lines.push('', `[${section}]`);
    for (const { key, noMeaning } of JAIL_KEYS) {
      if (!reader.stated(key) || reader.text(key) === '' || LEFT_OUT.includes(key)) continue;
      if (COMMON.includes(key) && !reader.own(key)) continue;
      if (SOURCES.includes(key) && shipped.sections.has(section) && isStock(reader, key)) continue;
      if (noMeaning === undefined) lines.push(...writeOption(reader, key));
    }
  }
  return `${lines.join('\n')}\n`;
}

/** True when the value stands in a file that fail2ban's package brings. */
function isStock(reader: Reader, key: string): boolean {
  const file = reader.document.option(reader.section, key)?.place.file ?? '';
  return /^(?:jail\.conf|paths-[\w-]+\.conf|defaults-[\w-]+\.conf)$/.test(basename(file));
}

/** The option with its origin, interpolated unless it is one of the stock action lists. */
function writeOption(reader: Reader, key: string): string[] {
  const option = reader.document.option(reader.section, key);
  const raw = textOf(option?.value ?? []).trim();
  const list = /^%\((action_\w*)\)s$/.exec(raw)?.[1];
  const keep = list !== undefined && Object.hasOwn(JAIL_VARIABLES, list);
  const text = keep ? raw : reader.text(key).replaceAll('%', '%%');
  const place = option?.place;
  return [
    ...(place === undefined ? [] : [`# ${place.file}:${place.line}`]),
    `${key} = ${text.split('\n').join('\n    ')}`,
  ];
}

/** The settings that were changed from fail2ban's stock file. */
function writeSettings(roots: Roots, from: string, report: Report): string | undefined {
  const builtIn = { file: BUILT_IN, text: builtInText(SETTING_KEYS) };
  const document = loadFiles(roots, roots.family('fail2ban'), report, builtIn);
  const reader = new Reader(document, 'Definition', report);
  const changed = SETTING_KEYS.filter(({ key, noMeaning }) => {
    const file = document.option('Definition', key)?.place.file;
    return noMeaning === undefined && key !== 'dbfile' && file !== BUILT_IN && file !== join(from, 'fail2ban.conf');
  });
  if (changed.length === 0) return undefined;
  const options = changed.flatMap(({ key }) => writeOption(reader, key));
  return `${[`# Imported from ${from}.`, '', '[Definition]', ...options].join('\n')}\n`;
}

/** The tree as it would be with the files below `folder`, and with nothing else there. */
function overlaid(tree: FileTree, folder: string, files: ReadonlyMap<string, string>): FileTree {
  const inside = (path: string) => path === folder || path.startsWith(`${folder}/`);
  return {
    read: (path) => {
      if (!inside(path)) return tree.read(path);
      const text = files.get(path.slice(folder.length + 1));
      return text === undefined ? undefined : { text };
    },
    list: (path) =>
      inside(path)
        ? [...files.keys()]
            .filter((name) => dirname(join(folder, name)) === path)
            .map((name) => basename(name))
            .sort()
        : tree.list(path),
  };
}
