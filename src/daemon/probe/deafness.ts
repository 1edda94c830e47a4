/** What probes found in the last hour, put into words. */
import { WARNINGS_MAX } from '../../core/limits.js';
import { formatMatch } from '../../core/match.js';
import { escapeUntrusted } from '../../core/text.js';
import { type EpochMicros, secondsBetween } from '../../core/time.js';
import { isOrdinaryUser } from '../../core/users.js';
import type { AgentSetup } from '../configuration/setup.js';
import type { Origin, ProbeReport } from './probe.js';

/** What is not seen again for so long is over, seconds. */
const MEMORY_SECONDS = 3_600;
/** Things that are remembered, each kind. */
const REMEMBERED_MAX = 200;
/** Units in which users run what they like: a match that names one lets them ban whom they like. */
const USERS_UNIT = /^(?:session-.*\.scope|user(?:@|-).*|run-.*\.scope|(?:cron|crond|atd)\.service)$/;
/** Longest name of a unit or identifier that is shown. */
const NAME_CHARS = 80;

interface Elsewhere extends Origin {
  readonly jail: string;
  failures: boolean;
  seen: EpochMicros;
}

export class DeafnessRecord {
  readonly #elsewhere = new Map<string, Elsewhere>();
  readonly #suppressed = new Map<string, { unit: string; seen: EpochMicros }>();
  readonly #problems = new Map<string, string>();
  readonly #silent = new Set<string>();
  readonly #behind = new Set<string>();
  #isVolatile = false;

  take(report: ProbeReport, isVolatile: boolean, now: EpochMicros): void {
    this.#isVolatile = isVolatile;
    this.#problems.clear();
    this.#silent.clear();
    this.#behind.clear();
    for (const { id, jails, suppressed, problem, lagEntries } of report) {
      if (problem !== undefined) this.#problems.set(id, problem);
      if (lagEntries !== null && lagEntries > 0) this.#behind.add(id);
      for (const { jail, selects, elsewhere } of jails) {
        if (!selects) this.#silent.add(jail);
        for (const { unit, identifier, uid, failures } of elsewhere) {
          const key = `${jail}\0${unit}\0${identifier}\0${uid}`;
          const known = this.#elsewhere.get(key);
          if (known === undefined && this.#elsewhere.size >= REMEMBERED_MAX) continue;
          this.#elsewhere.set(key, {
            jail,
            unit,
            identifier,
            ...(uid !== undefined && { uid }),
            failures: failures > 0 || known?.failures === true,
            seen: now,
          });
        }
      }
      for (const { unit } of suppressed)
        if (this.#suppressed.has(unit) || this.#suppressed.size < REMEMBERED_MAX)
          this.#suppressed.set(unit, { unit, seen: now });
    }
  }

  /** The sentences, most pressing first; stable while nothing changes. */
  warnings(setup: AgentSetup, now: EpochMicros): readonly string[] {
    for (const [key, { seen }] of this.#elsewhere)
      if (secondsBetween(seen, now) > MEMORY_SECONDS) this.#elsewhere.delete(key);
    for (const [key, { seen }] of this.#suppressed)
      if (secondsBetween(seen, now) > MEMORY_SECONDS) this.#suppressed.delete(key);
    return [
      ...[...this.#problems].map(
        ([id, problem]) => `${id}: the journal could not be probed: ${escapeUntrusted(problem)}`,
      ),
      ...[...this.#behind].map((id) => `${id}: entries wait to be read; bans come late until the reader has caught up`),
      ...setup.jails.flatMap(({ intake }) => this.#ofJail(intake.jail, formatMatch(intake.match))),
      ...this.#ofUnits(setup),
      ...(this.#isVolatile
        ? [
            'the journal is volatile: failures before a boot are forgotten (bans are not); mkdir -p /var/log/journal && journalctl --flush',
          ]
        : []),
    ].slice(0, WARNINGS_MAX);
  }

  #ofJail(jail: string, match: string): string[] {
    const silent = this.#silent.has(jail);
    return [...this.#elsewhere.values()]
      .filter((one) => one.jail === jail && (one.failures || silent))
      .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
      .map((one) => {
        if (isOrdinaryUser(one.uid))
          return `${jail}: user ${shown(one.uid ?? '')} imitates ${imitated(one)}, in ${placeOf(one)}: lines of failures, which do not count`;
        const what = one.failures ? 'logs failures that no jail reads' : 'logs, and no jail reads it';
        const own = silent ? `, while the match (${match}) selects nothing at all` : '';
        return `${jail}: ${nameOf(one)} ${what}${own}; ${remedyOf(one)}`;
      });
  }

  /** journald drops what a unit logs too fast (journald.conf(5), RateLimitIntervalSec=). */
  #ofUnits(setup: AgentSetup): string[] {
    const watched = new Set(
      setup.jails.flatMap(({ intake }) => intake.match.groups.flatMap((group) => group.get('_SYSTEMD_UNIT') ?? [])),
    );
    return [...this.#suppressed.values()]
      .filter(({ unit }) => watched.has(unit))
      .map(
        ({ unit }) =>
          `journald suppressed messages of ${shown(unit)} within the last hour, attacks perhaps among them; systemctl edit ${shown(unit)} and write [Service] LogRateLimitIntervalSec=0`,
      );
  }
}

/** Never a term by which an ordinary user's entries could be selected: they choose their identifier, and run in sessions. */
function remedyOf({ unit, identifier, uid }: Origin): string {
  const add = (term: string) => `if it belongs to this jail, add ${term} to its match`;
  if (USERS_UNIT.test(unit)) return 'users run what they like there, so it is not to be trusted';
  if (unit !== '') return add(`"${shown(`_SYSTEMD_UNIT=${unit}`)}"`);
  if (uid === undefined || identifier === '') return 'anybody can choose that name, so it is not to be trusted';
  return add(`"+ ${shown(`SYSLOG_IDENTIFIER=${identifier}`)} _UID=${shown(uid)}"`);
}

/** What the lines pretend to be of: `smtpd` of `postfix/smtpd`. */
function imitated({ unit, identifier }: Origin): string {
  const daemon = identifier.slice(identifier.lastIndexOf('/') + 1);
  return shown(daemon === '' ? unit : daemon);
}

function placeOf({ unit }: Origin): string {
  return unit === '' ? 'no unit' : shown(unit);
}

function nameOf({ unit, identifier }: Origin): string {
  if (unit === '') return `the identifier ${shown(identifier)}`;
  return identifier === '' ? shown(unit) : `${shown(unit)} (${shown(identifier)})`;
}

function shown(text: string): string {
  return escapeUntrusted(text, NAME_CHARS);
}
