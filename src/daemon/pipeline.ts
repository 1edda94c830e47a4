/**
 * The main thread's pipeline: events -> jail -> ledger -> firewall. One of the two places that know the order of the
 * stages. It also takes operators' decisions, at the ledger step.
 *
 * Order of every change: the ledger first (wanted), then the kernel, then the ledger again (in force or refused), then
 * the announcement. A crash at any point leaves a ledger from which the next start makes the kernel right.
 */
import { formatPrefix, type Prefix } from '../core/address.js';
import type { BanRecord, Decision } from '../core/decision.js';
import type { FilterEvent } from '../core/event.js';
import type { ApplyReport, ElementChange, FirewallBackend, Refusal } from '../core/firewall.js';
import type { JailName, SourceId } from '../core/names.js';
import type { Clock, EpochMicros, SetClock } from '../core/time.js';
import type { Jails } from '../jail/jails.js';
import type { AllowContext, JailContext, Outcome } from '../jail/verdict.js';
import type { CommitReport, Ledger } from '../ledger/ledger.js';
import type { Announcer } from './announce.js';
import type { FromIntake } from './intake-protocol.js';

export type IntakeBatch = Extract<FromIntake, { type: 'batch' }>;

export interface PipelineParts {
  readonly jails: Jails;
  readonly ledger: Ledger;
  readonly firewall: FirewallBackend;
  readonly announcer: Announcer;
  readonly allow: AllowContext;
  /** Wall time; for live batches, operators and expiry. */
  readonly wall: Clock;
  /** Set to each entry's time while stored entries are judged; the firewall of a replay reads it. */
  readonly stored: SetClock;
  /** For rndtime. */
  readonly random: () => number;
  /** What cannot be mended here, e.g. an nft that no longer answers; the ledger keeps what is wanted. */
  readonly failed: (error: unknown) => void;
}

/** What became of a decision in the kernel. */
export interface Settled {
  readonly record: BanRecord;
  /** Absent: in force. */
  readonly refusal?: string;
}

export class Pipeline {
  readonly #parts: PipelineParts;
  readonly #context: JailContext;
  #applying = new Set<Promise<unknown>>();

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    const { ledger, allow, random } = parts;
    this.#context = {
      allowed: (jail, address) => allow.allowed(jail, address),
      coversAllowed: (jail, prefix) => allow.coversAllowed(jail, prefix),
      openBan: (jail, target) => ledger.openBan(jail, target),
      previousBans: (jail, target) => ledger.previousBans(jail, target),
      random,
    };
  }

  /**
   * Judges a batch. When it resolves, decisions and position are in the ledger. Live, the kernel follows on its own, so
   * that a slow kernel never holds the reader; stored entries wait for it, so that everything is said in order.
   */
  async take(source: SourceId, batch: IntakeBatch): Promise<void> {
    const { jails, wall, stored } = this.#parts;
    for (const event of batch.warm) jails.observe(event, this.#context);
    if (batch.phase === 'live') {
      const now = wall.now();
      void this.#judge(batch.events, () => now, source, batch);
      return;
    }
    // Stored entries are judged one by one, so that what expired in between is over before the next one counts, and
    // decisions do not depend on how entries fall into batches.
    for (const [index, event] of batch.events.entries()) {
      if (event.time > stored.now()) stored.set(event.time);
      await this.expire(stored.now());
      await this.#judge([event], () => stored.now(), source, index === batch.events.length - 1 ? batch : undefined);
    }
    if (batch.position !== undefined && batch.position.time > stored.now()) stored.set(batch.position.time);
    if (batch.events.length === 0) await this.#commit([], source, batch);
  }

  /** Ends the bans whose time is up at `now`; resolves when the kernel has answered. */
  async expire(now: EpochMicros): Promise<void> {
    const { ledger, jails } = this.#parts;
    const next = ledger.nextEnd();
    if (next === undefined || next > now) return;
    const ended = ledger.expire(now);
    for (const ban of ended) jails.expired(ban);
    await this.#apply({ bans: [], ended });
  }

  /** Carries out operators' (and other) decisions; resolves when the kernel has answered. */
  async decide(
    decisions: readonly Decision[],
  ): Promise<{ readonly bans: readonly Settled[]; readonly ended: readonly BanRecord[] }> {
    const { jails, ledger } = this.#parts;
    for (const decision of decisions)
      if (decision.kind === 'unban' && decision.reason === 'operator')
        jails.forget(decision.target, {
          upTo: decision.time,
          ...(decision.jail === undefined ? {} : { jail: decision.jail }),
        });
    const report = ledger.commit({ decisions });
    return { bans: await this.#apply(report), ended: report.ended };
  }

  /** Puts bans into the kernel that the ledger took over from elsewhere; resolves when it has answered. */
  enforce(bans: readonly BanRecord[]): Promise<readonly Settled[]> {
    return this.#apply({ bans, ended: [] });
  }

  /** Resolves when nothing is under way to the kernel. */
  async idle(): Promise<void> {
    while (this.#applying.size > 0) await Promise.allSettled([...this.#applying]);
  }

  /** Batches under way to the kernel. */
  get underWay(): number {
    return this.#applying.size;
  }

  #judge(
    events: readonly FilterEvent[],
    clock: () => EpochMicros,
    source: SourceId,
    batch: IntakeBatch | undefined,
  ): Promise<unknown> {
    const { outcomes, decisions } = this.#parts.jails.judge(events, clock, this.#context);
    for (const outcome of outcomes) this.#announce(outcome);
    return this.#commit(decisions, source, batch);
  }

  /** Writes decisions and, at the end of a batch, its position; resolves when the kernel has answered. */
  #commit(decisions: readonly Decision[], source: SourceId, batch: IntakeBatch | undefined): Promise<unknown> {
    const position = batch?.position;
    if (decisions.length === 0 && position === undefined) return Promise.resolve();
    return this.#apply(
      this.#parts.ledger.commit({ decisions, ...(position === undefined ? {} : { source, position }) }),
    );
  }

  #announce(outcome: Outcome): void {
    const { announcer } = this.#parts;
    if (outcome.kind === 'ignored') announcer.ignored(outcome.event, outcome.reason);
    else if (outcome.kind !== 'success' && outcome.kind !== 'unknown') announcer.found(outcome.event);
  }

  /** Brings the kernel to what the ledger now says, notes its answer and announces it. */
  #apply(report: CommitReport): Promise<Settled[]> {
    if (report.bans.length === 0 && report.ended.length === 0) return Promise.resolve([]);
    const under = this.#send(report);
    this.#applying.add(under);
    void under.finally(() => this.#applying.delete(under));
    return under;
  }

  async #send({ bans, ended }: CommitReport): Promise<Settled[]> {
    const { firewall, ledger, announcer, failed, wall } = this.#parts;
    const over = ended.filter((ban) => ban.ended?.reason !== 'replaced');
    let answer: ApplyReport;
    try {
      answer = await firewall.apply([...over.map(removal), ...bans.map(addition)]);
    } catch (error) {
      // The ledger still wants them; the next open or repair puts them into the kernel.
      failed(error);
      return bans.map((record) => ({ record, refusal: 'the firewall does not answer' }));
    }
    const refusals = new Map(answer.refused.map((refusal) => [keyOfRefusal(refusal), refusal.reason]));
    const settled = bans.map((record): Settled => {
      const refusal = refusals.get(keyOf(record.jail, record.target));
      return { record, ...(refusal === undefined ? {} : { refusal }) };
    });
    const now = wall.now();
    const inForce = settled.filter(({ refusal }) => refusal === undefined);
    if (inForce.length > 0)
      ledger.settle(
        inForce.map(({ record }) => record.id),
        'in-force',
        now,
      );
    for (const { record, refusal } of settled)
      if (refusal !== undefined) ledger.settle([record.id], { refused: refusal }, now);

    const replaced = new Set(
      ended.filter((ban) => ban.ended?.reason === 'replaced').map((ban) => keyOf(ban.jail, ban.target)),
    );
    for (const ban of over)
      if (ban.ended !== undefined && ban.ended.reason !== 'replaced')
        announcer.unban(ban.jail, formatPrefix(ban.target), ban.ended.time, ban.ended.reason);
    for (const { record, refusal } of settled) {
      if (refusal === undefined) announcer.ban(record, replaced.has(keyOf(record.jail, record.target)));
      else announcer.refused(record, refusal);
    }
    return settled;
  }
}

function addition({ jail, target, until }: BanRecord): ElementChange {
  return { kind: 'put', jail, target, until };
}

function removal({ jail, target }: BanRecord): ElementChange {
  return { kind: 'remove', jail, target };
}

function keyOf(jail: JailName, target: Prefix): string {
  return `${jail} ${formatPrefix(target)}`;
}

function keyOfRefusal({ change }: Refusal): string {
  return keyOf(change.jail, change.target);
}
