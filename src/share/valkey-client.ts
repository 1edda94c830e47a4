/**
 * One connection to Valkey or Redis. It ends with the first thing that fails, and is not made anew:
 * whoever uses it begins again with a listing. The library gets its connection by its option
 * `Connector`, so that every byte of an answer passes the guard before its decoder.
 */

import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector, Redis, ReplyError } from 'ioredis';
import { messageOf } from '../core/errors.js';
import { ReplyGuard } from './reply-guard.js';
import type { Reply } from './valkey-words.js';

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

class GuardedConnector extends AbstractConnector {
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

/** The commands around a transaction. */
const BEGIN_AND_END = 2;

export class ValkeyClient {
  readonly #access: ValkeyAccess;
  readonly #redis: Redis;
  /** Commands so far, each of which has one answer. */
  #asked = 0;
  /** What ended the connection, or kept it from beginning. */
  #failure: unknown;

  constructor(access: ValkeyAccess) {
    this.#access = access;
    const asked = () => this.#asked;
    this.#redis = new Redis({
      Connector: class extends GuardedConnector {
        constructor() {
          super(access, asked);
        }
      },
      lazyConnect: true,
      // No more commands than the ACL user of docs/share.md may give.
      protocol: 2,
      disableClientInfo: true,
      enableReadyCheck: false,
      enableOfflineQueue: false,
      retryStrategy: null,
    });
    // Also an answer that nobody asked for, after which none is surely that of its question.
    this.#redis.on('error', (error) => {
      this.#failure ??= error;
      this.destroy();
    });
  }

  /** Connects and logs in. */
  async connect(): Promise<void> {
    const { user, password, database } = this.#access;
    await this.#said(this.#redis.connect());
    // Not by the library's options: it goes on in another database when this one is refused.
    if (password !== undefined)
      await this.ask(user === undefined ? ['AUTH', password] : ['AUTH', user, password]);
    if (database !== 0) await this.ask(['SELECT', String(database)]);
  }

  /** Rejects when the command is refused, and with what ended the connection. */
  ask([name = '', ...words]: readonly string[]): Promise<Reply> {
    this.#asked++;
    return this.#said(this.#redis.call(name, words)) as Promise<Reply>;
  }

  /** All of these commands or none; rejects when one of them is refused. */
  async transact(commands: readonly (readonly string[])[]): Promise<void> {
    const calls = commands.map((command) => ['call', ...command]);
    this.#asked += calls.length + BEGIN_AND_END;
    const results = await this.#said(this.#redis.multi(calls).exec());
    const refused = results?.find(([error]) => error !== null);
    if (refused !== undefined) throw refusal(refused[0]);
    if (results === null) throw new Error('the transaction was not done');
  }

  /** Lets go of the connection at once. */
  destroy(): void {
    this.#redis.disconnect();
  }

  async #said<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof ReplyError) throw refusal(error);
      throw this.#failure ?? error;
    }
  }
}

/** Of the library's error, which has the command and so a password. */
function refusal(error: unknown): Error {
  // The first refusal says more than that of EXEC, which follows from it.
  const { previousErrors } = error as { readonly previousErrors?: readonly Error[] };
  return new Error(messageOf(previousErrors?.[0] ?? error));
}
