/**
 * Brings tables and bans back in the network namespace it is started in; says how much one send
 * takes there and what is in force afterwards, one JSON text a line.
 */
import { execFileSync } from 'node:child_process';
import { NetlinkSocket } from '../../native/netlink.js';
import { dumpTable } from '../../native/netlink-dump.js';
import { NFT_RETURNING_BANS_MAX } from '../../src/core/service-limits.js';
import { NftBackend } from '../../src/firewall/nft.js';
import { ban, plan } from '../firewall/support.js';

const socket = new NetlinkSocket(0, undefined, { sendBytes: 1 << 20 });
const wanted = Array.from({ length: NFT_RETURNING_BANS_MAX }, (_, i) =>
  ban('sshd', `2001:db8::${i.toString(16)}`),
);
const backend = new NftBackend({ resident: false });
backend.provideWanted(
  () => wanted,
  () => wanted,
);
await backend.open(plan(['sshd'], { bridge: true }), []);
// The watch cannot be quicker: this thread stands still meanwhile.
execFileSync('nft', ['flush', 'ruleset']);
const isBack = backend.makeAnew();
const counts: number[] = [];
for (const family of ['inet', 'bridge'] as const)
  for (const { name, elements } of (await dumpTable(family, 'banjour'))?.sets ?? [])
    if (name === 'ban6.sshd') counts.push(elements.size);
console.log(JSON.stringify({ sendBytesMax: socket.sendBytesMax, isBack, counts }));
await backend.close();
process.exit();
