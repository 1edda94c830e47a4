/**
 * The agent's metrics. Two kinds of work: events as they happen go into counters and histograms
 * here, everything else is asked for at the scrape. Labels have few values: jails, sources,
 * families, fixed words; never an address or a user.
 */

import type Counter from 'prom-client/lib/counter.js';
import Histogram from 'prom-client/lib/histogram.js';
import type { BanjourEvent } from '../core/decision.js';
import { METRICS_LABEL_VALUES_MAX } from '../core/service-limits.js';
import type { MetricsFormat } from './format.js';
import { MetricsRegistry } from './registry.js';
import type { AgentSnapshot } from './snapshot.js';

/** Seconds; a ban is in force after some 20 ms, and the alert stands at 1 s. */
const LATENCY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];
/** Stands for every further value of a label that has too many. */
const OTHER = 'other';

/** What the event stream says, as far as it is counted. */
export interface Happening {
  readonly event: BanjourEvent;
  readonly jail: string;
  readonly address: string;
  readonly count?: number;
  readonly reason?: string;
}

export class AgentMetrics extends MetricsRegistry {
  readonly #snapshot: () => Promise<AgentSnapshot>;
  readonly #known = new Set<string>();
  readonly #info = this.gauge('banjour_info', 'Version of the agent, as a label; always 1', [
    'version',
  ]);
  readonly #started = this.gauge(
    'banjour_start_time_seconds',
    'When the agent started, seconds since 1970',
  );
  readonly #resident = this.gauge('banjour_resident_memory_bytes', 'Resident memory of the agent');
  readonly #cpu = this.counter(
    'banjour_cpu_seconds_total',
    'Processor time of the agent, all threads',
  );
  readonly #read = this.counter('banjour_entries_read_total', 'Journal entries read', ['source']);
  readonly #cut = this.counter(
    'banjour_entries_cut_total',
    'Entries whose message was longer than is judged',
    ['source'],
  );
  readonly #unreadable = this.counter(
    'banjour_entries_unreadable_total',
    'Corrupt entries that were passed over',
    ['source'],
  );
  readonly #gaps = this.counter(
    'banjour_gaps_total',
    'Times that a stored position was gone from the journal',
    ['source'],
  );
  readonly #lag = this.gauge(
    'banjour_lag_seconds',
    'How far the reader is behind the journal; 0 when it is live',
    ['source'],
  );
  readonly #live = this.gauge(
    'banjour_source_live',
    '1 when the reader has reached the end of its source',
    ['source'],
  );
  readonly #lastEntry = this.gauge(
    'banjour_last_entry_timestamp_seconds',
    'Time of the last entry read',
    ['source'],
  );
  readonly #matched = this.counter(
    'banjour_entries_matched_total',
    'Entries that the journal match of the jail chose, of those with a text that may matter',
    ['jail'],
  );
  readonly #hits = this.counter(
    'banjour_prefilter_hits_total',
    'Of those, entries on which regexes ran',
    ['jail'],
  );
  readonly #failures = this.counter('banjour_failures_total', 'Failed attempts that count', [
    'jail',
  ]);
  readonly #successes = this.counter('banjour_successes_total', 'Entries that report a login', [
    'jail',
  ]);
  readonly #ignored = this.counter(
    'banjour_ignored_total',
    'Failures of addresses that are never banned',
    ['jail'],
  );
  readonly #notAnAddress = this.counter(
    'banjour_not_an_address_total',
    'Matches whose address was none',
    ['jail'],
  );
  readonly #givenUp = this.counter(
    'banjour_searches_given_up_total',
    'Regex searches that took too long',
    ['jail'],
  );
  readonly #demoted = this.gauge(
    'banjour_demoted_regexes',
    'Regexes that run in the linear matcher, being too slow',
    ['jail'],
  );
  readonly #tracked = this.gauge(
    'banjour_tracked_addresses',
    'Addresses with failures that are remembered',
    ['jail'],
  );
  readonly #evicted = this.counter(
    'banjour_evicted_addresses_total',
    'Addresses forgotten because of the bound',
    ['jail'],
  );
  readonly #bans = this.counter('banjour_bans_total', 'Bans put in force, extensions included', [
    'jail',
    'family',
  ]);
  readonly #unbans = this.counter('banjour_unbans_total', 'Bans that ended', ['jail', 'reason']);
  readonly #refused = this.counter(
    'banjour_refused_bans_total',
    'Bans that the kernel did not take',
    ['jail'],
  );
  readonly #wouldBan = this.counter(
    'banjour_would_ban_total',
    'Bans that a jail with enabled = watch would have made',
    ['jail'],
  );
  readonly #alarms = this.counter(
    'banjour_alarms_total',
    'Alarms of a jail that weighs: under-attack, takeover',
    ['jail', 'kind'],
  );
  readonly #evidence = this.gauge(
    'banjour_evidence',
    'What a jail that weighs knows: addresses, users, credits, under-attack, takeovers',
    ['jail', 'of'],
  );
  readonly #sharedTaken = this.counter(
    'banjour_shared_taken_total',
    'Decisions of other hosts that were taken, known ones included',
  );
  readonly #sharedRefused = this.counter(
    'banjour_shared_refused_total',
    'Decisions of other hosts that were not taken',
    ['reason'],
  );
  readonly #sharedListed = this.gauge(
    'banjour_shared_listed',
    'Addresses and prefixes of lists of other hosts in force',
  );
  readonly #active = this.gauge('banjour_active_bans', 'Bans in force', ['jail', 'family']);
  readonly #packets = this.counter(
    'banjour_stopped_packets_total',
    'Packets of banned hosts that were stopped',
    ['jail'],
  );
  readonly #bytes = this.counter('banjour_stopped_bytes_total', 'Bytes of those packets', ['jail']);
  readonly #kernel = this.gauge(
    'banjour_kernel_readable',
    '1 when the counters of the kernel could be read',
  );
  readonly #batches = new Histogram({
    name: 'banjour_nft_batch_seconds',
    help: 'Time of one batch of changes to nftables',
    labelNames: ['via'],
    buckets: LATENCY_BUCKETS,
    registers: [this.registry],
  });
  readonly #latency = new Histogram({
    name: 'banjour_ban_latency_seconds',
    help: 'From the journal entry to the ban in force',
    buckets: LATENCY_BUCKETS,
    registers: [this.registry],
  });
  readonly #underWay = this.gauge(
    'banjour_batches_under_way',
    'Batches that wait for the answer of the kernel',
  );
  readonly #drifts = this.counter(
    'banjour_drifts_total',
    'Times that somebody else changed the table',
  );
  readonly #repairs = this.counter(
    'banjour_drift_repairs_total',
    'Times that the table was made whole again',
  );
  readonly #ledger = this.gauge(
    'banjour_ledger_bytes',
    'Size of the ledger on disk, with its write-ahead log',
  );

  /** `snapshot` is asked at each scrape. */
  constructor(snapshot: () => Promise<AgentSnapshot>) {
    super();
    this.#snapshot = snapshot;
  }

  /** An event of the stream. */
  happened({ event, jail: name, address, count, reason }: Happening): void {
    const jail = this.#label('jail', name);
    switch (event) {
      case 'found':
        this.#failures.inc({ jail }, count ?? 1);
        break;
      case 'ignored':
        this.#ignored.inc({ jail });
        break;
      case 'ban':
        this.#bans.inc({ jail, family: address.includes(':') ? 'ipv6' : 'ipv4' });
        break;
      case 'unban':
        this.#unbans.inc({ jail, reason: this.#label('reason', reason ?? OTHER) });
        break;
      case 'would-ban':
        this.#wouldBan.inc({ jail });
        break;
      case 'under-attack':
      case 'takeover':
        this.#alarms.inc({ jail, kind: event });
        break;
      case 'refused':
        this.#refused.inc({ jail });
        break;
    }
  }

  /** A batch went to nftables and was answered. */
  batch(via: string, seconds: number): void {
    this.#batches.observe({ via }, seconds);
  }

  /** A ban is in force so long after the entry that led to it. */
  inForce(seconds: number): void {
    this.#latency.observe(Math.max(0, seconds));
  }

  override async text(format: MetricsFormat): Promise<string> {
    this.#take(await this.#snapshot());
    return super.text(format);
  }

  #take(now: AgentSnapshot): void {
    this.#info.reset();
    this.#info.set({ version: now.version }, 1);
    this.#started.set(now.startedAt / 1e6);
    this.#resident.set(now.residentBytes);
    set(this.#cpu, now.cpuSeconds);
    this.#underWay.set(now.batchesUnderWay);
    set(this.#drifts, now.drifts);
    set(this.#repairs, now.healed);
    this.#ledger.set(now.ledgerBytes);
    this.#takeSources(now);
    this.#takeJails(now);
    set(this.#sharedTaken, now.shared?.taken ?? 0);
    this.#sharedListed.set(now.shared?.listed ?? 0);
    this.#sharedRefused.reset();
    for (const [reason, count] of Object.entries(now.shared?.refused ?? {}))
      this.#sharedRefused.inc({ reason: this.#label('reason', reason) }, count);
    this.#active.reset();
    for (const { jail, family, count } of now.activeBans)
      this.#active.inc(
        { jail: this.#label('jail', jail), family: family === 4 ? 'ipv4' : 'ipv6' },
        count,
      );
    this.#kernel.set(now.stopped === undefined ? 0 : 1);
    this.#packets.reset();
    this.#bytes.reset();
    for (const [name, { packets, bytes }] of now.stopped ?? []) {
      const jail = this.#label('jail', name);
      this.#packets.inc({ jail }, packets);
      this.#bytes.inc({ jail }, bytes);
    }
  }

  #takeSources({ sources }: AgentSnapshot): void {
    for (const metric of [
      this.#read,
      this.#cut,
      this.#unreadable,
      this.#gaps,
      this.#lag,
      this.#live,
      this.#lastEntry,
    ])
      metric.reset();
    for (const one of sources) {
      const source = this.#label('source', one.source);
      this.#read.inc({ source }, one.entriesRead);
      this.#cut.inc({ source }, one.entriesCut);
      this.#unreadable.inc({ source }, one.entriesUnreadable);
      this.#gaps.inc({ source }, one.gaps);
      this.#live.set({ source }, one.live ? 1 : 0);
      if (one.lagSeconds !== null) this.#lag.set({ source }, one.lagSeconds);
      if (one.lastEntry !== undefined) this.#lastEntry.set({ source }, one.lastEntry / 1e6);
    }
  }

  #takeJails({ jails }: AgentSnapshot): void {
    for (const metric of [
      this.#matched,
      this.#hits,
      this.#successes,
      this.#notAnAddress,
      this.#givenUp,
      this.#evicted,
    ])
      metric.reset();
    this.#demoted.reset();
    this.#tracked.reset();
    this.#evidence.reset();
    for (const one of jails) {
      const jail = this.#label('jail', one.jail);
      this.#matched.inc({ jail }, one.matched);
      this.#hits.inc({ jail }, one.prefilterHits);
      this.#successes.inc({ jail }, one.successes);
      this.#notAnAddress.inc({ jail }, one.notAnAddress);
      this.#givenUp.inc({ jail }, one.givenUp);
      this.#evicted.inc({ jail }, one.evicted);
      this.#demoted.inc({ jail }, one.demoted);
      this.#tracked.inc({ jail }, one.tracked);
      const { underAttack, bytes: _, ...others } = one.evidence ?? {};
      const known = {
        ...others,
        ...(underAttack !== undefined && { 'under-attack': underAttack }),
      };
      for (const [of, value] of Object.entries(known)) this.#evidence.set({ jail, of }, value);
      // So that the first ban of a jail is seen as an increase.
      for (const metric of [this.#failures, this.#ignored, this.#refused]) metric.inc({ jail }, 0);
      for (const family of ['ipv4', 'ipv6']) this.#bans.inc({ jail, family }, 0);
    }
  }

  /** The value itself while the label has few of them. */
  #label(name: string, value: string): string {
    const key = `${name}=${value}`;
    if (this.#known.has(key)) return value;
    if (this.#known.size >= METRICS_LABEL_VALUES_MAX) return OTHER;
    this.#known.add(key);
    return value;
  }
}

/** Gives a counter the value that was counted elsewhere. */
function set(counter: Counter, value: number): void {
  counter.reset();
  counter.inc(value);
}
