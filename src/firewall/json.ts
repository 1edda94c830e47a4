/**
 * The part of libnftables' JSON that we write (libnftables-json(5), schema version 1), the printer
 * from `schema.ts`, and what a backend needs of a kernel that reads it. Typed, so that a misspelt
 * key does not compile.
 */
import type { NewElements } from '../../native/netlink-elements.js';
import { type Family, isHost, type Prefix } from '../core/address.js';
import type { PortRange } from '../core/specs.js';
import type { KernelTables } from './kernel-tables.js';
import { TABLE, type TableFamily } from './names.js';
import type { Action, Chain, Match, Rule, SetDefinition } from './schema.js';

type Json = string | number | null | readonly Json[] | { readonly [key: string]: Json };
type Place = { readonly family: TableFamily; readonly table: string };

/** An element as a key alone, or with a timeout in seconds. */
export type ElementJson =
  | string
  | { readonly prefix: { readonly addr: string; readonly len: number } }
  | { readonly elem: { readonly val: string; readonly timeout: number } };

export type NftObject =
  | { readonly table: { readonly family: TableFamily; readonly name: string } }
  | { readonly counter: Place & { readonly name: string } }
  | {
      readonly set: Place & {
        readonly name: string;
        readonly type?: 'ipv4_addr' | 'ipv6_addr';
        readonly flags?: readonly ('timeout' | 'interval')[];
        readonly size?: number;
        readonly stmt?: readonly Json[];
      };
    }
  | {
      readonly chain: Place & {
        readonly name: string;
        readonly type?: 'filter';
        readonly hook?: string;
        readonly prio?: number;
        readonly policy?: 'accept';
      };
    }
  | { readonly rule: Place & { readonly chain: string; readonly expr: readonly Json[] } }
  | { readonly element: Place & { readonly name: string; readonly elem: readonly ElementJson[] } };

export type NftCommand =
  | { readonly add: NftObject }
  | { readonly create: NftObject }
  | { readonly delete: NftObject }
  | { readonly flush: NftObject };

/** One transaction as nft reads it: a single line without a newline in it. */
export function batchText(commands: readonly NftCommand[]): string {
  return JSON.stringify({ nftables: commands });
}

export function tableObject(family: TableFamily): NftObject {
  return { table: { family, name: TABLE } };
}

export function counterObject(family: TableFamily, name: string): NftObject {
  return { counter: { family, table: TABLE, name } };
}

/** A set by name alone, to flush or delete it. */
export function setReference(family: TableFamily, name: string): NftObject {
  return { set: { family, table: TABLE, name } };
}

/** A chain by name alone, to flush or delete it. */
export function chainReference(family: TableFamily, name: string): NftObject {
  return { chain: { family, table: TABLE, name } };
}

export function setObject(family: TableFamily, set: SetDefinition): NftObject {
  return {
    set: {
      family,
      table: TABLE,
      name: set.name,
      type: set.family === 4 ? 'ipv4_addr' : 'ipv6_addr',
      flags: [set.kind === 'allow' ? 'interval' : 'timeout'],
      ...(set.size === undefined ? {} : { size: set.size }),
      ...(set.counter ? { stmt: [{ counter: null }] } : {}),
    },
  };
}

export function chainObject(family: TableFamily, chain: Chain): NftObject {
  const base = chain.base;
  const hooked =
    base === undefined
      ? {}
      : ({
          type: 'filter',
          hook: base.hook,
          prio: base.priority,
          policy: 'accept',
        } as const satisfies object);
  return { chain: { family, table: TABLE, name: chain.name, ...hooked } };
}

export function ruleObject(family: TableFamily, chain: string, rule: Rule): NftObject {
  const expr = [
    ...rule.match.flatMap((match) => matchJson(family, match)),
    ...(rule.limit === undefined
      ? []
      : [{ limit: { rate: rule.limit.perSecond, burst: rule.limit.burst, per: 'second' } }]),
    ...(rule.counter === undefined ? [] : [{ counter: rule.counter }]),
    actionJson(rule.action),
  ];
  return { rule: { family, table: TABLE, chain, expr } };
}

export function elementObject(
  family: TableFamily,
  set: string,
  elem: readonly ElementJson[],
): NftObject {
  return { element: { family, table: TABLE, name: set, elem } };
}

/** A prefix as an element of an interval set. */
export function prefixElement(prefix: Prefix): ElementJson {
  return isHost(prefix) ? prefix.base : { prefix: { addr: prefix.base, len: prefix.length } };
}

function matchJson(table: TableFamily, match: Match): Json[] {
  switch (match.kind) {
    case 'family':
      return [familyJson(table, match.family)];
    case 'protocols':
      return [equals({ meta: { key: 'l4proto' } }, oneOrSet(match.protocols), match.negate)];
    case 'ports': {
      const ports = oneOrSet(match.ports.map(portJson));
      const [only, ...others] = match.protocols;
      if (only !== undefined && others.length === 0)
        return [equals({ payload: { protocol: only, field: 'dport' } }, ports)];
      return [
        equals({ meta: { key: 'l4proto' } }, oneOrSet(match.protocols)),
        equals({ payload: { protocol: 'th', field: 'dport' } }, ports),
      ];
    }
    case 'saddr': {
      const saddr = { payload: { protocol: match.family === 4 ? 'ip' : 'ip6', field: 'saddr' } };
      return [
        equals(match.mask === undefined ? saddr : { '&': [saddr, match.mask] }, `@${match.set}`),
      ];
    }
  }
}

function familyJson(table: TableFamily, family: Family): Json {
  return table === 'bridge'
    ? equals({ meta: { key: 'protocol' } }, family === 4 ? 'ip' : 'ip6')
    : equals({ meta: { key: 'nfproto' } }, family === 4 ? 'ipv4' : 'ipv6');
}

function actionJson(action: Action): Json {
  switch (action.kind) {
    case 'drop':
      return { drop: null };
    case 'return':
      return { return: null };
    case 'jump':
      return { jump: { target: action.chain } };
    case 'goto':
      return { goto: { target: action.chain } };
    case 'reject':
      return action.how === 'tcp reset'
        ? { reject: { type: 'tcp reset' } }
        : { reject: { type: 'icmpx', expr: 'admin-prohibited' } };
  }
}

function equals(left: Json, right: Json, negate = false): Json {
  return { match: { op: negate ? '!=' : '==', left, right } };
}

function oneOrSet(values: readonly Json[]): Json {
  const [only, ...others] = values;
  return only !== undefined && others.length === 0 ? only : { set: values };
}

function portJson(range: PortRange): Json {
  return range.first === range.last ? range.first : { range: [range.first, range.last] };
}

// What a firewall backend needs of a kernel. `runner.ts` is the real one, `recording.ts` remembers
// instead.

export interface BatchOutcome {
  /**
   * undefined: accepted. Otherwise nft's or the kernel's words, and nothing of the batch was
   * applied.
   */
  readonly refusal: string | undefined;
  readonly via: 'resident' | 'fresh';
}

export interface Transport {
  /**
   * Applies one transaction or nothing of it. `changes` is the number of its elements and decides
   * the way; with `repeatable` false it goes by the way that never sends a batch twice. Throws
   * OperatingError when it could not be found out whether nft took it.
   */
  send(
    commands: readonly NftCommand[],
    changes: number,
    repeatable?: boolean,
  ): Promise<BatchOutcome>;
  /**
   * Adds elements past nft; those that are there stay as they are. False when a table or set is not
   * as we make it, or it was not to be had. Absent where there is no kernel.
   */
  add?(sets: readonly NewElements[]): boolean;
  /**
   * Keeps how our tables, one of each of these families, are made as of now, for `makeAnew`: all of
   * them or none. Absent where there is no kernel.
   */
  memorize?(families: readonly TableFamily[]): void;
  /**
   * Makes those of our tables that are gone as they were when they were memorized, and adds the
   * elements, past nft. `elements` is asked only when one is gone. False when none is, or it was
   * not to be had. Absent where there is no kernel.
   */
  makeAnew?(elements: () => readonly NewElements[]): boolean;
  /** Reads our tables. Expensive with many elements. */
  list(): Promise<KernelTables>;
  /** The same without elements, for little; undefined where that is not to be had. */
  outline(): Promise<KernelTables | undefined>;
  /**
   * The same as `list`, beside changes of our own: undefined as soon as one of them comes between.
   */
  glance(): Promise<KernelTables | undefined>;
  /**
   * Sees to it that a child process that no longer answers is replaced; absent where there is none.
   */
  ping?(): Promise<void>;
  close(): Promise<void>;
}
