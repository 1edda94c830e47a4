/** A match expression applied here instead of in libsystemd. */
import { isWholeJournal, type MatchExpression, matches } from '../core/match.js';

/** Values of one entry, by field; a field may have several. */
export type FieldValues = ReadonlyMap<string, readonly string[]>;

/** The expression as one function; as in libsystemd, a term holds when any of the field's values is the wanted one. */
export function matchTest(expression: MatchExpression): (values: FieldValues) => boolean {
  if (isWholeJournal(expression)) return () => true;
  const groups = expression.groups.map((group) =>
    [...group].map(([field, wanted]) => {
      const exact = new Set(wanted);
      const alone: MatchExpression = { groups: [new Map([[field, wanted]])] };
      return { field, holds: (value: string) => exact.has(value) || matches(alone, () => value) };
    }),
  );
  return (values) => groups.some((group) => group.every(({ field, holds }) => values.get(field)?.some(holds) === true));
}
