/** Which journal the command line names: this host's, a file, a folder, or a stream. */
import {
  closeSync,
  createReadStream,
  createWriteStream,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { SourceSpec } from '../../core/entry.js';
import { EXIT, messageOf, OperatorError } from '../../core/errors.js';

/**
 * What the argument names: `LPKSHHRH` begins every journal file (systemd's Journal File Format).
 * `cleanup` removes what had to be unpacked.
 *
 * @throws OperatorError when it cannot be read
 */
export async function sourceOf(
  path: string | undefined,
): Promise<{ readonly source: SourceSpec; cleanup(): void }> {
  const keep = () => undefined;
  if (path === undefined) return { source: { kind: 'local' }, cleanup: keep };
  if (path === '-') return { source: { kind: 'export', path }, cleanup: keep };
  try {
    if (statSync(path).isDirectory()) return { source: { kind: 'directory', path }, cleanup: keep };
    if (path.endsWith('.gz')) return unpacked(path);
    const head = Buffer.alloc(8);
    const file = openSync(path, 'r');
    readSync(file, head, 0, 8, 0);
    closeSync(file);
    return {
      source:
        head.toString('latin1') === 'LPKSHHRH'
          ? { kind: 'files', paths: [path] }
          : { kind: 'export', path },
      cleanup: keep,
    };
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    const isThere = (error as NodeJS.ErrnoException).code !== 'ENOENT';
    const why = isThere
      ? `cannot read ${path}: ${messageOf(error)}`
      : `there is no file or folder ${path}`;
    throw new OperatorError(why, {
      exitCode: EXIT.noInput,
      cause: error,
      hint: isThere ? 'correct its mode, or run this as root' : 'correct its name',
    });
  }
}

async function unpacked(path: string): Promise<{ readonly source: SourceSpec; cleanup(): void }> {
  const directory = mkdtempSync(join(tmpdir(), 'banjour-replay-'));
  const cleanup = () => rmSync(directory, { recursive: true, force: true });
  const target = join(directory, 'journal.export');
  try {
    await pipeline(
      createReadStream(path),
      createGunzip(),
      createWriteStream(target, { mode: 0o600 }),
    );
  } catch (error) {
    cleanup();
    throw new OperatorError(`cannot unpack ${path}: ${messageOf(error)}`, {
      exitCode: EXIT.noInput,
      cause: error,
    });
  }
  return { source: { kind: 'export', path: target }, cleanup };
}
