/**
 * How the journal of a source is opened, by kind, and where a container of this host keeps its own.
 */

import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { JournalHandle } from '../../../native/journal.js';
import { localDirectories, requireReadable } from '../../../native/journal-files.js';
import type { EntryReader, ReadRange } from '../../../native/raw-entries.js';
import type { SourceSpec } from '../../core/entry.js';
import { EXIT, OperatorError } from '../../core/errors.js';
import type { MatchExpression } from '../../core/match.js';
import type { matchFieldsTest } from '../gate.js';
import { namesIn } from '../text/paths.js';
import type { ReadAhead } from './readers.js';
import type { Others, Selection } from './selection.js';

export type LibsystemdSpec = Extract<SourceSpec, { kind: 'local' | 'directory' | 'files' }>;

/**
 * Throws an OperatorError when the journal cannot be read: libsystemd reads one without permission
 * as an empty one. Returns what is to be told of files that cannot.
 */
export function requireJournal(spec: LibsystemdSpec): string[] {
  if (spec.kind === 'local') return requireReadable('this host', localDirectories(spec.namespace));
  if (spec.kind === 'directory') {
    JournalHandle.openDirectory(spec.path).close();
    return requireReadable(spec.path, [spec.path]);
  }
  for (const path of spec.paths) JournalHandle.openFiles([path]).close();
  return [];
}

/** Opens it; where files may come and go, watching for them. */
export function openWatched(spec: LibsystemdSpec): JournalHandle {
  if (spec.kind === 'files') return JournalHandle.openFiles(spec.paths);
  const handle =
    spec.kind === 'local'
      ? JournalHandle.openLocal(spec.namespace)
      : JournalHandle.openDirectory(spec.path);
  try {
    handle.watch();
  } catch (error) {
    handle.close();
    throw error;
  }
  return handle;
}

/** The same opening for the C thread that reads ahead. */
export function openingOf(
  spec: LibsystemdSpec,
): Pick<ReadRange, 'kind' | 'paths' | 'flags' | 'threshold'> {
  const opening = JournalHandle.opening(spec.kind === 'local');
  switch (spec.kind) {
    case 'local':
      return {
        ...opening,
        kind: 'local',
        paths: spec.namespace === undefined ? [] : [spec.namespace],
      };
    case 'directory':
      return { ...opening, kind: 'directory', paths: [spec.path] };
    case 'files':
      return { ...opening, kind: 'files', paths: spec.paths };
  }
}

/** How an open source reads; fixed by `open`, but for the handle. */
export interface Reading {
  readonly handle: JournalHandle;
  readonly reader: EntryReader;
  readonly ahead: ReadAhead;
  /** What libsystemd selects by. */
  readonly inLibrary: MatchExpression;
  readonly selection: Selection;
  /** The match has wildcards, by which libsystemd does not select. */
  readonly hasGlobs: boolean;
  /** The match, for entries that libsystemd does not select by it. */
  readonly selected: ReturnType<typeof matchFieldsTest> | undefined;
  readonly others: Others | undefined;
  /** The journal of a directory is another's: its entries name who reported them. */
  readonly ofHost: boolean;
}

// Where a container of this host keeps its journal.

/** Files and folders of the host; another in tests. */
export interface ContainerHost {
  /** State of running machines (systemd-machined.service(8)). */
  readonly run: string;
  readonly machines: string;
  /** Journals that containers share with the host (systemd-nspawn(1), `--link-journal`). */
  readonly journals: string;
}

const HOST: ContainerHost = {
  run: '/run/systemd/machines',
  machines: '/var/lib/machines',
  journals: '/var/log/journal',
};

/**
 * The directory with the journal of a container: the one that the host shares, else that of the
 * container's own root. Throws OperatorError with the places that were looked at.
 */
export function containerJournal(name: string, host: ContainerHost = HOST): string {
  const root = rootOf(name, host);
  const machine = textOf(`${root}/etc/machine-id`)?.trim() ?? '';
  const own = [`${root}/var/log/journal`, `${root}/run/log/journal`].flatMap((path) =>
    /^[0-9a-f]{32}$/.test(machine) ? [`${path}/${machine}`, path] : [path],
  );
  const shared =
    /^[0-9a-f]{32}$/.test(machine) && machine !== textOf('/etc/machine-id')?.trim()
      ? [`${host.journals}/${machine}`]
      : [];
  // A link out of the container's root would show it the host's own journal.
  const inside = own.filter(
    (path) => existsSync(path) && realpathSync(path).startsWith(`${realpathSync(root)}/`),
  );
  const found = [...shared, ...inside].find(holdsJournal);
  if (found !== undefined) return found;
  throw new OperatorError(`the container ${JSON.stringify(name)} has no journal that can be read`, {
    hint: `looked at ${[...shared, ...own].join(', ')}; let it keep one: mkdir -p ${root}/var/log/journal, or systemd-nspawn --link-journal=try-host`,
    exitCode: EXIT.noInput,
  });
}

function rootOf(name: string, host: ContainerHost): string {
  const root = /^ROOT=(.+)$/m.exec(textOf(`${host.run}/${name}`) ?? '')?.[1];
  return root ?? `${host.machines}/${name}`;
}

function holdsJournal(path: string): boolean {
  return namesIn(path).some((name) => /\.journal~?$/.test(name));
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
