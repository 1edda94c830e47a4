/** The gate and match expressions as tests on text and fields, for what C does not select. */

import {
  type EntryFields,
  type Gate,
  type GateRoute,
  OriginCache,
  VARYING_FIELDS,
} from '../core/entry.js';
import { GATE_FIELDS_MAX, GATE_ROUTES_MAX, GATE_TERM_BYTES_MAX } from '../core/limits.js';
import {
  isNameGlob,
  isWholeJournal,
  type MatchExpression,
  type MatchGroup,
  matches,
} from '../core/match.js';
import { type LiteralTest, literalSearch } from '../core/text.js';

// Match expressions.

/** Values of one entry, by field; a field may have several. */
export type FieldValues = ReadonlyMap<string, readonly string[]>;

/**
 * The same for an entry whose fields have one value each, with `more` for those that have several.
 */
export function matchFieldsTest(
  expression: MatchExpression,
): (fields: EntryFields, more: FieldValues | undefined) => boolean {
  const test = matchTest(expression);
  const isPlain = expression.groups.every((group) =>
    [...group.values()].every((wanted) => !wanted.some(isNameGlob)),
  );
  const plain = expression.groups.map((group) =>
    [...group].map(([field, wanted]) => ({ field, wanted: new Set<string | undefined>(wanted) })),
  );
  const isOfOrigin = plain.every((group) => group.every(({ field }) => !VARYING_FIELDS.has(field)));
  const known = new OriginCache<{ readonly isWanted: boolean }>();
  const holds = (fields: EntryFields) =>
    plain.some((group) => group.every(({ field, wanted }) => wanted.has(fields.get(field))));
  return (fields, more) => {
    if (isPlain && more === undefined) {
      const { origin } = fields;
      if (origin === undefined || !isOfOrigin) return holds(fields);
      const before = known.get(origin);
      if (before !== undefined) return before.isWanted;
      const isWanted = holds(fields);
      known.set(origin, { isWanted });
      return isWanted;
    }
    return test(
      new Map([...fields].map(([name, value]) => [name, [value, ...(more?.get(name) ?? [])]])),
    );
  };
}

/**
 * The expression as one function; as in libsystemd, a term holds when any of the field's values is
 * the wanted one.
 */
export function matchTest(expression: MatchExpression): (values: FieldValues) => boolean {
  if (isWholeJournal(expression)) return () => true;
  const groups = expression.groups.map((group) =>
    [...group].map(([field, wanted]) => {
      const exact = new Set(wanted);
      const alone: MatchExpression = { groups: [new Map([[field, wanted]])] };
      return { field, holds: (value: string) => exact.has(value) || matches(alone, () => value) };
    }),
  );
  return (values) =>
    groups.some((group) =>
      group.every(({ field, holds }) => values.get(field)?.some(holds) === true),
    );
}

/**
 * The literals as one function. The text may be decoded as Latin-1 or as UTF-8: the literals are
 * ASCII, and bytes of ASCII mean the same in both.
 */
export function gateTest({ literals }: Pick<Gate, 'literals'>): LiteralTest {
  if (literals === undefined) return () => true;
  return literalSearch(literals);
}

/**
 * The routes as a reader can test them before an entry is read whole; none when there are more than
 * it takes.
 */
export function routesOf({ routes = [] }: Gate): readonly GateRoute[] {
  const exact = routes.map(({ match, literals }) => ({ match: exactPart(match), literals }));
  const terms = exact.flatMap(({ match }) => match.groups.flatMap((group) => [...group]));
  const bytes = terms.flatMap(([field, values]) =>
    values.map((value) => Buffer.byteLength(`${field}=${value}`)),
  );
  const fields = new Set(terms.map(([field]) => field));
  const fits =
    exact.length <= GATE_ROUTES_MAX &&
    fields.size <= GATE_FIELDS_MAX &&
    bytes.every((length) => length <= GATE_TERM_BYTES_MAX);
  return fits ? exact : [];
}

/** The routes as one function, for an entry that passes the literals. */
export function routesTest(
  routes: readonly GateRoute[],
): (text: string, fields: ReadonlyMap<string, string>) => boolean {
  if (routes.length === 0) return () => true;
  const tests = routes.map((route) => ({ match: route.match, takes: gateTest(route) }));
  return (text, fields) =>
    tests.some(({ match, takes }) => takes(text) && matches(match, (name) => fields.get(name)));
}

/**
 * Terms that decide by the first value of a field: exact ones, of fields that journald itself
 * writes, which have one value. What is left out holds always.
 */
function exactPart({ groups }: MatchExpression): MatchExpression {
  const isExact = ([field, values]: readonly [string, readonly string[]]) =>
    field.startsWith('_') && !values.some(isNameGlob);
  return { groups: groups.map((group): MatchGroup => new Map([...group].filter(isExact))) };
}
