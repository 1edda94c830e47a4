/**
 * journalctl-style match expressions: which entries a jail wants.
 *
 * `FIELD=value` terms; the same field twice is OR, different fields are AND, `+` joins groups by
 * OR; several lines are OR as well. `-u UNIT` (`--unit`) here means `_SYSTEMD_UNIT=UNIT` only, `-t
 * IDENT` (`--identifier`) `SYSLOG_IDENTIFIER=IDENT`. Source: journalctl(1),
 * sd_journal_add_match(3), systemd 257; the wider meaning that journalctl gives to `-u` (coredumps,
 * messages of PID 1 about the unit) is left out on purpose: those entries are written by others
 * about the unit.
 *
 * In fields that name units and hosts `*`, `?` and `[...]` are wildcards: `-u 'postfix@*'`,
 * `_SYSTEMD_UNIT=postfix@*.service`.
 */
import { shellWords } from './text.js';

// Wildcards: `*`, `?`, `[a-z]`, `[!a-z]`. In paths a backslash takes the next character as it is,
// as in shells; in names of units it is a character like others, as in journalctl(1), since escaped
// names are full of it.

type Step =
  | { readonly kind: 'any' }
  | { readonly kind: 'one'; readonly test: (char: string) => boolean };

/** True when a path has a wildcard that is not escaped. */
export function isGlob(path: string): boolean {
  return /(?<!\\)[*?[]/.test(path);
}

/** True when a name has a wildcard. */
export function isNameGlob(name: string): boolean {
  return /[*?[]/.test(name);
}

/**
 * The pattern as a test of whole texts; its cost is at most the product of the two lengths,
 * whatever strangers name.
 */
export function globTest(
  pattern: string,
  backslash: 'escapes' | 'literal' = 'escapes',
): (text: string) => boolean {
  const steps = stepsOf([...pattern], backslash === 'escapes');
  return (text) => matchSteps(steps, [...text]);
}

function stepsOf(chars: readonly string[], escapes: boolean): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] as string;
    if (char === '*') steps.push({ kind: 'any' });
    else if (char === '?') steps.push({ kind: 'one', test: () => true });
    else if (char === '[') {
      // As in sh(1): a bracket that directly follows the opening one (or its "!") is a member.
      const negated = chars[at + 1] === '!' || chars[at + 1] === '^';
      const first = at + (negated ? 2 : 1);
      const end = chars.indexOf(']', first + 1);
      if (end < 0) steps.push(literal('['));
      else {
        const within = members(chars.slice(first, end));
        steps.push({ kind: 'one', test: negated ? (other) => !within(other) : within });
        at = end;
      }
    } else if (escapes && char === '\\' && at + 1 < chars.length)
      steps.push(literal(chars[++at] as string));
    else steps.push(literal(char));
  }
  return steps;
}

function literal(char: string): Step {
  return { kind: 'one', test: (other) => other === char };
}

function members(chars: readonly string[]): (char: string) => boolean {
  const ranges: (readonly [string, string])[] = [];
  for (let at = 0; at < chars.length; at++) {
    const from = chars[at] as string;
    const to = chars[at + 1] === '-' ? chars[at + 2] : undefined;
    ranges.push([from, to ?? from]);
    if (to !== undefined) at += 2;
  }
  return (char) => ranges.some(([from, to]) => char >= from && char <= to);
}

function matchSteps(steps: readonly Step[], chars: readonly string[]): boolean {
  let step = 0;
  let at = 0;
  let star = -1;
  let starAt = 0;
  while (at < chars.length) {
    const current = steps[step];
    if (current?.kind === 'any') {
      star = step++;
      starAt = at;
    } else if (current?.test(chars[at] as string) === true) {
      step++;
      at++;
    } else if (star >= 0) {
      step = star + 1;
      at = ++starAt;
    } else return false;
  }
  while (steps[step]?.kind === 'any') step++;
  return step === steps.length;
}

/** Terms of one group: every field must have one of its values. */
export type MatchGroup = ReadonlyMap<string, readonly string[]>;

export interface MatchExpression {
  /** Any group may hold. Never empty; one empty group means the whole journal. */
  readonly groups: readonly MatchGroup[];
}

/** Every entry of the journal. */
export const WHOLE_JOURNAL: MatchExpression = { groups: [new Map()] };

export interface MatchParse {
  readonly expression?: MatchExpression;
  /** What is wrong, with the term it is wrong in. */
  readonly problem?: { readonly message: string; readonly term: string };
}

const FIELD = /^[A-Z_][A-Z0-9_]{0,63}$/;

/**
 * Fields that only journald (or the kernel) can set to a given service's value: no local user can
 * forge them.
 */
const TRUSTED_FIELDS = new Set([
  '_SYSTEMD_UNIT',
  '_SYSTEMD_USER_UNIT',
  '_SYSTEMD_SLICE',
  '_SYSTEMD_CGROUP',
  '_SYSTEMD_INVOCATION_ID',
  '_UID',
  '_EXE',
]);

/** Fields whose values may have wildcards: none of these characters can stand in such a name. */
const GLOB_FIELDS = new Set(['_SYSTEMD_UNIT', '_SYSTEMD_USER_UNIT', '_SYSTEMD_SLICE', '_HOSTNAME']);

/** Units that any local user can run something in. */
const USERS_UNITS = ['session-1.scope', 'session-c1.scope', 'user@1000.service', 'user-1000.slice'];

/**
 * Parses an expression as it stands in `match =` / `journalmatch =`. An empty text has no
 * expression and no problem.
 */
export function parseMatch(text: string): MatchParse {
  const groups: Map<string, string[]>[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const words = shellWords(line);
    if (words === undefined)
      return { problem: { message: 'a quote is not closed', term: line.trim() } };
    const parsed = parseWords(words);
    if (!Array.isArray(parsed)) return parsed;
    groups.push(...parsed);
  }
  return groups.length === 0 ? {} : { expression: { groups } };
}

function parseWords(words: readonly string[]): Map<string, string[]>[] | MatchParse {
  const groups: Map<string, string[]>[] = [new Map()];
  const add = (field: string, value: string) => {
    const group = groups.at(-1) as Map<string, string[]>;
    const values = group.get(field);
    if (values === undefined) group.set(field, [value]);
    else if (!values.includes(value)) values.push(value);
  };
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    const option =
      /^(?:(-u|--unit)|(-t|--identifier))(?:=(.*))?$/s.exec(word) ??
      /^(?:(-u)|(-t))(.+)$/s.exec(word);
    if (word === '+') {
      if ((groups.at(-1) as Map<string, string[]>).size === 0 || i + 1 === words.length)
        return { problem: { message: '"+" needs a term on both sides', term: word } };
      groups.push(new Map());
    } else if (option) {
      const value = option[3] ?? words[++i];
      if (value === undefined || value === '')
        return { problem: { message: 'the option needs a value', term: word } };
      if (option[1] !== undefined) add('_SYSTEMD_UNIT', unitName(value));
      else add('SYSLOG_IDENTIFIER', value);
    } else {
      const equals = word.indexOf('=');
      const field = equals < 0 ? word : word.slice(0, equals);
      if (equals < 0)
        return {
          problem: {
            message: 'is none of FIELD=value, "+", -u UNIT and -t IDENTIFIER',
            term: word,
          },
        };
      if (!FIELD.test(field))
        return {
          problem: {
            message: 'a field name has upper-case letters, digits and "_" only',
            term: word,
          },
        };
      add(field, word.slice(equals + 1));
    }
  }
  return groups;
}

/** `postfix` means `postfix.service`, as for journalctl; a glob means what it says. */
function unitName(name: string): string {
  return isNameGlob(name) ||
    /\.(?:service|socket|scope|slice|mount|timer|target|path|swap|device|automount)$/.test(name)
    ? name
    : `${name}.service`;
}

/** The expression as one line, in journalctl's own syntax. */
export function formatMatch(expression: MatchExpression): string {
  return expression.groups
    .map((group) =>
      [...group]
        .flatMap(([field, values]) => values.map((value) => quote(`${field}=${value}`)))
        .join(' '),
    )
    .join(' + ');
}

function quote(term: string): string {
  return /[\s'"\\]/.test(term) ? `'${term.replaceAll("'", "'\\''")}'` : term;
}

/** True when an entry with these fields is wanted. */
export function matches(
  expression: MatchExpression,
  field: (name: string) => string | undefined,
): boolean {
  return expression.groups.some((group) => {
    for (const [name, values] of group) {
      const value = field(name);
      if (value === undefined || !isOneOf(name, values, value)) return false;
    }
    return true;
  });
}

function isOneOf(field: string, wanted: readonly string[], value: string): boolean {
  return (
    wanted.includes(value) || wanted.some((one) => isGlobTerm(field, one) && globOf(one)(value))
  );
}

const globs = new Map<string, (name: string) => boolean>();

/** The test of a wildcard; patterns come from configuration, so their number is bounded. */
function globOf(pattern: string): (name: string) => boolean {
  let test = globs.get(pattern);
  if (test === undefined) {
    test = globTest(pattern, 'literal');
    globs.set(pattern, test);
  }
  return test;
}

/** True when the value of a term has wildcards. */
function isGlobTerm(field: string, value: string): boolean {
  return GLOB_FIELDS.has(field) && isNameGlob(value);
}

/** The fields in which the expression has wildcards. */
export function globFieldsOf(expression: MatchExpression): string[] {
  const fields = expression.groups.flatMap((group) =>
    [...group]
      .filter(([field, values]) => values.some((value) => isGlobTerm(field, value)))
      .map(([field]) => field),
  );
  return [...new Set(fields)];
}

/**
 * The expression with wildcards replaced by those of the values that they fit; one that fits none
 * stays as it is, and then stands for itself.
 */
export function expandGlobs(
  expression: MatchExpression,
  valuesOf: (field: string) => readonly string[],
): MatchExpression {
  const expand = (field: string, value: string) => {
    if (!isGlobTerm(field, value)) return [value];
    const fitting = valuesOf(field).filter(globOf(value));
    return fitting.length === 0 ? [value] : fitting;
  };
  return {
    groups: expression.groups.map(
      (group) =>
        new Map(
          [...group].map(([field, values]) => [
            field,
            [...new Set(values.flatMap((one) => expand(field, one)))],
          ]),
        ),
    ),
  };
}

/**
 * What of the expression can be selected by values: the terms without wildcards. It selects all
 * that the expression does, and maybe more.
 */
export function withoutGlobs(expression: MatchExpression): MatchExpression {
  const groups = expression.groups.map(
    (group): MatchGroup =>
      new Map(
        [...group].filter(([field, values]) => !values.some((one) => isGlobTerm(field, one))),
      ),
  );
  return groups.some((group) => group.size === 0) ? WHOLE_JOURNAL : { groups };
}

/** Every field the expression looks at. */
export function fieldsOf(expression: MatchExpression): Set<string> {
  return new Set(expression.groups.flatMap((group) => [...group.keys()]));
}

/** True when the expression selects the whole journal. */
export function isWholeJournal(expression: MatchExpression): boolean {
  return expression.groups.some((group) => group.size === 0);
}

/**
 * The groups without any field that only journald can set: whatever they select, a local user can
 * forge.
 */
export function forgeableGroups(expression: MatchExpression): MatchGroup[] {
  const isTrusted = ([field, values]: readonly [string, readonly string[]]) =>
    TRUSTED_FIELDS.has(field) &&
    !values.some(
      (value) => isGlobTerm(field, value) && USERS_UNITS.some((unit) => globOf(value)(unit)),
    );
  return expression.groups.filter((group) => ![...group].some(isTrusted));
}

/** Entries of any of the expressions: what one reader must select for several jails. */
export function unionOf(expressions: readonly MatchExpression[]): MatchExpression {
  if (expressions.some(isWholeJournal)) return WHOLE_JOURNAL;
  const seen = new Map<string, MatchGroup>();
  for (const group of expressions.flatMap((expression) => expression.groups))
    seen.set(formatMatch({ groups: [group] }), group);
  return { groups: [...seen.values()] };
}
