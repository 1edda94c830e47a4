/** Metrics of one owner, the agent or a part of the companion: a registry of its own. */
import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import Registry from 'prom-client/lib/registry.js';
import { type MetricsFormat, metricLabels, metricsText } from './format.js';

export class MetricsRegistry {
  protected readonly registry = new Registry();

  /** The names with their labels; docs/metrics.md has each. */
  get names(): ReadonlyMap<string, readonly string[]> {
    return metricLabels(this.registry);
  }

  async text(format: MetricsFormat): Promise<string> {
    return metricsText(this.registry, format);
  }

  protected counter(name: string, help: string, labelNames: readonly string[] = []): Counter {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  protected gauge(name: string, help: string, labelNames: readonly string[] = []): Gauge {
    return new Gauge({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }
}
