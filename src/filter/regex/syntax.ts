/**
 * What the parser of Python's `re` syntax shares: the reading position, flags in force, refusals,
 * escapes and character classes.
 */

import type { CharSet } from './charset.js';
import * as chars from './charset.js';
import {
  digitOfAnyScript,
  STANDIN_DIGIT,
  STANDIN_WORD,
  standsForItself,
  wordOfAnyScript,
} from './scripts.js';
import type { AssertKind, Node, Scripts } from './tree.js';

/**
 * A construct that Python refuses too, or that cannot be kept. `index` counts in the expanded text.
 */
export class RegexSyntaxError extends Error {
  constructor(
    readonly id: 'regex.syntax' | 'regex.unsupported' | 'regex.too-large',
    message: string,
    readonly index: number,
    readonly fix?: string,
  ) {
    super(message);
  }
}

export function syntaxError(message: string, index: number, fix?: string): never {
  throw new RegexSyntaxError('regex.syntax', message, index, fix);
}

export function unsupported(message: string, index: number, fix?: string): never {
  throw new RegexSyntaxError('regex.unsupported', message, index, fix);
}

export interface Flags {
  readonly ignoreCase: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
  /**
   * Python's `a`: classes, word boundaries and the letters that `i` takes as equal are those of
   * ASCII.
   */
  readonly ascii: boolean;
}

/** Flags after `letters` are switched on or off; refuses those that cannot be kept. */
export function withFlags(flags: Flags, letters: string, on: boolean, index: number): Flags {
  const next = { ...flags };
  for (const letter of letters) {
    if (letter === 'i') next.ignoreCase = on;
    else if (letter === 'm') next.multiline = on;
    else if (letter === 's') next.dotAll = on;
    else if (letter === 'a' && on) next.ascii = true;
    else if (letter === 'u' && on) next.ascii = false;
    else if (letter === 'x') {
      unsupported(
        'verbose regexes, (?x), are not supported',
        index,
        'write the regex without blanks and comments',
      );
    } else if (letter === 'L')
      unsupported('locale-dependent regexes, (?L), are not supported', index);
    else if (on)
      unsupported(
        `"${letter}" is no flag that is known`,
        index,
        'flags are i, m, s, a and u, as in (?i)',
      );
    else syntaxError(`the flag "${letter}" cannot be switched off`, index);
  }
  return next;
}

/** The expanded text and where the parser stands in it. */
export class PatternReader {
  at = 0;
  /** The regex could tell a stand-in from the character that it stands for. */
  tells = false;
  constructor(
    readonly text: string,
    readonly scripts: Scripts,
  ) {}
  get done(): boolean {
    return this.at >= this.text.length;
  }
  peek(ahead = 0): string {
    return this.text[this.at + ahead] ?? '';
  }
  take(): string {
    return this.text[this.at++] ?? '';
  }
  /** Steps over `what` if it comes next. */
  eat(what: string): boolean {
    if (!this.text.startsWith(what, this.at)) return false;
    this.at += what.length;
    return true;
  }
  /** Takes what the sticky regex matches here; '' when it does not. */
  eatMatch(sticky: RegExp): string {
    sticky.lastIndex = this.at;
    const found = sticky.exec(this.text)?.[0] ?? '';
    this.at += found.length;
    return found;
  }
}

/** Groups met so far: numbers, names, and which are still open. */
export class GroupList {
  count = 0;
  readonly byName = new Map<string, number>();
  readonly open = new Set<number>();

  /** Opens the next group; refuses a name that is no identifier or taken. */
  enter(name: string | undefined, index: number): number {
    const group = ++this.count;
    if (name !== undefined) {
      checkName(name, index);
      if (this.byName.has(name)) {
        syntaxError(
          `the group name "${name}" is used twice`,
          index,
          'one regex can have <HOST> or a tag only once; split the regex',
        );
      }
      this.byName.set(name, group);
    }
    this.open.add(group);
    return group;
  }

  /** The closed group that a reference names. */
  resolve(reference: string, index: number): number {
    const numeric = /^\d+$/.test(reference);
    if (!numeric) checkName(reference, index);
    const group = numeric ? Number(reference) : this.byName.get(reference);
    if (group === undefined)
      syntaxError(`there is no group "${reference}" before this place`, index);
    if (group === 0 || group > this.count)
      syntaxError(`there is no group ${reference} before this place`, index);
    if (this.open.has(group))
      unsupported(`group ${reference} is referred to from inside itself`, index);
    return group;
  }
}

function checkName(name: string, index: number): void {
  if (!/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name))
    syntaxError(`"${name}" cannot be a group name`, index);
}

/** A sequence without needless nesting. */
export function seq(parts: readonly Node[]): Node {
  const flat = parts.flatMap((part) => (part.kind === 'seq' ? part.parts : [part]));
  return flat.length === 1 ? (flat[0] as Node) : { kind: 'seq', parts: flat };
}

export const EMPTY: Node = { kind: 'seq', parts: [] };

// Escapes and character classes.

const CONTROLS: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 };

/** A character with its variants of case, when case is ignored. */
export function letter(reader: PatternReader, code: number, flags: Flags): CharSet {
  if (!standsForItself(code)) reader.tells = true;
  const set = chars.single(code);
  return flags.ignoreCase ? chars.foldCase(set, flags.ascii) : set;
}

/** The set of `\d \D \s \S \w \W`; undefined for any other letter. */
function category(name: string, flags: Flags, scripts: Scripts): CharSet | undefined {
  const kind = name.toLowerCase();
  const set =
    kind === 'w'
      ? wordOf(flags, scripts)
      : kind === 'd'
        ? digitOf(flags, scripts)
        : kind === 's'
          ? spaceOf(flags)
          : undefined;
  return set === undefined || /[a-z]/.test(name) ? set : chars.negate(set);
}

function wordOf(flags: Flags, scripts: Scripts): CharSet {
  if (flags.ascii) return chars.WORD;
  return scripts === 'wide' ? wordOfAnyScript() : STANDIN_WORD;
}

function digitOf(flags: Flags, scripts: Scripts): CharSet {
  if (flags.ascii) return chars.DIGIT;
  return scripts === 'wide' ? digitOfAnyScript() : STANDIN_DIGIT;
}

function spaceOf(flags: Flags): CharSet {
  return flags.ascii ? chars.SPACE_ASCII : chars.SPACE;
}

/** `\x1D`, `\u2028`, `\0`, `\n`, `\-`: the code point, after the backslash was taken. */
function escapedCode(reader: PatternReader, start: number): number {
  const char = reader.take();
  const hexDigits = { x: 2, u: 4, U: 8 }[char];
  if (hexDigits !== undefined) {
    const digits = reader.eatMatch(/[0-9a-fA-F]*/y).slice(0, hexDigits);
    if (digits.length < hexDigits)
      syntaxError(`\\${char} needs ${hexDigits} hexadecimal digits`, start);
    reader.at = start + 2 + hexDigits;
    const code = Number.parseInt(digits, 16);
    if (code > 0x10ffff) syntaxError(`\\${char}${digits} is no character`, start);
    return code;
  }
  if (char === 'N')
    unsupported('characters by name, \\N{...}, are not supported', start, 'write \\xHH or \\uHHHH');
  const control = CONTROLS[char];
  if (control !== undefined) return control;
  if (/[a-zA-Z]/.test(char))
    syntaxError(`\\${char} has no meaning`, start, `write ${char} without the backslash`);
  if (char === '') syntaxError('the regex ends in a backslash', start);
  reader.at--;
  return takeCodePoint(reader);
}

/** One character, also one outside the basic plane. */
export function takeCodePoint(reader: PatternReader): number {
  const code = reader.text.codePointAt(reader.at) ?? 0;
  reader.at += code > 0xffff ? 2 : 1;
  return code;
}

function octal(digits: string, start: number): number {
  const code = Number.parseInt(digits, 8);
  if (code > 0o377) syntaxError(`the octal escape \\${digits} is beyond \\377`, start);
  return code;
}

export type Escape = { readonly node: Node } | { readonly code: number };

function assertionOf(name: string, flags: Flags): AssertKind | undefined {
  const found = ({ A: 'start', Z: 'end', b: 'word', B: 'not-word' } as const)[name];
  if (!flags.ascii) return found;
  return found === 'word' ? 'ascii-word' : found === 'not-word' ? 'not-ascii-word' : found;
}

/** An escape outside a class; the backslash is next. */
export function parseEscape(reader: PatternReader, flags: Flags, groups: GroupList): Escape {
  const start = reader.at++;
  const next = reader.peek();
  const assertion = assertionOf(next, flags);
  if (assertion !== undefined) {
    reader.at++;
    return { node: { kind: 'assert', what: assertion } };
  }
  const set = category(next, flags, reader.scripts);
  if (set !== undefined) {
    reader.at++;
    return { node: { kind: 'set', set } };
  }
  if (next === '0') return { code: octal(reader.eatMatch(/0[0-7]{0,2}/y), start) };
  if (/[1-9]/.test(next)) {
    const digits = reader.eatMatch(/[0-3][0-7]{2}|[4-7][0-7]{2}/y);
    if (digits !== '') return { code: octal(digits, start) };
    const group = groups.resolve(reader.eatMatch(/\d{1,2}/y), start);
    reader.tells = true;
    return { node: { kind: 'backref', group, ignoreCase: flags.ignoreCase } };
  }
  return { code: escapedCode(reader, start) };
}

/** A class; the bracket is next. */
export function parseClass(reader: PatternReader, flags: Flags): CharSet {
  const start = reader.at++;
  const negated = reader.eat('^');
  const sets: CharSet[] = [];
  const ranges: [number, number][] = [];
  const first = reader.at;
  for (;;) {
    if (reader.done)
      syntaxError(
        'the class is not closed',
        start,
        'write \\[ for a bracket that is meant as a character',
      );
    if (reader.peek() === ']' && reader.at > first) break;
    const at = reader.at;
    const lo = classMember(reader, flags, start);
    if (reader.peek() !== '-' || reader.peek(1) === ']' || reader.peek(1) === '') {
      if (typeof lo !== 'number') sets.push(lo);
      else {
        ranges.push([lo, lo]);
        if (!standsForItself(lo)) reader.tells = true;
      }
      continue;
    }
    reader.at++;
    const hi = classMember(reader, flags, start);
    if (typeof lo !== 'number' || typeof hi !== 'number' || hi < lo) {
      syntaxError(
        `${reader.text.slice(at, reader.at)} is no range from a lower to a higher character`,
        at,
        'write the hyphen last in the class',
      );
    }
    ranges.push([lo, hi]);
    if (hi >= 0x80) reader.tells = true;
  }
  reader.at++;
  const listed = chars.charSet(ranges);
  const set = chars.union(flags.ignoreCase ? chars.foldCase(listed, flags.ascii) : listed, ...sets);
  return negated ? chars.negate(set) : set;
}

function classMember(reader: PatternReader, flags: Flags, start: number): number | CharSet {
  const at = reader.at;
  let code: number;
  if (reader.peek() === '\\') {
    reader.at++;
    const set = category(reader.peek(), flags, reader.scripts);
    if (set !== undefined) {
      reader.at++;
      return set;
    }
    if (/[0-7]/.test(reader.peek())) return octal(reader.eatMatch(/[0-7]{1,3}/y), at);
    if (/[89]/.test(reader.peek())) syntaxError(`\\${reader.peek()} has no meaning in a class`, at);
    code = escapedCode(reader, at);
  } else {
    if (reader.done) syntaxError('the class is not closed', start);
    code = takeCodePoint(reader);
  }
  if (code > chars.CODE_MAX) {
    unsupported(
      'characters beyond U+FFFF are not supported in a class',
      at,
      'write an alternation, (?:a|b)',
    );
  }
  return code;
}
