import { formatPrefix, type Prefix } from '../core/address.js';
import type { BanDecision } from '../core/decision.js';
import type { JailName } from '../core/names.js';
import type { EpochMicros } from '../core/time.js';
import type { JailContext, OpenBan } from './verdict.js';

/** A decision of this call, and whether it extends a ban. */
export interface Taken {
  readonly decision: BanDecision;
  readonly extends: boolean;
}

/** The ledger as it will be once the decisions of this call are in it. */
export class Overlay {
  readonly decisions: Taken[] = [];
  readonly random: () => number;
  readonly #context: JailContext;
  readonly #open = new Map<string, BanDecision>();
  readonly #bans = new Map<string, number>();

  constructor(context: JailContext) {
    this.#context = context;
    this.random = () => context.random();
  }

  get latest(): EpochMicros | undefined {
    return this.#context.latest?.();
  }

  openBan(jail: JailName, target: Prefix): OpenBan | undefined {
    return this.#open.get(name(jail, target)) ?? this.#context.openBan(jail, target);
  }

  previousBans(jail: JailName | undefined, target: Prefix): number {
    return this.#context.previousBans(jail, target) + (this.#bans.get(name(jail, target)) ?? 0);
  }

  add(decision: BanDecision, extension: boolean): void {
    const { jail, target } = decision;
    this.decisions.push({ decision, extends: extension });
    this.#open.set(name(jail, target), decision);
    if (extension) return;
    for (const scope of [jail, undefined]) {
      const key = name(scope, target);
      this.#bans.set(key, (this.#bans.get(key) ?? 0) + 1);
    }
  }
}

function name(jail: JailName | undefined, target: Prefix): string {
  return `${jail ?? ''} ${formatPrefix(target)}`;
}
