/** Which jails want an entry. Entries of one service look alike in the fields that decide, so the answer is remembered. */
import type { Entry } from '../core/entry.js';
import { ROUTES_MAX } from '../core/limits.js';
import { fieldsOf, type MatchExpression, matches } from '../core/match.js';

export class Router<T> {
  readonly fields: readonly string[];
  readonly #routes: readonly { readonly match: MatchExpression; readonly to: T }[];
  readonly #known = new Map<string, readonly T[]>();

  constructor(routes: readonly { readonly match: MatchExpression; readonly to: T }[]) {
    this.#routes = routes;
    this.fields = [...new Set(routes.flatMap(({ match }) => [...fieldsOf(match)]))].sort();
  }

  /** Where the entry goes, in the order of the routes. */
  route({ fields }: Entry): readonly T[] {
    let key = '';
    for (const field of this.fields) key += `${fields.get(field) ?? '\u0000'}\n`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const to = this.#routes.filter(({ match }) => matches(match, (name) => fields.get(name))).map((route) => route.to);
    // A field such as _PID has endless values; starting over is cheaper than keeping book of use.
    if (this.#known.size >= ROUTES_MAX) this.#known.clear();
    this.#known.set(key, to);
    return to;
  }
}
