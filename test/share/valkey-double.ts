/** A double of Valkey: the commands that the engine gives, and what a hostile one says. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { isAfter, type Reply } from '../../src/share/valkey-words.js';

interface Entry {
  readonly id: string;
  readonly words: readonly string[];
}

const LAST = '18446744073709551615-18446744073709551615';

export class ValkeyDouble {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly streams = new Map<string, Entry[]>();
  readonly sets = new Map<string, Map<string, number>>();
  /** All that was asked, the first word of each. */
  readonly asked: string[] = [];
  password: string | undefined;
  isMute = false;
  /** So many bytes of an answer at once. */
  piece = Number.POSITIVE_INFINITY;
  /** Said instead of an answer to this command, byte by byte as it is. */
  readonly instead = new Map<string, Buffer>();
  /** How far its clock is ahead of this machine's, ms. */
  skewMs = 0;
  readonly #readers = new Set<() => void>();
  #added = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** `tls`: key and certificate, PEM; `port`: by default one that is free. */
  static async start(
    tls?: { readonly key: string; readonly cert: string },
    port = 0,
  ): Promise<ValkeyDouble> {
    const server = tls === undefined ? createServer() : createTlsServer(tls);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', () => resolve()));
    const double = new ValkeyDouble(server);
    server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) =>
      double.#serve(socket),
    );
    return double;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    let queue: string[][] | undefined;
    let turn = Promise.resolve();
    const take = commandReader((words: string[]) => {
      turn = turn.then(async () => {
        const [word = '', ...rest] = words;
        const name = word.toUpperCase();
        this.asked.push(name);
        const instead = this.instead.get(name);
        if (instead !== undefined) socket.write(instead);
        if (instead !== undefined || this.isMute) return;
        let reply: Reply;
        if (name === 'MULTI') {
          queue = [];
          reply = 'OK';
        } else if (name === 'EXEC') {
          const replies: Reply[] = [];
          for (const one of queue ?? []) replies.push(await this.#answer(one));
          queue = undefined;
          reply = replies;
        } else if (queue !== undefined) {
          queue.push([name, ...rest]);
          reply = 'QUEUED';
        } else reply = await this.#answer([name, ...rest]);
        const answer = Buffer.from(encoded(reply));
        for (let at = 0; at < answer.length && !socket.destroyed; at += this.piece) {
          socket.write(answer.subarray(at, at + this.piece));
          if (at + this.piece < answer.length) await new Promise(setImmediate);
        }
      });
    });
    socket.on('data', take);
  }

  async #answer([name, key = '', ...rest]: readonly string[]): Promise<Reply> {
    const now = Date.now() + this.skewMs;
    const set = this.sets.get(key) ?? new Map<string, number>();
    switch (name) {
      case 'AUTH':
        return (rest[0] ?? key) === this.password
          ? 'OK'
          : new Error('WRONGPASS invalid username-password pair or user is disabled.');
      case 'SELECT':
        return 'OK';
      case 'TIME':
        return [String(Math.floor(now / 1_000)), String((now % 1_000) * 1_000)];
      case 'XADD':
        return this.add(key, rest);
      case 'XREVRANGE':
        return (this.streams.get(key) ?? []).slice(-1).map(told);
      case 'XRANGE': {
        const [from = '', end = '', , count] = rest;
        const all = this.streams.get(key) ?? [];
        const at = all.findIndex(({ id }) => id === from.slice(1));
        const later =
          at >= 0 ? all.slice(at + 1) : all.filter(({ id }) => isAfter(id, from.slice(1)));
        const page = later.slice(0, Number(count));
        return page.filter(({ id }) => !isAfter(id, end)).map(told);
      }
      case 'XREAD':
        return this.#read(rest);
      case 'ZADD':
        this.sets.set(key, set.set(rest[1] ?? '', scoreOf(rest[0] ?? '')));
        return 1;
      case 'ZREM':
        return set.delete(rest[0] ?? '') ? 1 : 0;
      case 'ZREMRANGEBYSCORE':
        for (const [member, score] of set) if (score <= Number(rest[1])) set.delete(member);
        return 0;
      case 'ZSCAN': {
        const at = Number(rest[0]);
        const all = [...set];
        const page = all.slice(at, at + Number(rest[2]));
        const next = at + page.length < all.length ? at + page.length : 0;
        return [String(next), page.flatMap(([member, score]) => [member, scoreText(score)])];
      }
      default:
        return new Error(`ERR unknown command '${name}'`);
    }
  }

  /** As XADD: `MAXLEN ~ COUNT ID FIELD VALUE...`, or only from ID on. */
  add(key: string, rest: readonly string[]): Reply {
    const [wanted = '', ...words] = rest[0] === 'MAXLEN' ? rest.slice(3) : rest;
    const entries = this.streams.get(key) ?? [];
    const last = entries.at(-1)?.id ?? '0-0';
    if (last === LAST)
      return new Error(
        'ERR The stream has exhausted the last possible ID, unable to add more items',
      );
    const usual = `${Date.now() + this.skewMs}-${this.#added++}`;
    const [time = '0', count = '0'] = last.split('-');
    const next = isAfter(usual, last) ? usual : `${time}-${BigInt(count) + 1n}`;
    const id = wanted === '*' ? next : wanted;
    this.streams.set(key, [...entries, { id, words }]);
    for (const look of [...this.#readers]) look();
    return id;
  }

  /** Resolves with what is new, or with nothing after a while. */
  #read(words: readonly string[]): Promise<Reply> {
    // XREAD COUNT 1000 BLOCK 1000 STREAMS key id, of which the first word was taken for a key.
    const [count, , block, , key = '', id = ''] = words;
    return new Promise((resolve) => {
      const look = () => {
        const found = (this.streams.get(key) ?? []).filter((entry) => isAfter(entry.id, id));
        if (found.length > 0) end([[key, found.slice(0, Number(count)).map(told)]]);
      };
      const end = (reply: Reply) => {
        clearTimeout(timer);
        this.#readers.delete(look);
        resolve(reply);
      };
      const timer = setTimeout(() => end(null), Number(block)).unref();
      this.#readers.add(look);
      look();
    });
  }
}

function told({ id, words }: Entry): Reply {
  return [id, words];
}

function scoreOf(text: string): number {
  return text === 'inf' ? Number.POSITIVE_INFINITY : Number(text);
}

function scoreText(score: number): string {
  return score === Number.POSITIVE_INFINITY ? 'inf' : String(score);
}

function encoded(reply: Reply): string {
  if (reply === null) return '$-1\r\n';
  if (reply instanceof Error) return `-${reply.message}\r\n`;
  if (typeof reply === 'number') return `:${reply}\r\n`;
  if (typeof reply === 'string') return `$${Buffer.byteLength(reply)}\r\n${reply}\r\n`;
  return `*${reply.length}\r\n${(reply as readonly Reply[]).map(encoded).join('')}`;
}

/** Calls back for each command of what comes. */
function commandReader(found: (words: string[]) => void): (chunk: Buffer) => void {
  let there = '';
  let words: string[] = [];
  let left = 0;
  return (chunk) => {
    there += chunk.toString('latin1');
    for (;;) {
      const header = /^[*$](\d+)\r\n/.exec(there);
      if (header === null) return;
      const count = Number(header[1]);
      const text = header[0].length;
      if (there.startsWith('*')) {
        left = count;
        there = there.slice(text);
        continue;
      }
      if (there.length < text + count + 2) return;
      words.push(Buffer.from(there.slice(text, text + count), 'latin1').toString());
      there = there.slice(text + count + 2);
      if (--left > 0) continue;
      found(words);
      words = [];
    }
  };
}
