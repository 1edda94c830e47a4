/** The file of a Unix socket, before a server listens on it. */
import { lstatSync, unlinkSync } from 'node:fs';
import { OperatorError } from '../core/errors.js';

/**
 * Removes a socket that an earlier run left. Throws `OperatorError` where the path is anything but
 * a socket: a path that somebody mistyped deletes no file.
 */
export function removeLeftSocket(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket())
    throw new OperatorError(`cannot listen on ${path}: it exists and is no socket`, {
      hint: 'name a path that is free',
    });
  unlinkSync(path);
}
