/**
 * What the configuration says, as plain data for each stage. `config` writes these; stages read
 * them. All of it can cross a thread boundary (structured clone).
 */
import type { Prefix } from './address.js';
import type { FilePosition } from './finding.js';
import type { MatchExpression } from './match.js';
import type { FilterName, JailName } from './names.js';
import type { SharePolicy } from './share.js';
import type { Seconds } from './time.js';

/** A regex, still in Python's syntax with fail2ban's tags, and where it was written. */
export interface SourceText {
  readonly text: string;
  readonly place: FilePosition;
}

/**
 * A filter after includes, overlays, interpolation and option tags; the regex tags (`<HOST>` ...)
 * are still in.
 */
export interface FilterDefinition {
  readonly name: FilterName;
  readonly failregex: readonly SourceText[];
  readonly ignoreregex: readonly SourceText[];
  /** Beyond fail2ban: an entry that reports a success of the address. */
  readonly successregex: readonly SourceText[];
  readonly prefregex?: SourceText;
  /** Lines that one regex may span; 1 unless the filter is multi-line. */
  readonly maxlines: number;
  /**
   * Bytes at which the daemon cuts its lines; undefined where that cannot make a line look like
   * another.
   */
  readonly linelimit?: number;
  /** `no`: a name instead of an address never counts. `raw` is fail2ban's: keep it as it is. */
  readonly usedns: 'no' | 'raw';
  /** Used for text files only. */
  readonly datepattern?: SourceText;
  /**
   * The administrator's proxies: of a chain of addresses (`<F-CHAIN>`) the last that is none of
   * these counts.
   */
  readonly proxies?: readonly Prefix[];
  /**
   * `container`: the daemon's header may stand in MESSAGE of any entry, not only of a container's.
   */
  readonly logtype?: 'container';
  /**
   * `system`: an entry that an ordinary user's process wrote counts only where the match names its
   * `_UID`.
   */
  readonly loggedby?: 'system';
  /** The filter's own match, used when the jail has none. */
  readonly journalmatch?: MatchExpression;
}

/** What the intake thread needs of one jail. */
export interface JailIntake {
  readonly jail: JailName;
  readonly match: MatchExpression;
  readonly filter: FilterDefinition;
}

/** How the jail judges. */
export interface JailPolicy {
  readonly jail: JailName;
  /**
   * What it counts: failures that its filter finds (the default), bans of the other jails
   * (recidive), nothing: a jail for bans by hand; or it weighs the failures and logins of the jails
   * of its group (evidence).
   */
  readonly counts?: 'failures' | 'bans' | 'nothing' | 'evidence';
  /** True: it decides, says so and counts, and bans nobody (`enabled = watch`). */
  readonly watch?: boolean;
  /** Of the jail `shared`. */
  readonly share?: SharePolicy;
  /** The jail that weighs what this one finds. */
  readonly group?: JailName;
  /** How a jail that weighs does it; `maxretry` is its points, `findtime` their half-life. */
  readonly evidence?: EvidencePolicy;
  readonly maxretry: number;
  readonly findtime: Seconds;
  /** null bans for good. */
  readonly bantime: Seconds | null;
  /** Longer bans for repeat offenders; absent when off. */
  readonly increment?: BantimeIncrement;
  /** Prefix length that IPv6 offenders are counted and banned by, 1-128. */
  readonly ipv6prefix: number;
  /** NAT64 prefixes of this network: their addresses are IPv4 hosts, counted and banned singly. */
  readonly nat64?: readonly Prefix[];
  /** A success of the address forgets its failures in this jail. */
  readonly forgetOnSuccess: boolean;
  /**
   * Cursors kept with a ban as evidence, at most `EVIDENCE_CURSORS_MAX`, which it is when absent.
   */
  readonly maxmatches?: number;
}

/** What a jail that weighs evidence goes by, beside its points and their half-life. */
export interface EvidencePolicy {
  /** How long a login vouches for its user at the address and the network that it came from. */
  readonly credit: Seconds;
  /** Offenders of one prefix within a week that ban the prefix; 0 is off. */
  readonly subnet: number;
  /**
   * Addresses that fail for one user within a day before each further one is banned at once; 0 is
   * off.
   */
  readonly underattack: number;
  /**
   * Addresses that try a name which never logged in before each further one is banned at once; 0 is
   * off.
   */
  readonly deadnames: number;
  /** Networks from which one user logs in within a day that make an alarm; 0 is off. */
  readonly takeover: number;
  /** Names that no honest client uses, in lower case. */
  readonly honeypot: readonly string[];
}

export interface BantimeIncrement {
  /**
   * `exponential`: bantime * 2^n (fail2ban's default formula); `multipliers`: bantime * list[n],
   * the last repeating.
   */
  readonly formula:
    | { readonly kind: 'exponential' }
    | { readonly kind: 'multipliers'; readonly list: readonly number[] };
  readonly factor: number;
  /** Longest ban; null when unbounded. */
  readonly maxtime: Seconds | null;
  /** Up to this much is added at random. */
  readonly rndtime: Seconds;
  /** Count earlier bans of every jail, not only of this one. */
  readonly overalljails: boolean;
}

export type Protocol = 'tcp' | 'udp' | 'udplite' | 'sctp' | 'dccp';

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Port ranges sorted and joined where they touch: nft refuses overlaps in an anonymous set. */
export function mergePorts(ports: readonly PortRange[]): PortRange[] {
  const merged: PortRange[] = [];
  for (const range of [...ports].sort((a, b) => a.first - b.first)) {
    const last = merged.at(-1);
    if (last !== undefined && range.first <= last.last + 1)
      merged[merged.length - 1] = { first: last.first, last: Math.max(last.last, range.last) };
    else merged.push(range);
  }
  return merged;
}

/** What a jail's bans close in the kernel. */
export interface JailRule {
  readonly jail: JailName;
  /** `all` closes every port of the protocols. */
  readonly ports: readonly PortRange[] | 'all';
  /** `all` closes every protocol, ICMP too; only together with ports `all`. */
  readonly protocols: readonly Protocol[] | 'all';
  readonly verdict: 'drop' | 'reject';
  /** Where this jail's bans are judged; as the plan says when absent. */
  readonly hook?: Hook;
  /**
   * Of the jail `shared` when it takes lists: a second rule like this one holds for what they
   * bring.
   */
  readonly lists?: true;
}

/** Where packets are judged. `both` is input and forward. */
export type Hook = 'input' | 'forward' | 'both' | 'prerouting';

/** Everything the kernel table must contain besides the bans. */
export interface FirewallPlan {
  readonly hook: Hook;
  /**
   * A second table of the bridge family, for bridges without br_netfilter; every verdict in it is
   * drop.
   */
  readonly bridge: boolean;
  readonly rules: readonly JailRule[];
  /** Addresses that no jail may shut out. */
  readonly allow: readonly Prefix[];
  /** Count packets per banned element (costs memory), not only per jail. */
  readonly countersPerElement: boolean;
}

/** One `ignoreip` word. */
export type AllowTerm =
  | { readonly kind: 'prefix'; readonly prefix: Prefix }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string };

/** Addresses that must never be banned. */
export interface AllowSpec {
  /** Valid for every jail. */
  readonly terms: readonly AllowTerm[];
  /** Additional terms of single jails. */
  readonly perJail: ReadonlyMap<JailName, readonly AllowTerm[]>;
  /** Own addresses of this host. Off in replay: a stored journal is of another place and time. */
  readonly self: boolean;
  /** Default gateways, resolvers, logged-in administrators. */
  readonly lockoutGuard: boolean;
  /** NAT64 prefixes of this network: who is exempted by an IPv4 address is so behind them too. */
  readonly nat64?: readonly Prefix[];
}
