/**
 * A netlink socket to nf_tables (netlink(7), linux/netfilter/nfnetlink.h), through libc:
 * non-blocking; and its messages as bytes. Three uses: the doorbell (`netlink-doorbell.ts`), dumps
 * (`netlink-dump.ts`), and a table that says who is there (`netlink-owner.ts`). All other changes
 * are nft's.
 */
import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';
import { OperatingError } from '../src/core/errors.js';
import { StableMemory } from './libc.js';

// Netlink messages and attributes (netlink(7), rtnetlink(3)) of nf_tables
// (linux/netfilter/nf_tables.h), as bytes.

export const NFPROTO = { inet: 1, bridge: 7 } as const;
/** nlmsghdr types of netlink itself (netlink(7)). */
export const CONTROL = { ERROR: 2, DONE: 3 } as const;
export type NetlinkFamily = keyof typeof NFPROTO;

const NFNL_SUBSYS_NFTABLES = 10;
const HEADER_BYTES = 16;
/** struct nlmsghdr and struct nfgenmsg: what stands before the attributes. */
const ATTRIBUTES_AT = 20;
const NLA_TYPE_MASK = 0x3fff;
export const NLM_F_DUMP_INTR = 0x10;
const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
/** NLM_F_EXCL and NLM_F_CREATE: what is made must not be there. */
export const NLM_F_CREATE_NEW = 0x600;
const NLM_F_REQUEST_DUMP = 0x301;
/** Begin and end of a transaction (linux/netfilter/nfnetlink.h). */
const BATCH = { begin: 0x10, end: 0x11 } as const;

/** enum nf_tables_msg_types: new, get and delete follow one another. */
export const MESSAGE = {
  NEWTABLE: 0,
  GETTABLE: 1,
  DELTABLE: 2,
  NEWCHAIN: 3,
  GETCHAIN: 4,
  DELCHAIN: 5,
  NEWRULE: 6,
  DELRULE: 8,
  NEWSET: 9,
  GETSET: 10,
  DELSET: 11,
  NEWSETELEM: 12,
  GETSETELEM: 13,
  DELSETELEM: 14,
  NEWGEN: 15,
  NEWOBJ: 18,
  GETOBJ: 19,
  DELOBJ: 20,
} as const;

export interface NetlinkMessage {
  /**
   * One of MESSAGE, or -1 when it is not of nf_tables; `control` then says which of netlink's own
   * it is.
   */
  readonly type: number;
  /** 2: error or acknowledgement, 3: end of a dump. */
  readonly control: number;
  readonly flags: number;
  readonly sequence: number;
  /** Port id of the sender: the process id of the nft that did it, as a rule. */
  readonly port: number;
  readonly family: number;
  /** First byte after the headers and first byte after the message. */
  readonly from: number;
  readonly to: number;
}

/** The messages of one datagram. */
export function* messagesOf(data: Buffer): Generator<NetlinkMessage> {
  let at = 0;
  while (at + HEADER_BYTES <= data.length) {
    const length = data.readUInt32LE(at);
    if (length < HEADER_BYTES || at + length > data.length) return;
    const type = data.readUInt16LE(at + 4);
    const ours = type >> 8 === NFNL_SUBSYS_NFTABLES;
    yield {
      type: ours ? type & 0xff : -1,
      control: ours ? 0 : type,
      flags: data.readUInt16LE(at + 6),
      sequence: data.readUInt32LE(at + 8),
      port: data.readUInt32LE(at + 12),
      family: length > HEADER_BYTES ? data.readUInt8(at + HEADER_BYTES) : 0,
      from: at + (ours ? ATTRIBUTES_AT : HEADER_BYTES),
      to: at + length,
    };
    at += (length + 3) & ~3;
  }
}

/** Calls `each` with type and bounds of every attribute between `from` and `to`. */
export function attributes(
  data: Buffer,
  from: number,
  to: number,
  each: (type: number, from: number, to: number) => void,
): void {
  let at = from;
  while (at + 4 <= to) {
    const length = data.readUInt16LE(at);
    if (length < 4 || at + length > to) return;
    each(data.readUInt16LE(at + 2) & NLA_TYPE_MASK, at + 4, at + length);
    at += (length + 3) & ~3;
  }
}

/** A zero-terminated text. */
export function textAt(data: Buffer, from: number, to: number): string {
  return data.toString('latin1', from, to > from && data[to - 1] === 0 ? to - 1 : to);
}

/** Attribute 1, which is the table's name in every message of nf_tables. */
export function tableOf(data: Buffer, message: NetlinkMessage): string {
  let name = '';
  attributes(data, message.from, message.to, (type, from, to) => {
    if (type === 1 && name === '') name = textAt(data, from, to);
  });
  return name;
}

/** A request for a dump; texts are attributes 1, 2, ... in their order. */
export function dumpRequest(
  type: number,
  family: NetlinkFamily,
  sequence: number,
  texts: readonly string[],
): Buffer {
  const parts = texts.map((text, index) =>
    attribute(index + 1, Buffer.from(`${text}\0`, 'latin1')),
  );
  return message(
    (NFNL_SUBSYS_NFTABLES << 8) | type,
    NLM_F_REQUEST_DUMP,
    NFPROTO[family],
    sequence,
    parts,
  );
}

/** One change of nf_tables as a transaction of its own. */
export function transaction(
  type: number,
  flags: number,
  family: NetlinkFamily,
  sequence: number,
  parts: readonly Buffer[],
): Buffer {
  const bound = (which: number) => {
    const bytes = message(which, NLM_F_REQUEST, 0, sequence, []);
    // The subsystem stands in nfgenmsg's res_id, in network order.
    bytes.writeUInt16BE(NFNL_SUBSYS_NFTABLES, HEADER_BYTES + 2);
    return bytes;
  };
  const change = message(
    (NFNL_SUBSYS_NFTABLES << 8) | type,
    NLM_F_REQUEST | flags,
    NFPROTO[family],
    sequence,
    parts,
  );
  return Buffer.concat([bound(BATCH.begin), change, bound(BATCH.end)]);
}

/** An attribute with its padding. */
export function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + ((value.length + 3) & ~3));
  bytes.writeUInt16LE(4 + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  value.copy(bytes, 4);
  return bytes;
}

function message(
  type: number,
  flags: number,
  family: number,
  sequence: number,
  parts: readonly Buffer[],
): Buffer {
  const head = Buffer.alloc(ATTRIBUTES_AT);
  head.writeUInt32LE(ATTRIBUTES_AT + parts.reduce((sum, part) => sum + part.length, 0), 0);
  head.writeUInt16LE(type, 4);
  head.writeUInt16LE(flags, 6);
  head.writeUInt32LE(sequence, 8);
  head.writeUInt8(family, HEADER_BYTES);
  return Buffer.concat([head, ...parts]);
}

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_NETFILTER = 12;
const F_SETFL = 4;
const F_SETOWN = 8;
const O_ASYNC = 0o20000;
const O_NONBLOCK = 0o4000;
const CLONE_NEWNET = 0x40000000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_ATTACH_FILTER = 26;
const SO_RCVBUFFORCE = 33;
const MSG_DONTWAIT = 0x40;
const EINTR = 4;
const EAGAIN = 11;
const ENOBUFS = 105;

/** Receive buffer that is asked for, bytes: notices of others that may wait between two looks. */
const RECEIVE_BYTES = 4 * 1024 * 1024;
/**
 * Largest message that the kernel sends in one piece (netlink dumps use at most 32 KiB), with room.
 */
const MESSAGE_BYTES = 256 * 1024;

type Libc = ReturnType<typeof load>;
let libc: Libc | undefined;

function load() {
  const library = koffi.load('libc.so.6');
  return {
    socket: library.func('int socket(int domain, int type, int protocol)'),
    bind: library.func('int bind(int fd, const void *address, uint length)'),
    setsockopt: library.func(
      'int setsockopt(int fd, int level, int name, const void *value, uint length)',
    ),
    recv: library.func('intptr_t recv(int fd, _Out_ void *buffer, size_t length, int flags)'),
    send: library.func('intptr_t send(int fd, const void *buffer, size_t length, int flags)'),
    setns: library.func('int setns(int fd, int type)'),
    fcntl: library.func('int fcntl(int fd, int command, long argument)'),
  };
}

/**
 * What `receive` got: a datagram of one or more messages, nothing, or the word that some were lost.
 */
export type Received =
  | { readonly kind: 'data'; readonly data: Buffer }
  | { readonly kind: 'nothing' | 'overrun' };

export class NetlinkSocket {
  readonly #libc: Libc;
  readonly #buffer = Buffer.allocUnsafe(MESSAGE_BYTES);
  #fd: number;

  /**
   * Opens and binds a socket; `groups` is the mask of multicast groups, `netns` the path of another
   * network namespace. Throws OperatingError `ERR_NETLINK` with the system call that failed.
   */
  constructor(groups: number, netns?: string) {
    libc ??= load();
    this.#libc = libc;
    this.#fd = within(libc, netns, () =>
      checked(
        'socket',
        this.#libc.socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_NETFILTER),
      ),
    );
    try {
      const size = Buffer.alloc(4);
      size.writeInt32LE(RECEIVE_BYTES);
      // Beyond the limit of the system only with CAP_NET_ADMIN.
      if (this.#libc.setsockopt(this.#fd, SOL_SOCKET, SO_RCVBUFFORCE, size, 4) !== 0) {
        this.#libc.setsockopt(this.#fd, SOL_SOCKET, SO_RCVBUF, size, 4);
      }
      // struct sockaddr_nl: family, padding, port id (0: the kernel chooses), groups.
      const address = Buffer.alloc(12);
      address.writeUInt16LE(AF_NETLINK, 0);
      address.writeUInt32LE(groups, 8);
      checked('bind', this.#libc.bind(this.#fd, address, address.length));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Takes one datagram without waiting. The data is valid until the next call. */
  receive(): Received {
    for (;;) {
      const length = Number(
        this.#libc.recv(this.#open(), this.#buffer, this.#buffer.length, MSG_DONTWAIT),
      );
      if (length >= 0) return { kind: 'data', data: this.#buffer.subarray(0, length) };
      const errno = koffi.errno();
      if (errno === EAGAIN) return { kind: 'nothing' };
      if (errno === ENOBUFS) return { kind: 'overrun' };
      if (errno !== EINTR)
        throw new OperatingError('ERR_NETLINK', `recv failed with errno ${errno}`);
    }
  }

  /** Sends one request. */
  send(request: Buffer): void {
    checked('send', Number(this.#libc.send(this.#open(), request, request.length, 0)));
  }

  /**
   * From now on the kernel sends SIGIO to this process when something has come (fcntl(2), F_SETOWN
   * and O_ASYNC).
   */
  signal(): void {
    checked('fcntl', this.#libc.fcntl(this.#open(), F_SETOWN, process.pid));
    checked('fcntl', this.#libc.fcntl(this.#open(), F_SETFL, O_ASYNC | O_NONBLOCK));
  }

  /**
   * From now on the kernel drops every datagram whose first message was sent by one of these ports
   * (a classic BPF program, bpf(4) as Linux has it in Documentation/networking/filter.rst). All
   * messages of a datagram are of one transaction.
   */
  dropFrom(ports: readonly number[]): void {
    const count = ports.length + 3;
    // The program and, behind it, struct sock_fprog, which points to it: memory that does not move.
    const memory = new StableMemory(count * 8 + 16);
    const program = memory.bytes;
    const instruction = (index: number, code: number, k: number, jumpTrue = 0) => {
      program.writeUInt16LE(code, index * 8);
      program.writeUInt8(jumpTrue, index * 8 + 2);
      program.writeUInt32LE(k, index * 8 + 4);
    };
    // ld [12]: nlmsg_pid, in host order, but the load is of network order.
    instruction(0, 0x20, 12);
    for (const [index, port] of ports.entries()) {
      instruction(
        index + 1,
        0x15,
        Buffer.from(Uint32Array.of(port).buffer).readUInt32BE(),
        ports.length - index,
      );
    }
    instruction(count - 2, 0x06, 0xffffffff);
    instruction(count - 1, 0x06, 0);
    program.writeUInt16LE(count, count * 8);
    program.writeBigUInt64LE(memory.address, count * 8 + 8);
    try {
      const descriptor = program.subarray(count * 8);
      checked(
        'setsockopt',
        this.#libc.setsockopt(this.#open(), SOL_SOCKET, SO_ATTACH_FILTER, descriptor, 16),
      );
    } finally {
      memory.free();
    }
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  #open(): number {
    if (this.#fd < 0) throw new OperatingError('ERR_NETLINK', 'the netlink socket is closed');
    return this.#fd;
  }
}

/**
 * Runs `make` with this thread in another network namespace; sockets stay in the one they were made
 * in.
 */
function within<T>(library: Libc, netns: string | undefined, make: () => T): T {
  if (netns === undefined) return make();
  const own = openSync('/proc/thread-self/ns/net', 'r');
  try {
    const other = openSync(netns, 'r');
    try {
      checked('setns', library.setns(other, CLONE_NEWNET));
      try {
        return make();
      } finally {
        checked('setns', library.setns(own, CLONE_NEWNET));
      }
    } finally {
      closeSync(other);
    }
  } finally {
    closeSync(own);
  }
}

function checked(call: string, result: number): number {
  if (result >= 0) return result;
  throw new OperatingError('ERR_NETLINK', `${call} failed with errno ${koffi.errno()}`);
}
