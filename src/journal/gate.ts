/** The literal gate, as a test on text. */
import type { Gate } from '../core/entry.js';

/**
 * The gate as one function. The text may be decoded as Latin-1 or as UTF-8: the literals are ASCII, and bytes of ASCII
 * mean the same in both.
 */
export function gateTest(gate: Gate): (text: string) => boolean {
  const literals = gate.literals;
  if (literals === undefined) return () => true;
  if (literals.length === 0) return () => false;
  const [first] = literals;
  if (literals.length === 1 && first !== undefined) return (text) => text.includes(first);
  const escaped = literals.map((literal) => literal.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
  const any = new RegExp(escaped.join('|'));
  return (text) => any.test(text);
}
