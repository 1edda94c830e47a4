/**
 * The ledger: every decision, what became of it, and how far each source was read. One SQLite file,
 * one writer.
 *
 * A batch's decisions and its position are one transaction: after a crash either both are there, or
 * the journal is read again from before. Decisions of the journal are written with
 * `synchronous=NORMAL` (a power cut may lose the last ones, together with their position), those of
 * operators with FULL, because nothing would bring them back
 * (<https://sqlite.org/pragma.html#pragma_synchronous>).
 *
 * Where it is written, and what happens while it cannot be, stands in `database.ts`: it goes on in
 * memory with everything that it knows, and loses nothing.
 *
 * A target has at most one ban per jail that is not over (`wanted` or `in-force`). A second one
 * replaces it.
 */
import type { Prefix } from '../core/address.js';
import type {
  BanDecision,
  BanRecord,
  Decision,
  EndReason,
  SettledUpTo,
  UnbanDecision,
  WeighedAttempt,
} from '../core/decision.js';
import type { ReadPosition } from '../core/entry.js';
import type { HourlyCount } from '../core/figures.js';
import type { Finding } from '../core/finding.js';
import type { Element } from '../core/firewall.js';
import { EXPIRE_BANS_MAX, PARDONS_MAX } from '../core/limits.js';
import type { Cursor, JailName, SourceId } from '../core/names.js';
import type { EpochMicros } from '../core/time.js';
import { type Attempts, attemptValues } from './attempts.js';
import type { LedgerDatabase } from './database.js';
import { guarded } from './errors.js';
import type { History } from './history.js';
import { type AlarmInsert, writeHourly } from './hourly.js';
import {
  type BanRow,
  type ElementRow,
  firstOf,
  ofFamily,
  rangeOf,
  recordOf,
  targetAsWritten,
  targetText,
} from './rows.js';
import type { BanInsert, Statements } from './schema.js';

/** What is written together. */
export interface Commit {
  readonly decisions: readonly Decision[];
  /** What the jails weighed up to the position; see `Attempts`. */
  readonly attempts?: readonly WeighedAttempt[];
  /** What was counted up to the position; see `HourlyTally`. */
  readonly hourly?: readonly HourlyCount[];
  readonly alarms?: readonly AlarmInsert[];
  /** How far the source was read when these decisions were taken. */
  readonly source?: SourceId;
  readonly position?: ReadPosition;
}

export interface CommitReport {
  /** One per ban decision, in order, state `wanted`. */
  readonly bans: readonly BanRecord[];
  /** Bans that ended by it: lifted, replaced, or found expired on the way. */
  readonly ended: readonly BanRecord[];
}

const ADOPTED = {
  kind: 'ban',
  failures: 0,
  evidence: [],
  origin: 'import',
  previousBans: 0,
} as const;

export type Settlement = 'in-force' | 'ignored' | { readonly refused: string };

export class Ledger {
  /** Where it is written, and whether it can be. */
  readonly database: LedgerDatabase;
  /** What `nextEnd` found; asked for every stored event, changed by writes only. */
  #next: { readonly end: EpochMicros | undefined } | undefined;

  constructor(database: LedgerDatabase) {
    this.database = database;
  }

  /** Of the file, also while it is in memory. */
  get path(): string {
    return this.database.path;
  }

  /** What was, and for how long it is kept. */
  get history(): History {
    return this.database.history;
  }

  /** Logins and failures that the evidence is made of. */
  get attempts(): Attempts {
    return this.database.attempts;
  }

  /** Writes decisions and position, all or nothing. */
  commit(commit: Commit): CommitReport {
    const { decisions, attempts = [], hourly = [], alarms = [], source, position } = commit;
    const byOperator = decisions.some((decision) =>
      decision.kind === 'ban' ? decision.origin === 'operator' : decision.reason === 'operator',
    );
    const bans: BanRecord[] = [];
    const ended: BanRecord[] = [];
    this.#write(byOperator, () => {
      bans.length = 0;
      ended.length = 0;
      for (const decision of decisions) {
        if (decision.kind === 'ban') bans.push(this.#ban(decision, ended));
        else this.#unban(decision, ended);
      }
      for (const attempt of attempts) this.#sql.insertAttempt.run(...attemptValues(attempt));
      writeHourly(this.#sql, hourly, alarms);
      if (source !== undefined && position !== undefined)
        this.#sql.setPosition.run(source, position.cursor, position.time);
    });
    return { bans, ended };
  }

  /**
   * Notes the kernel's answer to bans, or an ignorecommand's. An extension that is refused or
   * ignored gives its target back the ban that it replaced, which is what the kernel still holds.
   * Ids whose ban is over by now are passed over.
   */
  settle(ids: readonly number[], outcome: Settlement, now: EpochMicros): void {
    this.#write(false, () => {
      for (const id of ids) {
        if (this.#settle(id, outcome, now) && outcome !== 'in-force') this.#sql.reopen.run(id, now);
      }
    });
  }

  /**
   * The ban of exactly this target that is wanted or in force, also when its end has passed and
   * `expire` is due.
   */
  openBan(jail: JailName, target: Prefix): BanRecord | undefined {
    const row = guarded(() => this.#sql.open.get(jail, targetText(target))) as BanRow | undefined;
    return row === undefined ? undefined : recordOf(row);
  }

  /** Bans that are wanted or in force and cover the target, also those of prefixes around it. */
  covering(target: Prefix, now: EpochMicros): BanRecord[] {
    const own = guarded(() =>
      this.#sql.openOfTarget.all(firstOf(target), target.length),
    ) as BanRow[];
    return [...ofFamily(own, target), ...this.history.openAround(target)]
      .map(recordOf)
      .filter(({ until }) => until === null || until > now);
  }

  /** Earlier bans of exactly this target in one jail or in all; see `JailContext.previousBans`. */
  previousBans(jail: JailName | undefined, target: Prefix): number {
    const first = firstOf(target);
    return guarded(() =>
      jail === undefined
        ? this.#sql.previousAll.get(first, target.length)
        : this.#sql.previous.get(first, target.length, jail),
    ) as number;
  }

  /**
   * Bans that are wanted or in force and not due, in the order of their decisions; of one jail or
   * of all.
   */
  *inForce(now: EpochMicros, jail?: JailName): IterableIterator<BanRecord> {
    for (let after = 0; ; ) {
      const rows = guarded(() =>
        this.#sql.openAfter.all({ after, now, jail: jail ?? null }),
      ) as BanRow[];
      for (const row of rows) yield recordOf(row);
      const last = rows.at(-1);
      if (last === undefined) return;
      after = last.id;
    }
  }

  /** What the kernel must hold. */
  *elements(now: EpochMicros): IterableIterator<Element> {
    for (let after: readonly [string, string] = ['', '']; ; ) {
      const rows = guarded(() => this.#sql.elementsAfter.all(...after, now)) as ElementRow[];
      for (const [jail, target, until] of rows)
        yield { jail, target: targetAsWritten(target), until };
      const last = rows.at(-1);
      if (last === undefined) return;
      after = [last[0], last[1]];
    }
  }

  /**
   * Bans that the kernel has not answered for: after a crash between commit and settle, to be
   * settled and announced.
   */
  unsettled(): BanRecord[] {
    return (guarded(() => this.#sql.wanted.all()) as BanRow[]).map(recordOf);
  }

  /** The end that comes next, for a timer; undefined when no temporary ban is open. */
  nextEnd(): EpochMicros | undefined {
    this.#next ??= {
      end: (guarded(() => this.#sql.nextEnd.get()) as EpochMicros | null) ?? undefined,
    };
    return this.#next.end;
  }

  /**
   * Ends the bans whose time is up, at most `most`; call again while it returns that many. Those
   * that never were in force have lapsed; `inForceOnly` leaves them open.
   */
  expire(now: EpochMicros, { most = EXPIRE_BANS_MAX, inForceOnly = false } = {}): BanRecord[] {
    let rows: BanRow[] = [];
    this.#write(false, () => {
      const due = this.#sql.due.all(now, inForceOnly ? 1 : 0, most) as number[];
      rows = due.map((id) => this.#sql.expire.get(id) as BanRow);
    });
    return rows.map(recordOf).sort((a, b) => a.id - b.id);
  }

  /** How far the source was read. */
  position(source: SourceId): ReadPosition | undefined {
    const row = guarded(() => this.#sql.position.get(source)) as
      | { cursor: Cursor; time: EpochMicros }
      | undefined;
    return row === undefined ? undefined : { cursor: row.cursor, time: row.time };
  }

  /**
   * Up to when the failures of targets are settled, for the warm-up of the jails that reads back to
   * `since`: by operators' unbans, by bans of the journal, by the end of bans. A target may come
   * more than once. Read page by page: the ledger may be asked and written meanwhile.
   */
  floors(since: EpochMicros): IterableIterator<SettledUpTo> {
    return this.history.floors(since);
  }

  /**
   * Takes over what the kernel holds and this ledger does not know (a lost ledger or a lost end of
   * one, a row that cannot be read): in force at once, origin `import`. A ban with the same end
   * that is over is known: it was lifted, and whoever did it died before the kernel had the news.
   * Returns the new records.
   */
  adopt(elements: Iterable<Element>, now: EpochMicros): BanRecord[] {
    const adopted: BanRecord[] = [];
    this.#write(true, () => {
      adopted.length = 0;
      for (const { jail, target, until } of elements) {
        if (until !== null && until <= now) continue;
        if (this.#sql.open.get(jail, targetText(target)) !== undefined) continue;
        const like = { jail, first: firstOf(target), length: target.length, until };
        if (this.#sql.ended.get(like) !== undefined) continue;
        const record = this.#insert({ ...ADOPTED, jail, target, time: now, until }, null);
        this.#sql.inForce.run(record.id);
        adopted.push({ ...record, state: 'in-force' });
      }
    });
    return adopted;
  }

  /**
   * Takes over bans of another program, the past ones as ended. What is known already (same jail,
   * target and time) and what is banned already is passed over, so that an import may be repeated.
   * Returns the bans that are now `wanted`.
   */
  import(
    bans: { readonly active: readonly BanDecision[]; readonly history: readonly BanDecision[] },
    now: EpochMicros,
  ): BanRecord[] {
    const wanted: BanRecord[] = [];
    const known = (ban: BanDecision) =>
      this.#sql.known.get(firstOf(ban.target), ban.target.length, ban.jail, ban.time) !== undefined;
    this.#write(true, () => {
      wanted.length = 0;
      for (const ban of bans.history)
        if (!known(ban))
          this.#sql.end.run(
            Math.min(ban.until ?? now, now),
            'expired',
            null,
            this.#insert(ban, null).id,
          );
      for (const ban of bans.active)
        if (!known(ban) && this.#sql.open.get(ban.jail, targetText(ban.target)) === undefined)
          wanted.push(this.#insert(ban, null));
    });
    return wanted;
  }

  /** Findings for `doctor`. */
  check(): Finding[] {
    return this.database.check();
  }

  /** Closes the file and frees the writer's lock; may be called twice. */
  close(): void {
    this.database.close();
  }

  #settle(id: number, outcome: Settlement, now: EpochMicros): boolean {
    if (outcome === 'in-force') return this.#sql.inForce.run(id).changes > 0;
    if (outcome === 'ignored') return this.#sql.ignore.run(now, id).changes > 0;
    return this.#sql.refuse.run(outcome.refused, now, id).changes > 0;
  }

  #ban(decision: BanDecision, ended: BanRecord[]): BanRecord {
    const row = this.#sql.open.get(decision.jail, targetText(decision.target)) as
      | BanRow
      | undefined;
    if (row === undefined) return this.#insert(decision, null);
    const over = row.until !== null && row.until <= decision.time;
    const reason = !over ? 'replaced' : row.state === 'wanted' ? 'lapsed' : 'expired';
    this.#end(row, over ? row.until : decision.time, reason, ended);
    return this.#insert(decision, over ? null : row.id);
  }

  #insert(decision: BanDecision, replaces: number | null): BanRecord {
    const { kind: _, ...ban } = decision;
    const insert: BanInsert = {
      jail: ban.jail,
      target: targetText(ban.target),
      first: firstOf(ban.target),
      length: ban.target.length,
      time: ban.time,
      until: ban.until,
      failures: ban.failures,
      evidence: JSON.stringify(ban.evidence),
      user: ban.user ?? null,
      host: ban.host ?? null,
      origin: ban.origin === 'shared' ? 'import' : ban.origin,
      rule: ban.rule ?? null,
      leniency: ban.leniency ?? null,
      by: ban.by ?? null,
      source: ban.source ?? null,
      scenario: ban.scenario ?? null,
      weights: ban.weights === undefined ? null : JSON.stringify(ban.weights),
      points: ban.points ?? null,
      counts: ban.counts === undefined ? null : JSON.stringify(ban.counts),
      needed: ban.needed ?? null,
      previousBans: ban.previousBans,
      replaces,
    };
    const id = Number(this.#sql.insert.run(insert).lastInsertRowid);
    return { ...ban, id, state: 'wanted' };
  }

  #unban(decision: UnbanDecision, ended: BanRecord[]): void {
    const { target, time, reason, jail, by } = decision;
    const rows = (
      reason === 'operator'
        ? this.#overlapping(target)
        : (this.#sql.openOfTarget.all(firstOf(target), target.length) as BanRow[])
    ).filter((row) => jail === undefined || row.jail === jail);
    for (const row of rows) this.#end(row, time, reason, ended, by);
    if (reason !== 'operator') return;
    this.#sql.pardon.run(jail ?? null, targetText(target), time);
    this.#sql.trimPardons.run(PARDONS_MAX);
  }

  /** Open bans that share an address with the prefix: those within it and those around it. */
  #overlapping(target: Prefix): BanRow[] {
    const { first, last } = rangeOf(target);
    const within = this.#sql.openWithin.all(first, last, target.length) as BanRow[];
    return [...ofFamily(within, target), ...this.history.openAround(target)];
  }

  #end(
    row: BanRow,
    time: number,
    reason: EndReason,
    ended: BanRecord[],
    by: string | null = null,
  ): void {
    this.#sql.end.run(time, reason, by, row.id);
    ended.push(
      recordOf({ ...row, state: 'ended', ended_time: time, ended_reason: reason, ended_by: by }),
    );
  }

  get #sql(): Statements {
    return this.database.sql;
  }

  #write(durably: boolean, work: () => void): void {
    this.#next = undefined;
    this.database.write(durably, work);
  }
}
