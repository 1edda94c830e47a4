/**
 * A lock among all processes of one network namespace that may change its firewall: a table of
 * nf_tables that belongs to a socket (NFT_TABLE_F_OWNER, Linux 5.12). The kernel lets one make it,
 * keeps everybody else from touching it, keeps it over `flush ruleset`, and removes it when the
 * socket is closed, however its process ended and whatever namespace of processes it lived in.
 * Nobody without CAP_NET_ADMIN can make one. The table's comment says whose it is.
 */
import { OperatingError } from '../src/core/errors.js';
import { NFT_COMMENT_BYTES_MAX } from '../src/core/limits.js';
import { NetlinkSocket } from './netlink.js';
import {
  attribute,
  attributes,
  bigEndian,
  changeMessage,
  dumpRequest,
  MESSAGE,
  NLM_F_ACK,
  NLM_F_CREATE_NEW,
  nameBytes,
  textAt,
  transaction,
} from './netlink-messages.js';

/** Attributes of a table (linux/netfilter/nf_tables.h, enum nft_table_attributes). */
const NAME = 1;
const FLAGS = 2;
const USERDATA = 6;
const FLAG_OWNER = 0x2;
/** Type of a comment in a table's user data (libnftnl, udata.h). */
const COMMENT = 0;
const EPERM = 1;
const ENOENT = 2;
const EEXIST = 17;
const EINVAL = 22;
const EOPNOTSUPP = 95;

export interface OwnedTable {
  /** False for a table of this name that somebody made by hand, which says nothing. */
  readonly owned: boolean;
  readonly comment: string;
}

/** What became of an attempt to make the table. */
export type Claim = 'held' | 'taken' | 'unable' | 'forbidden';

let sequence = 1;

export class TableOwner {
  readonly #socket: NetlinkSocket;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /**
   * Makes the table `inet NAME`. `taken`: there is one; `unable`: this kernel knows no owners;
   * `forbidden`: this process may not change the firewall, or the table is another's. Throws
   * OperatingError `ERR_NETLINK`.
   */
  static claim(name: string, comment: string, netns?: string): TableOwner | Exclude<Claim, 'held'> {
    const socket = new NetlinkSocket(0, netns);
    let claimed: Claim | undefined;
    try {
      claimed = outcomeOf(
        change(socket, MESSAGE.NEWTABLE, NLM_F_CREATE_NEW, [
          named(name),
          attribute(FLAGS, bigEndian(FLAG_OWNER)),
          attribute(USERDATA, commentData(comment)),
        ]),
      );
      return claimed === 'held' ? new TableOwner(socket) : claimed;
    } finally {
      if (claimed !== 'held') socket.close();
    }
  }

  /** Gives the table up; may be called twice. */
  release(): void {
    this.#socket.closeNow();
  }
}

/**
 * The table of this name, or undefined when there is none. Throws OperatingError `ERR_NETLINK`,
 * e.g. without the right.
 */
export function ownedTable(name: string, netns?: string): OwnedTable | undefined {
  const socket = new NetlinkSocket(0, netns);
  try {
    const wanted = ++sequence;
    let found: OwnedTable | undefined;
    const question = dumpRequest(MESSAGE.GETTABLE, 'inet', wanted, []);
    const errno = socket.ask(question, wanted, (data, message) => {
      found = tableIn(data, message, name) ?? found;
    });
    if (errno === 0) return found;
    throw new OperatingError('ERR_NETLINK', `the tables cannot be listed: errno ${errno}`);
  } finally {
    socket.close();
  }
}

/** Removes a table of this name that belongs to nobody. Throws OperatingError `ERR_NETLINK`. */
export function removeUnowned(name: string, netns?: string): void {
  const socket = new NetlinkSocket(0, netns);
  try {
    const errno = change(socket, MESSAGE.DELTABLE, 0, [named(name)]);
    if (errno !== 0 && errno !== ENOENT)
      throw new OperatingError(
        'ERR_NETLINK',
        `the table inet ${name} cannot be removed: errno ${errno}`,
      );
  } finally {
    socket.close();
  }
}

function outcomeOf(errno: number): Claim {
  if (errno === 0) return 'held';
  if (errno === EEXIST) return 'taken';
  if (errno === EPERM) return 'forbidden';
  if (errno === EOPNOTSUPP || errno === EINVAL) return 'unable';
  throw new OperatingError('ERR_NETLINK', `the table of the owner cannot be made: errno ${errno}`);
}

/** Carries out one change and returns its errno. */
function change(
  socket: NetlinkSocket,
  type: number,
  flags: number,
  parts: readonly Buffer[],
): number {
  const wanted = ++sequence;
  const message = changeMessage(type, NLM_F_ACK | flags, 'inet', wanted, parts);
  return socket.carryOut(transaction(wanted, [message]), wanted);
}

function tableIn(
  data: Buffer,
  message: { readonly type: number; readonly from: number; readonly to: number },
  name: string,
): OwnedTable | undefined {
  if (message.type !== MESSAGE.NEWTABLE) return undefined;
  let found = '';
  let flags = 0;
  let comment = '';
  attributes(data, message.from, message.to, (type, from, to) => {
    if (type === NAME) found = textAt(data, from, to);
    else if (type === FLAGS) flags = data.readUInt32BE(from);
    else if (type === USERDATA) comment = commentIn(data.subarray(from, to));
  });
  return found === name ? { owned: (flags & FLAG_OWNER) !== 0, comment } : undefined;
}

function named(name: string): Buffer {
  return attribute(NAME, nameBytes(name));
}

/** User data is a list of type, length and value in bytes; a comment ends with a zero. */
function commentData(comment: string): Buffer {
  const text = Buffer.from(`${comment.slice(0, NFT_COMMENT_BYTES_MAX - 1)}\0`, 'latin1');
  return Buffer.concat([Buffer.from([COMMENT, text.length]), text]);
}

function commentIn(data: Buffer): string {
  for (let at = 0; at + 2 <= data.length; ) {
    const from = at + 2;
    const to = from + (data[at + 1] ?? 0);
    if (data[at] === COMMENT && to <= data.length) return textAt(data, from, to);
    at = to;
  }
  return '';
}
