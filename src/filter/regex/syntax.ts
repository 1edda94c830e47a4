/** What the parser of Python's `re` syntax shares: the reading position, flags in force, and refusals. */
import type { Node, Scripts } from './tree.js';

/** A construct that Python refuses too, or that cannot be kept. `index` counts in the expanded text. */
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
  /** Python's `a`: classes, word boundaries and the letters that `i` takes as equal are those of ASCII. */
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
      unsupported('verbose regexes, (?x), are not supported', index, 'write the regex without blanks and comments');
    } else if (letter === 'L') unsupported('locale-dependent regexes, (?L), are not supported', index);
    else if (on) unsupported(`unknown flag "${letter}"`, index, 'flags are i, m, s, a and u, as in (?i)');
    else syntaxError(`the flag "${letter}" cannot be switched off`, index);
  }
  return next;
}

/** The expanded text and where the parser stands in it. */
export class Reader {
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
export class Groups {
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
    if (group === undefined) syntaxError(`unknown group "${reference}"`, index);
    if (group === 0 || group > this.count) syntaxError(`there is no group ${reference} before this place`, index);
    if (this.open.has(group)) unsupported(`group ${reference} is referred to from inside itself`, index);
    return group;
  }
}

function checkName(name: string, index: number): void {
  if (!/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)) syntaxError(`"${name}" cannot be a group name`, index);
}

/** A sequence without needless nesting. */
export function seq(parts: readonly Node[]): Node {
  const flat = parts.flatMap((part) => (part.kind === 'seq' ? part.parts : [part]));
  return flat.length === 1 ? (flat[0] as Node) : { kind: 'seq', parts: flat };
}

export const EMPTY: Node = { kind: 'seq', parts: [] };
