/**
 * Valkey or Redis as engine. A stream tells what happens, in order; a sorted set beside it holds
 * what is in force, for hosts that come later, by its end. Both are written in one transaction. The
 * stream is trimmed to `SHARE_STREAM_ENTRIES_MAX`; ends are counted by the server's clock.
 *
 *     banjour       stream of  host, jail, target, ttl (ms; `inf` for good) or lift=1
 *     banjour:held  sorted set of "host|jail|target", scored by its end
 */
import { createClient, type RedisClientType } from '@redis/client';
import { parsePrefix } from '../core/address.js';
import { within } from '../core/background.js';
import { messageOf, OperatorError } from '../core/errors.js';
import { isHostName, jailName } from '../core/names.js';
import { SHARE_STREAM_ENTRIES_MAX } from '../core/service-limits.js';
import { SHARE_ANSWER_MS_MAX } from '../core/timeouts.js';
import {
  type EngineNews,
  type EngineOptions,
  type GoneDecision,
  ownKey,
  type ShareChange,
  type SharedDecision,
  type ShareEngine,
} from './engine.js';

export interface ValkeyOptions extends EngineOptions {
  readonly address: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly database: number;
  /** Key of the stream; the set's name begins with it. */
  readonly stream: string;
  readonly user?: string;
  readonly password?: string;
  /** Certificates that the server's must be signed by, PEM. */
  readonly ca?: string;
}

/** The reader waits so long for an entry before it looks round, ms. */
const BLOCK_MS = 1_000;
/** Entries of one answer. */
const READ_ENTRIES = 1_000;
/** Bans of one page of a listing. */
const LISTED_ROWS = 1_000;

type Client = RedisClientType<
  Record<string, never>,
  Record<string, never>,
  Record<string, never>,
  2
>;
type Entry = { readonly id: string; readonly message: Readonly<Record<string, string>> };

export class ValkeyEngine implements ShareEngine {
  readonly where: string;
  readonly #options: ValkeyOptions;
  readonly #now: () => number;
  readonly #writer: Client;
  readonly #reader: Client;
  readonly #held: string;
  #mustList = true;
  /** The server's clock less this host's monotonic one, ms. */
  #offset = 0;

  constructor(options: ValkeyOptions) {
    const { address, port, isTls, stream } = options;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    const host = address.includes(':') ? `[${address}]` : address;
    this.where = `${isTls ? 'valkeys' : 'valkey'}://${host}:${port}`;
    this.#held = `${stream}:held`;
    this.#writer = clientOf(options);
    this.#reader = clientOf(options);
  }

  async open(): Promise<void> {
    await this.#answered(Promise.all([this.#writer.connect(), this.#reader.connect()]));
    await this.heartbeat();
  }

  listAgain(): void {
    this.#mustList = true;
  }

  async run(
    since: string | undefined,
    take: (news: EngineNews) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    let position = since;
    while (!signal.aborted) {
      if (this.#mustList) {
        this.#mustList = false;
        position = await this.#list(position, take);
      }
      const entries = await this.#read(position ?? '0-0', BLOCK_MS);
      if (entries.length === 0) continue;
      position = entries.at(-1)?.id ?? position;
      await take({ ...this.#newsOf(entries), ...(position === undefined ? {} : { position }) });
    }
  }

  async publish(changes: readonly ShareChange[]): Promise<void> {
    const { host, stream } = this.#options;
    const now = this.#now();
    const transaction = this.#writer.multi();
    for (const change of changes) {
      const { jail, target } = change;
      const member = memberOf(host, jail, target);
      const fields: Record<string, string> = { host, jail, target };
      if (change.kind === 'lift') fields['lift'] = '1';
      else {
        const ttl = Math.round(change.until - now);
        if (ttl <= 0) continue;
        fields['ttl'] = ttl === Number.POSITIVE_INFINITY ? 'inf' : String(ttl);
      }
      transaction.xAdd(stream, '*', fields, {
        TRIM: { strategy: 'MAXLEN', strategyModifier: '~', threshold: SHARE_STREAM_ENTRIES_MAX },
      });
      if (change.kind === 'lift') transaction.zRem(this.#held, member);
      else
        transaction.zAdd(this.#held, { value: member, score: this.#toServer(change.until, now) });
    }
    await this.#answered(transaction.exec());
  }

  /** Learns the server's clock and takes away what is over. */
  async heartbeat(): Promise<void> {
    const asked = performance.now();
    const time = (await this.#answered(this.#writer.sendCommand(['TIME']))) as unknown as string[];
    const [seconds = 0, micros = 0] = time.map(Number);
    this.#offset = seconds * 1_000 + micros / 1_000 - (asked + performance.now()) / 2;
    await this.#answered(
      this.#writer.zRemRangeByScore(this.#held, '-inf', String(this.#serverNow())),
    );
  }

  async close(): Promise<void> {
    for (const client of [this.#reader, this.#writer])
      try {
        client.destroy();
      } catch {
        // It was not connected, or is not any more.
      }
  }

  /** All that is in force, and what was lifted since a position; resolves where to read on. */
  async #list(
    since: string | undefined,
    take: (news: EngineNews) => Promise<void>,
  ): Promise<string> {
    const { stream } = this.#options;
    await this.heartbeat();
    const newest = (
      await this.#answered(this.#writer.xRevRange(stream, '+', '-', { COUNT: 1 }))
    )?.[0];
    const end = newest?.id ?? '0-0';
    let cursor = '0';
    do {
      const page = await this.#answered(
        this.#writer.zScan(this.#held, cursor, { COUNT: LISTED_ROWS }),
      );
      cursor = page.cursor;
      await take({ ...this.#heldNews(page.members), listing: 'part' });
    } while (cursor !== '0');
    const gone = since === undefined ? [] : await this.#liftedBetween(since, end);
    await take({ listing: 'end', put: [], gone, own: new Map(), passedOver: 0, position: end });
    return end;
  }

  /** What was taken back while nobody listened, as far as the stream still knows. */
  async #liftedBetween(since: string, end: string): Promise<GoneDecision[]> {
    const gone = new Map<string, GoneDecision>();
    let from = since;
    for (;;) {
      const entries: readonly Entry[] =
        (await this.#answered(
          this.#writer.xRange(this.#options.stream, `(${from}`, end, { COUNT: READ_ENTRIES }),
        )) ?? [];
      const news = this.#newsOf(entries);
      for (const one of news.gone) gone.set(one.key, one);
      from = entries.at(-1)?.id ?? from;
      if (entries.length < READ_ENTRIES) return [...gone.values()];
    }
  }

  async #read(from: string, blockMs: number): Promise<readonly Entry[]> {
    const answer = await this.#answered(
      this.#reader.xRead([{ key: this.#options.stream, id: from }], {
        COUNT: READ_ENTRIES,
        BLOCK: blockMs,
      }),
    );
    return ((answer as unknown as { messages: Entry[] }[] | null) ?? [])[0]?.messages ?? [];
  }

  #newsOf(entries: readonly Entry[]): EngineNews {
    // The last word about a key counts: the agent hears of one change, not of its history.
    const put = new Map<string, SharedDecision>();
    const gone = new Map<string, GoneDecision>();
    const own = new Map<string, number>();
    let passedOver = 0;
    for (const { id, message } of entries) {
      const { host = '', jail = '', target = '', ttl = '', lift } = message;
      const key = memberOf(host, jail, target);
      const end = Number(id.split('-')[0]) + ttlOf(ttl);
      const until = this.#fromServer(end);
      if (!isSound(host, jail, target)) passedOver++;
      else if (host === this.#options.host) own.set(ownKey(jail, target), until);
      else if (lift !== undefined) {
        put.delete(key);
        gone.set(key, { key, target, origin: 'banjour' });
      } else if (Number.isNaN(end)) passedOver++;
      else {
        gone.delete(key);
        put.set(key, decisionOf(host, jail, target, until));
      }
    }
    return { put: [...put.values()], gone: [...gone.values()], own, passedOver };
  }

  #heldNews(members: readonly { readonly value: string; readonly score: number }[]): EngineNews {
    const put: SharedDecision[] = [];
    const own = new Map<string, number>();
    let passedOver = 0;
    for (const { value, score } of members) {
      const [host = '', jail = '', target = '', more] = value.split('|');
      const until = this.#fromServer(Number(score));
      if (more !== undefined || Number.isNaN(until) || !isSound(host, jail, target)) passedOver++;
      else if (host === this.#options.host) own.set(ownKey(jail, target), until);
      else put.push(decisionOf(host, jail, target, until));
    }
    return { put, gone: [], own, passedOver };
  }

  #serverNow(): number {
    return performance.now() + this.#offset;
  }

  #toServer(until: number, now: number): number {
    return this.#serverNow() + (until - now);
  }

  #fromServer(end: number): number {
    return this.#now() + (end - this.#serverNow());
  }

  /** An answer within the time that one may take; a cut network says nothing for long. */
  async #answered<T>(answer: Promise<T>): Promise<T> {
    try {
      return await within(answer, SHARE_ANSWER_MS_MAX, () => new Error('no answer in time'));
    } catch (error) {
      throw this.#explained(error);
    }
  }

  /** What went wrong, with the remedy where there is one. Never the password. */
  #explained(error: unknown): Error {
    if (error instanceof OperatorError) return error;
    const text = messageOf(error);
    const { password, user } = this.#options;
    const said = password === undefined ? text : text.replaceAll(password, '(hidden)');
    const hint = /^(?:WRONGPASS|NOAUTH)/.test(text)
      ? 'look at user and password-file of [share], and at the ACL user on the server'
      : /^NOPERM/.test(text)
        ? `the ACL user ${user ?? 'default'} may do too little: docs/share.md has the line for it`
        : undefined;
    return new OperatorError(`${this.where}: ${said}`, {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

function clientOf(options: ValkeyOptions): Client {
  const { address: host, port, isTls, ca, user, password, database } = options;
  const common = {
    host,
    port,
    connectTimeout: SHARE_ANSWER_MS_MAX,
    // Whoever uses the engine begins anew, with a listing.
    reconnectStrategy: false as const,
  };
  const client = createClient({
    RESP: 2,
    socket: isTls ? { ...common, tls: true, ...(ca === undefined ? {} : { ca }) } : common,
    database,
    disableOfflineQueue: true,
    disableClientInfo: true,
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
  });
  // Every command that is under way is told of it; without a listener it would end the process.
  client.on('error', () => undefined);
  return client as unknown as Client;
}

function ttlOf(text: string): number {
  if (text === 'inf') return Number.POSITIVE_INFINITY;
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}

/** True for what may be a decision of a host, whoever wrote it. */
function isSound(host: string, jail: string, target: string): boolean {
  return isHostName(host) && jailName(jail) !== undefined && parsePrefix(target) !== undefined;
}

function decisionOf(host: string, jail: string, target: string, until: number): SharedDecision {
  const key = memberOf(host, jail, target);
  return { key, target, until, origin: 'banjour', host, scenario: `banjour/${jail}` };
}

/** No name has a bar. */
function memberOf(host: string, jail: string, target: string): string {
  return `${host}|${jail}|${target}`;
}
