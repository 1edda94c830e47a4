/** The literal gate, as a test on text. */
import type { Gate } from '../core/entry.js';
import { literalSearch } from '../core/literals.js';

/**
 * The gate as one function. The text may be decoded as Latin-1 or as UTF-8: the literals are ASCII, and bytes of ASCII
 * mean the same in both.
 */
export function gateTest(gate: Gate): (text: string) => boolean {
  const literals = gate.literals;
  if (literals === undefined) return () => true;
  return literalSearch(literals);
}
