/**
 * Bans that wait for the answer of an ignorecommand, beside everything else: nobody else's ban waits for it. They are
 * in the ledger as wanted; while the question is open, the kernel does not have them.
 */
import { formatPrefix, type Prefix } from '../core/address.js';
import type { BanRecord } from '../core/decision.js';
import type { JailName } from '../core/names.js';
import type { Ledger } from '../ledger/ledger.js';
import type { IgnoreCommands } from './ignorecommand.js';

export interface QuestionParts {
  /** A replay asks nobody. */
  readonly ignore: Pick<IgnoreCommands, 'asks' | 'ask' | 'stop'> | undefined;
  readonly ledger: Ledger;
  /** The ban goes on. `replaced`: what it extends. */
  readonly goOn: (ban: BanRecord, replaced: readonly BanRecord[]) => Promise<unknown>;
  /** The ban is forbidden. `isOut`: what it extended was not in the kernel either. */
  readonly forbid: (ban: BanRecord, isOut: boolean) => void;
  readonly failed: (error: unknown) => void;
}

export class Questions {
  readonly #parts: QuestionParts;
  readonly #asking = new Set<Promise<unknown>>();
  /** Targets that are not in the kernel while they are asked about, and the ban. */
  readonly #held = new Map<string, number>();

  constructor(parts: QuestionParts) {
    this.#parts = parts;
  }

  mustAsk({ jail, origin }: BanRecord): boolean {
    return origin === 'journal' && this.#parts.ignore?.asks(jail) === true;
  }

  /** True while the kernel must not have this target. */
  isHeld(jail: JailName, target: Prefix): boolean {
    return this.#held.has(keyOf(jail, target));
  }

  /** Keeps those of the bans that must be asked about out of the kernel; returns them. `ask` comes later. */
  hold(bans: readonly BanRecord[]): readonly BanRecord[] {
    const held = bans.filter((ban) => this.mustAsk(ban));
    for (const { jail, target, id } of held) this.#held.set(keyOf(jail, target), id);
    return held;
  }

  /** Another ban of the target goes into the kernel without a question. */
  release(jail: JailName, target: Prefix): void {
    this.#held.delete(keyOf(jail, target));
  }

  /** Asks about a ban of the ledger and carries it on or not. */
  ask(ban: BanRecord, replaced: readonly BanRecord[]): void {
    const key = keyOf(ban.jail, ban.target);
    if (replaced.length === 0 || this.#held.has(key)) this.#held.set(key, ban.id);
    const asking = this.#answer(ban, replaced, key)
      .catch(this.#parts.failed)
      .finally(() => this.#asking.delete(asking));
    this.#asking.add(asking);
  }

  /** Asks no more; bans without an answer stay wanted, and the next start asks about them. */
  async stop(): Promise<void> {
    this.#parts.ignore?.stop();
    await Promise.allSettled([...this.#asking]);
  }

  async #answer(ban: BanRecord, replaced: readonly BanRecord[], key: string): Promise<void> {
    const { ignore, ledger, goOn, forbid } = this.#parts;
    const ignored = await ignore?.ask(ban);
    if (ignored === undefined) return;
    const wasHeld = this.#held.get(key) === ban.id && this.#held.delete(key);
    // What ended meanwhile (by an operator, by time, by a later ban) is nobody's question any more.
    if (ledger.openBan(ban.jail, ban.target)?.id !== ban.id) return;
    if (ignored) forbid(ban, wasHeld && replaced.length > 0);
    else await goOn(ban, replaced);
  }
}

function keyOf(jail: JailName, target: Prefix): string {
  return `${jail} ${formatPrefix(target)}`;
}
