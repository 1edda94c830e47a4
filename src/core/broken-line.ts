/**
 * One line of a daemon in several entries. journald breaks what a service prints at 48 KiB (`LineMax=`), at a NUL, and where
 * another process of the service prints in between (systemd.journal-fields(7), `_LINE_BREAK`, since systemd 235 and
 * 246); Docker and podman break a container's at 16 KiB. Only the first of these entries begins with the daemon's
 * words: whoever made the line long chose how the others begin.
 */

/** Fields that tell that an entry's line goes on in another. */
export const GOES_ON_FIELDS = ['_LINE_BREAK', 'CONTAINER_PARTIAL_MESSAGE'] as const;

/** Values of `_LINE_BREAK` behind which the line goes on; `eof` is the end of all that was printed. */
export const LINE_BREAKS = ['nul', 'line-max', 'pid-change'] as const;

/** Whether the entry's line goes on in another one: its end is not the line's. */
export function goesOn(field: (name: string) => string | undefined): boolean {
  const lineBreak = field('_LINE_BREAK');
  if (lineBreak !== undefined) return LINE_BREAKS.some((value) => value === lineBreak);
  return field('CONTAINER_PARTIAL_MESSAGE') === 'true';
}
