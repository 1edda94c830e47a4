/**
 * The end of the pipeline, behind the ledger: kernel, announcement, and the note in the ledger.
 * Bans that an ignorecommand must answer for are kept back until it has.
 */

import { formatPrefix } from '../core/address.js';
import { type BanRecord, banKey, type EndReason, type UnbanDecision } from '../core/decision.js';
import type { ApplyReport, ElementChange, FirewallBackend, Refusal } from '../core/firewall.js';
import type { Clock } from '../core/time.js';
import type { CommitReport, Ledger } from '../ledger/ledger.js';
import type { Announcer } from './announce.js';
import { type IgnoreCommands, PendingIgnoreChecks } from './ignorecommand.js';

/** What became of a decision in the kernel. */
export interface Settled {
  readonly record: BanRecord;
  /** Absent: in force. */
  readonly refusal?: string;
}

export interface EnforcerDeps {
  readonly ledger: Ledger;
  readonly firewall: FirewallBackend;
  readonly announcer: Announcer;
  readonly wall: Clock;
  /** Asked about bans of the jails that have an ignorecommand; a replay asks nobody. */
  readonly ignore?: Pick<IgnoreCommands, 'asks' | 'ask' | 'stop'>;
  /** The kernel answered a batch. */
  readonly applied?: (report: ApplyReport) => void;
  /**
   * What cannot be mended here, e.g. an nft that no longer answers; the ledger keeps what is
   * wanted.
   */
  readonly failed: (error: unknown) => void;
}

export class Enforcer {
  readonly #deps: EnforcerDeps;
  readonly #applying = new Set<Promise<unknown>>();
  /** Bans that an ignorecommand is asked about. */
  readonly questions: PendingIgnoreChecks;

  /** `retract`: an ignorecommand forbade the ban, and the jail is to be as if it had never been. */
  constructor(deps: EnforcerDeps, retract: (ban: BanRecord) => void) {
    this.#deps = deps;
    const { ignore, ledger, failed } = deps;
    this.questions = new PendingIgnoreChecks({
      ignore,
      ledger,
      failed,
      goOn: (ban, replaced) => this.#track(this.#send({ bans: [ban], ended: replaced })),
      forbid: (ban, isOut) => this.#forbid(ban, isOut, retract),
    });
  }

  /**
   * Brings the kernel to what the ledger now says; bans that an ignorecommand is asked about follow
   * by themselves. Resolves when the kernel has answered for the others.
   */
  apply(report: CommitReport): Promise<Settled[]> {
    const asked: BanRecord[] = [];
    const bans: BanRecord[] = [];
    for (const ban of report.bans) (this.questions.mustAsk(ban) ? asked : bans).push(ban);
    const { replaced, ended } = splitEnded(report.ended, asked);
    for (const ban of asked)
      this.questions.ask(ban, replaced.get(banKey(ban.jail, ban.target)) ?? []);
    for (const { jail, target } of bans) this.questions.release(jail, target);
    if (bans.length === 0 && ended.length === 0) return Promise.resolve([]);
    return this.#track(this.#send({ bans, ended }));
  }

  /** Resolves when nothing is under way to the kernel. */
  async idle(): Promise<void> {
    while (this.#applying.size > 0) await Promise.allSettled([...this.#applying]);
  }

  /**
   * Asks no ignorecommand any more and finishes what is under way; bans without an answer stay
   * wanted in the ledger.
   */
  async stop(): Promise<void> {
    await this.questions.stop();
    await this.idle();
  }

  /** Batches under way to the kernel. */
  get underWay(): number {
    return this.#applying.size;
  }

  /** An ignorecommand forbade the ban: as if it had never been. */
  #forbid(ban: BanRecord, isOut: boolean, retract: (ban: BanRecord) => void): void {
    const { ledger, announcer, wall } = this.#deps;
    ledger.settle([ban.id], 'ignored', wall.now());
    if (isOut)
      ledger.commit({ decisions: [{ ...ban, kind: 'unban', time: wall.now(), reason: 'reload' }] });
    retract(ban);
    announcer.spared(ban);
  }

  #track(under: Promise<Settled[]>): Promise<Settled[]> {
    this.#applying.add(under);
    const done = () => this.#applying.delete(under);
    under.then(done, done);
    return under;
  }

  async #send({ bans, ended }: CommitReport): Promise<Settled[]> {
    const { firewall, ledger, announcer, failed, wall } = this.#deps;
    const over = ended.filter((ban) => ban.ended?.reason !== 'replaced');
    let answer: ApplyReport;
    try {
      answer = await firewall.apply([...over.map(removal), ...bans.map(addition)]);
    } catch (error) {
      // The ledger still wants them; the next open or repair puts them into the kernel.
      failed(error);
      return bans.map((record) => ({ record, refusal: 'the firewall does not answer' }));
    }
    this.#deps.applied?.(answer);
    const refusals = new Map(
      answer.refused.map((refusal) => [keyOfRefusal(refusal), refusal.reason]),
    );
    const settled = bans.map((record): Settled => {
      const refusal = refusals.get(banKey(record.jail, record.target));
      return { record, ...(refusal === undefined ? {} : { refusal }) };
    });
    const now = wall.now();
    // Decided on old entries and over by now: the kernel did not take them, and nobody was banned.
    const lapsed = new Set(
      settled.filter(({ record: { until } }) => until !== null && until <= now),
    );
    const replaced = new Set(
      ended
        .filter((ban) => ban.ended?.reason === 'replaced')
        .map((ban) => banKey(ban.jail, ban.target)),
    );
    // The announcement comes before the note in the ledger: an agent that dies in between announces
    // it again at its next start. The other way round, it would never be announced.
    for (const ban of over)
      if (ban.ended !== undefined && isUnban(ban.ended.reason))
        announcer.unban(
          ban.jail,
          formatPrefix(ban.target),
          ban.ended.time,
          ban.ended.reason,
          ban.ended.by,
        );
    for (const one of settled) {
      const { record, refusal } = one;
      if (refusal !== undefined) announcer.refused(record, refusal);
      else if (lapsed.has(one)) announcer.lapsed(record);
      else announcer.ban(record, replaced.has(banKey(record.jail, record.target)));
    }
    const inForce = settled.filter((one) => one.refusal === undefined && !lapsed.has(one));
    const ids = inForce.map(({ record }) => record.id);
    if (ids.length > 0) ledger.settle(ids, 'in-force', now);
    for (const { record, refusal } of settled)
      if (refusal !== undefined) ledger.settle([record.id], { refused: refusal }, now);
    return settled;
  }
}

/** Of the bans that ended, those that the asked ones replace, by key, and the others. */
function splitEnded(
  all: readonly BanRecord[],
  asked: readonly BanRecord[],
): { readonly replaced: ReadonlyMap<string, BanRecord[]>; readonly ended: readonly BanRecord[] } {
  const replaced = new Map(
    asked.map((ban): [string, BanRecord[]] => [banKey(ban.jail, ban.target), []]),
  );
  const ended: BanRecord[] = [];
  for (const ban of all) {
    const own =
      ban.ended?.reason === 'replaced' ? replaced.get(banKey(ban.jail, ban.target)) : undefined;
    (own ?? ended).push(ban);
  }
  return { replaced, ended };
}

/** True for the end of a ban that was in force. */
function isUnban(reason: EndReason): reason is UnbanDecision['reason'] {
  return reason === 'expired' || reason === 'operator' || reason === 'reload';
}

function addition({ jail, target, until }: BanRecord): ElementChange {
  return { kind: 'put', jail, target, until };
}

function removal({ jail, target }: BanRecord): ElementChange {
  return { kind: 'remove', jail, target };
}

function keyOfRefusal({ change }: Refusal): string {
  return banKey(change.jail, change.target);
}
