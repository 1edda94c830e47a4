/** Does a text contain one of some plain strings? */

/** Below this the search skips too little, and V8's alternation of strings is faster. */
const SHORTEST_MIN = 4;
/** Entries of the tables; pairs of characters that share one only make it skip less. */
const SLOTS = 4096;
const SHIFT_MAX = 255;

/**
 * The search for any of the literals as one function; of none it is always false.
 *
 * Wu and Manber's search with blocks of two characters, as in `native/batch/gate.c`: most of the text is skipped,
 * whatever the number of literals. On lines of a mail server and 45 literals 0.1 us instead of 0.24 us of an
 * alternation, and no slower on any text than one comparison with each literal at each place.
 */
export function literalSearch(literals: readonly string[]): (text: string) => boolean {
  // A text that contains the longer one contains the shorter one as well.
  const needed = literals.filter((one) => !literals.some((other) => other.length < one.length && one.includes(other)));
  const [first] = needed;
  if (first === undefined) return () => false;
  if (needed.length === 1) return (text) => text.includes(first);
  const shortest = Math.min(...needed.map(({ length }) => length));
  return shortest < SHORTEST_MIN ? alternation(needed) : skipping(needed, Math.min(shortest, SHIFT_MAX));
}

function alternation(literals: readonly string[]): (text: string) => boolean {
  const escaped = literals.map((literal) => literal.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
  const any = new RegExp(escaped.sort().join('|'));
  return (text) => any.test(text);
}

/** The window is as long as the shortest literal; of the longer ones only their beginning stands in the tables. */
function skipping(literals: readonly string[], window: number): (text: string) => boolean {
  /** How far the window may move when it ends in this block. */
  const shifts = new Uint8Array(SLOTS).fill(window - 1);
  const ending = new Map<number, string[]>();
  for (const literal of literals)
    for (let i = 1; i < window; i++) {
      const slot = slotOf(literal.charCodeAt(i - 1), literal.charCodeAt(i));
      shifts[slot] = Math.min(shifts[slot] ?? 0, window - 1 - i);
      if (i === window - 1) ending.set(slot, [...(ending.get(slot) ?? []), literal]);
    }
  return (text) => {
    const { length } = text;
    for (let end = window - 1; end < length; ) {
      const slot = slotOf(text.charCodeAt(end - 1), text.charCodeAt(end));
      const shift = shifts[slot] as number;
      if (shift > 0) {
        end += shift;
        continue;
      }
      const start = end - window + 1;
      for (const literal of ending.get(slot) as string[]) if (text.startsWith(literal, start)) return true;
      end++;
    }
    return false;
  };
}

function slotOf(first: number, second: number): number {
  return ((first << 5) ^ second) & (SLOTS - 1);
}
