/**
 * An engine is where hosts share their bans: what one publishes there, the others hear. Times are
 * milliseconds since 1970 by this host's own clock; an engine tells them over as the time that is
 * left, so that no two clocks are ever compared. `Infinity` is for good.
 *
 * The contract that test/share/contract.ts holds every engine to: what `publish` resolved for is
 * heard by every other host, in order, and by itself only as its own; a host of the same name is
 * another one; a listing holds everything that is in force; publishing the same again changes
 * nothing; whatever fails rejects, and the engine is closed and made anew.
 */
import { messageOf } from '../core/errors.js';
import type { ShareOrigin } from '../core/share.js';

/** What this host tells the others. */
export interface BanChange {
  readonly kind: 'ban';
  readonly jail: string;
  /** Address or prefix. */
  readonly target: string;
  readonly until: number;
  /** An earlier word of this host about it would last longer: it goes. */
  readonly shortens: boolean;
}

interface LiftChange {
  readonly kind: 'lift';
  readonly jail: string;
  readonly target: string;
}

export type ShareChange = BanChange | LiftChange;

/** A decision of another. */
export interface SharedDecision {
  /** Names it at the engine; what comes again under the same key takes its place. */
  readonly key: string;
  readonly target: string;
  readonly until: number;
  readonly origin: ShareOrigin;
  /** Who decided, where the engine says. */
  readonly host?: string;
  /** Why: the jail's name as `banjour/sshd`, a scenario of CrowdSec, the name of a list. */
  readonly scenario?: string;
}

/** A decision that was taken back, or is over. */
export interface GoneDecision {
  readonly key: string;
  readonly target: string;
  readonly origin: ShareOrigin;
}

/** What an engine says: a part of a listing, or what is new. */
export interface EngineNews {
  /**
   * `part`: of all that is in force; `end`: the last part, the listing is whole. Absent: what
   * changed since. In a listing `gone` is what was taken back while this host did not listen.
   */
  readonly listing?: 'part' | 'end';
  readonly put: readonly SharedDecision[];
  readonly gone: readonly GoneDecision[];
  /** Own decisions, by `ownKey`: in a listing all that are in force, else only counted. */
  readonly own: ReadonlyMap<string, number>;
  /** Words that make no sense as a decision, or of a kind that is not for a firewall. */
  readonly passedOver: number;
  /** What `run` is given at the next start. */
  readonly position?: string;
}

export interface ShareEngine {
  /** For people: `valkey://192.0.2.1:6379`, without a secret. */
  readonly where: string;
  /** Connects and logs in. Rejects with `OperatorError` where a person can mend it. */
  open(): Promise<void>;
  /**
   * Lists, then follows, then lists again each time that `listAgain` was called; awaits each
   * `take`. `since` is a position of an earlier run. Ends only by rejecting, or when `signal`
   * aborts.
   */
  run(
    since: string | undefined,
    take: (news: EngineNews) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
  /** Asks `run` for a whole listing. */
  listAgain(): void;
  /** Takes at most `SHARE_PUBLISH_MAX` changes, in order. */
  publish(changes: readonly ShareChange[]): Promise<void>;
  /** Says that this host is there; rejects when nobody answers. */
  heartbeat(): Promise<void>;
  /** Lets go of all connections at once. Never rejects. */
  close(): Promise<void>;
}

/** What an engine is made of. */
export interface EngineOptions {
  /** This host's name, and what tells it from a namesake: by both its own decisions are known. */
  readonly host: string;
  readonly installation: string;
  /** Origins that are of interest; what is not is not asked for where the engine can choose. */
  readonly origins: readonly ShareOrigin[];
  /** This host's clock, ms since 1970. */
  readonly now?: () => number;
}

/** True for what tells installations apart: eight hexadecimal digits. */
export function isInstallation(text: string): boolean {
  return /^[0-9a-f]{8}$/.test(text);
}

/** Names a ban among those of this host. */
export function ownKey(jail: string, target: string): string {
  return `${jail} ${target}`;
}

/** Schemes of `url` in [share] for an engine of one kind. */
export interface UrlSchemes {
  readonly plain: string;
  readonly tls: string;
}

/** First byte of what a server says that waits for TLS: an alert. */
export const TLS_ALERT = 0x15;

/** Why a connection without TLS ends when the server speaks it. */
export const TLS_ANSWER = 'its answer is TLS';

/** What to do when one side speaks TLS and the other does not, or with another certificate. */
export function tlsHint(error: unknown, { plain, tls }: UrlSchemes): string | undefined {
  const { code = '' } = error as { readonly code?: string };
  const text = messageOf(error);
  if (/wrong version number|packet length too long/.test(text) || code === 'EPROTO')
    return `that port speaks no TLS: write ${plain}:// into url of [share], or give the server a port that does`;
  if (text.includes(TLS_ANSWER))
    return `that port speaks TLS: write ${tls}:// into url of [share], and ca-file`;
  if (/SELF_SIGNED|UNABLE_TO_(?:GET_ISSUER|VERIFY)/.test(code))
    return "ca-file of [share] is the certificate that the server's is signed by";
  return code === 'ERR_TLS_CERT_ALTNAME_INVALID'
    ? 'the certificate is for another name: write that one into url of [share]'
    : undefined;
}
