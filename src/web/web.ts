/**
 * The page as a whole: sessions, what the agent does, answers, port and socket. Files are for
 * everybody who may connect, answers for sessions alone; what a stranger, a page of another origin
 * or a slow client sends costs its own connection.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { ControlClient } from '../control/client.js';
import { boundClients } from '../control/clients.js';
import { type Listening, type ListenPlaces, listenAt } from '../control/listen.js';
import { replaceFile } from '../control/positions.js';
import type { Explanation } from '../control/protocol.js';
import { inBackground } from '../core/background.js';
import { OperatorError } from '../core/errors.js';
import {
  WEB_CLIENTS_MAX,
  WEB_HEAD_BYTES_MAX,
  WEB_WHAT_IF_BYTES_MAX,
} from '../core/service-limits.js';
import { escapeUntrusted } from '../core/text.js';
import { WEB_IDLE_MS_MAX, WEB_REQUEST_MS_MAX } from '../core/timeouts.js';
import type { WhatIfView } from './api.js';
import type { WebChanges } from './calls.js';
import type { Countries } from './countries.js';
import { readPageFiles } from './files.js';
import { AgentFollower } from './follow.js';
import type { WebDenial } from './guard.js';
import { LiveFeed } from './live.js';
import { Questions } from './questions.js';
import { Sessions } from './sessions.js';
import { Site, type SiteOptions } from './site.js';

export interface PageOptions {
  readonly places: ListenPlaces;
  readonly origin: string | null;
  readonly about: SiteOptions['about'];
  /** A client of the agent that reads; its requests end with the signal, where one is given. */
  readonly connect: (signal?: AbortSignal) => ControlClient;
  /** Null: the page only reads. */
  readonly changes: WebChanges | null;
  /** Why the agent lets nobody change anything from here; undefined while it does. */
  readonly changesLack?: () => string | undefined;
  readonly explain: (address: string) => Promise<Explanation>;
  readonly plain: (days: number) => Promise<string>;
  /** Null: no country is known. */
  readonly countries: Pick<Countries, 'of' | 'problem'> | null;
  /** Where the newest what-if is kept. */
  readonly whatIfPath: string;
  /** Where the files of the page are; absent: where the build makes them, dist/page. */
  readonly pageFolder?: string;
  readonly log: (line: string) => void;
  /** Called when `view` may have changed. */
  readonly viewed: () => void;
}

/** How the page is, for status and doctor. */
export interface WebView {
  readonly addresses: readonly string[];
  readonly origin: string | null;
  readonly sessions: number;
  readonly viewers: number;
  /** Whether it may change something. */
  readonly changes: boolean;
  /** Requests that were refused since the start, by why. */
  readonly denied: Partial<Readonly<Record<WebDenial, number>>>;
}

export class Web {
  readonly #options: PageOptions;
  readonly #sessions = new Sessions();
  readonly #questions = new Questions();
  readonly #follower: AgentFollower;
  readonly #live: LiveFeed;
  readonly #denied: Partial<Record<WebDenial, number>> = {};
  #server: Listening | undefined;

  private constructor(options: PageOptions) {
    this.#options = options;
    const { connect, viewed, countries } = options;
    const agent = connect();
    this.#follower = new AgentFollower({
      connect,
      heard: (event) => this.#live.hear(event),
      changed: viewed,
      countryOf: (target) => countries?.of(target),
    });
    this.#live = new LiveFeed({
      status: () => agent.status(),
      isFollowing: () => this.#follower.isCurrent,
      looked: () => this.#follower.want(),
      changed: viewed,
    });
  }

  /** Starts it. Throws `OperatorError` when it cannot listen. */
  static async start(options: PageOptions): Promise<Web> {
    const web = new Web(options);
    try {
      const site = web.#site();
      web.#server = await listenWeb(options.places, (request, response) =>
        site.answer(request, response),
      );
    } catch (error) {
      await web.stop();
      throw error;
    }
    return web;
  }

  get view(): WebView {
    return {
      addresses: this.#server?.addresses ?? [],
      origin: this.#options.origin,
      sessions: this.#sessions.count,
      viewers: this.#live.viewers,
      changes: this.#options.changes !== null && this.#lack() === undefined,
      denied: this.#denied,
    };
  }

  #lack(): string | undefined {
    return this.#options.changesLack?.();
  }

  /** A link that opens once. `user`: who asks for it. */
  makeLink(user: string | null): string {
    const token = this.#sessions.makeLink(user);
    const [address = ''] = this.view.addresses;
    // A name of its own keeps the cookie from what else listens on 127.0.0.1.
    const own = `http://${address.replace(/^(?:127(?:\.\d+){3}|\[::1\]):/, 'banjour.localhost:')}`;
    return `${this.#options.origin ?? own}/open?token=${token}`;
  }

  /** Keeps what `banjour advise --for-web` found. Throws `OperatorError` for anything else. */
  keepWhatIf(advice: unknown): void {
    const kept: WhatIfView = {
      made: new Date().toISOString(),
      advice: advice as WhatIfView['advice'],
    };
    const text = JSON.stringify(kept);
    if (!Array.isArray(kept.advice?.tried) || text.length > WEB_WHAT_IF_BYTES_MAX)
      throw new OperatorError('this is no table of banjour advise');
    replaceFile(this.#options.whatIfPath, text);
  }

  async stop(): Promise<void> {
    this.#live.close();
    this.#follower.stop();
    await this.#server?.close();
  }

  #site(): Site {
    const { connect, explain, plain, changes, about, origin, log, viewed } = this.#options;
    const { countries } = this.#options;
    return new Site({
      files: readPageFiles(
        this.#options.pageFolder ?? fileURLToPath(new URL('../../page/', import.meta.url)),
      ),
      sessions: this.#sessions,
      questions: this.#questions,
      live: this.#live,
      ...{ changes, plain, about, origin, countries },
      changesLack: () => this.#lack(),
      sources: {
        agent: connect(),
        bans: (query) => this.#follower.page(query),
        explain,
        countryOf: (target) => countries?.of(target),
        whatIf: async () => this.#whatIf(),
      },
      looked: () => this.#follower.want(),
      denied: (why) => {
        this.#denied[why] = (this.#denied[why] ?? 0) + 1;
        viewed();
      },
      changed: (what) => log(escapeUntrusted(what)),
    });
  }

  #whatIf(): WhatIfView {
    try {
      return JSON.parse(readFileSync(this.#options.whatIfPath, 'utf8')) as WhatIfView;
    } catch {
      return { made: null, advice: null };
    }
  }
}

/** Requests that are not whole in time are looked for this often, ms. */
const CHECK_MS = 1_000;

/** Opens port and socket. Throws `OperatorError` when one of them cannot be had. */
function listenWeb(
  places: ListenPlaces,
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<Listening> {
  return listenAt(places, () => boundedServer(answer));
}

function boundedServer(
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Server {
  const server = createServer(
    {
      maxHeaderSize: WEB_HEAD_BYTES_MAX,
      headersTimeout: WEB_REQUEST_MS_MAX,
      requestTimeout: WEB_REQUEST_MS_MAX,
      keepAliveTimeout: WEB_IDLE_MS_MAX,
      connectionsCheckingInterval: CHECK_MS,
    },
    (request, response) => {
      response.on('error', () => undefined);
      inBackground(answer(request, response), () => response.destroy());
    },
  );
  server.on('clientError', (_error, socket) => socket.destroy());
  // An upgrade is nothing that is spoken here.
  server.on('upgrade', (_request, socket: Socket) => socket.destroy());
  server.on('connect', (_request, socket: Socket) => socket.destroy());
  boundClients(server, WEB_CLIENTS_MAX, WEB_IDLE_MS_MAX);
  return server;
}
