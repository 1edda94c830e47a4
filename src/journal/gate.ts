/** The gate, as tests on text and fields. */
import type { Gate, GateRoute } from '../core/entry.js';
import { isNameGlob } from '../core/glob.js';
import { GATE_FIELDS_MAX, GATE_ROUTES_MAX, GATE_TERM_BYTES_MAX } from '../core/limits.js';
import { literalSearch } from '../core/literals.js';
import { type MatchExpression, type MatchGroup, matches } from '../core/match.js';

/**
 * The literals as one function. The text may be decoded as Latin-1 or as UTF-8: the literals are ASCII, and bytes of
 * ASCII mean the same in both.
 */
export function gateTest({ literals }: Pick<Gate, 'literals'>): (text: string) => boolean {
  if (literals === undefined) return () => true;
  return literalSearch(literals);
}

/** The routes as a reader can test them before an entry is read whole; none when there are more than it takes. */
export function routesOf({ routes = [] }: Gate): readonly GateRoute[] {
  const exact = routes.map(({ match, literals }) => ({ match: exactPart(match), literals }));
  const terms = exact.flatMap(({ match }) => match.groups.flatMap((group) => [...group]));
  const bytes = terms.flatMap(([field, values]) => values.map((value) => Buffer.byteLength(`${field}=${value}`)));
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
  return (text, fields) => tests.some(({ match, takes }) => takes(text) && matches(match, (name) => fields.get(name)));
}

/**
 * Terms that decide by the first value of a field: exact ones, of fields that journald itself writes, which have one value.
 * What is left out holds always.
 */
function exactPart({ groups }: MatchExpression): MatchExpression {
  const isExact = ([field, values]: readonly [string, readonly string[]]) =>
    field.startsWith('_') && !values.some(isNameGlob);
  return { groups: groups.map((group): MatchGroup => new Map([...group].filter(isExact))) };
}
