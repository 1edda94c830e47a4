/**
 * Run in a network namespace of its own: prints `rung` for each signal of the doorbell after
 * `ready`.
 */
import { NftDoorbell } from '../../native/netlink-doorbell.js';

const doorbell = new NftDoorbell('banjour');
const armed = doorbell.onRing(() => {
  const ring = doorbell.look();
  if (ring !== undefined) process.stdout.write(`rung ${ring.what}\n`);
});
process.stdout.write(armed ? 'ready\n' : 'cannot be signalled\n');
process.stdin.resume();
process.stdin.on('end', () => {
  doorbell.close();
  process.stdout.write('closed\n');
});
