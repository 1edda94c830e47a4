/** What the agent knows, as clients see it. */
import type { BanView, JailView, OptionView, SourceView, StreamInfo } from '../control/protocol.js';
import { formatPrefix } from '../core/address.js';
import type { BanRecord } from '../core/decision.js';
import type { StreamView } from '../core/entry.js';
import { PREFIX_MISSES_MIN } from '../core/limits.js';
import { formatMatch } from '../core/match.js';
import { hideSecrets } from '../core/secrets.js';
import type { AllowTerm } from '../core/specs.js';
import { type EpochMicros, isoTime, secondsBetween } from '../core/time.js';
import type { EventCount, JailCounters } from '../filter/counters.js';
import type { JailStats } from '../jail/judgement.js';
import type { BanCounts } from '../ledger/history.js';
import { type JailSetup, placeOf } from '../setup/setup.js';
import type { SourceIntake } from './intake/source-intake.js';

/** What is known of a jail beside its setup; all of it may be missing while the agent starts. */
export interface JailFacts {
  readonly stats: JailStats | undefined;
  readonly counters: JailCounters | undefined;
  readonly counts: BanCounts | undefined;
  readonly overrides: readonly string[];
  /** What the last probe found; undefined before it. */
  readonly selects: boolean | undefined;
}

export function jailView(jail: JailSetup, facts: JailFacts): JailView {
  const { policy, intake, source } = jail;
  const { stats, counters, counts, overrides, selects } = facts;
  const files = source?.kind === 'text' ? source.logs.map(({ path }) => path) : undefined;
  return {
    jail: policy.jail,
    filter: intake.filter.name,
    match: formatMatch(intake.match),
    source: placeOf(jail),
    ...(files === undefined ? {} : { files }),
    maxretry: policy.maxretry,
    findtimeSeconds: policy.findtime,
    bantimeSeconds: policy.bantime,
    currentlyFailed: stats?.currentlyFailed ?? 0,
    totalFailed: stats?.totalFailed ?? 0,
    currentlyBanned: counts?.currentlyBanned ?? 0,
    totalBanned: counts?.totalBanned ?? 0,
    ...(stats?.evidence === undefined ? {} : { evidence: stats.evidence }),
    ...(stats?.watched === undefined ? {} : { watched: stats.watched }),
    entriesMatched: counters?.routed.count ?? 0,
    ...timeOf('lastEntryMatched', counters?.routed),
    prefilterHits: counters?.gated.count ?? 0,
    ...timeOf('lastPrefilterHit', counters?.gated),
    failuresFound: counters?.failures.count ?? 0,
    ...timeOf('lastFailure', counters?.failures),
    ignored: (counters?.ignored.count ?? 0) + (stats?.totalIgnored ?? 0),
    notAnAddress: (counters?.notAnAddress.count ?? 0) + (counters?.names.count ?? 0),
    demoted: counters?.demoted ?? [],
    overrides,
    ...(selects === undefined ? {} : { selects }),
  };
}

function timeOf<K extends string>(
  key: K,
  tally: EventCount | undefined,
): { readonly [P in K]?: string } {
  if (tally === undefined || tally.last === 0) return {};
  return { [key]: isoTime(tally.last) } as { readonly [P in K]?: string };
}

/**
 * What is said of a jail whose entries never begin as its filter wants; empty when that is not
 * certain yet.
 */
export function neverPrefixed({ jail, prefixed, unprefixed }: JailCounters): readonly string[] {
  if (prefixed.count > 0 || unprefixed.count < PREFIX_MISSES_MIN) return [];
  return [
    `${jail}: ${unprefixed.count} entries selected that hold words of its filter, none passes the filter's prefix (prefregex): another daemon's name stands in front; if it is a container's, see "Containers" in docs/filters.md`,
  ];
}

/** What is said of a source that cannot be read. */
export function unreadable(source: string, problem: string): string {
  return `${source} cannot be read and is tried again: ${problem}`;
}

/** `lagEntries`: what the last probe counted behind the reader. */
export function sourceView(
  {
    id,
    phase,
    stats,
    gaps,
    problem,
  }: Pick<SourceIntake, 'id' | 'phase' | 'stats' | 'gaps' | 'problem'>,
  lagEntries: number | null,
  now: EpochMicros,
): SourceView {
  const last = stats?.position?.time;
  // A reader at the end of its journal is not behind, however old the last entry is.
  const arrived = phase === 'live' && (lagEntries ?? 0) === 0;
  return {
    source: id,
    phase,
    ...(problem === undefined ? {} : { problem }),
    entriesRead: stats?.entriesRead ?? 0,
    lagEntries,
    lagSeconds: last === undefined ? null : arrived ? 0 : Math.max(0, secondsBetween(last, now)),
    ...(last === undefined ? {} : { lastEntry: isoTime(last) }),
    entriesCut: stats?.entriesCut ?? 0,
    entriesUnreadable: stats?.entriesUnreadable ?? 0,
    gaps,
    ...(stats?.streams === undefined ? {} : { streams: stats.streams.map(streamInfo) }),
  };
}

function streamInfo({ lastEntry, ...stream }: StreamView): StreamInfo {
  return { ...stream, ...(lastEntry === undefined ? {} : { lastEntry: isoTime(lastEntry) }) };
}

export function banView(record: BanRecord): BanView {
  const { evidence, weights, points, counts, needed } = record;
  return {
    ...briefView(record),
    evidence,
    ...(weights === undefined ? {} : { weights }),
    ...(points === undefined ? {} : { points }),
    ...(counts === undefined ? {} : { counts }),
    ...(needed === undefined ? {} : { needed }),
  };
}

function briefView(record: BanRecord): BanView {
  return {
    id: record.id,
    jail: record.jail,
    target: formatPrefix(record.target),
    time: isoTime(record.time),
    until: record.until === null ? null : isoTime(record.until),
    failures: record.failures,
    ...(record.user === undefined ? {} : { user: record.user }),
    ...(record.host === undefined ? {} : { host: record.host }),
    origin: record.origin,
    ...(record.source === undefined ? {} : { source: record.source }),
    ...(record.scenario === undefined ? {} : { scenario: record.scenario }),
    ...(record.by === undefined ? {} : { by: record.by }),
    ...(record.rule === undefined ? {} : { rule: record.rule }),
    ...(record.leniency === undefined ? {} : { leniency: record.leniency }),
    state: record.state,
    ...(record.refusal === undefined ? {} : { refusal: record.refusal }),
    ...(record.ended === undefined
      ? {}
      : { ended: { ...record.ended, time: isoTime(record.ended.time) } }),
    evidence: [],
  };
}

/** For lists of the present: their evidence would make them ten times as long. */
export function* banListViews(records: Iterable<BanRecord>): IterableIterator<BanView> {
  for (const record of records) yield briefView(record);
}

/** Options with where they come from; `overrides` were set by hand. */
export function optionsOf(
  origins: ReadonlyMap<
    string,
    { readonly text: string; readonly place: { readonly file: string; readonly line: number } }
  >,
  overrides: ReadonlyMap<string, string>,
): Record<string, OptionView> {
  return Object.fromEntries(
    [...origins].map(([key, { text, place }]) => [
      key,
      {
        value: hideSecrets(text, key),
        ...(place.file.startsWith('(') ? {} : { place: `${place.file}:${place.line}` }),
        live: overrides.has(key),
      },
    ]),
  );
}

/** A word of an ignoreip list. */
export function termText(term: AllowTerm): string {
  if (term.kind === 'prefix') return formatPrefix(term.prefix);
  return term.kind === 'name' ? term.name : `file:${term.path}`;
}
