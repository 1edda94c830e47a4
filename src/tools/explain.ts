/**
 * `banjour explain ADDRESS`: all that is known of an address, from the agent, the journal and the
 * filters. Entries are re-read from the journal by the cursors that were kept with the decision;
 * nothing of them was stored.
 */
import { fieldKey, READ } from '../../native/entry-data.js';
import { JournalHandle } from '../../native/journal.js';
import type { ControlClient } from '../control/client.js';
import type { BanView, ExplainView, Explanation } from '../control/protocol.js';
import { parseAddress } from '../core/address.js';
import type { SourceSpec } from '../core/entry.js';
import { messageOf } from '../core/errors.js';
import { FIELD_CHARS_MAX, MESSAGE_CHARS_MAX } from '../core/limits.js';
import type { Log } from '../core/log.js';
import { cursor, sourceId } from '../core/names.js';
import { escapeUntrusted } from '../core/text.js';
import { isoTime } from '../core/time.js';
import { LINE_FIELDS, lineOf } from '../filter/line.js';
import { parseTextCursor } from '../journal/position.js';
import { createSource } from '../journal/source.js';
import { findEntry } from '../journal/systemd/find.js';
import { type ConfigurationRoots, loadSetup } from '../setup/load.js';
import { bySource, type JailSetup } from '../setup/setup.js';
import { textTools } from '../setup/text-dates.js';
import { type CountedEntry, EvidenceReader } from './evidence.js';

// Log lines by the cursors that were kept with a ban: what it was decided from, read again where
// they are.

const FIELDS = ['MESSAGE', '_HOSTNAME', 'SYSLOG_IDENTIFIER', '_PID'].map(
  (name) => [name, fieldKey(name)] as const,
);

/** Of a ban, as much as is needed. */
interface BanLines {
  readonly jail: string;
  readonly evidence: readonly string[];
}

/**
 * Reads the lines of bans from the sources of their jails: journals and text files. Never throws:
 * what keeps the lines from being read is logged once.
 */
export function linesReader(
  jails: readonly JailSetup[],
  log: Log,
): (ban: BanLines) => Promise<readonly string[]> {
  const own = new Map(jails.map(({ policy, source }) => [policy.jail as string, source]));
  const all = [...bySource(jails).values()].map(({ source }) => source);
  let complained = false;
  return async ({ jail, evidence }) => {
    if (!own.has(jail)) return [];
    const source = own.get(jail);
    try {
      // A jail that counts the bans of the others has lines from wherever they read.
      return linesOf(source === undefined ? all : [source], evidence);
    } catch (error) {
      if (!complained) log('warning', `messages go without log lines: ${messageOf(error)}`);
      complained = true;
      return [];
    }
  };
}

/**
 * The lines of these cursors in their order; those that are gone are left out. Safe to show. Throws
 * when there are none because a source cannot be read.
 */
export function linesOf(sources: readonly SourceSpec[], cursors: readonly string[]): string[] {
  const lines = new Map<string, string>();
  let trouble: unknown;
  for (const source of sources) {
    const isText = source.kind === 'text';
    const wanted = cursors.filter(
      (text) => !lines.has(text) && (parseTextCursor(cursor(text)) !== undefined) === isText,
    );
    if (wanted.length === 0) continue;
    try {
      for (const [text, line] of read(source, wanted)) lines.set(text, line);
    } catch (error) {
      trouble = error;
    }
  }
  if (lines.size === 0 && trouble !== undefined) throw trouble;
  return cursors.flatMap((text) => lines.get(text) ?? []);
}

type Found = readonly [cursor: string, line: string];

function read(source: SourceSpec, cursors: readonly string[]): Found[] {
  switch (source.kind) {
    case 'export':
      return [];
    case 'local':
    case 'directory':
    case 'files':
      return journalLines(source, cursors);
    default:
      return found(source, cursors);
  }
}

function journalLines(source: JournalSpec, cursors: readonly string[]): Found[] {
  const journal = openJournal(source);
  try {
    return cursors.flatMap((text): Found[] => {
      const wanted = cursor(text);
      if (!journal.seekCursor(wanted) || !journal.next() || !journal.testCursor(wanted)) return [];
      const [message = '', host = '', program = '', pid = ''] = FIELDS.map(([name, key]) =>
        journal.readData(key) === READ.found ? journal.data.head(name.length + 1) : '',
      );
      const time = journal.realtime();
      const when = time === undefined ? '' : `${isoTime(time).slice(0, 19).replace('T', ' ')} `;
      const who = `${host} ${program}${pid === '' ? '' : `[${pid}]`}`.trim();
      const line = `${escapeUntrusted(who, FIELD_CHARS_MAX)}: ${escapeUntrusted(message, MESSAGE_CHARS_MAX)}`;
      return [[text, `${when}${line}`]];
    });
  } finally {
    journal.close();
  }
}

/** Lines of text files and of other hosts, which are no single journal. */
function found(source: SourceSpec, cursors: readonly string[]): Found[] {
  return cursors.flatMap((text): Found[] => {
    const make = () => createSource(source, sourceId('lines'), textTools);
    const entry = findEntry(make, cursor(text), LINE_FIELDS);
    if (entry === undefined) return [];
    const when = isoTime(entry.realtime).slice(0, 19).replace('T', ' ');
    return [[text, `${when} ${escapeUntrusted(lineOf(entry).text, MESSAGE_CHARS_MAX)}`]];
  });
}

type JournalSpec = Extract<SourceSpec, { kind: 'local' | 'directory' | 'files' }>;

function openJournal(source: JournalSpec): JournalHandle {
  switch (source.kind) {
    case 'local':
      return JournalHandle.openLocal(source.namespace);
    case 'directory':
      return JournalHandle.openDirectory(source.path);
    case 'files':
      return JournalHandle.openFiles(source.paths);
  }
}

export async function explain(
  client: ControlClient,
  address: string,
  roots: ConfigurationRoots,
): Promise<Explanation> {
  const view = await client.explain({ address });
  const refusals = parseAddress(address) === undefined ? [] : await client.refusals({ address });
  const { setup } = loadSetup(roots);
  const evidence = evidenceOf(view, setup.jails);
  return { ...view, offenders: withLines(view, setup.jails), evidence, refusals };
}

/** Those who attacked together, with the lines of their newest entries. */
function withLines(
  { offenders = [] }: Pick<ExplainView, 'offenders'>,
  setups: readonly JailSetup[],
): Explanation['offenders'] {
  const reader = new EvidenceReader(setups);
  return offenders.map((together) => {
    const judges = setups.filter(({ policy }) => policy.group === together.jail);
    return {
      ...together,
      offenders: together.offenders.map((one) => {
        const line = one.cursor && reader.view({ cursor: one.cursor }, judges).line;
        return line === undefined || line === '' ? one : { ...one, line };
      }),
    };
  });
}

type Evidence = Explanation['evidence'][number];

/** What each jail counted of the address: for its newest ban, and since. */
export function evidenceOf(view: ExplainView, setups: readonly JailSetup[]): Evidence[] {
  const reader = new EvidenceReader(setups);
  const jails = new Map(setups.map((jail) => [jail.policy.jail as string, jail]));
  const names = new Set([...view.bans, ...view.windows].map(({ jail }) => jail));
  return [...names].map((jail) => {
    const ban = view.bans.find((one) => one.jail === jail);
    const windows = view.windows.filter((one) => one.jail === jail);
    // A ban's own figures win: those of a window may be of another target that holds the address.
    const entries = new Map<string, CountedEntry>();
    for (const { evidence, counts, weights } of [...windows, ...(ban === undefined ? [] : [ban])])
      for (const [i, cursor] of evidence.entries()) {
        const known = entries.get(cursor);
        const count = counts?.[i] ?? known?.count;
        entries.set(cursor, { cursor, count, points: weights?.[i] ?? known?.points });
      }
    const setup = jails.get(jail);
    const judges = judgesOf(setup, setups);
    const views = [...entries.values()].map((one) => reader.view(one, judges));
    return {
      jail,
      entries: views.sort((a, b) => compareTimes(a.time, b.time)),
      earlier: earlierOf(ban !== undefined && ban.evidence.length > 0 ? ban : windows[0]),
      ...sumOf(ban, windows[0]),
      ...ruleOf(setup, ban, windows[0]),
    };
  });
}

/** Entries that are gone come first: the journal forgets the oldest. */
function compareTimes(a = '', b = ''): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Failures that were counted with these entries, and whose own entries were not kept. */
function earlierOf(counted: Pick<BanView, 'failures' | 'evidence' | 'counts'> | undefined): number {
  // Of a ban of before counts were kept, nothing is claimed.
  if (counted?.counts === undefined) return 0;
  return Math.max(0, counted.failures - counted.counts.reduce((sum, count) => sum + count, 0));
}

type Window = ExplainView['windows'][number];

/** All points against the address: when its ban was decided, or now. */
function sumOf(ban: BanView | undefined, window: Window | undefined): Pick<Evidence, 'sum'> {
  if (ban?.points !== undefined) return { sum: { time: ban.time, points: ban.points } };
  const points = window?.points;
  return points === undefined ? {} : { sum: { time: new Date().toISOString(), points } };
}

function ruleOf(
  jail: JailSetup | undefined,
  ban: BanView | undefined,
  window: Window | undefined,
): Pick<Evidence, 'rule'> {
  if (jail === undefined) return {};
  const { findtime, maxretry, counts } = jail.policy;
  const isWeighing = counts === 'evidence';
  // What the rule `fast` took were failures, and no points.
  const then = isWeighing && ban?.rule !== 'slow' ? undefined : ban?.needed;
  const needed = then ?? window?.needed ?? maxretry;
  return { rule: { findtimeSeconds: findtime, maxretry, needed, isWeighing } };
}

/**
 * The jails whose filters may have found an entry: the jail itself, those of its group, or all
 * where it counts the bans of the others.
 */
function judgesOf(jail: JailSetup | undefined, all: readonly JailSetup[]): readonly JailSetup[] {
  if (jail === undefined) return [];
  const { counts, jail: name } = jail.policy;
  if (counts === 'bans') return all;
  return counts === 'evidence' ? all.filter(({ policy }) => policy.group === name) : [jail];
}
