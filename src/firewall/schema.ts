/**
 * What the tables must contain, as data: a plan (and the prefix lengths in use) makes a `Schema`.
 * Printed as JSON by `json.ts` for the kernel and as nft's syntax by `text.ts` for people, so that
 * the two cannot differ.
 *
 * One table `inet banjour`, and `bridge banjour` when bridges are filtered natively:
 *
 * - `allow4`, `allow6`: who is never shut out; first rule of every chain of bans. Interval sets
 *   without timeouts.
 * - `ban4.JAIL`, `ban6.JAIL`: hosts, hash sets with timeouts. `net4.24.JAIL`, `net6.64.JAIL`:
 *   prefixes of one length, hash sets of the masked address. One element is one ban, so nested
 *   prefixes need no splitting, neighbours are never merged, and an add costs the same however many
 *   there are (an interval set costs nft more with every element).
 * - a named counter per jail, which survives a rewrite of the rules.
 * - chain `bans4`/`bans6` with the jails' rules, entered from one base chain per hook
 *   (`bans4.input`, `bans4.forward` and so on where jails judge in different places); chain
 *   `rejects` shared by all jails that reject, so that the limit on answers is one limit.
 *
 * Rules do not look at the connection's state: a banned host's established connections end too.
 */
import { type Family, fromBits, outermost, type Prefix, widthOf } from '../core/address.js';
import type { JailName } from '../core/names.js';
import { LISTS_JAIL } from '../core/share.js';
import {
  type FirewallPlan,
  type Hook,
  type JailRule,
  mergePorts,
  type PortRange,
  type Protocol,
} from '../core/specs.js';
import {
  type BanSet,
  CHAIN_BANS,
  CHAIN_REJECT,
  counterName,
  parseSetName,
  SET_ALLOW,
  setName,
  type TableFamily,
} from './names.js';

export type Match =
  | { readonly kind: 'family'; readonly family: Family }
  | {
      readonly kind: 'protocols';
      readonly protocols: readonly Protocol[];
      readonly negate?: boolean;
    }
  | {
      readonly kind: 'ports';
      readonly protocols: readonly Protocol[];
      readonly ports: readonly PortRange[];
    }
  | {
      readonly kind: 'saddr';
      readonly family: Family;
      readonly set: string;
      readonly mask?: string;
    };

export type Action =
  | { readonly kind: 'drop' | 'return' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  | { readonly kind: 'reject'; readonly how: 'tcp reset' | 'icmpx admin-prohibited' };

export interface Rule {
  readonly match: readonly Match[];
  /** Answers per second and burst; packets above fall through to the next rule. */
  readonly limit?: { readonly perSecond: number; readonly burst: number };
  readonly counter?: string;
  readonly action: Action;
}

export interface Chain {
  readonly name: string;
  readonly base?: { readonly hook: BaseHook; readonly priority: number };
  readonly rules: readonly Rule[];
}

export interface SetDefinition {
  readonly name: string;
  readonly family: Family;
  /** `lists`: bans that are not compared. */
  readonly kind: 'bans' | 'lists' | 'allow';
  /** Count packets per element. */
  readonly counter: boolean;
  /** The most elements that the kernel takes; without it no bound but memory. */
  readonly size?: number;
}

export interface TableSchema {
  readonly family: TableFamily;
  readonly counters: readonly string[];
  readonly sets: readonly SetDefinition[];
  readonly chains: readonly Chain[];
  /** Elements of `allow4` and `allow6`. */
  readonly allow: Readonly<Record<Family, readonly Prefix[]>>;
}

export type Schema = readonly TableSchema[];

export interface SchemaOptions {
  /** Bound of elements per set of bans, kept by the kernel. */
  readonly setSize?: number;
}

/**
 * Priorities (nft(8), 1.0.6: filter is 0 in inet and -200 in bridge, raw is -300). An accept in
 * another base chain of the same hook never undoes our drop, whatever its priority; being early
 * only saves the others' work and comes before their queueing. In prerouting we are before
 * connection tracking (-200), so a banned flood makes no entries there, and before destination NAT,
 * so ports are those that the client asked for.
 */
const PRIORITY = { inet: -10, prerouting: -310, bridge: -210 } as const;

/** Answers of all rejecting jails together; a flood from banned hosts is dropped, not answered. */
const REJECT_LIMIT = { perSecond: 100, burst: 200 } as const;

type BaseHook = 'input' | 'forward' | 'prerouting';
const BASE_HOOKS: readonly BaseHook[] = ['input', 'forward', 'prerouting'];

const HOOKS: Readonly<Record<Hook, readonly BaseHook[]>> = {
  input: ['input'],
  forward: ['forward'],
  both: ['input', 'forward'],
  prerouting: ['prerouting'],
};

/** The sets of bans that always exist: hosts of both families. */
function hostSets(jail: JailName): BanSet[] {
  return [
    { jail, family: 4, length: 32 },
    { jail, family: 6, length: 128 },
  ];
}

/** The sets of prefixes that a schema has. */
export function prefixSetsOf(schema: Schema): BanSet[] {
  return (schema[0]?.sets ?? []).flatMap(({ name }) => {
    const set = parseSetName(name);
    return set === undefined || set.length === widthOf(set.family) ? [] : [set];
  });
}

/**
 * Everything that the tables must contain besides the bans; `prefixSets` are the sets of prefixes
 * in use.
 */
export function makeSchema(
  plan: FirewallPlan,
  prefixSets: Iterable<BanSet>,
  options: SchemaOptions = {},
): Schema {
  const sets = collectSets(plan, prefixSets);
  const inet = makeTable('inet', plan, sets, options);
  return plan.bridge ? [inet, makeTable('bridge', plan, sets, options)] : [inet];
}

function makeTable(
  family: TableFamily,
  plan: FirewallPlan,
  sets: readonly BanSet[],
  options: SchemaOptions,
): TableSchema {
  const size = options.setSize === undefined ? {} : { size: options.setSize };
  const ruleOf = new Map(plan.rules.map((rule) => [rule.jail, rule]));
  const rejects = family === 'inet' && plan.rules.some((rule) => rule.verdict === 'reject');
  const hooks = hooksOf(plan);
  const allow = outermost(plan.allow);
  const allowed = (version: Family) => allow.filter((one) => one.family === version);
  const isShared = hooks.every((hook) =>
    plan.rules.every((rule) => hooksOfRule(rule, plan).includes(hook)),
  );
  // A bridge forwards whatever it is for.
  const places = family === 'bridge' || isShared ? [undefined] : hooks;
  const bans = (version: Family, place: BaseHook | undefined): Chain => ({
    name: bansName(version, place),
    rules: [
      {
        match: [{ kind: 'saddr', family: version, set: SET_ALLOW[version] }],
        action: { kind: 'return' },
      },
      ...sets.flatMap((set) => {
        const rule = ruleOf.get(set.jail);
        if (rule === undefined || set.family !== version) return [];
        return place === undefined || hooksOfRule(rule, plan).includes(place)
          ? [banRule(rule, set, family)]
          : [];
      }),
    ],
  });
  const bases: Chain[] =
    family === 'bridge'
      ? [entry('forward', PRIORITY.bridge, undefined)]
      : hooks.map((hook) =>
          entry(
            hook,
            hook === 'prerouting' ? PRIORITY.prerouting : PRIORITY.inet,
            isShared ? undefined : hook,
          ),
        );
  return {
    family,
    counters: plan.rules.map((rule) => counterName(rule.jail)),
    sets: [
      { name: SET_ALLOW[4], family: 4, kind: 'allow', counter: false },
      { name: SET_ALLOW[6], family: 6, kind: 'allow', counter: false },
      ...sets.map((set): SetDefinition => {
        return {
          name: setName(set),
          family: set.family,
          kind: set.jail === LISTS_JAIL ? 'lists' : 'bans',
          counter: plan.countersPerElement,
          ...size,
        };
      }),
    ],
    chains: [
      ...(rejects ? [rejectChain()] : []),
      ...places.flatMap((place) => [bans(4, place), bans(6, place)]),
      ...bases,
    ],
    allow: { 4: allowed(4), 6: allowed(6) },
  };
}

/** The plan's host sets and those prefix sets whose jail the plan knows, in a stable order. */
function collectSets(plan: FirewallPlan, prefixSets: Iterable<BanSet>): BanSet[] {
  const extra = new Map<JailName, Map<string, BanSet>>();
  for (const set of prefixSets) {
    if (set.length === widthOf(set.family)) continue;
    const ofJail = extra.get(set.jail) ?? new Map<string, BanSet>();
    extra.set(set.jail, ofJail.set(setName(set), set));
  }
  return plan.rules.flatMap(({ jail }) => [
    ...hostSets(jail),
    ...[...(extra.get(jail)?.values() ?? [])].sort(
      (a, b) => a.family - b.family || b.length - a.length,
    ),
  ]);
}

/** The base hooks that the plan's jails need, each once. */
function hooksOf(plan: FirewallPlan): readonly BaseHook[] {
  if (plan.rules.length === 0) return HOOKS[plan.hook];
  const needed = new Set(plan.rules.flatMap((rule) => hooksOfRule(rule, plan)));
  return BASE_HOOKS.filter((hook) => needed.has(hook));
}

function hooksOfRule(rule: JailRule, plan: FirewallPlan): readonly BaseHook[] {
  return HOOKS[rule.hook ?? plan.hook];
}

/** The chain of bans of one base hook, or of all. */
function bansName(family: Family, place: BaseHook | undefined): string {
  return place === undefined ? CHAIN_BANS[family] : `${CHAIN_BANS[family]}.${place}`;
}

function entry(hook: BaseHook, priority: number, place: BaseHook | undefined): Chain {
  return {
    name: hook,
    base: { hook, priority },
    rules: ([4, 6] as const).map((family) => ({
      match: [{ kind: 'family', family }],
      action: { kind: 'jump', chain: bansName(family, place) },
    })),
  };
}

function banRule(rule: JailRule, set: BanSet, table: TableFamily): Rule {
  const match: Match[] = [];
  if (rule.ports !== 'all') {
    // A port belongs to a protocol: all protocols with some ports cannot come from the
    // configuration.
    const protocols = rule.protocols === 'all' ? (['tcp', 'udp'] as const) : rule.protocols;
    match.push({ kind: 'ports', protocols, ports: mergePorts(rule.ports) });
  } else if (rule.protocols !== 'all') {
    match.push({ kind: 'protocols', protocols: rule.protocols });
  }
  const host = set.length === widthOf(set.family);
  match.push({
    kind: 'saddr',
    family: set.family,
    set: setName(set),
    ...(host ? {} : { mask: maskText(set.family, set.length) }),
  });
  // The bridge family has no reject on many kernels (NFT_BRIDGE_REJECT): drop is what works
  // everywhere.
  const rejecting = rule.verdict === 'reject' && table === 'inet';
  return {
    match,
    counter: counterName(rule.jail),
    action: rejecting ? { kind: 'goto', chain: CHAIN_REJECT } : { kind: 'drop' },
  };
}

function rejectChain(): Chain {
  return {
    name: CHAIN_REJECT,
    rules: [
      {
        match: [{ kind: 'protocols', protocols: ['tcp'] }],
        limit: REJECT_LIMIT,
        action: { kind: 'reject', how: 'tcp reset' },
      },
      {
        match: [{ kind: 'protocols', protocols: ['tcp'], negate: true }],
        limit: REJECT_LIMIT,
        action: { kind: 'reject', how: 'icmpx admin-prohibited' },
      },
      { match: [], action: { kind: 'drop' } },
    ],
  };
}

/** `255.255.255.0` for 24 bits of IPv4, `ffff:ffff:ffff:ffff::` for 64 of IPv6. */
export function maskText(family: Family, length: number): string {
  const width = BigInt(widthOf(family));
  const bits = ((1n << BigInt(length)) - 1n) << (width - BigInt(length));
  return fromBits(family, bits, false).text;
}
