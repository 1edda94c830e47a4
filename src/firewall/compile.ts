/**
 * From operations to one transaction of libnftables JSON. Pure: no I/O, no clock.
 *
 * - `delete element` of an absent element aborts the whole transaction, and an element may time out
 *   at any moment, so a removal is add + delete, and a replaced end is add + delete + add
 *   (`destroy` is a syntax error on nft 1.0.6, and adding an element that is there leaves its
 *   timeout as it was on older kernels).
 * - Structure is sent so that sending it twice is the same as once: chains are flushed and filled
 *   in one transaction, which packets see only before or after.
 */
import type { Family } from '../core/address.js';
import {
  chainObject,
  chainReference,
  counterObject,
  type ElementJson,
  elementObject,
  type NftCommand,
  prefixElement,
  ruleObject,
  setObject,
  setReference,
  tableObject,
} from './json.js';
import { type KernelTable, MAP } from './kernel-tables.js';
import { SET_ALLOW, type TableFamily } from './names.js';
import type { TableSchema } from './schema.js';

/**
 * One element in one set of one table. `add`: known to be absent. `create`: believed absent,
 * refused if not. `replace`: absent or not. `remove`: absent or not. `delete`: believed present,
 * refused if not; needs no room in a set that is full, as `remove` does.
 */
export type ElementOp = {
  readonly table: TableFamily;
  readonly set: string;
  readonly key: string;
} & (
  | { readonly kind: 'add' | 'create' | 'replace'; readonly timeout: number | null }
  | { readonly kind: 'remove' | 'delete' }
);

interface Group {
  readonly table: TableFamily;
  readonly set: string;
  /** Keys that must be gone before anything is added. */
  readonly clear: string[];
  readonly add: ElementJson[];
  readonly create: ElementJson[];
  readonly drop: string[];
}

/**
 * The commands of all operations, grouped by set. At most one operation per element may be in the
 * list.
 */
export function compileOps(ops: Iterable<ElementOp>): NftCommand[] {
  const groups = new Map<string, Group>();
  let group: Group | undefined;
  for (const op of ops) {
    // Neighbours are mostly of the same set.
    if (group?.set !== op.set || group.table !== op.table) {
      const id = `${op.table} ${op.set}`;
      group = groups.get(id) ?? {
        table: op.table,
        set: op.set,
        clear: [],
        add: [],
        create: [],
        drop: [],
      };
      groups.set(id, group);
    }
    if (op.kind === 'remove' || op.kind === 'replace') group.clear.push(op.key);
    if (op.kind === 'add' || op.kind === 'replace') group.add.push(elementJson(op.key, op.timeout));
    if (op.kind === 'delete') group.drop.push(op.key);
    if (op.kind === 'create') group.create.push(elementJson(op.key, op.timeout));
  }
  return [...groups.values()].flatMap((group) => [
    ...command('delete', group, group.drop),
    ...command('add', group, group.clear),
    ...command('delete', group, group.clear),
    ...command('add', group, group.add),
    ...command('create', group, group.create),
  ]);
}

function command(
  verb: 'add' | 'create' | 'delete',
  group: Group,
  elem: readonly ElementJson[],
): NftCommand[] {
  if (elem.length === 0) return [];
  const object = elementObject(group.table, group.set, elem);
  return [
    verb === 'add' ? { add: object } : verb === 'create' ? { create: object } : { delete: object },
  ];
}

function elementJson(key: string, timeout: number | null): ElementJson {
  return timeout === null ? key : { elem: { val: key, timeout } };
}

/**
 * The commands that make one table's structure equal to the schema, keeping the elements of its
 * sets of bans. `kernel` is what is there now (undefined: nothing). With `rebuild` the table is
 * removed and made anew in the same transaction, and all its elements must follow in it.
 */
export function compileStructure(
  schema: TableSchema,
  kernel?: KernelTable,
  rebuild = false,
): NftCommand[] {
  const { family } = schema;
  const old = rebuild ? undefined : kernel;
  const wanted = new Set([...schema.chains, ...schema.sets].map((one) => one.name));
  const surplusChains = [...(old?.chains.keys() ?? [])].filter((name) => !wanted.has(name));
  const surplusSets = [...(old?.sets ?? [])].flatMap(([name, { type }]) =>
    wanted.has(name) || type === MAP ? [] : [name],
  );
  const surplusCounters = [...(old?.counters.keys() ?? [])].filter(
    (name) => !schema.counters.includes(name),
  );
  return [
    ...(rebuild ? [...removeTable(family)] : []),
    { add: tableObject(family) },
    ...schema.counters.map((name) => ({ add: counterObject(family, name) })),
    ...schema.sets.map((set) => ({ add: setObject(family, set) })),
    ...schema.chains.map((chain) => ({ add: chainObject(family, chain) })),
    ...[...schema.chains.map((chain) => chain.name), ...surplusChains].map((name) => ({
      flush: chainReference(family, name),
    })),
    ...schema.chains.flatMap((chain) =>
      chain.rules.map((rule) => ({ add: ruleObject(family, chain.name, rule) })),
    ),
    ...allowCommands(schema),
    ...surplusChains.map((name) => ({ delete: chainReference(family, name) })),
    ...surplusSets.map((name) => ({ delete: setReference(family, name) })),
    ...surplusCounters.map((name) => ({ delete: counterObject(family, name) })),
  ];
}

/** The commands that remove one of our tables, there or not. */
export function removeTable(family: TableFamily): NftCommand[] {
  return [{ add: tableObject(family) }, { delete: tableObject(family) }];
}

/** Whether what is there contradicts the schema in a way that `add` cannot mend. */
export function mustRebuild(schema: TableSchema, kernel: KernelTable): boolean {
  const otherSet = schema.sets.some((set) => {
    const there = kernel.sets.get(set.name);
    if (there === undefined) return false;
    const type = set.family === 4 ? 'ipv4_addr' : 'ipv6_addr';
    const flag = set.kind === 'allow' ? 'interval' : 'timeout';
    const sameFlags = there.flags.length === 1 && there.flags[0] === flag;
    return (
      there.type !== type ||
      !sameFlags ||
      there.expires ||
      there.counter !== set.counter ||
      there.size !== set.size
    );
  });
  const otherChain = schema.chains.some((chain) => {
    const there = kernel.chains.get(chain.name);
    if (there === undefined) return false;
    const [type, policy] = chain.base === undefined ? [] : ['filter', 'accept'];
    return (
      there.type !== type ||
      there.hook !== chain.base?.hook ||
      there.priority !== chain.base?.priority ||
      there.policy !== policy
    );
  });
  return otherSet || otherChain;
}

function allowCommands(schema: TableSchema): NftCommand[] {
  return ([4, 6] as const).flatMap((version: Family) => {
    const name = SET_ALLOW[version];
    const elem = schema.allow[version].map(prefixElement);
    return [
      { flush: setReference(schema.family, name) },
      ...(elem.length === 0 ? [] : [{ add: elementObject(schema.family, name, elem) }]),
    ];
  });
}
