/** The one file of this folder that reads the disk. */
import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { messageOf } from '../core/errors.js';
import { INI_FILE_BYTES_MAX } from '../core/limits.js';
import type { FileText, FileTree } from './tree.js';

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

function read(path: string): FileText | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    return {
      problem: `cannot be opened: ${messageOf(error)}`,
      fix: code === 'EACCES' ? `give the agent the right to read it: chmod o+r ${path}` : 'see the message',
    };
  }
  try {
    const status = fstatSync(fd);
    if (!status.isFile()) return { problem: 'is not a regular file', fix: 'put a text file in its place' };
    const buffer = Buffer.alloc(INI_FILE_BYTES_MAX + 1);
    let length = 0;
    for (let got = -1; got !== 0 && length < buffer.length; length += got)
      got = readSync(fd, buffer, length, buffer.length - length, null);
    if (length > INI_FILE_BYTES_MAX)
      return { problem: `is larger than ${INI_FILE_BYTES_MAX} bytes`, fix: 'is this really a configuration file?' };
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length)) };
  } catch (error) {
    if (codeOf(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      return { problem: 'is not UTF-8', fix: `convert it: iconv -f latin1 -t utf-8 ${path}` };
    return { problem: `cannot be read: ${messageOf(error)}`, fix: 'see the message' };
  } finally {
    closeSync(fd);
  }
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    // A folder that is missing or closed to the agent has no drop-ins; its files would say so themselves.
    return [];
  }
}

/** The machine's files. */
export const diskTree: FileTree = { read, list };
