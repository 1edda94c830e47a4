/**
 * From a filter's definition to the filter that judges lines, with its literal gate, or to
 * everything that is wrong with it. Pure.
 */
import type { Diagnostic } from '../core/finding.js';
import { MAXLINES_MAX } from '../core/limits.js';
import type { FilterDefinition, SourceText } from '../core/specs.js';
import { CompiledFilter } from './filter.js';
import { ANY_ESCAPE, literalInJson } from './json-line.js';
import { alternatesOf, ID_GROUPS } from './match-groups.js';
import { compileRegex, type Regex, type RegexProblem } from './regex/regex.js';
import { ANY_SLOT, type RegexKind, type RegexSlot, SLOT_MARKS } from './search.js';

export interface CompileResult {
  /** Absent when anything is refused: a filter is never kept by half. */
  readonly filter?: CompiledFilter;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Compiles a filter. Never throws, whatever its regexes. `lints`: also says what is wrong with
 * regexes that work, which takes as long as compiling them.
 */
export function compileFilter(definition: FilterDefinition, lints = true): CompileResult {
  const diagnostics: Diagnostic[] = [];
  const { name, maxlines, linelimit, usedns, proxies } = definition;
  if (!Number.isInteger(maxlines) || maxlines < 1 || maxlines > MAXLINES_MAX)
    diagnostics.push({
      level: 'error',
      id: 'filter.maxlines',
      message: `maxlines of the filter ${name} is not a whole number from 1 to ${MAXLINES_MAX}: every line searches the whole window again`,
      key: 'maxlines',
      value: String(maxlines),
      fix: `write maxlines = ${MAXLINES_MAX}`,
    });
  if (definition.failregex.length + definition.successregex.length === 0)
    diagnostics.push({
      level: 'error',
      id: 'filter.no-failregex',
      message: `filter ${name} has no failregex: it could never find a failure`,
      key: 'failregex',
      fix: 'write at least one failregex with <HOST> where the address stands',
    });

  // Behind a prefregex with content the content is all there is to be anchored to.
  const content = /<F-CONTENT>|\(\?P<content>/.test(definition.prefregex?.text ?? '');
  const slots = (kind: RegexKind, sources: readonly SourceText[], multiline = false): RegexSlot[] =>
    sources.flatMap((source, index) => {
      const { regex, problems } = compileRegex(source.text, { usedns, multiline });
      const say = (level: Diagnostic['level'], { id, message, offset, fix }: RegexProblem) =>
        diagnostics.push({
          level,
          id,
          message: `filter ${name}, ${kind} ${index + 1}: ${message}`,
          place: placeAt(source, offset),
          key: kind,
          value: excerpt(source.text, offset),
          fix: fix ?? TRY,
        });
      for (const problem of problems) say(regex === undefined ? 'error' : 'warning', problem);
      if (regex === undefined) return [];
      if (lints && kind !== 'ignoreregex')
        for (const problem of onePerKind(regex.lint()))
          if (problem.id !== 'regex.unanchored' || !content || kind === 'prefregex')
            // Slow regexes are taken care of; a forged address is not.
            say(SLOW.has(problem.id) ? 'note' : 'warning', problem);
      return [slotOf(kind, index, regex, source)];
    });

  const [prefregex] = slots(
    'prefregex',
    definition.prefregex === undefined ? [] : [definition.prefregex],
  );
  const failregex = slots('failregex', definition.failregex, maxlines > 1);
  const ignoreregex = slots('ignoreregex', definition.ignoreregex);
  const successregex = slots('successregex', definition.successregex, maxlines > 1);
  const deciding = [...failregex, ...successregex];
  diagnostics.push(...withoutIdentity(definition, deciding, prefregex));
  if (diagnostics.some(({ level }) => level === 'error')) return { diagnostics };
  const container = definition.logtype === 'container';
  const plain = gateLiterals(deciding, prefregex, maxlines);
  const gate = container ? { literals: inJson(plain.literals) } : plain;
  const parts = { name, maxlines, container, failregex, ignoreregex, successregex, ...gate };
  return {
    filter: new CompiledFilter({
      ...parts,
      ...(prefregex && { prefregex }),
      ...(linelimit && { linelimit }),
      ...(proxies && { proxies }),
    }),
    diagnostics,
  };
}

const SLOW = new Set(['regex.nested-loop', 'regex.adjacent-loops']);

function slotOf(kind: RegexKind, index: number, regex: Regex, source: SourceText): RegexSlot {
  const alternates = alternatesOf(regex.groupNames);
  return { kind, index, regex, alternates, source, mark: markOf(kind, index) };
}

/** From both ends, so that two regexes share a mark only where there are many. */
function markOf(kind: RegexKind, index: number): number {
  if (kind === 'failregex') return 1 << Math.min(index, SLOT_MARKS - 1);
  return kind === 'successregex' ? 1 << Math.max(SLOT_MARKS - 1 - index, 0) : ANY_SLOT;
}

function onePerKind(problems: readonly RegexProblem[]): RegexProblem[] {
  return problems.filter(({ id }, i) => problems.findIndex((other) => other.id === id) === i);
}

/** Regexes that could match but not say whom. */
function withoutIdentity(
  { name }: FilterDefinition,
  slots: readonly RegexSlot[],
  prefregex: RegexSlot | undefined,
): Diagnostic[] {
  const wanted: readonly string[] = [...ID_GROUPS, 'mlfid', 'trouble', 'unchecked'];
  const names = (slot: RegexSlot) =>
    slot.regex.groupNames.some((group) => wanted.includes(group)) ||
    slot.alternates.some(({ target }) => wanted.includes(target));
  if (prefregex !== undefined && names(prefregex)) return [];
  return slots
    .filter((slot) => !names(slot))
    .map(({ kind, index, source }) => ({
      level: 'error',
      id: 'filter.no-address',
      message: `filter ${name}, ${kind} ${index + 1} gives no address`,
      place: source.place,
      key: kind,
      fix: 'put <HOST> (or <ADDR>, <F-ID>) where the line has the address',
    }));
}

/** The remedy where the regex language has none of its own. */
const TRY = 'correct the regex; banjour test LINE REGEX tries it';

/** Characters of a regex that a message shows, from where the fault is. */
const EXCERPT_CHARS = 40;

function excerpt(text: string, offset: number): string {
  const line = text.slice(offset).split('\n')[0] || text;
  return line.length > EXCERPT_CHARS ? `${line.slice(0, EXCERPT_CHARS)}...` : line;
}

/** The place of a character of a regex, which is one line of its file. */
function placeAt({ text, place }: SourceText, offset: number): SourceText['place'] {
  const lines = text.slice(0, offset).split('\n');
  if (lines.length > 1)
    return {
      ...place,
      line: place.line + lines.length - 1,
      column: (lines.at(-1) ?? '').length + 1,
    };
  return { ...place, column: (place.column ?? 1) + offset };
}

// The literal gate: plain strings of which one must stand in the MESSAGE of every entry that a
// filter can match. The source asks for MESSAGE only, so a string that the line's header (host,
// identifier, pid) can satisfy is no use.

/** Shorter strings stand in nearly every message. */
const LITERAL_CHARS_MIN = 3;

interface FilterGate {
  readonly literals: readonly string[] | undefined;
  /** The marks of the regexes that need each of the literals, where those are the regexes' own. */
  readonly marks?: ReadonlyMap<string, number>;
}

/**
 * The literals of a filter; undefined when one of its regexes has none, or when it looks at several
 * lines: then every line matters.
 */
function gateLiterals(
  deciding: readonly RegexSlot[],
  prefregex: RegexSlot | undefined,
  maxlines: number,
): FilterGate {
  if (maxlines > 1) return { literals: undefined };
  const afterHeader = prefregex !== undefined && contentFollowsHeader(prefregex.source.text);
  const sets = deciding.map(({ regex }) => inMessage(regex.literals, afterHeader));
  const own = sets.includes(undefined) ? undefined : sets.flatMap((set) => set ?? []);
  // A line must have one of the prefregex's as well, so either list will do.
  const shared = inMessage(prefregex?.regex.literals, false);
  if (shared !== undefined && selectivity(shared) > selectivity(own))
    return { literals: [...new Set(shared)].sort() };
  if (own === undefined) return { literals: undefined };
  const marks = new Map<string, number>();
  deciding.forEach(({ mark }, i) => {
    for (const literal of sets[i] ?? []) marks.set(literal, (marks.get(literal) ?? 0) | mark);
  });
  return { literals: [...marks.keys()].sort(), marks };
}

/** What of the literals stands in a message whose line is in a JSON object, too. */
function inJson(literals: readonly string[] | undefined): readonly string[] | undefined {
  const found = literals?.map((literal) => literalInJson(literal, LITERAL_CHARS_MIN));
  return found?.every((literal) => literal !== undefined)
    ? [...new Set([...found, ANY_ESCAPE])].sort()
    : undefined;
}

/** Long literals stand in few lines: the shortest decides. */
function selectivity(literals: readonly string[] | undefined): number {
  return literals === undefined ? 0 : Math.min(...literals.map(({ length }) => length));
}

/**
 * The prefregex consumes `ident[pid]:` before its content begins: what its failregexes ask for
 * stands after it.
 */
function contentFollowsHeader(source: string): boolean {
  const content = source.search(/<F-CONTENT>|\(\?P<content>/);
  return content > 0 && source.slice(0, content).replaceAll('(?:', '(').includes(':');
}

function inMessage(
  literals: readonly string[] | undefined,
  afterHeader: boolean,
): readonly string[] | undefined {
  const found = literals?.map((literal) => messagePart(literal, afterHeader));
  return found?.every((literal) => literal !== undefined) ? found : undefined;
}

/**
 * What of a literal of the line must stand in MESSAGE; undefined when the header may have satisfied
 * it.
 */
function messagePart(literal: string, afterHeader: boolean): string | undefined {
  // In the line `\n` stands for a newline of MESSAGE.
  const pieces = literal.split('\\').map((piece, i) => (i > 0 ? piece.replace(/^n/, '') : piece));
  let part = pieces.reduce(
    (longest, piece) => (piece.length > longest.length ? piece : longest),
    '',
  );
  if (!afterHeader) {
    // A header has one `: `, at its end. What follows the first is MESSAGE, unless that one cannot
    // be the header's.
    const colon = part.indexOf(': ');
    if (colon >= 0 && !foreignToHeader(part.slice(0, colon))) part = part.slice(colon + 2);
    else if (!foreignToHeader(part.trim())) return undefined;
  }
  part = part.trimStart();
  return part.length < LITERAL_CHARS_MIN ? undefined : part;
}

/**
 * Has something that no host name, identifier or pid has: blanks between words, quotes, brackets
 * around letters.
 */
function foreignToHeader(text: string): boolean {
  return /[="'<>,;?!#%*{}|&$~^`]|\[[^\d\]]|\S \S/.test(text);
}
