/**
 * Says what happened: one log line, one stream event, the same facts. Everything a stranger wrote
 * is escaped here.
 *
 * `Ban` is said only when the kernel has it (or, without a firewall, when it is decided).
 */
import type { KeptEvents } from '../control/endpoints.js';
import type { StreamEvent } from '../control/protocol.js';
import { formatPrefix } from '../core/address.js';
import type { BanDecision, BanRecord, FilterEvent, UnbanDecision } from '../core/decision.js';
import { alarmWords } from '../core/figures.js';
import { EVENTS_KEPT_MAX, USER_CHARS_MAX } from '../core/limits.js';
import type { Log, LogFacts, LogLevel } from '../core/log.js';
import type { JailName } from '../core/names.js';
import { SHARED_JAIL } from '../core/share.js';
import { escapeUntrusted } from '../core/text.js';
import { type EpochMicros, isoTime } from '../core/time.js';
import type { Alarm } from '../jail/evidence/rules.js';

/** The events of this run; the newest are kept for clients of the stream that come back. */
export class EventLog {
  readonly #base: number;
  readonly #max: number;
  readonly #listeners = new Set<(event: StreamEvent) => void>();
  #kept: StreamEvent[] = [];
  #last: number;

  /**
   * `startedAt` is where ids begin, so that those of a later run are higher than those of this one:
   * no agent announces a million events per second.
   */
  constructor(announcer: Announcer, startedAt: EpochMicros, max = EVENTS_KEPT_MAX) {
    this.#base = startedAt;
    this.#last = startedAt;
    this.#max = max;
    announcer.subscribe((announcement, id) => this.#take(announcement, id));
  }

  /** Kept events after `id`, all of them after 0; nothing when it is undefined. */
  since(id: number | undefined): KeptEvents {
    if (id === undefined || id >= this.#last) return { missed: [], gap: false };
    const oldest = this.#kept[0]?.id ?? this.#last + 1;
    return { missed: this.#kept.filter((event) => event.id > id), gap: id > 0 && id + 1 < oldest };
  }

  /** Calls back for each event from now on; returns the way to stop. */
  subscribe(listener: (event: StreamEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #take(announcement: Announcement, id: number): void {
    const event: StreamEvent = { id: this.#base + id, ...announcement };
    this.#last = event.id;
    this.#kept.push(event);
    // Cut in one go now and then: shifting one by one would copy the list for every event.
    if (this.#kept.length > this.#max * 1.25) this.#kept = this.#kept.slice(-this.#max);
    for (const listener of this.#listeners) listener(event);
  }
}

/**
 * One object of `replay --json` and, with an id, of the event stream. Times are ISO 8601 in UTC.
 */
export type Announcement = Omit<StreamEvent, 'id'>;

export class Announcer {
  readonly #log: Log;
  readonly #failure: ((event: FilterEvent, kind: 'found' | 'ignored') => void) | undefined;
  readonly #listeners = new Set<(announcement: Announcement, id: number) => void>();
  /** Those that want every failure, too. */
  readonly #ofFailures = new Set<(announcement: Announcement, id: number) => void>();
  #id = 0;

  /** `failure` gets each failure as it is, without the facts that are made for people. */
  constructor(log: Log, failure?: (event: FilterEvent, kind: 'found' | 'ignored') => void) {
    this.#log = log;
    this.#failure = failure;
  }

  /**
   * Calls back for each event from now on, or for all but `found` and `ignored`; returns the way to
   * stop.
   */
  subscribe(
    listener: (announcement: Announcement, id: number) => void,
    which: 'all' | 'no-failures' = 'all',
  ): () => void {
    this.#listeners.add(listener);
    if (which === 'all') this.#ofFailures.add(listener);
    return () => {
      this.#ofFailures.delete(listener);
      return this.#listeners.delete(listener);
    };
  }

  found(event: FilterEvent): void {
    this.#failure?.(event, 'found');
    if (this.#wants('info')) {
      const times = event.count > 1 ? ` (${event.count} attempts)` : '';
      const text = `Found ${event.address.text}${times}${reportedBy(event)}`;
      this.#log('info', text, factsOf(event, 'found'));
    }
    this.#tellFailure(() => ({ ...ofEvent(event, 'found'), count: event.count }));
  }

  ignored(event: FilterEvent, reason: string): void {
    this.#failure?.(event, 'ignored');
    if (this.#wants('info'))
      this.#log('info', `Ignore ${event.address.text} by ${reason}`, factsOf(event, 'ignored'));
    this.#tellFailure(() => ({ ...ofEvent(event, 'ignored'), reason }));
  }

  /** Many addresses fail for a user, or the user logs in as somebody else would. It bans nobody. */
  alarm(jail: JailName, alarm: Alarm, event: FilterEvent): void {
    const { kind, count, reason } = alarm;
    const { text: address } = event.address;
    const user = shown(alarm.user);
    const words = alarmWords(alarm);
    const text = `${words[0]?.toUpperCase()}${words.slice(1)}: ${user}, now from ${address}`;
    this.#log('warning', text, { jail, address, action: kind, user });
    const why = reason === undefined ? {} : { reason };
    this.#tell({ ...ofEvent(event, kind), jail, user, count, ...why });
  }

  /** `extended`: the target was banned already and stays so for longer. */
  ban(record: BanRecord, extended: boolean): void {
    const target = formatPrefix(record.target);
    const until = record.until === null ? null : isoTime(record.until);
    const who = record.by === undefined ? {} : { by: shown(record.by) };
    // Others' bans may be very many: of what comes at once one line is said where it is taken.
    const level = record.origin === 'shared' ? 'debug' : 'notice';
    const why = record.scenario === undefined ? '' : ` (${shown(record.scenario)})`;
    this.#log(level, `${extended ? 'Extend Ban' : 'Ban'} ${target}${reportedBy(record)}${why}`, {
      jail: record.jail,
      address: target,
      action: 'ban',
      failures: record.failures,
      until: until ?? 'never',
      ...(record.user === undefined ? {} : { user: shown(record.user) }),
      ...(record.rule === undefined ? {} : { rule: record.rule }),
      ...who,
    });
    const last = record.evidence.at(-1);
    this.#tell({
      event: 'ban',
      time: isoTime(record.time),
      jail: record.jail,
      address: target,
      ...(record.user === undefined ? {} : { user: shown(record.user) }),
      ...(record.host === undefined ? {} : { host: shown(record.host) }),
      count: record.failures,
      until,
      ...(record.rule === undefined ? {} : { rule: record.rule }),
      ...who,
      ...(last === undefined ? {} : { cursor: last }),
    });
  }

  /** A jail that only watches would have banned. */
  wouldBan(decision: BanDecision): void {
    const target = formatPrefix(decision.target);
    const until = decision.until === null ? null : isoTime(decision.until);
    const more = {
      ...(decision.user === undefined ? {} : { user: shown(decision.user) }),
      ...(decision.rule === undefined ? {} : { rule: decision.rule }),
    };
    this.#log('notice', `Would ban ${target}${reportedBy(decision)}`, {
      jail: decision.jail,
      address: target,
      action: 'would-ban',
      failures: decision.failures,
      until: until ?? 'never',
      ...more,
    });
    this.#tell({
      event: 'would-ban',
      time: isoTime(decision.time),
      jail: decision.jail,
      address: target,
      ...(decision.host === undefined ? {} : { host: shown(decision.host) }),
      count: decision.failures,
      until,
      ...more,
      ...(decision.evidence.length === 0 ? {} : { cursor: decision.evidence.at(-1) as string }),
    });
  }

  /** An ignorecommand forbade the ban. */
  spared(record: BanRecord): void {
    const target = formatPrefix(record.target);
    this.#log('info', `Ignore ${target} by ignorecommand`, {
      jail: record.jail,
      address: target,
      action: 'ignored',
    });
    const reason = 'ignorecommand';
    this.#tell({
      event: 'ignored',
      time: isoTime(record.time),
      jail: record.jail,
      address: target,
      reason,
    });
  }

  /** The ban would be over by now: it was decided on old entries, and is not put in force. */
  lapsed(record: BanRecord): void {
    const target = formatPrefix(record.target);
    const end = record.until === null ? '' : ` until ${isoTime(record.until)}`;
    this.#log(
      'info',
      `${target} should have been banned from ${isoTime(record.time)}${end}: that is over`,
      {
        jail: record.jail,
        address: target,
      },
    );
  }

  refused(record: BanRecord, reason: string): void {
    const target = formatPrefix(record.target);
    this.#log('error', `the kernel refused the ban of ${target}: ${escapeUntrusted(reason)}`, {
      jail: record.jail,
      address: target,
      action: 'refused',
    });
    this.#tell({
      event: 'refused',
      time: isoTime(record.time),
      jail: record.jail,
      address: target,
      reason: escapeUntrusted(reason),
    });
  }

  /** `by`: who lifted it, where that was said. */
  unban(
    jail: JailName,
    target: string,
    time: EpochMicros,
    reason: UnbanDecision['reason'],
    by?: string,
  ): void {
    const who = by === undefined ? {} : { by: shown(by) };
    const level = jail === SHARED_JAIL && reason !== 'operator' ? 'debug' : 'notice';
    this.#log(level, `Unban ${target}`, { jail, address: target, action: 'unban', ...who });
    this.#tell({ event: 'unban', time: isoTime(time), jail, address: target, reason, ...who });
  }

  /** After a restart: the ban is in force as before; nobody is notified anew. */
  restored(record: BanRecord): void {
    this.#log('info', `Restore Ban ${formatPrefix(record.target)}`, {
      jail: record.jail,
      address: formatPrefix(record.target),
      action: 'restored',
    });
  }

  #wants(level: LogLevel): boolean {
    return this.#log.wants?.(level) ?? true;
  }

  /** There is one for nearly every entry: it is made for those only who want it. */
  #tellFailure(make: () => Announcement): void {
    this.#id++;
    if (this.#ofFailures.size === 0) return;
    const announcement = make();
    for (const listener of this.#ofFailures) listener(announcement, this.#id);
  }

  #tell(announcement: Announcement): void {
    this.#id++;
    for (const listener of this.#listeners) listener(announcement, this.#id);
  }
}

function ofEvent(event: FilterEvent, name: 'found' | 'ignored' | Alarm['kind']) {
  return {
    event: name,
    time: isoTime(event.time),
    jail: event.jail,
    address: event.address.text,
    ...(event.user === undefined ? {} : { user: shown(event.user) }),
    ...(event.host === undefined ? {} : { host: shown(event.host) }),
    cursor: event.cursor,
  };
}

function factsOf(event: FilterEvent, action: string): LogFacts {
  return {
    jail: event.jail,
    address: event.address.text,
    action,
    time: isoTime(event.time),
    ...(event.user === undefined ? {} : { user: shown(event.user) }),
  };
}

/** Which host's journal said so, when it was not this one's. */
function reportedBy({ host }: { readonly host?: string }): string {
  return host === undefined ? '' : `, reported by ${shown(host)}`;
}

function shown(user: string): string {
  return escapeUntrusted(user, USER_CHARS_MAX);
}
