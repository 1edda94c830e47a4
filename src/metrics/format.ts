/**
 * The two text formats of the same metrics: OpenMetrics 1.0.0 and the older one of Prometheus
 * (0.0.4).
 */

import type { Registry } from 'prom-client';

export type MetricsFormat = 'openmetrics' | 'prometheus';

export const CONTENT_TYPES: Readonly<Record<MetricsFormat, string>> = {
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
};

/**
 * Prometheus' text as OpenMetrics: the family of a counter is named without `_total`, no empty
 * lines, `# EOF` at the end. prom-client's own OpenMetrics registry renames its counters at the
 * first use, so that it cannot do both.
 */
function openMetrics(prometheus: string): string {
  const lines = prometheus
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/^(# (?:HELP|TYPE) \S+?)_total /, '$1 '));
  return `${lines.join('\n')}\n# EOF\n`;
}

/** All metrics of a registry as one text. */
export async function metricsText(registry: Registry, format: MetricsFormat): Promise<string> {
  const text = await registry.metrics();
  return format === 'prometheus' ? text : openMetrics(text);
}

/** Names and label names of all metrics, as Prometheus' text format has them. */
export function metricLabels(registry: Registry): ReadonlyMap<string, readonly string[]> {
  return new Map(
    registry
      .getMetricsAsArray()
      .map((metric) => [
        metric.name,
        (metric as unknown as { labelNames: readonly string[] }).labelNames,
      ]),
  );
}

/**
 * Which format a client of HTTP asks for: OpenMetrics only when its Accept header names it, as
 * Prometheus' does.
 */
export function formatFor(accept: string | undefined): MetricsFormat {
  return accept?.includes('application/openmetrics-text') === true ? 'openmetrics' : 'prometheus';
}

/** Metrics of several processes, whose names differ, as one text. */
export function joinMetrics(texts: readonly string[], format: MetricsFormat): string {
  if (format === 'prometheus') return texts.join('\n');
  return `${texts.map((text) => text.replace(/# EOF\n$/, '')).join('')}# EOF\n`;
}
