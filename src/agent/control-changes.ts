/**
 * What operators change: bans, unbans, reported failures, imported bans. They enter as the same
 * values as the jail's.
 */
import { refuseManualBan } from '../allow/manual.js';
import type { AnswerFor, ImportedBan, RequestFor } from '../control/endpoints.js';
import type { ChangeAnswer, ImportAnswer } from '../control/protocol.js';
import { baseAddress, formatPrefix, isHost, type Prefix, parsePrefix } from '../core/address.js';
import type { BanDecision } from '../core/decision.js';
import { OperatorError } from '../core/errors.js';
import { type JailName, sourceId } from '../core/names.js';
import { noneRemote, notRemote } from '../core/networks.js';
import { SHARED_JAIL } from '../core/share.js';
import type { JailPolicy } from '../core/specs.js';
import { counted } from '../core/text.js';
import { type EpochMicros, epochMicros, plus, wallClock } from '../core/time.js';
import type { Stages } from './stages.js';
import { NO_ENTRY } from './unsaved-attempts.js';

export class ControlChanges {
  readonly #stages: Stages;

  constructor(stages: Stages) {
    this.#stages = stages;
  }

  async ban(request: RequestFor<'ban'>): Promise<ChangeAnswer> {
    const stages = this.#stages;
    const now = wallClock.now();
    const { jail, bantime, nat64 } = this.policy(request.jail);
    const length = request.bantimeSeconds === undefined ? bantime : request.bantimeSeconds;
    const until = length === null ? null : plus(now, length);
    const decisions: BanDecision[] = [];
    const refused = new Map<string, string>();
    for (const text of request.targets) {
      const target = parsePrefix(text);
      const refusal =
        target &&
        refuseManualBan(target, jail, stages.allow.snapshot, request.force ?? false, nat64);
      if (target === undefined) refused.set(text, 'not an address or prefix');
      else if (refusal !== undefined)
        refused.set(text, `${refusal.message}; ${refusal.hint ?? ''}`);
      else decisions.push(this.#decision(jail, target, now, until, request.by));
    }
    const { bans } = await stages.pipeline.decide(decisions);
    const settled = new Map(bans.map((one) => [formatPrefix(one.record.target), one]));
    const results = request.targets.map((target) => {
      const problem = refused.get(target) ?? settled.get(formatPrefix(prefixOf(target)))?.refusal;
      return { target, jail, done: problem === undefined, message: problem ?? 'banned' };
    });
    return { results, changed: results.filter(({ done }) => done).length };
  }

  async unban(request: RequestFor<'unban'>): Promise<ChangeAnswer> {
    const stages = this.#stages;
    const now = wallClock.now();
    const jail = request.jail === undefined ? undefined : this.policy(request.jail).jail;
    const targets =
      request.targets === 'all'
        ? [
            ...new Map(
              [...stages.ledger.inForce(now, jail)].map(({ target }) => [
                formatPrefix(target),
                target,
              ]),
            ).values(),
          ]
        : request.targets.map(prefixOf);
    const { ended } = await stages.pipeline.decide(
      targets.map((target) => ({
        kind: 'unban' as const,
        target,
        time: now,
        reason: 'operator' as const,
        ...(jail === undefined ? {} : { jail }),
        ...(request.by === undefined ? {} : { by: request.by }),
      })),
    );
    const lifted = new Set(ended.map(({ target }) => formatPrefix(target)));
    const listed = new Map<string, number>();
    if (request.targets !== 'all' && (jail === undefined || jail === SHARED_JAIL))
      for (const target of targets)
        listed.set(formatPrefix(target), await stages.share.unlist(target));
    const results = targets.map((target) => {
      const text = formatPrefix(target);
      const done = lifted.has(text) || (listed.get(text) ?? 0) > 0;
      return { target: text, done, message: done ? 'unbanned' : 'is not banned' };
    });
    const unlisted = [...listed.values()].reduce((sum, count) => sum + count, 0);
    return { results, changed: ended.length + unlisted };
  }

  /** A failure without a log line; the jail judges it as any other. */
  async attempt({
    jail: name,
    target,
    count = 1,
  }: RequestFor<'attempt'>): Promise<AnswerFor<'attempt'>> {
    const stages = this.#stages;
    const { jail, maxretry } = this.policy(name);
    const prefix = prefixOf(target);
    if (!isHost(prefix))
      throw new OperatorError(
        `${JSON.stringify(target)} is a prefix: failures are of one address`,
        {
          hint: 'write the address that failed',
        },
      );
    const address = baseAddress(prefix);
    const allowed = notRemote(address) ?? stages.allow.snapshot.allows(jail, address)?.text;
    const event = {
      kind: 'failure',
      jail,
      address,
      count,
      time: wallClock.now(),
      cursor: NO_ENTRY,
      regex: -1,
    } as const;
    await stages.pipeline.take(sourceId('operator'), {
      type: 'batch',
      phase: 'live',
      warm: [],
      events: [event],
    });
    await stages.pipeline.idle();
    if (allowed !== undefined) return { outcome: 'ignored', message: `never banned: ${allowed}` };
    const now = wallClock.now();
    const isBanned = stages.ledger.history
      .find({ target: prefix, jail })
      .some(
        ({ state, until }) =>
          (state === 'wanted' || state === 'in-force') && (until === null || until > now),
      );
    if (isBanned) return { outcome: 'banned', message: 'banned' };
    const window = stages.jails.explain(prefix, now).find((one) => one.jail === jail);
    return {
      outcome: 'counted',
      message: `${window?.failures ?? 0} of ${counted(maxretry, 'failure')}`,
    };
  }

  /** Takes over bans of another program: of jails that are here, never of who is exempted. */
  async import(request: RequestFor<'import'>): Promise<ImportAnswer> {
    const stages = this.#stages;
    const now = wallClock.now();
    const skipped: ImportAnswer['skipped'][number][] = [];
    const take = (bans: readonly ImportedBan[], isActive: boolean) =>
      bans.flatMap((ban) => {
        const decision = this.#imported(ban, isActive, now);
        if (typeof decision !== 'string') return [decision];
        skipped.push({ jail: ban.jail, target: ban.target, reason: decision });
        return [];
      });
    const active = take(request.active, true);
    const history = take(request.history, false);
    const wanted = stages.ledger.import({ active, history }, now);
    const settled = await stages.pipeline.enforce(wanted);
    for (const { record, refusal } of settled)
      if (refusal !== undefined)
        skipped.push({ jail: record.jail, target: formatPrefix(record.target), reason: refusal });
    return {
      banned: settled.filter(({ refusal }) => refusal === undefined).length,
      history: history.length,
      skipped,
    };
  }

  /** The policy of a jail; an error that names the jails when there is none of that name. */
  policy(name: string): JailPolicy {
    const jails = this.#stages.setup.jails.map(({ policy }) => policy);
    const found = jails.find(({ jail }) => jail === name);
    if (found === undefined)
      throw new OperatorError(`there is no jail ${JSON.stringify(name)}`, {
        hint: `jails: ${jails.map(({ jail }) => jail).join(', ') || 'none'}`,
      });
    return found;
  }

  #imported(ban: ImportedBan, isActive: boolean, now: EpochMicros): BanDecision | string {
    const jail = this.#stages.setup.jails.find(({ policy }) => policy.jail === ban.jail)?.policy
      .jail;
    if (jail === undefined) return 'there is no such jail';
    const target = parsePrefix(ban.target);
    if (target === undefined) return 'not an address or prefix';
    const time = epochMicros(Date.parse(ban.time) * 1000);
    const until = ban.until === null ? null : epochMicros(Date.parse(ban.until) * 1000);
    if (time > now) return 'the ban lies in the future';
    const nowhere = isActive ? noneRemote(target) : undefined;
    if (nowhere !== undefined) return `never banned: ${nowhere}`;
    const exempted = isActive ? this.#stages.allow.snapshot.overlaps(jail, target) : undefined;
    if (exempted !== undefined) return `never banned: ${exempted.text}`;
    return {
      kind: 'ban',
      jail,
      target,
      time,
      until,
      failures: ban.failures,
      evidence: [],
      ...(ban.user === undefined ? {} : { user: ban.user }),
      origin: 'import',
      previousBans: ban.previousBans,
    };
  }

  #decision(
    jail: JailName,
    target: Prefix,
    time: EpochMicros,
    until: EpochMicros | null,
    by: string | undefined,
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
      ...(by === undefined ? {} : { by }),
      previousBans: this.#stages.ledger.previousBans(jail, target),
    };
  }
}

export function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined)
    throw new OperatorError(`not an address or prefix: ${JSON.stringify(text)}`, {
      hint: 'e.g. 192.0.2.1, 2001:db8::/64',
    });
  return prefix;
}
