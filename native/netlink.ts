/**
 * A netlink socket to nf_tables (netlink(7), linux/netfilter/nfnetlink.h), through libc:
 * non-blocking. Its uses: the doorbell (`netlink-doorbell.ts`), dumps (`netlink-dump.ts`), a table
 * that says who is there (`netlink-owner.ts`), and tables and bans that come back in a hurry
 * (`netlink-image.ts`, `netlink-elements.ts`). All other changes are nft's.
 */
import { close, closeSync, openSync } from 'node:fs';
import koffi from 'koffi';
import { OperatingError } from '../src/core/errors.js';
import { StableMemory } from './libc.js';
import { CONTROL, errnoAt, messagesOf, type NetlinkMessage } from './netlink-messages.js';

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
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_ATTACH_FILTER = 26;
const SO_SNDBUFFORCE = 32;
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
/** What the kernel keeps for itself of a send buffer (netlink_sendmsg, af_netlink.c), bytes. */
const SEND_RESERVE_BYTES = 32;

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
    getsockopt: library.func(
      'int getsockopt(int fd, int level, int name, _Out_ void *value, _Inout_ void *length)',
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
   * network namespace. `port`: its number, which the kernel chooses otherwise. `sendBytes`: the
   * largest request, where it is a large one; `sendBytesMax` says what was got. Throws
   * OperatingError `ERR_NETLINK` with the system call that failed.
   */
  constructor(groups: number, netns?: string, { port = 0, sendBytes = 0 } = {}) {
    libc ??= load();
    this.#libc = libc;
    this.#fd = within(libc, netns, () =>
      checked(
        'socket',
        this.#libc.socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_NETFILTER),
      ),
    );
    try {
      this.#enlarge(SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_BYTES);
      if (sendBytes > 0) this.#enlarge(SO_SNDBUFFORCE, SO_SNDBUF, sendBytes + SEND_RESERVE_BYTES);
      // struct sockaddr_nl: family, padding, port id (0: the kernel chooses), groups.
      const address = Buffer.alloc(12);
      address.writeUInt16LE(AF_NETLINK, 0);
      address.writeUInt32LE(port, 4);
      address.writeUInt32LE(groups, 8);
      checked('bind', this.#libc.bind(this.#fd, address, address.length));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The largest request that the kernel takes from this socket, bytes. */
  get sendBytesMax(): number {
    const value = Buffer.alloc(4);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(value.length);
    const got = this.#libc.getsockopt(this.#open(), SOL_SOCKET, SO_SNDBUF, value, length);
    checked('getsockopt', got);
    return value.readInt32LE() - SEND_RESERVE_BYTES;
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
   * Sends a question and calls `each` for every message of the answer: a dump, or one object with
   * an acknowledgement behind it. Returns 0 or the errno. Throws OperatingError `ERR_NETLINK`.
   */
  ask(
    question: Buffer,
    sequence: number,
    each: (data: Buffer, message: NetlinkMessage) => void,
  ): number {
    this.send(question);
    for (;;) {
      const received = this.receive();
      // The kernel answers within the call: nothing there means that it was lost.
      if (received.kind !== 'data')
        throw new OperatingError('ERR_NETLINK', 'the answer of nf_tables ended early');
      for (const message of messagesOf(received.data)) {
        if (message.sequence !== sequence) continue;
        if (message.control === CONTROL.ERROR || message.control === CONTROL.DONE)
          return errnoAt(received.data, message);
        each(received.data, message);
      }
    }
  }

  /**
   * Sends a transaction of which one message at least asks for an answer; returns 0, or the errno
   * for which the kernel took nothing of it. Throws OperatingError `ERR_NETLINK`.
   */
  carryOut(transaction: Buffer, sequence: number): number {
    this.send(transaction);
    let answered = false;
    let errno = 0;
    // The kernel answers within the call: nothing there means that it was lost.
    for (let got = this.receive(); got.kind === 'data'; got = this.receive())
      for (const message of messagesOf(got.data)) {
        if (message.sequence !== sequence || message.control !== CONTROL.ERROR) continue;
        answered = true;
        errno ||= errnoAt(got.data, message);
      }
    if (!answered) throw new OperatingError('ERR_NETLINK', 'a change got no answer');
    return errno;
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

  /**
   * Closes it beside what runs: the kernel lets the end of such a socket wait for what a change
   * before it has left to be freed, some 50 ms.
   */
  close(): void {
    if (this.#fd >= 0) close(this.#fd, () => undefined);
    this.#fd = -1;
  }

  /** Closes it, and has seen what the kernel does at its end: an owner's table is gone then. */
  closeNow(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  /** Asks for a larger buffer: beyond the system's limit, which a user namespace may not. */
  #enlarge(force: number, ask: number, bytes: number): void {
    const size = Buffer.alloc(4);
    size.writeInt32LE(bytes);
    if (this.#libc.setsockopt(this.#fd, SOL_SOCKET, force, size, 4) !== 0)
      this.#libc.setsockopt(this.#fd, SOL_SOCKET, ask, size, 4);
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
