import { type Address, comparePrefixes, covers, formatPrefix, type Prefix } from '../core/address.js';
import type { JailName } from '../core/names.js';
import type { AllowReason, Exemption } from './reason.js';
import { PrefixTable } from './table.js';

/** Who must not be banned, at one moment. Immutable: whoever holds one sees the same answers for ever. */
export class AllowSnapshot {
  readonly #global: PrefixTable;
  readonly #jails: ReadonlyMap<JailName, PrefixTable>;
  readonly #prefixes: readonly Prefix[];
  /** Equal for snapshots that give equal answers. */
  readonly fingerprint: string;

  constructor(exemptions: readonly Exemption[]) {
    const global = exemptions.filter(({ jail }) => jail === undefined);
    const jails = new Map<JailName, Exemption[]>();
    for (const exemption of exemptions)
      if (exemption.jail !== undefined) jails.set(exemption.jail, [...(jails.get(exemption.jail) ?? []), exemption]);
    this.#global = new PrefixTable(global);
    this.#jails = new Map([...jails].map(([jail, own]) => [jail, new PrefixTable(own)]));
    this.#prefixes = outermost(global.map(({ prefix }) => prefix));
    this.fingerprint = exemptions
      .map(({ jail, prefix, reason }) => `${jail ?? ''} ${formatPrefix(prefix)} ${reason.text}`)
      .sort()
      .join('\n');
  }

  /** Why the address is never banned in the jail, or undefined. */
  allows(jail: JailName, address: Address): AllowReason | undefined {
    return this.#global.find(address) ?? this.#jails.get(jail)?.find(address);
  }

  /** Why the prefix must not be banned in the jail: it shares an address with an exemption. */
  overlaps(jail: JailName, prefix: Prefix): AllowReason | undefined {
    return this.#global.overlap(prefix) ?? this.#jails.get(jail)?.overlap(prefix);
  }

  /**
   * What the kernel's allow set holds: the exemptions that are valid for every jail, in order, none within another
   * (an interval set refuses overlaps). Those of single jails are kept by never banning them.
   */
  prefixes(): readonly Prefix[] {
    return this.#prefixes;
  }
}

/** Sorted, and without those that lie within another. */
function outermost(prefixes: readonly Prefix[]): Prefix[] {
  const kept: Prefix[] = [];
  for (const prefix of [...prefixes].sort(comparePrefixes)) {
    const last = kept.at(-1);
    if (last === undefined || !covers(last, prefix)) kept.push(prefix);
  }
  return kept;
}
