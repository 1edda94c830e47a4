/**
 * Reads a journal file to its end, and says what came of it; `truncate`: cuts it short after the
 * first batch; `again`: reads it twice.
 */
import { truncateSync } from 'node:fs';
import { messageOf } from '../../src/core/errors.js';
import { WHOLE_JOURNAL } from '../../src/core/match.js';
import { sourceId } from '../../src/core/names.js';
import { bestReader, plainReader } from '../../src/journal/systemd/readers.js';
import { LibsystemdSource } from '../../src/journal/systemd/source.js';

const [how = '', path = ''] = process.argv.slice(2);
const make = how.startsWith('plain') ? plainReader : bestReader;
let entries = 0;
let unreadable = 0;
let failure: string | undefined;
const notices: string[] = [];

function read(): void {
  const source = new LibsystemdSource(sourceId('test'), { kind: 'files', paths: [path] }, make);
  source.open(WHOLE_JOURNAL, { literals: undefined, routes: [], fields: [] }, { at: 'head' });
  for (let isOver = false; !isOver; ) {
    const batch = source.next(10);
    entries += batch.entries.length;
    unreadable += batch.unreadable;
    notices.push(...batch.notices);
    isOver = batch.ended;
    if (how.endsWith('truncate')) truncateSync(path, 4_096);
  }
  source.close();
}

try {
  read();
  if (how.endsWith('again')) read();
} catch (error) {
  failure = messageOf(error);
}
process.stdout.write(JSON.stringify({ entries, unreadable, notices, failure }));
