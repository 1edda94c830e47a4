/**
 * Fields of requests. One description checks what a client sent, gives the type of what comes out,
 * and stands in docs/api.md.
 */
import { OperatorError } from '../core/errors.js';

/** A field; `read` throws `OperatorError` for a value that is not what it should be. */
export interface Field<T> {
  readonly read: (value: unknown, name: string) => T;
  readonly isOptional: boolean;
}

/** A field that may be absent. */
interface OptionalField<T> extends Field<T> {
  readonly isOptional: true;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;

type ValueOf<F> = F extends Field<infer T> ? T : never;
type OptionalNames<F extends Fields> = {
  [K in keyof F]: F[K] extends OptionalField<unknown> ? K : never;
}[keyof F];

/** What a request with these fields is. */
export type RequestOf<F extends Fields> = {
  readonly [K in Exclude<keyof F, OptionalNames<F>>]: ValueOf<F[K]>;
} & { readonly [K in OptionalNames<F>]?: ValueOf<F[K]> };

/** Reads the fields of a request; what is not described is passed over. */
export function readFields<F extends Fields>(fields: F, values: unknown): RequestOf<F> {
  if (typeof values !== 'object' || values === null || Array.isArray(values))
    throw new OperatorError('the request must be a JSON object');
  const given = values as Readonly<Record<string, unknown>>;
  const read = Object.entries(fields).flatMap(([name, field]) =>
    field.isOptional && given[name] === undefined ? [] : [[name, field.read(given[name], name)]],
  );
  return Object.fromEntries(read) as RequestOf<F>;
}

function field<T>(read: Field<T>['read']): Field<T> & { readonly isOptional: false } {
  return { read, isOptional: false };
}

export function optional<T>(of: Field<T>): OptionalField<T> {
  return { read: of.read, isOptional: true };
}

/** A text that is not empty. */
export const text = field((value, name) => {
  if (typeof value !== 'string' || value === '') throw new OperatorError(`${name} must be a text`);
  return value;
});

/** A text of at most so many characters, which may be empty. */
export function shortText(max: number) {
  return field((value, name) => {
    if (typeof value !== 'string') throw new OperatorError(`${name} must be a text`);
    if (value.length > max) throw new OperatorError(`${name} must have at most ${max} characters`);
    return value;
  });
}

/** A text of one to so many characters. */
export function wordUpTo(max: number) {
  return field((value, name) => {
    const word = text.read(value, name);
    if (word.length > max) throw new OperatorError(`${name} must have at most ${max} characters`);
    return word;
  });
}

/** A text of which the first so many characters count. */
export function cutText(max: number) {
  return field((value, name) => {
    if (typeof value !== 'string') throw new OperatorError(`${name} must be a text`);
    return value.slice(0, max);
  });
}

export const flag = field((value, name) => {
  if (typeof value !== 'boolean') throw new OperatorError(`${name} must be true or false`);
  return value;
});

export function whole(min: number, max: number) {
  return field((value, name) => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max)
      throw new OperatorError(`${name} must be a whole number from ${min} to ${max}`);
    return value;
  });
}

/** A whole number in a query, where everything is text. */
export function wholeInQuery(min: number, max: number) {
  return field((value, name) => {
    const number =
      typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= min && number <= max))
      throw new OperatorError(
        `${name} must be a whole number from ${min} to ${max}, not ${shown(value)}`,
      );
    return number;
  });
}

export function oneOf<const T extends string>(...words: readonly T[]) {
  return field((value, name) => {
    const found = words.find((word) => word === value);
    if (found === undefined)
      throw new OperatorError(`${name} must be ${words.join(' or ')}, not ${shown(value)}`);
    return found;
  });
}

/** Words of a list in a query: `ban,unban`. */
export function someOf<const T extends string>(words: readonly T[]) {
  return field((value, name) => {
    const wanted = typeof value === 'string' ? value.split(',') : [];
    const known = words.filter((word) => wanted.includes(word));
    if (known.length < wanted.length || known.length === 0)
      throw new OperatorError(`${name} must be a list of ${words.join(', ')}, not ${shown(value)}`);
    return known;
  });
}

/** A positive length of time in seconds; null is for ever. */
export const secondsOrNull = field((value, name) => {
  if (value === null || (typeof value === 'number' && Number.isFinite(value) && value > 0))
    return value as number | null;
  throw new OperatorError(
    `${name} must be a positive number of seconds, or null for a permanent ban`,
  );
});

/** A time from 1970 to 9999. */
export const instant = field((value, name) => {
  const ms =
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN;
  if (!(ms >= 0)) throw new OperatorError(`${name} must be a time such as 2026-11-21T18:50:38Z`);
  return value as string;
});

/** What the field says, or null. */
export function orNull<T>(of: Field<T>) {
  return field((value, name) => (value === null ? null : of.read(value, name)));
}

/** What the field says, or this when it is absent. */
export function orElse<T>(of: Field<T>, preset: T) {
  return field((value, name) => (value === undefined ? preset : of.read(value, name)));
}

/** One to so many addresses or prefixes, as texts. */
export function targets(max: number) {
  return field((value, name) => {
    if (
      !Array.isArray(value) ||
      value.length === 0 ||
      !value.every((target) => typeof target === 'string')
    )
      throw new OperatorError(`${name} must be a list of addresses or prefixes`);
    if (value.length > max) throw new OperatorError(`at most ${max} ${name} in one request`);
    return value as readonly string[];
  });
}

/** The same, or `all`. */
export function targetsOrAll(max: number) {
  const listed = targets(max);
  return field((value, name) => (value === 'all' ? 'all' : listed.read(value, name)));
}

/** A list of objects of these fields; empty when absent. */
export function listOf<F extends Fields>(fields: F, what: string) {
  return field((value, name) => {
    if (!Array.isArray(value ?? [])) throw new OperatorError(`${name} must be a list of ${what}`);
    return ((value ?? []) as readonly unknown[]).map((one) => readFields(fields, one));
  });
}

function shown(value: unknown): string {
  return JSON.stringify(String(value).slice(0, 100));
}
