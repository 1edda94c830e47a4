/**
 * `banjour explain ADDRESS`: all that is known of an address, from the agent, the journal and the
 * filters. Entries are re-read from the journal by the cursors that were kept with the decision;
 * nothing of them was stored.
 */
import { fieldKey, READ } from '../../native/entry-data.js';
import { JournalHandle } from '../../native/journal.js';
import type { ControlClient } from '../control/client.js';
import type {
  BanView,
  EvidenceView,
  ExplainView,
  Explanation,
  RefusalView,
} from '../control/protocol.js';
import { parseAddress } from '../core/address.js';
import type { SourceSpec } from '../core/entry.js';
import { messageOf } from '../core/errors.js';
import { FIELD_CHARS_MAX, MESSAGE_CHARS_MAX } from '../core/limits.js';
import type { Log } from '../core/log.js';
import { cursor, sourceId } from '../core/names.js';
import { escapeUntrusted } from '../core/text.js';
import { isoTime } from '../core/time.js';
import { compileFilter } from '../filter/compile.js';
import { matchEntry } from '../filter/container-line.js';
import { LINE_FIELDS, lineOf } from '../filter/line.js';
import { countOf } from '../filter/match-groups.js';
import { parseTextCursor } from '../journal/position.js';
import { createSource } from '../journal/source.js';
import { findEntry } from '../journal/systemd/find.js';
import { type ConfigurationRoots, loadSetup } from '../setup/load.js';
import { bySource, idOf, type JailSetup } from '../setup/setup.js';
import { textTools } from '../setup/text-dates.js';

// Log lines by the cursors that were kept with a ban: what it was decided from, read again where
// they are.

const FIELDS = ['MESSAGE', '_HOSTNAME', 'SYSLOG_IDENTIFIER', '_PID'].map(
  (name) => [name, fieldKey(name)] as const,
);

/** Of a ban, as much as is needed. */
interface Counted {
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
): (ban: Counted) => Promise<readonly string[]> {
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

/** What is known of a user: the logins that were refused. */
export interface UserExplanation {
  readonly user: string;
  readonly refusals: readonly RefusalView[];
}

/** Logins of a user that were refused before their password was looked at, newest first. */
export async function explainUser(client: ControlClient, user: string): Promise<UserExplanation> {
  return { user, refusals: await client.refusals({ user }) };
}

export async function explain(
  client: ControlClient,
  address: string,
  roots: ConfigurationRoots,
): Promise<Explanation> {
  const view = await client.explain({ address });
  const refusals = parseAddress(address) === undefined ? [] : await client.refusals({ address });
  const { setup } = loadSetup(roots);
  const jails = new Map(setup.jails.map((jail) => [jail.policy.jail as string, jail]));
  const newest = new Map<string, BanView>();
  for (const ban of view.bans) if (!newest.has(ban.jail)) newest.set(ban.jail, ban);
  const counted = new Map<string, Map<string, number | undefined>>();
  const note = (jail: string, cursors: readonly string[], weights: readonly number[] = []) => {
    const own = counted.get(jail) ?? new Map<string, number | undefined>();
    counted.set(jail, own);
    for (const [i, text] of cursors.entries()) own.set(text, weights[i] ?? own.get(text));
  };
  for (const [jail, ban] of newest) note(jail, ban.evidence, ban.weights);
  for (const { jail, evidence, weights } of view.windows) note(jail, evidence, weights);
  const evidence = [...counted].map(([jail, list]) => ({
    jail,
    entries: [...list].map(([text, points]) => ({
      ...evidenceOf(text, judgesOf(jails.get(jail), setup.jails)),
      ...(points === undefined ? {} : { points }),
    })),
    ...sumOf(view, newest.get(jail), jail),
    ...ruleOf(jails.get(jail)),
  }));
  return { ...view, evidence, refusals };
}

/** All points against the address: when its ban was decided, or now. */
function sumOf(
  { windows }: ExplainView,
  ban: BanView | undefined,
  jail: string,
): Pick<Explanation['evidence'][number], 'sum'> {
  if (ban?.points !== undefined) return { sum: { time: ban.time, points: ban.points } };
  const points = windows.find((one) => one.jail === jail)?.points;
  return points === undefined ? {} : { sum: { time: new Date().toISOString(), points } };
}

function ruleOf(jail: JailSetup | undefined): Pick<Explanation['evidence'][number], 'rule'> {
  if (jail === undefined) return {};
  const { findtime, maxretry, counts } = jail.policy;
  return { rule: { findtimeSeconds: findtime, maxretry, isWeighing: counts === 'evidence' } };
}

/** The jails whose filters may have found an entry: the jail itself, or those of its group. */
function judgesOf(jail: JailSetup | undefined, all: readonly JailSetup[]): readonly JailSetup[] {
  if (jail === undefined) return [];
  if (jail.policy.counts !== 'evidence') return [jail];
  return all.filter(({ policy }) => policy.group === jail.policy.jail);
}

/** The entry of a cursor, by the first jail whose filter finds a failure in it. */
function evidenceOf(text: string, jails: readonly JailSetup[]): EvidenceView {
  const views = jails.map((jail) => evidenceIn(text, jail));
  return (
    views.find(({ regex }) => regex !== undefined) ??
    views.find(({ line }) => line !== undefined) ?? { cursor: text }
  );
}

function evidenceIn(text: string, jail: JailSetup): EvidenceView {
  const source = jail.source;
  if (source === undefined) return { cursor: text };
  try {
    const entry = findEntry(() => createSource(source, idOf(source), textTools), cursor(text), [
      ...LINE_FIELDS,
      '_BOOT_ID',
    ]);
    if (entry === undefined) return { cursor: text };
    const line = lineOf(entry);
    const { filter } = compileFilter(jail.intake.filter);
    const match = filter && matchEntry(filter, entry, line, { running: undefined });
    const verdict =
      match &&
      filter?.settle(match, { time: entry.realtime, boot: entry.fields.get('_BOOT_ID') ?? '' });
    const regex =
      verdict?.regex === undefined ? undefined : jail.intake.filter.failregex[verdict.regex];
    return {
      cursor: text,
      time: new Date(entry.realtime / 1000).toISOString(),
      line: line.text,
      count: verdict === undefined ? 1 : countOf(verdict.facts),
      ...(regex === undefined
        ? {}
        : { regex: `${regex.place.file}:${regex.place.line}: ${regex.text}` }),
    };
  } catch {
    // Without permission to read the journal the decision itself is still worth showing.
    return { cursor: text };
  }
}
