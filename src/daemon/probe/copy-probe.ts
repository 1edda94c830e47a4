/**
 * Whether a syslog file that is not read is what it is taken for: a copy of the journal. Its new lines are sought in the
 * journal; where they are not there, the jail's filter says whether they are failures that nobody sees.
 */
import type { Entry, EntrySource, SourceSpec } from '../../core/entry.js';
import { BATCH_ENTRIES_MAX, PROBE_ENTRIES_MAX } from '../../core/limits.js';
import { WHOLE_JOURNAL } from '../../core/match.js';
import type { JailName } from '../../core/names.js';
import { sourceId } from '../../core/names.js';
import type { JailIntake } from '../../core/specs.js';
import { type EpochMicros, plus } from '../../core/time.js';
import { FilterBank } from '../../filter/bank.js';
import type { Guard } from '../../filter/guarded.js';

/** One jail that reads a journal although files are named. */
export interface CopyPlan {
  /** The jail as it is when it reads the files. */
  readonly intake: JailIntake;
  readonly files: SourceSpec;
  readonly journal: SourceSpec;
  /** Only lines from this time on are looked at. */
  readonly since: EpochMicros;
  readonly now: EpochMicros;
}

export interface CopyReport {
  readonly jail: JailName;
  /** Failures in the files that the journal has too, and that it has not. */
  readonly found: number;
  readonly missing: number;
  /**
   * The files hold lines of the service, failures or not, and the journal has none of them: told by the filter's prefregex
   * and by logins, so never of a filter that has neither.
   */
  readonly isElsewhere: boolean;
  /** Some lines are too new to be judged: they may be on their way. */
  readonly undecided: boolean;
}

/** A line is in the journal within this, seconds. */
const SETTLED_SECONDS = 5;
/** What stands in the file was received so long before, at most, seconds. */
const SLACK_SECONDS = 30;

export function probeCopy(
  { intake, files, journal, since, now }: CopyPlan,
  make: (spec: SourceSpec, id: ReturnType<typeof sourceId>) => EntrySource,
  guard: Guard,
): CopyReport {
  const lines = entriesOf(make(files, sourceId('copy-files')), since);
  const settled = plus(now, -SETTLED_SECONDS);
  const old = lines.entries.filter(({ realtime }) => realtime <= settled);
  const undecided = old.length < lines.entries.length;
  const nothing = { jail: intake.jail, found: 0, missing: 0, isElsewhere: false, undecided };
  if (old.length === 0) return nothing;
  const stored = storedSince(() => make(journal, sourceId('copy-journal')), plus(since, -SLACK_SECONDS));
  const messages = new Set(stored.entries.map(({ message }) => plain(message)));
  // Where the journal was not read to its end, what is missing may come later.
  const isThere = (entry: Entry) => stored.isCut || isCopied(plain(entry.message), messages);
  if (old.every(isThere)) return nothing;
  const isElsewhere =
    ofService(
      intake,
      guard,
      old.filter((entry) => !isThere(entry)),
    ) && !ofService(intake, guard, old.filter(isThere));
  const missing = new Set(old.filter((entry) => !isThere(entry)).map(({ cursor }) => cursor));
  const failures = new FilterBank([intake], guard).judge(old).events.filter(({ kind }) => kind === 'failure');
  const unseen = failures.filter(({ cursor }) => missing.has(cursor)).length;
  return { jail: intake.jail, found: failures.length - unseen, missing: unseen, isElsewhere, undecided };
}

/** Whether one of the lines is the service's, by its filter. */
function ofService(intake: JailIntake, guard: Guard, lines: readonly Entry[]): boolean {
  const bank = new FilterBank([intake], guard);
  bank.judge(lines);
  const [counters] = bank.stats();
  if (counters === undefined) return false;
  return counters.successes.count > 0 || (intake.filter.prefregex !== undefined && counters.prefixed.count > 0);
}

/** What the journal has; nothing when there is none, or none that can be read. */
function storedSince(make: () => EntrySource, since: EpochMicros): ReturnType<typeof entriesOf> {
  try {
    return entriesOf(make(), since);
  } catch {
    return { entries: [], isCut: false };
  }
}

function entriesOf(source: EntrySource, since: EpochMicros): { entries: Entry[]; isCut: boolean } {
  const entries: Entry[] = [];
  try {
    const fields = ['_LOGPATH', 'SYSLOG_IDENTIFIER', 'SYSLOG_PID', '_HOSTNAME'];
    source.open(WHOLE_JOURNAL, { literals: undefined, fields }, { at: 'time', time: since });
    source.poll();
    for (let read = 0; read < PROBE_ENTRIES_MAX; ) {
      const batch = source.next(BATCH_ENTRIES_MAX);
      entries.push(...batch.entries);
      if (batch.read === 0 || batch.ended) return { entries, isCut: false };
      read += batch.read;
    }
    return { entries, isCut: true };
  } finally {
    source.close();
  }
}

/** Text without what syslog daemons write otherwise: control characters, `#012` for them, blanks. */
function plain(text: string): string {
  return text
    .replace(/#[0-3][0-7]{2}|[\u0000-\u0020\u007f]/g, ' ')
    .replace(/ +/g, ' ')
    .trim();
}

/** True when the line is a header and one of the messages; a repetition stands in brackets. */
function isCopied(line: string, messages: ReadonlySet<string>): boolean {
  if (messages.has(line)) return true;
  for (let at = line.indexOf(': '); at >= 0; at = line.indexOf(': ', at + 1)) {
    const rest = line.slice(at + 2);
    if (messages.has(rest) || messages.has(rest.replace(/^\[ ?(.*)\]$/, '$1').trim())) return true;
  }
  return false;
}
