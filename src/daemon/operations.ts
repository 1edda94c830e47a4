/** What the control sockets may ask of the agent, and the views that they get. */
import { refuseManualBan } from '../allow/manual.js';
import type {
  AgentView,
  BanRequest,
  BanView,
  ChangeAnswer,
  ExplainView,
  JailView,
  Operations,
  ReloadAnswer,
  ReloadRequest,
  SourceView,
  StreamEvent,
  StreamInfo,
  UnbanRequest,
} from '../control/protocol.js';
import { covers, formatPrefix, type Prefix, parsePrefix } from '../core/address.js';
import type { BanDecision, BanRecord } from '../core/decision.js';
import type { StreamView } from '../core/entry.js';
import { OperatorError } from '../core/errors.js';
import { formatMatch } from '../core/match.js';
import type { JailName } from '../core/names.js';
import { type EpochMicros, isoTime, plus, secondsBetween, wallClock } from '../core/time.js';
import type { JailCounters } from '../filter/counters.js';
import type { Agent } from './agent.js';
import { describeDifference } from './difference.js';
import type { Reader } from './reader.js';
import { idOf, type JailSetup } from './setup.js';

/** Bans of the past that `explain` shows. */
const EXPLAIN_BANS_MAX = 20;

export class AgentOperations implements Operations {
  readonly #agent: Agent;

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  status(): AgentView {
    const { agent, now } = this.#here();
    const counts = agent.ledger.history.counts();
    return {
      version: agent.version,
      pid: process.pid,
      since: isoTime(agent.startedAt),
      state: agent.readers.all.every(({ phase }) => phase === 'live' || phase === 'ended') ? 'running' : 'starting',
      sources: agent.readers.all.map((reader) => sourceView(reader, now)),
      firewall: {
        hook: agent.setup.firewall.hook,
        inForce: [...counts.values()].reduce((sum, one) => sum + one.currentlyBanned, 0),
        refused: agent.kernel.counts.refused,
        batches: agent.kernel.counts.batches,
        healed: agent.kernel.counts.healed,
        lastBatchMs: agent.kernel.counts.lastBatchMs ?? null,
      },
      jails: agent.setup.jails.map((jail) => this.#jailView(jail, now, counts.get(jail.policy.jail))),
      warnings: [],
    };
  }

  jail(name: string): { readonly jail: JailView; readonly banned: readonly BanView[] } {
    const { agent, now } = this.#here();
    const jail = this.#find(name);
    return {
      jail: this.#jailView(jail, now, agent.ledger.history.counts().get(jail.policy.jail)),
      banned: [...agent.ledger.inForce(now, jail.policy.jail)].map(banView),
    };
  }

  bans(query: { readonly jail?: string; readonly address?: string }): readonly BanView[] {
    const { agent, now } = this.#here();
    const jail = query.jail === undefined ? undefined : this.#find(query.jail).policy.jail;
    if (query.address !== undefined) {
      const target = prefixOf(query.address);
      return agent.ledger.history
        .find({ target, ...(jail === undefined ? {} : { jail }) })
        .filter(({ state, until }) => (state === 'wanted' || state === 'in-force') && (until === null || until > now))
        .map(banView);
    }
    return [...agent.ledger.inForce(now, jail)].map(banView);
  }

  history(query: { readonly jail?: string; readonly address?: string; readonly limit: number }): readonly BanView[] {
    return this.#agent.ledger.history
      .find({
        limit: query.limit,
        ...(query.jail === undefined ? {} : { jail: query.jail as JailName }),
        ...(query.address === undefined ? {} : { target: prefixOf(query.address) }),
      })
      .map(banView);
  }

  async explain(address: string): Promise<ExplainView> {
    const { agent, now } = this.#here();
    const target = prefixOf(address);
    const { snapshot } = agent.allow;
    const allowed = agent.setup.jails.flatMap(({ policy }) => {
      const reason = snapshot.overlaps(policy.jail, target);
      return reason === undefined ? [] : [[policy.jail, reason.text]];
    });
    const { elements } = await agent.firewall.read();
    return {
      address: formatPrefix(target),
      allowed: Object.fromEntries(allowed),
      bans: agent.ledger.history.find({ target, limit: EXPLAIN_BANS_MAX }).map(banView),
      windows: agent.jails.explain(target, now).map(({ last, target: counted, ...window }) => ({
        ...window,
        target: formatPrefix(counted),
        ...(last === undefined ? {} : { last: isoTime(last) }),
      })),
      kernel: elements
        .filter((element) => covers(element.target, target))
        .map((element) => ({
          jail: element.jail,
          target: formatPrefix(element.target),
          until: element.until === null ? null : isoTime(element.until),
        })),
    };
  }

  async ban(request: BanRequest): Promise<ChangeAnswer> {
    const { agent, now } = this.#here();
    const { policy } = this.#find(request.jail);
    const bantime = request.bantimeSeconds === undefined ? policy.bantime : request.bantimeSeconds;
    const until = bantime === null ? null : plus(now, bantime);
    const decisions: BanDecision[] = [];
    const refused = new Map<string, string>();
    for (const text of request.targets) {
      const target = parsePrefix(text);
      const refusal = target && refuseManualBan(target, policy.jail, agent.allow.snapshot, request.force ?? false);
      if (target === undefined) refused.set(text, 'not an address or prefix');
      else if (refusal !== undefined) refused.set(text, `${refusal.message}; ${refusal.hint ?? ''}`);
      else decisions.push(manualBan(policy.jail, target, now, until, agent));
    }
    const { bans } = await agent.pipeline.decide(decisions);
    const settled = new Map(bans.map((one) => [formatPrefix(one.record.target), one]));
    const results = request.targets.map((target) => {
      const problem = refused.get(target) ?? settled.get(formatPrefix(prefixOf(target)))?.refusal;
      return { target, jail: policy.jail, done: problem === undefined, message: problem ?? 'banned' };
    });
    return { results, changed: results.filter(({ done }) => done).length };
  }

  async unban(request: UnbanRequest): Promise<ChangeAnswer> {
    const { agent, now } = this.#here();
    const jail = request.jail === undefined ? undefined : this.#find(request.jail).policy.jail;
    const targets =
      request.targets === 'all'
        ? [
            ...new Map(
              [...agent.ledger.inForce(now, jail)].map(({ target }) => [formatPrefix(target), target]),
            ).values(),
          ]
        : request.targets.map(prefixOf);
    const { ended } = await agent.pipeline.decide(
      targets.map((target) => ({
        kind: 'unban' as const,
        target,
        time: now,
        reason: 'operator' as const,
        ...(jail === undefined ? {} : { jail }),
      })),
    );
    const lifted = new Set(ended.map(({ target }) => formatPrefix(target)));
    const results = targets.map((target) => {
      const text = formatPrefix(target);
      return { target: text, done: lifted.has(text), message: lifted.has(text) ? 'unbanned' : 'is not banned' };
    });
    return { results, changed: ended.length };
  }

  async flush(): Promise<void> {
    await this.#agent.firewall.flush();
  }

  async reload(request: ReloadRequest): Promise<ReloadAnswer> {
    const difference = await this.#agent.reload(request.dryRun ?? false);
    return { changes: describeDifference(difference) };
  }

  subscribe(listener: (event: StreamEvent) => void): () => void {
    return this.#agent.announcer.subscribe((announcement, id) => listener({ id, ...announcement }));
  }

  #here(): { readonly agent: Agent; readonly now: EpochMicros } {
    return { agent: this.#agent, now: wallClock.now() };
  }

  #find(name: string): JailSetup {
    const found = this.#agent.setup.jails.find(({ policy }) => policy.jail === name);
    if (found === undefined)
      throw new OperatorError(`there is no jail ${JSON.stringify(name)}`, {
        hint: `jails: ${this.#agent.setup.jails.map(({ policy }) => policy.jail).join(', ') || 'none'}`,
      });
    return found;
  }

  #jailView(
    { policy, intake, source }: JailSetup,
    now: EpochMicros,
    counts: { readonly currentlyBanned: number; readonly totalBanned: number } | undefined,
  ): JailView {
    const stats = this.#agent.jails.stats(policy.jail, now);
    const seen = this.#counters(policy.jail);
    return {
      jail: policy.jail,
      filter: intake.filter.name,
      match: formatMatch(intake.match),
      source: idOf(source),
      maxretry: policy.maxretry,
      findtimeSeconds: policy.findtime,
      bantimeSeconds: policy.bantime,
      currentlyFailed: stats?.currentlyFailed ?? 0,
      totalFailed: stats?.totalFailed ?? 0,
      currentlyBanned: counts?.currentlyBanned ?? 0,
      totalBanned: counts?.totalBanned ?? 0,
      entriesMatched: seen?.routed.count ?? 0,
      ignored: (seen?.ignored.count ?? 0) + (stats?.totalIgnored ?? 0),
      notAnAddress: (seen?.notAnAddress.count ?? 0) + (seen?.names.count ?? 0),
      ...(seen === undefined || seen.failures.count === 0
        ? {}
        : { lastFailure: isoTime(seen.failures.last as EpochMicros) }),
      demoted: seen?.demoted ?? [],
    };
  }

  #counters(jail: JailName): JailCounters | undefined {
    for (const { stats } of this.#agent.readers.all) {
      const found = stats?.jails.find((one) => one.jail === jail);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function sourceView({ id, phase, stats, gaps }: Reader, now: EpochMicros): SourceView {
  const last = stats?.lastEntry;
  return {
    source: id,
    phase,
    entriesRead: stats?.entriesRead ?? 0,
    // A reader at the end of its journal is not behind, however old the last entry is.
    lagSeconds: last === undefined ? null : phase === 'live' ? 0 : Math.max(0, secondsBetween(last, now)),
    ...(last === undefined ? {} : { lastEntry: isoTime(last) }),
    entriesCut: stats?.entriesCut ?? 0,
    entriesUnreadable: stats?.entriesUnreadable ?? 0,
    gaps,
    ...(stats?.streams === undefined ? {} : { streams: stats.streams.map(streamInfo) }),
  };
}

function streamInfo({ lastEntry, ...stream }: StreamView): StreamInfo {
  return { ...stream, ...(lastEntry === undefined ? {} : { lastEntry: isoTime(lastEntry) }) };
}

export function banView(record: BanRecord): BanView {
  return {
    id: record.id,
    jail: record.jail,
    target: formatPrefix(record.target),
    time: isoTime(record.time),
    until: record.until === null ? null : isoTime(record.until),
    failures: record.failures,
    ...(record.user === undefined ? {} : { user: record.user }),
    ...(record.host === undefined ? {} : { host: record.host }),
    origin: record.origin,
    state: record.state,
    ...(record.refusal === undefined ? {} : { refusal: record.refusal }),
    ...(record.ended === undefined ? {} : { ended: { time: isoTime(record.ended.time), reason: record.ended.reason } }),
    evidence: record.evidence,
  };
}

function manualBan(
  jail: JailName,
  target: Prefix,
  time: EpochMicros,
  until: EpochMicros | null,
  agent: Agent,
): BanDecision {
  return {
    kind: 'ban',
    jail,
    target,
    time,
    until,
    failures: 0,
    evidence: [],
    origin: 'operator',
    previousBans: agent.ledger.previousBans(jail, target),
  };
}

function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined)
    throw new OperatorError(`not an address or prefix: ${JSON.stringify(text)}`, {
      hint: 'e.g. 192.0.2.1, 2001:db8::/64',
    });
  return prefix;
}
