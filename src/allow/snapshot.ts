import { type Address, baseAddress, bitsOf, covers, type Prefix } from '../core/address.js';
import type { JailName } from '../core/names.js';
import { embedded, embeddedPrefix } from '../core/networks.js';
import type { AllowReason, Exemption } from './reason.js';
import { PrefixTable } from './table.js';

/** Who must not be banned, at one moment. Immutable: whoever holds one sees the same answers for ever. */
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
   * Why the address is never banned in the jail, or undefined. An IPv4 address is exempted behind a translator too; the
   * kernel's allow set does not say so, the jails do.
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

  /**
   * What the kernel's allow set holds: the exemptions that are valid for every jail, in order, none within another
   * (an interval set refuses overlaps). Those of single jails are kept by never banning them.
   */
  prefixes(): readonly Prefix[] {
    return this.#prefixes;
  }
}

/** Sorted by family and address, and without those that lie within another. */
function outermost(prefixes: readonly Prefix[]): Prefix[] {
  const kept: Prefix[] = [];
  const keyed = prefixes.map((prefix) => ({ prefix, bits: bitsOf(baseAddress(prefix)) }));
  keyed.sort((a, b) => {
    if (a.prefix.family !== b.prefix.family) return a.prefix.family - b.prefix.family;
    return a.bits < b.bits ? -1 : a.bits > b.bits ? 1 : a.prefix.length - b.prefix.length;
  });
  for (const { prefix } of keyed) {
    const last = kept.at(-1);
    if (last === undefined || !covers(last, prefix)) kept.push(prefix);
  }
  return kept;
}
