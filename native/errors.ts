/**
 * What libsystemd's negative errnos mean for the person who runs Banjour, or for the one who holds
 * the journal.
 */
import { EXIT, type ExitCode, OperatingError, OperatorError } from '../src/core/errors.js';

/**
 * The errnos of errno(3) that libsystemd answers with and that we tell apart, as they are numbered
 * on Linux.
 */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EIO: 5,
  E2BIG: 7,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOSPC: 28,
  ENODATA: 61,
  EBADMSG: 74,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EADDRNOTAVAIL: 99,
  ENOBUFS: 105,
} as const;

const NAMES = new Map<number, string>(
  Object.entries(ERRNO).map(([name, number]) => [number, name]),
);

/** `EACCES` for 13; a number without a name stays a number. */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}

/**
 * Errnos by which libsystemd says that one entry or field is damaged or of a format it does not
 * know.
 */
const UNREADABLE = new Set<number>([
  ERRNO.EBADMSG,
  ERRNO.EIO,
  ERRNO.E2BIG,
  ERRNO.ENOBUFS,
  ERRNO.EPROTONOSUPPORT,
  ERRNO.EADDRNOTAVAIL,
]);

/**
 * True when a negative result means "this entry cannot be read", and reading can go on after it.
 */
export function isUnreadable(result: number): boolean {
  return UNREADABLE.has(-result);
}

/** The group that journald lets read (systemd-journald.service(8), "Access Control"). */
const JOURNAL_GROUP_HINT = 'usermod -aG systemd-journal USER, then start again';

/**
 * What went wrong while a journal was opened, by errno: one sentence each, and the command that
 * mends it.
 */
export function openProblem(what: string, result: number): OperatorError {
  const say = (message: string, hint: string, exitCode: ExitCode) =>
    new OperatorError(message, { hint, exitCode });
  switch (-result) {
    case ERRNO.EACCES:
    case ERRNO.EPERM:
      return say(`no permission to read ${what}`, JOURNAL_GROUP_HINT, EXIT.noPermission);
    case ERRNO.ENOENT:
    case ERRNO.ENOTDIR:
      return say(
        `${what} does not exist`,
        'check the path; journalctl --header lists the journal files',
        EXIT.noInput,
      );
    case ERRNO.EISDIR:
      return say(
        `${what} is a directory, not a journal file`,
        'name the directory itself as the source',
        EXIT.noInput,
      );
    case ERRNO.EPROTONOSUPPORT:
    case ERRNO.EOPNOTSUPP:
      return say(
        `${what} was written by a newer systemd than the libsystemd of this host`,
        'apt install --only-upgrade libsystemd0, or read it there: journalctl -o export | banjour replay -',
        EXIT.dataError,
      );
    case ERRNO.EBADMSG:
    case ERRNO.ENODATA:
    case ERRNO.EIO:
      return say(
        `${what} is not a journal file or is damaged`,
        'journalctl --verify --file FILE tells more; move a damaged file out of the directory',
        EXIT.dataError,
      );
    case ERRNO.EMFILE:
    case ERRNO.ENFILE:
    case ERRNO.ENOSPC:
      return say(
        `too many open files or inotify instances while opening ${what}`,
        'sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=65536; LimitNOFILE=16384 in the unit',
        EXIT.osError,
      );
    default:
      return say(
        `${what} cannot be opened: ${errnoName(-result)}`,
        'journalctl --verify',
        EXIT.osError,
      );
  }
}

/** A call on an open journal failed; whoever holds the journal closes it and opens it anew. */
export function callFailed(call: string, result: number): OperatingError {
  return new OperatingError('ERR_JOURNAL_READ', `${call} failed: ${errnoName(-result)}`);
}
