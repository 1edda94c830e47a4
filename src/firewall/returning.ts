/**
 * What comes back first after somebody else changed the tables, before anything is read. Tables
 * that are gone come back past nft, rules and bans together. Where tables stand, or that way is not
 * to be had, nft states the rules, and the bans follow past nft, or as far as the resident nft is
 * quick.
 */
import type { NewElement, NewElements } from '../../native/netlink-elements.js';
import type { Element } from '../core/firewall.js';
import { NFT_URGENT_BANS_MAX } from '../core/limits.js';
import type { JailName } from '../core/names.js';
import { NFT_RETURNING_BANS_MAX } from '../core/service-limits.js';
import type { EpochMicros } from '../core/time.js';
import { additions, whyNot } from './changes.js';
import { compileOps, compileStructure } from './compile.js';
import type { Transport } from './json.js';
import { setNamer } from './names.js';
import { timeoutOf } from './reconcile.js';
import type { Schema } from './schema.js';

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
  if (schema.some(({ sets }) => sets.some(({ counter }) => counter))) return undefined;
  const bySet = new Map<string, NewElement[]>();
  const nameOf = setNamer();
  for (const { jail, target, until } of urgent.slice(0, NFT_RETURNING_BANS_MAX)) {
    const timeout = timeoutOf(until, now);
    if (timeout === 0) continue;
    const name = nameOf({ jail, target });
    const elements = bySet.get(name);
    if (elements === undefined) bySet.set(name, [{ key: target.base, timeout }]);
    else elements.push({ key: target.base, timeout });
  }
  return schema.flatMap(({ family, sets }) =>
    sets.flatMap(({ name: set, family: version }) => {
      const elements = bySet.get(set);
      return elements === undefined ? [] : [{ family, set, version, elements }];
    }),
  );
}
