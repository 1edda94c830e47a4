/** What the agent knows at the moment of a scrape. Counts are of this run of the agent. */
import type { Family } from '../core/address.js';
import type { EvidenceHoldings } from '../core/evidence.js';
import type { EpochMicros } from '../core/time.js';

export interface SourceNumbers {
  readonly source: string;
  /** The end of the source was reached once. */
  readonly live: boolean;
  readonly entriesRead: number;
  readonly entriesCut: number;
  readonly entriesUnreadable: number;
  readonly gaps: number;
  /** null before the first entry. */
  readonly lagSeconds: number | null;
  readonly lastEntry?: EpochMicros;
}

export interface JailNumbers {
  readonly jail: string;
  readonly matched: number;
  readonly prefilterHits: number;
  readonly successes: number;
  readonly notAnAddress: number;
  readonly givenUp: number;
  readonly demoted: number;
  readonly tracked: number;
  readonly evicted: number;
  /** Of a jail that weighs evidence. */
  readonly evidence?: EvidenceHoldings;
}

export interface AgentSnapshot {
  readonly version: string;
  readonly startedAt: EpochMicros;
  readonly sources: readonly SourceNumbers[];
  readonly jails: readonly JailNumbers[];
  readonly activeBans: readonly {
    readonly jail: string;
    readonly family: Family;
    readonly count: number;
  }[];
  /** By jail, as the kernel counted; absent when it could not be asked. */
  readonly stopped?: ReadonlyMap<string, { readonly packets: number; readonly bytes: number }>;
  /** Of bans that hosts share; absent where the jail `shared` is off. */
  readonly shared?: {
    readonly taken: number;
    readonly refused: Readonly<Record<string, number>>;
    readonly listed: number;
  };
  readonly batchesUnderWay: number;
  readonly drifts: number;
  readonly healed: number;
  readonly ledgerBytes: number;
  readonly residentBytes: number;
  readonly cpuSeconds: number;
}
