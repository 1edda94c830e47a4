/**
 * Reads what `nft -j list table` prints (libnftables-json(5); seen from 1.0.6 and 1.1.3) into `KernelTable`. Only what
 * reconciling needs is looked at, and nothing is trusted to be there.
 */
import { parseAddress } from '../core/address.js';
import { OperatingError } from '../core/errors.js';
import { type EpochMicros, plus } from '../core/time.js';
import type { KernelChain, KernelElements, KernelSet, KernelTable } from './kernel.js';

type Fields = { readonly [key: string]: unknown };

/**
 * Parses the listing of one table. `now` is when nft read the kernel: `expires` counts from then.
 * Throws `ERR_NFT_OUTPUT` when it is not such a listing.
 */
export function parseTable(text: string, now: EpochMicros): KernelTable {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (cause) {
    throw new OperatingError('ERR_NFT_OUTPUT', 'nft -j list did not print JSON', { cause });
  }
  const items = isFields(root) ? root['nftables'] : undefined;
  if (!Array.isArray(items)) throw new OperatingError('ERR_NFT_OUTPUT', 'nft -j list printed no "nftables" list');
  const sets = new Map<string, KernelSet>();
  const chains = new Map<string, KernelChain>();
  const counters = new Map<string, { packets: number; bytes: number }>();
  for (const item of items as readonly unknown[]) {
    if (!isFields(item)) continue;
    const { set, chain, counter } = item;
    if (isFields(set)) sets.set(textOf(set['name']), parseSet(set, now));
    if (isFields(chain)) {
      chains.set(textOf(chain['name']), {
        hook: typeof chain['hook'] === 'string' ? chain['hook'] : undefined,
        priority: typeof chain['prio'] === 'number' ? chain['prio'] : undefined,
        policy: typeof chain['policy'] === 'string' ? chain['policy'] : undefined,
      });
    }
    if (isFields(counter)) {
      counters.set(textOf(counter['name']), {
        packets: numberOf(counter['packets']),
        bytes: numberOf(counter['bytes']),
      });
    }
  }
  return { sets, chains, counters };
}

function parseSet(set: Fields, now: EpochMicros): KernelSet {
  const elements: KernelElements = new Map();
  const elem = set['elem'];
  for (const item of Array.isArray(elem) ? (elem as readonly unknown[]) : []) {
    const inner = isFields(item) && isFields(item['elem']) ? item['elem'] : undefined;
    const key = keyText(inner === undefined ? item : inner['val']);
    const left = inner === undefined ? undefined : (inner['expires'] ?? inner['timeout']);
    elements.set(key, typeof left === 'number' ? plus(now, left) : null);
  }
  const stmt = set['stmt'];
  return {
    type: textOf(set['type']),
    flags: Array.isArray(set['flags']) ? set['flags'].map(String) : [],
    size: typeof set['size'] === 'number' ? set['size'] : undefined,
    counter: Array.isArray(stmt) && stmt.some((one) => isFields(one) && 'counter' in one),
    elements,
  };
}

/** nft prints IPv6 as inet_ntop(3) does, which writes some addresses with a dotted quad; all else is canonical. */
function keyText(key: unknown): string {
  if (typeof key !== 'string') return JSON.stringify(key);
  if (!key.includes('.') || !key.includes(':')) return key;
  const address = parseAddress(key);
  return address?.family === 6 ? address.text : key;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
