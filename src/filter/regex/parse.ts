/**
 * Python's `re` syntax (docs.python.org/3.13/library/re.html) to a tree. What Python refuses is
 * refused; what it accepts and we cannot keep exactly is refused by name. Nothing is kept by half.
 */
import { REGEX_CHARS_MAX, REGEX_DEPTH_MAX } from '../../core/limits.js';
import { ANY, CODE_MAX, NOT_NEWLINE, single } from './charset.js';
import {
  EMPTY,
  type Flags,
  GroupList,
  letter,
  PatternReader,
  parseClass,
  parseEscape,
  RegexSyntaxError,
  seq,
  syntaxError,
  takeCodePoint,
  unsupported,
  withFlags,
} from './syntax.js';
import {
  type AssertKind,
  type Node,
  type RepeatMode,
  type Scripts,
  some,
  type Tree,
  widthOf,
} from './tree.js';

/** Parses expanded text. Throws `RegexSyntaxError`. */
export function parseRegex(text: string, multiline: boolean): Tree {
  if (text.trim() === '') syntaxError('the regex is empty', 0);
  if (text.length > REGEX_CHARS_MAX) {
    throw new RegexSyntaxError(
      'regex.too-large',
      `the regex has more than ${REGEX_CHARS_MAX} characters`,
      0,
    );
  }
  const parser = new Parser(text, multiline, 'stand-in');
  const tree = parser.parse();
  return parser.tells ? new Parser(text, multiline, 'wide').parse() : tree;
}

class Parser {
  private readonly reader: PatternReader;
  private readonly groups = new GroupList();
  private flags: Flags;
  private depth = 0;

  constructor(text: string, multiline: boolean, scripts: Scripts) {
    this.reader = new PatternReader(text, scripts);
    this.flags = { ignoreCase: false, multiline, dotAll: false, ascii: false };
  }

  /** Whether the regex could tell a stand-in from what it stands for. */
  get tells(): boolean {
    return this.reader.tells;
  }

  parse(): Tree {
    this.globalFlags();
    const root = this.alternation();
    if (!this.reader.done)
      syntaxError('this parenthesis closes nothing', this.reader.at, 'write \\) for a character');
    const names = new Map([...this.groups.byName].map(([name, index]) => [index, name]));
    return { root, groupCount: this.groups.count, names, scripts: this.reader.scripts };
  }

  /** Flags for the whole regex stand at its very start only (comments may precede them). */
  private globalFlags(): void {
    for (;;) {
      const at = this.reader.at;
      if (this.reader.eat('(?#')) this.comment(at);
      else {
        const found = this.reader.eatMatch(/\(\?[a-zA-Z]+\)/y);
        if (found === '') return;
        this.flags = withFlags(this.flags, found.slice(2, -1), true, at);
      }
    }
  }

  private comment(at: number): void {
    const end = this.reader.text.indexOf(')', this.reader.at);
    if (end < 0) syntaxError('the comment is not closed', at);
    this.reader.at = end + 1;
  }

  private alternation(): Node {
    const branches = [this.sequence()];
    while (this.reader.eat('|')) branches.push(this.sequence());
    return branches.length === 1 ? (branches[0] as Node) : { kind: 'alt', branches };
  }

  private sequence(): Node {
    const parts: Node[] = [];
    while (!this.reader.done && this.reader.peek() !== '|' && this.reader.peek() !== ')') {
      const bare = this.reader.at;
      const item = this.item();
      if (item === undefined) continue;
      // Python repeats an anchor within a group, not a bare one.
      const anchor = item.kind === 'assert' && this.reader.text[bare] !== '(';
      parts.push(this.quantified(item, anchor));
    }
    return seq(parts);
  }

  /** One item without its quantifier; undefined for a comment. */
  private item(): Node | undefined {
    const { reader, flags } = this;
    const at = reader.at;
    const char = reader.peek();
    if (char === '(') return this.group();
    if (char === '[') return { kind: 'set', set: parseClass(reader, flags) };
    if (char === '\\') {
      const escaped = parseEscape(reader, flags, this.groups);
      return 'node' in escaped ? escaped.node : this.character(escaped.code);
    }
    if (
      char === '*' ||
      char === '+' ||
      char === '?' ||
      (char === '{' && this.counts() !== undefined)
    ) {
      syntaxError(
        `nothing stands before "${char}" that it could repeat`,
        at,
        `write \\${char} for a character`,
      );
    }
    if (char === '.') {
      reader.at++;
      return { kind: 'set', set: flags.dotAll ? ANY : NOT_NEWLINE };
    }
    if (char === '^' || char === '$') {
      reader.at++;
      const what: AssertKind =
        char === '^'
          ? flags.multiline
            ? 'line-start'
            : 'start'
          : flags.multiline
            ? 'line-end'
            : 'end';
      return { kind: 'assert', what };
    }
    return this.character(takeCodePoint(reader));
  }

  private character(code: number): Node {
    if (code > CODE_MAX) this.reader.tells = true;
    else return { kind: 'set', set: letter(this.reader, code, this.flags) };
    const units = [...String.fromCodePoint(code).split('')].map((unit) => unit.charCodeAt(0));
    return { kind: 'seq', parts: units.map((unit): Node => ({ kind: 'set', set: single(unit) })) };
  }

  private quantified(item: Node, anchor: boolean): Node {
    const { reader } = this;
    const at = reader.at;
    const counts = this.counts();
    if (counts === undefined) return item;
    if (anchor) syntaxError('an anchor cannot be repeated', at);
    const mode: RepeatMode = reader.eat('?') ? 'lazy' : reader.eat('+') ? 'possessive' : 'greedy';
    if (/[*+?]/.test(reader.peek()) || this.countsAhead()) {
      syntaxError(
        'one quantifier follows another',
        reader.at,
        'put the first into a group, (?:..)',
      );
    }
    return { kind: 'repeat', body: item, min: counts.min, max: counts.max, mode, at };
  }

  private countsAhead(): boolean {
    const at = this.reader.at;
    const found = this.counts() !== undefined;
    this.reader.at = at;
    return found;
  }

  /** Takes `*`, `+`, `?` or `{m,n}`; a brace that is no count stays a character. */
  private counts(): { min: number; max: number } | undefined {
    const { reader } = this;
    const at = reader.at;
    if (reader.eat('*')) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (reader.eat('+')) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (reader.eat('?')) return { min: 0, max: 1 };
    const braces = /^\{(\d*)(,?)(\d*)\}$/.exec(reader.eatMatch(/\{(?:\d+(?:,\d*)?|,\d*)\}/y));
    if (braces === null) return undefined;
    const [, low, comma, high] = braces;
    const min = Number(low);
    const max = comma === '' ? min : high === '' ? Number.POSITIVE_INFINITY : Number(high);
    if (max < min) syntaxError(`${braces[0]} has its counts in the wrong order`, at);
    return { min, max };
  }

  private group(): Node | undefined {
    const { reader } = this;
    const at = reader.at;
    if (++this.depth > REGEX_DEPTH_MAX) {
      throw new RegexSyntaxError(
        'regex.too-large',
        `groups are nested more than ${REGEX_DEPTH_MAX} deep`,
        at,
      );
    }
    const outer = this.flags;
    const node = this.groupAt(at);
    this.flags = outer;
    this.depth--;
    return node;
  }

  private groupAt(at: number): Node | undefined {
    const { reader } = this;
    reader.at++;
    if (!reader.eat('?')) return this.capture(undefined, at);
    if (reader.eat('P<')) return this.capture(this.nameUntil('>', at), at);
    if (reader.eat('P=')) {
      const group = this.groups.resolve(this.nameUntil(')', at), at);
      reader.tells = true;
      return { kind: 'backref', group, ignoreCase: this.flags.ignoreCase };
    }
    if (reader.eat(':')) return this.closed(at);
    if (reader.eat('#')) {
      this.comment(at);
      return undefined;
    }
    if (reader.eat('>')) return { kind: 'atomic', body: this.closed(at) };
    if (reader.eat('='))
      return { kind: 'look', ahead: true, negative: false, body: this.closed(at), width: 0 };
    if (reader.eat('!'))
      return { kind: 'look', ahead: true, negative: true, body: this.closed(at), width: 0 };
    if (reader.eat('<=')) return this.lookbehind(false, at);
    if (reader.eat('<!')) return this.lookbehind(true, at);
    if (reader.eat('(')) return this.conditional(at);
    if (reader.eat('<')) syntaxError('a named group is written (?P<name>...)', at, 'write (?P<');
    return this.scopedFlags(at);
  }

  private nameUntil(end: string, at: number): string {
    const stop = this.reader.text.indexOf(end, this.reader.at);
    if (stop < 0) syntaxError(`"${end}" is missing`, at);
    const name = this.reader.text.slice(this.reader.at, stop);
    this.reader.at = stop + 1;
    return name;
  }

  /** The body of a group up to and with its closing parenthesis. */
  private closed(at: number): Node {
    const body = this.alternation();
    if (!this.reader.eat(')'))
      syntaxError('the group is not closed', at, 'write \\( for a character');
    return body;
  }

  private capture(name: string | undefined, at: number): Node {
    const index = this.groups.enter(name, at);
    const body = this.closed(at);
    this.groups.open.delete(index);
    return { kind: 'group', index, body };
  }

  private lookbehind(negative: boolean, at: number): Node {
    const body = this.closed(at);
    if (some(body, (node) => node.kind === 'backref' || node.kind === 'cond')) {
      unsupported('references to groups are not supported within a lookbehind', at);
    }
    const [min, max] = widthOf(body);
    if (min !== max)
      unsupported('a lookbehind must have one fixed width', at, 'write one lookbehind per width');
    return { kind: 'look', ahead: false, negative, body, width: min };
  }

  private conditional(at: number): Node {
    const group = this.groups.resolve(this.nameUntil(')', at), at);
    const yes = this.sequence();
    const no = this.reader.eat('|') ? this.sequence() : EMPTY;
    if (this.reader.peek() === '|')
      syntaxError('a conditional has at most two branches', this.reader.at);
    if (!this.reader.eat(')')) syntaxError('the conditional is not closed', at);
    return { kind: 'cond', group, yes, no };
  }

  private scopedFlags(at: number): Node {
    const { reader } = this;
    const found = /^([a-zA-Z]*)(?:(-)([a-zA-Z]*))?$/.exec(reader.eatMatch(/[a-zA-Z-]*/y));
    if (found === null || found[0] === '')
      syntaxError(`(?${reader.peek()} begins no group that is known`, at);
    const [, on = '', minus, off = ''] = found;
    if (reader.peek() === ')' && minus === undefined) {
      syntaxError(
        `flags (?${on}) stand at the start of the regex only`,
        at,
        `write (?${on}:...) around the part`,
      );
    }
    if (minus !== undefined && off === '') syntaxError('no flag follows the minus', at);
    this.flags = withFlags(withFlags(this.flags, on, true, at), off, false, at);
    if (!reader.eat(':')) syntaxError('no ":" follows the flags', at);
    return this.closed(at);
  }
}
