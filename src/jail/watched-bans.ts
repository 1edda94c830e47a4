/** What jails with `enabled = watch` would have banned. */
import { formatPrefix, overlap, type Prefix } from '../core/address.js';
import type { BanDecision } from '../core/decision.js';
import { WATCHED_BANS_MAX } from '../core/limits.js';
import type { JailName } from '../core/names.js';
import type { OpenBan } from './judgement.js';

interface Watched extends OpenBan {
  readonly jail: JailName;
  readonly target: Prefix;
  /** How often the target would have been banned. */
  readonly times: number;
}

/**
 * The bans that jails with `enabled = watch` would have made. They stand here and nowhere else: not
 * in the ledger, not in the kernel. A restart forgets them. The one that was touched the longest
 * ago makes room.
 */
export class WatchedBans {
  readonly #bans = new Map<string, Watched>();
  readonly #totals = new Map<JailName, number>();
  readonly #max: number;

  constructor(max = WATCHED_BANS_MAX) {
    this.#max = max;
  }

  /** Notes a decision; `isExtension`: the target would have been banned already. */
  note({ jail, target, until, previousBans }: BanDecision, isExtension: boolean): void {
    const key = keyOf(jail, target);
    const times = (this.#bans.get(key)?.times ?? 0) + (isExtension ? 0 : 1);
    this.#bans.delete(key);
    this.#bans.set(key, { jail, target, until, previousBans, times });
    if (!isExtension) this.#totals.set(jail, this.totalOf(jail) + 1);
    if (this.#bans.size > this.#max) this.#bans.delete(this.#bans.keys().next().value as string);
  }

  /** The ban that the target would have, also when its end has passed. */
  openBan(jail: JailName, target: Prefix): OpenBan | undefined {
    return this.#bans.get(keyOf(jail, target));
  }

  /** How often the target would have been banned before. */
  previousBans(jail: JailName, target: Prefix): number {
    return this.#bans.get(keyOf(jail, target))?.times ?? 0;
  }

  /** How many bans of the jail would be in force. Looks at all: not for hot paths. */
  currentOf(jail: JailName, now: number): number {
    return [...this.#bans.values()].filter(
      (ban) => ban.jail === jail && (ban.until === null || ban.until > now),
    ).length;
  }

  /** How many bans the jail would have made. */
  totalOf(jail: JailName): number {
    return this.#totals.get(jail) ?? 0;
  }

  /** Forgets all that shares an address with the target, of one jail or of all. */
  forget(target: Prefix, jail?: JailName): void {
    for (const [key, ban] of this.#bans)
      if ((jail === undefined || jail === ban.jail) && overlap(ban.target, target))
        this.#bans.delete(key);
  }

  /** Forgets all that jails have which do not watch any more. */
  keep(watching: ReadonlySet<JailName>): void {
    for (const [key, { jail }] of this.#bans) if (!watching.has(jail)) this.#bans.delete(key);
    for (const jail of this.#totals.keys()) if (!watching.has(jail)) this.#totals.delete(jail);
  }
}

function keyOf(jail: JailName, target: Prefix): string {
  return `${jail} ${formatPrefix(target)}`;
}
