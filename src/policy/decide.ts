/** What a mail server is told of a login, by what the agent knows of it. Pure. */
import type { PolicyFacts, RefusalReason } from '../control/policy-views.js';
import { SHARED_CLOSED_SHARE, SHARED_DOUBTED_SHARE } from '../core/limits.js';

/** What companion.conf says below `[policy]`. */
export interface PolicyRules {
  /** Of a user under attack, to whom no login of the past vouches for. */
  readonly underAttack: 'refuse' | 'delay' | 'serve';
  /** Of a name that many try and nobody logs in with. */
  readonly deadName: 'refuse' | 'serve';
  /** Of a name that nobody ever logged in with, while many strangers try such names. */
  readonly newName: 'refuse' | 'serve';
  /** Of an address that would be banned if others did not log in from it. */
  readonly sharedAddress: 'refuse' | 'serve';
  /** Of an address that is about to be banned. */
  readonly nearLimit: 'delay' | 'serve';
  /** How long a delayed login waits, seconds. */
  readonly delay: number;
}

export const DEFAULT_POLICY_RULES: PolicyRules = {
  underAttack: 'refuse',
  deadName: 'refuse',
  newName: 'refuse',
  sharedAddress: 'refuse',
  nearLimit: 'delay',
  delay: 5,
};

/** What becomes of a login, and why where it is for a reason. */
export type PolicyVerdict =
  | { readonly action: 'serve'; readonly reason?: 'allowed' | 'credit' | 'watch' }
  | {
      readonly action: 'delay';
      readonly reason: 'under-attack' | 'near-limit';
      readonly seconds: number;
    }
  | { readonly action: 'refuse'; readonly reason: RefusalReason };

const SERVE: PolicyVerdict = { action: 'serve' };
/** From this share of its limit on an address is about to be banned. */
const NEAR = 0.6;
/** So many other users with credit make an address a shared one. */
const SHARED_USERS = 2;

/**
 * Decides. Who is allowed, and who logged in from there lately, is always served; where nothing is
 * known, too.
 */
export function decide(facts: PolicyFacts, rules: PolicyRules): PolicyVerdict {
  if (facts.jail === undefined) return SERVE;
  if (facts.allowed !== undefined) return { action: 'serve', reason: 'allowed' };
  // Behind a shared address somebody guesses at its network's users, but not as they log in there.
  const isUnlike =
    (facts.isOddService && isClosed(facts, rules)) ||
    (facts.isOtherPassword && isClosed(facts, rules, SHARED_DOUBTED_SHARE));
  const isOdd = facts.credit === 'network' && isUnlike;
  if (facts.credit !== undefined && !isOdd) return { action: 'serve', reason: 'credit' };
  const verdict = isOdd ? ofOddOne(facts) : ofStranger(facts, rules);
  return facts.isWatching && verdict.action !== 'serve'
    ? { action: 'serve', reason: 'watch' }
    : verdict;
}

/** How much of what bans an address stands against it already; 1 is all. */
function shareOf({ points, limit, failures, maxretry }: PolicyFacts): number {
  return Math.max(limit > 0 ? points / limit : 0, maxretry > 0 ? failures / maxretry : 0);
}

/**
 * True where somebody guesses from an address that others log in from, which keeps it from a ban.
 * In the first days nothing vouches for anybody.
 */
function isClosed(
  facts: PolicyFacts,
  { sharedAddress }: PolicyRules,
  share = SHARED_CLOSED_SHARE,
): boolean {
  const { points, limit, failures, maxretry, others, isLearnt, isQuiet } = facts;
  if (sharedAddress !== 'refuse' || others < SHARED_USERS || !isLearnt) return false;
  const isGuessedAt = limit > 0 && points >= share * limit && !isQuiet;
  return isGuessedAt || (maxretry > 0 && failures >= maxretry);
}

/** What becomes of a login of a user of the network that is not like theirs. */
function ofOddOne({ banned, isHoneypot }: PolicyFacts): PolicyVerdict {
  if (banned !== undefined) return { action: 'refuse', reason: 'banned' };
  return { action: 'refuse', reason: isHoneypot ? 'honeypot' : 'shared-address' };
}

/** What becomes of a login that nothing vouches for. */
function ofStranger(facts: PolicyFacts, rules: PolicyRules): PolicyVerdict {
  if (facts.banned !== undefined) return { action: 'refuse', reason: 'banned' };
  if (facts.isHoneypot) return { action: 'refuse', reason: 'honeypot' };
  if (isClosed(facts, rules) && !facts.isTriedAgain)
    return { action: 'refuse', reason: 'shared-address' };
  if (facts.isUnderAttack && rules.underAttack === 'refuse' && facts.isLearnt)
    return { action: 'refuse', reason: 'under-attack' };
  if (facts.isDeadName && rules.deadName === 'refuse')
    return { action: 'refuse', reason: 'dead-name' };
  if (facts.isNewName && rules.newName === 'refuse')
    return { action: 'refuse', reason: 'new-name' };
  const { delay: seconds } = rules;
  if (facts.isUnderAttack && rules.underAttack !== 'serve')
    return { action: 'delay', reason: 'under-attack', seconds };
  if (shareOf(facts) >= NEAR && rules.nearLimit === 'delay')
    return { action: 'delay', reason: 'near-limit', seconds };
  return SERVE;
}

/** What the client is told; the mail server logs it too. */
export const REFUSAL_WORDS: Readonly<Record<RefusalReason, string>> = {
  banned: 'this address is banned',
  honeypot: 'login refused',
  'under-attack': 'this mailbox is under attack, try again later or from a known place',
  'dead-name': 'login refused',
  'new-name': 'login refused, try once more',
  'shared-address': 'too many failed logins from this address, try again later',
};
