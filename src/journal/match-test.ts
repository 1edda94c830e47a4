/** A match expression applied here instead of in libsystemd. */
import { isNameGlob } from '../core/glob.js';
import { isWholeJournal, type MatchExpression, matches } from '../core/match.js';

/** Values of one entry, by field; a field may have several. */
export type FieldValues = ReadonlyMap<string, readonly string[]>;

/** The same for an entry whose fields have one value each, with `more` for those that have several. */
export function matchFieldsTest(
  expression: MatchExpression,
): (fields: ReadonlyMap<string, string>, more: FieldValues | undefined) => boolean {
  const test = matchTest(expression);
  const isPlain = expression.groups.every((group) => [...group.values()].every((wanted) => !wanted.some(isNameGlob)));
  const plain = expression.groups.map((group) =>
    [...group].map(([field, wanted]) => ({ field, wanted: new Set<string | undefined>(wanted) })),
  );
  return (fields, more) => {
    if (isPlain && more === undefined)
      return plain.some((group) => group.every(({ field, wanted }) => wanted.has(fields.get(field))));
    return test(new Map([...fields].map(([name, value]) => [name, [value, ...(more?.get(name) ?? [])]])));
  };
}

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
