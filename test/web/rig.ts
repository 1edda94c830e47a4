/**
 * The page on a port of its own, with an agent that is made up: what it says stands in the test.
 * Requests are made by hand, so that they can be wrong.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ControlClient } from '../../src/control/client.js';
import type { AgentView, BanView, StreamEvent } from '../../src/control/protocol.js';
import { type PageOptions, Web } from '../../src/web/web.js';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
  readonly socketPath?: string;
}

/** An agent that says what it was told to. */
class FakeAgent {
  bans: BanView[] = [];
  jails = [{ jail: 'sshd', totalFailed: 0, totalBanned: 0 }];
  isThere = true;
  /** How often each call came. */
  readonly calls = new Map<string, number>();
  /** What the other calls answer. */
  answers: Readonly<Record<string, unknown>> = {};
  readonly #followers = new Set<(event: StreamEvent) => void>();
  #hangUps = new Set<() => void>();
  #id = 1;

  get followers(): number {
    return this.#followers.size;
  }

  tell(event: Partial<StreamEvent>): void {
    const whole = { event: 'ban', time: new Date().toISOString(), jail: 'sshd', ...event };
    for (const follow of this.#followers) follow({ ...whole, id: this.#id++ } as StreamEvent);
  }

  /** Ends the streams, as a stop of the agent does. */
  hangUp(): void {
    for (const end of this.#hangUps) end();
  }

  client(signal?: AbortSignal): ControlClient {
    const answering =
      (name: string) =>
      async (asked: unknown = {}) => {
        this.calls.set(name, (this.calls.get(name) ?? 0) + 1);
        if (!this.isThere) throw new Error('no agent');
        const status = { since: 'now', jails: this.jails, ...(this.answers['status'] ?? {}) };
        if (name === 'status') return status as unknown as AgentView;
        return this.answers[name] ?? { name, asked };
      };
    const names = 'status history figures alarms refusals user counters jailOptions options';
    const calls = Object.fromEntries(names.split(' ').map((name) => [name, answering(name)]));
    const agent = this;
    return {
      ...calls,
      async *bansInPieces() {
        agent.calls.set('bans', (agent.calls.get('bans') ?? 0) + 1);
        yield agent.bans;
      },
      events: async (
        follow: (event: StreamEvent) => void,
        ended: AbortSignal,
        { opened }: { opened?: () => void },
      ) => {
        if (!agent.isThere) throw new Error('no agent');
        agent.#followers.add(follow);
        opened?.();
        await new Promise<void>((resolve) => {
          agent.#hangUps.add(resolve);
          ended.addEventListener('abort', () => resolve());
          signal?.addEventListener('abort', () => resolve());
        });
        agent.#followers.delete(follow);
      },
    } as unknown as ControlClient;
  }
}

export function banOf(target: string, more: Partial<BanView> = {}): BanView {
  return {
    ...{ id: 1, jail: 'sshd', target, failures: 5, origin: 'journal', state: 'in-force' },
    ...{ time: '2026-11-29T10:00:00.000Z', until: '2026-11-29T11:00:00.000Z', evidence: [] },
    ...more,
  } as BanView;
}

/** The page, and a browser's ways to it. */
export class Rig {
  readonly agent = new FakeAgent();
  readonly folder = mkdtempSync(join(tmpdir(), 'banjour-web-'));
  readonly logged: string[] = [];
  web!: Web;

  async start(more: Partial<PageOptions> = {}): Promise<this> {
    writeFileSync(join(this.folder, 'index.html'), '<!doctype html><title>page</title>');
    writeFileSync(join(this.folder, 'app.js'), 'export {};');
    writeFileSync(join(this.folder, 'notes.md'), 'not for browsers');
    this.web = await Web.start({
      places: { port: { host: '127.0.0.1', port: 0 }, socket: null },
      origin: null,
      about: { version: '1', host: 'here', timeZone: 'UTC' },
      connect: (signal) => this.agent.client(signal),
      changes: null,
      explain: async (address) => ({ address }) as never,
      countries: null,
      plain: async (days) => `<!doctype html><p>${days} days</p>`,
      whatIfPath: join(this.folder, 'what-if.json'),
      pageFolder: this.folder,
      log: (line) => this.logged.push(line),
      viewed: () => undefined,
      ...more,
    });
    return this;
  }

  async stop(): Promise<void> {
    await this.web.stop();
    rmSync(this.folder, { recursive: true });
  }

  get port(): number {
    return Number(this.web.view.addresses[0]?.split(':').at(-1));
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  ask(path: string, { method = 'GET', headers = {}, body, socketPath }: Asking = {}) {
    const given = { host: this.host, ...headers };
    const sent = Object.fromEntries(
      Object.entries(given).filter(([, value]) => value !== undefined),
    ) as Record<string, string>;
    return new Promise<Answer>((resolve, reject) => {
      const asked = request(
        {
          ...(socketPath === undefined ? { host: '127.0.0.1', port: this.port } : { socketPath }),
          ...{ path, method, headers: sent, setHost: false, agent: false },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.once('error', reject);
          response.once('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: Buffer.concat(chunks).toString('utf8'),
            }),
          );
        },
      );
      asked.once('error', reject);
      asked.end(body);
    });
  }

  /** The header of a cookie, after a link was opened. */
  async signIn(user: string | null = null): Promise<string> {
    const { headers } = await this.ask(`/open?${new URL(this.web.makeLink(user)).searchParams}`);
    return (headers['set-cookie']?.[0] ?? '').split(';')[0] ?? '';
  }

  /** What a call answers to a session. */
  async call<T>(name: string, cookie: string): Promise<T> {
    const { status, text } = await this.ask(`/api/${name}`, { headers: { cookie } });
    if (status !== 200) throw new Error(`${status}: ${text}`);
    return JSON.parse(text) as T;
  }
}
