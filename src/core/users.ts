/**
 * Who wrote an entry, by its `_UID`: the kernel tells journald (SCM_CREDENTIALS), so no process can have another's.
 * A unit alone does not tell a daemon from a user's command that the daemon runs: `.forward` pipes, commands of an ssh
 * session without pam_systemd, jobs of cron.
 */
import { type MatchExpression, matches } from './match.js';

/** First user of people (`UID_MIN` of login.defs(5)). */
const FIRST = 1_000;
/** Last of them, homes of systemd-homed included (systemd.io/UIDS-GIDS). Above stand services, nobody, dynamic users. */
const LAST = 60_513;
/** From here on: users of directories, and of containers' user namespaces. */
const FIRST_OF_DIRECTORIES = 65_536;

/** True when the user is none of the system's own: any person, or a container. False when nothing is known of it. */
export function isOrdinaryUser(uid: string | undefined): boolean {
  if (uid === undefined || !/^\d{1,10}$/.test(uid)) return false;
  const number = Number(uid);
  return (number >= FIRST && number <= LAST) || number >= FIRST_OF_DIRECTORIES;
}

/** What of a match selects entries of ordinary users: the groups that name their `_UID`. */
export function usersPartOf({ groups }: MatchExpression): MatchExpression {
  return { groups: groups.filter((group) => group.has('_UID')) };
}

/** True when an entry with these fields is wanted, where ordinary users are heard only by a group that names `_UID`. */
export function matchesSystem(match: MatchExpression, field: (name: string) => string | undefined): boolean {
  return matches(isOrdinaryUser(field('_UID')) ? usersPartOf(match) : match, field);
}
