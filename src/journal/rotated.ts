/** Where rotation puts a log file: logrotate(8)'s numbers and dates beside it, multilog's and s6-log's TAI64N names. */
import { statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { EpochMicros } from '../core/time.js';
import { namesIn } from './path-glob.js';
import { fileId } from './text-file.js';

export interface RotatedFile {
  readonly path: string;
  /** As `TextFile.id`. */
  readonly id: string;
  readonly modified: EpochMicros;
  readonly size: number;
}

/** multilog(8): `@`, the TAI64N label, `.s` (written safely) or `.u` (not). */
const MULTILOG = /^@[0-9a-f]{24}\.[su]$/;
/** After the file's name: `.1`, `-20261121`, `-20261121-1795219200`, `.2026-11-21`, `.old`. Compressed ones cannot be read. */
const SUFFIX = /^(?:[.-]\d{1,12}(?:[-_.T:]?\d{1,10}){0,6}|\.old|\.prev)$/;

/** Uncompressed rotated files of a log; in the order of their last change. */
export function rotatedFiles(path: string): RotatedFile[] {
  const folder = dirname(path);
  const name = basename(path);
  const files: RotatedFile[] = [];
  for (const other of namesIn(folder)) {
    const isRotated =
      (name === 'current' && MULTILOG.test(other)) || (other.startsWith(name) && SUFFIX.test(other.slice(name.length)));
    if (!isRotated) continue;
    try {
      const stats = statSync(`${folder}/${other}`, { bigint: true });
      if (!stats.isFile()) continue;
      const modified = Number(stats.mtimeNs / 1000n) as EpochMicros;
      files.push({ path: `${folder}/${other}`, id: fileId(stats), modified, size: Number(stats.size) });
    } catch {
      // Removed or compressed between the two looks.
    }
  }
  return files.sort((a, b) => a.modified - b.modified);
}
