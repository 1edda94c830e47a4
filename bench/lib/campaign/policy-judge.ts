/**
 * Banjour behind a mail server that asks before it looks at a password (docs/policy.md): the facts
 * of its jails and the decision of the companion, without the processes between.
 */
import { createHash } from 'node:crypto';
import type { FilterEvent } from '../../../src/core/decision.js';
import { cursor, mustJailName } from '../../../src/core/names.js';
import { DEFAULT_POLICY_RULES, decide, type PolicyRules } from '../../../src/policy/decide.js';
import { addressOf, BanjourJudge, momentOf } from './judges.js';
import type { Asked } from './stage.js';

/** Refusals that speak against the address as a failure does. */
const WEIGHED: ReadonlySet<string> = new Set(['honeypot', 'under-attack', 'dead-name', 'new-name']);

export class PolicyJudge extends BanjourJudge {
  /** Refusals, by why. */
  readonly refusals = new Map<string, number>();
  readonly #rules: PolicyRules;
  /** Whether the server tells which users exist, and passwords by their digests. */
  readonly #tells: (user: string) => Pick<FilterEvent, 'cause'>;

  constructor(
    jailLocal: string,
    rules: Partial<PolicyRules> = {},
    tells: (user: string) => Pick<FilterEvent, 'cause'> = () => ({}),
  ) {
    super(jailLocal);
    this.#rules = { ...DEFAULT_POLICY_RULES, ...rules };
    this.#tells = tells;
    this.pipeline.expectReports();
  }

  allows(asked: Asked, time: number): boolean {
    const known = this.knows(jailOf(asked), asked, digestOf(asked), time);
    if (known === undefined) return true;
    const { target: _, ...facts } = known;
    const verdict = decide(facts, this.#rules);
    if (verdict.action !== 'refuse') return true;
    this.refusals.set(verdict.reason, (this.refusals.get(verdict.reason) ?? 0) + 1);
    const event: FilterEvent = { ...eventOf(asked, time), isRefused: true };
    this.pipeline.report(event, WEIGHED.has(verdict.reason));
    return false;
  }

  reported(asked: Asked, isRight: boolean, time: number): void {
    if (isRight) {
      this.attempted({ ...eventOf(asked, time), kind: 'success' });
      return;
    }
    if (asked.session === '') return;
    this.pipeline.report({ ...eventOf(asked, time), ...this.#tells(asked.user) });
  }
}

function jailOf({ service }: Asked): string {
  return service === 'imap' || service === 'pop3' ? 'dovecot' : 'postfix-sasl';
}

function eventOf(asked: Asked, time: number): FilterEvent {
  const { address, user, session } = asked;
  return {
    kind: 'failure',
    jail: mustJailName(jailOf(asked)),
    address: addressOf(address),
    user,
    digest: digestOf(asked),
    session,
    count: 1,
    time: momentOf(time),
    cursor: cursor('reported'),
    regex: -1,
  };
}

function digestOf({ user, password }: Asked): string {
  const text = JSON.stringify([user.toLowerCase(), password]);
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
