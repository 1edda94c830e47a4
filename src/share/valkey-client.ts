/**
 * One connection to Valkey or Redis. It ends with the first thing that fails, and is not made anew:
 * whoever uses it begins again with a listing.
 */
import { Redis, ReplyError } from 'ioredis';
import { messageOf } from '../core/errors.js';
import { GuardedConnector, type ValkeyAccess } from './valkey-connector.js';
import type { Reply } from './valkey-words.js';

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
