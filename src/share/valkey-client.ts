/**
 * One connection to Valkey or Redis: logs in, asks, and pairs answers with questions. It ends with
 * the first thing that fails, and is not made anew: whoever uses it begins again with a listing.
 */
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { encodeCommand, type Reply, ReplyError, ReplyReader } from './resp.js';

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

interface Question {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

export class ValkeyClient {
  readonly #access: ValkeyAccess;
  readonly #waiting: Question[] = [];
  #socket: Socket | undefined;
  #failure: unknown;

  constructor(access: ValkeyAccess) {
    this.#access = access;
  }

  /** Connects and logs in. */
  async connect(): Promise<void> {
    const { user, password, database } = this.#access;
    await this.#connected();
    if (password !== undefined)
      await this.ask(user === undefined ? ['AUTH', password] : ['AUTH', user, password]);
    if (database !== 0) await this.ask(['SELECT', String(database)]);
  }

  /** Rejects with `ReplyError` when the command is refused, and with what ended the connection. */
  ask(command: readonly string[]): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#socket === undefined) {
        reject(this.#failure ?? new Error('not connected'));
        return;
      }
      this.#waiting.push({ resolve, reject });
      this.#socket.write(encodeCommand(command));
    });
  }

  /** All of these commands or none; rejects when one of them is refused. */
  async transact(commands: readonly (readonly string[])[]): Promise<void> {
    const asked = [['MULTI'], ...commands, ['EXEC']].map((command) => this.ask(command));
    // The first refusal says more than that of EXEC, which follows from it.
    const done = await Promise.all(asked);
    const results = done.at(-1);
    const refused = Array.isArray(results)
      ? results.find((result) => result instanceof ReplyError)
      : new Error('the transaction was not done');
    if (refused !== undefined) throw refused;
  }

  /** Lets go of the connection at once. */
  destroy(): void {
    this.#end(new Error('the connection was closed'));
  }

  #connected(): Promise<void> {
    const { address: host, port, isTls, ca } = this.#access;
    return new Promise((resolve, reject) => {
      const socket = isTls
        ? connectTls({
            ...{ host, port },
            ...(isIP(host) === 0 ? { servername: host } : {}),
            ...(ca === undefined ? {} : { ca }),
          })
        : connect({ host, port });
      this.#socket = socket;
      socket.setNoDelay(true);
      socket.setKeepAlive(true);
      const failed = (error: unknown) => {
        reject(error);
        this.#end(error);
      };
      socket.once(isTls ? 'secureConnect' : 'connect', resolve);
      socket.on('error', failed);
      socket.once('close', () => failed(new Error('the connection was closed')));
      const reader = new ReplyReader((reply) => this.#answer(reply));
      socket.on('data', (chunk) => {
        try {
          if (this.#socket === socket) reader.take(chunk);
        } catch (error) {
          failed(error);
        }
      });
    });
  }

  #answer(reply: Reply): void {
    const question = this.#waiting.shift();
    if (question === undefined) throw new Error('it answers what nobody asked');
    if (reply instanceof ReplyError) question.reject(reply);
    else question.resolve(reply);
  }

  #end(error: unknown): void {
    this.#failure ??= error;
    this.#socket?.destroy();
    this.#socket = undefined;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}
