/** Numbers of notify, in the agent's formats. Their only labels are the four channels. */
import type { MetricsFormat } from '../metrics/format.js';
import { MetricsRegistry } from '../metrics/registry.js';
import { CHANNELS, type Channel } from './news.js';

export class NotifyMetrics extends MetricsRegistry {
  readonly #waiting: () => ReadonlyMap<Channel, number>;
  readonly events = this.counter('banjour_notify_events_total', 'Events taken from the agent');
  readonly gaps = this.counter(
    'banjour_notify_gaps_total',
    'Times that the agent no longer had what was missed',
  );
  readonly sent = this.counter('banjour_notify_sent_total', 'Messages that were delivered', [
    'channel',
  ]);
  readonly failed = this.counter(
    'banjour_notify_failed_total',
    'Attempts that failed and are tried again',
    ['channel'],
  );
  readonly dropped = this.counter('banjour_notify_dropped_total', 'Bans that nobody was told of', [
    'channel',
  ]);
  readonly #queue = this.gauge(
    'banjour_notify_queue_length',
    'Bans held here that wait to be told',
    ['channel'],
  );
  readonly whoisFailed = this.counter(
    'banjour_notify_whois_failed_total',
    'Questions to whois without an answer',
  );

  /** `waiting` is asked at each scrape. */
  constructor(waiting: () => ReadonlyMap<Channel, number>) {
    super();
    this.#waiting = waiting;
    for (const channel of CHANNELS)
      for (const counter of [this.sent, this.failed, this.dropped]) counter.inc({ channel }, 0);
  }

  override async text(format: MetricsFormat): Promise<string> {
    const waiting = this.#waiting();
    for (const channel of CHANNELS) this.#queue.set({ channel }, waiting.get(channel) ?? 0);
    return super.text(format);
  }
}
