/**
 * Which journal files there are, and which of them cannot be read: libsystemd passes over them
 * without a word.
 */
import { type Dirent, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, OperatorError } from '../src/core/errors.js';
import { ERRNO, openProblem } from './errors.js';
import { StableMemory } from './libc.js';
import { libsystemd } from './libsystemd.js';

/** A file that libsystemd refuses, and the negative errno that it gives as reason. */
interface RefusedFile {
  readonly path: string;
  readonly result: number;
}

interface JournalFiles {
  readonly readable: readonly string[];
  readonly refused: readonly RefusedFile[];
  /** Directories that may not be listed. */
  readonly closedDirectories: readonly string[];
}

const PERSISTENT = '/var/log/journal';
const VOLATILE = '/run/log/journal';
/** Unit of `st_blocks` (stat(3)). */
const BLOCK_BYTES = 512;

/**
 * The directories of this host's own journal, existing or not (systemd-journald.service(8),
 * "Files").
 */
export function localDirectories(namespace?: string, machineIdFile = '/etc/machine-id'): string[] {
  let id = '';
  try {
    id = readFileSync(machineIdFile, 'utf8').trim();
  } catch {
    // A host without machine id has no journal of its own; the caller reports that there are no
    // files.
  }
  if (id === '') return [];
  const name = namespace === undefined ? id : `${id}.${namespace}`;
  return [join(PERSISTENT, name), join(VOLATILE, name)];
}

/**
 * A text that is another one whenever something was written to a journal file of the directories,
 * or files came or went. journald touches a file within a quarter of a second of an entry
 * (ftruncate, journal-file.c, systemd 252).
 */
export function journalStamp(directories: readonly string[]): string {
  const marks: string[] = [];
  visitFiles(
    directories,
    (path) => {
      const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
      if (stat !== undefined) marks.push(`${stat.ino} ${stat.size} ${stat.mtimeNs}`);
    },
    () => undefined,
  );
  return marks.join('\n');
}

/**
 * What the journal files of the directories take on the disk, bytes, as sd_journal_get_usage(3)
 * counts those of a handle; and the directories that hold them.
 */
export function storedFiles(roots: readonly string[]): {
  readonly bytes: number;
  readonly directories: readonly string[];
} {
  let bytes = 0;
  const directories: string[] = [];
  visitFiles(
    roots,
    (path) => {
      bytes += blocksOf(path) * BLOCK_BYTES;
    },
    () => undefined,
    (directory) => directories.push(directory),
  );
  return { bytes, directories };
}

/** Blocks on the disk; none of what is gone, or leads nowhere, or may not be looked at. */
function blocksOf(path: string): number {
  try {
    return statSync(path).blocks;
  } catch {
    return 0;
  }
}

/**
 * Looks at every journal file of the directories and of their machine-id subdirectories by opening
 * each one.
 */
export function journalFiles(directories: readonly string[]): JournalFiles {
  const readable: string[] = [];
  const refused: RefusedFile[] = [];
  const closedDirectories: string[] = [];
  const out = new StableMemory(8);
  try {
    visitFiles(
      directories,
      (path) => {
        const result = libsystemd().sd_journal_open_files(out.address, [path, null], 0);
        if (result < 0) refused.push({ path, result });
        else {
          libsystemd().sd_journal_close(out.words()[0] as bigint);
          readable.push(path);
        }
      },
      (directory) => closedDirectories.push(directory),
    );
  } finally {
    out.free();
  }
  return { readable, refused, closedDirectories };
}

/**
 * Calls `file` for each journal file there, `closed` for each directory that may not be listed, and
 * `seen` for each directory.
 */
function visitFiles(
  directories: readonly string[],
  file: (path: string) => void,
  closed: (directory: string) => void,
  seen: (directory: string) => void = () => undefined,
): void {
  const visit = (directory: string, deeper: boolean) => {
    seen(directory);
    let names: Dirent[];
    try {
      names = readdirSync(directory, { withFileTypes: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EACCES') closed(directory);
      return;
    }
    for (const entry of names) {
      const { name } = entry;
      const path = join(directory, name);
      if (entry.isDirectory()) {
        if (deeper && /^[0-9a-f]{32}(?:\.|$)/.test(name)) visit(path, false);
      } else if (/\.journal~?$/.test(name)) file(path);
    }
  };
  for (const directory of directories) visit(directory, true);
}

const isPermission = (result: number) => result === -ERRNO.EACCES || result === -ERRNO.EPERM;

/**
 * Refuses a journal that would be read as if it were empty: nothing there, nothing readable, or the
 * system's own file unreadable while a user's is not.
 *
 * @returns one sentence for each file that cannot be read although others can.
 * @throws OperatorError with the command that mends it.
 */
export function requireReadable(what: string, directories: readonly string[]): string[] {
  const files = journalFiles(directories);
  const denied = files.refused.filter((file) => isPermission(file.result));
  const systemDenied = denied.find((file) => /\/system(?:@[^/]*)?\.journal$/.test(file.path));
  if (systemDenied !== undefined) throw openProblem(systemDenied.path, systemDenied.result);
  if (files.readable.length > 0)
    return files.refused.map((file) => openProblem(file.path, file.result).message);
  const [closed] = files.closedDirectories;
  if (closed !== undefined) throw openProblem(closed, -ERRNO.EACCES);
  const first = denied[0] ?? files.refused[0];
  if (first !== undefined) throw openProblem(first.path, first.result);
  const present = directories.filter((directory) => existsSync(directory));
  throw new OperatorError(
    `${what} has no journal files in ${(present.length > 0 ? present : directories).join(' or ') || 'any directory'}`,
    {
      hint: 'systemctl status systemd-journald; name another journal as the source: a directory or files',
      exitCode: EXIT.noInput,
    },
  );
}
