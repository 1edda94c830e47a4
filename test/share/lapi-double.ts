/**
 * A double of CrowdSec's LAPI, after the source of 1.4.6: what it says and keeps of decisions, the
 * stream for each key, its words for refusals.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Kept {
  readonly id: number;
  readonly origin: string;
  readonly type: string;
  readonly scope: string;
  readonly value: string;
  readonly scenario: string;
  readonly created: number;
  until: number;
}

/** Expired decisions are told again so long after the last look, ms: as the LAPI does. */
const LOOK_BACK_MS = 2_000;

export class LapiDouble {
  readonly url: URL;
  readonly userAgents: string[] = [];
  readonly originsAsked: string[] = [];
  /** Alerts that were taken. */
  alerts = 0;
  isMute = false;
  /** Answered once, to whatever is asked of the stream. */
  nextBody: Buffer | undefined;
  readonly #server: Server;
  readonly #tokens = new Set<string>();
  readonly #pulls = new Map<string, number>();
  #kept: Kept[] = [];
  #injected: readonly unknown[] = [];

  private constructor(server: Server) {
    this.#server = server;
    this.url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on('request', async (request, response) => {
      if (this.isMute) return;
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      const body = text === '' ? undefined : (JSON.parse(text) as unknown);
      const [status, answer] = this.#answer(request, body);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(Buffer.isBuffer(answer) ? answer : JSON.stringify(answer));
    });
  }

  static async start(): Promise<LapiDouble> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    return new LapiDouble(server);
  }

  forgetTokens(): void {
    this.#tokens.clear();
  }

  /** Stands in the next start-up list as it is. */
  inject(decisions: readonly unknown[]): void {
    this.#injected = decisions;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #answer({ method, url, headers }: IncomingMessage, body: unknown): readonly [number, unknown] {
    this.userAgents.push(headers['user-agent'] ?? '');
    const { pathname, searchParams } = new URL(url ?? '/', this.url);
    const key = headers['x-api-key'];
    if (pathname === '/v1/decisions/stream') {
      if (typeof key !== 'string' || key === 'wrong') return [403, { message: 'access forbidden' }];
      return [200, this.#stream(key, searchParams)];
    }
    if (pathname === '/v1/watchers/login') {
      if ((body as { password: string }).password === 'wrong')
        return [401, { code: 401, message: 'incorrect Username or Password' }];
      const token = randomUUID();
      this.#tokens.add(token);
      return [200, { code: 200, expire: '2030-01-01T00:00:00Z', token }];
    }
    if (!this.#tokens.has(headers.authorization?.replace('Bearer ', '') ?? ''))
      return [401, { code: 401, message: 'cookie token is empty' }];
    if (pathname === '/v1/heartbeat') return [200, {}];
    if (method === 'POST' && pathname === '/v1/alerts') return this.#take(body as Alert[]);
    if (method === 'DELETE' && pathname === '/v1/decisions') return this.#delete(searchParams);
    return [404, { message: 'no such path' }];
  }

  #take(alerts: readonly Alert[]): readonly [number, unknown] {
    for (const alert of alerts) {
      this.alerts++;
      for (const { duration, ...decision } of alert.decisions) {
        const seconds = /^(\d+)s$/.exec(duration)?.[1];
        if (seconds === undefined) return [500, { message: 'decision duration' }];
        const until = Date.parse(alert.stop_at) + Number(seconds) * 1_000;
        this.#kept.push({ ...decision, id: this.#kept.length + 100, created: Date.now(), until });
      }
    }
    return [201, alerts.map((_, index) => String(index))];
  }

  #delete(query: URLSearchParams): readonly [number, unknown] {
    const now = Date.now();
    const found = this.#kept.filter(
      ({ value, scenario, until }) =>
        until > now && value === query.get('value') && scenario === query.get('scenario'),
    );
    for (const one of found) one.until = now;
    return [200, { nbDeleted: String(found.length) }];
  }

  #stream(key: string, query: URLSearchParams): unknown {
    const body = this.nextBody;
    this.nextBody = undefined;
    if (body !== undefined) return body;
    const origins = query.get('origins') ?? '';
    this.originsAsked.push(origins);
    const now = Date.now();
    const isStart = query.get('startup') === 'true';
    const pull = isStart ? 0 : (this.#pulls.get(key) ?? 0);
    this.#pulls.set(key, now);
    const kept = this.#kept.filter(({ origin }) => origins.split(',').includes(origin));
    const told = ({ created: _, until, ...decision }: Kept) => ({
      ...decision,
      duration: `${((until - now) / 1_000).toFixed(3)}s`,
    });
    const injected = isStart ? this.#injected : [];
    return {
      new: [
        ...kept.filter(({ until, created }) => until > now && created >= pull).map(told),
        ...injected,
      ],
      deleted: kept.filter(({ until }) => until <= now && until > pull - LOOK_BACK_MS).map(told),
    };
  }
}

interface Alert {
  readonly stop_at: string;
  readonly decisions: readonly (Omit<Kept, 'id' | 'created' | 'until'> & {
    readonly duration: string;
  })[];
}
