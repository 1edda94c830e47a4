/**
 * Shared bans: one connection to the engine after another, as long as the part runs. Whatever fails
 * ends a connection; the next one begins with a listing, so that what was missed on either side is
 * found by comparing.
 */
import { createHash, randomUUID } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Positions } from '../control/positions.js';
import { type Prefix, parsePrefix } from '../core/address.js';
import { unlessAborted } from '../core/background.js';
import { Backoff, spread } from '../core/backoff.js';
import { messageOf, OperatorError } from '../core/errors.js';
import { escapeUntrusted } from '../core/text.js';
import { SHARE_BACKOFF_MS_MAX, SHARE_BACKOFF_MS_MIN } from '../core/timeouts.js';
import { Connection, type ConnectionOptions } from './connection.js';
import type { EngineOptions, ShareEngine } from './engine.js';
import { ShareMetrics } from './metrics.js';

export interface ShareOptions
  extends Pick<ConnectionOptions, 'agent' | 'decisions' | 'positions' | 'log' | 'pauses'> {
  /** Makes an engine that is not yet open. Throws `OperatorError`, e.g. for a secret. */
  readonly engine: (options: EngineOptions) => ShareEngine;
  readonly host: string;
  /** Of the system (`/etc/machine-id`). */
  readonly machineId: string;
  readonly now?: () => number;
  /** Tests shorten these, ms. */
  readonly times?: Partial<typeof TIMES>;
  /** Waits between two connections, ms; a test looks at how long. */
  readonly wait?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

const TIMES = {
  backoffMin: SHARE_BACKOFF_MS_MIN,
  backoffMax: SHARE_BACKOFF_MS_MAX,
  // A cut network is noticed by it.
  heartbeat: 10_000,
  listAgainFirst: 120_000,
  listAgain: 600_000,
};

/** Key of the file of positions. */
const INSTALLATION = 'installation';

/** For companion.sock: no secret in it. */
export interface ShareStatus {
  readonly engine: string;
  readonly host: string;
  /** ISO 8601; null while the engine is not listened to. */
  readonly connectedSince: string | null;
  /** Why there is none, or why the agent takes nothing; null when all is well. */
  readonly trouble: string | null;
  /** Another host shares its bans under this one's name. */
  readonly namesake: boolean;
  /** Bans of this host at the engine, changes that wait, bans of other hosts there. */
  readonly published: number;
  readonly waiting: number;
  readonly held: number;
}

export class ShareService {
  readonly metrics: ShareMetrics;
  readonly #options: ShareOptions;
  readonly #times: typeof TIMES;
  readonly #now: () => number;
  readonly #installation: string;
  readonly #abort = new AbortController();
  #connection: Connection | undefined;
  #since: number | undefined;
  #where = '';
  #trouble: string | undefined;
  #isNamesakeTold = false;
  /** What was last said to be wrong, until a connection lasted. */
  #told: string | undefined;
  /** The last connection listened, and failed soon: the same is not said again and again. */
  #isShort = false;

  /** Throws `OperatorError` when positions cannot be kept. */
  constructor(options: ShareOptions) {
    this.#options = options;
    this.#times = { ...TIMES, ...options.times };
    this.#now = options.now ?? Date.now;
    this.#installation = installationOf(options.positions, options.machineId);
    this.metrics = new ShareMetrics(() => {
      const { published, waiting, held, connectedSince } = this.status();
      return { isConnected: connectedSince !== null, published, waiting, held };
    });
  }

  /** Runs until `stop`; rejects when positions cannot be kept. */
  async run(): Promise<void> {
    const { signal } = this.#abort;
    const { wait = waited } = this.#options;
    const { backoffMin: first, backoffMax: last } = this.#times;
    const backoff = new Backoff({ first, last });
    while (!signal.aborted) {
      try {
        await this.#connect(signal);
      } catch (error) {
        if (!signal.aborted) this.#fail(error);
      }
      // After a connection that lasted the next may come soon; after one that only listed it waits.
      const hasLasted = this.#since !== undefined && Date.now() - this.#since >= last;
      this.#isShort = this.#since !== undefined && !hasLasted;
      if (hasLasted) {
        backoff.reset();
        this.#told = undefined;
      }
      this.#since = undefined;
      this.#options.positions.write();
      await wait(spread(backoff.next()), signal);
    }
  }

  stop(): void {
    this.#abort.abort();
  }

  /** One line: what it does, or why it does not. */
  get summary(): string {
    if (this.#trouble !== undefined) return `bans are not shared: ${this.#trouble}`;
    if (this.#since === undefined) return 'bans are not shared yet';
    const problems = [this.#connection?.problem, this.#namesake()].filter(Boolean);
    return [`bans are shared through ${this.#where}`, ...problems].join('; ');
  }

  status(): ShareStatus {
    const connection = this.#connection;
    return {
      engine: this.#where,
      host: this.#options.host,
      connectedSince: this.#since === undefined ? null : new Date(this.#since).toISOString(),
      trouble: this.#trouble ?? connection?.problem ?? null,
      namesake: connection?.hasNamesake ?? false,
      published: connection?.published ?? 0,
      waiting: connection?.waiting ?? 0,
      held: connection?.held ?? 0,
    };
  }

  /** From the first word to the engine until something fails: rejects, unless it was stopped. */
  async #connect(signal: AbortSignal): Promise<void> {
    const { agent, decisions, host, positions, log, pauses } = this.#options;
    // Whoever stops does not wait for an agent, an engine or a resolver that is mute.
    const view = await unlessAborted(agent.shareStatus(), signal);
    const installation = this.#installation;
    const engine = this.#options.engine({
      host,
      installation,
      origins: view.accept,
      now: this.#now,
    });
    this.#where = engine.where;
    try {
      await unlessAborted(engine.open(), signal);
      this.#connection = new Connection({
        ...{ engine, host, agent, decisions, view, positions, log },
        ...{ metrics: this.metrics, now: this.#now, times: this.#times },
        spared: await unlessAborted(addressesOf(engine.where), signal),
        ...(pauses === undefined ? {} : { pauses }),
        listening: () => this.#listening(),
        namesake: () => this.#tellNamesake(),
      });
      await this.#connection.run(signal);
    } finally {
      this.#connection = undefined;
      await engine.close();
    }
  }

  #listening(): void {
    if (this.#since !== undefined) return;
    this.#since = Date.now();
    if (!this.#isShort) this.#options.log('notice', `bans are shared through ${this.#where}`);
    this.#trouble = undefined;
  }

  /** Neither takes the other's bans for its own, so nothing is lifted; people mistake them. */
  #namesake(): string | undefined {
    if (this.#connection?.hasNamesake !== true) return undefined;
    return `another host is called ${this.#options.host} there, too`;
  }

  #tellNamesake(): void {
    if (this.#isNamesakeTold) return;
    this.#isNamesakeTold = true;
    this.#options.log(
      'warning',
      `bans are shared: ${this.#namesake()}; give each a name of its own (name below [share] of companion.local)`,
    );
  }

  #fail(error: unknown): void {
    this.metrics.failures.inc();
    const reason = escapeUntrusted(messageOf(error), 400);
    const hint = error instanceof OperatorError ? error.hint : undefined;
    if (this.#told !== reason)
      this.#options.log(
        'warning',
        `bans are not shared: ${reason}${hint === undefined ? '' : ` (${hint})`}; it is tried again`,
      );
    this.#told = reason;
    this.#trouble = reason;
  }
}

function waited(milliseconds: number, signal: AbortSignal): Promise<void> {
  return sleep(milliseconds, undefined, { signal }).catch(() => undefined);
}

/** What tells this installation from another one of its name: made once, and kept. */
function installationOf(positions: Positions, machineId: string): string {
  const kept = positions.wordOf(INSTALLATION) ?? randomUUID();
  positions.set(INSTALLATION, kept);
  positions.write();
  // A machine that was cloned with its files has an id of its own.
  return createHash('sha256').update(`${kept} ${machineId}`).digest('hex').slice(0, 8);
}

/** The addresses of a URL's host; none when its name leads nowhere. */
export async function addressesOf(where: string): Promise<Prefix[]> {
  if (!URL.canParse(where)) return [];
  const name = new URL(where).hostname.replace(/^\[|\]$/g, '');
  const found = await lookup(name, { all: true }).catch(() => []);
  return found.flatMap(({ address }) => parsePrefix(address) ?? []);
}
