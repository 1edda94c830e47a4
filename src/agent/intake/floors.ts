/**
 * Tells the jails what the ledger says is settled: failures of bans that were decided or are over,
 * and of whom an operator unbanned. A host with 200,000 bans has as many floors, and telling them
 * takes a second. So they are told in pieces, and those of whoever fails meanwhile at the live edge
 * ahead of the others.
 */
import { hostPrefix } from '../../core/address.js';
import type { FilterEvent } from '../../core/decision.js';
import type { JailName } from '../../core/names.js';
import type { EpochMicros } from '../../core/time.js';
import type { Jails } from '../../jail/jails.js';
import type { Ledger } from '../../ledger/ledger.js';

/** Floors that are told before other work of this thread gets its turn: some 5 ms. */
const FLOORS_PER_TURN = 1_000;

export class FloorTeller {
  readonly #jails: Jails;
  readonly #ledger: Ledger;
  /** Whose floors were asked for ahead of the others; absent when all are told. */
  #ahead: Set<string> | undefined;

  constructor({ jails, ledger }: { readonly jails: Jails; readonly ledger: Ledger }) {
    this.#jails = jails;
    this.#ledger = ledger;
  }

  /**
   * Tells these jails all floors since a time, those of operators' unbans at once. Resolves when
   * they have them; stored entries are judged after that.
   */
  async tell(since: EpochMicros, only: ReadonlySet<JailName>): Promise<void> {
    this.#ahead = new Set();
    for (const floors of piecesOf(this.#ledger.floors(since), FLOORS_PER_TURN)) {
      this.#jails.remember(floors, only);
      await new Promise(setImmediate);
    }
    this.#ahead = undefined;
  }

  /** Tells the floors of those whom these events are about, unless they have been told. */
  tellOf(events: readonly FilterEvent[]): void {
    const ahead = this.#ahead;
    if (ahead === undefined) return;
    for (const { address } of events) {
      if (ahead.has(address.text)) continue;
      ahead.add(address.text);
      this.#jails.remember(this.#ledger.history.floorsOf(hostPrefix(address)));
    }
  }
}

function* piecesOf<T>(all: Iterable<T>, size: number): IterableIterator<T[]> {
  let piece: T[] = [];
  for (const one of all)
    if (piece.push(one) === size) {
      yield piece;
      piece = [];
    }
  yield piece;
}
