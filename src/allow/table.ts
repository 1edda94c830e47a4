import { type Address, baseAddress, bitsOf, type Family, type Prefix, widthOf } from '../core/address.js';
import type { AllowReason } from './reason.js';

/** Prefixes of one family by length; answers in one look-up per distinct length. */
class FamilyTable {
  readonly #width: number;
  /** Longest first: the most exact reason is the one to tell. */
  readonly #lengths: { readonly length: number; readonly reasons: Map<bigint, AllowReason> }[] = [];
  /** First addresses, ascending. */
  readonly #starts: bigint[];

  constructor(family: Family, entries: readonly { readonly prefix: Prefix; readonly reason: AllowReason }[]) {
    this.#width = widthOf(family);
    const byLength = new Map<number, Map<bigint, AllowReason>>();
    const starts: bigint[] = [];
    for (const { prefix, reason } of entries) {
      const bits = bitsOf(baseAddress(prefix));
      starts.push(bits);
      const reasons = byLength.get(prefix.length) ?? new Map<bigint, AllowReason>();
      byLength.set(prefix.length, reasons);
      const key = bits >> BigInt(this.#width - prefix.length);
      if (!reasons.has(key)) reasons.set(key, reason);
    }
    for (const [length, reasons] of byLength) this.#lengths.push({ length, reasons });
    this.#lengths.sort((a, b) => b.length - a.length);
    this.#starts = starts.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  }

  /** The reason of the longest prefix that covers the given one. */
  covering(bits: bigint, length: number): AllowReason | undefined {
    for (const entry of this.#lengths) {
      if (entry.length > length) continue;
      const reason = entry.reasons.get(bits >> BigInt(this.#width - entry.length));
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  /** The reason of some prefix within the given one. */
  within(bits: bigint, length: number): AllowReason | undefined {
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
export class PrefixTable {
  readonly #families: Readonly<Record<Family, FamilyTable>>;
  readonly #empty: Readonly<Record<Family, boolean>>;

  constructor(entries: readonly { readonly prefix: Prefix; readonly reason: AllowReason }[]) {
    const four = entries.filter(({ prefix }) => prefix.family === 4);
    const six = entries.filter(({ prefix }) => prefix.family === 6);
    this.#families = { 4: new FamilyTable(4, four), 6: new FamilyTable(6, six) };
    this.#empty = { 4: four.length === 0, 6: six.length === 0 };
  }

  /** Why the address is in the set, or undefined. */
  find(address: Address): AllowReason | undefined {
    if (this.#empty[address.family]) return undefined;
    return this.#families[address.family].covering(bitsOf(address), widthOf(address.family));
  }

  /** Why the prefix and the set share an address, or undefined. */
  overlap(prefix: Prefix): AllowReason | undefined {
    if (this.#empty[prefix.family]) return undefined;
    const bits = bitsOf(baseAddress(prefix));
    const table = this.#families[prefix.family];
    return table.covering(bits, prefix.length) ?? table.within(bits, prefix.length);
  }
}
