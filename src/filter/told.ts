/**
 * What a line says about how it is to be counted, beside whose failure it is: the tags `<F-SESSION>`, `<F-WITNESS>`,
 * `<F-SUM>`, `<F-SECONDS>`, `<F-UNSURE>`, `<F-TROUBLE>`, `<F-OPENED>`, `<F-CLOSED>`, `<F-ELSEWHERE>` (docs/filters.md).
 */
import { SESSION_KEY_CHARS_MAX } from '../core/limits.js';
import type { Groups } from './groups.js';

/** How a line is to be counted. */
export type Part =
  /** A failure like any other. */
  | 'plain'
  /** One of several lines that tell of one attempt (`<F-WITNESS>`). */
  | 'witness'
  /** Says how many attempts its connection made in all (`<F-SUM>`). */
  | 'sum'
  /** Perhaps the client's failure, perhaps the server's trouble (`<F-UNSURE>`). */
  | 'unsure'
  /** The server's own trouble: what its session says next is no failure (`<F-TROUBLE>`). */
  | 'trouble'
  /** A connection begins or ends (`<F-OPENED>`, `<F-CLOSED>`): no failure. */
  | 'opened'
  | 'closed'
  /** An attempt that another jail counts (`<F-ELSEWHERE>`). */
  | 'elsewhere';

export interface Told {
  readonly part: Part;
  /** The name of the connection; undefined where the line has none. */
  readonly session: string | undefined;
  /** Who tells it; empty but for a witness. */
  readonly witness: string;
  /** How far a sum reaches back, seconds; undefined when it does not say. */
  readonly seconds: number | undefined;
}

const PARTS = ['trouble', 'opened', 'closed', 'elsewhere', 'unsure', 'sum', 'witness'] as const;

/** Does a regex with these groups ask for an account of what was counted already? */
export function wantsTally(groupNames: readonly string[]): boolean {
  return PARTS.some((part) => groupNames.includes(part));
}

/** What the groups of a match say; the prefregex's count where the failregex has none. */
export function toldOf(prefix: Groups, groups: Groups): Told {
  const filled = (name: string) => {
    const text = groups[name] ?? prefix[name];
    return text === undefined || text === '' ? undefined : text;
  };
  const seconds = filled('seconds');
  return {
    part: PARTS.find((name) => filled(name) !== undefined) ?? 'plain',
    session: filled('session')?.slice(0, SESSION_KEY_CHARS_MAX),
    witness: filled('witness') ?? '',
    seconds: seconds !== undefined && /^\d{1,9}$/.test(seconds) ? Number(seconds) : undefined,
  };
}
