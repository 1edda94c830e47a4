/** A match expression applied here instead of in libsystemd. */
import { isWholeJournal, type MatchExpression } from '../core/match.js';

/** Values of one entry, by field; a field may have several. */
export type FieldValues = ReadonlyMap<string, readonly string[]>;

/** The expression as one function; as in libsystemd, a term holds when any of the field's values is the wanted one. */
export function matchTest(expression: MatchExpression): (values: FieldValues) => boolean {
  if (isWholeJournal(expression)) return () => true;
  const groups = expression.groups.map((group) =>
    [...group].map(([field, wanted]) => ({ field, wanted: new Set(wanted) })),
  );
  return (values) =>
    groups.some((group) =>
      group.every(({ field, wanted }) => values.get(field)?.some((value) => wanted.has(value)) === true),
    );
}
