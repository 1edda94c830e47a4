import { type Exemption, reasonOf } from '../../src/allow/snapshot.js';
import { type Address, type Prefix, parseAddress, parsePrefix } from '../../src/core/address.js';
import { mustJailName } from '../../src/core/names.js';
import type { AllowSpec, AllowTerm } from '../../src/core/specs.js';

export const JAIL = mustJailName('sshd');
export const OTHER = mustJailName('dovecot');

export function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

/** Words of `ignoreip` as exemptions. */
export function exemptions(...words: string[]): Exemption[] {
  return words.map((word) => ({
    prefix: prefix(word),
    reason: reasonOf('ignoreip', prefix(word)),
  }));
}

export function term(word: string): AllowTerm {
  if (word.startsWith('file:')) return { kind: 'file', path: word.slice(5) };
  const found = parsePrefix(word);
  return found === undefined ? { kind: 'name', name: word } : { kind: 'prefix', prefix: found };
}

/** What `ignoreip` says, nothing of the host. */
export function spec(words: readonly string[] = [], changes: Partial<AllowSpec> = {}): AllowSpec {
  return {
    terms: words.map(term),
    perJail: new Map(),
    self: false,
    lockoutGuard: false,
    ...changes,
  };
}
