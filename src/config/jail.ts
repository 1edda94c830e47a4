/** One enabled jail: from its section to what every stage needs of it. */

import { EVIDENCE_CURSORS_MAX, MAXRETRY_MAX } from '../core/limits.js';
import { parseMatch } from '../core/match.js';
import { type JailName, jailName } from '../core/names.js';
import type { BantimeIncrement, Hook, JailIntake } from '../core/specs.js';
import { type Seconds, seconds } from '../core/time.js';
import { type Call, parseCall } from '../ini/calls.js';
import {
  defineFilter,
  FILTER_KEYS,
  FilterFile,
  type FilterRequest,
  openFilter,
} from '../ini/filterfile.js';
import type { Roots } from '../ini/load.js';
import { DEFAULT_SECTION, IniDocument } from '../ini/parse.js';
import type { Report } from '../ini/report.js';
import { textOf, type Value } from '../ini/value.js';
import { readActions } from './actions.js';
import { parseTranslators, readAllow, readIgnorecommand, readProxies } from './allow.js';
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
  recidiveIntake,
} from './special.js';
import type { JailConfig, JailSource } from './types.js';
import {
  type Parsed,
  parseBoolean,
  parseDuration,
  parseEnabled,
  parseInteger,
  splitWords,
} from './values.js';

/* `bantime.*`: longer bans for repeat offenders. */

/** fail2ban's default formula (jail.conf of 1.0 and 1.1): doubles, up to 2^20. */
const DOUBLING = 'ban.Time*(1<<(ban.Countifban.Count<20else20))*banFactor';
/** Its second one: grows by e^factor each time. */
const EXPONENT = 'ban.Time*math.exp(float(ban.Count+1)*banFactor)/math.exp(1*banFactor)';
/** Steps of the second one that are kept: with factor 1 the last is 15,000 years. */
const EXPONENT_STEPS = 25;

/** The increment of a jail; undefined when it is off or broken (reported). */
function readIncrement(reader: Section): BantimeIncrement | undefined {
  if (!reader.parse('bantime.increment', parseBoolean, false)) return undefined;
  const factor = reader.parse('bantime.factor', parseFactor, 1);
  const maxtime = reader.parse<number | null>('bantime.maxtime', parseDuration, null);
  const list = reader.parse('bantime.multipliers', parseMultipliers, undefined);
  return {
    ...(list === undefined
      ? formulaOf(reader, factor)
      : { formula: { kind: 'multipliers', list }, factor }),
    maxtime: maxtime === null || maxtime <= 0 ? null : seconds(maxtime),
    rndtime: seconds(Math.max(0, reader.parse('bantime.rndtime', parseDuration, 0))) as Seconds,
    overalljails: reader.parse('bantime.overalljails', parseBoolean, false),
  };
}

function formulaOf(reader: Section, factor: number): Pick<BantimeIncrement, 'formula' | 'factor'> {
  const text = reader.text('bantime.formula');
  const bare = text.replace(/\s+/g, '');
  if (bare === '' || bare === DOUBLING) return { formula: { kind: 'exponential' }, factor };
  if (bare === EXPONENT) {
    const list = Array.from({ length: EXPONENT_STEPS }, (_, count) =>
      Math.exp(Math.min(count * factor, 40)),
    );
    return { formula: { kind: 'multipliers', list }, factor: 1 };
  }
  reader.error(
    'jail.formula',
    'bantime.formula',
    'only the two formulas of the stock jail.conf are known; Python is not run',
    'write the growth as bantime.multipliers = 1 2 4 8 16, or remove the line for doubling',
    text,
  );
  return { formula: { kind: 'exponential' }, factor };
}

/** A number, or a product or quotient of numbers such as `2.0/2.885385`. */
export function parseFactor(text: string): Parsed<number> {
  const parts = text.replace(/\s+/g, '').split(/(?<=[\d.])([*/])/);
  let value = Number(parts[0]);
  for (let i = 1; i < parts.length; i += 2)
    value = parts[i] === '*' ? value * Number(parts[i + 1]) : value / Number(parts[i + 1]);
  if (Number.isFinite(value) && value > 0) return { value };
  return { problem: 'is not a positive number', fix: 'write e.g. bantime.factor = 1' };
}

/** Positive numbers separated by blanks or commas, at most 100. */
function parseMultipliers(text: string): Parsed<readonly number[] | undefined> {
  const list = splitWords(text).map(Number);
  if (list.length === 0) return { value: undefined };
  if (list.length <= 100 && list.every((one) => Number.isFinite(one) && one > 0))
    return { value: list };
  return {
    problem: 'is not a list of at most 100 positive numbers',
    fix: 'write e.g. bantime.multipliers = 1 2 4 8 16',
  };
}

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
  const { document, report, overlays } = around;
  const first = new Section(document, section, report);
  const name = jailName(section);
  if (name === undefined) {
    const fix =
      'a jail is named with 1 to 64 letters, digits, blanks and . _ @ + -, beginning and ending with a letter or digit';
    first.error('jail.name', 'enabled', 'the section cannot be the name of a jail', fix, section);
    return undefined;
  }
  const call = parseCall(first.value('filter') ?? [], report, { section, key: 'filter' });
  const unnamed = first.value('filter') !== undefined && first.text('filter') === '';
  const ownRegex = unnamed && first.text('failregex') !== '';
  const countsBans = call?.name === RECIDIVE;
  const reading: Reading | undefined = countsBans
    ? { reader: first, intake: recidiveIntake(name, first), source: { kind: 'ledger' } }
    : call?.name === EVIDENCE
      ? { reader: first, intake: evidenceIntake(name), source: { kind: 'group' } }
      : unnamed && !ownRegex
        ? { reader: first, intake: handIntake(name), source: { kind: 'hand' } }
        : call === undefined && !ownRegex
          ? undefined
          : readEntries(section, name, call, around);
  // What else is wrong with the jail is told in the same go.
  const reader = reading?.reader ?? first;
  const actions = readActions(reader, overlays, around.hook);
  const maxretry = reader.parse('maxretry', (text) => parseInteger(text, 1, MAXRETRY_MAX), 5);
  const bantime = reader.parse('bantime', parseDuration, 600);
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
  const maxmatches = Math.min(
    EVIDENCE_CURSORS_MAX,
    reader.parse('maxmatches', (text) => parseInteger(text, 0, 1_000_000), maxretry),
  );
  const ignorecommand = readIgnorecommand(reader);
  const allow = reader.own('ignoreip') ? readAllow(reader) : [];
  const ipv6prefix = reader.parse(
    'ipv6prefix',
    (text) => parseInteger(text.replace(/^\//, ''), 1, 128, 64),
    64,
  );
  const forgetOnSuccess = reader.parse('forgetonsuccess', parseBoolean, false);
  const watches = reader.parse('enabled', parseEnabled, false) === 'watch';
  const group = readGroup(reader);
  const evidence = readEvidence(reader);
  if (reading === undefined) return undefined;
  const { intake, source } = reading;
  return {
    name,
    intake,
    policy: {
      jail: name,
      ...(nat64.length === 0 ? {} : { nat64 }),
      ...(source.kind === 'ledger' ? { counts: 'bans' as const } : {}),
      ...(source.kind === 'hand' ? { counts: 'nothing' as const } : {}),
      ...(watches ? { watch: true } : {}),
      ...(source.kind === 'group'
        ? { counts: 'evidence' as const, evidence }
        : group === undefined
          ? {}
          : { group }),
      maxretry,
      findtime: seconds(Math.max(0, findtime)),
      bantime: bantime < 0 ? null : seconds(bantime),
      ...(increment === undefined ? {} : { increment }),
      ipv6prefix,
      forgetOnSuccess,
      ...(maxmatches === EVIDENCE_CURSORS_MAX ? {} : { maxmatches }),
    },
    rule: {
      jail: name,
      ports: actions.effect.ports,
      protocols: actions.effect.protocols,
      verdict: actions.effect.verdict,
    },
    hook: actions.effect.hook,
    source,
    allow,
    maxmatches,
    ignorecommand,
    notify: actions.notify,
    origins: reader.origins(KEYS),
  };
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
  const chains = filter.failregex.some(({ text }) => text.includes('<F-CHAIN>'));
  const proxies = readProxies(reader);
  return chains ? { ...filter, proxies } : filter;
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
