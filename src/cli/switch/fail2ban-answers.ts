/** What fail2ban-client 1.0 and 1.1 answer, read. */
import type { ImportedBan } from '../../control/protocol.js';

/** The jails of `fail2ban-client status`. */
export function jailsOf(text: string): string[] {
  const list = /Jail list:\s*(.*)$/m.exec(text)?.[1] ?? '';
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** `192.0.2.1 \t2026-01-31 12:00:00 + 600 = 2026-01-31 12:10:00`, local times; -1 for good. */
const BAN = /^(\S+)\s+(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) \+ (-?\d+) = /;

/** The bans of `fail2ban-client get JAIL banip --with-time`, those that are over at `now` (ms) left out. */
export function bansOf(jail: string, text: string, now: number): ImportedBan[] {
  return text.split('\n').flatMap((line) => {
    const [, target, date, time, length] = BAN.exec(line.trim()) ?? [];
    if (target === undefined) return [];
    const begun = new Date(`${date}T${time}`).getTime();
    const until = length === '-1' ? null : begun + Number(length) * 1000;
    if (Number.isNaN(begun) || (until !== null && until <= now)) return [];
    return [
      {
        jail,
        target,
        // fail2ban rounds to the next second.
        time: new Date(Math.min(begun, now)).toISOString(),
        until: until === null ? null : new Date(until).toISOString(),
        failures: 0,
        previousBans: 0,
      },
    ];
  });
}

/** True when `fail2ban-client get dbfile` names a file. */
export function hasDatabase(text: string): boolean {
  return /^`-\s*\//m.test(text);
}

/** The addresses and prefixes in a listing of rules, whatever program printed it; Banjour's own tables left out. */
export function addressesIn(listing: string): Set<string> {
  const others = listing.replace(/^table \S+ banjour \{\n[\s\S]*?^\}\n?/gm, '');
  return new Set(others.match(/[\da-fA-F]*[.:][\da-fA-F.:]+(?:\/\d+)?/g) ?? []);
}
