/**
 * Which entries are our own. They repeat addresses and user names of others' entries, so a jail that reads the whole
 * journal would count them again. Told by what journald itself sets, never by text: a line that quotes ours is judged.
 */
import type { Entry } from '../../core/entry.js';
import type { EpochMicros } from '../../core/time.js';

/** Fields that every entry must carry for `isOwn`. */
export const OWN_FIELDS: readonly string[] = ['_SYSTEMD_UNIT', '_PID'];

const OWN_UNITS: ReadonlySet<string> = new Set(['banjour.service', 'banjour-notify.service']);

/** This process, for an agent that was started by hand in some other unit. */
export interface OwnProcess {
  readonly pid: number;
  /** When it started: the number may have been another process's before. */
  readonly since: EpochMicros;
}

/** True for entries of our units and of the process. */
export function isOwn({ fields, realtime }: Entry, self: OwnProcess | undefined): boolean {
  const unit = fields.get('_SYSTEMD_UNIT');
  if (unit !== undefined && OWN_UNITS.has(unit)) return true;
  return self !== undefined && realtime >= self.since && fields.get('_PID') === String(self.pid);
}
