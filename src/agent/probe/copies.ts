/**
 * Files that are believed to be copies of the journal, and therefore not read: looked at every few
 * seconds while they grow. One that holds failures which the journal does not have, or lines of the
 * service of which the journal has none at all, is read from then on.
 */

import { statSync } from 'node:fs';
import { inBackground } from '../../core/background.js';
import type { Entry, EntrySource, SourceSpec } from '../../core/entry.js';
import { messageOf } from '../../core/errors.js';
import { BATCH_ENTRIES_MAX, PROBE_ENTRIES_MAX } from '../../core/limits.js';
import type { Log } from '../../core/log.js';
import { WHOLE_JOURNAL } from '../../core/match.js';
import { type JailName, sourceId } from '../../core/names.js';
import type { JailIntake } from '../../core/specs.js';
import { type EpochMicros, plus, wallClock } from '../../core/time.js';
import { FilterBank } from '../../filter/bank.js';
import type { Guard } from '../../filter/regex-guard.js';
import { expandPath } from '../../journal/text/paths.js';
import type { AgentSetup, JailSetup } from '../../setup/setup.js';

// Whether a file is a copy of the journal: its new lines are sought there. Where they are missing,
// the jail's filter says whether they are failures that nobody sees.

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
   * The files hold lines of the service, failures or not, and the journal has none of them: told by
   * the filter's prefregex and by logins, so never of a filter that has neither.
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
  const stored = storedSince(
    () => make(journal, sourceId('copy-journal')),
    plus(since, -SLACK_SECONDS),
  );
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
  const failures = new FilterBank([intake], guard)
    .judge(old)
    .events.filter(({ kind }) => kind === 'failure');
  const unseen = failures.filter(({ cursor }) => missing.has(cursor)).length;
  return {
    jail: intake.jail,
    found: failures.length - unseen,
    missing: unseen,
    isElsewhere,
    undecided,
  };
}

/** Whether one of the lines is the service's, by its filter. */
function ofService(intake: JailIntake, guard: Guard, lines: readonly Entry[]): boolean {
  const bank = new FilterBank([intake], guard);
  bank.judge(lines);
  const [counters] = bank.stats();
  if (counters === undefined) return false;
  return (
    counters.successes.count > 0 ||
    (intake.filter.prefregex !== undefined && counters.prefixed.count > 0)
  );
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

/**
 * Text without what syslog daemons write otherwise: control characters, `#012` for them, blanks.
 */
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

/** Files are looked at this often, ms: a stat(2) each. */
const LOOK_MS = 5_000;
/**
 * Lines of a growing file are sought this often: while some are too new to be judged, and when all
 * have been, ms.
 */
const NEW_MS = 10_000;
const PROVEN_MS = 40_000;
/** How far back lines are looked at, seconds: more than lies between two looks. */
const BACK_SECONDS = 120;

export interface CopiesDeps {
  readonly setup: () => AgentSetup;
  /** The jail as it is when it reads its files. */
  readonly byFiles: (jail: JailName) => Promise<JailSetup | undefined>;
  /** True while it reads them because of what was found here. */
  readonly isByFiles: (jail: JailName) => boolean;
  /** Makes it read them. */
  readonly readFiles: (jail: JailName) => Promise<unknown>;
  /** Looks, in a thread unless a test does it. */
  readonly run: (plans: readonly CopyPlan[]) => Promise<readonly CopyReport[]>;
  readonly log: Log;
  readonly now?: () => EpochMicros;
}

interface Watched {
  /** Sizes and times of the files when nothing was undecided any more. */
  stamp: string;
  nextMs: number;
}

export class Copies {
  readonly #parts: CopiesDeps;
  readonly #now: () => EpochMicros;
  readonly #watched = new Map<JailName, Watched>();
  /** Jails that read their files now, and which files hold what. */
  readonly #read = new Map<JailName, string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: CopiesDeps) {
    this.#parts = parts;
    this.#now = parts.now ?? (() => wallClock.now());
  }

  start(): void {
    this.#timer = setTimeout(() => inBackground(this.#turn()), LOOK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Files that are read against the first belief, one sentence each. */
  warnings(): readonly string[] {
    return [...this.#read].flatMap(([jail, what]) =>
      this.#parts.isByFiles(jail) ? [sentence(jail, what)] : [],
    );
  }

  /** One look at the files that have grown; resolves when what was found has been done. */
  async look(): Promise<void> {
    const grown = this.#grown();
    if (grown.length === 0) return;
    const now = this.#now();
    const plans: CopyPlan[] = [];
    for (const { setup } of grown) {
      const byFiles = await this.#parts.byFiles(setup.policy.jail);
      if (byFiles?.source === undefined || setup.source === undefined) continue;
      const since = plus(now, -BACK_SECONDS);
      plans.push({
        intake: byFiles.intake,
        files: byFiles.source,
        journal: setup.source,
        since,
        now,
      });
    }
    const reports = new Map((await this.#parts.run(plans)).map((report) => [report.jail, report]));
    for (const { setup, stamp } of grown) {
      const { jail } = setup.policy;
      const report = reports.get(jail);
      if (report === undefined) continue;
      const nextMs = performance.now() + (report.undecided ? NEW_MS : PROVEN_MS);
      this.#watched.set(jail, { stamp: report.undecided ? '' : stamp, nextMs });
      const isElsewhere = report.isElsewhere && report.found === 0;
      if (isElsewhere || (report.missing > 0 && report.missing >= report.found))
        await this.#switch(setup, report);
    }
  }

  async #switch({ policy, unread = [] }: JailSetup, { missing }: CopyReport): Promise<void> {
    const what = `${unread.join(' ')} holds ${missing > 0 ? 'failures' : 'lines of the service'}`;
    await this.#parts.readFiles(policy.jail);
    this.#read.set(policy.jail, what);
    this.#watched.delete(policy.jail);
    this.#parts.log('warning', sentence(policy.jail, what));
  }

  /** Jails whose files have changed since the last look that is over. */
  #grown(): { readonly setup: JailSetup; readonly stamp: string }[] {
    return this.#parts.setup().jails.flatMap((setup) => {
      if (setup.unread === undefined) return [];
      const watched = this.#watched.get(setup.policy.jail);
      if (watched !== undefined && performance.now() < watched.nextMs) return [];
      const stamp = setup.unread.flatMap(expandPath).map(stampOf).join(' ');
      return stamp === '' || stamp === watched?.stamp ? [] : [{ setup, stamp }];
    });
  }

  async #turn(): Promise<void> {
    try {
      await this.look();
    } catch (error) {
      this.#parts.log(
        'warning',
        `the files beside the journal could not be looked at: ${messageOf(error)}`,
      );
    }
    if (this.#timer !== undefined) this.start();
  }
}

function sentence(jail: JailName, what: string): string {
  return `${jail}: ${what} that the journal does not have, so the file is read instead; write backend = polling into [${jail}]`;
}

function stampOf(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino}:${size}:${mtimeMs}`;
  } catch {
    return '';
  }
}
