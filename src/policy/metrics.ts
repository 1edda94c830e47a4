/** Numbers of what mail servers asked, in the same formats as the agent's. */
import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import Registry from 'prom-client/lib/registry.js';
import { REFUSAL_REASONS } from '../control/protocol.js';
import { type MetricsFormat, metricLabels, metricsText } from '../metrics/format.js';
import type { PolicyVerdict } from './decide.js';
import type { PolicyDenial } from './server.js';

const DENIALS: readonly PolicyDenial[] = ['key', 'host', 'path', 'body'];

export class PolicyMetrics {
  readonly #registry = new Registry();
  readonly #registers = { registers: [this.#registry] };
  readonly #allows = new Counter({
    name: 'banjour_policy_logins_total',
    help: 'Logins that a mail server asked about, by what it was told',
    labelNames: ['verdict'],
    ...this.#registers,
  });
  readonly #refusals = new Counter({
    name: 'banjour_policy_refusals_total',
    help: 'Logins that were refused, by why',
    labelNames: ['reason'],
    ...this.#registers,
  });
  readonly #denials = new Counter({
    name: 'banjour_policy_denied_requests_total',
    help: 'Requests without an answer: wrong key, host, path or body',
    labelNames: ['why'],
    ...this.#registers,
  });
  readonly unanswered = new Counter({
    name: 'banjour_policy_unanswered_total',
    help: 'Logins that were served because the agent did not answer in time',
    ...this.#registers,
  });
  readonly reports = new Counter({
    name: 'banjour_policy_reports_total',
    help: 'Failed logins that mail servers reported',
    ...this.#registers,
  });
  readonly lost = new Counter({
    name: 'banjour_policy_reports_lost_total',
    help: 'Reports that did not reach the agent; their log lines count instead',
    ...this.#registers,
  });
  readonly slowest = new Gauge({
    name: 'banjour_policy_answer_seconds_max',
    help: 'The slowest answer since the last look',
    ...this.#registers,
  });

  constructor() {
    for (const verdict of ['serve', 'delay', 'refuse']) this.#allows.inc({ verdict }, 0);
    for (const reason of REFUSAL_REASONS) this.#refusals.inc({ reason }, 0);
    for (const why of DENIALS) this.#denials.inc({ why }, 0);
  }

  /** The names with their labels; docs/metrics.md has each. */
  get names(): ReadonlyMap<string, readonly string[]> {
    return metricLabels(this.#registry);
  }

  decided(verdict: PolicyVerdict): void {
    this.#allows.inc({ verdict: verdict.action });
    if (verdict.action === 'refuse') this.#refusals.inc({ reason: verdict.reason });
  }

  denied(why: PolicyDenial): void {
    this.#denials.inc({ why });
  }

  async text(format: MetricsFormat): Promise<string> {
    return metricsText(this.#registry, format);
  }
}
