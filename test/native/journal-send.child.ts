/**
 * Run in a mount namespace of its own: stands in for journald and prints what `journalSend` sends
 * to it.
 */
import { journalSend } from '../../native/journal-send.js';
import { Datagrams } from './datagrams.js';

const journald = new Datagrams('/run/systemd/journal/socket');
journalSend({ MESSAGE: 'plain', PRIORITY: 5 });
journalSend({ MESSAGE: 'two\nPRIORITY=0', BINARY: Buffer.from([0, 0xff, 0x0a]), EMPTY: '' });
for (let bytes = journald.receive(); bytes !== undefined; bytes = journald.receive())
  process.stdout.write(`${bytes.toString('base64')}\n`);
journald.close();
