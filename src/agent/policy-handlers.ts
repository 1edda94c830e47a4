/**
 * What a mail server may ask through the companion: what is known of a login before its password is
 * looked at. And what it may report: logins that failed, and those that were refused for it.
 */
import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RequestFor } from '../control/endpoints.js';
import type { PolicyFacts, RefusalReason, RefusalView } from '../control/policy-views.js';
import { hostPrefix, parseAddress } from '../core/address.js';
import type { FilterEvent } from '../core/decision.js';
import { OperatorError } from '../core/errors.js';
import { DIGEST_CHARS_KEPT_MAX } from '../core/limits.js';
import { cursor, foldedUser, type JailName } from '../core/names.js';
import { POLICY_REFUSALS_MAX } from '../core/service-limits.js';
import { type EpochMicros, isoTime, wallClock } from '../core/time.js';
import { POLICY_REPORTS_PART_MS } from '../core/timeouts.js';
import type { JailSetup } from '../setup/setup.js';
import type { Stages } from './stages.js';

type Report = RequestFor<'policyReports'>['reports'][number];

/** Names the entry that stands behind a reported failure: there is none. */
const REPORTED = cursor('reported by the mail server');
/** The filters whose jails read what a mail server reports, by what the protocol is called. */
const FILTERS = { smtp: ['postfix-sasl', 'dovecot'], other: ['dovecot', 'postfix-sasl'] } as const;
/** The filter whose lines name the session that a report names. */
const SESSION_FILTER = 'dovecot';
/** Nobody weighs the login. */
const NOTHING_KNOWN: PolicyFacts = {
  isWatching: false,
  isOddService: false,
  isOtherPassword: false,
  others: 0,
  points: 0,
  limit: 0,
  failures: 0,
  maxretry: 0,
  isQuiet: false,
  isUnderAttack: false,
  isDeadName: false,
  isNewName: false,
  isTriedAgain: false,
  isHoneypot: false,
  isLearnt: false,
};
/** Refusals that speak against the address as a failure does; the others say nothing new of it. */
const WEIGHED: ReadonlySet<RefusalReason> = new Set([
  'honeypot',
  'under-attack',
  'dead-name',
  'new-name',
]);

export class PolicyHandlers {
  readonly #stages: Stages;
  /** Newest last. */
  readonly #refusals: RefusalView[] = [];

  constructor(stages: Stages) {
    this.#stages = stages;
  }

  /** What is known of a login that is to come. */
  login({ address: text, user, protocol, pwhash }: RequestFor<'policyLogin'>): PolicyFacts {
    const { jails, allowed, pipeline } = this.#stages;
    const address = addressOf(text);
    pipeline.expectReports();
    const now = wallClock.now();
    const jail = this.#jailOf(protocol);
    const digest = pwhash === undefined ? undefined : digestOf(user, pwhash);
    const view = jail && jails.login(jail.policy.jail, { address, user, digest }, now, allowed);
    if (view === undefined) return NOTHING_KNOWN;
    const { target: _, ...facts } = view;
    const banned = this.#banOf(text, facts.jail as JailName, now);
    return { ...facts, ...(banned === undefined ? {} : { banned }) };
  }

  /** Takes what a mail server reports, so many at a time that logins in between are answered. */
  async reports({ reports }: RequestFor<'policyReports'>): Promise<{ readonly taken: number }> {
    let began = performance.now();
    for (const report of reports) {
      if (performance.now() - began >= POLICY_REPORTS_PART_MS) {
        await nextTurn();
        began = performance.now();
      }
      this.#take(report, wallClock.now());
    }
    return { taken: reports.length };
  }

  /** Refused logins of a user or an address, or all that are remembered, newest first. */
  refusals({ user, address }: RequestFor<'refusals'>): readonly RefusalView[] {
    const name = user === undefined ? undefined : foldedUser(user);
    return this.#refusals
      .filter(
        (one) =>
          (name === undefined || (one.user !== undefined && foldedUser(one.user) === name)) &&
          (address === undefined || one.address === addressOf(address).text),
      )
      .reverse();
  }

  #take(report: Report, time: EpochMicros): void {
    const { user, protocol, session, pwhash, cause, refused } = report;
    const address = addressOf(report.address);
    if (refused !== undefined) this.#refused(report, address.text, refused, time);
    const jail = this.#jailOf(protocol);
    if (jail === undefined) return;
    const name = isOfDovecot(jail) ? (session ?? '') : '';
    const event: FilterEvent = {
      kind: report.accepted === true ? 'success' : 'failure',
      jail: jail.policy.jail,
      address,
      ...(user === undefined || user === '' ? {} : { user }),
      ...(cause === undefined ? {} : { cause }),
      ...(pwhash === undefined || pwhash === '' ? {} : { digest: digestOf(user, pwhash) }),
      session: name,
      ...(refused === undefined ? {} : { isRefused: true }),
      count: 1,
      time,
      cursor: REPORTED,
      regex: -1,
    };
    const { pipeline, jails, allowed } = this.#stages;
    // A login is told by its line: the report adds its password. Without a session nothing says
    // which line is about the same failure: the line alone counts. Of a refusal it must not, which
    // is known by address and user.
    if (event.kind === 'success' || (refused === undefined && name === ''))
      jails.attempted(event, allowed);
    else pipeline.report(event, refused === undefined || WEIGHED.has(refused));
  }

  #refused({ user, protocol }: Report, address: string, reason: RefusalReason, time: EpochMicros) {
    const who = { address, ...(user === undefined ? {} : { user }) };
    const how = protocol === undefined ? {} : { protocol };
    this.#refusals.push({ time: isoTime(time), ...who, ...how, reason });
    if (this.#refusals.length > POLICY_REFUSALS_MAX) this.#refusals.shift();
  }

  /** The jail of the service that speaks the protocol, of those whose logins are weighed. */
  #jailOf(protocol = ''): JailSetup | undefined {
    const { setup } = this.#stages;
    const weighed = setup.jails.filter(({ policy: { group } }) => group !== undefined);
    for (const filter of protocol.toLowerCase() === 'smtp' ? FILTERS.smtp : FILTERS.other) {
      const found = weighed.find(({ intake }) => intake.filter.name === filter);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The jail that bans the address: the one that weighs, one of its group, one that closes all. */
  #banOf(address: string, group: JailName, now: EpochMicros): string | undefined {
    const { ledger, setup } = this.#stages;
    const parsed = addressOf(address);
    for (const { jail, rule } of ledger.covering(hostPrefix(parsed), now)) {
      const own = setup.jails.find(({ policy }) => policy.jail === jail);
      if (own === undefined || own.policy.watch === true) continue;
      // A service of a shared address that is closed alone says nothing of the others.
      if (rule !== undefined && own.policy.group === group) continue;
      if (jail === group || own.policy.group === group || own.rule.ports === 'all') return jail;
    }
    return undefined;
  }
}

/** Its lines name the session that a report names. */
function isOfDovecot(jail: JailSetup | undefined): boolean {
  return jail?.intake.filter.name === SESSION_FILTER;
}

function addressOf(text: string) {
  const address = parseAddress(text);
  if (address === undefined) throw new OperatorError(`${JSON.stringify(text)} is not an address`);
  return address;
}

/**
 * A digest by which the same password of the same user is known again. A server's own hash may have
 * so few bits that those of different users are often equal: that says nothing of their passwords.
 */
function digestOf(user: string | undefined, pwhash: string): string {
  const text = JSON.stringify([foldedUser(user ?? ''), pwhash]);
  return createHash('sha256').update(text).digest('hex').slice(0, DIGEST_CHARS_KEPT_MAX);
}
