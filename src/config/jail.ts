/** One enabled jail: from its section to what every stage needs of it. */

import type { FilePosition } from '../core/finding.js';
import { EVIDENCE_CURSORS_MAX, MAXRETRY_MAX } from '../core/limits.js';
import { parseMatch } from '../core/match.js';
import { type JailName, jailName } from '../core/names.js';
import { LISTS_JAIL } from '../core/share.js';
import type { Hook, JailIntake, JailPolicy } from '../core/specs.js';
import { seconds } from '../core/time.js';
import { type Call, parseCall } from '../ini/calls.js';
import { defineFilter, FILTER_KEYS, reportOptions } from '../ini/definition.js';
import { FilterFile, type FilterRequest, openFilter } from '../ini/filterfile.js';
import type { Roots } from '../ini/load.js';
import { DEFAULT_SECTION, IniDocument } from '../ini/parse.js';
import type { Report } from '../ini/report.js';
import { textOf, type Value } from '../ini/value.js';
import { readActions } from './actions.js';
import { parseTranslators, readAllow, readIgnorecommand, readProxies } from './allow.js';
import { readIncrement } from './increment.js';
import { JAIL_KEYS } from './schema.js';
import { type ActionFiles, Section } from './section.js';
import { type LogsToJournal, selectSource } from './source.js';
import {
  EVIDENCE,
  evidenceIntake,
  findsNobody,
  handIntake,
  RECIDIVE,
  readEvidence,
  readGroup,
  readShare,
  recidiveIntake,
} from './special.js';
import type { JailConfig, JailSource } from './types.js';
import { type Parsed, parseBoolean, parseDuration, parseEnabled, parseInteger } from './values.js';

export interface JailDeps {
  readonly document: IniDocument;
  readonly roots: Roots;
  readonly overlays: ActionFiles;
  readonly report: Report;
  /** Where packets are judged unless the jail says otherwise. */
  readonly hook: Hook;
  readonly logsToJournal: LogsToJournal | undefined;
}

const KEYS = JAIL_KEYS.map((spec) => spec.key);

/** Reads a jail. Problems go to the report; undefined when there is no jail to speak of. */
export function readJail(section: string, around: JailDeps): JailConfig | undefined {
  const first = new Section(around.document, section, around.report);
  const name = jailName(section);
  if (name === LISTS_JAIL) {
    const fix = 'give it another name: this one stands for what lists bring into the jail shared';
    first.error('jail.name', 'enabled', 'the section cannot be the name of a jail', fix, section);
    return undefined;
  }
  if (name === undefined) {
    const fix =
      'a jail is named with 1 to 64 letters, digits, blanks and . _ @ + -, beginning and ending with a letter or digit';
    first.error('jail.name', 'enabled', 'the section cannot be the name of a jail', fix, section);
    return undefined;
  }
  const reading = readIntake(first, name, around);
  // What else is wrong with the jail is told in the same go.
  const reader = reading?.reader ?? first;
  const { effect, notify } = readActions(reader, around.overlays, around.hook);
  const limits = readLimits(reader);
  const maxmatches = Math.min(
    EVIDENCE_CURSORS_MAX,
    reader.parse('maxmatches', (text) => parseInteger(text, 0, 1_000_000), limits.maxretry),
  );
  const ignorecommand = readIgnorecommand(reader);
  const allow = reader.own('ignoreip') ? readAllow(reader) : [];
  const ipv6prefix = reader.parse('ipv6prefix', parsePrefixLength, 64);
  const forgetOnSuccess = reader.parse('forgetonsuccess', parseBoolean, false);
  const watches = reader.parse('enabled', parseEnabled, false) === 'watch';
  const counted = readCounted(reader, reading?.source.kind);
  const share = readShare(reader, reading?.source.kind === 'hand');
  if (reading === undefined) return undefined;
  const { intake, source } = reading;
  return {
    name,
    intake,
    policy: {
      jail: name,
      ...limits,
      ...counted,
      ...(share === undefined ? {} : { share }),
      ipv6prefix,
      forgetOnSuccess,
      ...(watches ? { watch: true } : {}),
      ...(maxmatches === EVIDENCE_CURSORS_MAX ? {} : { maxmatches }),
    },
    rule: {
      jail: name,
      ports: effect.ports,
      protocols: effect.protocols,
      verdict: effect.verdict,
      ...(share?.accept.includes('lists') === true ? { lists: true as const } : {}),
    },
    hook: effect.hook,
    source,
    allow,
    maxmatches,
    ignorecommand,
    notify,
    origins: reader.origins(KEYS),
  };
}

/** A length of time; the remedy for a wrong one names the ban that never ends, too. */
function parseBantime(text: string): Parsed<number> {
  const parsed = parseDuration(text);
  return 'value' in parsed ? parsed : { ...parsed, fix: `${parsed.fix}; -1 is for ever` };
}

/** How many failures in what time ban for how long. */
function readLimits(
  reader: Section,
): Pick<JailPolicy, 'maxretry' | 'findtime' | 'bantime' | 'increment' | 'nat64'> {
  const maxretry = reader.parse('maxretry', (text) => parseInteger(text, 1, MAXRETRY_MAX), 5);
  const bantime = reader.parse('bantime', parseBantime, 600);
  const findtime = reader.parse('findtime', parseDuration, 600);
  if (findtime <= 0)
    reader.error(
      'config.value',
      'findtime',
      'is not a positive length of time',
      'write e.g. findtime = 10m',
      reader.text('findtime'),
    );
  const nat64 = reader.parse('nat64', parseTranslators, []);
  if (bantime === 0)
    reader.warn(
      'jail.bantime',
      'bantime',
      'bans of no length end as soon as they begin: nobody is kept out',
      'write e.g. bantime = 10m, or -1 for ever',
      reader.text('bantime'),
    );
  const increment = readIncrement(reader);
  return {
    ...(nat64.length === 0 ? {} : { nat64 }),
    maxretry,
    findtime: seconds(Math.max(0, findtime)),
    bantime: bantime < 0 ? null : seconds(bantime),
    ...(increment === undefined ? {} : { increment }),
  };
}

/** Whether it counts failures, bans, nothing or points, by where its lines come from. */
function readCounted(
  reader: Section,
  source: JailSource['kind'] | undefined,
): Pick<JailPolicy, 'counts' | 'group' | 'evidence'> {
  const group = readGroup(reader);
  const evidence = readEvidence(reader);
  if (source === 'group') return { counts: 'evidence', evidence };
  const ofGroup = group === undefined ? {} : { group };
  if (source === 'ledger') return { counts: 'bans', ...ofGroup };
  if (source === 'hand') return { counts: 'nothing', ...ofGroup };
  return ofGroup;
}

/** `64` or `/64`. */
function parsePrefixLength(text: string): Parsed<number> {
  return parseInteger(text.replace(/^\//, ''), 1, 128, 64);
}

/** What the jail takes in, by its filter's name; undefined when that is broken (reported). */
function readIntake(first: Section, name: JailName, around: JailDeps): Reading | undefined {
  const call = parseCall(first.value('filter') ?? [], around.report, {
    section: first.section,
    key: 'filter',
  });
  if (call?.name === RECIDIVE)
    return { reader: first, intake: recidiveIntake(name, first), source: { kind: 'ledger' } };
  if (call?.name === EVIDENCE)
    return { reader: first, intake: evidenceIntake(name), source: { kind: 'group' } };
  const unnamed = first.value('filter') !== undefined && first.text('filter') === '';
  const ownRegex = unnamed && first.text('failregex') !== '';
  if (unnamed && !ownRegex)
    return { reader: first, intake: handIntake(name), source: { kind: 'hand' } };
  if (call === undefined && !ownRegex) return undefined;
  return readEntries(first.section, name, call, around);
}

/** What a jail reads, and the reader of its section that knows the filter's values. */
interface Reading {
  readonly reader: Section;
  readonly intake: JailIntake;
  readonly source: JailSource;
}

/** Source, match and filter of a jail that reads log entries. */
function readEntries(
  section: string,
  name: JailName,
  call: Call | undefined,
  around: JailDeps,
): Reading | undefined {
  const { document, report, roots } = around;
  // Without a name the filter is empty, and the jail's own regexes are all there is.
  const open: OpenFilter = (request) =>
    call === undefined
      ? new FilterFile(new IniDocument(), request, report)
      : openFilter(roots, request, report, call.place);
  const request: FilterRequest = {
    name: call?.name ?? name,
    ...(call === undefined ? {} : { options: call.options }),
  };
  const opened = open(request);
  if (opened === undefined) return undefined;
  // %(known/failregex)s and kin of the jail are the filter's.
  const known = [...opened.all()].map(([key, value]) => [`known/${key}`, value] as const);
  const reader = new Section(document, section, report, new Map(known));
  if (findsNobody(reader, opened, request.name))
    return { reader, intake: handIntake(name), source: { kind: 'hand' } };
  const { source, match } = selectSource(reader, matchOf(opened), around.logsToJournal);
  const filter = defineJailFilter(
    reader,
    request,
    source.kind === 'text' ? 'file' : 'journal',
    open,
    call && { place: call.place, roots },
  );
  return filter && { reader, intake: { jail: name, match, filter }, source };
}

function matchOf(filter: FilterFile) {
  const value = filter.option('journalmatch');
  return value === undefined ? undefined : parseMatch(textOf(value)).expression;
}

type OpenFilter = (request: FilterRequest) => FilterFile | undefined;

/**
 * The filter as this jail uses it: with its options as names, and its own regexes in place of the
 * filter's.
 */
function defineJailFilter(
  reader: Section,
  request: FilterRequest,
  logtype: string,
  open: OpenFilter,
  named: { readonly place: FilePosition; readonly roots: Roots } | undefined,
) {
  const jailOptions = new Map<string, Value>();
  for (const key of KEYS) {
    const isFilterKey = (FILTER_KEYS as readonly string[]).includes(key);
    if (key === 'action' || (isFilterKey && !reader.stated(key))) continue;
    const value = reader.value(key);
    if (value !== undefined) jailOptions.set(key, value);
  }
  const full: FilterRequest = { ...request, jailOptions, logtype };
  const opened = open(full);
  tellUsedns(reader);
  if (opened === undefined) return undefined;
  const filter = defineFilter(opened, full, reader.report);
  if (named !== undefined) {
    const isNoFault = (at: FilePosition) => isOfMany(reader.document, named.roots, at);
    const about = { section: reader.section, place: named.place };
    reportOptions(opened, full, about, isNoFault, reader.report);
  }
  const chains = filter.failregex.some(({ text }) => text.includes('<F-CHAIN>'));
  const proxies = readProxies(reader);
  return chains ? { ...filter, proxies } : filter;
}

/**
 * True for what speaks to more filters than one: a line of [DEFAULT], and one that the package
 * ships, whose filter may be the administrator's.
 */
function isOfMany(document: IniDocument, roots: Roots, { file, line }: FilePosition): boolean {
  const [shipped, admin] = roots.folders;
  if (admin !== undefined && file.startsWith(`${shipped}/`)) return true;
  return [...document.defaults.values()].some(({ value }) =>
    value.some(({ place }) => place.file === file && place.line === line),
  );
}

/**
 * Names in log lines are never resolved. What stands in [DEFAULT] is told once, not for every jail.
 */
function tellUsedns(reader: Section): void {
  if (!reader.stated('usedns')) return;
  const teller = reader.own('usedns')
    ? reader
    : new Section(reader.document, DEFAULT_SECTION, reader.report);
  const text = reader.text('usedns');
  const usedns = text.toLowerCase();
  if (usedns === 'yes' || usedns === 'warn')
    teller.note(
      'jail.usedns',
      'usedns',
      'names in log lines are never resolved: attackers choose them',
      'write usedns = no',
      text,
    );
  else if (usedns !== 'no' && usedns !== 'raw')
    teller.error(
      'config.value',
      'usedns',
      'is neither no, raw, yes nor warn',
      'write usedns = no',
      text,
    );
}
