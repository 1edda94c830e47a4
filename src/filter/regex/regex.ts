/**
 * One regex of a filter: Python's syntax with fail2ban's tags in, a matcher out that behaves as
 * Python's `re.search`.
 *
 * Two executors come from one tree. V8 is fast and can be held up by a hostile text; whoever runs
 * it sets a deadline from outside and calls `demote()` on the culprit. The linear matcher cannot be
 * held up. Both give the same result.
 */

import { observable } from './captures.js';
import { has, inBitmap } from './charset.js';
import { emitV8, type V8Source } from './emit-v8.js';
import { firstBitmap, isAnchored } from './instructions.js';
import { LinearMatcher } from './linear.js';
import { clientHeader, isExponential, lintTree } from './lint.js';
import { literalsOf } from './literals.js';
import { Found, type Groups, Places } from './match.js';
import { parseRegex } from './parse.js';
import { checkProgramSize, compileProgram } from './program.js';
import { type StandIn, standInOf } from './scripts.js';
import { RegexSyntaxError } from './syntax.js';
import { type Expanded, expandTags, misspeltTag } from './tags.js';
import { type Node, nullable, some, type Tree } from './tree.js';

// Whether the newline that Python has behind a line could decide about a match.

const NEWLINE = 10;

/**
 * False when every match that ends in the newline has one without it beside it. Rather too often
 * true.
 */
function needsNewline(node: Node): boolean {
  switch (node.kind) {
    case 'set':
      return has(node.set, NEWLINE);
    case 'seq': {
      const last = node.parts.findLastIndex((part) => !nullable(part));
      return node.parts.slice(Math.max(0, last)).some(needsNewline);
    }
    case 'alt':
      return node.branches.some(needsNewline);
    case 'cond':
      return needsNewline(node.yes) || needsNewline(node.no);
    case 'group':
    case 'atomic':
      return needsNewline(node.body);
    case 'repeat':
      // One round less of a single character is a match as well.
      return (
        !(node.min === 0 && node.body.kind === 'set' && node.mode !== 'possessive') &&
        needsNewline(node.body)
      );
    case 'look':
      return some(node.body, (part) => part.kind === 'set' && has(part.set, NEWLINE));
    default:
      return false;
  }
}

export interface RegexOptions {
  /** `^` and `$` also hold at newlines, as fail2ban compiles filters with `maxlines` above 1. */
  readonly multiline?: boolean;
  /**
   * False where Python is given the bare line, as for dates; else one newline stands behind every
   * text.
   */
  readonly finalNewline?: boolean;
  /** What `<HOST>` takes: `no` an address only, `raw` an address or a name (group `dns`). */
  readonly usedns: 'no' | 'raw';
}

/** What is wrong with a regex; the caller knows file, line and column of its text. */
export interface RegexProblem {
  /** Stable, e.g. `regex.syntax`, `regex.unsupported`, `regex.nested-loop`. */
  readonly id: string;
  readonly message: string;
  /** Index in the source text. */
  readonly offset: number;
  readonly fix?: string;
}

export interface RegexMatch {
  readonly index: number;
  readonly end: number;
  /** The named groups, undefined where one took no part; nothing is inherited. */
  readonly groups: Groups;
}

export interface Regex {
  /** As written. */
  readonly source: string;
  /**
   * Every text that matches contains one of these ASCII literals; undefined when nothing useful can
   * be said.
   */
  readonly literals: readonly string[] | undefined;
  readonly groupNames: readonly string[];
  readonly hasBackreference: boolean;
  /** Whether a match may depend on text that stands any distance behind it. */
  readonly looksAhead: boolean;
  /** The executor in use. */
  readonly engine: 'v8' | 'linear';
  /** Texts that the linear matcher gave up on, counted as no match. */
  readonly gaveUp: number;
  /**
   * Leftmost match as Python's `re.search` on the text and one final newline finds it; `text` has
   * no final newline.
   */
  exec(text: string): RegexMatch | null;
  /** The same as it is found; `isAscii`: the text is known to have ASCII only. */
  find(text: string, isAscii?: boolean): Found | null;
  /** False when no text that begins with this ASCII character can match. */
  canBeginWith(code: number): boolean;
  /** The linear matcher from now on, for good. */
  demote(): void;
  /**
   * Warnings: what makes it slow on hostile lines (`regex.nested-loop`, `regex.adjacent-loops`) and
   * what lets an attacker choose the address (`regex.unanchored`, `regex.forgeable-address`,
   * `regex.client-header`). Anchoring is not judged for a regex that sees the content of a
   * prefregex only: drop `regex.unanchored` there if you like.
   */
  lint(): RegexProblem[];
}

export interface CompiledRegex {
  /** Absent when the regex cannot be kept exactly; then `problems` says why. */
  readonly regex?: Regex;
  readonly problems: readonly RegexProblem[];
}

/** Compiles a regex of a filter file. Never throws on any source. */
export function compileRegex(source: string, options: RegexOptions): CompiledRegex {
  const expanded = expandTags(source, options.usedns);
  try {
    const parsed = parseRegex(expanded.text, options.multiline ?? false);
    const newline = options.finalNewline ?? true;
    return {
      regex: new TwoEngineRegex(source, observable(parsed), expanded, newline),
      problems: [],
    };
  } catch (error) {
    if (!(error instanceof RegexSyntaxError)) throw error;
    const { id, message, index, fix } = error;
    const offset = expanded.offsets[index] ?? source.length;
    return {
      problems: [fix === undefined ? { id, message, offset } : { id, message, offset, fix }],
    };
  }
}

/** With the newline there `$` holds at two places, which a negative look would have to know of. */
function deniesEnd(root: Node): boolean {
  const isEnd = (node: Node) =>
    node.kind === 'assert' && (node.what === 'end' || node.what === 'line-end');
  return some(root, (node) => node.kind === 'look' && node.negative && some(node.body, isEnd));
}

class TwoEngineRegex implements Regex {
  readonly literals: readonly string[] | undefined;
  readonly groupNames: readonly string[];
  readonly hasBackreference: boolean;
  readonly looksAhead: boolean;
  /** Made where V8 cannot decide alone, or at once when it is wanted. */
  private linearMatcher: LinearMatcher | undefined;
  /**
   * Bitmap of the characters that a text must begin with, where the regex is bound to its start.
   */
  private readonly begins: Uint8Array | undefined;
  /** A text without match may have one with the newline that Python searches too. */
  private readonly newline: boolean;
  /** V8's form for ASCII texts, and that for others, which is made when the first of them comes. */
  private v8: V8Form | undefined;
  private v8Beyond: V8Form | undefined;
  private readonly linearPlaces: Places;

  constructor(
    readonly source: string,
    private readonly tree: Tree,
    private readonly expanded: Expanded,
    finalNewline: boolean,
  ) {
    const { root, names } = tree;
    this.literals = literalsOf(root);
    this.groupNames = [...names.values()];
    this.newline = finalNewline && needsNewline(root) && !deniesEnd(root);
    this.hasBackreference = some(root, (node) => node.kind === 'backref');
    this.looksAhead = some(root, isFarLook);
    checkProgramSize(tree);
    this.begins = isAnchored(root) ? firstBitmap(root) : undefined;
    // No guard is worth its wait where the outcome is known.
    this.v8 = isExponential(root) ? undefined : compileV8(tree, true);
    if (this.v8?.exact !== true) this.linear();
    this.linearPlaces = new Places(new Map([...names].map(([at, name]) => [name, at])));
  }

  get engine(): 'v8' | 'linear' {
    return this.v8 === undefined ? 'linear' : 'v8';
  }

  get gaveUp(): number {
    return this.linearMatcher?.gaveUp ?? 0;
  }

  demote(): void {
    // Made here, where no guard runs that could stop it each time anew.
    this.linear();
    this.v8 = undefined;
    this.v8Beyond = undefined;
  }

  private linear(): LinearMatcher {
    const { tree } = this;
    this.linearMatcher ??= new LinearMatcher(
      compileProgram(tree),
      firstBitmap(tree.root),
      isAnchored(tree.root),
    );
    return this.linearMatcher;
  }

  lint(): RegexProblem[] {
    const problems: RegexProblem[] = lintTree(this.tree).map(({ id, message, at, fix }) => ({
      id,
      message,
      offset: at === undefined ? 0 : (this.expanded.offsets[at] ?? 0),
      fix,
    }));
    const header = clientHeader(this.source);
    if (header !== undefined)
      problems.push({
        id: 'regex.client-header',
        message: `the address is taken from ${header.name}, which any client can write`,
        offset: header.offset,
        fix: 'take the address of the connection, or let the proxy overwrite the header',
      });
    const tag = misspeltTag(this.source);
    if (tag !== undefined) problems.push({ id: 'regex.unknown-tag', ...tag });
    return problems;
  }

  canBeginWith(code: number): boolean {
    return this.begins === undefined || inBitmap(this.begins, code);
  }

  exec(text: string): RegexMatch | null {
    const found = this.find(text);
    return found && { index: found.index, end: found.end, groups: found.groups() };
  }

  find(text: string, isAscii = false): Found | null {
    const { begins } = this;
    // Most regexes of a filter begin with another word than the text: no need to look at more of it
    // for that.
    if (begins !== undefined && text !== '') {
      const first = text.charCodeAt(0);
      if (first < 0x80 && !inBitmap(begins, first)) return null;
    }
    if (!isAscii) {
      const standIn = standInOf(text);
      if (!standIn.ascii) return this.findBeyond(standIn);
    }
    const found = this.search(text);
    if (found !== null || !this.newline) return found;
    const again = this.search(`${text}\n`);
    if (again === null) return null;
    // No text that is handed on has the newline.
    const texts = again.texts.map((one) => (one?.endsWith('\n') ? one.slice(0, -1) : one));
    const [index, end] = [Math.min(again.index, text.length), Math.min(again.end, text.length)];
    return new Found(index, end, texts, again.places);
  }

  /** A text of ASCII only. */
  private search(text: string): Found | null {
    const { v8 } = this;
    // Conditionals tell by their place in the text whether a group took part, which an empty text
    // does not have.
    if (v8 === undefined || text === '') return this.linearMatch(text);
    const found = v8.regexp.exec(text);
    if (found === null) return null;
    if (!v8.exact) return this.linearMatch(text);
    return new Found(found.index, found.index + (found[0] as string).length, found, v8.places);
  }

  private linearMatch(text: string): Found | null {
    const spans = this.linearSpans(text);
    return spans && foundOf(spans, (from, to) => text.slice(from, to));
  }

  /**
   * A text with other characters than ASCII: found in its stand-in where the regex cannot tell the
   * two apart.
   */
  private findBeyond({ text, judged, places }: StandIn): Found | null {
    const isWide = this.tree.scripts === 'wide';
    const own = isWide ? text : judged;
    const spans = this.spansBeyond(own) ?? (this.newline ? this.spansBeyond(`${own}\n`) : null);
    if (spans === null) return null;
    const placeOf = (at: number) => {
      const within = Math.min(at, own.length);
      return isWide ? within : (places?.[within] ?? within);
    };
    const found = foundOf(spans, (from, to) => text.slice(placeOf(from), placeOf(to)));
    return new Found(placeOf(found.index), placeOf(found.end), found.texts, found.places);
  }

  private spansBeyond(text: string): Spans | null {
    if (this.v8 === undefined) return this.linearSpans(text);
    this.v8Beyond ??= compileV8(this.tree, false);
    const v8 = this.v8Beyond;
    if (v8 === undefined) return this.linearSpans(text);
    const found = v8.regexp.exec(text);
    if (found === null) return null;
    if (!v8.exact) return this.linearSpans(text);
    const { index, indices } = found;
    return {
      index,
      end: index + (found[0] as string).length,
      places: v8.places,
      captures: indices ?? [],
    };
  }

  private linearSpans(text: string): Spans | null {
    const found = this.linear().search(text);
    if (found === null) return null;
    const { index, end, slots } = found;
    const places = this.linearPlaces;
    const captures: (readonly [number, number] | undefined)[] = [];
    for (const at of places.byName.values()) {
      const [start, stop] = [slots[2 * at] as number, slots[2 * at + 1] as number];
      captures[at] = stop < 0 ? undefined : [start, stop];
    }
    return { index, end, places, captures };
  }
}

/** A match by the places in the text that was judged. */
interface Spans {
  readonly index: number;
  readonly end: number;
  readonly places: Places;
  readonly captures: readonly (readonly [number, number] | undefined)[];
}

function foundOf(
  { index, end, places, captures }: Spans,
  slice: (from: number, to: number) => string,
): Found {
  const texts = captures.map((span, at) => (at === 0 ? undefined : span && slice(...span)));
  return new Found(index, end, texts, places);
}

/** A lookahead without an end: `(?!.* from )`. */
function isFarLook(node: Node): boolean {
  const isEndless = (inner: Node) =>
    inner.kind === 'repeat' && inner.max === Number.POSITIVE_INFINITY;
  return node.kind === 'look' && node.ahead && some(node.body, isEndless);
}

/** V8's regex, and the captures of the named groups. */
interface V8Form extends V8Source {
  readonly regexp: RegExp;
  readonly places: Places;
}

/**
 * `ascii`: for ASCII texts; the other form tells places too. Undefined when V8 finds the regex too
 * large.
 */
function compileV8(tree: Tree, ascii: boolean): V8Form | undefined {
  const emitted = emitV8(tree, ascii);
  const names = [...tree.names].flatMap(([group, name]) => {
    const capture = emitted.captures.get(group);
    return capture === undefined ? [] : [[name, capture] as const];
  });
  try {
    const places = new Places(new Map(names));
    return { ...emitted, places, regexp: new RegExp(emitted.source, ascii ? '' : 'd') };
  } catch {
    return undefined;
  }
}
