/**
 * Paths of log files: wildcards expanded over what there is now, and where rotation puts a file.
 */
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { TEXT_FOLDER_NAMES_MAX } from '../../core/limits.js';
import { globTest, isGlob } from '../../core/match.js';
import type { EpochMicros } from '../../core/time.js';
import { fileId } from './file.js';

/**
 * The paths that match an absolute glob, in the order of their names; names that begin with a dot
 * must be named so.
 */
export function expandPath(pattern: string): string[] {
  let found = [''];
  for (const part of pattern.split('/').slice(1)) {
    if (!isGlob(part)) found = found.map((folder) => `${folder}/${part}`);
    else {
      const fits = globTest(part);
      found = found.flatMap((folder) =>
        namesIn(folder === '' ? '/' : folder)
          .filter((name) => (part.startsWith('.') || !name.startsWith('.')) && fits(name))
          .map((name) => `${folder}/${name}`),
      );
    }
  }
  return found;
}

/** Names in a folder, sorted; none when it cannot be listed. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort().slice(0, TEXT_FOLDER_NAMES_MAX);
  } catch {
    return [];
  }
}

// Where rotation puts a log file: logrotate(8)'s numbers and dates beside it, multilog's and
// s6-log's TAI64N names.

export interface RotatedFile {
  readonly path: string;
  /** As `TextFile.id`. */
  readonly id: string;
  readonly modified: EpochMicros;
  readonly size: number;
}

/** multilog(8): `@`, the TAI64N label, `.s` (written safely) or `.u` (not). */
const MULTILOG = /^@[0-9a-f]{24}\.[su]$/;
/**
 * After the file's name: `.1`, `-20261121`, `-20261121-1795219200`, `.2026-11-21`, `.old`.
 * Compressed ones cannot be read.
 */
const SUFFIX = /^(?:[.-]\d{1,12}(?:[-_.T:]?\d{1,10}){0,6}|\.old|\.prev)$/;

/** Uncompressed rotated files of a log; in the order of their last change. */
export function rotatedFiles(path: string): RotatedFile[] {
  const folder = dirname(path);
  const name = basename(path);
  const files: RotatedFile[] = [];
  for (const other of namesIn(folder)) {
    const isRotated =
      (name === 'current' && MULTILOG.test(other)) ||
      (other.startsWith(name) && SUFFIX.test(other.slice(name.length)));
    if (!isRotated) continue;
    try {
      const stats = statSync(`${folder}/${other}`, { bigint: true });
      if (!stats.isFile()) continue;
      const modified = Number(stats.mtimeNs / 1000n) as EpochMicros;
      files.push({
        path: `${folder}/${other}`,
        id: fileId(stats),
        modified,
        size: Number(stats.size),
      });
    } catch {
      // Removed or compressed between the two looks.
    }
  }
  return files.sort((a, b) => a.modified - b.modified);
}
