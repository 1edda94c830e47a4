/**
 * Makes one call that looks into the journal files of a folder, and prints the error that came of
 * it.
 */
import { openSync } from 'node:fs';
import { dirname } from 'node:path';
import { JournalHandle } from '../../native/journal.js';
import { messageOf } from '../../src/core/errors.js';
import { cursor } from '../../src/core/names.js';
import { wallClock } from '../../src/core/time.js';

const [call = '', path = ''] = process.argv.slice(2);
const opened = () => JournalHandle.openDirectory(dirname(path));
const CALLS: Readonly<Record<string, () => unknown>> = {
  sd_journal_open: () => JournalHandle.openLocal(),
  sd_journal_open_namespace: () => JournalHandle.openLocal('mail'),
  sd_journal_open_directory: opened,
  sd_journal_open_files: () => JournalHandle.openFiles([path]),
  sd_journal_open_files_fd: () => JournalHandle.openDescriptors([openSync(path, 'r')]),
  sd_journal_seek_head: () => opened().seekHead(),
  sd_journal_seek_tail: () => opened().seekTail(),
  sd_journal_seek_realtime_usec: () => opened().seekRealtime(wallClock.now()),
  sd_journal_seek_cursor: () => opened().seekCursor(cursor('s=1;i=1')),
  sd_journal_get_cutoff_realtime_usec: () => opened().cutoff(),
  sd_journal_get_fd: () => opened().watch(),
  sd_journal_process: () => opened().process(),
  sd_journal_get_usage: () => opened().usage(),
};

try {
  CALLS[call]?.();
  process.stdout.write('came back');
} catch (error) {
  process.stdout.write(messageOf(error));
}
