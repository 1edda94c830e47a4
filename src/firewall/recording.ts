/**
 * Backends that leave the kernel alone: `--dry-run` shows what would be sent, a replay that bans
 * nobody keeps nothing.
 */

import type { ApplyReport, FirewallBackend, KernelState } from '../core/firewall.js';
import { NFT_RECORDED_BATCHES_MAX } from '../core/limits.js';
import { type Clock, type EpochMicros, plus, wallClock } from '../core/time.js';
import { type BackendOptions, TableBackend } from './backend.js';
import {
  type BatchOutcome,
  batchText,
  type ElementJson,
  type NftCommand,
  type NftObject,
  type Transport,
} from './json.js';
import type { KernelElements, KernelTable, KernelTables } from './kernel-tables.js';
import type { TableFamily } from './names.js';

/**
 * A kernel of memory: takes our commands with the kernel's rules, so far as they matter to us. It
 * remembers the batches that nft would have got, and keeps their effect, so that what follows is
 * compiled as it would be.
 */
export class RecordingTransport implements Transport {
  readonly #clock: Clock;
  readonly #show: (batch: string) => void;
  #tables = new Map<TableFamily, KernelTable>();
  #batches: string[] = [];

  constructor(clock: Clock = wallClock, show: (batch: string) => void = () => undefined) {
    this.#clock = clock;
    this.#show = show;
  }

  /** The newest batches, as nft would have read them, the oldest first. */
  get batches(): readonly string[] {
    return this.#batches;
  }

  async send(commands: readonly NftCommand[]): Promise<BatchOutcome> {
    const batch = batchText(commands);
    this.#batches.push(batch);
    this.#show(batch);
    if (this.#batches.length > NFT_RECORDED_BATCHES_MAX) this.#batches.shift();
    this.#expire();
    const trial = new Map([...this.#tables].map(([family, table]) => [family, copyTable(table)]));
    for (const command of commands) {
      const refusal = this.#carryOut(trial, command);
      if (refusal !== undefined) return { refusal, via: 'fresh' };
    }
    this.#tables = trial;
    return { refusal: undefined, via: 'fresh' };
  }

  async list(): Promise<KernelTables> {
    this.#expire();
    return new Map([...this.#tables].map(([family, table]) => [family, copyTable(table)]));
  }

  outline(): Promise<KernelTables> {
    return this.list();
  }

  glance(): Promise<KernelTables> {
    return this.list();
  }

  async close(): Promise<void> {
    // Nothing is held: like the kernel's, the tables stay.
  }

  #expire(): void {
    const now = this.#clock.now();
    for (const table of this.#tables.values()) {
      for (const { elements } of table.sets.values()) {
        for (const [key, until] of elements)
          if (until !== null && until <= now) elements.delete(key);
      }
    }
  }

  /** The first command that cannot be carried out refuses the whole batch; then its reason. */
  #carryOut(tables: Map<TableFamily, KernelTable>, command: NftCommand): string | undefined {
    const [verb, object] = Object.entries(command)[0] as [
      'add' | 'create' | 'delete' | 'flush',
      NftObject,
    ];
    if ('table' in object) {
      const { family } = object.table;
      if (verb === 'delete') return tables.delete(family) ? undefined : NO_SUCH;
      if (!tables.has(family))
        tables.set(family, { sets: new Map(), chains: new Map(), counters: new Map() });
      return undefined;
    }
    const place = Object.values(object)[0] as { readonly family: TableFamily };
    const table = tables.get(place.family);
    if (table === undefined) return NO_SUCH;
    if ('element' in object) {
      const elements = table.sets.get(object.element.name)?.elements;
      if (elements === undefined) return NO_SUCH;
      return changeElements(elements, verb, object.element.elem, this.#clock.now());
    }
    if ('rule' in object) return table.chains.has(object.rule.chain) ? undefined : NO_SUCH;
    if ('chain' in object) {
      const { name, type, hook, prio, policy } = object.chain;
      return changeNamed(table.chains, verb, name, { type, hook, priority: prio, policy });
    }
    if ('counter' in object)
      return changeNamed(table.counters, verb, object.counter.name, { packets: 0, bytes: 0 });
    const { name, type, flags, size, stmt } = object.set;
    if (verb === 'flush') table.sets.get(name)?.elements.clear();
    return changeNamed(table.sets, verb, name, {
      type: type ?? '',
      flags: flags ?? [],
      size,
      counter: stmt !== undefined,
      expires: false,
      elements: new Map(),
    });
  }
}

const NO_SUCH = 'No such file or directory';

function changeNamed<T>(
  map: Map<string, T>,
  verb: string,
  name: string,
  value: T,
): string | undefined {
  if (verb === 'add') {
    if (!map.has(name)) map.set(name, value);
    return undefined;
  }
  if (!map.has(name)) return NO_SUCH;
  if (verb === 'delete') map.delete(name);
  return undefined;
}

function changeElements(
  elements: KernelElements,
  verb: string,
  elem: readonly ElementJson[],
  now: EpochMicros,
): string | undefined {
  for (const one of elem) {
    const key =
      typeof one === 'string'
        ? one
        : 'elem' in one
          ? one.elem.val
          : `${one.prefix.addr}/${one.prefix.len}`;
    if (verb === 'delete') {
      if (!elements.delete(key)) return NO_SUCH;
    } else if (elements.has(key)) {
      if (verb === 'create') return 'File exists';
    } else
      elements.set(
        key,
        typeof one === 'object' && 'elem' in one ? plus(now, one.elem.timeout) : null,
      );
  }
  return undefined;
}

function copyTable(table: KernelTable): KernelTable {
  return {
    sets: new Map(
      [...table.sets].map(([name, set]) => [name, { ...set, elements: new Map(set.elements) }]),
    ),
    chains: new Map(table.chains),
    counters: new Map(table.counters),
  };
}

/** Shows what would be done, and does nothing. */
export class RecordingBackend extends TableBackend {
  readonly #transport: RecordingTransport;

  /** `show` is called with each batch as it would have been sent. */
  constructor(options: BackendOptions & { readonly show?: (batch: string) => void } = {}) {
    const transport = new RecordingTransport(options.clock, options.show);
    super(transport, options);
    this.#transport = transport;
  }

  /** The newest batches that nft would have got, JSON of one line each, the oldest first. */
  get batches(): readonly string[] {
    return this.#transport.batches;
  }
}

const TAKEN: ApplyReport = { refused: [], via: 'none', elapsedMs: 0 };
const NOTHING: KernelState = { present: false, elements: [], counters: new Map() };

/** The backend of a replay that bans nobody: takes every change, keeps nothing, costs nothing. */
export class NoFirewall implements FirewallBackend {
  open(): Promise<ApplyReport> {
    return Promise.resolve(TAKEN);
  }
  apply(): Promise<ApplyReport> {
    return Promise.resolve(TAKEN);
  }
  replan(): Promise<ApplyReport> {
    return Promise.resolve(TAKEN);
  }
  read(): Promise<KernelState> {
    return Promise.resolve(NOTHING);
  }
  describe(): string {
    return '';
  }
  onDrift(): void {
    // There is no kernel that could drift.
  }
  provideWanted(): void {
    // There is nothing to build anew.
  }
  flush(): Promise<void> {
    return Promise.resolve();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
  check() {
    return Promise.resolve([]);
  }
}
