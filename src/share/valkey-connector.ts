/**
 * How the library gets its connection: by its option `Connector`, so that every byte of an answer
 * passes the guard before its decoder.
 */
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector } from 'ioredis';
import { ReplyGuard } from './reply-guard.js';

export interface ValkeyAccess {
  readonly address: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly database: number;
  readonly user?: string;
  readonly password?: string;
  /** Certificates that the server's must be signed by, PEM. */
  readonly ca?: string;
}

type NetStream = Awaited<ReturnType<AbstractConnector['connect']>>;

export class GuardedConnector extends AbstractConnector {
  readonly #access: ValkeyAccess;
  readonly #asked: () => number;
  readonly #ending = new AbortController();
  #socket: Socket | undefined;

  /** `asked`: how many commands were given so far. */
  constructor(access: ValkeyAccess, asked: () => number) {
    super(0);
    this.#access = access;
    this.#asked = asked;
  }

  /** Rejects with what the network or TLS says. */
  override async connect(): Promise<NetStream> {
    const socket = open(this.#access);
    this.#socket = socket;
    const { signal } = this.#ending;
    await once(socket, this.#access.isTls ? 'secureConnect' : 'connect', { signal });
    // A stream, with all that is called of a socket once it is connected.
    return new GuardedStream(socket, this.#asked) as unknown as NetStream;
  }

  /** At once, in whatever state it is: a server that is mute holds up nobody. */
  override disconnect(): void {
    this.#ending.abort();
    this.#socket?.destroy();
  }
}

function open({ address: host, port, isTls, ca }: ValkeyAccess): Socket {
  if (!isTls) return connect({ host, port });
  return connectTls({
    ...{ host, port },
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
  });
}

/** A socket whose answers pass a guard. */
class GuardedStream extends Duplex {
  readonly #socket: Socket;

  constructor(socket: Socket, asked: () => number) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    const guard = new ReplyGuard();
    socket.on('data', (chunk) => {
      try {
        const whole = guard.take(chunk);
        // The library throws past everybody when such an answer is a null.
        if (guard.answers > asked()) throw new Error('it answers what nobody asked');
        if (whole.length > 0 && !this.push(whole)) socket.pause();
      } catch (error) {
        this.destroy(error as Error);
      }
    });
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  setNoDelay(isOn: boolean): this {
    this.#socket.setNoDelay(isOn);
    return this;
  }

  setKeepAlive(isOn: boolean, delay: number): this {
    this.#socket.setKeepAlive(isOn, delay);
    return this;
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _: string, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
