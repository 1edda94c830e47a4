/**
 * What the agent of this host did in the same time, from its ledger, and how a replay differs.
 * Reads only.
 */
import { formatPrefix } from '../../core/address.js';
import type { BanRecord } from '../../core/decision.js';
import { HISTORY_ANSWER_ROWS_MAX } from '../../core/service-limits.js';
import { type EpochMicros, plus, type Seconds } from '../../core/time.js';
import type { Ledger } from '../../ledger/ledger.js';
import { openLedgerForReading } from '../../ledger/open.js';
import type { WouldBan } from './what-if.js';

interface Happened {
  readonly jail: string;
  readonly target: string;
  /** Of the first ban in the compared time. */
  readonly time: EpochMicros;
}

export interface WhatDiffers {
  /** The ledger that was compared with. */
  readonly ledger: string;
  /**
   * Compared are bans decided in this time: what the ledger still remembers of what was replayed.
   */
  readonly from: EpochMicros;
  readonly to: EpochMicros;
  /** Banned then and in the replay. */
  readonly both: number;
  readonly onlyReplay: readonly WouldBan[];
  readonly onlyThen: readonly Happened[];
}

export interface HistoryRequest {
  readonly path: string;
  readonly banned: readonly WouldBan[];
  readonly from: EpochMicros;
  readonly to: EpochMicros;
  /** dbpurgeage: what ended longer before `to` may be forgotten. */
  readonly keep: Seconds;
  /** Only these jails; all when empty. */
  readonly jails: readonly string[];
}

/**
 * Compares by jail and target.
 * @throws OperatorError when there is no ledger at the path or it cannot be read
 */
export function differenceFromHistory(request: HistoryRequest): WhatDiffers {
  const { path, banned, to, keep, jails } = request;
  const from = Math.max(request.from, plus(to, -keep)) as EpochMicros;
  const ledger = openLedgerForReading(path);
  try {
    const then = new Map<string, Happened>();
    for (const { jail, target, time, origin, state } of decidedSince(ledger, from)) {
      if (origin !== 'journal' || state === 'refused' || time > to) continue;
      if (jails.length > 0 && !jails.includes(jail)) continue;
      const text = formatPrefix(target);
      then.set(`${jail} ${text}`, { jail, target: text, time });
    }
    const here = banned.filter(({ last }) => last >= from);
    const wanted = new Set(here.map(({ jail, target }) => `${jail} ${target}`));
    const onlyReplay = here.filter(({ jail, target }) => !then.has(`${jail} ${target}`));
    return {
      ledger: path,
      from,
      to,
      both: here.length - onlyReplay.length,
      onlyReplay,
      onlyThen: [...then].filter(([key]) => !wanted.has(key)).map(([, one]) => one),
    };
  } finally {
    ledger.close();
  }
}

/** Newest first, so that of several bans of a target the first one is seen last. */
function* decidedSince(ledger: Ledger, since: EpochMicros): Generator<BanRecord> {
  let before: number | undefined;
  for (;;) {
    const page = ledger.history.find({ since, ...(before === undefined ? {} : { before }) });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < HISTORY_ANSWER_ROWS_MAX) return;
    before = last.id;
  }
}
