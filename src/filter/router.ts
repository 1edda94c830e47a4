/** Which jails want an entry. Entries of one service look alike in the fields that decide, so the answer is remembered. */
import type { Entry } from '../core/entry.js';
import { ROUTES_MAX } from '../core/limits.js';
import { fieldsOf, type MatchExpression, matches } from '../core/match.js';

/** Answers by the value of one field after the other. */
type Known<T> = Map<string | undefined, Known<T> | readonly T[]>;

export class Router<T> {
  readonly fields: readonly string[];
  readonly #routes: readonly { readonly match: MatchExpression; readonly to: T }[];
  readonly #known: Known<T> = new Map();
  #size = 0;

  constructor(routes: readonly { readonly match: MatchExpression; readonly to: T }[]) {
    this.#routes = routes;
    this.fields = [...new Set(routes.flatMap(({ match }) => [...fieldsOf(match)]))].sort();
  }

  /** Where the entry goes, in the order of the routes. */
  route({ fields }: Entry): readonly T[] {
    let known: Known<T> | readonly T[] | undefined = this.#known;
    for (const field of this.fields) known = (known as Known<T> | undefined)?.get(fields.get(field));
    if (known !== undefined && this.fields.length > 0) return known as readonly T[];
    const to = this.#routes.filter(({ match }) => matches(match, (name) => fields.get(name))).map((route) => route.to);
    this.#remember(fields, to);
    return to;
  }

  #remember(fields: Entry['fields'], to: readonly T[]): void {
    // A field such as _PID has endless values; starting over is cheaper than keeping book of use.
    if (this.#size >= ROUTES_MAX) {
      this.#known.clear();
      this.#size = 0;
    }
    this.#size++;
    let at = this.#known;
    this.fields.forEach((field, i) => {
      const value = fields.get(field);
      if (i === this.fields.length - 1) at.set(value, to);
      else {
        const next = (at.get(value) as Known<T> | undefined) ?? new Map();
        at.set(value, next);
        at = next;
      }
    });
  }
}
