/** A Unix datagram socket: Node has none, and journald and the service manager listen on such. */
import koffi from 'koffi';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;

export class Datagrams {
  static readonly #libc = koffi.load('libc.so.6');
  static readonly #socket = Datagrams.#libc.func('socket', 'int', ['int', 'int', 'int']);
  static readonly #bind = Datagrams.#libc.func('bind', 'int', ['int', 'void *', 'uint32_t']);
  static readonly #recv = Datagrams.#libc.func('recv', 'long', ['int', 'void *', 'size_t', 'int']);
  static readonly #close = Datagrams.#libc.func('close', 'int', ['int']);
  readonly #file: number;

  constructor(path: string) {
    const address = Buffer.alloc(110);
    address.writeUInt16LE(AF_UNIX, 0);
    address.write(path, 2);
    this.#file = Datagrams.#socket(AF_UNIX, SOCK_DGRAM, 0) as number;
    if (Datagrams.#bind(this.#file, address, address.length) !== 0)
      throw new Error(`cannot bind ${path}`);
  }

  /** The next datagram; undefined when there is none. */
  receive(): Buffer | undefined {
    const bytes = Buffer.alloc(300_000);
    const length = Number(Datagrams.#recv(this.#file, bytes, bytes.length, MSG_DONTWAIT));
    return length < 0 ? undefined : bytes.subarray(0, length);
  }

  close(): void {
    Datagrams.#close(this.#file);
  }
}
