/**
 * What the tests of notify meet: bans, an SMTP server, a web server, a whois server, an
 * agent's feed.
 */
import { createServer, type Server as HttpServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Feed } from '../../src/control/follower.js';
import type { BanView, StreamEvent } from '../../src/control/protocol.js';

export function ban(id: number, more: Partial<BanView> = {}): BanView {
  return {
    id,
    jail: 'sshd',
    target: `198.51.100.${id % 250}`,
    time: new Date(Date.now() - 1000).toISOString(),
    until: new Date(Date.now() + 600_000).toISOString(),
    failures: 5,
    user: 'root',
    origin: 'journal',
    state: 'in-force',
    evidence: [],
    ...more,
  };
}

interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

async function listening(server: Server | HttpServer, sockets: Set<Socket>): Promise<Listening> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** As it was sent, dots unstuffed. */
  readonly message: string;
}

export interface SmtpSink extends Listening {
  readonly mails: readonly ReceivedMail[];
  /** Lines of the commands, in order. */
  readonly commands: readonly string[];
}

/**
 * An SMTP server after RFC 5321: strict about the order of commands, line ends and the end of data.
 * `reply` changes the answer to a command (its first word, or `.` at the end of data); `stall`
 * never answers it.
 */
export async function smtpSink(
  options: { readonly reply?: Readonly<Record<string, string>>; readonly stall?: string } = {},
): Promise<SmtpSink> {
  const mails: ReceivedMail[] = [];
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  const server = createTcp((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    let from: string | undefined;
    let to: string[] = [];
    let data: string[] | undefined;
    let rest = '';
    const say = (word: string, text: string): boolean =>
      options.stall !== word && socket.write(`${options.reply?.[word] ?? text}\r\n`);
    say('CONNECT', '220 sink ESMTP');
    socket.on('data', (chunk) => {
      rest += chunk.toString('latin1');
      for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 2);
        take(line);
      }
    });
    const take = (line: string): unknown => {
      if (data !== undefined) {
        if (line !== '.') {
          if (/[\r\n\0]/.test(line) || line.length > 998)
            throw new Error(`not a line of a mail: ${line}`);
          return data.push(line.startsWith('.') ? line.slice(1) : line);
        }
        if (options.reply?.['.'] === undefined && options.stall !== '.')
          mails.push({ from: from ?? '', to, message: `${data.join('\r\n')}\r\n` });
        data = undefined;
        from = undefined;
        to = [];
        return say('.', '250 2.0.0 taken');
      }
      commands.push(line);
      const word = line.split(/[ :]/)[0]?.toUpperCase() ?? '';
      const path = /^(?:MAIL FROM|RCPT TO):<([^<>\s]*)>(?: [\w=-]+)*$/i.exec(line)?.[1];
      switch (word) {
        case 'EHLO':
          return say(word, '250-sink\r\n250-8BITMIME\r\n250 AUTH PLAIN');
        case 'HELO':
        case 'RSET':
        case 'NOOP':
          return say(word, '250 ok');
        case 'AUTH':
          return say(word, '235 welcome');
        case 'MAIL':
          if (path === undefined || from !== undefined) return say('', '503 bad sequence or path');
          from = path;
          return say(word, '250 ok');
        case 'RCPT':
          if (path === undefined || from === undefined) return say('', '503 bad sequence or path');
          to.push(path);
          return say(word, '250 ok');
        case 'DATA':
          if (to.length === 0) return say('', '503 no receivers');
          data = [];
          return say(word, '354 go on');
        case 'QUIT':
          say(word, '221 bye');
          return socket.end();
        default:
          return say('', '500 what?');
      }
    };
  });
  return { ...(await listening(server, sockets)), mails, commands };
}

export interface Posted {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A web server: answers with `status` (a function may change its mind), or never. */
export async function webSink(
  status: (count: number) => number | 'stall' = () => 200,
  headers: Readonly<Record<string, string>> = {},
): Promise<Listening & { readonly posts: readonly Posted[] }> {
  const posts: Posted[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      posts.push({ headers: request.headers, body });
      const answer = status(posts.length);
      if (answer !== 'stall') response.writeHead(answer, headers).end('ok');
    });
  });
  server.on('connection', (socket) => sockets.add(socket));
  return { ...(await listening(server, sockets)), posts };
}

/** A whois server: says what `answer` makes of the question; undefined never answers. */
export async function whoisServer(
  answer: (query: string) => string | undefined,
): Promise<Listening & { readonly queries: readonly string[] }> {
  const queries: string[] = [];
  const sockets = new Set<Socket>();
  const server = createTcp((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', (chunk) => {
      const query = chunk.toString();
      queries.push(query);
      const text = answer(query);
      if (text !== undefined) socket.end(text);
    });
  });
  return { ...(await listening(server, sockets)), queries };
}

/** An agent that bans when it is told to. */
export class FakeAgent implements Feed {
  bans: BanView[] = [];
  /** The highest id that it has given and no longer knows. */
  forgotten = 0;
  /** Time that an answer takes, ms. */
  slowMs = 0;
  /** The most questions that it was asked at once. */
  together = 0;
  /** Streams of events that were opened. */
  streams = 0;
  /** Questions and streams that were refused since the agent was down. */
  refused = 0;
  #questions = 0;
  /** `after` of each page that was asked for. */
  asked: number[] = [];
  down = false;
  connectMs = 1;
  #listeners = new Set<(event: StreamEvent) => void>();
  #ends = new Set<() => void>();

  ban(...bans: readonly BanView[]): void {
    this.bans.push(...bans);
    for (const { id, jail, target: address, time } of bans)
      for (const listener of this.#listeners) listener({ id, event: 'ban', jail, address, time });
  }

  /** The agent goes; its streams end. */
  stop(): void {
    this.down = true;
    for (const end of this.#ends) end();
    this.#ends.clear();
  }

  async newestBan(): Promise<{ readonly id: number }> {
    this.#here();
    this.together = Math.max(this.together, ++this.#questions);
    await sleep(this.slowMs);
    this.#questions--;
    return { id: Math.max(this.forgotten, ...this.bans.map(({ id }) => id)) };
  }

  async history(query: {
    readonly limit: number;
    readonly after: number;
  }): Promise<readonly BanView[]> {
    this.#here();
    this.asked.push(query.after);
    const rows = this.bans.filter(({ id }) => id > query.after).sort((a, b) => a.id - b.id);
    return rows.slice(0, query.limit);
  }

  /** Connecting takes its time, and what happens meanwhile is not told. */
  async events(
    listener: (event: StreamEvent) => void,
    signal: AbortSignal,
    { opened }: { readonly opened: () => void },
  ): Promise<void> {
    await sleep(this.connectMs);
    if (signal.aborted) return;
    this.#here();
    this.#listeners.add(listener);
    this.streams++;
    opened();
    await new Promise<void>((resolve) => {
      this.#ends.add(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    this.#listeners.delete(listener);
  }

  #here(): void {
    if (!this.down) return;
    this.refused++;
    throw new Error('no agent is running');
  }
}
