/**
 * The agent's hold on the kernel's table: what must be in it, putting it right at start and reload,
 * drift.
 */
import type { Allowlist } from '../allow/allowlist.js';
import { formatPrefix, type Prefix } from '../core/address.js';
import type { BanRecord } from '../core/decision.js';
import { messageOf } from '../core/errors.js';
import type { ApplyReport, Element, FirewallBackend } from '../core/firewall.js';
import { EXPIRE_BANS_MAX } from '../core/limits.js';
import type { Log } from '../core/log.js';
import type { JailName } from '../core/names.js';
import { NFT_RETURNING_BANS_MAX } from '../core/service-limits.js';
import { LISTS_JAIL } from '../core/share.js';
import type { FirewallPlan } from '../core/specs.js';
import { counted } from '../core/text.js';
import { type EpochMicros, wallClock } from '../core/time.js';
import type { Ledger } from '../ledger/ledger.js';
import type { AgentSetup } from '../setup/setup.js';
import type { Announcer } from './announce.js';

export interface FirewallSyncDeps {
  readonly firewall: FirewallBackend;
  readonly ledger: Ledger;
  readonly allow: Allowlist;
  readonly announcer: Announcer;
  readonly log: Log;
  /** The setup in force; another after a reload. */
  readonly setup: () => AgentSetup;
  /** True while an ignorecommand is asked about the target: it is not to be in the kernel yet. */
  readonly isHeld: (jail: JailName, target: Prefix) => boolean;
}

export class FirewallSync {
  readonly #parts: FirewallSyncDeps;
  /** Counts of this run, for status. */
  readonly counts = {
    batches: 0,
    refused: 0,
    drifts: 0,
    healed: 0,
    lastBatchMs: undefined as number | undefined,
  };

  constructor(parts: FirewallSyncDeps) {
    this.#parts = parts;
    const { firewall, log } = parts;
    firewall.provideWanted(
      () => this.#wanted(),
      () => this.#urgent(),
    );
    firewall.onDrift(({ kind, reason, elapsedMs }) => {
      if (kind === 'drift') {
        this.counts.drifts++;
        log(
          'warning',
          `the kernel's table was changed by somebody else (${reason}): repairing it`,
          {
            action: 'drift',
          },
        );
      } else {
        this.counts.healed++;
        log(
          'notice',
          `the kernel's table is whole again after ${Math.round(elapsedMs ?? 0)} ms (${reason})`,
          {
            action: 'healed',
          },
        );
      }
    });
  }

  /**
   * The start: expired bans end, the others are put in force, and the ledger takes over what the
   * kernel holds and it does not know. `fresh`: it is new or was mended. Bans that were decided
   * before a crash and never answered for are settled and announced now; those that are held have
   * to wait for the answer of an ignorecommand. `open`: what `Ledger.unsettled` says, which looks
   * at every ban. `taking`: see `FirewallBackend.open`.
   */
  async restore(fresh: boolean, open?: readonly BanRecord[], taking?: () => void): Promise<void> {
    const { firewall, ledger, announcer, log } = this.#parts;
    const now = wallClock.now();
    const expired = expireAll(ledger, now);
    const over = new Set(expired.map(nameOf));
    const unsettled = this.#unsettled(open);
    const keep = (elements: readonly Element[]) => {
      // Bans end by the wall: where that has leapt, the kernel has not noticed.
      const unknown = elements.filter((element) => !over.has(nameOf(element)));
      const adopted = ledger.adopt(unknown, wallClock.now());
      if (adopted.length > 0 && fresh)
        log(
          'notice',
          `${counted(adopted.length, 'ban')} that the kernel holds ${adopted.length === 1 ? 'is' : 'are'} taken over`,
        );
      else if (adopted.length > 0)
        log(
          'warning',
          `${counted(adopted.length, 'ban')} that the kernel holds ${adopted.length === 1 ? 'is' : 'are'} not in the ledger: they stay, and it has them now`,
        );
      const known = this.#jails();
      return adopted.filter(({ jail }) => known.has(jail));
    };
    const report = await firewall.open(this.plan(), this.#wanted(), keep, taking);
    this.#settle(unsettled, report);
    for (const { jail, target, until, ended } of expired)
      if (until !== null && ended?.reason === 'expired')
        announcer.unban(jail, formatPrefix(target), until, 'expired');
    const total = this.inForce();
    if (total > 0)
      log(
        'notice',
        `${total === 1 ? '1 ban is' : `${total} bans are`} in force (kernel put right in ${Math.round(report.elapsedMs)} ms)`,
      );
  }

  /**
   * After nft did not answer: makes the kernel equal to the ledger, and says and settles what has
   * waited for that. To be called while nothing is under way to the kernel.
   */
  async catchUp(): Promise<void> {
    const unsettled = this.#unsettled();
    this.#settle(unsettled, await this.#parts.firewall.replan(this.plan(), this.#wanted()));
  }

  /** Takes over a changed setup or allow snapshot; bans stay in force throughout. */
  async replan(): Promise<void> {
    this.#note(await this.#parts.firewall.replan(this.plan(), this.#wanted()));
  }

  /**
   * Follows the allow snapshot from now on; `changed` is called when the kernel has the new one.
   */
  followAllow(changed: () => Promise<void>): void {
    const { allow, log } = this.#parts;
    allow.onChange(() => {
      this.replan()
        .then(changed)
        .catch((error: unknown) =>
          log('error', `nftables: the allow set could not be changed: ${messageOf(error)}`),
        );
    });
    allow.start();
  }

  /** Counts a batch of the pipeline. */
  applied(report: ApplyReport): void {
    this.counts.batches++;
    this.counts.lastBatchMs = report.elapsedMs;
    this.counts.refused += report.refused.length;
  }

  /** What the kernel's table must contain besides the bans. */
  plan(): FirewallPlan {
    const { allow, setup } = this.#parts;
    const rules = setup().jails.map(({ rule }) => rule);
    const listed = rules
      .filter(({ lists }) => lists)
      .map((rule) => ({ ...rule, jail: LISTS_JAIL }));
    return {
      ...setup().firewall,
      rules: [...rules, ...listed],
      allow: allow.snapshot.prefixes(),
    };
  }

  /** Bans in force by the ledger. */
  inForce(): number {
    return this.#parts.ledger.history.openBans();
  }

  /** Bans that were decided, are to be in the kernel, and have not been answered for. */
  #unsettled(open: readonly BanRecord[] = this.#parts.ledger.unsettled()): BanRecord[] {
    const { isHeld } = this.#parts;
    const known = this.#jails();
    return open.filter(({ jail, target }) => known.has(jail) && !isHeld(jail, target));
  }

  /** Says and notes the kernel's answer to bans that waited for it. */
  #settle(unsettled: readonly BanRecord[], report: ApplyReport): void {
    const { ledger, announcer } = this.#parts;
    this.#note(report);
    const refusals = new Map(report.refused.map(({ change, reason }) => [nameOf(change), reason]));
    const now = wallClock.now();
    for (const record of unsettled) {
      const reason = refusals.get(nameOf(record));
      if (record.until !== null && record.until <= now) continue;
      if (reason === undefined) announcer.ban(record, false);
      else announcer.refused(record, reason);
      ledger.settle([record.id], reason === undefined ? 'in-force' : { refused: reason }, now);
    }
  }

  #jails(): ReadonlySet<JailName> {
    return new Set(this.#parts.setup().jails.map(({ policy }) => policy.jail));
  }

  /** The elements of the ledger whose jails exist. */
  *#wanted(): IterableIterator<Element> {
    const { ledger, isHeld } = this.#parts;
    const known = this.#jails();
    for (const element of ledger.elements(wallClock.now()))
      if (known.has(element.jail) && !isHeld(element.jail, element.target)) yield element;
  }

  /** Those that end last: the newest, and of them whoever came again. Then those for good. */
  #urgent(): readonly Element[] {
    const { ledger, isHeld } = this.#parts;
    return ledger.history
      .lastToEnd(wallClock.now(), NFT_RETURNING_BANS_MAX)
      .filter(({ jail, target }) => !isHeld(jail, target));
  }

  #note(report: ApplyReport): void {
    this.counts.batches++;
    this.counts.lastBatchMs = report.elapsedMs;
    for (const { change, reason } of report.refused) {
      this.counts.refused++;
      this.#parts.log(
        'error',
        `the kernel refused a ban of the ledger: ${formatPrefix(change.target)}: ${reason}`,
        {
          jail: change.jail,
        },
      );
    }
  }
}

function nameOf({ jail, target }: Pick<Element, 'jail' | 'target'>): string {
  return `${jail} ${formatPrefix(target)}`;
}

function expireAll(ledger: Ledger, now: EpochMicros): BanRecord[] {
  const expired: BanRecord[] = [];
  for (;;) {
    const some = ledger.expire(now);
    expired.push(...some);
    if (some.length < EXPIRE_BANS_MAX) return expired;
  }
}
