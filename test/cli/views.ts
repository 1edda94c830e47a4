import type { JailView } from '../../src/control/protocol.js';

/** A jail as the agent shows it, in which nothing has happened. */
export function jailView(changes: Partial<JailView> = {}): JailView {
  return {
    jail: 'sshd',
    filter: 'sshd',
    match: '_SYSTEMD_UNIT=ssh.service',
    source: 'local',
    maxretry: 5,
    findtimeSeconds: 600,
    bantimeSeconds: 600,
    currentlyFailed: 0,
    totalFailed: 0,
    currentlyBanned: 0,
    totalBanned: 0,
    entriesMatched: 0,
    prefilterHits: 0,
    failuresFound: 0,
    ignored: 0,
    notAnAddress: 0,
    demoted: [],
    overrides: [],
    ...changes,
  };
}
