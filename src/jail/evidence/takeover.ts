/** Whether a login looks like that of somebody who found the password. */
import type { AskedEvidence, Where } from './facts.js';
import type { Points } from './points.js';
import type { Alarm } from './rules.js';
import type { Key } from './table.js';

/** Who logs in from so many networks has no usual place, in which another would be odd. */
const ROAMING_NETWORKS = 4;
/** Guesses begin at least so long before the login, seconds: who mistypes needs minutes. */
const GUESSED_BEFORE = 1800;

/**
 * Who fails for one user alone, and with so many points left, has guessed when the first failure
 * lies back so many seconds: who has forgotten a password asks for another one.
 */
const INSISTED = { points: 2, before: 2 * 86_400 } as const;

/** A login that was not yet noted. */
interface Login {
  readonly user: Key;
  readonly where: Where;
  /** In seconds. */
  readonly time: number;
}

/**
 * Why a login of a user whom nothing vouches for at the address should be looked at. `attacked`:
 * many addresses fail for the user now, and she always came from the same few networks. `guesser`:
 * the address failed for others before, one after the other. `insisted`: it failed for this user
 * alone, for days. Undefined where nothing is odd.
 */
export function oddLogin(
  { rules, credit, users }: Pick<AskedEvidence, 'rules' | 'credit' | 'users'>,
  points: Points,
  { user, where, time }: Login,
): Alarm['reason'] {
  const since = time - rules.credit;
  if (rules.takeoverNetworks === 0) return undefined;
  if (credit.of(user, where.target, where.network, since) !== undefined) return undefined;
  const offenders = users.offenders(user, time - rules.userSpan);
  if (
    rules.userOffenders > 0 &&
    offenders >= rules.userOffenders &&
    users.networks(user, since) < ROAMING_NETWORKS
  )
    return 'attacked';
  // Where others log in, their failures are not those of who logs in now.
  if (credit.others(user, where.target, since) > 0) return undefined;
  if (points.hasGuessed(where.target, user, time, GUESSED_BEFORE)) return 'guesser';
  const { before, points: least } = INSISTED;
  return points.hasInsisted(where.target, user, time, before, least) ? 'insisted' : undefined;
}
