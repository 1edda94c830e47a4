/**
 * What jails and ledger together must do, as plainly as it can be said: every question is answered
 * by recounting whole lists. Knows nothing of windows, pools, files, crashes or restarts, and
 * imports nothing from src/jail or src/ledger.
 */
import {
  type Address,
  formatPrefix,
  overlap,
  type Prefix,
  parsePrefix,
  prefixOf,
} from '../../src/core/address.js';
import type { FilterEvent } from '../../src/core/decision.js';
import type { JailPolicy } from '../../src/core/specs.js';

const MICROS = 1_000_000;

export interface ReferenceBan {
  readonly jail: string;
  readonly target: string;
  readonly time: number;
  readonly until: number | null;
  readonly failures: number;
  readonly previousBans: number;
  readonly origin: 'journal' | 'operator';
  state: 'open' | 'refused' | 'expired' | 'operator' | 'replaced';
  replaces: ReferenceBan | undefined;
}

interface Failure {
  readonly jail: string;
  readonly target: string;
  /** The prefix that a failure of a single address was counted by as well. */
  readonly within: string | undefined;
  readonly time: number;
  readonly count: number;
  dead: boolean;
}

interface Settled {
  readonly jail: string | undefined;
  readonly target: string;
  readonly upTo: number;
  readonly exact: boolean;
}

const prefix = (text: string) => parsePrefix(text) as Prefix;

export class Reference {
  policies: readonly JailPolicy[];
  readonly failures: Failure[] = [];
  readonly settled: Settled[] = [];
  readonly logins: { readonly address: string; readonly time: number }[] = [];
  readonly bans: ReferenceBan[] = [];
  readonly allowed: ReadonlySet<string>;

  constructor(policies: readonly JailPolicy[], allowed: ReadonlySet<string>) {
    this.policies = policies;
    this.allowed = allowed;
  }

  /** Reads one entry at the time `now`; returns the bans that it led to. */
  read(event: FilterEvent, now: number): ReferenceBan[] {
    const policy = this.policies.find(({ jail }) => jail === event.jail);
    if (policy === undefined || this.allowed.has(event.address.text)) return [];
    const target = this.#target(event, policy);
    const host = event.address.text;
    if (event.kind === 'success') {
      this.logins.push({ address: host, time: event.time });
      for (const failure of this.failures)
        if (
          policy.forgetOnSuccess &&
          failure.jail === policy.jail &&
          (failure.target === target || failure.target === host) &&
          failure.time <= event.time
        )
          failure.dead = true;
      return [];
    }
    const neighbour = this.#hasNeighbour(target, host, event.time);
    const ban = this.#fail(policy, target, host, neighbour, event.time, event.count, now);
    if (ban === undefined) return [];
    const bans = [ban];
    if (ban.replaces === undefined)
      for (const other of this.policies) {
        if (other.counts !== 'bans' || other.jail === policy.jail) continue;
        const wide = this.#wide(other, ban.target);
        const second = this.#fail(other, wide, host, wide !== ban.target, now, 1, now);
        if (second !== undefined) bans.push(second);
      }
    return bans;
  }

  operatorBan(jail: string, target: string, now: number, until: number | null): void {
    this.#add({
      jail,
      target,
      time: now,
      until,
      failures: 0,
      previousBans: 0,
      origin: 'operator',
      state: 'open',
      replaces: undefined,
    });
  }

  operatorUnban(jail: string | undefined, target: string, now: number): void {
    this.settled.push({ jail, target, upTo: now, exact: false });
    for (const ban of this.bans)
      if (
        ban.state === 'open' &&
        (jail === undefined || ban.jail === jail) &&
        overlap(prefix(ban.target), prefix(target))
      )
        this.#end(ban, now, 'operator');
  }

  expire(now: number): void {
    for (const ban of this.bans)
      if (ban.state === 'open' && ban.until !== null && ban.until <= now)
        this.#end(ban, ban.until, 'expired');
  }

  /** The kernel did not take it. */
  refuse(ban: ReferenceBan, now: number): void {
    if (ban.state !== 'open') return;
    ban.state = 'refused';
    const before = ban.replaces;
    if (before?.state === 'replaced' && (before.until === null || before.until > now))
      before.state = 'open';
  }

  inForce(now: number): string[] {
    return this.bans
      .filter(({ state, until }) => state === 'open' && (until === null || until > now))
      .map(({ jail, target, until }) => `${jail} ${target} ${until}`)
      .sort();
  }

  currentlyFailed(policy: JailPolicy, now: number): number {
    const failing = this.failures.filter(
      (failure) =>
        failure.jail === policy.jail &&
        this.#counts(failure) &&
        failure.time >= now - policy.findtime * MICROS,
    );
    return new Set(failing.map(({ target }) => target)).size;
  }

  /** The latest moment up to which anything was settled. */
  lastSettled(): number {
    return Math.max(0, ...this.settled.map(({ upTo }) => upTo));
  }

  #target(event: FilterEvent, policy: JailPolicy): string {
    if (event.address.family === 4) return event.address.text;
    return this.#wide(policy, event.address.text);
  }

  /** What a target is counted by. */
  #wide(policy: JailPolicy, target: string): string {
    const { family, base, length } = prefix(target);
    if (family === 4 || length <= policy.ipv6prefix) return target;
    const wide = prefixOf({ family, text: base } as Address, policy.ipv6prefix);
    return [...this.allowed].some((text) => overlap(prefix(text), wide))
      ? base
      : formatPrefix(wide);
  }

  /** The same, whoever is allowed there. */
  #wideOnly(policy: JailPolicy, host: string): string {
    const { family, base } = prefix(host);
    return family === 4
      ? host
      : formatPrefix(prefixOf({ family, text: base } as Address, policy.ipv6prefix));
  }

  /**
   * Another address of the prefix has logged in within the longest findtime of those that count
   * failures.
   */
  #hasNeighbour(target: string, host: string, time: number): boolean {
    const counting = this.policies.filter(({ counts }) => counts !== 'bans');
    const span = Math.max(...counting.map(({ findtime }) => findtime)) * MICROS;
    return (
      target !== host &&
      this.logins.some(
        (login) =>
          login.address !== host &&
          overlap(prefix(target), prefix(login.address)) &&
          Math.abs(login.time - time) <= span,
      )
    );
  }

  #fail(
    policy: JailPolicy,
    wide: string,
    host: string,
    isTwice: boolean,
    time: number,
    count: number,
    now: number,
  ): ReferenceBan | undefined {
    const { jail } = policy;
    const span = policy.findtime * MICROS;
    if (time <= this.#settledUpTo(jail, wide, undefined)) return undefined;
    this.failures.push({ jail, target: wide, within: undefined, time, count, dead: false });
    if (isTwice) this.failures.push({ jail, target: host, within: wide, time, count, dead: false });
    if (time < now - span) return undefined;
    const target = this.#hasNeighbour(wide, host, time) ? host : wide;
    let sum = this.#fullWindow(policy, target, time);
    if (sum === undefined) return undefined;
    let open = this.bans.find(
      (ban) => ban.jail === jail && ban.target === target && ban.state === 'open',
    );
    if (open !== undefined && open.until !== null && open.until <= now) {
      this.#end(open, open.until, 'expired');
      if (time <= open.until) return undefined;
      open = undefined;
      sum = this.#fullWindow(policy, target, time);
      if (sum === undefined) return undefined;
    }
    const previousBans =
      open?.previousBans ??
      this.#previous(policy.increment?.overalljails ? undefined : jail, target);
    const length = this.#length(policy, previousBans);
    const until = length === null ? null : now + Math.round(length * MICROS);
    if (open !== undefined) {
      if (open.until === null) return undefined;
      if (
        until !== null &&
        length !== null &&
        until < open.until + Math.round(Math.max(1, length / 10) * MICROS)
      )
        return undefined;
    }
    this.settled.push({ jail, target, upTo: now, exact: true });
    return this.#add({
      jail,
      target,
      time: now,
      until,
      failures: sum,
      previousBans,
      origin: 'journal',
      state: 'open',
      replaces: undefined,
    });
  }

  /** Weight of the latest stretch of findtime that holds this moment and is full. */
  #fullWindow(policy: JailPolicy, target: string, time: number): number | undefined {
    const span = policy.findtime * MICROS;
    const own = this.failures.filter(
      (f) => f.jail === policy.jail && f.target === target && this.#counts(f),
    );
    const starts = own.map((f) => f.time).filter((start) => start <= time && start >= time - span);
    for (const start of starts.sort((a, b) => b - a)) {
      const sum = own
        .filter((f) => f.time >= start && f.time <= start + span)
        .reduce((all, f) => all + f.count, 0);
      if (sum >= policy.maxretry) return sum;
    }
    return undefined;
  }

  #counts(failure: Failure): boolean {
    return (
      !failure.dead &&
      failure.time > this.#settledUpTo(failure.jail, failure.target, failure.within)
    );
  }

  /**
   * A ban of a single address also settles what was counted of the prefix around it, and one of the
   * prefix its addresses.
   */
  #settledUpTo(jail: string, target: string, within: string | undefined): number {
    const policy = this.policies.find((one) => one.jail === jail) as JailPolicy;
    const isOf = (settled: string) =>
      settled === target ||
      settled === within ||
      (!settled.includes('/') && this.#wideOnly(policy, settled) === target);
    const own = this.settled.filter(
      (s) =>
        (s.jail === undefined || s.jail === jail) &&
        (s.exact ? isOf(s.target) : overlap(prefix(s.target), prefix(target))),
    );
    return Math.max(0, ...own.map(({ upTo }) => upTo));
  }

  #previous(jail: string | undefined, target: string): number {
    return this.bans.filter(
      (ban) =>
        ban.target === target &&
        (jail === undefined || ban.jail === jail) &&
        ban.state !== 'refused' &&
        ban.state !== 'replaced' &&
        ban.state !== 'operator',
    ).length;
  }

  #length(policy: JailPolicy, previous: number): number | null {
    const { bantime, increment } = policy;
    if (bantime === null || increment === undefined || previous === 0) return bantime;
    const times =
      increment.formula.kind === 'exponential'
        ? 2 ** Math.min(20, previous)
        : (increment.formula.list[Math.min(previous, increment.formula.list.length - 1)] as number);
    return Math.min(
      bantime * times * increment.factor,
      increment.maxtime ?? Number.POSITIVE_INFINITY,
    );
  }

  #add(ban: ReferenceBan): ReferenceBan {
    const open = this.bans.find(
      (other) => other.jail === ban.jail && other.target === ban.target && other.state === 'open',
    );
    if (open !== undefined) {
      if (open.until !== null && open.until <= ban.time) this.#end(open, open.until, 'expired');
      else {
        open.state = 'replaced';
        ban.replaces = open;
      }
    }
    this.bans.push(ban);
    return ban;
  }

  #end(ban: ReferenceBan, time: number, state: 'expired' | 'operator'): void {
    ban.state = state;
    this.settled.push({ jail: ban.jail, target: ban.target, upTo: time, exact: true });
  }
}
