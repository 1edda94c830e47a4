/** What a failure says of the user that it was aimed at. */
import type { Prefix } from '../../core/address.js';
import type { AskedEvidence, Where } from './facts.js';
import type { Alarm, Attempt, EvidenceFinding } from './rules.js';
import type { Key } from './table.js';

/** The failure, and what is known of where it came from. */
export interface Aimed {
  readonly attempt: Attempt;
  readonly user: Key;
  readonly where: Where;
  /** In seconds. */
  readonly time: number;
  /** Other users with credit at the address. */
  readonly others: number;
  /** The same password was tried for the user before, from wherever. */
  readonly isSameGuess: boolean;
}

/** Notes the failure at its user; finds who attacks a user, or a dead name, with others. */
export function aimedAt(
  evidence: Pick<AskedEvidence, 'rules' | 'users' | 'strangers' | 'names' | 'wave' | 'isLearnt'>,
  { attempt, user: key, where, time, others, isSameGuess }: Aimed,
  find: (rule: EvidenceFinding['rule'], target: Prefix) => void,
): readonly Alarm[] {
  const { rules, users, strangers, names, wave, isLearnt } = evidence;
  const { target, user = '', cause, isRefused = false } = attempt;
  if (users.hasLogin(key)) {
    // Attackers try no password twice; a device of hers tries its own wherever it is carried.
    if (isSameGuess) return [];
    const offenders = users.offend(key, where.target.low, time, time - rules.userSpan);
    if (rules.userOffenders === 0 || offenders < rules.userOffenders) return [];
    // Who was refused may be the user in a new place: it is known of nobody that he guessed.
    if (others === 0 && !isRefused && isLearnt) find('user', target);
    return users.mayAlarm(key, 'alarmed', time)
      ? [{ kind: 'under-attack', user, count: offenders }]
      : [];
  }
  if (!isRefused) strangers.noteChecked(key, time, cause === 'wrong-password');
  if (!isLearnt) return [];
  // The server says that the name exists, though nobody has logged in with it yet; or several do,
  // each with a domain of their own.
  const exists = cause === 'wrong-password' || names.isUser(key);
  if (others === 0 && !exists) wave.note(where.target.low, time);
  const [rule, span, most] = exists
    ? (['user', rules.userSpan, rules.userOffenders] as const)
    : (['dead-name', rules.deadNameSpan, rules.deadNameOffenders] as const);
  const offenders = strangers.offend(key, where.target.low, time, time - span);
  if (most > 0 && offenders >= most && others === 0 && !isRefused) find(rule, target);
  return [];
}
