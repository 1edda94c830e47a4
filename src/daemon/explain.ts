/**
 * `banjour explain ADDRESS`: all that is known of an address, from the agent, the journal and the filters. Entries are
 * re-read from the journal by the cursors that were kept with the decision; nothing of them was stored.
 */
import type { ControlClient } from '../control/client.js';
import type { BanView, ExplainView } from '../control/protocol.js';
import { cursor } from '../core/names.js';
import { compileFilter } from '../filter/compile.js';
import { matchEntry } from '../filter/container.js';
import { LINE_FIELDS, lineOf } from '../filter/line.js';
import { findEntry } from '../journal/find.js';
import { createSource } from '../journal/journal.js';
import { type ConfigurationRoots, loadSetup } from './configuration/load.js';
import { idOf, type JailSetup } from './configuration/setup.js';
import { textTools } from './configuration/text-dates.js';

/** One entry that was counted. */
interface EvidenceView {
  readonly cursor: string;
  /** Absent: the journal has it no more. */
  readonly time?: string;
  /** As the filter sees it; a stranger's text. */
  readonly line?: string;
  /** Which regex of which file and line finds the failure in it today. */
  readonly regex?: string;
}

export interface Explanation extends ExplainView {
  readonly evidence: readonly { readonly jail: string; readonly entries: readonly EvidenceView[] }[];
}

export async function explain(client: ControlClient, address: string, roots: ConfigurationRoots): Promise<Explanation> {
  const view = await client.explain(address);
  const { setup } = loadSetup(roots);
  const jails = new Map(setup.jails.map((jail) => [jail.policy.jail as string, jail]));
  const newest = new Map<string, BanView>();
  for (const ban of view.bans) if (!newest.has(ban.jail)) newest.set(ban.jail, ban);
  const cursors = new Map<string, readonly string[]>([...newest].map(([jail, ban]) => [jail, ban.evidence]));
  for (const window of view.windows)
    cursors.set(window.jail, [...new Set([...(cursors.get(window.jail) ?? []), ...window.evidence])]);
  const evidence = [...cursors].map(([jail, list]) => ({
    jail,
    entries: list.map((text) => evidenceOf(text, judgesOf(jails.get(jail), setup.jails))),
  }));
  return { ...view, evidence };
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
    views.find(({ regex }) => regex !== undefined) ?? views.find(({ line }) => line !== undefined) ?? { cursor: text }
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
    const verdict = match && filter?.settle(match, { time: entry.realtime, boot: entry.fields.get('_BOOT_ID') ?? '' });
    const regex = verdict?.regex === undefined ? undefined : jail.intake.filter.failregex[verdict.regex];
    return {
      cursor: text,
      time: new Date(entry.realtime / 1000).toISOString(),
      line: line.text,
      ...(regex === undefined ? {} : { regex: `${regex.place.file}:${regex.place.line}: ${regex.text}` }),
    };
  } catch {
    // Without permission to read the journal the decision itself is still worth showing.
    return { cursor: text };
  }
}
