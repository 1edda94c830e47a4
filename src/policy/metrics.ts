/** Numbers of what mail servers asked, in the same formats as the agent's. */
import { REFUSAL_REASONS } from '../control/policy-views.js';
import { MetricsRegistry } from '../metrics/registry.js';
import type { PolicyVerdict } from './decide.js';
import type { PolicyDenial } from './server.js';

const DENIALS: readonly PolicyDenial[] = ['key', 'host', 'path', 'body'];

export class PolicyMetrics extends MetricsRegistry {
  readonly #allows = this.counter(
    'banjour_policy_logins_total',
    'Logins that a mail server asked about, by what it was told',
    ['verdict'],
  );
  readonly #refusals = this.counter(
    'banjour_policy_refusals_total',
    'Logins that were refused, by why',
    ['reason'],
  );
  readonly #denials = this.counter(
    'banjour_policy_denied_requests_total',
    'Requests without an answer: wrong key, host, path or body',
    ['why'],
  );
  readonly unanswered = this.counter(
    'banjour_policy_unanswered_total',
    'Logins that were served because the agent did not answer in time',
  );
  readonly reports = this.counter(
    'banjour_policy_reports_total',
    'Logins that mail servers reported: those that failed, and right passwords',
  );
  readonly lost = this.counter(
    'banjour_policy_reports_lost_total',
    'Reports that did not reach the agent; their log lines count instead',
  );
  readonly slowest = this.gauge(
    'banjour_policy_answer_seconds_max',
    'The slowest answer since the last look',
  );

  constructor() {
    super();
    for (const verdict of ['serve', 'delay', 'refuse']) this.#allows.inc({ verdict }, 0);
    for (const reason of REFUSAL_REASONS) this.#refusals.inc({ reason }, 0);
    for (const why of DENIALS) this.#denials.inc({ why }, 0);
  }

  decided(verdict: PolicyVerdict): void {
    this.#allows.inc({ verdict: verdict.action });
    if (verdict.action === 'refuse') this.#refusals.inc({ reason: verdict.reason });
  }

  denied(why: PolicyDenial): void {
    this.#denials.inc({ why });
  }
}
