/**
 * What comes back first after somebody else changed the tables, before anything is read. Tables
 * that are gone come back past nft, rules and bans together. Where tables stand, or that way is not
 * to be had, nft states the rules, and the bans follow past nft, or as far as the resident nft is
 * quick. Many bans that follow when the tables have been read go past nft as well.
 */
import type { NewElement, NewElements } from '../../native/netlink-elements.js';
import type { Element } from '../core/firewall.js';
import { NFT_URGENT_BANS_MAX } from '../core/limits.js';
import type { JailName } from '../core/names.js';
import { NFT_RETURNING_BANS_MAX } from '../core/service-limits.js';
import type { EpochMicros } from '../core/time.js';
import { additions, whyNot } from './changes.js';
import { compileOps, compileStructure, type ElementOp } from './compile.js';
import type { BatchOutcome, Transport } from './json.js';
import { setNamer, type TableFamily } from './names.js';
import { type Transaction, timeoutOf } from './reconcile.js';
import type { Schema } from './schema.js';

/** Elements by the name of their set. */
type BySet = Map<string, NewElement[]>;

/** What has to come back, and how. */
export interface Returning {
  readonly transport: Transport;
  readonly schema: Schema;
  readonly jails: ReadonlySet<JailName>;
  /** The bans that must be back first, the most important one first. */
  readonly urgent: () => readonly Element[];
  readonly now: () => EpochMicros;
}

/**
 * Tables that are gone are back at once, with the urgent bans, whatever else is under way: what is
 * sent holds only for the ruleset as it was seen, and what it may have wrong the comparison that
 * follows mends. False when none is gone, or it was not to be had.
 */
export function makeAnew({ transport, schema, jails, urgent, now }: Returning): boolean {
  const elements = () => returning(holdable(urgent(), jails), schema, now()) ?? [];
  return transport.makeAnew?.(elements) ?? false;
}

/**
 * States the structure from memory and brings back the most urgent elements, before anything is
 * read: reading takes the longer the more bans there are. Those that stand are not touched. What is
 * refused (a set of another type) is left to the comparison that follows.
 */
export async function bringBack({
  transport,
  schema,
  jails,
  urgent,
  now,
}: Returning): Promise<void> {
  const commands = schema.flatMap((table) => compileStructure(table));
  const [asked, { refusal }] = await Promise.all([
    // While nft works: its pipe is written to first.
    new Promise(setImmediate).then(urgent),
    transport.send(commands, commands.length),
  ]);
  // A set or chain is another's: nothing goes into such tables before they are ours again.
  if (refusal !== undefined) return;
  const bans = holdable(asked, jails);
  const elements = returning(bans, schema, now());
  if (elements !== undefined && transport.add?.(elements) === true) return;
  const first = additions(bans.slice(0, NFT_URGENT_BANS_MAX), schema, now());
  if (first.length > 0) await transport.send(compileOps(first), 0);
}

function holdable(urgent: readonly Element[], jails: ReadonlySet<JailName>): readonly Element[] {
  return urgent.filter((one) => !whyNot(one, jails));
}

/**
 * The urgent elements by set, for the way past nft; undefined where something is counted per
 * element, which is nft's to say.
 */
export function returning(
  urgent: readonly Element[],
  schema: Schema,
  now: EpochMicros,
): readonly NewElements[] | undefined {
  if (countsEach(schema)) return undefined;
  const bySet: BySet = new Map();
  const nameOf = setNamer();
  for (const { jail, target, until } of urgent.slice(0, NFT_RETURNING_BANS_MAX)) {
    const timeout = timeoutOf(until, now);
    if (timeout === 0) continue;
    put(bySet, nameOf({ jail, target }), { key: target.base, timeout });
  }
  return placed(schema, () => bySet);
}

/**
 * Sends a transaction: past nft where it only adds elements and that way is to be had, else by nft.
 * Half of it may be there when nft begins: what stands stays as it is.
 */
export async function sendTransaction(
  transport: Transport,
  schema: Schema,
  batch: Transaction,
): Promise<BatchOutcome> {
  if (batch.additions !== undefined && (await isAdded(transport, schema, batch.additions)))
    return { refusal: undefined, via: 'resident' };
  const { commands, changes } = batch;
  return transport.send(commands, commands.length + changes);
}

/** Adds elements past nft, in pieces between which this thread does other work. */
async function isAdded(
  transport: Transport,
  schema: Schema,
  additions: readonly ElementOp[],
): Promise<boolean> {
  if (transport.add === undefined || countsEach(schema)) return false;
  for (let at = 0; at < additions.length; at += NFT_RETURNING_BANS_MAX) {
    if (!transport.add(setsOf(additions.slice(at, at + NFT_RETURNING_BANS_MAX), schema)))
      return false;
    await new Promise(setImmediate);
  }
  return true;
}

/** The additions by set. */
function setsOf(additions: readonly ElementOp[], schema: Schema): NewElements[] {
  const byTable = new Map(schema.map(({ family }) => [family, new Map() as BySet]));
  for (const op of additions) {
    const bySet = byTable.get(op.table);
    if (bySet !== undefined && op.kind === 'add') put(bySet, op.set, op);
  }
  return placed(schema, (family) => byTable.get(family));
}

function put(bySet: BySet, set: string, element: NewElement): void {
  const elements = bySet.get(set);
  if (elements === undefined) bySet.set(set, [element]);
  else elements.push(element);
}

/** The elements of each table in the sets that the schema has there. */
function placed(schema: Schema, of: (family: TableFamily) => BySet | undefined): NewElements[] {
  return schema.flatMap(({ family, sets }) =>
    sets.flatMap(({ name: set, family: version }) => {
      const elements = of(family)?.get(set);
      return elements === undefined ? [] : [{ family, set, version, elements }];
    }),
  );
}

/** Whether packets are counted per element, which is nft's to say. */
function countsEach(schema: Schema): boolean {
  return schema.some(({ sets }) => sets.some(({ counter }) => counter));
}
