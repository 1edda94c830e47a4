import { formatPrefix, type Prefix } from '../core/address.js';
import type { JailName } from '../core/names.js';

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
  return { kind, text: `${WORDS[kind]} ${of === undefined || of === found ? found : `${of} (${found})`}` };
}
