/**
 * What is said over the control sockets, version 1. docs/api.md documents it for people.
 *
 * HTTP/JSON over two Unix sockets that differ by mode alone, since Node cannot ask who the peer is: `control.sock`
 * (0600) changes things, `status.sock` (0660, for a group) only reads. Everything that status.sock answers,
 * control.sock answers too.
 */
import type { BanjourEvent, BanRecord, BanState, Origin } from '../core/decision.js';

/** Part of every path: `/v1/...`. */
export const API_VERSION = 1;

/** A ban as clients see it: times as ISO 8601, `until: null` is permanent. */
export interface BanView {
  readonly id: number;
  readonly jail: string;
  /** Address or prefix. */
  readonly target: string;
  readonly time: string;
  readonly until: string | null;
  readonly failures: number;
  readonly user?: string;
  /** The host whose journal reported it, when it was another one. */
  readonly host?: string;
  readonly origin: Origin;
  readonly state: BanState;
  readonly refusal?: string;
  readonly ended?: { readonly time: string; readonly reason: NonNullable<BanRecord['ended']>['reason'] };
  readonly evidence: readonly string[];
}

export interface JailView {
  readonly jail: string;
  readonly filter: string;
  readonly match: string;
  readonly source: string;
  readonly maxretry: number;
  readonly findtimeSeconds: number;
  /** null: permanent. */
  readonly bantimeSeconds: number | null;
  /** Addresses with failures inside findtime. */
  readonly currentlyFailed: number;
  readonly totalFailed: number;
  readonly currentlyBanned: number;
  readonly totalBanned: number;
  /** Entries whose fields satisfied the match, of those that passed the literal gate. */
  readonly entriesMatched: number;
  readonly ignored: number;
  /** Matches whose address was none; never counted. */
  readonly notAnAddress: number;
  readonly lastFailure?: string;
  /** Regexes that were too slow and run in the linear matcher now, by file and line. */
  readonly demoted: readonly string[];
}

export interface SourceView {
  readonly source: string;
  readonly phase: 'opening' | 'warm-up' | 'catch-up' | 'live' | 'ended';
  readonly entriesRead: number;
  /** Seconds between the last entry read and now; how far behind a reader under load is. */
  readonly lagSeconds: number | null;
  readonly lastEntry?: string;
  readonly entriesCut: number;
  readonly entriesUnreadable: number;
  readonly gaps: number;
  /** What it is made of: hosts or text files; absent when it is one journal. */
  readonly streams?: readonly StreamInfo[];
}

/** A host's journal or a text file. */
export interface StreamInfo {
  readonly name: string;
  readonly host?: string;
  readonly machineId?: string;
  readonly entriesRead: number;
  readonly lastEntry?: string;
}

export interface FirewallView {
  readonly hook: string;
  readonly inForce: number;
  readonly refused: number;
  readonly batches: number;
  readonly healed: number;
  readonly lastBatchMs: number | null;
}

export interface AgentView {
  readonly version: string;
  readonly pid: number;
  readonly since: string;
  readonly state: 'starting' | 'running' | 'stopping';
  readonly sources: readonly SourceView[];
  readonly firewall: FirewallView;
  readonly jails: readonly JailView[];
  readonly warnings: readonly string[];
}

export interface BanRequest {
  readonly jail: string;
  readonly targets: readonly string[];
  /** Seconds; null bans for good; absent takes the jail's. */
  readonly bantimeSeconds?: number | null;
  /** Also very wide prefixes and allowed addresses. */
  readonly force?: boolean;
}

export interface UnbanRequest {
  /** Absent: in every jail. */
  readonly jail?: string;
  readonly targets: readonly string[] | 'all';
}

/** What became of each target, in the order of the request. */
export interface ChangeAnswer {
  readonly results: readonly {
    readonly target: string;
    readonly jail?: string;
    readonly done: boolean;
    readonly message: string;
  }[];
  /** How many changed. */
  readonly changed: number;
}

/** Failures of an address that are in a window now. */
export interface WindowView {
  readonly jail: string;
  readonly target: string;
  readonly failures: number;
  readonly maxretry: number;
  readonly last?: string;
  readonly evidence: readonly string[];
}

/** All that the agent knows of an address. */
export interface ExplainView {
  readonly address: string;
  /** Why it is never banned, by jail; absent where it can be. */
  readonly allowed: Readonly<Record<string, string>>;
  /** Bans that share an address with it, newest first. */
  readonly bans: readonly BanView[];
  readonly windows: readonly WindowView[];
  /** Elements of the kernel that hold it. */
  readonly kernel: readonly { readonly jail: string; readonly target: string; readonly until: string | null }[];
}

export interface ReloadRequest {
  /** Only tell what would change. */
  readonly dryRun?: boolean;
}

/** What changed (or would), one line each; empty when nothing. */
export interface ReloadAnswer {
  readonly changes: readonly string[];
}

/** One event of the stream; `id` rises and can be given back as `since`. */
export interface StreamEvent {
  readonly id: number;
  readonly event: BanjourEvent;
  readonly time: string;
  readonly jail: string;
  readonly address: string;
  readonly user?: string;
  readonly host?: string;
  readonly count?: number;
  readonly until?: string | null;
  readonly cursor?: string;
  readonly reason?: string;
}

/** Every answer that is not a success. */
export interface ApiProblem {
  readonly error: string;
  readonly hint?: string;
}

/** What the daemon does for the sockets. Throws `OperatorError` for what the client can mend. */
export interface Operations {
  status(): AgentView;
  jail(name: string): { readonly jail: JailView; readonly banned: readonly BanView[] };
  bans(query: { readonly jail?: string; readonly address?: string }): readonly BanView[];
  history(query: { readonly jail?: string; readonly address?: string; readonly limit: number }): readonly BanView[];
  ban(request: BanRequest): Promise<ChangeAnswer>;
  unban(request: UnbanRequest): Promise<ChangeAnswer>;
  flush(): Promise<void>;
  reload(request: ReloadRequest): Promise<ReloadAnswer>;
  explain(address: string): Promise<ExplainView>;
  /** Calls back for each event from now on; returns the way to stop. */
  subscribe(listener: (event: StreamEvent) => void): () => void;
}
