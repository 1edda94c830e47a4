/**
 * The tree as source for V8's regex engine, without flags. Where JavaScript means something else
 * than Python the source says it otherwise; where it cannot, the result is a gate: it matches
 * wherever the real regex does, perhaps elsewhere too, and the linear matcher has the last word.
 *
 * The differences that matter (ECMA-262, 22.2.2; CPython 3.11, Modules/_sre):
 * - a reference to a group that took no part fails in Python and is empty in JavaScript;
 * - JavaScript forgets captures at each round of a loop, Python keeps those of earlier rounds;
 * - JavaScript refuses an empty round of a loop, Python takes one and goes on;
 * - JavaScript has no conditional.
 */

import { referencedGroups } from './captures.js';
import { asciiPart, type CharSet, toV8 } from './charset.js';
import { STANDIN_WORD, wordOfAnyScript } from './scripts.js';
import {
  type AssertKind,
  type CondNode,
  type Node,
  nullable,
  type RepeatNode,
  some,
  type Tree,
} from './tree.js';

export interface V8Source {
  readonly source: string;
  /** False: a match only says that the linear matcher must look. */
  readonly exact: boolean;
  /** The JavaScript capture of each group number. */
  readonly captures: ReadonlyMap<number, number>;
}

/**
 * `ascii`: for texts of ASCII only, where classes and word boundaries are as small as V8 knows them
 * itself.
 */
export function emitV8(tree: Tree, ascii: boolean): V8Source {
  const exact = !needsGate(tree.root);
  const letters = ascii ? undefined : tree.scripts === 'wide' ? wordOfAnyScript() : STANDIN_WORD;
  const emitter = new Emitter(exact, referencedGroups(tree.root), letters);
  return { source: emitter.emit(tree.root), exact, captures: emitter.captures };
}

/** Whether JavaScript would give other groups or another verdict. */
function needsGate(root: Node): boolean {
  const referenced = referencedGroups(root);
  const isReferenced = (node: Node) => node.kind === 'group' && referenced.has(node.index);
  return some(root, (node) => {
    if (node.kind === 'backref') return node.ignoreCase;
    if (node.kind === 'look' && (node.negative || !node.ahead)) {
      return some(node.body, isReferenced) || (!node.ahead && some(node.body, isForwardOnly));
    }
    if (node.kind !== 'repeat' || node.body.kind === 'set') return false;
    // CPython goes back neither into a possessive loop nor into one of its rounds (_sre,
    // POSSESSIVE_REPEAT).
    if (node.mode === 'possessive') return true;
    if (node.max <= 1) return false;
    if (nullable(node.body)) return true;
    return some(node.body, isReferenced) || losesCaptures(node.body);
  });
}

/** What means something else when it is read backwards, as JavaScript reads a lookbehind. */
function isForwardOnly(node: Node): boolean {
  if (node.kind === 'atomic') return true;
  return (
    node.kind === 'repeat' &&
    (node.mode === 'possessive' || some(node.body, (part) => part.kind === 'group'))
  );
}

/** Whether a round of a loop over `body` can leave one of its captures unset. */
function losesCaptures(body: Node): boolean {
  const all: number[] = [];
  some(body, (node) => {
    if (node.kind === 'group') all.push(node.index);
    return false;
  });
  const sure = surelySet(body);
  return all.some((group) => !sure.has(group));
}

/** Groups that every way through the node sets. */
function surelySet(node: Node): Set<number> {
  switch (node.kind) {
    case 'group':
      return surelySet(node.body).add(node.index);
    case 'seq':
      return new Set(node.parts.flatMap((part) => [...surelySet(part)]));
    case 'alt': {
      const sets = node.branches.map(surelySet);
      return new Set([...(sets[0] ?? [])].filter((group) => sets.every((set) => set.has(group))));
    }
    case 'atomic':
      return surelySet(node.body);
    case 'look':
      return node.negative ? new Set() : surelySet(node.body);
    case 'repeat':
      return node.min > 0 ? surelySet(node.body) : new Set();
    default:
      return new Set();
  }
}

/** What a gate must leave open, since it is judged elsewhere. */
function isOpen(node: Node): boolean {
  return (
    node.kind === 'backref' ||
    node.kind === 'cond' ||
    node.kind === 'atomic' ||
    (node.kind === 'repeat' &&
      (node.mode === 'possessive' || (node.max > 1 && nullable(node.body))))
  );
}

class Emitter {
  readonly captures = new Map<number, number>();
  /**
   * Captures that hold the whole text once the group took part: a text that is never found again at
   * any place.
   */
  private readonly witnesses = new Map<number, number>();
  private readonly sure = new Set<number>();
  private count = 0;

  constructor(
    private readonly exact: boolean,
    private readonly referenced: ReadonlySet<number>,
    /** Word characters; undefined where texts are ASCII. */
    private readonly letters: CharSet | undefined,
  ) {}

  emit(node: Node): string {
    switch (node.kind) {
      case 'set':
        return this.letters === undefined ? asciiClass(node.set) : toV8(node.set);
      case 'seq':
        return node.parts.map((part) => this.part(part)).join('');
      case 'alt':
        return this.branches(node.branches);
      case 'group':
        return this.capture(node.index, node.body);
      case 'repeat':
        return this.repeat(node);
      case 'assert':
        return this.letters === undefined
          ? ASSERTS[node.what]
          : assertion(node.what, toV8(this.letters));
      case 'look':
        return this.look(node.ahead, node.negative, node.body);
      case 'atomic':
        return this.exact ? this.atomic(() => this.emit(node.body)) : this.atom(node.body);
      case 'backref':
        return this.exact ? this.reference(node.group) : '[^]*';
      case 'cond':
        return this.conditional(node);
    }
  }

  /** As a member of a sequence. */
  private part(node: Node): string {
    return node.kind === 'alt' || node.kind === 'cond' ? `(?:${this.emit(node)})` : this.emit(node);
  }

  /** As something to put a quantifier behind. */
  private atom(node: Node): string {
    return node.kind === 'set' ? this.emit(node) : `(?:${this.emit(node)})`;
  }

  private branches(branches: readonly Node[]): string {
    return this.separately(branches.map((branch) => () => this.part(branch))).join('|');
  }

  /** Each as if the others were not there: only what all of them set is sure afterwards. */
  private separately(emits: readonly (() => string)[]): string[] {
    const before = [...this.sure];
    let common: Set<number> | undefined;
    const out = emits.map((emit) => {
      this.sure.clear();
      for (const group of before) this.sure.add(group);
      const text = emit();
      const known = common;
      common = new Set([...this.sure].filter((group) => known === undefined || known.has(group)));
      return text;
    });
    this.sure.clear();
    for (const group of common ?? before) this.sure.add(group);
    return out;
  }

  private capture(group: number, body: Node): string {
    const index = ++this.count;
    this.captures.set(group, index);
    const text = `(${this.emit(body)})`;
    this.sure.add(group);
    if (!this.exact || !this.referenced.has(group)) return text;
    this.witnesses.set(group, ++this.count);
    return `${text}(?<=(?=([^]*))^[^]*)`;
  }

  private repeat(node: RepeatNode): string {
    const optional = node.min === 0;
    const one = () => this.atom(node.body);
    // An alternation instead of `?`: JavaScript would refuse the empty round, Python takes it.
    if (node.min === 0 && node.max === 1 && node.mode !== 'possessive' && nullable(node.body)) {
      const body = () => this.emit(node.body);
      const order = node.mode === 'lazy' ? [() => '', body] : [body, () => ''];
      return `(?:${this.separately(order).join('|')})`;
    }
    const counted = () =>
      (optional ? (this.separately([one, () => ''])[0] as string) : one()) +
      quantifier(node.min, node.max);
    if (node.mode === 'possessive' && this.exact) return this.atomic(counted);
    return node.mode === 'lazy' ? `${counted()}?` : counted();
  }

  private look(ahead: boolean, negative: boolean, body: Node): string {
    if (!this.exact && negative && some(body, isOpen)) return '';
    if (!this.exact && !ahead && some(body, isOpen)) return '';
    const text = () => this.emit(body);
    const inner = negative ? (this.separately([text, () => ''])[0] as string) : text();
    return `(?${ahead ? '' : '<'}${negative ? '!' : '='}${inner})`;
  }

  /** A lookahead that captures, and what it captured: nothing goes back into it. */
  private atomic(emit: () => string): string {
    const index = ++this.count;
    return `(?:(?=(${emit()}))\\${index})`;
  }

  private reference(group: number): string {
    if (!this.captures.has(group)) return '[]';
    const back = `(?:\\${this.captures.get(group)})`;
    return this.sure.has(group) ? back : `${this.tookPart(group, true)}${back}`;
  }

  private conditional(node: CondNode): string {
    if (!this.exact)
      return `(?:${this.separately([() => this.part(node.yes), () => this.part(node.no)]).join('|')})`;
    if (!this.captures.has(node.group)) return this.part(node.no);
    const yes = () => {
      this.sure.add(node.group);
      return this.tookPart(node.group, true) + this.part(node.yes);
    };
    return `(?:${this.separately([yes, () => this.tookPart(node.group, false) + this.part(node.no)]).join('|')})`;
  }

  /**
   * Holds when the group took part (or not). The witness is the whole text or, unset, empty: the
   * whole text neither begins nor ends at any place within a text that is not empty, except at its
   * start and its end respectively. Empty texts go to the linear matcher.
   */
  private tookPart(group: number, yes: boolean): string {
    const witness = `\\${this.witnesses.get(group)}`;
    return yes ? `(?:(?!${witness})|(?<!${witness}))` : `(?=(?:${witness}))(?<=(?:${witness}))`;
  }
}

/** A set as V8 writes it for texts of ASCII; most sets of a regex are single letters. */
function asciiClass(set: CharSet): string {
  let text = asciiClasses.get(set);
  if (text === undefined) {
    text = toV8(asciiPart(set));
    asciiClasses.set(set, text);
  }
  return text;
}

const asciiClasses = new WeakMap<CharSet, string>();

function quantifier(min: number, max: number): string {
  if (min === 0 && max === Number.POSITIVE_INFINITY) return '*';
  if (min === 1 && max === Number.POSITIVE_INFINITY) return '+';
  if (min === 0 && max === 1) return '?';
  return min === max ? `{${min}}` : `{${min},${max === Number.POSITIVE_INFINITY ? '' : max}}`;
}

/** A boundary between the characters of a class and others, which V8 has for ASCII only. */
function assertion(what: AssertKind, word: string): string {
  if (what === 'word') return `(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`;
  if (what === 'not-word') return `(?:(?<=${word})(?=${word})|(?<!${word})(?!${word}))`;
  return ASSERTS[what];
}

const ASSERTS = {
  start: '^',
  end: '$',
  'line-start': '(?<![^\\n])',
  'line-end': '(?![^\\n])',
  word: '\\b',
  'not-word': '\\B',
  'ascii-word': '\\b',
  'not-ascii-word': '\\B',
} as const;
