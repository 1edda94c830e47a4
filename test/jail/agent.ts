/**
 * Jails and a real ledger file wired as the daemon wires them, with a journal that is a list and a
 * kernel that is a map.
 */
import {
  contains,
  formatPrefix,
  overlap,
  type Prefix,
  parsePrefix,
} from '../../src/core/address.js';
import type { BanDecision, BanRecord, FilterEvent } from '../../src/core/decision.js';
import { type JailName, sourceId } from '../../src/core/names.js';
import type { JailPolicy } from '../../src/core/specs.js';
import { type EpochMicros, epochMicros, plus } from '../../src/core/time.js';
import { Jails } from '../../src/jail/jails.js';
import type { JailContext } from '../../src/jail/judgement.js';
import type { Commit, Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';

/** A small evidence log: it comes round in every run. */
const OPTIONS = { evidenceLogBytesMax: 4_096 };
const SOURCE = sourceId('test');

export interface Knobs {
  /** Kernel's answer to a ban: refused or not. */
  readonly refuses: (ban: BanDecision) => boolean;
  /** Where this batch dies: before the commit, after it, or not at all. */
  readonly dies: 'before-commit' | 'before-settle' | 'not';
}

export class Agent {
  readonly journal: FilterEvent[] = [];
  jails: Jails;
  ledger: Ledger;
  policies: readonly JailPolicy[];
  readonly #path: string;
  readonly #allowed: readonly Prefix[];
  #read = 0;

  constructor(
    path: string,
    policies: readonly JailPolicy[],
    allowed: ReadonlySet<string>,
    now: EpochMicros,
  ) {
    this.#path = path;
    this.policies = policies;
    this.#allowed = [...allowed].map((text) => parsePrefix(text) as Prefix);
    this.ledger = openLedger(path, now).ledger;
    this.jails = new Jails(policies, OPTIONS);
  }

  get unread(): number {
    return this.journal.length - this.#read;
  }

  /** Reads up to `most` entries as one batch. */
  batch(
    most: number,
    now: EpochMicros,
    knobs: Knobs,
  ): { readonly decisions: readonly BanDecision[]; readonly refused: readonly BanRecord[] } {
    const events = this.journal.slice(this.#read, this.#read + most);
    const last = events.at(-1);
    if (last === undefined) return { decisions: [], refused: [] };
    const { decisions } = this.jails.judge(events, () => now, this.context());
    if (knobs.dies === 'before-commit') {
      this.restart(now);
      return { decisions: [], refused: [] };
    }
    const bans = this.#commit({
      decisions,
      source: SOURCE,
      position: { cursor: last.cursor, time: last.time },
    });
    this.#read += events.length;
    if (knobs.dies === 'before-settle') {
      this.restart(now);
      return { decisions, refused: [] };
    }
    return { decisions, refused: this.#settle(bans, now, knobs) };
  }

  operatorBan(ban: BanDecision): void {
    this.#settle(this.#commit({ decisions: [ban] }), ban.time, {
      refuses: () => false,
      dies: 'not',
    });
  }

  operatorUnban(target: Prefix, jail: JailName | undefined, now: EpochMicros): void {
    const scope = jail === undefined ? {} : { jail };
    this.#commit({
      decisions: [{ kind: 'unban', target, time: now, reason: 'operator', ...scope }],
    });
    this.jails.forget(target, { ...scope, upTo: now });
  }

  expire(now: EpochMicros): void {
    for (const ban of this.ledger.expire(now)) this.jails.expired(ban);
  }

  /** Ends without a goodbye and starts anew. */
  restart(now: EpochMicros): void {
    this.ledger.close();
    const { ledger, setAside } = openLedger(this.#path, now);
    if (setAside !== undefined) throw new Error(setAside.reason);
    this.ledger = ledger;
    this.jails = new Jails(this.policies, OPTIONS);
    this.ledger.settle(
      this.ledger.unsettled().map(({ id }) => id),
      'in-force',
      now,
    );
    this.#warmUp(this.policies);
    this.expire(now);
  }

  reload(policies: readonly JailPolicy[]): void {
    this.policies = policies;
    const cold = new Set(this.jails.reconfigure(policies));
    for (const jail of cold) this.jails.reset(jail);
    this.#warmUp(policies.filter(({ jail }) => cold.has(jail)));
  }

  inForce(now: EpochMicros): string[] {
    return [...this.ledger.elements(now)]
      .map((e) => `${e.jail} ${formatPrefix(e.target)} ${e.until}`)
      .sort();
  }

  context(): JailContext {
    return {
      allowed: (_, address) =>
        this.#allowed.some((prefix) => contains(prefix, address)) ? 'ignoreip' : undefined,
      coversAllowed: (_, prefix) => this.#allowed.some((allowed) => overlap(allowed, prefix)),
      openBan: (jail, target) => this.ledger.openBan(jail, target),
      previousBans: (jail, target) => this.ledger.previousBans(jail, target),
      random: () => 0,
    };
  }

  #commit(commit: Commit): readonly BanRecord[] {
    const { bans, ended } = this.ledger.commit(commit);
    for (const ban of ended) if (ban.ended?.reason === 'expired') this.jails.expired(ban);
    return bans;
  }

  #settle(bans: readonly BanRecord[], now: EpochMicros, { refuses }: Knobs): BanRecord[] {
    const refused = bans.filter((ban) => refuses({ ...ban, kind: 'ban' }));
    for (const ban of bans)
      this.ledger.settle(
        [ban.id],
        refused.includes(ban) ? { refused: 'set is full' } : 'in-force',
        now,
      );
    return refused;
  }

  #warmUp(policies: readonly JailPolicy[]): void {
    const position = this.ledger.position(SOURCE);
    const span = Math.max(300, ...policies.map(({ findtime }) => findtime));
    const since = position === undefined ? epochMicros(0) : plus(position.time, -span);
    const names = new Set(policies.map(({ jail }) => jail));
    this.jails.remember(this.ledger.floors(since));
    for (const event of this.journal.slice(0, this.#read))
      if (names.has(event.jail) && event.time >= since) this.jails.observe(event, this.context());
    for (const jail of policies.filter(({ counts }) => counts === 'bans'))
      for (const ban of this.ledger.history.newBans(since))
        this.jails.observeBan(ban, this.context(), jail.jail);
  }
}
