/**
 * What is said over the control sockets, version 1. docs/api.md documents it for people.
 *
 * HTTP/JSON over Unix sockets that differ by mode alone, since Node cannot ask who the peer is:
 * `control.sock` (0600) changes things, `status.sock` (0660, for a group) only reads, `policy.sock`
 * and `share.sock` are the companion's. control.sock answers all that the others do.
 */
import type {
  BanjourEvent,
  BanRecord,
  BanState,
  EvidenceRule,
  Leniency,
  Origin,
} from '../core/decision.js';
import type { EvidenceHoldings } from '../core/evidence.js';
import type { LogLevel } from '../core/log.js';
import type { ShareOrigin } from '../core/share.js';

import type { OffendersView, OffenderView } from './offender-views.js';
import type { RefusalView } from './policy-views.js';
import type { ShareView } from './share-views.js';

export type { ShareAnswer, ShareView } from './share-views.js';

/**
 * Part of every path: `/v1/...`. Fields may be added within a version; none goes or changes its
 * meaning.
 */
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
  /** The host whose journal reported it, when it was another one; or the one that decided. */
  readonly host?: string;
  readonly origin: Origin;
  /** Of a shared ban: who decided there, and why. */
  readonly source?: ShareOrigin;
  readonly scenario?: string;
  /** The person who banned by hand, where that was said. */
  readonly by?: string;
  /** Which rule decided, in a jail that weighs evidence. */
  readonly rule?: EvidenceRule;
  /**
   * `shared`: other users log in from there, so that it does not count for jails that count bans;
   * `storm`: short, since all failures came at once and for one name.
   */
  readonly leniency?: Leniency;
  readonly state: BanState;
  readonly refusal?: string;
  /** `by`: who lifted it, where that was said. */
  readonly ended?: {
    readonly time: string;
    readonly reason: NonNullable<BanRecord['ended']>['reason'];
    readonly by?: string;
  };
  /** Cursors of the entries that were counted; empty in lists of the present, which may be long. */
  readonly evidence: readonly string[];
  /** Failures of each of these entries; of a ban by evidence their points. */
  readonly counts?: readonly number[];
  readonly weights?: readonly number[];
  /** Of a ban by evidence: all that the address had when it was decided, faded points too. */
  readonly points?: number;
  /** How many failures, or of the rule `slow` points, it took; absent where no number decided. */
  readonly needed?: number;
}

export interface JailView {
  readonly jail: string;
  readonly filter: string;
  readonly match: string;
  readonly source: string;
  /** Log files that are read instead of the journal. */
  readonly files?: readonly string[];
  readonly maxretry: number;
  readonly findtimeSeconds: number;
  /** null: permanent. */
  readonly bantimeSeconds: number | null;
  /** Addresses with failures inside findtime. */
  readonly currentlyFailed: number;
  readonly totalFailed: number;
  readonly currentlyBanned: number;
  readonly totalBanned: number;
  /** Of a jail that weighs. */
  readonly evidence?: EvidenceHoldings;
  /**
   * Of a jail with `enabled = watch`: bans that would be in force, and all that it would have made.
   */
  readonly watched?: { readonly current: number; readonly total: number };
  /** Entries whose fields satisfied the match, of those that passed the literal gate. */
  readonly entriesMatched: number;
  readonly lastEntryMatched?: string;
  /** Of those, entries with one of the filter's literals: the regexes ran. */
  readonly prefilterHits: number;
  readonly lastPrefilterHit?: string;
  /** Entries that the filter found to be failures, whoever they were of. */
  readonly failuresFound: number;
  readonly lastFailure?: string;
  readonly ignored: number;
  /** Matches whose address was none; never counted. */
  readonly notAnAddress: number;
  /** Regexes that were too slow and run in the linear matcher now, by file and line. */
  readonly demoted: readonly string[];
  /** Options set by hand, `key = value`: in force until reload or restart. */
  readonly overrides: readonly string[];
  /** Whether the journal holds any entry that the match selects; absent before the first look. */
  readonly selects?: boolean;
}

export interface SourceView {
  readonly source: string;
  readonly phase: 'opening' | 'warm-up' | 'catch-up' | 'live' | 'ended' | 'waiting';
  /** Why the source cannot be read; it is tried again. Absent while it can. */
  readonly problem?: string;
  readonly entriesRead: number;
  /**
   * Entries of the jails that waited to be read at the last look (once a minute); null before the
   * first.
   */
  readonly lagEntries: number | null;
  /** Seconds between the last entry read and now while the reader is behind; 0 when it is not. */
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

interface FirewallView {
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
  readonly loglevel?: LogLevel;
  readonly sources: readonly SourceView[];
  readonly firewall: FirewallView;
  readonly jails: readonly JailView[];
  /** Of bans that hosts share; absent where the jail `shared` is off. */
  readonly shared?: ShareView;
  /** What keeps a jail from seeing its attackers, one sentence each with what to type. */
  readonly warnings: readonly string[];
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

export interface AttemptAnswer {
  /** `ignored`: it is never banned. `counted`: short of maxretry. `banned`: now, or before. */
  readonly outcome: 'counted' | 'banned' | 'ignored';
  readonly message: string;
}

export interface SetAnswer {
  readonly key: string;
  /** What is in force now. */
  readonly value: string;
  readonly changes: readonly string[];
}

/** One option in force. */
export interface OptionView {
  readonly value: string;
  /** `file:line`, or absent for what is built in. */
  readonly place?: string;
  /** Set by hand, in force until reload or restart. */
  readonly live: boolean;
}

/** Options of the agent, or of one jail with what its filter became. */
export interface OptionsView {
  readonly options: Readonly<Record<string, OptionView>>;
  readonly ignoreip?: readonly string[];
  readonly failregex?: readonly string[];
  readonly ignoreregex?: readonly string[];
}

export interface ImportAnswer {
  /** Bans that are in force now and were not before. */
  readonly banned: number;
  /** Past bans in the request; what was known before is not kept twice. */
  readonly history: number;
  readonly skipped: readonly {
    readonly jail: string;
    readonly target: string;
    readonly reason: string;
  }[];
}

/** Failures of an address that are in a window now. */
interface WindowView {
  readonly jail: string;
  readonly target: string;
  readonly failures: number;
  readonly maxretry: number;
  /** What bans a stranger there now: maxretry, or more where others log in from the address. */
  readonly needed: number;
  /** Of a jail that weighs evidence, which bans at so many points. */
  readonly points?: number;
  readonly last?: string;
  readonly evidence: readonly string[];
  /** Failures of each of these entries, and their points. */
  readonly counts: readonly number[];
  readonly weights?: readonly number[];
}

/** All that the agent knows of an address. */
export interface ExplainView {
  readonly address: string;
  /** Why it is never banned, by jail; absent where it can be. */
  readonly allowed: Readonly<Record<string, string>>;
  /** Bans that share an address with it, newest first. */
  readonly bans: readonly BanView[];
  readonly windows: readonly WindowView[];
  /** What lists of other hosts hold it; absent where there is none. */
  readonly listed?: readonly {
    readonly target: string;
    readonly until: string;
    readonly host?: string;
    readonly scenario?: string;
  }[];
  /** Who attacked with it, or from within it; absent where nobody did. */
  readonly offenders?: readonly OffendersView[];
  /** Elements of the kernel that hold it. */
  readonly kernel: readonly {
    readonly jail: string;
    readonly target: string;
    readonly until: string | null;
  }[];
}

/** Why a jail that weighs evidence bans, for people; docs/detection.md says more. */
export const RULE_REASONS: Readonly<Record<EvidenceRule, string>> = {
  fast: 'its failures at all services together',
  slow: 'it failed again and again over days',
  subnet: 'many addresses of its network fail',
  user: 'it failed for a user whom many addresses attack',
  'dead-name': 'it tried a name that nobody logs in with and that many addresses try',
  honeypot: 'it tried a honeypot name',
};

const JOINT_RULES: readonly BanView['rule'][] = ['user', 'dead-name', 'honeypot'];

/**
 * True for a ban of an address that attacked with others: it adds as many points as ban one, so
 * that the next failure is enough.
 */
export function addsPoints(ban: Pick<BanView, 'rule'> | undefined): boolean {
  return ban?.rule !== undefined && JOINT_RULES.includes(ban.rule);
}

/** One entry that was counted. */
export interface EvidenceView {
  readonly cursor: string;
  /** Absent: the journal has it no more. */
  readonly time?: string;
  /** As the filter sees it; a stranger's text. */
  readonly line?: string;
  /** Attempts that were counted of it. */
  readonly count?: number;
  /** What they weighed, of a jail that weighs; absent where it is not known any more. */
  readonly points?: number;
  /** Which regex of which file and line finds the failure in it today. */
  readonly regex?: string;
}

/** What `banjour explain` says: what the agent knows, and the entries, read again. */
export interface Explanation extends Omit<ExplainView, 'offenders'> {
  /** Each with the line of its newest entry, where the journal has it; a stranger's text. */
  readonly offenders: readonly (Omit<OffendersView, 'offenders'> & {
    readonly offenders: readonly (OffenderView & { readonly line?: string })[];
  })[];
  /** Logins that were refused before their password was looked at, newest first. */
  readonly refusals: readonly RefusalView[];
  readonly evidence: readonly {
    readonly jail: string;
    readonly entries: readonly EvidenceView[];
    /** Failures that were counted with them before, of entries that were not kept. */
    readonly earlier: number;
    /** Of a jail that weighs: all points at a time, that of the decision where there was one. */
    readonly sum?: { readonly time: string; readonly points: number };
    /** How the jail counts; absent when it is no more. `needed`: what bans, or banned. */
    readonly rule?: {
      readonly findtimeSeconds: number;
      readonly maxretry: number;
      readonly needed: number;
      readonly isWeighing: boolean;
    };
  }[];
}

/** What the kernel has counted, by jail; read at most as often as it is cheap. */
export interface CountersView {
  readonly present: boolean;
  readonly jails: Readonly<Record<string, { readonly packets: number; readonly bytes: number }>>;
}

/** What changed (or would), one line each; empty when nothing. */
export interface ReloadAnswer {
  readonly changes: readonly string[];
}

/** One event of the stream; `id` rises, over restarts too, and can be given back as `since`. */
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
  /** Of a ban by evidence. */
  readonly rule?: string;
  /** The person who banned by hand or lifted the ban, where that was said. */
  readonly by?: string;
}

/** Every answer that is not a success. */
export interface ApiProblem {
  readonly error: string;
  readonly hint?: string;
}
