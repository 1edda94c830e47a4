/** What `doctor` reports about libsystemd and the journal of this host. */
import { messageOf, OperatorError } from '../src/core/errors.js';
import type { Finding } from '../src/core/finding.js';
import { BATCH_READER_FIX, withoutBatchReader } from './batch-library.js';
import { JournalHandle } from './journal.js';
import { localDirectories, requireReadable } from './journal-files.js';
import { libsystemdVersion } from './libsystemd.js';

/** Looks whether the journal of this host (or of a namespace of it) can be read, and how. */
export function check(namespace?: string): Finding[] {
  const findings: Finding[] = [];
  try {
    const { atLeast } = libsystemdVersion();
    findings.push({
      level: 'ok',
      id: 'journal.libsystemd',
      message: `libsystemd of systemd ${atLeast} or later`,
    });
  } catch (error) {
    return [problem('journal.libsystemd', error)];
  }
  findings.push(...readable(namespace), batch());
  return findings;
}

function batch(): Finding {
  const message = withoutBatchReader();
  if (message === undefined)
    return { level: 'ok', id: 'journal.batch', message: 'the batch reader is compiled' };
  return { level: 'warning', id: 'journal.batch', message, fix: BATCH_READER_FIX };
}

function readable(namespace: string | undefined): Finding[] {
  let handle: JournalHandle | undefined;
  try {
    const unread = requireReadable('this host', localDirectories(namespace));
    handle = JournalHandle.openLocal(namespace);
    const findings: Finding[] = [
      { level: 'ok', id: 'journal.readable', message: 'the journal can be read' },
    ];
    for (const message of unread)
      findings.push({
        level: 'warning',
        id: 'journal.file',
        message,
        fix: 'journalctl --verify; move damaged files away',
      });
    if (handle.hasPersistentFiles())
      findings.push({
        level: 'ok',
        id: 'journal.storage',
        message: 'the journal is kept over a boot',
      });
    else
      findings.push({
        level: 'note',
        id: 'journal.storage',
        message: 'the journal is volatile: failures before a boot are forgotten, bans are not',
        fix: 'mkdir -p /var/log/journal && journalctl --flush',
      });
    return findings;
  } catch (error) {
    return [problem('journal.readable', error)];
  } finally {
    handle?.close();
  }
}

function problem(id: string, error: unknown): Finding {
  const fix = error instanceof OperatorError ? error.hint : undefined;
  return { level: 'error', id, message: messageOf(error), ...(fix === undefined ? {} : { fix }) };
}
