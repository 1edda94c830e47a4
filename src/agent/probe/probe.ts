/**
 * A look at the journal beside the readers, once a minute: does each jail's match select anything,
 * do others log lines that a jail would take for failures, did journald drop messages, is a reader
 * behind. Runs in a thread of its own with a handle of its own, and only reads.
 */
import type { Entry, EntrySource, Position, ReadPosition, SourceSpec } from '../../core/entry.js';
import { isOrdinaryUser, usersPartOf } from '../../core/entry.js';
import { messageOf } from '../../core/errors.js';
import {
  BATCH_ENTRIES_MAX,
  PROBE_ENTRIES_MAX,
  PROBE_LAG_ENTRIES_MAX,
  PROBE_ORIGINS_MAX,
} from '../../core/limits.js';
import {
  fieldsOf,
  type MatchExpression,
  matches,
  parseMatch,
  unionOf,
  WHOLE_JOURNAL,
} from '../../core/match.js';
import type { JailName, SourceId } from '../../core/names.js';
import type { JailIntake } from '../../core/specs.js';
import { type EpochMicros, secondsBetween } from '../../core/time.js';
import { PROBE_DEADLINE_MS } from '../../core/timeouts.js';
import { FilterBank } from '../../filter/bank.js';
import type { Guard } from '../../filter/regex-guard.js';
import { isOwn } from '../intake/protocol.js';
import type { CopyPlan } from './copies.js';

/** One source and what its reader has seen. */
interface ProbeSource {
  readonly id: SourceId;
  readonly source: SourceSpec;
  readonly jails: readonly JailIntake[];
  /** The last entry that the reader has read, when it follows the end of its journal. */
  readonly position?: ReadPosition;
}

export interface ProbePlan {
  readonly sources: readonly ProbeSource[];
  /** Files that may not be what they are taken for. */
  readonly copies?: readonly CopyPlan[];
  /** Only entries from this time on are looked through. */
  readonly since: EpochMicros;
  readonly now: EpochMicros;
}

/** The program that logs, as journald says; strangers wrote it. */
export interface EntryOrigin {
  readonly unit: string;
  readonly identifier: string;
  /**
   * `_UID`, when it tells: an ordinary user imitates the service; of a system user without a unit.
   */
  readonly uid?: string;
}

interface JailProbe {
  readonly jail: JailName;
  /** Whether the journal holds any entry at all that the match selects. */
  readonly selects: boolean;
  /**
   * Programs that log failures (`failures`) or bear the service's name (`named`), and that no jail
   * reads.
   */
  readonly elsewhere: readonly (EntryOrigin & { readonly failures: number })[];
}

interface SourceProbe {
  readonly id: SourceId;
  readonly jails: readonly JailProbe[];
  /** Entries that wait for the reader; null when it does not follow yet. */
  readonly lagEntries: number | null;
  /** Messages that journald dropped by its rate limit, by unit. */
  readonly suppressed: readonly { readonly unit: string; readonly messages: number }[];
  /** Why the source could not be looked at. */
  readonly problem?: string;
}

export type ProbeReport = readonly SourceProbe[];

/** Entries younger than this may be on their way to the reader's own account of itself, seconds. */
const SETTLED_SECONDS = 3;
/** SD_MESSAGE_JOURNAL_DROPPED of sd-messages.h; `_TRANSPORT=driver` only journald can set. */
const DROPPED = parseMatch('_TRANSPORT=driver MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e')
  .expression as MatchExpression;
const WHO = ['_SYSTEMD_UNIT', 'SYSLOG_IDENTIFIER', '_UID'] as const;

/** What the jails of a source read: of the system's entries, and of ordinary users'. */
interface Readership {
  readonly system: MatchExpression;
  readonly users: MatchExpression;
}

export function probe(
  plan: ProbePlan,
  make: (spec: SourceSpec, id: SourceId) => EntrySource,
  guard: Guard,
): ProbeReport {
  return plan.sources.map((one) => {
    try {
      return probeSource(one, plan, () => make(one.source, one.id), guard);
    } catch (error) {
      return { id: one.id, jails: [], lagEntries: null, suppressed: [], problem: messageOf(error) };
    }
  });
}

function probeSource(
  one: ProbeSource,
  plan: ProbePlan,
  make: () => EntrySource,
  guard: Guard,
): SourceProbe {
  const selecting = one.jails.filter(({ match }) => hasEntry(make, match));
  const deaf = one.jails.filter((jail) => !selecting.includes(jail));
  const found = new Map<JailName, Map<string, EntryOrigin & { failures: number }>>();
  const note = (jail: JailName, origin: EntryOrigin, failures: number) => {
    const origins = found.get(jail) ?? new Map<string, EntryOrigin & { failures: number }>();
    found.set(jail, origins);
    const key = `${origin.unit}\0${origin.identifier}\0${origin.uid}`;
    const known = origins.get(key);
    if (known === undefined && origins.size >= PROBE_ORIGINS_MAX) return;
    origins.set(key, { ...origin, failures: (known?.failures ?? 0) + failures });
  };
  lookThrough(one, plan, make, guard, deaf, note);
  return {
    id: one.id,
    jails: one.jails.map((jail) => ({
      jail: jail.jail,
      selects: selecting.includes(jail),
      elsewhere: [...(found.get(jail.jail)?.values() ?? [])],
    })),
    lagEntries:
      one.position === undefined
        ? null
        : entriesAfter(make, unionOf(one.jails.map(({ match }) => match)), one.position, plan.now),
    suppressed: suppressedSince(make, plan.since),
  };
}

/** True when the journal holds an entry of the match; the indexes of the files answer that. */
function hasEntry(make: () => EntrySource, match: MatchExpression): boolean {
  return someEntry(make, match, [], { at: 'head' }, () => true);
}

/** True when there is an entry since then that no jail reads. */
function hasUnread(make: () => EntrySource, union: Readership, since: EpochMicros): boolean {
  const fields = [...new Set([...fieldsOf(union.system), ...WHO])].sort();
  return someEntry(make, WHOLE_JOURNAL, fields, { at: 'time', time: since }, (entry) =>
    isUnread(entry, union),
  );
}

/**
 * True when one of the entries from the position on passes; at most `PROBE_ENTRIES_MAX` are looked
 * at.
 */
function someEntry(
  make: () => EntrySource,
  match: MatchExpression,
  fields: readonly string[],
  from: Position,
  passes: (entry: Entry) => boolean,
): boolean {
  const source = make();
  try {
    const values = source.expanded?.(match) ?? match;
    source.open(values, { literals: undefined, fields }, from);
    for (let read = 0; read < PROBE_ENTRIES_MAX; ) {
      const batch = source.next(BATCH_ENTRIES_MAX);
      if (batch.entries.some(passes)) return true;
      if (batch.read === 0) return false;
      read += batch.read;
    }
    return false;
  } finally {
    source.close();
  }
}

function isUnread(entry: Entry, { system, users }: Readership): boolean {
  const read = isOrdinaryUser(entry.fields.get('_UID')) ? users : system;
  return !isOwn(entry, undefined) && !matches(read, (name) => entry.fields.get(name));
}

function readershipOf(jails: readonly JailIntake[]): Readership {
  return {
    system: unionOf(jails.map(({ match }) => match)),
    users: unionOf(
      jails.map(({ match, filter }) => (filter.loggedby === 'system' ? usersPartOf(match) : match)),
    ),
  };
}

/** Judges the entries that no jail reads as if every jail read them. */
function lookThrough(
  one: ProbeSource,
  plan: ProbePlan,
  make: () => EntrySource,
  guard: Guard,
  deaf: readonly JailIntake[],
  note: (jail: JailName, origin: EntryOrigin, failures: number) => void,
): void {
  // A jail that reads everything misses nothing.
  const curious = one.jails.filter(({ match }) => match.groups.every((group) => group.size > 0));
  if (curious.length === 0) return;
  const union = readershipOf(one.jails);
  // Compiling every filter is most of what a look costs, and on a quiet host there is nothing to
  // judge.
  if (!hasUnread(make, union, plan.since)) return;
  const bank = new FilterBank(
    curious.map(({ jail, filter: { loggedby: _, ...filter } }) => ({
      jail,
      match: WHOLE_JOURNAL,
      filter,
    })),
    guard,
  );
  const stems = new Map(deaf.map((jail) => [jail.jail, stemsOf(jail.match)]));
  const fields = new Set([...bank.gate.fields, ...fieldsOf(union.system), ...WHO]);
  const source = make();
  try {
    source.open(
      WHOLE_JOURNAL,
      { literals: deaf.length > 0 ? undefined : bank.gate.literals, fields: [...fields].sort() },
      { at: 'time', time: plan.since },
    );
    for (let read = 0; read < PROBE_ENTRIES_MAX; ) {
      const batch = source.next(BATCH_ENTRIES_MAX);
      read += batch.read;
      const unread = batch.entries.filter((entry) => isUnread(entry, union));
      for (const event of bank.judge(unread).events) {
        const entry = unread.find(({ cursor }) => cursor === event.cursor);
        if (event.kind === 'failure' && entry !== undefined) note(event.jail, originOf(entry), 1);
      }
      for (const entry of unread)
        for (const [jail, names] of stems)
          if (!isOrdinaryUser(entry.fields.get('_UID')) && bearsName(originOf(entry), names))
            note(jail, originOf(entry), 0);
      if (batch.read === 0 || batch.ended) return;
    }
  } finally {
    source.close();
  }
}

function originOf(entry: Entry): EntryOrigin {
  const unit = entry.fields.get('_SYSTEMD_UNIT') ?? '';
  const identifier = entry.fields.get('SYSLOG_IDENTIFIER') ?? '';
  const uid = entry.fields.get('_UID');
  const tells = uid !== undefined && (unit === '' || isOrdinaryUser(uid));
  return { unit, identifier, ...(tells && { uid }) };
}

/**
 * What the services of a match are called: `postfix` of `postfix.service`, `postfix@-.service`,
 * `postfix/smtpd`.
 */
function stemsOf(match: MatchExpression): ReadonlySet<string> {
  const stems = new Set<string>();
  for (const group of match.groups)
    for (const field of ['_SYSTEMD_UNIT', 'SYSLOG_IDENTIFIER', '_COMM'])
      for (const value of group.get(field) ?? []) stems.add(stemOf(value));
  stems.delete('');
  return stems;
}

function stemOf(name: string): string {
  return /^[^@./[\]]*/.exec(name)?.[0] ?? '';
}

function bearsName({ unit, identifier }: EntryOrigin, stems: ReadonlySet<string>): boolean {
  return stems.has(stemOf(unit)) || stems.has(stemOf(identifier));
}

/**
 * Entries of the match after `last` that are old enough to have been read. By place, not by time:
 * after a clock was put back new entries are older than the last one.
 */
function entriesAfter(
  make: () => EntrySource,
  match: MatchExpression,
  last: ReadPosition,
  now: EpochMicros,
): number {
  // Written since this look was planned, or shortly before. A later time is that of a wrong clock.
  const isYoung = ({ realtime }: Entry) => {
    const age = secondsBetween(realtime, now);
    return age < SETTLED_SECONDS && -age * 1_000 < PROBE_DEADLINE_MS;
  };
  const source = make();
  try {
    source.open(match, { literals: undefined, fields: [] }, { at: 'cursor', ...last });
    let count = 0;
    while (count < PROBE_LAG_ENTRIES_MAX) {
      const batch = source.next(BATCH_ENTRIES_MAX);
      const young = batch.entries.findIndex(isYoung);
      count += young < 0 ? batch.entries.length : young;
      if (batch.read === 0 || batch.ended || young >= 0) break;
    }
    return Math.min(count, PROBE_LAG_ENTRIES_MAX);
  } finally {
    source.close();
  }
}

function suppressedSince(
  make: () => EntrySource,
  since: EpochMicros,
): { unit: string; messages: number }[] {
  const units = new Map<string, number>();
  const source = make();
  try {
    source.open(
      DROPPED,
      { literals: undefined, fields: ['N_DROPPED'] },
      { at: 'time', time: since },
    );
    for (let read = 0; read < PROBE_ENTRIES_MAX; ) {
      const batch = source.next(BATCH_ENTRIES_MAX);
      read += batch.read;
      for (const { message } of batch.entries) {
        const [, count, unit] = /^Suppressed (\d{1,15}) messages from (\S+)$/.exec(message) ?? [];
        if (unit !== undefined) units.set(unit, (units.get(unit) ?? 0) + Number(count));
      }
      if (batch.read === 0 || batch.ended) break;
    }
  } finally {
    source.close();
  }
  return [...units].map(([unit, messages]) => ({ unit, messages }));
}
