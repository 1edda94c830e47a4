/**
 * The jails by name, with what all their windows share. Every part of `Jails` looks jails up here.
 */
import { EVIDENCE_CURSOR_BYTES_MAX } from '../core/limits.js';
import type { JailName } from '../core/names.js';
import type { JailPolicy } from '../core/specs.js';
import { EvidenceLog } from './evidence/log.js';
import { Jail } from './jail.js';
import type { WindowBounds } from './windows.js';

export class JailList {
  /** The cursors of the failures of all jails. */
  readonly log: EvidenceLog;
  readonly #bounds: WindowBounds;
  readonly #jails = new Map<JailName, Jail>();

  constructor(bounds: WindowBounds, logBytesMax: number) {
    this.#bounds = bounds;
    this.log = new EvidenceLog(logBytesMax, EVIDENCE_CURSOR_BYTES_MAX);
  }

  get names(): JailName[] {
    return [...this.#jails.keys()];
  }

  get policies(): JailPolicy[] {
    return [...this.#jails.values()].map(({ policy }) => policy);
  }

  get(name: JailName): Jail | undefined {
    return this.#jails.get(name);
  }

  /** The jails of this name, or all. */
  *of(name?: JailName): IterableIterator<Jail> {
    if (name === undefined) return yield* this.#jails.values();
    const jail = this.#jails.get(name);
    if (jail !== undefined) yield jail;
  }

  /** The jails that count bans, and so those of this one. */
  *countingBansOf(name: JailName): IterableIterator<Jail> {
    for (const [own, jail] of this.#jails)
      if (own !== name && jail.policy.counts === 'bans') yield jail;
  }

  /** True when the jail decides and touches nothing. */
  watches(name: JailName | undefined): boolean {
    return name !== undefined && this.#jails.get(name)?.policy.watch === true;
  }

  /** A jail of this policy that has counted nothing. It is not in the list. */
  empty(policy: JailPolicy): Jail {
    return new Jail(policy, this.#bounds, this.log);
  }

  /** Takes new policies. Returns the jails that must be warmed up; see `Jails.reconfigure`. */
  reconfigure(policies: readonly JailPolicy[]): JailName[] {
    const wanted = new Map(policies.map((policy) => [policy.jail, policy]));
    for (const name of this.#jails.keys()) if (!wanted.has(name)) this.#jails.delete(name);
    const cold: JailName[] = [];
    for (const [name, policy] of wanted) {
      const jail = this.#jails.get(name);
      if (jail === undefined) this.#jails.set(name, this.empty(policy));
      if (jail === undefined || jail.reconfigure(policy)) cold.push(name);
    }
    return cold;
  }
}
