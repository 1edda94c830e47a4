/** Which jails want an entry. Entries of one service look alike in the fields that decide, so the answer is remembered. */
import type { Entry } from '../core/entry.js';
import { ROUTES_MAX } from '../core/limits.js';
import { fieldsOf, type MatchExpression, matches } from '../core/match.js';
import { matchesSystem } from '../core/users.js';

/** Answers by the value of one field after the other. */
type Known<T> = Map<string | undefined, Known<T> | readonly T[]>;

export interface Route<T> {
  readonly match: MatchExpression;
  /** `system` keeps out what ordinary users wrote, unless the match names their `_UID`. */
  readonly loggedby?: 'system' | undefined;
  readonly to: T;
}

export class Router<T> {
  readonly fields: readonly string[];
  readonly #routes: readonly Route<T>[];
  readonly #known: Known<T> = new Map();
  #size = 0;

  constructor(routes: readonly Route<T>[]) {
    this.#routes = routes;
    const uid = routes.some(({ loggedby }) => loggedby === 'system') ? ['_UID'] : [];
    this.fields = [...new Set([...routes.flatMap(({ match }) => [...fieldsOf(match)]), ...uid])].sort();
  }

  /** Where the entry goes, in the order of the routes. */
  route({ fields }: Entry): readonly T[] {
    let known: Known<T> | readonly T[] | undefined = this.#known;
    for (const field of this.fields) known = (known as Known<T> | undefined)?.get(fields.get(field));
    if (known !== undefined && this.fields.length > 0) return known as readonly T[];
    const field = (name: string) => fields.get(name);
    const to = this.#routes
      .filter(({ match, loggedby }) => (loggedby === 'system' ? matchesSystem : matches)(match, field))
      .map((route) => route.to);
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
