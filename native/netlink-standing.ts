/**
 * Whether the tables and sets of nf_tables are as we make them, and in which generation of the
 * ruleset that was so. What goes to the kernel past nft goes without nft's own checks: an address
 * in a set of marks has the right length, and one in a set of intervals is the beginning of one
 * that never ends.
 */
import { OperatingError } from '../src/core/errors.js';
import type { NetlinkSocket } from './netlink.js';
import { readSet, SET_FLAG } from './netlink-dump.js';
import {
  attributes,
  dumpRequest,
  MESSAGE,
  type NetlinkFamily,
  objectRequest,
} from './netlink-messages.js';

/** A set of addresses with timeouts, as the bans have them. */
export interface AddressSet {
  readonly family: NetlinkFamily;
  readonly set: string;
  /** Of its addresses. */
  readonly version: 4 | 6;
}

/** Numbers of nft's data types and bytes of a key (libnftables datatype.h, 1.0.6). */
const KEYS = { 4: { type: 7, bytes: 4 }, 6: { type: 8, bytes: 16 } } as const;
/** Attribute of NFT_MSG_NEWGEN and of NFT_MSG_NEWTABLE (linux/netfilter/nf_tables.h). */
const GENERATION = 1;
const TABLE_FLAGS = 2;
const ENOENT = 2;

let sequence = 1;

/** The number that every change of the ruleset raises. Throws OperatingError `ERR_NETLINK`. */
export function generationOf(socket: NetlinkSocket): number {
  const wanted = ++sequence;
  let generation: number | undefined;
  const question = objectRequest(MESSAGE.GETGEN, 'inet', wanted, []);
  const errno = socket.ask(question, wanted, (data, { from, to }) => {
    attributes(data, from, to, (type, at) => {
      if (type === GENERATION) generation = data.readUInt32BE(at);
    });
  });
  if (generation !== undefined) return generation;
  throw new OperatingError('ERR_NETLINK', `the ruleset's generation is not told: errno ${errno}`);
}

/**
 * `foreign`: it is another's (`flags owner`), asleep (`flags dormant`), or not to be seen. Throws
 * OperatingError `ERR_NETLINK`.
 */
export function tableState(
  socket: NetlinkSocket,
  family: NetlinkFamily,
  table: string,
): 'absent' | 'ours' | 'foreign' {
  const wanted = ++sequence;
  let flags: number | undefined;
  const question = objectRequest(MESSAGE.GETTABLE, family, wanted, [table]);
  const errno = socket.ask(question, wanted, (data, { from, to }) => {
    flags = 0;
    attributes(data, from, to, (type, at) => {
      if (type === TABLE_FLAGS) flags = data.readUInt32BE(at);
    });
  });
  if (errno === ENOENT) return 'absent';
  return errno === 0 && flags === 0 ? 'ours' : 'foreign';
}

/**
 * Whether each of the sets stands as nft makes it for us. Throws OperatingError `ERR_NETLINK`.
 */
export function areOurs(
  socket: NetlinkSocket,
  table: string,
  sets: readonly AddressSet[],
): boolean {
  return [...new Set(sets.map(({ family }) => family))].every((family) => {
    if (tableState(socket, family, table) !== 'ours') return false;
    const missing = new Map(
      sets.filter((one) => one.family === family).map(({ set, version }) => [set, version]),
    );
    const wanted = ++sequence;
    const question = dumpRequest(MESSAGE.GETSET, family, wanted, [table]);
    const errno = socket.ask(question, wanted, (data, message) => {
      const found = readSet(data, message);
      const version = missing.get(found?.name ?? '');
      if (found === undefined || version === undefined) return;
      const { type, bytes } = KEYS[version];
      const isOurs =
        found.keyType === type &&
        found.keyBytes === bytes &&
        found.flags === SET_FLAG.timeout &&
        !found.expressions &&
        !found.expires;
      if (isOurs) missing.delete(found.name);
    });
    return errno === 0 && missing.size === 0;
  });
}
