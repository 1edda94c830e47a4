/** Numbers of shared bans, in the same formats as the agent's. */
import type { MetricsFormat } from '../metrics/format.js';
import { MetricsRegistry } from '../metrics/registry.js';

/** What is asked at each scrape. */
export interface ShareGauges {
  readonly isConnected: boolean;
  /** Changes that wait to be published. */
  readonly waiting: number;
  /** Bans of this host at the engine, and of the others. */
  readonly published: number;
  readonly held: number;
}

export class ShareMetrics extends MetricsRegistry {
  readonly #gauges: () => ShareGauges;
  readonly #published = this.counter(
    'banjour_share_published_total',
    'Changes that the engine was told: bans, and bans that were lifted',
    ['kind'],
  );
  readonly accepted = this.counter(
    'banjour_share_accepted_total',
    'Decisions of others that the agent took, or knew already',
  );
  readonly lifted = this.counter(
    'banjour_share_lifted_total',
    'Shared bans that the agent lifted since others did',
  );
  readonly refused = this.counter(
    'banjour_share_refused_total',
    'Decisions of others that the agent refused',
  );
  readonly own = this.counter(
    'banjour_share_own_total',
    'Decisions of this host that came back and were dropped',
  );
  readonly passedOver = this.counter(
    'banjour_share_passed_over_total',
    'Words of the engine that are no ban of an address or prefix, or that would ban the engine itself',
  );
  readonly dropped = this.counter(
    'banjour_share_dropped_total',
    'Decisions of others for which there was no room',
  );
  readonly failures = this.counter(
    'banjour_share_failures_total',
    'Connections to the engine that failed or could not be made',
  );
  readonly #connected = this.gauge(
    'banjour_share_connected',
    '1 while the engine is listened to, 0 otherwise',
  );
  readonly #waiting = this.gauge('banjour_share_queue_length', 'Changes that wait to be published');
  readonly #own = this.gauge('banjour_share_published_bans', 'Bans of this host at the engine');
  readonly #held = this.gauge('banjour_share_held_bans', 'Bans of other hosts at the engine');

  constructor(gauges: () => ShareGauges) {
    super();
    this.#gauges = gauges;
    for (const kind of ['ban', 'lift']) this.#published.inc({ kind }, 0);
  }

  told(kind: 'ban' | 'lift', count: number): void {
    this.#published.inc({ kind }, count);
  }

  override async text(format: MetricsFormat): Promise<string> {
    const { isConnected, waiting, published, held } = this.#gauges();
    this.#connected.set(isConnected ? 1 : 0);
    this.#waiting.set(waiting);
    this.#own.set(published);
    this.#held.set(held);
    return super.text(format);
  }
}
