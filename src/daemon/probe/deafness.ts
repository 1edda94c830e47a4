/** What probes found in the last hour, put into words. */
import { WARNINGS_MAX } from '../../core/limits.js';
import { formatMatch } from '../../core/match.js';
import { escapeUntrusted } from '../../core/text.js';
import { type EpochMicros, secondsBetween } from '../../core/time.js';
import type { AgentSetup } from '../configuration/setup.js';
import type { Origin, ProbeReport } from './probe.js';

/** What is not seen again for so long is over, seconds. */
const MEMORY_SECONDS = 3_600;
/** Things that are remembered, each kind. */
const REMEMBERED_MAX = 200;
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
        for (const { unit, identifier, failures } of elsewhere) {
          const key = `${jail}\0${unit}\0${identifier}`;
          const known = this.#elsewhere.get(key);
          if (known === undefined && this.#elsewhere.size >= REMEMBERED_MAX) continue;
          this.#elsewhere.set(key, {
            jail,
            unit,
            identifier,
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
        const what = one.failures ? 'logs failures that no jail reads' : 'logs, and no jail reads it';
        const own = silent ? `, while the match (${match}) selects nothing at all` : '';
        const term = one.unit === '' ? `SYSLOG_IDENTIFIER=${one.identifier}` : `_SYSTEMD_UNIT=${one.unit}`;
        return `${jail}: ${nameOf(one)} ${what}${own}; if it belongs to this jail, add "${shown(term)}" to its match`;
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

function nameOf({ unit, identifier }: Origin): string {
  if (unit === '') return `the identifier ${shown(identifier)}`;
  return identifier === '' ? shown(unit) : `${shown(unit)} (${shown(identifier)})`;
}

function shown(text: string): string {
  return escapeUntrusted(text, NAME_CHARS);
}
