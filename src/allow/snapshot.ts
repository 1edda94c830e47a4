/**
 * Who is never banned at one moment, and why: prefixes with their reasons, in an immutable table.
 */
import {
  type Address,
  baseAddress,
  bitsOf,
  type Family,
  formatPrefix,
  outermost,
  type Prefix,
  widthOf,
} from '../core/address.js';
import type { JailName } from '../core/names.js';
import { embedded, embeddedPrefix } from '../core/networks.js';

/** Where an exemption comes from. */
export type AllowKind = 'ignoreip' | 'name' | 'file' | 'self' | 'gateway' | 'resolver' | 'session';

/** Why an address is never banned. */
export interface AllowReason {
  readonly kind: AllowKind;
  /** For people, e.g. `ignoreip 192.0.2.0/24`, `own address 192.0.2.1`. */
  readonly text: string;
}

/** One exemption: a prefix, its reason, and the jail it is limited to. */
export interface Exemption {
  readonly prefix: Prefix;
  readonly reason: AllowReason;
  readonly jail?: JailName;
}

const WORDS: Record<AllowKind, string> = {
  ignoreip: 'ignoreip',
  name: 'ignoreip',
  file: 'ignoreip',
  self: 'own address',
  gateway: 'default gateway',
  resolver: 'resolver',
  session: 'administrator logged in from',
};

/** The reason of a prefix; `of` names what it was written or found as. */
export function reasonOf(kind: AllowKind, prefix: Prefix, of?: string): AllowReason {
  const found = formatPrefix(prefix);
  return {
    kind,
    text: `${WORDS[kind]} ${of === undefined || of === found ? found : `${of} (${found})`}`,
  };
}

/** Prefixes of one family by length; answers in one look-up per distinct length. */
class FamilyTable<Reason> {
  readonly #width: number;
  /** Longest first: the most exact reason is the one to tell. */
  readonly #lengths: { readonly length: number; readonly reasons: Map<bigint, Reason> }[] = [];
  /** First addresses, ascending. */
  readonly #starts: bigint[];

  constructor(
    family: Family,
    entries: readonly { readonly prefix: Prefix; readonly reason: Reason }[],
  ) {
    this.#width = widthOf(family);
    const byLength = new Map<number, Map<bigint, Reason>>();
    const starts: bigint[] = [];
    for (const { prefix, reason } of entries) {
      const bits = bitsOf(baseAddress(prefix));
      starts.push(bits);
      const reasons = byLength.get(prefix.length) ?? new Map<bigint, Reason>();
      byLength.set(prefix.length, reasons);
      const key = bits >> BigInt(this.#width - prefix.length);
      if (!reasons.has(key)) reasons.set(key, reason);
    }
    for (const [length, reasons] of byLength) this.#lengths.push({ length, reasons });
    this.#lengths.sort((a, b) => b.length - a.length);
    this.#starts = starts.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  }

  /** The reason of the longest prefix that covers the given one. */
  covering(bits: bigint, length: number): Reason | undefined {
    for (const entry of this.#lengths) {
      if (entry.length > length) continue;
      const reason = entry.reasons.get(bits >> BigInt(this.#width - entry.length));
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  /** The reason of some prefix within the given one. */
  within(bits: bigint, length: number): Reason | undefined {
    const last = bits + (1n << BigInt(this.#width - length)) - 1n;
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] as bigint) < bits) low = middle + 1;
      else high = middle;
    }
    const start = this.#starts[low];
    return start !== undefined && start <= last ? this.covering(start, this.#width) : undefined;
  }
}

/** A set of prefixes with reasons, for fast questions. Immutable. */
export class PrefixTable<Reason = AllowReason> {
  readonly #families: Readonly<Record<Family, FamilyTable<Reason>>>;
  readonly #empty: Readonly<Record<Family, boolean>>;

  constructor(entries: readonly { readonly prefix: Prefix; readonly reason: Reason }[]) {
    const four = entries.filter(({ prefix }) => prefix.family === 4);
    const six = entries.filter(({ prefix }) => prefix.family === 6);
    this.#families = { 4: new FamilyTable(4, four), 6: new FamilyTable(6, six) };
    this.#empty = { 4: four.length === 0, 6: six.length === 0 };
  }

  /** Why the address is in the set, or undefined. */
  find(address: Address): Reason | undefined {
    if (this.#empty[address.family]) return undefined;
    return this.#families[address.family].covering(bitsOf(address), widthOf(address.family));
  }

  /** Why the prefix and the set share an address, or undefined. */
  overlap(prefix: Prefix): Reason | undefined {
    if (this.#empty[prefix.family]) return undefined;
    const bits = bitsOf(baseAddress(prefix));
    const table = this.#families[prefix.family];
    return table.covering(bits, prefix.length) ?? table.within(bits, prefix.length);
  }
}

/**
 * The addresses that must not be banned, at one moment. Immutable: its answers stay the same for
 * ever.
 */
export class AllowSnapshot {
  readonly #global: PrefixTable;
  readonly #jails: ReadonlyMap<JailName, PrefixTable>;
  readonly #prefixes: readonly Prefix[];
  readonly #nat64: readonly Prefix[];

  /** `nat64` are the NAT64 prefixes of this network. */
  constructor(exemptions: readonly Exemption[], nat64: readonly Prefix[] = []) {
    this.#nat64 = nat64;
    const global = exemptions.filter(({ jail }) => jail === undefined);
    const jails = new Map<JailName, Exemption[]>();
    for (const exemption of exemptions) {
      if (exemption.jail === undefined) continue;
      const own = jails.get(exemption.jail);
      if (own === undefined) jails.set(exemption.jail, [exemption]);
      else own.push(exemption);
    }
    this.#global = new PrefixTable(global);
    this.#jails = new Map([...jails].map(([jail, own]) => [jail, new PrefixTable(own)]));
    this.#prefixes = outermost(global.map(({ prefix }) => prefix));
  }

  /**
   * Why the address is never banned in the jail, or undefined. An IPv4 address is exempted behind a
   * translator too; the kernel's allow set does not say so, the jails do.
   */
  allows(jail: JailName, address: Address): AllowReason | undefined {
    const reason = this.#global.find(address) ?? this.#jails.get(jail)?.find(address);
    if (reason !== undefined || address.family === 4) return reason;
    const inner = embedded(address, this.#nat64);
    return inner && this.allows(jail, inner);
  }

  /** Why the prefix must not be banned in the jail: it shares an address with an exemption. */
  overlaps(jail: JailName, prefix: Prefix): AllowReason | undefined {
    const reason = this.#global.overlap(prefix) ?? this.#jails.get(jail)?.overlap(prefix);
    if (reason !== undefined || prefix.family === 4) return reason;
    const inner = embeddedPrefix(prefix, this.#nat64);
    return inner && this.overlaps(jail, inner);
  }

  /** Why the prefix must not be banned for others: some jail exempts an address in it. */
  overlapsAny(prefix: Prefix): AllowReason | undefined {
    let reason = this.#global.overlap(prefix);
    for (const table of this.#jails.values()) reason ??= table.overlap(prefix);
    if (reason !== undefined || prefix.family === 4) return reason;
    const inner = embeddedPrefix(prefix, this.#nat64);
    return inner && this.overlapsAny(inner);
  }

  /**
   * What the kernel's allow set holds: the exemptions that are valid for every jail, in order, none
   * within another (an interval set refuses overlaps). Those of single jails are kept by never
   * banning them.
   */
  prefixes(): readonly Prefix[] {
    return this.#prefixes;
  }
}

/**
 * What the jails ask of the allow stage: always the newest snapshot, and whether IPv6 matters at
 * all.
 */
export function allowContext(snapshot: () => AllowSnapshot, ipv6: () => boolean) {
  return {
    /** Why the address is never banned; undefined when it may be. */
    allowed: (jail: JailName, address: Address): string | undefined =>
      address.family === 6 && !ipv6() ? 'allowipv6 = no' : snapshot().allows(jail, address)?.text,
    /** Whether a ban of the prefix would shut out somebody who is never banned. */
    coversAllowed: (jail: JailName, prefix: Prefix): boolean =>
      snapshot().overlaps(jail, prefix) !== undefined,
  };
}
