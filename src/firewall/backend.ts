/**
 * The firewall backend over a transport: keeps the order of calls, joins those that wait into one
 * transaction, finds the culprits of a refusal, and makes the kernel equal to what is wanted when
 * somebody else changed it.
 *
 * It remembers no bans: what is in force stands in the kernel, what is wanted in the ledger
 * (`provideWanted`).
 */
import { OperatingError } from '../core/errors.js';
import type { Finding } from '../core/finding.js';
import type {
  ApplyReport,
  DriftListener,
  Element,
  ElementChange,
  FirewallBackend,
  KeepElements,
  KernelState,
  Refusal,
} from '../core/firewall.js';
import {
  NFT_BATCH_CHANGES_MAX,
  NFT_WAITING_CALLS_MAX,
  RESIDENT_CHANGES_MAX,
} from '../core/limits.js';
import type { JailName } from '../core/names.js';
import type { FirewallPlan } from '../core/specs.js';
import { type Clock, wallClock } from '../core/time.js';
import { admitted, bisect, isMissing, missingSets, operations, sortOut } from './changes.js';
import { compileOps, compileStructure, removeTable } from './compile.js';
import type { Transport } from './json.js';
import { banSetsIn, elementsOf, kernelState, type ReadTables } from './kernel-tables.js';
import { elementId, prefixSetsFor } from './names.js';
import { Queue } from './queue.js';
import { besides, byImportance, reconcile, schemaAround } from './reconcile.js';
import { bringBack, makeAnew, type Returning, sendTransaction } from './returning.js';
import { makeSchema, prefixSetsOf, type Schema, type SchemaOptions } from './schema.js';
import { schemaText } from './text.js';
import { Heartbeat } from './watch.js';

export interface BackendOptions extends SchemaOptions {
  readonly clock?: Clock;
  /** Answers `check`. */
  readonly check?: (plan: FirewallPlan | undefined) => Promise<Finding[]>;
}

type Via = ApplyReport['via'];

export class TableBackend implements FirewallBackend {
  readonly #transport: Transport;
  readonly #options: BackendOptions;
  readonly #clock: Clock;
  readonly #queue: Queue<ElementChange, ApplyReport>;
  readonly #listeners: DriftListener[] = [];
  readonly #heartbeat: Heartbeat;
  #wanted: (() => Iterable<Element>) | undefined;
  #urgent: (() => readonly Element[]) | undefined;
  #listed: ((standing: readonly Element[]) => void) | undefined;
  #plan: FirewallPlan | undefined;
  #jails: ReadonlySet<JailName> = new Set();
  #schema: Schema = [];

  constructor(transport: Transport, options: BackendOptions = {}) {
    this.#transport = transport;
    this.#options = options;
    this.#clock = options.clock ?? wallClock;
    this.#queue = new Queue(NFT_WAITING_CALLS_MAX, NFT_BATCH_CHANGES_MAX, (calls) =>
      this.#applyCalls(calls),
    );
    this.#heartbeat = new Heartbeat(() => this.#queue.alone(async () => this.#transport.ping?.()));
  }

  alive(milliseconds: number): Promise<boolean> {
    return this.#heartbeat.alive(milliseconds);
  }

  /**
   * Where the tables stand already (the agent was away for a moment), their rules are stated first
   * and changes go on from then: what was banned is, and who attacks now need not wait until all of
   * them are read.
   */
  async open(
    plan: FirewallPlan,
    wanted: Iterable<Element>,
    keep?: KeepElements,
    taking?: () => void,
  ): Promise<ApplyReport> {
    const start = performance.now();
    const opened = await this.#queue.alone(async () =>
      (await this.#stateAhead(plan)) ? undefined : this.#establish(plan, wanted, keep),
    );
    if (opened !== undefined) return opened;
    taking?.();
    const since = performance.now();
    const kernel = await this.#transport.glance();
    const read = kernel === undefined ? undefined : { kernel, since };
    const report = await this.#queue.alone(() => this.#establish(plan, wanted, keep, read));
    return { ...report, elapsedMs: performance.now() - start };
  }

  /**
   * States the structure around the elements that are there; false when there is nothing yet, or it
   * takes more than that.
   */
  async #stateAhead(plan: FirewallPlan): Promise<boolean> {
    const kernel = await this.#transport.outline();
    const schema = kernel && schemaAround(kernel, plan, this.#options);
    if (schema === undefined) return false;
    const commands = schema.flatMap((table) => compileStructure(table));
    const { refusal } = await this.#transport.send(commands, commands.length);
    if (refusal !== undefined) return false;
    this.#adopt(plan, new Set(plan.rules.map(({ jail }) => jail)), schema);
    return true;
  }

  replan(plan: FirewallPlan, wanted: Iterable<Element>): Promise<ApplyReport> {
    return this.#queue.alone(() => this.#establish(plan, wanted));
  }

  apply(changes: readonly ElementChange[]): Promise<ApplyReport> {
    return this.#queue.join(changes);
  }

  read(): Promise<KernelState> {
    return this.#queue.alone(async () => kernelState(await this.#transport.list()));
  }

  describe(plan: FirewallPlan): string {
    return schemaText(makeSchema(plan, [], this.#options));
  }

  onDrift(listener: DriftListener): void {
    this.#listeners.push(listener);
  }

  provideWanted(wanted: () => Iterable<Element>, urgent?: () => readonly Element[]): void {
    this.#wanted = wanted;
    this.#urgent = urgent;
  }

  followListed(listener: (standing: readonly Element[]) => void): void {
    this.#listed = listener;
  }

  flush(): Promise<void> {
    return this.#queue.alone(async () => {
      this.#plan = undefined;
      this.#schema = [];
      this.#jails = new Set();
      const commands = [...removeTable('inet'), ...removeTable('bridge')];
      const { refusal } = await this.#transport.send(commands, 0);
      if (refusal !== undefined)
        throw new OperatingError('ERR_NFT_REFUSED', `the tables cannot be removed: ${refusal}`);
    });
  }

  async close(): Promise<void> {
    await this.#queue.alone(async () => undefined);
    this.#queue.close();
    await this.#transport.close();
  }

  async check(): Promise<Finding[]> {
    return (await this.#options.check?.(this.#plan)) ?? [];
  }

  /**
   * Makes the kernel equal again after somebody else touched our tables. `certain`: it is known
   * that something is missing; otherwise drift is announced only when the comparison finds it.
   */
  repair(reason: string, certain: boolean): Promise<void> {
    const isBack = certain && this.makeAnew();
    return this.#queue.alone(async () => {
      if (this.#plan !== undefined) await this.#repair(this.#plan, reason, certain, isBack);
    });
  }

  /** Brings tables back that are gone, without waiting for anything; as `makeAnew` does. */
  makeAnew(): boolean {
    return this.#plan !== undefined && makeAnew(this.#returning);
  }

  async #repair(plan: FirewallPlan, reason: string, certain: boolean, isBack = false) {
    const start = performance.now();
    if (certain) {
      this.#tell({ kind: 'drift', reason });
      if (!isBack) await bringBack(this.#returning);
    }
    const { different, refused } = await this.#equalise(plan, this.#wanted?.());
    if (!certain && !different) return;
    if (!certain) this.#tell({ kind: 'drift', reason });
    const loss = refused.length === 0 ? '' : `; ${refused.length} refused: ${refused[0]?.reason}`;
    this.#tell({
      kind: 'healed',
      reason: `${reason}${loss}`,
      elapsedMs: performance.now() - start,
    });
  }

  get #returning(): Returning {
    return {
      transport: this.#transport,
      schema: this.#schema,
      jails: this.#jails,
      urgent: () => this.#urgent?.() ?? [],
      now: () => this.#clock.now(),
    };
  }

  #tell(event: Parameters<DriftListener>[0]): void {
    for (const listener of this.#listeners) listener(event);
  }

  async #establish(
    plan: FirewallPlan,
    wanted: Iterable<Element>,
    keep?: KeepElements,
    read?: ReadTables,
  ): Promise<ApplyReport> {
    const start = performance.now();
    const { via, refused } = await this.#equalise(plan, wanted, keep, read);
    return { refused, via, elapsedMs: performance.now() - start };
  }

  /**
   * Structure and elements by difference; without `wanted` the elements stay as they are. `read`:
   * the kernel as it was a moment ago. Changes of ours since then stand in `wanted`, too: one that
   * is added again stays as it is, one that is removed again is gone.
   */
  async #equalise(
    plan: FirewallPlan,
    wanted: Iterable<Element> | undefined,
    keep?: KeepElements,
    read?: ReadTables,
  ): Promise<{ different: boolean; via: Via; refused: Refusal[] }> {
    const start = performance.now();
    const { kernel, since } = read ?? { since: start, kernel: await this.#transport.list() };
    const slack = (performance.now() - since) * 1000;
    const jails = new Set(plan.rules.map((rule) => rule.jail));
    const { elements, refused } = admitted(wanted ?? elementsOf(kernel, 'bans'), jails);
    for (const element of keep?.(besides(elements, kernel)) ?? []) elements.push(element);
    byImportance(elements);
    const now = this.#clock.now();
    const lists = banSetsIn(kernel, 'listed');
    const schema = makeSchema(plan, [...prefixSetsFor(elements), ...lists], this.#options);
    const { different, isMade, batches } = reconcile(schema, elements, kernel, now, slack);
    let via: Via = 'none';
    for (const batch of batches) {
      const outcome = await sendTransaction(this.#transport, schema, batch);
      via = outcome.via;
      if (outcome.refusal === undefined) continue;
      this.#adopt(plan, jails, await this.#structureOnly(plan, outcome.refusal));
      return { different: true, via, refused: [...refused, ...(await this.#oneByOne(elements))] };
    }
    this.#adopt(plan, jails, schema);
    this.#listed?.(isMade ? [] : elementsOf(kernel, 'lists'));
    return { different, via, refused };
  }

  #adopt(plan: FirewallPlan, jails: ReadonlySet<JailName>, schema: Schema): void {
    this.#plan = plan;
    this.#jails = jails;
    this.#hold(schema);
  }

  /** The tables are so from now on. */
  #hold(schema: Schema): void {
    this.#schema = schema;
    this.#transport.memorize?.(schema.map(({ family }) => family));
  }

  /**
   * After a refusal of everything at once: the tables by themselves, around the elements that are
   * there.
   */
  async #structureOnly(plan: FirewallPlan, because: string): Promise<Schema> {
    const kernel = await this.#transport.list();
    const present = elementsOf(kernel);
    const schema = makeSchema(plan, banSetsIn(kernel, 'filled'), this.#options);
    const { batches } = reconcile(schema, present, kernel, this.#clock.now());
    for (const batch of batches) {
      const { refusal } = await sendTransaction(this.#transport, schema, batch);
      if (refusal !== undefined)
        throw new OperatingError(
          'ERR_NFT_REFUSED',
          `the kernel refuses Banjour's tables: ${refusal} (before that: ${because})`,
        );
    }
    return schema;
  }

  async #oneByOne(wanted: readonly Element[]): Promise<Refusal[]> {
    const keep = new Set(wanted.map((one) => elementId(one)));
    const surplus = elementsOf(await this.#transport.list(), 'bans').filter(
      (one) => !keep.has(elementId(one)),
    );
    const { refused } = await this.#applyChanges([
      ...surplus.map(({ jail, target }): ElementChange => ({ kind: 'remove', jail, target })),
      ...wanted.map((one): ElementChange => ({ kind: 'put', ...one })),
    ]);
    return refused;
  }

  async #applyCalls(calls: readonly (readonly ElementChange[])[]): Promise<ApplyReport[]> {
    const start = performance.now();
    const { refused, via } = await this.#applyChanges(calls.flat());
    const elapsedMs = performance.now() - start;
    if (calls.length === 1) return [{ refused, via, elapsedMs }];
    const byId = new Map<string, Refusal>(refused.map((one) => [elementId(one.change), one]));
    return calls.map((changes) => ({
      refused: changes.flatMap((change) => byId.get(elementId(change)) ?? []),
      via,
      elapsedMs,
    }));
  }

  async #applyChanges(
    changes: readonly ElementChange[],
  ): Promise<{ refused: Refusal[]; via: Via }> {
    if (this.#plan === undefined)
      throw new OperatingError('ERR_FIREWALL_CLOSED', 'the firewall is not open');
    const { valid, refused } = sortOut(changes, this.#jails);
    const all: Refusal[] = [...refused];
    let via: Via = 'none';
    for (let at = 0; at < valid.length; at += NFT_BATCH_CHANGES_MAX) {
      const part = valid.slice(at, at + NFT_BATCH_CHANGES_MAX);
      const sent = await this.#sendChanges(part);
      via = sent.via === 'none' ? via : sent.via;
      if (sent.refusal !== undefined) {
        const found = await bisect(
          part,
          sent.refusal,
          async (half) => (await this.#sendChanges(half)).refusal,
        );
        for (const one of found) if (!(await this.#removed(one.change))) all.push(one);
      }
    }
    return { refused: all, via };
  }

  /**
   * One transaction of at most NFT_BATCH_CHANGES_MAX changes, with the repair that a missing set or
   * table calls for.
   */
  async #sendChanges(
    changes: readonly ElementChange[],
  ): Promise<{ refusal: string | undefined; via: Via }> {
    const first = await this.#transact(changes);
    if (first.refusal === undefined || this.#plan === undefined || !isMissing(first.refusal))
      return first;
    await this.#repair(this.#plan, `a table or set is missing (${first.refusal})`, true);
    return this.#transact(changes);
  }

  /**
   * Whether a refused change was a removal that can be had in another way: a full set has no room
   * for `remove`.
   */
  async #removed(change: ElementChange): Promise<boolean> {
    if (change.kind !== 'remove') return false;
    for (const op of operations([change], this.#schema, this.#clock.now())) {
      const outcome = await this.#transport.send(compileOps([{ ...op, kind: 'delete' }]), 1);
      if (outcome.refusal !== undefined && !isMissing(outcome.refusal)) return false;
    }
    return true;
  }

  async #transact(
    changes: readonly ElementChange[],
  ): Promise<{ refusal: string | undefined; via: Via }> {
    const now = this.#clock.now();
    const plan = this.#plan;
    const missing = missingSets(changes, this.#schema, now);
    let schema = this.#schema;
    if (missing.length > 0 && plan !== undefined)
      schema = makeSchema(plan, [...prefixSetsOf(schema), ...missing], this.#options);
    const structure =
      missing.length === 0 ? [] : schema.flatMap((table) => compileStructure(table));
    if (structure.length === 0 && changes.length > RESIDENT_CHANGES_MAX) {
      // Most large batches are new bans: half the work if so, refused as a whole and sent again if
      // not.
      const ops = operations(changes, schema, now, true);
      const outcome = await this.#transport.send(compileOps(ops), ops.length, false);
      if (outcome.refusal === undefined) return outcome;
    }
    const ops = operations(changes, schema, now);
    if (ops.length === 0 && structure.length === 0) return { refusal: undefined, via: 'none' };
    const outcome = await this.#transport.send(
      [...structure, ...compileOps(ops)],
      ops.length + structure.length,
    );
    if (outcome.refusal === undefined && structure.length > 0) this.#hold(schema);
    return outcome;
  }
}
