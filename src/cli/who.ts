/** Who types: for the record of a ban, and of its end. */
import { userInfo } from 'node:os';
import { OPERATOR_CHARS_MAX } from '../core/limits.js';

/**
 * The user of the system that this process runs as; behind sudo(8) or pkexec(1) the one who called
 * it. Only root may change anything, so this is what root says of itself.
 */
export function whoTypes(env: NodeJS.ProcessEnv, own: () => string = ownName): string {
  const name = own();
  const caller =
    env['SUDO_USER'] ?? (env['PKEXEC_UID'] === undefined ? undefined : `uid ${env['PKEXEC_UID']}`);
  const who =
    caller === undefined || caller === '' || caller === name ? name : `${caller} (as ${name})`;
  return who.slice(0, OPERATOR_CHARS_MAX);
}

/** The name, or the number of a user that has none. */
function ownName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? '?'}`;
  }
}
