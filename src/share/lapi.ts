/**
 * CrowdSec's LAPI as engine, as one of its machines (it publishes) and as one of its bouncers (it
 * listens). Seen on 1.4.6 of Debian and in its source:
 *
 * - A decision ends at the alert's `stop_at` plus its duration: `stop_at` is written by the LAPI's
 *   clock, taken from its answers, not by this host's.
 * - The stream is what the LAPI believes that this key has not heard; a start-up list begins it
 *   anew. Of several decisions of one address it tells the longest only, unless asked not to.
 * - A decision that is written while the stream is asked can be missed by it: what
 *   `listAgain` is for.
 * - Deleting is by value and scenario, which no other host shares.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { OperatorError } from '../core/errors.js';
import { SHARE_LIST_MS_MAX } from '../core/timeouts.js';
import { ServerClock } from './clock.js';
import {
  type BanChange,
  type EngineNews,
  type EngineOptions,
  type GoneDecision,
  ownKey,
  type ShareChange,
  type SharedDecision,
  type ShareEngine,
} from './engine.js';
import { type LapiAnswer, LapiHttp, type LapiRequest } from './lapi-http.js';
import {
  DecisionList,
  type HeardDecision,
  lapiOrigins,
  type ReadDecision,
  scenarioOf,
} from './lapi-words.js';

export interface LapiOptions extends EngineOptions {
  /** `http://192.0.2.1:8080`, without `/v1`. */
  readonly url: URL;
  readonly machine: string;
  readonly machinePassword: string;
  readonly bouncerKey: string;
  /** Version of Banjour, for the User-Agent. */
  readonly version: string;
  /** Certificates that the server's must be signed by, PEM. */
  readonly ca?: string;
  readonly pollMs?: number;
}

/** A ban for good, as Go writes ten years; more than 292 years it cannot. */
const FOR_GOOD_SECONDS = 10 * 365 * 86_400;
/** How often it is asked what is new, ms: two looks fit into the 2 s of a ban. */
const POLL_MS = 750;
/** Decisions of one part of a listing, so that the process goes on meanwhile. */
const PART = 5_000;

export class LapiEngine implements ShareEngine {
  readonly where: string;
  readonly #options: LapiOptions;
  readonly #http: LapiHttp;
  readonly #now: () => number;
  readonly #clock: ServerClock;
  #token = '';
  #mustList = true;

  constructor(options: LapiOptions) {
    const { url, version, ca } = options;
    this.#options = options;
    this.where = url.origin;
    this.#now = options.now ?? Date.now;
    this.#clock = new ServerClock(this.#now);
    this.#http = new LapiHttp(url, { version, ...(ca === undefined ? {} : { ca }) });
  }

  async open(): Promise<void> {
    await this.#login();
  }

  listAgain(): void {
    this.#mustList = true;
  }

  async run(
    _since: string | undefined,
    take: (news: EngineNews) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { pollMs = POLL_MS } = this.#options;
    while (!signal.aborted) {
      const isListing = this.#mustList;
      this.#mustList = false;
      const list = await this.#stream(isListing);
      if (isListing) await this.#takeListing(list, take);
      else if (list.put.length + list.gone.length + list.passedOver > 0)
        await take({ ...this.#newsOf(list.put, list.gone), passedOver: list.passedOver });
      if (!isListing) await pause(pollMs, signal);
    }
  }

  async publish(changes: readonly ShareChange[]): Promise<void> {
    for (const { kind, jail, target, ...rest } of changes) {
      if (kind === 'ban' && !('shortens' in rest && rest.shortens)) continue;
      const query = new URLSearchParams({ value: target, scenario: this.#scenario(jail) });
      await this.#asMachine({ method: 'DELETE', path: `/v1/decisions?${query}` });
    }
    const byJail = new Map<string, BanChange[]>();
    for (const change of changes) {
      if (change.kind !== 'ban') continue;
      const bans = byJail.get(change.jail);
      if (bans === undefined) byJail.set(change.jail, [change]);
      else bans.push(change);
    }
    if (byJail.size === 0) return;
    const alerts = [...byJail].map(([jail, bans]) => this.#alert(jail, bans));
    await this.#asMachine({ method: 'POST', path: '/v1/alerts', body: alerts });
  }

  async heartbeat(): Promise<void> {
    await this.#asMachine({ method: 'GET', path: '/v1/heartbeat' });
  }

  async close(): Promise<void> {
    this.#http.close();
  }

  /** One alert for all bans of a jail: a thousand alerts take the LAPI seconds, this a moment. */
  #alert(jail: string, bans: readonly BanChange[]): object {
    const scenario = this.#scenario(jail);
    const now = this.#now();
    const time = new Date(this.#clock.now()).toISOString();
    const scopeOf = (target: string) => (target.includes('/') ? 'Range' : 'Ip');
    const first = bans[0]?.target ?? '';
    return {
      scenario,
      scenario_hash: '',
      scenario_version: '',
      message: `${bans.length} by jail ${jail} of ${this.#options.host}`,
      events_count: bans.length,
      start_at: time,
      stop_at: time,
      capacity: 0,
      leakspeed: '0s',
      simulated: false,
      events: [],
      source: bans.length > 1 ? { scope: '', value: '' } : { scope: scopeOf(first), value: first },
      decisions: bans.map(({ target, until }) => ({
        origin: 'banjour',
        type: 'ban',
        scope: scopeOf(target),
        value: target,
        duration: `${Math.max(1, Math.min(FOR_GOOD_SECONDS, Math.round((until - now) / 1_000)))}s`,
        scenario,
      })),
    };
  }

  async #takeListing(
    { put, gone, passedOver }: DecisionList,
    take: (news: EngineNews) => Promise<void>,
  ): Promise<void> {
    // What is told is let go of: the next list may come before the collector has been here.
    while (put.length > 0)
      await take({ ...this.#newsOf(put.splice(0, PART), []), listing: 'part' });
    await take({ ...this.#newsOf([], gone), passedOver, listing: 'end' });
  }

  async #stream(isListing: boolean): Promise<DecisionList> {
    const query = new URLSearchParams({
      startup: String(isListing),
      scopes: 'ip,range',
      origins: lapiOrigins(this.#options.origins).join(','),
      dedup: 'false',
    });
    const list = new DecisionList(this.#now);
    const answer = await this.#http.ask({
      method: 'GET',
      take: (piece) => list.take(piece),
      path: `/v1/decisions/stream?${query}`,
      headers: { 'x-api-key': this.#options.bouncerKey },
      ...(isListing ? { timeoutMs: SHARE_LIST_MS_MAX } : {}),
    });
    this.#learnClock(answer);
    if (answer.status !== 200)
      throw this.#problem(
        answer,
        'look at bouncer-key-file of [share]; cscli bouncers add NAME makes a key',
      );
    // A proxy's own page is no list: taken for an empty one, it would lift everything.
    if (list.isWhole) return list;
    throw new OperatorError(`${this.where} answers something else than decisions`, {
      hint: 'look whether url of [share] leads to the LAPI itself',
    });
  }

  #newsOf(put: readonly HeardDecision[], gone: readonly ReadDecision[]): EngineNews {
    const { host: name, installation } = this.#options;
    const isOwn = ({ host, by }: ReadDecision) => host === name && by === installation;
    const own = new Map<string, number>();
    const decisions: SharedDecision[] = [];
    for (const decision of put) {
      const { leftMs: _, jail, by, ...rest } = decision;
      if (!isOwn(decision) || jail === undefined) decisions.push(rest);
      else {
        const key = ownKey(jail, rest.target);
        own.set(key, Math.max(rest.until, own.get(key) ?? 0));
      }
    }
    const goneDecisions = gone.flatMap((decision): GoneDecision[] => {
      const { key, target, origin } = decision;
      return isOwn(decision) ? [] : [{ key, target, origin }];
    });
    return { put: decisions, gone: goneDecisions, own, passedOver: 0 };
  }

  /** A token lasts an hour: a request that is refused for want of one logs in once more. */
  async #asMachine(request: Omit<LapiRequest, 'headers'>): Promise<void> {
    for (let isRetry = false; ; isRetry = true) {
      const headers = { authorization: `Bearer ${this.#token}` };
      const answer = await this.#http.ask({ ...request, headers });
      this.#learnClock(answer);
      if (answer.status >= 200 && answer.status < 300) return;
      if (answer.status !== 401 || isRetry)
        throw this.#problem(answer, 'cscli machines list shows whether the machine may log in');
      await this.#login();
    }
  }

  async #login(): Promise<void> {
    const { machine, machinePassword } = this.#options;
    const answer = await this.#http.ask({
      method: 'POST',
      path: '/v1/watchers/login',
      headers: {},
      body: { machine_id: machine, password: machinePassword, scenarios: [] },
    });
    this.#learnClock(answer);
    const { token } = (answer.json ?? {}) as { token?: unknown };
    if (answer.status !== 200 || typeof token !== 'string')
      throw this.#problem(
        answer,
        'look at machine-id and machine-password-file of [share]; cscli machines add makes a machine',
      );
    this.#token = token;
  }

  #problem({ status, json }: LapiAnswer, hint: string): OperatorError {
    const { message } = (json ?? {}) as { message?: unknown };
    const said = typeof message === 'string' ? `: ${message.slice(0, 200)}` : '';
    const denied = status === 401 || status === 403;
    return new OperatorError(`${this.where} answers ${status}${said}`, denied ? { hint } : {});
  }

  /** A header has whole seconds: the middle of them. */
  #learnClock({ headers }: LapiAnswer): void {
    this.#clock.hear(Date.parse(headers.date ?? '') + 500);
  }

  #scenario(jail: string): string {
    const { host, installation } = this.#options;
    return scenarioOf(jail, host, installation);
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return sleep(milliseconds, undefined, { signal }).catch(() => undefined);
}
