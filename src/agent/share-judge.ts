/**
 * Whether this host takes what another one decided. The agent trusts nothing of it: what it bans,
 * for how long and whom is bounded here, and this host's own exemptions always win.
 */
import { hostname } from 'node:os';
import type { Allowlist } from '../allow/allowlist.js';
import { PrefixTable } from '../allow/snapshot.js';
import { formatPrefix, isHost, type Prefix, parsePrefix } from '../core/address.js';
import type { BanDecision } from '../core/decision.js';
import { PARDONS_MAX } from '../core/limits.js';
import { localIn, noneRemote, strangersIn } from '../core/networks.js';
import { SHARE_ORIGINS, SHARED_JAIL, type ShareOrigin, type SharePolicy } from '../core/share.js';
import type { JailPolicy } from '../core/specs.js';
import { type EpochMicros, epochMicros, isoTime, MICROS_PER_SECOND, plus } from '../core/time.js';
import type { Jails } from '../jail/jails.js';
import type { Ledger } from '../ledger/ledger.js';
import type { AgentSetup } from '../setup/setup.js';

/** Why a decision is not taken, for counting. */
const SHARE_REFUSALS = [
  'target',
  'origin',
  'until',
  'over',
  'prefix',
  'nowhere',
  'local',
  'allowed',
  'credit',
  'own',
  'lifted',
  'full',
  'rate',
  'watch',
  'kernel',
] as const;
export type ShareRefusal = (typeof SHARE_REFUSALS)[number];

/** A decision that is not taken. */
export interface Refused {
  readonly reason: ShareRefusal;
  readonly why: string;
}

/** A decision that may be taken. */
export interface Accepted {
  readonly target: Prefix;
  readonly origin: ShareOrigin;
  readonly until: EpochMicros;
  /** It was to end later. */
  readonly isCut: boolean;
}

/** A decision as it was told: every word of it may be anything. */
interface ToldDecision {
  readonly target: string;
  readonly origin: string;
  readonly until: string;
  readonly host?: string;
  readonly scenario?: string;
}

/** IPv6 prefixes of other lengths would cost the kernel a look-up more for every packet. */
const LENGTH_STEP = 4;

/** Told anew, a decision ends a little later or earlier than before: that is no other one. */
export const SLACK_SECONDS = 2;
/** One that was cut ends later whenever it is told: this part of its length later is no news. */
const CUT_SLACK = 0.05;

/** What the judging asks. */
export interface JudgeDeps {
  readonly jails: Pick<Jails, 'vouches'>;
  readonly allow: Pick<Allowlist, 'snapshot'>;
  readonly ledger: Ledger;
  readonly setup: () => Pick<AgentSetup, 'jails' | 'ipv6'>;
  /** This host's name; the system's unless a test has another. */
  readonly ownName?: string;
}

/** The policy of the jail `shared`. */
type SharedJail = JailPolicy & { readonly share: SharePolicy };

function isSharedJail(policy: JailPolicy): policy is SharedJail {
  return policy.share !== undefined;
}

const NO_JAIL: Refused = { reason: 'origin', why: 'there is no jail shared' };

export class ShareJudge {
  readonly #deps: JudgeDeps;
  readonly #ownName: string;
  /** What the operators' unbans up to one of them lifted. */
  #lifted: { readonly upTo: string; readonly prefixes: LiftedPrefixes } | undefined;

  constructor(deps: JudgeDeps) {
    this.#deps = deps;
    this.#ownName = deps.ownName ?? hostname();
  }

  /** What the jail `shared` takes; undefined when there is no such jail. */
  get policy(): SharePolicy | undefined {
    return this.#jail?.share;
  }

  /**
   * What operators opened lately, for the lists: the ledger does not know what of them went, but
   * nothing that went would stand longer than `bantimeMax`.
   */
  opened(now: EpochMicros): { target: Prefix; until: EpochMicros }[] {
    const longest = this.policy?.bantimeMax;
    if (longest === undefined) return [];
    return this.#deps.ledger.history
      .pardons(plus(now, -longest))
      .filter(({ jail }) => jail === undefined || jail === SHARED_JAIL)
      .map(({ target, upTo }) => ({ target, until: plus(upTo, longest) }));
  }

  /** What is to become of a decision. */
  judge(told: ToldDecision, now: EpochMicros): Accepted | Refused {
    const jail = this.#jail;
    const target = parsePrefix(told.target);
    const origin = SHARE_ORIGINS.find((one) => one === told.origin);
    if (jail === undefined) return NO_JAIL;
    if (jail.watch === true) return { reason: 'watch', why: 'the jail shared only watches' };
    if (target === undefined) return { reason: 'target', why: 'not an address or prefix' };
    if (origin === undefined) return { reason: 'origin', why: 'an unknown origin' };
    const end = /^\d{4}-\d\d-\d\dT/.test(told.until) ? Date.parse(told.until) * 1000 : Number.NaN;
    if (!(end >= 0)) return { reason: 'until', why: 'its end is not a time' };
    if (end <= now) return { reason: 'over', why: `it was over at ${isoTime(epochMicros(end))}` };
    const refused =
      this.#refuse(jail, target, origin, now) ??
      this.#isOwn(target, told.host, now) ??
      this.#isLifted(target, now);
    if (refused !== undefined) return refused;
    const latest = plus(now, jail.share.bantimeMax);
    const until = epochMicros(Math.min(end, latest));
    return { target, origin, until, isCut: end > latest };
  }

  /** A ban of the jail `shared`; undefined when it stands already until then. */
  decisionOf(told: ToldDecision, accepted: Accepted, now: EpochMicros): BanDecision | undefined {
    const { target, until, origin, isCut } = accepted;
    const open = this.#deps.ledger.openBan(SHARED_JAIL, target);
    // One that was taken over from the kernel says not where it came from.
    if (open !== undefined && open.origin !== 'import') {
      const slack = isCut ? (until - now) * CUT_SLACK : SLACK_SECONDS * MICROS_PER_SECOND;
      if (open.origin !== 'shared' || open.until === null) return;
      if (Math.abs(open.until - until) <= slack) return;
    }
    return {
      kind: 'ban',
      jail: SHARED_JAIL,
      target,
      time: now,
      until,
      failures: 0,
      evidence: [],
      origin: 'shared',
      source: origin,
      ...(told.host === undefined ? {} : { host: told.host }),
      ...(told.scenario === undefined ? {} : { scenario: told.scenario }),
      previousBans: 0,
    };
  }

  /** Why a target is not (or no more) to be banned for others, whatever the rest says. */
  refuse(target: Prefix, origin: ShareOrigin, now: EpochMicros): Refused | undefined {
    const jail = this.#jail;
    return jail === undefined ? NO_JAIL : this.#refuse(jail, target, origin, now);
  }

  #refuse(
    jail: SharedJail,
    target: Prefix,
    origin: ShareOrigin,
    now: EpochMicros,
  ): Refused | undefined {
    const { allow, jails, setup } = this.#deps;
    const { accept, prefix } = jail.share;
    if (!accept.includes(origin))
      return { reason: 'origin', why: `accept of the jail shared does not have ${origin}` };
    const shortest = prefix[target.family === 4 ? 0 : 1];
    if (target.length < shortest)
      return { reason: 'prefix', why: `wider than /${shortest} (accept-prefix)` };
    if (target.family === 6 && target.length % LENGTH_STEP !== 0)
      return { reason: 'prefix', why: `its length is no multiple of ${LENGTH_STEP}` };
    if (target.family === 6 && !setup().ipv6) return { reason: 'allowed', why: 'allowipv6 = no' };
    const nowhere = noneRemote(target);
    if (nowhere !== undefined) return { reason: 'nowhere', why: nowhere };
    const network = localIn(target);
    if (network !== undefined)
      return {
        reason: 'local',
        why: `addresses of ${formatPrefix(network)} name another machine here`,
      };
    const strangers = strangersIn(target, jail.nat64);
    if (strangers !== undefined)
      return {
        reason: 'prefix',
        why: `it holds strangers: in ${formatPrefix(strangers)} each address is a host of its own`,
      };
    const exempted = allow.snapshot.overlapsAny(target);
    if (exempted !== undefined) return { reason: 'allowed', why: `never banned: ${exempted.text}` };
    if (jails.vouches(target, now))
      return {
        reason: 'credit',
        why: `somebody logged in ${isHost(target) ? 'from it' : 'from there'} lately`,
      };
    return undefined;
  }

  /** This host's own ban, come back from others. */
  #isOwn(target: Prefix, host: string | undefined, now: EpochMicros): Refused | undefined {
    if (host !== this.#ownName) return undefined;
    const text = formatPrefix(target);
    const own = this.#deps.ledger
      .covering(target, now)
      .some((ban) => ban.jail !== SHARED_JAIL && formatPrefix(ban.target) === text);
    return own ? { reason: 'own', why: 'it is this host’s own ban' } : undefined;
  }

  /**
   * An operator lifted it here, or a part of it, which holds as long as the ban would have: what
   * was opened comes back in no other prefix.
   */
  #isLifted(target: Prefix, now: EpochMicros): Refused | undefined {
    const { history } = this.#deps.ledger;
    // Of these the ledger knows all; the table of what shares addresses has a bound.
    if ((history.liftedUntil(SHARED_JAIL, target) ?? now) > now)
      return { reason: 'lifted', why: 'an operator lifted it here' };
    const isStill = (ban: Prefix) => history.liftedUntil(SHARED_JAIL, ban) !== undefined;
    const upTo = history.newestPardon();
    if (this.#lifted?.upTo !== upTo) {
      const all = history.lifted(SHARED_JAIL, now).filter(({ ban }) => isStill(ban));
      this.#lifted = { upTo, prefixes: new LiftedPrefixes(PARDONS_MAX, all) };
    }
    const { prefixes } = this.#lifted;
    let lifted = prefixes.overlap(target, now);
    // An operator who banned it again since has changed his mind about that ban, not about others.
    while (lifted !== undefined && !isStill(lifted.ban)) {
      prefixes.drop(lifted);
      lifted = prefixes.overlap(target, now);
    }
    if (lifted === undefined) return undefined;
    return { reason: 'lifted', why: `an operator lifted ${formatPrefix(lifted.target)} here` };
  }

  get #jail(): SharedJail | undefined {
    for (const { policy } of this.#deps.setup().jails) if (isSharedJail(policy)) return policy;
    return undefined;
  }
}

/**
 * What an operator opened again: no other host and no list may close it, what holds it or lies in
 * it, until the ban that was lifted would have ended.
 */
interface Lifted {
  /** What is to stay open: of the ban and what the operator named, the narrower one. */
  readonly target: Prefix;
  /** The ban, or the element of a list, that was lifted. */
  readonly ban: Prefix;
  /** Its end. */
  readonly until: EpochMicros;
}

/** A bounded set of what was opened again, the newest, asked with every decision that comes. */
export class LiftedPrefixes {
  readonly #most: number;
  readonly #lifted = new Map<string, Lifted>();
  /** Made when it is asked for, of those that have not ended; serves until the first end. */
  #table: { readonly of: PrefixTable<Lifted>; readonly until: number } | undefined;

  constructor(most: number, lifted: readonly Lifted[] = []) {
    this.#most = most;
    for (const one of lifted) this.add(one);
  }

  /** Adds one; of the same twice, the later end counts. */
  add(lifted: Lifted): void {
    const text = keyOf(lifted);
    if ((this.#lifted.get(text)?.until ?? 0) >= lifted.until) return;
    this.#lifted.delete(text);
    this.#lifted.set(text, lifted);
    if (this.#lifted.size > this.#most)
      this.#lifted.delete(this.#lifted.keys().next().value as string);
    this.#table = undefined;
  }

  /** One that shares an address with the target and has not ended. */
  overlap(target: Prefix, now: EpochMicros): Lifted | undefined {
    if (this.#table === undefined || this.#table.until <= now) this.#table = this.#make(now);
    return this.#table.of.overlap(target);
  }

  /** Forgets one: its ban was wanted again. Others that share an address with it stay. */
  drop(lifted: Lifted): void {
    if (this.#lifted.delete(keyOf(lifted))) this.#table = undefined;
  }

  #make(now: EpochMicros) {
    for (const [text, { until }] of this.#lifted) if (until <= now) this.#lifted.delete(text);
    const all = [...this.#lifted.values()];
    return {
      of: new PrefixTable(all.map((lifted) => ({ prefix: lifted.target, reason: lifted }))),
      until: all.reduce((first, { until }) => Math.min(first, until), Number.POSITIVE_INFINITY),
    };
  }
}

/** One target may have been opened from several bans, each of which may be wanted again. */
function keyOf({ target, ban }: Lifted): string {
  return `${formatPrefix(target)} ${formatPrefix(ban)}`;
}
