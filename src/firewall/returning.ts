/**
 * The bans that come back first after somebody else changed the tables: behind the rules, and
 * before anything is read. They go past nft, or as far as the resident nft is quick where that way
 * is not to be had.
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

/**
 * States the structure and brings back the most urgent elements; those that stand are not touched.
 * What is refused is left to the comparison that follows.
 */
export async function bringBack(
  transport: Transport,
  schema: Schema,
  jails: ReadonlySet<JailName>,
  urgent: () => readonly Element[],
  now: () => EpochMicros,
): Promise<void> {
  const commands = schema.flatMap((table) => compileStructure(table));
  const [asked] = await Promise.all([
    // While nft works: its pipe is written to first.
    new Promise(setImmediate).then(urgent),
    transport.send(commands, commands.length),
  ]);
  const bans = asked.filter((one) => !whyNot(one, jails));
  const elements = returning(bans, schema, now());
  if (elements !== undefined && transport.add?.(elements) === true) return;
  const first = additions(bans.slice(0, NFT_URGENT_BANS_MAX), schema, now());
  if (first.length > 0) await transport.send(compileOps(first), 0);
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
    sets.flatMap(({ name: set }) => {
      const elements = bySet.get(set);
      return elements === undefined ? [] : [{ family, set, elements }];
    }),
  );
}
