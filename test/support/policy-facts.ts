/** What the agent says of a login that nothing is known of. */
import type { PolicyFacts } from '../../src/control/policy-views.js';

export const NOTHING_KNOWN: PolicyFacts = {
  jail: 'login',
  isWatching: false,
  isOddService: false,
  isOtherPassword: false,
  others: 0,
  points: 0,
  limit: 5,
  failures: 0,
  maxretry: 3,
  isQuiet: false,
  isUnderAttack: false,
  isDeadName: false,
  isNewName: false,
  isTriedAgain: false,
  isHoneypot: false,
  isLearnt: true,
};
