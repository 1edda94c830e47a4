/**
 * The figures of a report: what happened in a time, as the ledger counted it. Times are ISO 8601;
 * `since` and `until` are whole hours.
 */
import type { EndReason, Origin } from './decision.js';
import { counted } from './text.js';

/** What is counted by the hour and jail. Of `lag` and `deaf` the highest number counts. */
export type HourlyKind =
  | 'attempt'
  | 'ignored'
  | 'login'
  | 'packets'
  | 'lag'
  | 'deaf'
  | 'drift'
  | 'healed'
  | 'gap'
  | 'awake';

/** One counter; those of the whole agent have no jail (``). */
export interface HourlyCount {
  /** Hours since 1970. */
  readonly hour: number;
  readonly jail: string;
  readonly kind: HourlyKind;
  readonly count: number;
}

/** An alarm as the ledger and its readers have it. The user is a stranger's text. */
export interface AlarmView {
  readonly time: string;
  readonly kind: 'takeover' | 'under-attack';
  readonly jail: string;
  readonly user: string;
  /** The address whose attempt showed it. */
  readonly address: string;
  /**
   * Networks of a takeover, 0 where one login alone showed it; addresses of an attack.
   */
  readonly count: number;
}

/** Why one login alone is an alarm; the ledger does not keep it. */
const ODD_LOGINS = {
  attacked: 'a login from where nothing vouches for it, while many fail for the user',
  guesser: 'a login from an address that failed for other users before',
  insisted: 'a login from an address that failed for the user for days',
} as const;

/** An alarm in words, wherever it is told; the user and the newest address stand beside it. */
export function alarmWords({
  kind,
  count,
  reason,
}: Pick<AlarmView, 'kind' | 'count'> & {
  readonly reason?: keyof typeof ODD_LOGINS | undefined;
}): string {
  if (kind === 'under-attack')
    return `under attack: ${counted(count, 'address', 'addresses')} failed within a day`;
  if (reason !== undefined) return `takeover? ${ODD_LOGINS[reason]}`;
  return count === 0
    ? 'takeover? a login from where nothing vouches for it'
    : `takeover? logins from ${counted(count, 'network')} within a day`;
}

/** What an hour, a jail or the whole time holds. */
export interface FigureCounts {
  /** Failed logins that were found, of those who may be banned. */
  readonly attempts: number;
  readonly bans: number;
}

export interface JailFigures extends FigureCounts {
  readonly jail: string;
  readonly logins: number;
  /** Attempts of those who are never banned. */
  readonly ignored: number;
  /** Bans made longer while they were in force. */
  readonly extended: number;
  /** Bans that an operator lifted. */
  readonly lifted: number;
  /** Bans that the kernel did not take. */
  readonly refused: number;
  /** Packets that the kernel stopped. */
  readonly packets: number;
}

/** Bans that other hosts decided and this one took. Their texts are strangers'. */
interface SharedFigures {
  /** An empty text where the engine did not say. */
  readonly host: string;
  /** `banjour`, `crowdsec`, `cscli`; lists are in no ledger. */
  readonly source: string;
  readonly bans: number;
  /** Made longer or shorter by that host. */
  readonly changed: number;
  /** Lifted by that host, or since this one knows the address now. */
  readonly lifted: number;
}

/** A ban that was probably wrong, or of an account whose password was found. */
export interface MistakeFigures {
  /**
   * `known`: somebody had logged in from there before. `lifted`: an operator lifted it. `returned`:
   * somebody logged in from there within a day after it.
   */
  readonly kind: 'known' | 'lifted' | 'returned';
  readonly id: number;
  readonly jail: string;
  readonly target: string;
  readonly time: string;
  /** The user of the last failure. */
  readonly user?: string;
  /** Who logged in, and when; or who lifted it, and when. */
  readonly who?: string;
  readonly when: string;
}

export interface Figures {
  readonly since: string;
  readonly until: string;
  /** Attempts, packets and health are counted from this time on. */
  readonly countedSince: string;
  readonly totals: Omit<JailFigures, 'jail'> & {
    /** Addresses and prefixes that were banned. */
    readonly targets: number;
    readonly byOrigin: Readonly<Record<Exclude<Origin, 'import' | 'shared'>, number>>;
    readonly mistakes: Readonly<Record<MistakeFigures['kind'], number>>;
    readonly alarms: Readonly<Record<AlarmView['kind'], number>>;
    /** Bans that ended, by why. */
    readonly ended: Partial<Readonly<Record<EndReason, number>>>;
    /** What other hosts decided: in none of the numbers above. */
    readonly shared: { readonly bans: number; readonly targets: number };
  };
  /** Every hour, those in which nothing happened too. */
  readonly hours: readonly (FigureCounts & { readonly time: string })[];
  /** Most bans first. */
  readonly jails: readonly JailFigures[];
  /** Most attempts first; of the attempts that the ledger keeps, or else of the bans. */
  readonly users: readonly (FigureCounts & {
    readonly user: string;
    /** Addresses that tried. */
    readonly addresses: number;
  })[];
  readonly usersFrom: 'attempts' | 'bans';
  /** By /24 and /48; most bans first. */
  readonly networks: readonly (FigureCounts & {
    readonly network: string;
    readonly addresses: number;
  })[];
  /** By host and source, most bans first. */
  readonly shared: readonly SharedFigures[];
  /** The newest first. */
  readonly mistakes: readonly MistakeFigures[];
  /** The newest first. */
  readonly alarms: readonly AlarmView[];
  readonly health: {
    /** Hours in which the agent ran, of those that were counted. */
    readonly hoursAwake: number;
    readonly hoursCounted: number;
    readonly lagSecondsMax: number;
    readonly drifts: number;
    readonly healed: number;
    readonly gaps: number;
    /** Hours in which something kept a jail from seeing its attackers; of the agent: no jail. */
    readonly deaf: readonly { readonly jail: string; readonly hours: number }[];
    readonly refusals: readonly { readonly reason: string; readonly count: number }[];
  };
  /** What these figures lack, a sentence each. */
  readonly missing: readonly string[];
}
