/**
 * The configuration part of `banjour import /etc/fail2ban`: a commented configuration for Banjour that bans as the
 * other one does. Nothing is written here; the caller gets names and texts.
 *
 * Jails are written with their effective values, since fail2ban's stock jails and Banjour's shipped ones differ in
 * theirs. Files that only an administrator writes (`*.local`, filters that are not shipped) are taken over as they are.
 */
import { basename, dirname, join } from 'node:path/posix';
import { type Diagnostic, formatDiagnostic } from '../core/finding.js';
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
import { parseAllowipv6, parseLoglevel, parseLogtarget } from './settings.js';
import { type Parsed, parseBoolean, parseDuration } from './values.js';

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
  /** Jails that were enabled there and come along. */
  readonly jails: readonly string[];
  /** Jails that were enabled there and are written commented out, with the reasons. */
  readonly left: ReadonlyMap<string, readonly Diagnostic[]>;
  /** True when a jail that comes along tells somebody of its bans. */
  readonly notifies: boolean;
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
const SOURCES = ['backend', 'logpath', 'logencoding', 'logtimezone', 'journalmatch'];
/** Not carried over: the value of `filter` holds the mode, and names are never resolved. */
const LEFT_OUT = ['mode', 'usedns', 'ignorecache', 'chain'];

/** Settings that are checked before they are taken over. */
const SETTING_PARSERS: Readonly<Record<string, (text: string) => Parsed<unknown>>> = {
  allowipv6: parseAllowipv6,
  loglevel: parseLoglevel,
  logtarget: parseLogtarget,
  dbpurgeage: parseDuration,
};

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
  const settings = writeSettings(roots, request.from, report);
  const fixed = new Map<string, string>();
  if (settings !== undefined) fixed.set('banjour.local', settings);
  for (const name of ACTION_FILES) {
    const content = roots.read(join(request.from, 'action.d', name));
    if (content !== undefined && 'text' in content) fixed.set(`action.d/${name}`, content.text);
  }
  const shippedRoots = new Roots(tree, [request.shippedRoot]);
  const target = '/etc/banjour';
  const left = new Map<string, readonly Diagnostic[]>();
  const check = (jails: readonly string[]) => {
    const files = new Map(fixed);
    const others = new Map(enabled.filter((jail) => !jails.includes(jail)).map((jail) => [jail, left.get(jail) ?? []]));
    files.set('jail.local', writeJails(document, enabled, others, shipped, request.from, report));
    for (const [name, text] of filtersOf(document, jails, roots, shippedRoots, report)) files.set(name, text);
    const { config, diagnostics } = loadConfig({
      shippedRoot: request.shippedRoot,
      adminRoot: target,
      tree: overlaid(tree, target, files),
    });
    return { files, config, diagnostics: diagnostics.map((one) => atSource(one, target, files, document)) };
  };
  // A jail that cannot come along must not keep the others from it: each is judged alone.
  for (const jail of enabled) {
    const place = document.sections.get(jail)?.place;
    const reasons = [
      ...report.diagnostics.filter(({ section }) => section === jail),
      ...check([jail]).diagnostics.map((one) =>
        one.section === jail || place === undefined ? one : { ...one, section: jail, place },
      ),
    ].filter(({ level }) => level === 'error');
    if (reasons.length > 0) left.set(jail, reasons);
  }
  const jails = enabled.filter((section) => !left.has(section));
  const { files, config, diagnostics } = check(jails);
  const told = [...report.diagnostics, ...diagnostics].filter(
    ({ level, section }) => level !== 'error' || section === undefined || !left.has(section),
  );
  const unique = [...new Map(told.map((one) => [JSON.stringify(one), one])).values()];
  const notifies = config?.jails.some(({ notify }) => notify.length > 0) ?? false;
  return { files, diagnostics: unique, jails, left, notifies };
}

/** A diagnostic of the result, at the place in fail2ban's files that the line came from. */
function atSource(
  one: Diagnostic,
  target: string,
  files: ReadonlyMap<string, string>,
  document: IniDocument,
): Diagnostic {
  const stated = one.section === undefined || one.key === undefined ? undefined : document.option(one.section, one.key);
  if (stated !== undefined && stated.place.file !== BUILT_IN) return { ...one, place: stated.place };
  const name = one.place?.file.startsWith(`${target}/`) ? one.place.file.slice(target.length + 1) : undefined;
  const lines = name === undefined ? undefined : files.get(name)?.split('\n').slice(0, one.place?.line);
  const origin = lines?.map((line) => /^# (\/.*):(\d+)$/.exec(line)).findLast((found) => found !== null);
  if (origin === undefined || origin === null) return one;
  return { ...one, place: { file: origin[1] as string, line: Number(origin[2]) } };
}

function writeJails(
  document: IniDocument,
  enabled: readonly string[],
  left: ReadonlyMap<string, readonly Diagnostic[]>,
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
    const begin = lines.length;
    lines.push('', `[${section}]`);
    for (const { key, noMeaning } of JAIL_KEYS) {
      if (!reader.stated(key) || reader.text(key) === '' || LEFT_OUT.includes(key)) continue;
      if (COMMON.includes(key) && !reader.own(key)) continue;
      if (SOURCES.includes(key) && shipped.sections.has(section) && isStock(reader, key)) continue;
      if (noMeaning === undefined) lines.push(...writeOption(reader, key));
    }
    const reasons = left.get(section);
    if (reasons === undefined) continue;
    const written = lines.splice(begin).map((line) => (line === '' ? line : `# ${line}`));
    lines.push('', `# The jail ${section} was not taken over:`);
    for (const reason of reasons)
      lines.push(
        ...formatDiagnostic(reason)
          .split('\n')
          .map((line) => `#   ${line}`),
      );
    lines.push(...written.slice(1));
  }
  // Shipped jails that are on unless somebody says otherwise; fail2ban did not run them.
  for (const section of shipped.sections.keys()) {
    const on = new Reader(shipped, section, new Report()).parse('enabled', parseBoolean, false);
    if (section === 'INCLUDES' || !on || (enabled.includes(section) && !left.has(section))) continue;
    lines.push('', '# Not enabled in fail2ban', `[${section}]`, 'enabled = false');
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
  const options = changed.flatMap((spec) => writeSetting(reader, spec.key));
  return `${[`# Imported from ${from}.`, '', '[Definition]', ...options].join('\n')}\n`;
}

/** A setting; one that a start of the unit would fail at is written commented out. */
function writeSetting(reader: Reader, key: string): string[] {
  const written = writeOption(reader, key);
  const aside = (why: string, fix: string) => {
    reader.note('import.setting', key, why, fix, reader.text(key));
    return [`# ${why}; ${fix}`, ...written.map((line) => `# ${line}`)];
  };
  const parsed = SETTING_PARSERS[key]?.(reader.text(key));
  if (parsed !== undefined && 'problem' in parsed)
    return aside(`${key} ${parsed.problem} and was not taken over`, parsed.fix);
  // ProtectSystem=strict and LogsDirectory= of the unit leave it one folder for logs.
  if (key === 'logtarget' && reader.text(key).startsWith('/') && !reader.text(key).startsWith('/var/log/banjour/'))
    return aside(
      'the service may not write this log file, so the log goes to the journal',
      'nothing to do; logtarget = /var/log/banjour/banjour.log writes a file',
    );
  return written;
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
