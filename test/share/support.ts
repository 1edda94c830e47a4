/** What the tests of shared bans meet: an engine in memory, and an agent. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestFor } from '../../src/control/endpoints.js';
import type { BanView, ShareAnswer, ShareView, StreamEvent } from '../../src/control/protocol.js';
import { EXIT, OperatorError } from '../../src/core/errors.js';
import type { ShareAgent } from '../../src/share/connection.js';
import {
  type EngineNews,
  type EngineOptions,
  ownKey,
  type ShareChange,
  type SharedDecision,
  type ShareEngine,
} from '../../src/share/engine.js';

/** An installation for a host's name. */
export function installationLike(host: string): string {
  return createHash('sha256').update(host).digest('hex').slice(0, 8);
}

/** What several engines in memory share. */
export class MemoryHub {
  readonly held = new Map<
    string,
    SharedDecision & { readonly jail: string; readonly by: string }
  >();
  readonly log: { readonly change: ShareChange; readonly host: string; readonly by: string }[] = [];
  readonly engines = new Set<MemoryEngine>();
  /** What `publish` and `open` reject with. */
  broken: Error | undefined;

  /** Forgets everything, as an engine that was reinstalled. */
  wipe(): void {
    this.held.clear();
    this.log.length = 0;
  }

  /** Ends all connections. */
  cut(): void {
    for (const engine of this.engines) engine.fail(new Error('the connection was cut'));
  }
}

export class MemoryEngine implements ShareEngine {
  readonly where = 'memory';
  readonly #hub: MemoryHub;
  readonly #options: EngineOptions;
  #mustList = true;
  #failure: Error | undefined;

  constructor(hub: MemoryHub, options: EngineOptions) {
    this.#hub = hub;
    this.#options = options;
  }

  fail(error: Error): void {
    this.#failure = error;
  }

  async open(): Promise<void> {
    if (this.#hub.broken !== undefined) throw this.#hub.broken;
    this.#hub.engines.add(this);
  }

  listAgain(): void {
    this.#mustList = true;
  }

  async run(
    since: string | undefined,
    take: (news: EngineNews) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    let position = Number(since ?? this.#hub.log.length);
    while (!signal.aborted) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#mustList) {
        this.#mustList = false;
        const missed = this.#newsOf(this.#hub.log.slice(position));
        position = this.#hub.log.length;
        const all = [...this.#hub.held.values()]
          .filter(({ until: end }) => end > Date.now())
          .map((one) => ({ ...one, until: one.until + this.#skew() }));
        const own = all
          .filter((one) => this.#isOwn(one))
          .map(({ jail, target, until }): [string, number] => [ownKey(jail, target), until]);
        const put = all.filter((one) => !this.#isOwn(one));
        const part = { put, gone: [], own: new Map(own), passedOver: 0 };
        await take({ ...part, listing: 'part' });
        const end = { ...missed, put: [], own: new Map<string, number>(), passedOver: 0 };
        await take({ ...end, listing: 'end', position: String(position) });
      }
      const news = this.#hub.log.slice(position);
      position += news.length;
      if (news.length > 0) await take({ ...this.#newsOf(news), position: String(position) });
      await sleep(2, undefined, { signal }).catch(() => undefined);
    }
  }

  async publish(changes: readonly ShareChange[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const { host, installation: by } = this.#options;
    for (const change of changes) {
      const { jail, target } = change;
      const key = `${host} ${by} ${jail} ${target}`;
      const like = {
        key,
        target,
        jail,
        host,
        by,
        origin: 'banjour',
        scenario: `banjour/${jail}`,
      } as const;
      if (change.kind === 'lift') this.#hub.held.delete(key);
      else this.#hub.held.set(key, { ...like, until: change.until - this.#skew() });
      const told =
        change.kind === 'lift' ? change : { ...change, until: change.until - this.#skew() };
      this.#hub.log.push({ change: told, host, by });
    }
  }

  async heartbeat(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async close(): Promise<void> {
    this.#hub.engines.delete(this);
  }

  #isOwn({ host, by }: { readonly host?: string; readonly by: string }): boolean {
    return host === this.#options.host && by === this.#options.installation;
  }

  /** The hub has the one true clock. */
  #skew(): number {
    return (this.#options.now ?? Date.now)() - Date.now();
  }

  #newsOf(log: MemoryHub['log']): EngineNews {
    const put = new Map<string, SharedDecision>();
    const gone = new Map<string, SharedDecision>();
    const own = new Map<string, number>();
    for (const { change, host, by } of log) {
      const { jail, target } = change;
      const end = change.kind === 'ban' ? change.until + this.#skew() : 0;
      const key = `${host} ${by} ${jail} ${target}`;
      const scenario = `banjour/${jail}`;
      const one = { key, target, until: end, host, origin: 'banjour', scenario } as const;
      if (this.#isOwn({ host, by })) own.set(ownKey(jail, target), end);
      else if (change.kind === 'ban') {
        put.set(key, one);
        gone.delete(key);
      } else {
        gone.set(key, one);
        put.delete(key);
      }
    }
    return { put: [...put.values()], gone: [...gone.values()], own, passedOver: 0 };
  }
}

/** An agent as the companion sees it: bans of its own, and what it is told. */
export class FakeAgent implements ShareAgent {
  readonly #listeners = new Set<(event: StreamEvent) => void>();
  #id = 0;
  bansMade: BanView[] = [];
  /** What it holds of others, by target. */
  readonly shared = new Map<string, { readonly until: number; readonly host?: string }>();
  readonly requests: RequestFor<'shareDecisions'>[] = [];
  #snapshot: { word: string; targets: Set<string> } | undefined;
  publish: ShareView['publish'] = { jails: ['sshd'], operator: true };
  accept: ShareView['accept'] = ['banjour', 'crowdsec', 'cscli', 'lists'];
  isAway = false;
  isSharedOff = false;

  /** Who follows its events. */
  get listeners(): number {
    return this.#listeners.size;
  }

  ban(target: string, seconds: number, more: Partial<BanView> = {}): BanView {
    const jail = more.jail ?? 'sshd';
    const now = new Date().toISOString();
    this.bansMade = this.bansMade.map((one) =>
      one.state === 'in-force' && one.target === target && one.jail === jail
        ? { ...one, state: 'ended', ended: { time: now, reason: 'replaced' } }
        : one,
    );
    const ban: BanView = {
      ...{ id: ++this.#id, jail, target, time: now, failures: 3, origin: 'journal' },
      ...{ until: new Date(Date.now() + seconds * 1_000).toISOString(), state: 'in-force' },
      ...{ evidence: [], ...more },
    };
    this.bansMade.push(ban);
    this.#tell({ event: 'ban', jail, address: target });
    return ban;
  }

  unban(target: string, reason = 'operator', jail = 'sshd'): void {
    const time = new Date().toISOString();
    this.bansMade = this.bansMade.map((one) =>
      one.state === 'in-force' && one.target === target && one.jail === jail
        ? { ...one, state: 'ended', ended: { time, reason: reason as 'operator' } }
        : one,
    );
    this.#tell({ event: 'unban', jail, address: target, reason });
  }

  async history({ limit, after }: { limit: number; after: number }): Promise<readonly BanView[]> {
    this.#here();
    return this.bansMade.filter(({ id }) => id > after).slice(0, limit);
  }

  async newestBan(): Promise<{ readonly id: number }> {
    this.#here();
    return { id: this.#id };
  }

  async events(
    listener: (event: StreamEvent) => void,
    signal: AbortSignal,
    { opened }: { readonly opened: () => void },
  ): Promise<void> {
    this.#here();
    this.#listeners.add(listener);
    opened();
    while (!signal.aborted && !this.isAway)
      await sleep(2, undefined, { signal }).catch(() => undefined);
    this.#listeners.delete(listener);
  }

  async bans({ address }: { address?: string }): Promise<readonly BanView[]> {
    this.#here();
    return this.bansMade.filter(
      ({ state, target }) => state === 'in-force' && (address === undefined || target === address),
    );
  }

  async shareStatus(): Promise<ShareView> {
    this.#here();
    return {
      ...{ enabled: !this.isSharedOff, accept: this.accept, bantimeMaxSeconds: 604_800 },
      ...{ prefix: [24, 48], publish: this.publish, inForce: [], taken: 0, refused: {} },
      lists: { inForce: 0, max: 1, complete: true },
    } as unknown as ShareView;
  }

  async shareDecisions(request: RequestFor<'shareDecisions'>): Promise<ShareAnswer> {
    this.#here();
    if (this.isSharedOff)
      throw new OperatorError('there is no jail `shared`', { exitCode: EXIT.dataError });
    this.requests.push(request);
    const { decisions, lifted, snapshot, begins, ends } = request;
    if (begins === true && snapshot !== undefined)
      this.#snapshot = { word: snapshot, targets: new Set() };
    for (const { target } of lifted) this.shared.delete(target);
    for (const { target, until: end, host } of decisions) {
      this.#snapshot?.targets.add(target);
      const like = { until: Date.parse(end) };
      this.shared.set(target, host === undefined ? like : { ...like, host });
    }
    if (ends === true && this.#snapshot?.word === snapshot)
      for (const target of [...this.shared.keys()])
        if (this.#snapshot?.targets.has(target) !== true) this.shared.delete(target);
    return { taken: decisions.length, lifted: lifted.length, refused: [], refusedCount: 0 };
  }

  #tell(event: Pick<StreamEvent, 'event' | 'jail' | 'address' | 'reason'>): void {
    const time = new Date().toISOString();
    for (const listener of this.#listeners) listener({ id: this.#id, time, ...event });
  }

  #here(): void {
    if (this.isAway) throw new OperatorError('no agent is running', { exitCode: EXIT.unavailable });
  }
}
