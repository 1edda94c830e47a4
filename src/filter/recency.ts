/** A ring in the order in which its members were last heard: `ends.newer` is the oldest, `ends.older` the newest. */
export interface Linked<T> {
  older: T;
  newer: T;
}

/** Takes a member out; it is then a ring of its own. */
export function unlink<T extends Linked<T>>(member: T): void {
  member.older.newer = member.newer;
  member.newer.older = member.older;
  member.older = member;
  member.newer = member;
}

/** Puts a member that is in no ring in as the newest. */
export function append<T extends Linked<T>>(ends: T, member: T): void {
  member.older = ends.older;
  member.newer = ends;
  ends.older.newer = member;
  ends.older = member;
}
