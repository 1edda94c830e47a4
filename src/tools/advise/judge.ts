/**
 * Kept events judged under one setting, in a closed loop: who is banned would have written no
 * lines, so what comes from there is stopped and never seen by the jails. Nothing is asked of a
 * ledger or a kernel: the bans in force stand here.
 */
import { SourceClocks } from '../../agent/source-clocks.js';
import { type Address, formatPrefix, type Prefix, prefixOf, widthOf } from '../../core/address.js';
import type { BanDecision } from '../../core/decision.js';
import { type JailName, sourceId } from '../../core/names.js';
import type { JailRule } from '../../core/specs.js';
import type { EpochMicros } from '../../core/time.js';
import { Jails } from '../../jail/jails.js';
import type { AllowContext, JailContext, OpenBan } from '../../jail/judgement.js';
import type { JailSetup } from '../../setup/setup.js';
import { type Client, isUsers, type KeptEvent } from './kept.js';

/** A user's client that was banned. */
export interface HitClient {
  readonly client: Client;
  /** Of the first ban. */
  readonly jail: JailName;
  readonly time: EpochMicros;
  /** Logins that would have been shut out. */
  blocked: number;
}

export interface SettingTally {
  /** Failures of clients that are no user's, and how many of them reach the host. */
  readonly guesses: number;
  readonly passed: number;
  /** Bans, extensions not counted, and what they banned. */
  readonly bans: number;
  readonly targets: number;
  /** Those with the most blocked logins first. */
  readonly hits: readonly HitClient[];
  /** Logins of users that would have been shut out. */
  readonly blocked: number;
}

const SOURCE = sourceId('advise');

/** Judges the events under these jails. `texts` is the same for all settings. */
export function judgeUnder(
  events: readonly KeptEvent[],
  setups: readonly JailSetup[],
  allow: AllowContext,
  texts: PrefixTexts,
): SettingTally {
  // Nobody asks which entries led to a ban, and gathering them takes a twentieth of the time.
  const jails = new Jails(setups.map(({ policy }) => ({ ...policy, maxmatches: 0 })));
  const bans = new BansInForce(
    setups.map(({ rule }) => rule),
    texts,
  );
  const lateness = jails.shortestFindtime;
  const clocks = new SourceClocks(() => lateness);
  const context: JailContext = {
    allowed: (jail, address) => allow.allowed(jail, address),
    coversAllowed: (jail, prefix) => allow.coversAllowed(jail, prefix),
    openBan: (jail, target) => bans.openBan(jail, target),
    previousBans: (jail, target) => bans.previousBans(jail, target),
    random: () => 0,
    latest: () => clocks.latest,
  };
  const hits = new Map<Client, HitClient>();
  const sum = { guesses: 0, passed: 0, blocked: 0 };
  for (const event of events) {
    const { client } = event;
    const isUser = isUsers(client);
    const now = clocks.reach(SOURCE, event.time);
    const { over, closed } = bans.look(event.address, event.jail, now);
    for (const ban of over) jails.expired(ban);
    if (event.kind === 'failure' && !isUser) {
      sum.guesses += event.count;
      if (closed === undefined) sum.passed += event.count;
    }
    if (closed !== undefined) {
      if (!isUser) continue;
      const hit = hitOf(hits, client, closed);
      if (event.kind === 'success') {
        hit.blocked += event.count;
        sum.blocked += event.count;
      }
      continue;
    }
    for (const decision of jails.step(event, now, context).decisions) {
      bans.add(decision);
      if (isUser) hitOf(hits, client, decision);
    }
  }
  return {
    ...sum,
    bans: bans.total,
    targets: bans.targets,
    hits: [...hits.values()].sort((a, b) => b.blocked - a.blocked || a.time - b.time),
  };
}

function hitOf(hits: Map<Client, HitClient>, client: Client, { jail, time }: Ban): HitClient {
  let hit = hits.get(client);
  if (hit === undefined) {
    hit = { client, jail, time, blocked: 0 };
    hits.set(client, hit);
  }
  return hit;
}

type Ban = Pick<BanDecision, 'jail' | 'target' | 'time' | 'until' | 'previousBans'>;

/** The bans of one judging: what a ledger would say, and whom the kernel would stop. */
class BansInForce {
  /** By target, then one of each jail. */
  readonly #open = new Map<string, Map<JailName, Ban>>();
  /** How often a target was banned, by jail and in all. */
  readonly #counts = new Map<string, number>();
  readonly #targets = new Set<string>();
  /** Lengths of what was banned, the only ones worth a look. */
  readonly #lengths: { readonly 4: number[]; readonly 6: number[] } = { 4: [], 6: [] };
  readonly #texts: PrefixTexts;
  /** For each jail those whose bans close its ports. */
  readonly #closers: ReadonlyMap<JailName, ReadonlySet<JailName>>;
  total = 0;

  constructor(rules: readonly JailRule[], texts: PrefixTexts) {
    this.#texts = texts;
    this.#closers = new Map(
      rules.map((rule) => [
        rule.jail,
        new Set(rules.filter((other) => closes(other, rule)).map(({ jail }) => jail)),
      ]),
    );
  }

  /** Different targets that were ever banned. */
  get targets(): number {
    return this.#targets.size;
  }

  openBan(jail: JailName, target: Prefix): OpenBan | undefined {
    return this.#open.get(formatPrefix(target))?.get(jail);
  }

  previousBans(jail: JailName | undefined, target: Prefix): number {
    return this.#counts.get(`${jail ?? ''} ${formatPrefix(target)}`) ?? 0;
  }

  add(ban: Ban): void {
    const { jail, target } = ban;
    const text = formatPrefix(target);
    const lengths = this.#lengths[target.family];
    if (!lengths.includes(target.length)) lengths.push(target.length);
    const jails = this.#open.get(text) ?? new Map<JailName, Ban>();
    this.#open.set(text, jails);
    const isExtension = jails.has(jail);
    jails.set(jail, ban);
    if (isExtension) return;
    this.total++;
    this.#targets.add(text);
    for (const scope of [jail, ''])
      this.#counts.set(`${scope} ${text}`, (this.#counts.get(`${scope} ${text}`) ?? 0) + 1);
  }

  /**
   * Ends the bans of the address that are over, and says which one closes this jail's ports to it.
   */
  look(
    address: Address,
    jail: JailName,
    now: EpochMicros,
  ): { readonly over: readonly Ban[]; readonly closed: Ban | undefined } {
    const over: Ban[] = [];
    let closed: Ban | undefined;
    for (const length of this.#lengths[address.family]) {
      const text = this.#texts.of(address, length);
      const bans = this.#open.get(text);
      if (bans === undefined) continue;
      for (const ban of bans.values())
        if (ban.until !== null && ban.until <= now) {
          over.push(ban);
          bans.delete(ban.jail);
        } else if (this.#closers.get(jail)?.has(ban.jail) === true) closed ??= ban;
      if (bans.size === 0) this.#open.delete(text);
    }
    return { over, closed };
  }
}

/** The texts of the prefixes that addresses lie in, each made once. */
export class PrefixTexts {
  readonly #known = new Map<Address, Map<number, string>>();

  of(address: Address, length: number): string {
    if (length === widthOf(address.family)) return address.text;
    let texts = this.#known.get(address);
    if (texts === undefined) {
      texts = new Map();
      this.#known.set(address, texts);
    }
    let text = texts.get(length);
    if (text === undefined) {
      text = formatPrefix(prefixOf(address, length));
      texts.set(length, text);
    }
    return text;
  }
}

/** True when a ban of the one jail closes all ports of the other. */
function closes(by: JailRule, other: JailRule): boolean {
  if (by.jail === other.jail || by.ports === 'all') return true;
  if (other.ports === 'all') return false;
  const { ports } = by;
  return other.ports.every((range) =>
    ports.some(({ first, last }) => first <= range.first && range.last <= last),
  );
}
