/**
 * Small files in MaxMind's format (https://maxmind.github.io/MaxMind-DB/), written by the tests
 * themselves: networks, and what is to be said of each.
 */
import { baseAddress, bitsOf, parsePrefix, widthOf } from '../../src/core/address.js';

/** What such a file holds here: texts, numbers, maps. */
type MmdbValue = string | number | { readonly [key: string]: MmdbValue };

export interface MmdbOptions {
  /** `database_type`. */
  readonly type?: string;
  /** 4: a tree of IPv4 alone. */
  readonly ipVersion?: 4 | 6;
}

/** A node's two sides: the next node, a network's value, or nothing. */
type Side = Node | { readonly offset: number } | undefined;
interface Node {
  readonly sides: [Side, Side];
}

const MARK = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
/** Zeros between the tree and what it leads to. */
const GAP = 16;

/** The bytes of a file with what it says of these networks, the wider ones first. */
export function mmdbOf(
  networks: Readonly<Record<string, MmdbValue>>,
  { type = 'Test-Country', ipVersion = 6 }: MmdbOptions = {},
): Buffer {
  const root: Node = { sides: [undefined, undefined] };
  const parts: Buffer[] = [];
  let length = 0;
  for (const [network, value] of Object.entries(networks)) {
    put(root, pathOf(network, ipVersion), { offset: length });
    const bytes = encoded(value);
    parts.push(bytes);
    length += bytes.length;
  }
  const nodes = numbered(root);
  const described = {
    ...{ binary_format_major_version: 2, binary_format_minor_version: 0, build_epoch: 1 },
    ...{ database_type: type, ip_version: ipVersion, node_count: nodes.size, record_size: 24 },
  };
  return Buffer.concat([treeOf(nodes), Buffer.alloc(GAP), ...parts, MARK, encoded(described)]);
}

/** The same country's record as the makers of such files write it. */
export function countryRecord(code: string): MmdbValue {
  return { country: { iso_code: code, names: { en: `Name of ${code}` } } };
}

/** A file that knows in which countries these networks are. */
export function countriesOf(codes: Readonly<Record<string, string>>, options?: MmdbOptions) {
  const records = Object.entries(codes).map(([network, code]) => [network, countryRecord(code)]);
  return mmdbOf(Object.fromEntries(records), options);
}

/** The bits that lead to a network, IPv4 below 96 zeros of IPv6. */
function pathOf(network: string, ipVersion: 4 | 6): number[] {
  const prefix = parsePrefix(network);
  if (prefix === undefined) throw new Error(`${network} is no network`);
  const width = widthOf(prefix.family);
  const bits = bitsOf(baseAddress(prefix));
  const own = Array.from({ length: prefix.length }, (_, i) =>
    Number((bits >> BigInt(width - 1 - i)) & 1n),
  );
  return prefix.family === 4 && ipVersion === 6 ? [...new Array<number>(96).fill(0), ...own] : own;
}

function put(root: Node, path: readonly number[], leaf: { readonly offset: number }): void {
  let node = root;
  for (const [depth, bit] of path.entries()) {
    const isLast = depth === path.length - 1;
    const side = node.sides[bit as 0 | 1];
    if (isLast) node.sides[bit as 0 | 1] = leaf;
    else if (side !== undefined && 'sides' in side) node = side;
    else {
      // Of a wider network what is left goes on beside the narrower one.
      const next: Node = { sides: [side, side] };
      node.sides[bit as 0 | 1] = next;
      node = next;
    }
  }
}

function numbered(root: Node): Map<Node, number> {
  const numbers = new Map<Node, number>();
  const waiting: Node[] = [root];
  for (let node = waiting.shift(); node !== undefined; node = waiting.shift()) {
    numbers.set(node, numbers.size);
    for (const side of node.sides)
      if (side !== undefined && 'sides' in side && !waiting.includes(side)) waiting.push(side);
  }
  return numbers;
}

function treeOf(nodes: ReadonlyMap<Node, number>): Buffer {
  const tree = Buffer.alloc(nodes.size * 6);
  for (const [{ sides }, number] of nodes)
    for (const [i, side] of sides.entries()) {
      const leads =
        side === undefined
          ? nodes.size
          : 'sides' in side
            ? (nodes.get(side) ?? 0)
            : nodes.size + GAP + side.offset;
      tree.writeUIntBE(leads, number * 6 + i * 3, 3);
    }
  return tree;
}

/** A text (type 2), an unsigned number of 32 bits (6) or a map (7); at most 284 of each. */
function encoded(value: MmdbValue): Buffer {
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return Buffer.concat([headOf(6, 4), bytes]);
  }
  if (typeof value === 'string') {
    const bytes = Buffer.from(value, 'utf8');
    return Buffer.concat([headOf(2, bytes.length), bytes]);
  }
  const entries = Object.entries(value);
  const parts = entries.flatMap(([key, one]) => [encoded(key), encoded(one)]);
  return Buffer.concat([headOf(7, entries.length), ...parts]);
}

function headOf(type: number, size: number): Buffer {
  return size < 29 ? Buffer.from([(type << 5) | size]) : Buffer.from([(type << 5) | 29, size - 29]);
}
